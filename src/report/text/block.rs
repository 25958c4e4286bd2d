//! A block of the report: one group of broken attempts, from what happened to how to mend it.

use crate::attempt::{JoinedBy, Role};
use crate::judge::{Advice, Confidence, Finding, FindingId, JudgedAttempt, Verdict};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::phrase::{Subject, headline, listed, phrase};
use crate::report::sanitize::clean;
use crate::tally::{Group, GroupKey};

use super::table::Row;
use super::words::{count, percent, shell_quoted};
use super::{Page, View, table};

/// Evidence shown; the rest is in the JSON.
const MOST_EVIDENCE: usize = 6;
/// Longest line of evidence.
const EVIDENCE: usize = 300;

/// All that is told of one attempt, masked and fit to print.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Who did what: one sentence.
    pub(crate) sentence: String,
    /// How sure that is; empty where it is plain to see.
    pub(crate) sure: &'static str,
    /// What each leg carried.
    pub(crate) rows: Vec<Row>,
    /// The legs beside the path.
    pub(crate) legs: Vec<String>,
    /// Evidence that the rows do not show.
    pub(crate) seen: Vec<String>,
    /// What else was found.
    pub(crate) also: Vec<String>,
    /// How far the judgement reaches.
    pub(crate) notes: Vec<String>,
    /// Where to look.
    pub(crate) see: Vec<String>,
    /// What explains it at length.
    pub(crate) more: Option<String>,
    /// There is little to tell: the client left, or bytes are missing.
    pub(crate) is_short: bool,
}

impl Told {
    /// Of an attempt; `files` are those of the command line.
    pub(crate) fn of(judged: &JudgedAttempt, files: &[String], mask: &Mask) -> Self {
        let verdict = judged.judgement.verdict;
        let root = facts::root(judged);
        let is_short = matches!(verdict, Verdict::Abandoned | Verdict::Unknown);
        // What the table shows needs no second line.
        let unseen = root.filter(|root| is_short || !table::tells(judged, root));
        Self {
            sentence: format!("{}.", headline(judged, mask)),
            // That bytes are missing, or that the client left, is plain to see.
            sure: root.filter(|_| !is_short).map_or("", sure),
            rows: if is_short {
                Vec::new()
            } else {
                table::rows(judged, mask)
            },
            legs: if is_short {
                Vec::new()
            } else {
                table::other_legs(&judged.attempt)
            },
            seen: unseen.map(|root| evidence(root, mask)).unwrap_or_default(),
            also: also(judged, is_short, mask),
            notes: notes(judged),
            see: see(files, judged),
            more: root.map(|root| format!("wscap explain {}", root.id.name())),
            is_short,
        }
    }
}

/// Writes the block of one group.
pub(super) fn block(page: &mut Page, view: &View<'_>, group: &Group, judged: &JudgedAttempt) {
    let mask = Mask::of_attempt(view.options.redact, &judged.attempt);
    head(page, view, group, judged.judgement.verdict, &mask);
    let told = Told::of(judged, &view.options.files, &mask);
    let (sentence, sure) = (&told.sentence, told.sure);
    if sentence.chars().count() + sure.len() > 107 {
        page.line(&format!("  {sentence}"));
        page.line(&format!("  {}", view.paint.dim(sure)));
    } else {
        page.line(&format!("  {sentence:<82} {}", view.paint.dim(sure)));
    }
    if !told.rows.is_empty() {
        page.blank();
        for line in table::lines(&told.rows) {
            page.line(&format!("    {line}"));
        }
        page.blank();
    }
    page.list("Legs", &told.legs);
    page.list("Seen", &told.seen);
    page.list("Also", &told.also);
    advice(page, &judged.judgement.advice, told.is_short);
    page.list("Note", &told.notes);
    page.list("See", &told.see);
    page.list("More", told.more.as_slice());
}

/// Why, Fix and Won't: text of the catalogue. Fixes keep their lines, to be pasted.
pub(super) fn advice(page: &mut Page, advice: &Advice, is_short: bool) {
    if let Some(cause) = &advice.cause {
        page.list("Why", std::slice::from_ref(cause));
    }
    page.pasteable("Fix", &advice.fix);
    if !is_short {
        page.list("Won't", &advice.wont_help);
    }
}

