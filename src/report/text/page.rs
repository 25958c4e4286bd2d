//! Lines of the report, wrapped and indented alike.

/// Where lines of prose are broken: wide enough to read, narrow enough for half a screen.
const WIDTH: usize = 110;
/// Where lines are broken that are scanned rather than read: a plain terminal.
const NARROW: usize = 80;
/// Where the text behind a label begins.
const INDENT: &str = "          ";

/// The report as it grows.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    width: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            text: String::new(),
            width: WIDTH,
        }
    }
}

impl Page {
    /// From here on lines are broken where a plain terminal ends.
    pub(super) const fn narrow(&mut self) {
        self.width = NARROW;
    }

    /// From here on lines are as wide as prose may be.
    pub(super) const fn wide(&mut self) {
        self.width = WIDTH;
    }

    /// One line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// An empty line, unless there is one, or nothing yet.
    pub(super) fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// `Why     text`, further items below it; each is wrapped.
    pub(super) fn list(&mut self, label: &str, items: &[String]) {
        for (index, item) in items.iter().flat_map(|item| item.lines()).enumerate() {
            let start = if index == 0 {
                format!("  {label:<8}")
            } else {
                INDENT.to_owned()
            };
            // Commands are copied: they stay on one line.
            if item.starts_with("tshark ") {
                self.line(&format!("{start}{item}"));
            } else {
                self.wrapped(&start, INDENT, item);
            }
        }
    }

    /// The same for what to do: lines to paste, which are indented, are never wrapped, and their indentation is kept.
    pub(super) fn pasteable(&mut self, label: &str, items: &[String]) {
        for (index, item) in items.iter().flat_map(|item| item.lines()).enumerate() {
            let start = if index == 0 {
                format!("  {label:<8}")
            } else {
                INDENT.to_owned()
            };
            if item.starts_with("    ") {
                self.line(&format!("{start}{item}"));
            } else {
                self.wrapped(&start, INDENT, item);
            }
        }
    }

    /// Prose, broken between words.
    pub(super) fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            let long = columns(&line) + 1 + columns(word) > self.width;
            if long && !is_empty {
                self.line(&line);
                rest.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(&line);
    }

    /// Parts that are not broken, as many on a line as it holds; further lines are indented.
    pub(super) fn parts(&mut self, first: &str, apart: &str, parts: &[String]) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for part in parts {
            if !is_empty && columns(&line) + columns(apart) + columns(part) > self.width {
                self.line(&line);
                INDENT.clone_into(&mut line);
                is_empty = true;
            }
            if !is_empty {
                line.push_str(apart);
            }
            line.push_str(part);
            is_empty = false;
        }
        self.line(&line);
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// How many columns a text takes; colours take none.
fn columns(text: &str) -> usize {
    let mut is_color = false;
    let shown = text.chars().filter(|&c| {
        let starts = c == '\x1b';
        let is_shown = !starts && !is_color;
        is_color = starts || (is_color && c != 'm');
        is_shown
    });
    shown.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_and_colours_take_no_room() {
        let mut page = Page::default();
        page.narrow();
        let parts = [
            "x".repeat(40),
            format!("\x1b[1;31m{}\x1b[0m", "y".repeat(37)),
        ];
        page.parts("", "   ", &parts);
        assert_eq!(page.text.lines().count(), 1);
        page.parts("  ", "   ", &parts);
        page.wide();
        page.parts("  ", "   ", &parts);
        assert_eq!(page.text.lines().count(), 4);
        let indented = page.text.lines().nth(2).unwrap();
        assert!(indented.starts_with("          \x1b"), "{indented:?}");
    }

    #[test]
    fn what_is_to_be_pasted_is_never_broken() {
        let mut page = Page::default();
        page.narrow();
        let setting = format!("    set {};", "x y ".repeat(40));
        page.pasteable("Fix", &["word ".repeat(30), setting.clone()]);
        let lines: Vec<&str> = page.text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[3], format!("          {setting}"));
        assert!(lines[..3].iter().all(|line| line.len() <= 80), "{lines:?}");
    }
}
