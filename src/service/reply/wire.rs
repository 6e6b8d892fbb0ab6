//! The wire format: a buffer that takes the fields of messages.

use arrayvec::ArrayVec;

/// A message that can be written.
pub(super) trait Message {
    fn write(&self, out: &mut Wire);
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
pub(super) const LENGTH_DELIMITED: u8 = 2;
const FIXED_32: u8 = 5;

/// Bytes of a number of 64 bits.
const VARINT_BYTES_MAX: usize = 10;

/// Seven bits a byte, the low ones first.
fn varint(value: u64) -> ArrayVec<u8, VARINT_BYTES_MAX> {
    let mut bytes = ArrayVec::new();
    let mut rest = value;
    while rest > 0x7f {
        bytes.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push((rest & 0x7f) as u8);
    bytes
}

/// The bytes of a message on its way. Zero and empty values are left out, as proto3 says. Keep one a
/// thread; it grows to what the largest reply needed.
#[derive(Debug, Default)]
pub(in crate::service) struct Wire(Vec<u8>);

impl Wire {
    /// Forgets everything.
    pub(super) fn begin(&mut self) {
        self.0.clear();
    }

    pub(super) fn written(&self) -> &[u8] {
        &self.0
    }

    #[inline]
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Up to `N` bytes at once: `fill` is given room for all of them, and says how many it took.
    #[inline(always)]
    pub(super) fn fill<const N: usize>(&mut self, fill: impl FnOnce(&mut [u8; N]) -> usize) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; N]);
        let taken = self.0.last_chunk_mut().map_or(0, fill);
        self.0.truncate(start.saturating_add(taken));
    }

    #[inline]
    pub(super) fn raw_varint(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(short @ ..=0x7f) => self.0.push(short),
            _ => self.0.extend_from_slice(&varint(value)),
        }
    }

    #[inline]
    pub(super) fn tag(&mut self, field: u8, wire_type: u8) {
        self.raw_varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    /// A nested message.
    #[inline]
    pub(super) fn message(&mut self, field: u8, message: &impl Message) {
        self.nested(field, |out| message.write(out));
    }

    /// Something of which nobody knows how long it will be. Most are short: one byte is left for the
    /// length, and what was written moves on where that does not do.
    #[inline]
    pub(super) fn nested(&mut self, field: u8, write: impl FnOnce(&mut Self)) {
        self.tag(field, LENGTH_DELIMITED);
        let place = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len().saturating_sub(place).saturating_sub(1);
        match (u8::try_from(length), self.0.get_mut(place)) {
            (Ok(short @ ..=0x7f), Some(byte)) => *byte = short,
            _ => self.put_length(place, length),
        }
    }

    /// Makes room for a length of several bytes at this place, where one byte stands.
    fn put_length(&mut self, place: usize, length: usize) {
        let varint = varint(length as u64);
        self.0.splice(place..=place, varint);
    }

    /// A number of 32 bits with a sign, which takes ten bytes where it is negative.
    #[inline]
    pub(super) fn int32(&mut self, field: u8, value: i32) {
        self.int64(field, i64::from(value));
    }

    /// Tag and length of something that follows.
    #[inline]
    pub(super) fn head(&mut self, field: u8, length: usize) {
        self.tag(field, LENGTH_DELIMITED);
        self.raw_varint(length as u64);
    }

    #[inline]
    pub(super) fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.raw_varint(value);
        }
    }

    #[inline]
    pub(super) fn int64(&mut self, field: u8, value: i64) {
        self.varint(field, value.cast_unsigned());
    }

    #[inline]
    pub(super) fn fixed64(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn float(&mut self, field: u8, value: f32) {
        if value != 0.0 {
            self.tag(field, FIXED_32);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn double(&mut self, field: u8, value: f64) {
        if value != 0.0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    /// An element of a repeated field: written even if empty.
    #[inline]
    pub(super) fn element(&mut self, field: u8, value: &[u8]) {
        self.head(field, value.len());
        self.raw(value);
    }
}
