//! Reading an rkyv section: copied and checked once at open, trusted afterwards.
//!
//! An archive holds offsets that are followed without a look, so that it must be what was checked: the bytes of
//! a mapped file are not, if somebody writes to it in place. These sections are the small ones.

#![allow(unsafe_code, reason = "access without a second check is an unsafe call")]

use std::marker::PhantomData;

use rkyv::{
    Portable, access, access_unchecked,
    api::high::{HighSerializer, HighValidator},
    bytecheck::CheckBytes,
    rancor::Error,
    ser::allocator::ArenaHandle,
    util::AlignedVec,
};

use super::{error::Fault, layout::Section, open::Blob};

/// A section's archive, checked.
#[derive(Debug)]
pub(crate) struct Archive<T> {
    /// Nobody else has them, and nothing here changes them.
    bytes: AlignedVec,
    root: PhantomData<fn() -> T>,
}

impl<T> Archive<T>
where
    T: Portable + for<'a> CheckBytes<HighValidator<'a, Error>>,
{
    /// Checks the archive of a section: every pointer inside, every string UTF-8.
    pub(crate) fn check(blob: &Blob, section: Section) -> Result<Self, Fault> {
        let mut bytes = AlignedVec::new();
        bytes.extend_from_slice(blob.bytes(&blob.range(section)));
        read::<T>(&bytes, section)?;
        Ok(Self { bytes, root: PhantomData })
    }

    /// The root.
    pub(crate) fn get(&self) -> &T {
        // SAFETY: `check` read exactly these bytes as `T` when this value was made, and nothing changes them:
        // they are private to this value, which lends them for reading only.
        unsafe { access_unchecked::<T>(&self.bytes) }
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
