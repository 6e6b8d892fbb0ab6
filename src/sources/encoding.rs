//! Texts in another encoding than UTF-8, turned into UTF-8 as they are read.

use std::io::{self, Read};

/// How the bytes of a file spell characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without its mark.
    #[default]
    Utf8,
    /// Latin-1 as programs write it: Windows-1252, which has a sign where ISO 8859-1 has a control.
    Latin1,
}

/// What the bytes 0x80 to 0x9f mean in Windows-1252; five are no character and stay controls.
const HIGH_CONTROLS: [char; 32] = [
    '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
];

impl Encoding {
    /// The encoding of a word on the command line.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "latin1" | "latin-1" | "iso-8859-1" | "windows-1252" => Some(Self::Latin1),
            _ => None,
        }
    }

    /// The stream in UTF-8, which is not checked here.
    pub(crate) fn decoded(self, reader: Box<dyn Read>) -> Box<dyn Read> {
        match self {
            Self::Utf8 => reader,
            Self::Latin1 => Box::new(Latin1 { reader, text: Vec::new(), start: 0 }),
        }
    }
}

/// Each byte of Latin-1 is a character.
struct Latin1 {
    reader: Box<dyn Read>,
    /// Decoded text; what lies before `start` was handed out.
    text: Vec<u8>,
    start: usize,
}

impl Read for Latin1 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.text.len() {
            let mut bytes = [0; 8 << 10];
            let count = self.reader.read(&mut bytes)?;
            self.text.clear();
            self.start = 0;
            for byte in bytes.into_iter().take(count) {
                let character = match byte {
                    0x80..=0x9f => HIGH_CONTROLS[usize::from(byte - 0x80)],
                    _ => char::from(byte),
                };
                self.text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        let rest = &self.text[self.start..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.start += count;
        Ok(count)
    }
}
