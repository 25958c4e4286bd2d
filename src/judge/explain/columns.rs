//! Several topics side by side, one row for each question.

use super::page::heading;
use super::wrap::narrow;
use crate::judge::catalogue::Topic;

/// Room for the question in front of each row.
const LABEL: usize = 13;
/// Between columns.
const GAP: usize = 2;
/// Below this a column is harder to read than pages one after another.
const NARROWEST: usize = 28;

/// The topics side by side; `None` where the columns would be too narrow.
pub(super) fn columns(topics: &[Topic], width: usize) -> Option<String> {
    let room = width.checked_sub(LABEL)?;
    let column = (room + GAP).checked_div(topics.len())?.checked_sub(GAP)?;
    if column < NARROWEST {
        return None;
    }
    let mut out = Vec::new();
    let headings: Vec<_> = topics.iter().map(|topic| vec![heading(topic)]).collect();
    row(&mut out, "", &headings, column);
    for (label, texts) in questions() {
        let cells: Vec<_> = topics.iter().map(texts).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            out.push(String::new());
            row(&mut out, label, &cells, column);
        }
    }
    out.push(String::new());
    Some(out.join("\n"))
}

type Cell = fn(&Topic) -> Vec<String>;

fn questions() -> [(&'static str, Cell); 15] {
    [
        ("who says it", |topic| filled(&topic.who)),
        ("meaning", |topic| filled(&topic.meaning)),
        ("seen when", |topic| filled(&topic.seen)),
        ("on the wire", |topic| filled(&topic.wire)),
        ("why", |topic| filled(&topic.cause)),
        ("causes", |topic| {
            // Rows of a finding are many, and stand on its own page.
            let told = topic.causes.iter().filter(|cause| cause.row.is_none());
            told.map(|cause| format!("{}.", cause.what)).collect()
        }),
        ("by default", |topic| topic.does.clone()),
        ("one by one", |topic| topic.answers.clone()),
        ("known uses", |topic| {
            let uses = topic.uses.iter();
            uses.map(|one| one.replacen(" = ", ": ", 1)).collect()
        }),
        ("it cuts", |topic| topic.timeouts.clone()),
        ("fix", |topic| topic.fix.clone()),
        ("won't help", |topic| topic.wont_help.clone()),
        ("to be sure", |topic| topic.capture.clone()),
        ("note", |topic| topic.notes.clone()),
        ("tell apart", |topic| filled(&topic.apart)),
    ]
}

fn filled(text: &str) -> Vec<String> {
    if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    }
}

fn row(out: &mut Vec<String>, label: &str, cells: &[Vec<String>], column: usize) {
    let cells: Vec<_> = cells.iter().map(|cell| narrow(cell, column)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for index in 0..height {
        let mut line = format!("{:<LABEL$}", if index == 0 { label } else { "" });
        for cell in &cells {
            let text = cell.get(index).map_or("", String::as_str);
            line.push_str(text);
            line.extend(std::iter::repeat_n(
                ' ',
                (column + GAP).saturating_sub(text.chars().count()),
            ));
        }
        out.push(line.trim_end().to_owned());
    }
}
