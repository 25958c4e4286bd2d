//! Text in lines of a given width. Lines that begin with four spaces are configuration: they stay as they are.

/// The mark of a line of configuration.
const CONFIG: &str = "    ";

/// Appends `text` in lines of at most `width`; the first begins with `first`, the others with as many spaces as `hang`.
pub(super) fn paragraph(out: &mut Vec<String>, text: &str, first: &str, hang: usize, width: usize) {
    let mut line = first.to_owned();
    let mut begun = false;
    for word in text.split_whitespace() {
        if begun && line.len() + 1 + word.len() > width {
            out.push(std::mem::replace(&mut line, " ".repeat(hang)));
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    if begun {
        out.push(line);
    }
}

/// Appends lines, each wrapped by itself, all `indent` deep; configuration is not wrapped.
pub(super) fn lines(out: &mut Vec<String>, texts: &[String], indent: usize, width: usize) {
    let margin = " ".repeat(indent);
    for text in texts {
        if is_config(text) {
            out.push(format!("{margin}{text}"));
        } else {
            paragraph(out, text, &margin, indent + 2, width);
        }
    }
}

/// Appends `left = right` lines as two columns, where the left one is short enough.
pub(super) fn pairs(out: &mut Vec<String>, texts: &[String], indent: usize, width: usize) {
    const WIDEST: usize = 34;
    let margin = " ".repeat(indent);
    let split = |text: &'_ String| -> (String, Option<String>) {
        match text.split_once(" = ") {
            Some((left, right)) => (left.to_owned(), Some(right.to_owned())),
            None => (text.clone(), None),
        }
    };
    let pairs: Vec<_> = texts.iter().map(split).collect();
    let lefts = pairs.iter().filter(|(_, right)| right.is_some());
    let column = lefts
        .map(|(left, _)| left.len())
        .filter(|&len| len <= WIDEST)
        .max()
        .unwrap_or_default();
    for (left, right) in &pairs {
        let Some(right) = right else {
            paragraph(out, left, &margin, indent + 2, width);
            continue;
        };
        let hang = indent + column + 2;
        if left.len() <= column {
            paragraph(
                out,
                right,
                &format!("{margin}{left:<column$}  "),
                hang,
                width,
            );
        } else {
            paragraph(out, left, &margin, indent + 2, width);
            paragraph(out, right, &" ".repeat(hang), hang, width);
        }
    }
}

/// Lines for a column: configuration too wide for it goes on in the next line, six spaces deep.
pub(super) fn narrow(texts: &[String], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    // Several items in one cell are told apart by a dash.
    let (mark, hang) = if texts.iter().filter(|text| !is_config(text)).count() > 1 {
        ("- ", 2)
    } else {
        ("", 0)
    };
    for text in texts {
        if is_config(text) {
            let depth = text.len() - text.trim_start().len();
            // A column has no room for the full depth; two spaces mark configuration there.
            let margin = " ".repeat(depth.saturating_sub(CONFIG.len()) + 2 + hang);
            paragraph(&mut out, text, &margin, 6 + hang, width);
        } else {
            paragraph(&mut out, text, mark, hang, width);
        }
    }
    out
}

fn is_config(text: &str) -> bool {
    text.starts_with(CONFIG)
}
