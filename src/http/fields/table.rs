//! Where the lines of a head stand in its text.

use std::num::TryFromIntError;

use super::names::{Known, NUMBERS};

/// The lines in their order, and where to find those of names that are asked for.
#[derive(Clone, Debug)]
pub(super) struct Table {
    lines: Lines,
    /// By the number of a name its first line, from 1; or, of very many, one that is before it.
    first: [u8; NUMBERS],
    /// A bit for each name that has several lines.
    repeated: u64,
}

/// Where name and value of a line stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) name: u32,
    pub(super) name_end: u32,
    pub(super) value: u32,
    pub(super) end: u32,
    pub(super) known: Known,
}

/// Nearly all heads have few lines, and are short: those are no allocation of their own.
#[derive(Clone, Debug)]
enum Lines {
    Few { len: u8, lines: [Short; FEW] },
    Many(Vec<Line>),
}

/// A line of a short head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Short {
    pub(super) name: u16,
    pub(super) value: u16,
    pub(super) end: u16,
    pub(super) name_len: u8,
    pub(super) known: Known,
}

const FEW: usize = 16;

const _: () = assert!(NUMBERS <= u64::BITS as usize, "a bit for each");

impl Default for Table {
    #[inline]
    fn default() -> Self {
        Self {
            lines: Lines::default(),
            first: [0; NUMBERS],
            repeated: 0,
        }
    }
}

impl Default for Lines {
    #[inline]
    fn default() -> Self {
        Self::Few {
            len: 0,
            lines: [Short::default(); FEW],
        }
    }
}

impl From<Short> for Line {
    #[inline]
    fn from(short: Short) -> Self {
        let name = u32::from(short.name);
        Self {
            name,
            name_end: name + u32::from(short.name_len),
            value: u32::from(short.value),
            end: u32::from(short.end),
            known: short.known,
        }
    }
}

impl TryFrom<Line> for Short {
    type Error = TryFromIntError;

    fn try_from(line: Line) -> Result<Self, TryFromIntError> {
        Ok(Self {
            name: line.name.try_into()?,
            value: line.value.try_into()?,
            end: line.end.try_into()?,
            name_len: line.name_end.saturating_sub(line.name).try_into()?,
            known: line.known,
        })
    }
}

impl Table {
    /// Takes out all lines; of few, what they were stays behind the end.
    #[inline]
    pub(super) fn clear(&mut self) {
        match &mut self.lines {
            Lines::Few { len, .. } => *len = 0,
            many @ Lines::Many(_) => *many = Lines::default(),
        }
        self.first = [0; NUMBERS];
        self.repeated = 0;
    }

    /// One more line.
    pub(super) fn add(&mut self, line: Line) {
        match Short::try_from(line) {
            Ok(short) => self.place(short),
            Err(_) => self.spill(line),
        }
        let at = self.len();
        self.note(line.known, at);
    }

    /// One more line of a short head; its name is told by [`Table::name_all`].
    #[inline]
    pub(super) fn place(&mut self, line: Short) {
        if let Lines::Few { len, lines } = &mut self.lines
            && let Some(place) = lines.get_mut(usize::from(*len))
        {
            *place = line;
            *len += 1;
        } else {
            self.spill(line.into());
        }
    }

    /// Tells the names of all lines that were placed, each of which is short.
    #[inline]
    pub(super) fn name_all(
        &mut self,
        mut name: impl FnMut(&mut Short) -> Option<()>,
    ) -> Option<()> {
        for at in 0..self.len() {
            let mut line = match &self.lines {
                Lines::Few { lines, .. } => *lines.get(at)?,
                Lines::Many(lines) => Short::try_from(*lines.get(at)?).ok()?,
            };
            name(&mut line)?;
            self.note(line.known, at + 1);
            match &mut self.lines {
                Lines::Few { lines, .. } => *lines.get_mut(at)? = line,
                Lines::Many(lines) => *lines.get_mut(at)? = line.into(),
            }
        }
        Some(())
    }

    /// Notes where a name stands, by the number of its line from 1.
    #[inline]
    fn note(&mut self, known: Known, line: usize) {
        let number = known.number();
        if let Some(first) = self.first.get_mut(number) {
            match u8::try_from(line) {
                Ok(line) if *first == 0 => *first = line,
                // It is one of several, or far behind.
                _ => {
                    *first = if *first == 0 { u8::MAX } else { *first };
                    self.repeated |= 1 << number;
                }
            }
        }
    }

    /// No more fit, or this one does not.
    #[cold]
    fn spill(&mut self, line: Line) {
        let mut lines = match std::mem::take(&mut self.lines) {
            Lines::Many(lines) => lines,
            Lines::Few { len, lines } => {
                let few = lines.into_iter().take(usize::from(len));
                let mut many = Vec::with_capacity(2 * FEW);
                many.extend(few.map(Line::from));
                many
            }
        };
        lines.push(line);
        self.lines = Lines::Many(lines);
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match &self.lines {
            Lines::Few { len, .. } => usize::from(*len),
            Lines::Many(lines) => lines.len(),
        }
    }

    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<Line> {
        match &self.lines {
            Lines::Few { len, lines } => {
                let line = lines.get(number)?;
                (number < usize::from(*len)).then(|| Line::from(*line))
            }
            Lines::Many(lines) => lines.get(number).copied(),
        }
    }

    /// All lines in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Line> {
        (0..self.len()).map_while(|number| self.get(number))
    }

    /// Where to begin to look for lines of a name that is asked for; `None` where there is none.
    #[inline]
    pub(super) fn first(&self, known: Known) -> Option<usize> {
        usize::from(self.first.get(known.number()).copied()?).checked_sub(1)
    }

    /// Whether there may be several of a name that is asked for.
    #[inline]
    pub(super) fn repeats(&self, known: Known) -> bool {
        self.repeated >> known.number() & 1 != 0
    }

    /// Bytes that are allocated for it.
    pub(super) const fn allocated(&self) -> usize {
        match &self.lines {
            Lines::Few { .. } => 0,
            Lines::Many(lines) => lines.capacity() * size_of::<Line>(),
        }
    }
}
