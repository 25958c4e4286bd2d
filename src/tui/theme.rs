//! Colours and signs. Colour only repeats what words and signs say.
//!
//! The sixteen colours of the terminal's own palette, and nothing else: its user chose them to be read on that
//! background, they are the same over ssh and in tmux, and a terminal of 256 or more colours shows them too. Good is
//! blue or cyan and bad is red, which those who cannot tell red from green can tell apart.

use ratatui::style::{Color, Modifier, Style};

use crate::judge::{Kind, Severity, Verdict};

/// What a piece of text is to say by its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Less important.
    Dim,
    /// More important.
    Strong,
    /// The name of a section, a key.
    Accent,
    Good,
    Warn,
    Bad,
    Removed,
    Added,
    Changed,
    /// The selected line.
    Selected,
}

/// How tones look on this terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Theme {
    pub(super) color: bool,
    pub(super) light: bool,
}

impl Theme {
    pub(super) fn style(self, tone: Tone) -> Style {
        let plain = Style::new();
        let color = |dark: Color, light: Color| match (self.color, self.light) {
            (false, _) => plain,
            (true, false) => plain.fg(dark),
            (true, true) => plain.fg(light),
        };
        match tone {
            Tone::Plain => plain,
            Tone::Dim => plain.add_modifier(Modifier::DIM),
            Tone::Strong => plain.add_modifier(Modifier::BOLD),
            Tone::Accent => color(Color::Cyan, Color::Blue).add_modifier(Modifier::BOLD),
            Tone::Good | Tone::Added => color(Color::Cyan, Color::Blue),
            // Yellow on white cannot be read.
            Tone::Warn | Tone::Changed => color(Color::Yellow, Color::Magenta),
            Tone::Bad | Tone::Removed => {
                color(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD)
            }
            Tone::Selected => plain.add_modifier(Modifier::REVERSED),
        }
    }
}

pub(super) const fn of_verdict(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Stripped | Verdict::Rejected => Tone::Bad,
        Verdict::Downgraded | Verdict::Abandoned | Verdict::Unknown => Tone::Warn,
    }
}

pub(super) const fn sign_of_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "✓",
        Verdict::Stripped => "✗",
        Verdict::Downgraded => "↓",
        Verdict::Rejected => "⊘",
        Verdict::Abandoned => "←",
        Verdict::Unknown => "?",
    }
}

pub(super) const fn of_severity(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Plain,
    }
}

pub(super) const fn sign_of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Normal => "✓",
        Kind::Application | Kind::Unused => "·",
        Kind::Fault | Kind::Illegal => "✗",
        Kind::Abnormal => "!",
        Kind::Open => "○",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Tone] = &[
        Tone::Plain,
        Tone::Dim,
        Tone::Strong,
        Tone::Accent,
        Tone::Good,
        Tone::Warn,
        Tone::Bad,
        Tone::Removed,
        Tone::Added,
        Tone::Changed,
        Tone::Selected,
    ];

    #[test]
    fn without_colour_there_is_none() {
        for light in [false, true] {
            let theme = Theme {
                color: false,
                light,
            };
            for &tone in ALL {
                let style = theme.style(tone);
                assert_eq!((style.fg, style.bg), (None, None), "{tone:?}");
            }
        }
    }

    #[test]
    fn only_the_palette_is_used_and_no_background_is_painted() {
        for light in [false, true] {
            let theme = Theme { color: true, light };
            for &tone in ALL {
                let style = theme.style(tone);
                let is_of_palette = !matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_)));
                assert!(is_of_palette && style.bg.is_none(), "{tone:?}");
                let unreadable = [Color::Yellow, Color::LightYellow, Color::White, Color::Cyan];
                assert!(!light || style.fg.is_none_or(|fg| !unreadable.contains(&fg)));
            }
        }
    }

    #[test]
    fn good_and_bad_differ_without_colour_too() {
        for &verdict in Verdict::ALL {
            let same = Verdict::ALL
                .iter()
                .filter(|&&other| sign_of_verdict(other) == sign_of_verdict(verdict));
            assert_eq!(same.count(), 1, "{verdict:?}");
        }
    }
}
