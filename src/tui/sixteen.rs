//! Colours of the palette in the form that every terminal with colours knows.
//!
//! The library below writes them as 256-colour sequences (`38;5;9`), which a terminal of sixteen colours may take for
//! blinking. Here they become `91`. A whole picture is written at once, so none is seen half drawn.

use std::io::{self, Write};

/// Largest picture kept between two flushes; a screen of 250 by 80 takes some 60 KB.
const MOST: usize = 1 << 20;

/// Writes to `inner` on each flush.
#[derive(Debug)]
pub(super) struct Sixteen<W> {
    inner: W,
    waiting: Vec<u8>,
}

impl<W: Write> Sixteen<W> {
    pub(super) const fn new(inner: W) -> Self {
        Self {
            inner,
            waiting: Vec::new(),
        }
    }
}

impl<W: Write> Write for Sixteen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() >= MOST {
            self.flush()?;
        }
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.inner.write_all(&of_palette(&waiting))?;
        self.inner.flush()
    }
}

/// The same bytes with each `38;5;n` and `48;5;n` of the palette in its short form, where it selects a colour.
fn of_palette(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(start) = rest.windows(2).position(|pair| pair == b"\x1b[") {
        let (before, sequence) = rest.split_at(start + 2);
        out.extend_from_slice(before);
        let is_parameter = |byte: &u8| byte.is_ascii_digit() || *byte == b';';
        let end = sequence
            .iter()
            .position(|byte| !is_parameter(byte))
            .unwrap_or(sequence.len());
        let (parameters, after) = sequence.split_at(end);
        if after.first() == Some(&b'm') {
            out.extend_from_slice(&selected(parameters));
        } else {
            out.extend_from_slice(parameters);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

fn selected(parameters: &[u8]) -> Vec<u8> {
    let mut words = parameters.split(|&byte| byte == b';').peekable();
    let mut out: Vec<Vec<u8>> = Vec::new();
    while let Some(word) = words.next() {
        let base = match word {
            b"38" => 30,
            b"48" => 40,
            _ => {
                out.push(word.to_vec());
                continue;
            }
        };
        let mut of_table = words.clone();
        let number = match (of_table.next(), of_table.next()) {
            (Some(b"5"), Some(number)) => std::str::from_utf8(number).ok(),
            _ => None,
        };
        let short = match number.and_then(|number| number.parse::<u8>().ok()) {
            Some(color @ 0..8) => base + color,
            Some(color @ 8..16) => base + 52 + color,
            _ => {
                out.push(word.to_vec());
                continue;
            }
        };
        out.push(short.to_string().into_bytes());
        words = of_table;
    }
    out.join(&b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_the_palette_become_short_and_nothing_else_changes() {
        for (long, short) in [
            ("\x1b[38;5;9mx", "\x1b[91mx"),
            ("\x1b[38;5;6;49mx", "\x1b[36;49mx"),
            ("\x1b[1;38;5;15;48;5;0m", "\x1b[1;97;40m"),
            ("\x1b[48;5;8m", "\x1b[100m"),
            ("\x1b[38;5;123m", "\x1b[38;5;123m"),
            ("\x1b[38;2;1;2;3m", "\x1b[38;2;1;2;3m"),
            ("\x1b[38;5m\x1b[m", "\x1b[38;5m\x1b[m"),
            ("\x1b[38;5;9H", "\x1b[38;5;9H"),
            ("/ws/38;5;9m", "/ws/38;5;9m"),
            ("é\x1b[", "é\x1b["),
        ] {
            let got = of_palette(long.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), short);
        }
    }

    #[test]
    fn a_picture_is_written_at_once() {
        let mut out = Sixteen::new(Vec::new());
        out.write_all(b"\x1b[38;5").unwrap();
        out.write_all(b";1mx").unwrap();
        assert!(out.inner.is_empty());
        out.flush().unwrap();
        assert_eq!(out.inner, b"\x1b[31mx");
    }
}
