//! Goal: reading a file once, chunk by chunk, says of it what reading each part as a whole says.
//! Method: the plain way beside it, over whole and damaged blobs, at chunks that cut every part.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;
use zerocopy::FromBytes as _;

use super::testkit::{TOYS, model};
use crate::index::{
    BlobHash, Fault, UnverifiedBlob,
    layout::{HEADER_BYTES, Header, TRAILER_BYTES},
};

/// The first fault in file order, or the hash; each part is looked at as a whole.
fn plainly(file: &[u8], opened: &UnverifiedBlob) -> Result<BlobHash, String> {
    let (header, _) = Header::ref_from_prefix(file).expect("it was opened");
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    let damaged = |part: &'static str| Fault::Checksum { part }.to_string();
    let mut padding_from = usize::try_from(HEADER_BYTES).expect("a page");
    for ((section, range), entry) in opened.sections().iter().zip(&header.sections) {
        if !is_zero(&file[padding_from..range.start]) {
            return Err(damaged("padding"));
        }
        if xxh3_128(&file[range.clone()]).to_le_bytes() != entry.checksum {
            return Err(damaged(section.code()));
        }
        padding_from = range.end;
    }
    let trailer_at = file.len() - usize::try_from(TRAILER_BYTES).expect("a line");
    if !is_zero(&file[padding_from..trailer_at]) {
        return Err(damaged("padding"));
    }
    Ok(BlobHash::of(file))
}

/// Holds both ways against each other; says whether the file is whole.
#[track_caller]
fn check(file: &[u8], chunk_bytes: usize) -> bool {
    let Ok(opened) = UnverifiedBlob::from_bytes(Path::new("blob"), file) else { return false };
    let mut told = Vec::new();
    let found = opened.hash_of_whole(chunk_bytes, &mut |bytes| {
        told.push(bytes);
        Ok(())
    });
    let is_whole = found.is_ok();
    if is_whole {
        assert_eq!(told.iter().sum::<u64>(), file.len() as u64, "each byte is told of once");
    }
    assert!(told.iter().all(|bytes| (1..=chunk_bytes as u64).contains(bytes)));
    let found = found.map_err(|fault| fault.to_string());
    assert_eq!(found, plainly(file, &opened), "chunks of {chunk_bytes}");
    is_whole
}

#[test]
fn a_whole_file_has_one_hash_at_any_size_of_chunk() {
    let file = model(TOYS).catalog();
    for chunk_bytes in (1..200).chain([4_095, 4_096, 4_097, file.len(), 2 * file.len()]) {
        assert!(check(&file, chunk_bytes));
    }
}

#[test]
fn a_damaged_file_has_the_fault_that_reading_it_plainly_finds() {
    let mut file = model(TOYS).catalog();
    let mut refused = 0;
    for at in 0..file.len() {
        file[at] ^= 1;
        for chunk_bytes in [63, 4_096, 1 << 20] {
            refused += usize::from(!check(&file, chunk_bytes));
        }
        file[at] ^= 1;
    }
    // The hash alone sees some damage, and it is whoever knows the name that holds it against that.
    assert!(refused > 2 * file.len(), "{refused} of {} were refused", 3 * file.len());
}

#[test]
fn of_two_damages_the_first_one_in_the_file_is_named() {
    let mut file = model(TOYS).catalog();
    let opened = UnverifiedBlob::from_bytes(Path::new("blob"), &file).expect("whole");
    let places = opened.sections().iter().filter(|(_, range)| !range.is_empty());
    let places = places.map(|(_, range)| range.start).collect::<Vec<_>>();
    assert!(places.len() > 3);
    for pair in places.windows(2) {
        pair.iter().for_each(|at| file[*at] ^= 0x80);
        assert!(!check(&file, 100));
        pair.iter().for_each(|at| file[*at] ^= 0x80);
    }
}
