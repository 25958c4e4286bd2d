//! Several files as one stream in the order of time, each file's own order kept even where its clock steps back.

use super::Item;
use super::file::{FileSource, State};
use super::filter::Filter;

/// All files of the command line.
pub(crate) struct Files {
    files: Vec<FileSource>,
    filter: Option<Filter>,
}

impl Files {
    /// In the order of the command line.
    pub(crate) fn new(files: Vec<FileSource>, filter: Option<Filter>) -> Self {
        Self { files, filter }
    }

    /// Hands on all records at hand, after at most one read of each file. False at the end.
    ///
    /// Returns rather than wait in the middle, so that what was read from a pipe is worked on before more is awaited.
    pub(crate) fn read(&mut self, each: &mut impl FnMut(Item<'_>)) -> bool {
        if let ([file], None) = (&mut self.files[..], &self.filter) {
            return read_alone(file, each);
        }
        let mut handed = false;
        loop {
            let mut first: Option<usize> = None;
            for index in 0..self.files.len() {
                let Some(file) = self.files.get_mut(index) else {
                    break;
                };
                match file.advance(!handed) {
                    State::Ready => {}
                    State::Dry => return true,
                    State::Over => continue,
                }
                let time = file.time();
                let earlier = first
                    .and_then(|index| self.files.get(index))
                    .is_none_or(|other| time < other.time());
                if earlier {
                    first = Some(index);
                }
            }
            // Names come before the first record of their interface, notices once all before them was handed on.
            self.tell(each);
            let Some(file) = first.and_then(|index| self.files.get_mut(index)) else {
                return false;
            };
            if let Some(record) = file.record() {
                let passes = self
                    .filter
                    .as_mut()
                    .is_none_or(|filter| filter.passes(record.link, record.data));
                if passes {
                    each(Item::Records(&[record]));
                }
            }
            file.consume();
            handed = true;
        }
    }

    fn tell(&mut self, each: &mut impl FnMut(Item<'_>)) {
        for file in &mut self.files {
            tell(file, each);
        }
        if let Some(filter) = &mut self.filter {
            for notice in filter.take_notices() {
                each(Item::Notice(notice));
            }
        }
    }

    /// Whether any of them is written while it is read.
    pub(crate) fn come(&self) -> bool {
        self.files.iter().any(FileSource::comes)
    }

    /// Packets dropped while the files were written, by kernel and by interface.
    pub(crate) fn drops(&self) -> (u64, u64) {
        self.files.iter().fold((0, 0), |(kernel, iface), file| {
            let (more_kernel, more_iface) = file.drops();
            (
                kernel.saturating_add(more_kernel),
                iface.saturating_add(more_iface),
            )
        })
    }
}

/// One file needs no comparing.
fn read_alone(file: &mut FileSource, each: &mut impl FnMut(Item<'_>)) -> bool {
    let mut handed = false;
    loop {
        let state = file.advance(!handed);
        if file.has_news() {
            tell(file, each);
        }
        match state {
            State::Ready => {}
            State::Dry => return true,
            State::Over => return false,
        }
        if let Some(record) = file.record() {
            each(Item::Records(&[record]));
        }
        file.consume();
        while file.block(|records| each(Item::Records(records))) {}
        handed = true;
    }
}

/// Names come before the first record of their interface, notices once all before them was handed on.
fn tell(file: &mut FileSource, each: &mut impl FnMut(Item<'_>)) {
    let source = file.source();
    for (iface, name) in file.take_names() {
        each(Item::Interface {
            source,
            iface,
            name,
        });
    }
    for notice in file.take_notices() {
        each(Item::Notice(notice));
    }
}
