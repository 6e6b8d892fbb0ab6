//! Numbers and texts as bytes, for entries of the journal and pieces of a checkpoint.
//!
//! Little-endian, lengths first. The reader takes any bytes: what does not fit is a [`DecodeError`],
//! never a panic and never an allocation larger than the bytes at hand.

use super::error::DecodeError;
use crate::model::limits::ID_BYTES_MAX;

/// Appends to a buffer.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many follow.
    pub(super) fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).expect("lists are far shorter: every one has a limit"));
    }

    /// A text of at most 64 KiB.
    pub(super) fn text(&mut self, text: &str) {
        self.u16(u16::try_from(text.len()).expect("texts are far shorter: every one has a limit"));
        self.raw(text.as_bytes());
    }
}

/// Takes from the front of a buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// What is read, for the error.
    what: &'static str,
    len: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, what, len: bytes.len() }
    }

    pub(super) fn fault(&self, reason: impl Into<String>) -> DecodeError {
        let offset = self.len - self.bytes.len();
        DecodeError { what: self.what, offset, reason: reason.into() }
    }

    pub(super) fn raw<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<N>() else {
            let found = self.bytes.len();
            return Err(self.fault(format!("expected {N} bytes more, found {found}")));
        };
        self.bytes = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.raw::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.raw().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.raw().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.raw().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.raw().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.u64().map(f64::from_bits)
    }

    /// How many elements follow, each of at least `bytes_min`: more than fit is a fault, so that
    /// nobody reserves for them.
    pub(super) fn count(&mut self, bytes_min: usize) -> Result<usize, DecodeError> {
        let count = self.u32()? as usize;
        if count > self.bytes.len() / bytes_min {
            let left = self.bytes.len();
            return Err(self.fault(format!("{count} elements do not fit in {left} bytes")));
        }
        Ok(count)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = usize::from(self.u16()?);
        let Some((text, rest)) = self.bytes.split_at_checked(len) else {
            let found = self.bytes.len();
            return Err(self.fault(format!("expected a text of {len} bytes, found {found}")));
        };
        let Ok(text) = str::from_utf8(text) else {
            return Err(self.fault("expected a text of UTF-8"));
        };
        self.bytes = rest;
        Ok(text)
    }

    /// An id: 1 to [`ID_BYTES_MAX`] bytes.
    pub(super) fn id(&mut self) -> Result<&'a str, DecodeError> {
        let id = self.place()?;
        if id.is_empty() { Err(self.fault("expected an id, found an empty one")) } else { Ok(id) }
    }

    /// An id, or nothing.
    pub(super) fn place(&mut self) -> Result<&'a str, DecodeError> {
        let text = self.text()?;
        if text.len() > ID_BYTES_MAX {
            let len = text.len();
            return Err(self.fault(format!("an id has {len} bytes, at most {ID_BYTES_MAX} fit")));
        }
        Ok(text)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn end(self) -> Result<(), DecodeError> {
        if self.is_at_end() { Ok(()) } else { Err(self.fault("expected the end")) }
    }
}
