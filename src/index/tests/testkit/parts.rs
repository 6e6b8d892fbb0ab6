//! A blob taken apart and put together again, by `FORMAT.md` and not by `BlobWriter`: what a forger
//! with the right tools would do.

use xxhash_rust::xxh3::xxh3_128;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::index::layout::{Header, Section, Trailer};

/// Header and sections of a blob.
#[derive(Clone)]
pub(in super::super) struct Parts {
    /// Offsets, lengths and checksums are filled in by [`Parts::bytes`].
    pub(in super::super) header: Header,
    pub(in super::super) sections: Vec<(Section, Vec<u8>)>,
}

impl Parts {
    pub(in super::super) fn of(blob: &[u8]) -> Self {
        let (header, _) = Header::read_from_prefix(blob).expect("a whole blob");
        let count = header.section_count.get() as usize;
        let section = |number: u32| {
            let known = Section::ALL.iter().find(|section| **section as u32 == number);
            *known.expect("a section of the format")
        };
        let take = |entry: &crate::index::layout::SectionEntry| {
            let start = usize::try_from(entry.offset.get()).expect("a small blob");
            let len = usize::try_from(entry.len.get()).expect("a small blob");
            (section(entry.kind.get()), blob[start..start + len].to_vec())
        };
        let sections = header.sections[..count].iter().map(take).collect();
        Self { header, sections }
    }

    pub(in super::super) fn section(&mut self, section: Section) -> &mut Vec<u8> {
        let mut sections = self.sections.iter_mut();
        let found = sections.find(|(found, _)| *found == section);
        &mut found.expect("a section of the role").1
    }

    /// The records of a section, to be changed in place.
    pub(in super::super) fn records<T>(&mut self, section: Section) -> &mut [T]
    where
        T: FromBytes + IntoBytes + Immutable + KnownLayout,
    {
        <[T]>::mut_from_bytes(self.section(section)).expect("whole records")
    }

    /// The blob, with every offset, length and checksum as it must be.
    pub(in super::super) fn bytes(&self) -> Vec<u8> {
        let mut header = self.header.clone();
        let mut body = Vec::new();
        let align = |body: &mut Vec<u8>| body.resize(body.len().next_multiple_of(64), 0);
        for ((section, bytes), entry) in self.sections.iter().zip(&mut header.sections) {
            align(&mut body);
            entry.kind.set(*section as u32);
            entry.offset.set(4096 + body.len() as u64);
            entry.len.set(bytes.len() as u64);
            entry.checksum = xxh3_128(bytes).to_le_bytes();
            body.extend_from_slice(bytes);
        }
        align(&mut body);
        header.file_len.set(4096 + body.len() as u64 + 32);
        seal(header, &body)
    }

    /// The blob with a header that `lie` changed last, under checksums that fit.
    pub(in super::super) fn bytes_with_header(&self, lie: impl FnOnce(&mut Header)) -> Vec<u8> {
        let honest = self.bytes();
        let (mut header, body) = Header::read_from_prefix(&honest).expect("a whole blob");
        lie(&mut header);
        seal(header, &body[..body.len() - 32])
    }
}

/// Header, body and trailer, with the header's checksum as it must be.
fn seal(mut header: Header, body: &[u8]) -> Vec<u8> {
    header.checksum = xxh3_128(&header.as_bytes()[..4080]).to_le_bytes();
    let trailer = Trailer {
        magic: *b"KDXEND\r\n",
        file_len: header.file_len,
        header_checksum: header.checksum,
    };
    [header.as_bytes(), body, trailer.as_bytes()].concat()
}
