//! What breaks, the most telling group first, and the whole sentence of the selected one.

use ratatui::text::Line;

use crate::judge::Verdict;
use crate::report::mask::Mask;
use crate::report::phrase::headline;
use crate::report::sanitize::clean;
use crate::report::text::{closing_words, place};
use crate::report::words::number;
use crate::tally::{Example, Group, Outcome};

use super::super::super::app::App;
use super::super::super::canvas::{Row, wrapped};
use super::super::super::theme::{Tone, of_severity, of_verdict, sign_of_kind, sign_of_verdict};
use super::super::parts::{LOSSY, closed_in_few_words, fitted_place, in_few_words, text, window};

/// Where it stands that not all of them are in sight.
const MORE: usize = 14;

pub(super) fn lines(app: &App, width: usize, room: usize) -> Vec<Line<'static>> {
    let layout = Layout::of(width);
    let mut head = Row::new(width);
    head.put(1, "WHAT BREAKS", Tone::Accent)
        .put(layout.place, "where", Tone::Dim)
        .right(layout.count, "count", Tone::Dim)
        .right(layout.share, "share", Tone::Dim)
        .right(layout.last, "last", Tone::Dim);
    let groups = &app.lists.groups;
    let seen = room.saturating_sub(1).min(groups.len());
    if seen < groups.len() {
        let more = format!("{seen} of {}, ↓ for more", groups.len());
        let most = layout.place.saturating_sub(MORE + 1);
        head.cut(MORE, &more, most, Tone::Dim);
    }
    let mut lines = vec![head.line(app.theme)];
    if groups.is_empty() {
        let nothing = if app.lists.all[0] > 0 {
            "The filter leaves nothing; esc takes it away."
        } else if app.verdicts().get(Verdict::Ok) > 0 {
            "Nothing: every handshake opened, and no WebSocket ended badly."
        } else {
            "Nothing so far."
        };
        lines.push(text(app, &format!(" {nothing}"), width, Tone::Good));
        return lines;
    }
    let selected = app.groups.index();
    for at in window(selected, groups.len(), room.saturating_sub(1)) {
        if let Some(group) = groups.get(at) {
            lines.push(group_line(app, group, layout, width, at == selected));
        }
    }
    lines
}

/// The whole sentence of the selected group, which its line may have cut.
pub(super) fn selected(app: &App, width: usize) -> Vec<Line<'static>> {
    let Some(group) = app.lists.groups.get(app.groups.index()) else {
        return Vec::new();
    };
    let redact = app.setup.report.redact;
    let sentence = match (&group.example, group.key.outcome) {
        (_, Outcome::Folded) => "More groups than --limit groups=N has room for.".to_owned(),
        (Example::Attempt(judged), _) => {
            let mask = Mask::of_attempt(redact, &judged.attempt);
            let root = judged.judgement.findings.first();
            let sure = root.map_or("", |root| root.confidence.name());
            format!("{} ({sure}).", headline(judged, &mask))
        }
        (Example::Closing(judged), _) => {
            closing_words(judged, &Mask::of_closing(redact, &judged.closing))
        }
    };
    let sentence = sentence.replace(" ().", ".");
    let lines = wrapped(&sentence, width.saturating_sub(4));
    let mut lines: Vec<Line<'static>> = lines
        .iter()
        .take(2)
        .map(|line| text(app, &format!(" {line}"), width, Tone::Strong))
        .collect();
    let now = app.snapshot.now.unwrap_or(group.last);
    let when = if group.count == 1 {
        format!("At {}", app.clock.time(group.last))
    } else {
        let (first, last) = (app.clock.time(group.first), app.clock.time(group.last));
        format!("First {first}, last {last}")
    };
    let is_live = app.setup.report.live;
    let when = match ago(now.since(group.last).as_secs()).as_str() {
        "now" if is_live => format!(" {when}, just now."),
        "now" => format!(" {when}, at the end."),
        ago if is_live => format!(" {when}, {ago} ago."),
        ago => format!(" {when}, {ago} before the end."),
    };
    lines.push(text(app, &when, width, Tone::Plain));
    lines
}

/// Where the columns of the groups end, save for the place, which begins there.
#[derive(Clone, Copy, Debug)]
struct Layout {
    what: usize,
    place: usize,
    count: usize,
    share: usize,
    last: usize,
}

impl Layout {
    const fn of(width: usize) -> Self {
        let last = width.saturating_sub(1);
        let share = last.saturating_sub(8);
        let count = share.saturating_sub(9);
        let what = 16;
        let place = what + count.saturating_sub(8 + what) * 13 / 20;
        Self {
            what,
            place,
            count,
            share,
            last,
        }
    }
}

fn group_line(
    app: &App,
    group: &Group,
    layout: Layout,
    width: usize,
    is_selected: bool,
) -> Line<'static> {
    let redact = app.setup.report.redact;
    let (label, what, tone) = match (&group.example, group.key.outcome) {
        (_, Outcome::Folded) => (
            "others".to_owned(),
            "of many kinds, which found no room".to_owned(),
            Tone::Plain,
        ),
        (Example::Attempt(judged), _) => {
            let mask = Mask::of_attempt(redact, &judged.attempt);
            let verdict = judged.judgement.verdict;
            let label = format!("{} {}", sign_of_verdict(verdict), verdict.name());
            let mut what = clean(&in_few_words(judged, &mask), 200).into_owned();
            if judged.attempt.surroundings.lossy {
                what.insert_str(0, LOSSY);
            }
            (label, what, of_verdict(verdict))
        }
        (Example::Closing(judged), _) => {
            let mask = Mask::of_closing(redact, &judged.closing);
            let judgement = &judged.judgement;
            let kind = judgement.kind;
            let code = judgement
                .code
                .map_or_else(|| kind.name().to_owned(), |code| format!("closed {code}"));
            let label = format!("{} {code}", sign_of_kind(kind));
            let mut what = closed_in_few_words(judged, &mask);
            if what.is_empty() {
                what.push_str(kind.name());
            }
            if judged.closing.lossy {
                what.insert_str(0, LOSSY);
            }
            let tone = of_severity(judgement.severity);
            (label, what, tone)
        }
    };
    let mask = Mask::new(redact);
    let room = layout.count.saturating_sub(layout.place + 7);
    let place = match &group.key.host {
        _ if group.key.outcome == Outcome::Folded => String::new(),
        Some(host) => fitted_place(&mask.host(host), &mask.route(&group.key.route), room),
        None => place(&group.key, &mask),
    };
    let mut row = Row::new(width);
    if is_selected {
        row.put(0, "▸", Tone::Strong);
    }
    let last = app
        .snapshot
        .now
        .map_or_else(String::new, |now| ago(now.since(group.last).as_secs()));
    let share = group.share.map_or_else(String::new, |share| {
        if share < 0.01 {
            "<1 %".to_owned()
        } else {
            format!("{:.0} %", (share * 100.0).floor())
        }
    });
    row.cut(1, &label, layout.what - 2, tone)
        .cut(
            layout.what,
            &what,
            layout.place.saturating_sub(layout.what + 1),
            Tone::Plain,
        )
        .cut(layout.place, &place, room, Tone::Plain)
        .right(layout.count, &number(group.count), Tone::Strong)
        .right(layout.share, &share, Tone::Plain)
        .right(layout.last, &last, Tone::Plain);
    if is_selected {
        row.tone(Tone::Selected);
    }
    row.line(app.theme)
}

/// `now`, `12 s`, `5 min`: how long ago.
fn ago(seconds: u64) -> String {
    match seconds {
        0 => "now".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
