//! Records as a file: what a source said, kept so that it need not be read again.
//!
//! A file of records repeats the calls that a [`RecordSink`](crate::model::record::RecordSink) got:
//! files, records, findings, in order. All numbers are little-endian.
//!
//! | part | bytes |
//! |---|---|
//! | head | `KINDREC` and the version, 1 byte |
//! | block, any number | payload length u32, not 0; XXH3-64 of the payload u64; payload: whole entries |
//! | end | 0 as u32; number of entries u64; then the file ends |
//!
//! An entry is a tag and its fields. A number is 7 bits a byte, low ones first, the top bit says that
//! more follow; a signed one is zigzag. A text is its length and its UTF-8. An optional field is 0, or
//! 1 and the value. A float is its 8 bytes (a score 4). Records begin with the number of their file,
//! counted from 0 in the order of the file entries, and the line.
//!
//! | tag | entry | fields |
//! |---|---|---|
//! | 0 | file | name, optional time of change |
//! | 1 to 8 | `Product`, `ProductMarket`, `Relation` without a time of confirmation, `Bundle`, `Alias`, `Variant`, `Scope`, `Tombstone` | those of the record, in its order |
//! | 9 | finding | place, code, field, message |
//! | 10 | `Relation` with a time of confirmation | those of a relation, then that time |
//!
//! A file is named by the BLAKE3 hash of its bytes. A reader believes nothing: lengths are bounded,
//! every value is checked as an importer checks it, and what does not hold is refused with its place.
//! A change of the format, or of what a record means, raises the version. Version 1 had no tag 10 and is
//! read as before: what sources said in the modes that add to it stands nowhere else.

mod decode;
mod encode;
mod error;
mod read;
mod relay;
mod spoken;
mod staying;
mod structure;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use error::RecordsError;
pub(crate) use read::replay;
pub use relay::{RelaySink, Relayed, SourceSink, relay};
pub(crate) use spoken::{Spoken, StayingRules};
pub(crate) use staying::{KeptFindings, Noting, Staying};
pub(crate) use structure::Completing;
pub(crate) use write::{RecordWriter, Tee, Written};

use crate::model::hex;

/// Raised with every change of the format or of what a record in it means.
pub(crate) const VERSION: u8 = 2;

/// The oldest version that is read.
const VERSION_MIN: u8 = 1;

const MAGIC: [u8; 7] = *b"KINDREC";

/// Bytes of a block before its payload.
const BLOCK_HEAD_BYTES: usize = 12;

/// The name of a file of records: the BLAKE3 hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordsHash([u8; 32]);

impl RecordsHash {
    /// The hash of 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex::parse(text).map(Self)
    }
}

impl TryFrom<String> for RecordsHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("expected 64 digits of a hash, found {text:?}"))
    }
}

impl From<RecordsHash> for String {
    fn from(hash: RecordsHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for RecordsHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

/// Kinds of entries.
mod tag {
    pub(super) const FILE: u8 = 0;
    pub(super) const PRODUCT: u8 = 1;
    pub(super) const PRODUCT_MARKET: u8 = 2;
    pub(super) const RELATION: u8 = 3;
    pub(super) const BUNDLE: u8 = 4;
    pub(super) const ALIAS: u8 = 5;
    pub(super) const VARIANT: u8 = 6;
    pub(super) const SCOPE: u8 = 7;
    pub(super) const TOMBSTONE: u8 = 8;
    pub(super) const FINDING: u8 = 9;
    pub(super) const CONFIRMED_RELATION: u8 = 10;
}
