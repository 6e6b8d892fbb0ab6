//! gzip and Zstandard, known by their first bytes and unpacked as they are read.
//!
//! What comes out has a bound beside what went in: a file that unpacks to more than
//! [`EXPANSION_RATIO_MAX`] times its size is refused, and never more than one window of it is held.
//! Only one layer is unpacked. Several members or frames in a row are one file.

use std::{
    cell::Cell,
    error::Error,
    fmt,
    io::{self, BufRead, BufReader, Cursor, Read},
    rc::Rc,
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use crate::model::limits::{EXPANSION_FREE_BYTES, EXPANSION_RATIO_MAX, ZSTD_WINDOW_BYTES_MAX};

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// gzip, RFC 1952.
    Gzip,
    /// Zstandard, RFC 8878.
    Zstd,
}

/// Why a packed file cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// A bomb, or a file of one byte over and over: unpack it yourself if you trust it.
    #[error(
        "expected {packing} data that unpacks to at most {EXPANSION_RATIO_MAX} times its size \
         beyond {EXPANSION_FREE_BYTES} bytes, found {given} bytes out of {taken}"
    )]
    Bomb {
        /// How it is packed.
        packing: Packing,
        /// Bytes read of the file.
        taken: u64,
        /// Bytes unpacked out of them.
        given: u64,
    },
    /// The file ends early: fetch it again.
    #[error(
        "expected {packing} data up to its end, found the end of the file after {taken} bytes; fetch it again"
    )]
    Truncated {
        /// How it is packed.
        packing: Packing,
        /// Bytes of the file.
        taken: u64,
    },
    /// Bytes that were changed on the way: fetch the file again.
    #[error("expected sound {packing} data, found damage within the first {taken} bytes: {found}")]
    Damaged {
        /// How it is packed.
        packing: Packing,
        /// Bytes read of the file.
        taken: u64,
        /// What the unpacker said.
        found: String,
    },
}

/// What ends a file name whose file is packed.
const SUFFIXES: [&str; 4] = [".gz", ".gzip", ".zst", ".zstd"];

/// The name without the suffix of a packing.
pub(crate) fn without_suffix(name: &str) -> &str {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// The stream as it was before it was packed; as it is, if it is not packed.
pub(crate) fn unpacked(mut reader: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let packing = Packing::of(&magic);
    let whole = Cursor::new(magic).chain(reader);
    let Some(packing) = packing else { return Ok(Box::new(whole)) };
    let taken = Rc::new(Cell::new(0));
    let source = BufReader::new(Counted { reader: whole, count: Rc::clone(&taken) });
    let unpacker: Box<dyn Read> = match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(source)),
        Packing::Zstd => Box::new(ZstdReader::new(source)),
    };
    Ok(Box::new(Bounded { packing, unpacker, taken, given: 0 }))
}

impl Packing {
    /// The packing whose files begin like this.
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        })
    }
}

/// Counts what is read.
struct Counted<R> {
    reader: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.count.set(self.count.get().saturating_add(to_u64(count)));
        Ok(count)
    }
}

/// Compares what comes out with what went in.
struct Bounded {
    packing: Packing,
    unpacker: Box<dyn Read>,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unpacker.read(buffer).map_err(|error| self.explain(error))?;
        self.given = self.given.saturating_add(to_u64(count));
        let (packing, taken, given) = (self.packing, self.taken.get(), self.given);
        let given_max = EXPANSION_RATIO_MAX.saturating_mul(taken);
        if given > given_max.saturating_add(EXPANSION_FREE_BYTES) {
            return Err(io::Error::other(UnpackError::Bomb { packing, taken, given }));
        }
        Ok(count)
    }
}

impl Bounded {
    /// Says what is wrong with the packed data; what the system said passes as it is.
    fn explain(&self, error: io::Error) -> io::Error {
        let (packing, taken) = (self.packing, self.taken.get());
        let is = |kind| error.kind() == kind;
        if is(io::ErrorKind::UnexpectedEof) {
            io::Error::other(UnpackError::Truncated { packing, taken })
        } else if is(io::ErrorKind::InvalidInput) || is(io::ErrorKind::InvalidData) {
            let found = error.to_string();
            io::Error::other(UnpackError::Damaged { packing, taken, found })
        } else {
            error
        }
    }
}

/// Frames in a row, each with its checksum; skippable ones are skipped.
struct ZstdReader<R> {
    source: R,
    decoder: Box<FrameDecoder>,
    in_frame: bool,
}

impl<R: BufRead> ZstdReader<R> {
    fn new(source: R) -> Self {
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(ZSTD_WINDOW_BYTES_MAX);
        Self { source, decoder, in_frame: false }
    }

    /// Goes to the next frame that holds data; `false` at the end of the file.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.source.by_ref().take(u64::from(length));
                    if io::copy(&mut skipped, &mut io::sink())? < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(broken(&error)),
            }
        }
        Ok(false)
    }

    fn check_frame(&self) -> io::Result<()> {
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            let message = "the checksum of a frame is another one";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame {
                if !self.begin_frame()? {
                    return Ok(0);
                }
                self.in_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(|e| broken(&e))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.check_frame()?;
            self.in_frame = false;
        }
    }
}

/// Tells a file that ends early from one that is damaged, and both from one the system cannot read.
fn broken(error: &FrameDecoderError) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return io::Error::new(error.kind(), error.to_string());
        }
        cause = error.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
