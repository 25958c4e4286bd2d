//! Small files of text that the user wrote, read whole.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Such a file cannot be used. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The path names nothing.
    #[error("{0}: no such file\nLook for a typing error in the path.")]
    NotFound(String),
    /// The path names a directory.
    #[error(
        "{0}: this is a directory\nName the file in it; several files take the flag several times."
    )]
    Directory(String),
    /// The file may not be read.
    #[error("{0}: you may not read this file\nMake it readable: sudo chmod a+r FILE")]
    Permission(String),
    /// There is more than will be read.
    #[error(
        "{0}: more than {1} bytes, which is too long\nIs it the right file? It can be split in several."
    )]
    TooLong(String, u64),
    /// It is something else.
    #[error(
        "{0}: not a file of text: a byte is no UTF-8\nIs it the right file? If it is, save it as UTF-8."
    )]
    NotText(String),
    /// Any other error of the file system.
    #[error("{0}: cannot be read: {1}")]
    Read(String, io::Error),
}

/// Reads a file of at most so many bytes; of one that never ends no more is read than that.
pub fn read_text(path: &Path, most: u64) -> Result<String, TextError> {
    let name = || path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TextError::NotFound(name()),
            io::ErrorKind::IsADirectory => TextError::Directory(name()),
            io::ErrorKind::PermissionDenied => TextError::Permission(name()),
            _ => TextError::Read(name(), error),
        })?;
    if bytes.len() as u64 > most {
        return Err(TextError::TooLong(name(), most));
    }
    String::from_utf8(bytes).map_err(|_| TextError::NotText(name()))
}
