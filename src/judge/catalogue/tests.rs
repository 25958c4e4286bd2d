//! The embedded files are whole: nothing missing, nothing misspelt, nothing that a terminal would choke on.

use std::collections::BTreeSet;

use super::*;

/// Rows of the catalogue of rules that need no HTTP/2, and say something of one finding at least.
const REQUIRED: &str = "\
    S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S12 S13 S14 S21 S22 S23 S24 S25 S26 S27 S28 S29 S31 \
    X01 X02 X02b X03 X04 X05 X06 X07 X08 X09 X11 X12 X13 X14 X16 X17 X18 X19 X20 X21 X22 X23 X24 X25 X26 X27 \
    X28 X29 B01 B02 B03 B04 B05 B06 B07 B08 B09 B10 B11 B12 B13 B14 B15 B16 B17 B18 B18b B18c B19 B20 B21 B22 \
    B23 B24 B25 B26 B27 B28 B29 B30 B31 B32 B33 B34 B35 B36 B37 B38 B39 B40 B41 B42 B43 B44 B45 B46 B47 B48 \
    B49 B50 B51 B52 B53 B54 B55 B56 B57 B58 B59 B60 B61 B62 B63 B64 B65 B66 B67 B68 B69 B70 B71 B72 F05 \
    H01 H02 H03 H04 H05 H06 H07 H08 H09 H10 P01 P02 P03 P04 P05 P07 P08 P11 C02 C03 C06 C06a C06b C06c C06d \
    C06e C06f C06g C06h C07 C08 C09 C10 C10x C11 C11b C12 C13 C14 C15 C41 C50";

/// Every line and paragraph of the catalogue, with where it stands.
fn texts() -> Vec<(String, String)> {
    let catalogue = Catalogue::embedded();
    let mut all = Vec::new();
    let mut put = |place: &str, texts: &[&str]| {
        all.extend(
            texts
                .iter()
                .map(|text| (place.to_owned(), (*text).to_owned())),
        );
    };
    let lines = |lines: &[String]| lines.join("\n");
    for text in FINDINGS.contents().findings.values() {
        let place = text.id.name();
        let (fix, wont_help) = (lines(&text.fix), lines(&text.wont_help));
        put(
            place,
            &[
                &text.title,
                &text.meaning,
                &text.seen,
                &text.cause,
                &text.wire,
            ],
        );
        put(place, &[&text.reference, &fix, &wont_help]);
        for variant in text.software.iter().chain(&text.both_legs) {
            let cause = variant.cause.as_deref().unwrap_or_default();
            put(
                place,
                &[cause, &lines(&variant.fix), &lines(&variant.wont_help)],
            );
        }
    }
    for row in catalogue.rows() {
        let cause = row.cause.as_deref().unwrap_or_default();
        put(
            &row.id,
            &[cause, &lines(&row.fix), &lines(&row.wont_help), &row.source],
        );
        for variant in &row.software {
            let cause = variant.cause.as_deref().unwrap_or_default();
            put(
                &row.id,
                &[cause, &lines(&variant.fix), &lines(&variant.wont_help)],
            );
        }
    }
    for topic in catalogue.topics() {
        let place = &topic.key;
        put(
            place,
            &[
                &topic.title,
                &topic.who,
                &topic.meaning,
                &topic.seen,
                &topic.wire,
            ],
        );
        for many in [&topic.does, &topic.fix, &topic.wont_help, &topic.answers] {
            put(place, &[&lines(many)]);
        }
        for many in [&topic.timeouts, &topic.capture, &topic.notes] {
            put(place, &[&lines(many)]);
        }
        for cause in &topic.causes {
            put(place, &[&cause.what, &cause.wire, &lines(&cause.fix)]);
        }
    }
    all
}

/// What differs where more is known, of all findings and rows.
fn variants(catalogue: &Catalogue) -> Vec<(String, &Variant)> {
    let of_findings = FINDINGS.contents().findings.values().flat_map(|text| {
        let all = text.software.iter().chain(&text.both_legs);
        all.map(|variant| (text.id.name().to_owned(), variant))
    });
    let of_rows = catalogue.rows().iter().flat_map(|row| {
        let all = row.software.iter();
        all.map(|variant| (row.id.to_string(), variant))
    });
    of_findings.chain(of_rows).collect()
}

#[test]
fn every_finding_has_its_text() {
    let catalogue = Catalogue::embedded();
    let missing = FindingId::ALL
        .iter()
        .filter(|id| catalogue.text(**id).is_none());
    assert_eq!(missing.map(|id| id.name()).collect::<Vec<_>>(), [""; 0]);
    let order: Vec<_> = FINDINGS.contents().findings.keys().copied().collect();
    assert_eq!(order, FindingId::ALL, "one text for each");
}

