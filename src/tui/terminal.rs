//! The terminal: taken over, and given back as it was, whatever happens.

use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use data_encoding::BASE64;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::sixteen::Sixteen;

/// Terminals refuse longer ones (xterm 100 KB), and so does whoever reads them.
const MOST_COPIED: usize = 64 * 1024;

/// It is ours at this moment.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Some thread panicked: its words stand on the terminal, and nothing must be drawn over them.
static PANICKED: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal while it is ours.
pub(super) struct Taken {
    pub(super) terminal: Terminal<CrosstermBackend<Sixteen<io::Stdout>>>,
}

/// Takes it over.
pub(super) fn take(color: bool) -> io::Result<Taken> {
    // The command line has decided, and knows more than the environment.
    force_color_output(color);
    HOOK.call_once(|| {
        let told_before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED.store(true, Ordering::SeqCst);
            give_back();
            told_before(info);
        }));
    });
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste);
    let terminal =
        entered.and_then(|()| Terminal::new(CrosstermBackend::new(Sixteen::new(io::stdout()))));
    match terminal {
        Ok(terminal) => Ok(Taken { terminal }),
        Err(error) => {
            give_back();
            Err(error)
        }
    }
}

/// Gives it back, if it is ours: from any thread, as often as one likes.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody left to tell that it failed.
    let _ = execute!(
        io::stdout(),
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Whether it is no longer to be drawn on.
pub(super) fn is_lost() -> bool {
    PANICKED.load(Ordering::SeqCst)
}

impl Taken {
    pub(super) fn mouse(on: bool) -> io::Result<()> {
        if on {
            execute!(io::stdout(), EnableMouseCapture)
        } else {
            execute!(io::stdout(), DisableMouseCapture)
        }
    }

    /// Hands text to the clipboard of whoever sits at the terminal, also over ssh. Not every terminal takes it, and none
    /// says whether it did.
    pub(super) fn copy(text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(copy_sequence(text).as_bytes())?;
        out.flush()
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// OSC 52. What is copied is encoded, so no byte of it can be obeyed.
fn copy_sequence(text: &str) -> String {
    let most = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .take_while(|&end| end <= MOST_COPIED)
        .last()
        .unwrap_or(0);
    let text = text.get(..most).unwrap_or_default();
    format!("\x1b]52;c;{}\x07", BASE64.encode(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_encoded_and_bounded() {
        assert_eq!(copy_sequence("a\x1b]\n"), "\x1b]52;c;YRtdCg==\x07");
        let long = "é".repeat(MOST_COPIED);
        assert!(copy_sequence(&long).len() < MOST_COPIED * 3 / 2);
    }
}