/// `api.example.com /ws/*`.
pub(crate) fn place(key: &GroupKey, mask: &Mask) -> String {
    let host = key.host.as_deref().map(|host| mask.host(host));
    let route = mask.route(&key.route);
    match host {
        Some(host) => format!("{} {}", clean(&host, 60), clean(&route, 80)),
        None if &*key.route == "*" => "a host and path that were not captured".to_owned(),
        None => clean(&route, 80).into_owned(),
    }
}

/// How to look at the packets again.
pub(super) fn packets(view: &View<'_>, id: u64, source: u16, streams: &[u32]) -> Option<String> {
    packets_of(&view.options.files, id, source, streams)
}

fn packets_of(files: &[String], id: u64, source: u16, streams: &[u32]) -> Option<String> {
    let file = files.get(usize::from(source))?;
    if file == "-" || streams.is_empty() {
        return None;
    }
    let mut streams = streams.to_vec();
    streams.sort_unstable();
    streams.dedup();
    let streams: Vec<String> = streams.iter().map(u32::to_string).collect();
    // Legs in several files are cut out of each: into a file of its own, or the second would overwrite the first.
    let part = match source {
        0 => String::new(),
        _ => format!("-{source}"),
    };
    Some(format!(
        "tshark -r {} -Y 'tcp.stream in {{{}}}' -w attempt{id}{part}.pcapng",
        shell_quoted(file),
        streams.join(",")
    ))
}

fn head(page: &mut Page, view: &View<'_>, group: &Group, verdict: Verdict, mask: &Mask) {
    let name = format!("{:<11}", verdict.name().to_uppercase());
    let name = match verdict {
        Verdict::Stripped | Verdict::Rejected => view.paint.red(&name),
        Verdict::Ok => view.paint.green(&name),
        Verdict::Downgraded | Verdict::Abandoned | Verdict::Unknown => view.paint.yellow(&name),
    };
    let share = match group.share {
        _ if verdict == Verdict::Unknown && group.key.host.is_none() => String::new(),
        Some(share) if share >= 1.0 && group.count == 1 => {
            "the only one on that route, ".to_owned()
        }
        Some(share) if share >= 1.0 => "all of that route, ".to_owned(),
        Some(share) => format!("{} of that route, ", percent(share)),
        None => String::new(),
    };
    let when = if group.count == 1 {
        format!("at {}", view.clock.time(group.first))
    } else {
        format!(
            "first {}, last {}",
            view.clock.time(group.first),
            view.clock.time(group.last)
        )
    };
    page.blank();
    page.line(&format!(
        "{name}{} on {}   ({share}{when})",
        view.paint.bold(&count(group.count, "attempt", "attempts")),
        place(&group.key, mask)
    ));
}

const fn sure(root: &Finding) -> &'static str {
    match (root.confidence, root.rule.is_some()) {
        (Confidence::Proved, _) => "proved by both legs",
        (Confidence::Certain, _) => "certain: one leg shows it",
        (Confidence::Likely, _) => "likely",
        (Confidence::Guess, true) => "a guess",
        (Confidence::Guess, false) => "a guess, by the status alone",
    }
}

pub(crate) fn evidence(finding: &Finding, mask: &Mask) -> Vec<String> {
    let lines = finding.evidence.iter().take(MOST_EVIDENCE);
    lines
        .map(|text| clean(&mask.words(text), EVIDENCE).into_owned())
        .collect()
}

