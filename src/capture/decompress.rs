//! Unpacking of `.gz` and `.zst` on the way in, recognised by their first bytes, so that a pipe may be packed too.

use std::io::{self, BufRead as _, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Bytes of a packed file read at once.
const CHUNK: usize = 256 * 1024;

type Raw = Box<dyn Read + Send>;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstandard,
}

impl Packing {
    /// By the first bytes.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Self::Zstandard)
            }
            _ => None,
        }
    }

    /// A reader of what is packed in `seen` and then `rest`.
    pub(crate) fn unpack(self, seen: Vec<u8>, rest: Raw) -> Raw {
        let packed: Raw = Box::new(Cursor::new(seen).chain(rest));
        let packed = BufReader::with_capacity(CHUNK, packed);
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Zstandard => Box::new(Frames::new(packed)),
        }
    }
}

/// A Zstandard file is a row of frames; the decoder knows one at a time.
struct Frames {
    source: BufReader<Raw>,
    decoder: FrameDecoder,
    within: bool,
}

impl Read for Frames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.within {
                while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                    let one = BlockDecodingStrategy::UptoBlocks(1);
                    if let Err(error) = self.decoder.decode_blocks(&mut self.source, one) {
                        return Err(self.explain(error));
                    }
                }
                let count = self.decoder.read(out)?;
                if count > 0 || out.is_empty() {
                    return Ok(count);
                }
                self.within = false;
            } else if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.begin()?;
            }
        }
    }
}

impl Frames {
    fn new(source: BufReader<Raw>) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            within: false,
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.reset(&mut self.source) {
            Ok(()) => self.within = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let mut skipped = self.source.by_ref().take(length.into());
                io::copy(&mut skipped, &mut io::sink())?;
            }
            Err(error) => return Err(self.explain(error)),
        }
        Ok(())
    }

    /// The decoder does not say that its source ended too early, which is by far the most usual fault.
    fn explain(&mut self, error: FrameDecoderError) -> io::Error {
        match self.source.fill_buf() {
            Ok([]) => io::ErrorKind::UnexpectedEof.into(),
            _ => io::Error::other(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(plain: &[u8]) -> Vec<u8> {
        compress_to_vec(plain, CompressionLevel::Fastest)
    }

    fn unpack(packed: &[u8]) -> (Vec<u8>, io::Result<usize>) {
        let packing = Packing::of(packed).unwrap();
        let (seen, rest) = packed.split_at(4);
        let mut reader = packing.unpack(seen.to_vec(), Box::new(Cursor::new(rest.to_vec())));
        let mut out = Vec::new();
        let result = reader.read_to_end(&mut out);
        (out, result)
    }

    #[test]
    fn several_members_read_as_one_and_a_cut_is_told() {
        let plain: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        for packed in [
            [gzip(&plain), gzip(&plain)].concat(),
            [zstandard(&plain), skipped.to_vec(), zstandard(&plain)].concat(),
        ] {
            let (out, result) = unpack(&packed);
            result.unwrap();
            assert!(out == [&plain[..], &plain].concat());
            let (out, result) = unpack(&packed[..packed.len() - 9]);
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(out.len() >= plain.len());
        }
    }
}
