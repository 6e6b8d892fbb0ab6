//! The wire format: what takes the bytes of messages, or only counts them.

/// A message that can be measured and written.
pub(super) trait Message {
    fn write(&self, out: &mut impl Sink);
}

const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED_32: u8 = 5;

/// Takes wire bytes, or only counts them. Zero and empty values are left out, as proto3 says.
pub(super) trait Sink {
    fn raw(&mut self, bytes: &[u8]);

    fn raw_varint(&mut self, value: u64);

    /// A nested message.
    fn message(&mut self, field: u8, message: &impl Message);

    #[inline]
    fn tag(&mut self, field: u8, wire_type: u8) {
        self.raw_varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    /// A number of 32 bits with a sign, which takes ten bytes where it is negative.
    #[inline]
    fn int32(&mut self, field: u8, value: i32) {
        self.int64(field, i64::from(value));
    }

    /// Tag and length of something that follows.
    #[inline]
    fn head(&mut self, field: u8, length: usize) {
        self.tag(field, LENGTH_DELIMITED);
        self.raw_varint(length as u64);
    }

    #[inline]
    fn varint(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.raw_varint(value);
        }
    }

    #[inline]
    fn int64(&mut self, field: u8, value: i64) {
        self.varint(field, value.cast_unsigned());
    }

    #[inline]
    fn fixed64(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    fn float(&mut self, field: u8, value: f32) {
        if value != 0.0 {
            self.tag(field, FIXED_32);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    fn double(&mut self, field: u8, value: f64) {
        if value != 0.0 {
            self.tag(field, FIXED_64);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.element(field, value);
        }
    }

    /// An element of a repeated field: written even if empty.
    #[inline]
    fn element(&mut self, field: u8, value: &[u8]) {
        self.head(field, value.len());
        self.raw(value);
    }
}

/// Bytes that were offered.
#[derive(Default)]
pub(super) struct Length(pub(super) usize);

impl Length {
    pub(super) fn of(message: &impl Message) -> Self {
        let mut length = Self(0);
        message.write(&mut length);
        length
    }

    /// A nested message of this length.
    #[inline]
    pub(super) fn block(&mut self, field: u8, length: usize) {
        self.head(field, length);
        self.0 += length;
    }
}

impl Sink for Length {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn raw_varint(&mut self, value: u64) {
        // Seven bits a byte, and zero takes one, too.
        self.0 += (value | 1).ilog2() as usize / 7 + 1;
    }

    fn message(&mut self, field: u8, message: &impl Message) {
        self.block(field, Self::of(message).0);
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn raw_varint(&mut self, value: u64) {
        let mut rest = value;
        while rest > 0x7f {
            self.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.push((rest & 0x7f) as u8);
    }

    fn message(&mut self, field: u8, message: &impl Message) {
        self.head(field, Length::of(message).0);
        message.write(self);
    }
}