/// What else was found, and does not follow from the root: in one line what the table shows, then one line each. A short
/// block tells only how the client went on.
fn also(judged: &JudgedAttempt, is_short: bool, mask: &Mask) -> Vec<String> {
    let Some((root, others)) = judged.judgement.findings.split_first() else {
        return Vec::new();
    };
    let mut told = vec![root.id];
    let is_news = |finding: &&Finding| {
        let is_guess =
            finding.confidence == Confidence::Guess && root.confidence > Confidence::Guess;
        let is_wanted = !is_short || finding.id == FindingId::FellBackToPolling;
        let is_news =
            is_wanted && !is_guess && !follows(root.id, finding.id) && !told.contains(&finding.id);
        told.push(finding.id);
        is_news
    };
    let (shown, others): (Vec<&Finding>, Vec<&Finding>) = others
        .iter()
        .filter(is_news)
        .partition(|finding| table::tells(judged, finding));
    let shown: Vec<String> = shown.iter().map(|f| f.id.name().to_owned()).collect();
    let shown = (!shown.is_empty()).then(|| format!("{}, see the table", listed(&shown)));
    let others = others.into_iter().take(MOST_EVIDENCE);
    let others = others.map(|finding| {
        let first = finding
            .evidence
            .first()
            .map(|text| mask.words(text))
            .unwrap_or_default();
        let first = clean(&first, EVIDENCE);
        let sure = finding.confidence.name();
        if first.is_empty() {
            format!("{} ({sure})", finding.id.name())
        } else {
            format!("{} ({sure}): {first}", finding.id.name())
        }
    });
    shown.into_iter().chain(others).collect()
}

/// Whether one finding says only what the other one brings with it: a field that was removed is missing.
const fn follows(root: FindingId, other: FindingId) -> bool {
    use FindingId as F;
    matches!(
        (root, other),
        (F::KeyStripped, F::KeyMissing)
            | (F::VersionStripped, F::VersionUnsupported)
            | (F::ResponseAcceptStripped, F::AcceptMissing)
            | (F::KeyChanged | F::ResponseAcceptChanged, F::AcceptMismatch)
            | (
                F::ResponseUpgradeStripped | F::ResponseConnectionStripped,
                F::Invalid101
            )
    )
}

/// How far the judgement reaches, and what to capture to know more.
fn notes(judged: &JudgedAttempt) -> Vec<String> {
    let (attempt, judgement) = (&judged.attempt, &judged.judgement);
    let mut notes = Vec::new();
    let root = facts::root(judged);
    let confidence = root.map(|root| root.confidence);
    let is_of_hop = root.is_some_and(|root| phrase(root.id).0 == Subject::Hop);
    let by_auth = root.is_some_and(|root| root.id == FindingId::AuthRefused);
    let is_lone = attempt.path().count() < 2;
    let is_short = matches!(judgement.verdict, Verdict::Abandoned | Verdict::Unknown);
    if attempt.surroundings.client_leg_encrypted && is_lone {
        notes.push("Judged from the upstream leg; the client leg is TLS.".to_owned());
    } else if is_lone && confidence == Some(Confidence::Guess) && !is_short {
        let by_row = root.is_some_and(|root| root.rule.is_some());
        let why = if by_row {
            "The answer fits this cause, but it has not been checked against the software itself."
        } else {
            "A status alone does not tell who refused, or why."
        };
        notes.push(format!(
            "{why} Capture on the proxy host with `-i any`: the leg behind it shows whether the request got there \
             whole."
        ));
    } else if root.is_some_and(|root| root.id == FindingId::UpstreamUnreachable)
        && attempt.legs.iter().any(|node| node.role == Role::Failed)
    {
        notes.push("The failed connection was matched to this request by its time.".to_owned());
    } else if is_lone && is_of_hop && !by_auth {
        notes.push(on_one_leg(judged));
    } else if is_of_hop && judgement.hop.is_none() {
        let innermost = attempt.path().last().and_then(|at| attempt.legs.get(at));
        notes.extend(innermost.map(|node| {
            format!(
                "Nothing was seen behind {}. To name the hop for sure, capture on its host with `-i any`.",
                node.leg.connection().server
            )
        }));
    }
    let is_other_protocol = root.is_some_and(|root| root.id == FindingId::AnsweredWithoutUpgrade);
    if judgement.verdict == Verdict::Downgraded
        && judgement.status == Some(101)
        && !is_other_protocol
    {
        notes.push("It opened all the same.".to_owned());
    }
    if let Some(earlier) = attempt.earlier_tries.first() {
        let status = earlier
            .status
            .map_or_else(String::new, |status| format!(", answered {status}"));
        let before = count(u64::from(attempt.tries.saturating_sub(1)), "try", "tries");
        notes.push(format!(
            "Judged by its last try; {before} came before it{status}."
        ));
    }
    if attempt.surroundings.is_ambiguous && !is_short {
        notes.push(
            "Several requests or connections could be its next leg, or the same one another's: none was joined."
                .to_owned(),
        );
    }
    // Only where the judgement rests on such a leg.
    let is_by_time = |index: usize| {
        let node = attempt.legs.get(index);
        node.is_some_and(|node| node.role == Role::Path && node.joined_by == Some(JoinedBy::Time))
    };
    let by_time = root.is_some_and(|root| is_by_time(root.leg))
        || judgement
            .diff
            .iter()
            .any(|difference| is_by_time(difference.to));
    if by_time {
        notes.push("The legs were matched by their time alone: they share no key.".to_owned());
    }
    if let Some(hop) = &judgement.hop
        && hop.inward.is_some()
        && hop.outward.is_some()
        && !is_lone
    {
        match hop.adjacent {
            Some(true) => {}
            Some(false) => notes.push(
                "Something lies between the two legs: it is one of several hops, and which one is not in this \
                 capture."
                    .to_owned(),
            ),
            None => notes.push(
                "The hop has different addresses on its two sides; another hop may lie between.".to_owned(),
            ),
        }
    }
    if attempt.surroundings.lossy && !is_short {
        notes.push(
            "Packets were lost while it ran; what is missing may change the picture.".to_owned(),
        );
    }
    notes
}