#[test]
fn a_text_that_is_read_by_itself_is_the_one_in_its_file() {
    for (finding, text) in &FINDINGS.contents().findings {
        let alone = FINDINGS.finding(*finding);
        assert_eq!(format!("{alone:?}"), format!("{:?}", Some(text)));
    }
}

#[test]
fn every_finding_says_what_to_do() {
    let catalogue = Catalogue::embedded();
    for text in FINDINGS.contents().findings.values() {
        let name = text.id.name();
        assert!(
            !text.fix.is_empty() || text.id == FindingId::Bridged,
            "{name} has no fix"
        );
        assert!(!text.wont_help.is_empty(), "{name}");
        for part in [
            &text.title,
            &text.meaning,
            &text.seen,
            &text.cause,
            &text.wire,
        ] {
            assert!(!part.is_empty(), "{name}");
        }
        let advice = catalogue.advice(text.id, None, None);
        assert_eq!(advice.fix, text.fix);
    }
}

#[test]
fn every_required_row_is_there_once() {
    let rows = Catalogue::embedded().rows();
    let ids: BTreeSet<_> = rows.iter().map(|row| &*row.id).collect();
    assert_eq!(ids.len(), rows.len(), "ids are unique");
    let missing: Vec<_> = REQUIRED
        .split_whitespace()
        .filter(|id| !ids.contains(id))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    for row in rows {
        assert!(!row.findings.is_empty(), "{}", row.id);
    }
}

#[test]
fn a_row_says_how_it_is_known() {
    let mut counts = [0; 3];
    for row in Catalogue::embedded().rows() {
        let recorded = row.source.starts_with("recorded: ");
        assert_eq!(row.backing == Backing::Recorded, recorded, "{}", row.id);
        assert!(row.backing != Backing::Own && !row.source.is_empty() && !row.own);
        let hearsay = row.source.starts_with("issue") || row.source.starts_with("AWS");
        assert!(
            !hearsay || row.backing == Backing::Unverified,
            "{} is known from an issue only",
            row.id
        );
        counts[row.backing as usize] += 1;
    }
    let [recorded, source, unverified] = counts;
    println!("{recorded} recorded, {source} from the source, {unverified} unverified");
    assert!(unverified * 4 < recorded + source);
}

#[test]
fn texts_are_plain_and_lines_are_short() {
    for (place, text) in texts() {
        for line in text.lines() {
            let plain = line.chars().all(|c| c == ' ' || c.is_ascii_graphic());
            assert!(plain, "{place}: {line:?}");
            assert_eq!(line.trim_end(), line, "{place}");
        }
    }
    let catalogue = Catalogue::embedded();
    let advice = catalogue
        .rows()
        .iter()
        .map(|row| (row.id.to_string(), &row.fix, &row.wont_help));
    let findings = FINDINGS.contents().findings.values();
    let findings = findings.map(|text| (text.id.name().to_owned(), &text.fix, &text.wont_help));
    let variants = variants(catalogue).into_iter();
    let variants = variants.map(|(place, variant)| (place, &variant.fix, &variant.wont_help));
    for (place, fix, wont_help) in advice.chain(findings).chain(variants) {
        for line in fix.iter().chain(wont_help.iter()) {
            assert!(line.len() <= 100, "{place}: {} in {line:?}", line.len());
            let indent = line.len() - line.trim_start().len();
            assert!(indent == 0 || indent >= 4, "{place}: {line:?}");
        }
    }
    for (place, text) in texts() {
        let longest = text.lines().map(str::len).max().unwrap_or_default();
        assert!(longest <= 240, "{place}: {longest} in {text:?}");
    }
}

#[test]
fn causes_fit_a_line() {
    let catalogue = Catalogue::embedded();
    let rows = catalogue.rows().iter();
    let rows = rows.filter_map(|row| Some((row.id.to_string(), row.cause.as_ref()?)));
    let findings = FINDINGS.contents().findings.values();
    let findings = findings.map(|text| (text.id.name().to_owned(), &text.cause));
    let variants = variants(catalogue).into_iter();
    let variants = variants.filter_map(|(place, variant)| Some((place, variant.cause.as_ref()?)));
    for (place, cause) in rows.chain(findings).chain(variants) {
        assert!(cause.len() <= 110, "{place}: {} in {cause:?}", cause.len());
        assert!(cause.ends_with('.'), "{place}: {cause:?}");
    }
}

