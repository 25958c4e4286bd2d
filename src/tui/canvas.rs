//! Lines of text of a given width, and one row of cells to draw on.

use ratatui::text::{Line, Span};

use super::theme::{Theme, Tone};

/// Stands where a wide character has its second half.
const HALF: char = '\0';

/// One row of the screen: whatever is put beyond its end is not there.
#[derive(Clone, Debug)]
pub(super) struct Row(Vec<(char, Tone)>);

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self(vec![(' ', Tone::Plain); width])
    }

    /// Writes `text` from column `x` on.
    pub(super) fn put(&mut self, x: usize, text: &str, tone: Tone) -> &mut Self {
        let mut x = x;
        for c in text.chars() {
            let wide = width(c.encode_utf8(&mut [0; 4]));
            if wide == 0 {
                continue;
            }
            let fits = x + wide <= self.0.len();
            for half in 0..wide {
                if let Some(cell) = self.0.get_mut(x + half) {
                    *cell = match (fits, half) {
                        (false, _) => (' ', tone),
                        (true, 0) => (c, tone),
                        (true, _) => (HALF, tone),
                    };
                }
            }
            x += wide;
        }
        self
    }

    /// Writes at most `most` columns of it; what is cut ends in `…`.
    pub(super) fn cut(&mut self, x: usize, text: &str, most: usize, tone: Tone) -> &mut Self {
        self.put(x, &shortened(text, most), tone)
    }

    /// Writes it so that it ends before column `end`.
    pub(super) fn right(&mut self, end: usize, text: &str, tone: Tone) -> &mut Self {
        self.put(end.saturating_sub(width(text)), text, tone)
    }

    /// Gives all of it that tone.
    pub(super) fn tone(&mut self, tone: Tone) -> &mut Self {
        for cell in &mut self.0 {
            cell.1 = tone;
        }
        self
    }

    /// As text that can be drawn.
    pub(super) fn line(&self, theme: Theme) -> Line<'static> {
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut text = String::new();
        let mut tone = Tone::Plain;
        for &(c, next) in &self.0 {
            if next != tone && !text.is_empty() {
                spans.push(Span::styled(std::mem::take(&mut text), theme.style(tone)));
            }
            tone = next;
            if c != HALF {
                text.push(c);
            }
        }
        spans.push(Span::styled(text, theme.style(tone)));
        Line::from(spans)
    }
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// At most `most` columns of it.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = width(c.encode_utf8(&mut [0; 4]));
        if used + wide >= most {
            break;
        }
        used += wide;
        out.push(c);
    }
    if most > 0 {
        out.push('…');
    }
    out
}

/// Prose, broken between words; a word that is too long is broken too.
pub(super) fn wrapped(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let mut word = word.to_owned();
        if !line.is_empty() && width(&line) + 1 + width(&word) > most {
            lines.push(std::mem::take(&mut line));
        }
        while width(&word) > most {
            let head: String = head_of(&word, most);
            word = word.get(head.len()..).unwrap_or_default().to_owned();
            lines.push(head);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The first characters that fit; at least one.
fn head_of(word: &str, most: usize) -> String {
    let mut out = String::new();
    for c in word.chars() {
        if !out.is_empty() && width(&out) + width(c.encode_utf8(&mut [0; 4])) > most {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(row: &Row) -> String {
        let theme = Theme {
            color: false,
            light: false,
        };
        row.line(theme).to_string()
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let mut row = Row::new(10);
        row.cut(0, "abcdefgh", 5, Tone::Plain)
            .right(10, "123", Tone::Plain);
        assert_eq!(text(&row), "abcd…  123");
        row.put(8, "too long", Tone::Plain);
        assert_eq!(text(&row).chars().count(), 10);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut row = Row::new(6);
        row.put(0, "日本", Tone::Plain).put(4, "x", Tone::Plain);
        assert_eq!(text(&row), "日本x ");
        let mut row = Row::new(3);
        row.put(2, "日", Tone::Plain);
        assert_eq!(text(&row), "   ");
        assert_eq!(shortened("日本語", 4), "日…");
    }

    #[test]
    fn prose_breaks_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh x", 3), ["abc", "def", "gh", "x"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