/// What one leg cannot tell of the hop.
fn on_one_leg(judged: &JudgedAttempt) -> String {
    let leg = judged.attempt.outermost();
    let is_whole = leg
        .offer()
        .is_some_and(|offer| offer.upgrade && offer.connection);
    let hop = judged.judgement.hop.as_ref();
    if hop.is_some_and(|hop| hop.inward.is_none()) {
        "Judged from the leg behind the proxy; the client's leg was not seen in clear.".to_owned()
    } else if is_whole || hop.is_some() {
        "Seen on one leg. To name the hop for sure, capture on the proxy host with `-i any`."
            .to_owned()
    } else {
        format!(
            "Seen on one leg. To name the hop for sure, capture with `-i any` on {}, which sent this.",
            leg.connection().client.addr
        )
    }
}

/// Where to look: the frames, and the command that cuts them out.
fn see(files: &[String], judged: &JudgedAttempt) -> Vec<String> {
    let attempt = &judged.attempt;
    let id = attempt.id;
    let outermost = attempt.outermost();
    if files.is_empty() {
        let connection = outermost.connection();
        return vec![format!(
            "attempt {id}: {} → {}",
            connection.client, connection.server
        )];
    }
    let source = facts::stamp(outermost).map_or(0, |at| at.source);
    let mut frames = Vec::new();
    let mut streams: Vec<(u16, u32)> = Vec::new();
    for node in &attempt.legs {
        let leg = &node.leg;
        let of_leg = facts::stamp(leg).map_or(source, |at| at.source);
        if node.role == Role::Path && of_leg == source {
            frames.extend(leg.request.as_ref().map(|(at, _)| at.frame));
            frames.extend(leg.response.as_ref().map(|(at, _)| at.frame));
        }
        streams.extend(facts::streams(leg).map(|stream| (of_leg, stream)));
    }
    frames.sort_unstable();
    frames.dedup();
    frames.truncate(8);
    let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
    let name = files.get(usize::from(source));
    let file = name.filter(|_| files.len() > 1);
    let file = file
        .map(|file| format!(" of {}", clean(file, 200)))
        .unwrap_or_default();
    let mut lines = vec![match &*frames {
        [] => format!("attempt {id}{file}"),
        [one] => format!("attempt {id}: frame {one}{file}"),
        many => format!("attempt {id}: frames {}{file}", listed(many)),
    }];
    let mut sources: Vec<u16> = streams.iter().map(|&(source, _)| source).collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let of_file: Vec<u32> = streams
            .iter()
            .filter(|s| s.0 == source)
            .map(|s| s.1)
            .collect();
        lines.extend(packets_of(files, id, source, &of_file));
    }
    lines
}