#[test]
fn the_row_speaks_first_then_the_software_then_the_finding() {
    let catalogue = Catalogue::embedded();
    let row = |id: &str| catalogue.rows().iter().find(|row| &*row.id == id);
    let stripped = FindingId::UpgradeStripped;
    let general = catalogue.advice(stripped, None, None);
    let apache = catalogue.advice(stripped, None, Some("Apache/2.4.62 (Debian)"));
    let openresty = catalogue.advice(stripped, None, Some("openresty/1.25.3"));
    let shaped = catalogue.advice(stripped, row("S02"), Some("Apache/2.4.62"));
    let answered = catalogue.advice(stripped, row("B01"), Some("Apache/2.4.62"));
    assert!(
        apache
            .fix
            .iter()
            .any(|line| line.contains("upgrade=websocket"))
    );
    assert!(openresty.cause.unwrap().starts_with("nginx"));
    assert!(shaped.cause.unwrap().contains("proxy_http_version"));
    assert!(answered.cause.unwrap().contains("ws"));
    assert_eq!(answered.fix, apache.fix, "the row has none of its own");
    assert_ne!(general.fix, apache.fix);
    let named = catalogue.advice(stripped, row("S01"), Some("nginx/1.22.1"));
    assert!(!named.fix.iter().any(|line| line.contains("Another proxy")));
    let caddy = catalogue.advice(stripped, row("S03"), Some("Caddy"));
    assert!(
        caddy.cause.unwrap().starts_with("Caddy"),
        "S03 is for a hop that does not say who it is"
    );
}

#[test]
fn with_both_legs_in_sight_nobody_is_told_to_capture_the_second() {
    let catalogue = Catalogue::embedded();
    let of = |both_legs| catalogue.advice_of(FindingId::BadRequest, None, None, both_legs);
    let asks = |advice: &Advice| advice.fix[0].contains("-i any");
    assert!(asks(&of(false)));
    assert!(!asks(&of(true)));
    for text in FINDINGS.contents().findings.values() {
        let both = text.both_legs.iter().flat_map(|both| &*both.fix);
        let unasked: Vec<_> = both.filter(|line| line.contains("proxy host")).collect();
        assert!(unasked.is_empty(), "{}: {unasked:?}", text.id.name());
    }
}

/// Lines to paste are whole: no option without its value, no variable that nothing defines.
#[test]
fn pasted_lines_of_nginx_stand_on_their_own() {
    for (place, text) in texts() {
        let pasted: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("    "))
            .collect();
        let uses = pasted
            .iter()
            .any(|line| line.contains("$connection_upgrade;"));
        let defines = pasted.iter().any(|line| line.contains("map $http_upgrade"));
        assert!(
            !uses || defines,
            "{place}: $connection_upgrade is not defined"
        );
        for line in pasted
            .iter()
            .filter(|line| line.contains("proxy_set_header"))
        {
            let code = line.split('#').next().unwrap_or_default();
            assert!(code.trim_end().ends_with(';'), "{place}: {line}");
        }
    }
}

#[test]
fn what_findings_own_rows_may_have_is_not_narrower_than_here() {
    for row in Catalogue::embedded().rows() {
        assert_eq!(own::check_findings(row), Ok(()), "{}", row.id);
    }
}

#[test]
fn a_bad_file_is_refused() {
    for bad in [
        "[[row]]\nid = 'Z1'\nfinding = 'no_such'\non = 'hop'\nbacking = 'source'\nsource = ''",
        "[[row]]\nid = 'Z1'\nfinding = 'refused'\non = 'hop'\nbacking = 'source'\nsource = ''\nwhen.colour = 1",
        "[[rows]]",
    ] {
        assert!(Contents::parse(&[bad]).is_err(), "{bad}");
    }
}

#[test]
fn every_part_holds_its_own_and_nothing_else() {
    for (part, lengths) in [
        (&FINDINGS, [false, true, false, false]),
        (&ROWS, [true, false, false, false]),
        (&TOPICS, [false, false, true, false]),
        (&APPLICATIONS, [false, false, false, true]),
    ] {
        let all = part.contents();
        let found = [
            !all.rows.all().is_empty(),
            !all.findings.is_empty(),
            !all.topics.is_empty(),
            !all.applications.is_empty(),
        ];
        assert_eq!(found, lengths);
    }
}

#[test]
fn what_is_read_ahead_is_not_read_when_trouble_comes() {
    Catalogue::embedded().read_ahead();
    for part in [&ROWS, &APPLICATIONS] {
        assert!(part.read.get().is_some());
    }
}
