//! Reading an rkyv section in place: checked once at open, trusted afterwards.

#![allow(unsafe_code, reason = "access without a second check is an unsafe call")]

use std::{marker::PhantomData, ops::Range};

use rkyv::{
    Portable, access, access_unchecked,
    api::high::{HighSerializer, HighValidator},
    bytecheck::CheckBytes,
    rancor::Error,
    ser::allocator::ArenaHandle,
    util::AlignedVec,
};

use super::{error::Fault, layout::Section, open::Blob};

/// A section whose archive was checked. It belongs to the blob it was checked in.
#[derive(Debug)]
pub(crate) struct Archive<T> {
    range: Range<usize>,
    root: PhantomData<fn() -> T>,
}

impl<T> Archive<T>
where
    T: Portable + for<'a> CheckBytes<HighValidator<'a, Error>>,
{
    /// Checks the archive of a section: every pointer inside, every string UTF-8.
    pub(crate) fn check(blob: &Blob, section: Section) -> Result<Self, Fault> {
        let range = blob.range(section);
        read::<T>(blob.bytes(&range), section)?;
        Ok(Self { range, root: PhantomData })
    }

    /// The root. `blob` must be the one the archive was checked in.
    pub(crate) fn get<'a>(&self, blob: &'a Blob) -> &'a T {
        // SAFETY: `check` read exactly these bytes as `T` when this value was made; a blob's bytes
        // never change (`map.rs`), and owners keep the two together (`Catalog`, `Provenance`,
        // `Dropped` hold one blob and never lend the archive).
        unsafe { access_unchecked::<T>(blob.bytes(&self.range)) }
    }
}

/// The root of the archive in these bytes, after the same check.
pub(crate) fn read<T>(bytes: &[u8], section: Section) -> Result<&T, Fault>
where
    T: Portable + for<'a> CheckBytes<HighValidator<'a, Error>>,
{
    access::<T, Error>(bytes).map_err(|error| Fault::structure(section.code(), error.to_string()))
}

/// The bytes of an archive, ready to be a section.
pub(crate) fn to_bytes<T>(value: &T) -> AlignedVec
where
    T: for<'a> rkyv::Serialize<HighSerializer<AlignedVec, ArenaHandle<'a>, Error>>,
{
    rkyv::to_bytes::<Error>(value).expect("writing to memory cannot fail, and no pointer is shared")
}
