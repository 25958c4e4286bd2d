//! Lines of the report, wrapped and indented alike.

/// Where lines of prose are broken: wide enough to read, narrow enough for half a screen.
const WIDTH: usize = 110;
/// Where the text behind a label begins.
const INDENT: &str = "          ";

/// The report as it grows.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// One line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    /// An empty line, unless there is one, or nothing yet.
    pub(super) fn blank(&mut self) {
        if !self.0.is_empty() && !self.0.ends_with("\n\n") {
            self.0.push('\n');
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

    /// The same for lines to paste: never wrapped, their own indentation kept.
    pub(super) fn pasteable(&mut self, label: &str, items: &[String]) {
        for (index, item) in items.iter().flat_map(|item| item.lines()).enumerate() {
            if index == 0 {
                self.line(&format!("  {label:<8}{item}"));
            } else {
                self.line(&format!("{INDENT}{item}"));
            }
        }
    }

    /// Prose, broken between words.
    pub(super) fn wrapped(&mut self, first: &str, rest: &str, text: &str) {
        let mut line = first.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            let long = line.chars().count() + 1 + word.chars().count() > WIDTH;
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

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
