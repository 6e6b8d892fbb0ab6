//! Files written in huge pages have the bytes that were put, whatever the lengths of the pieces.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
};

use crate::index::pages::{HUGE_PAGE_BYTES, PageWriter};

/// A piece of a file: bytes of this length, or zeros.
#[derive(Clone, Copy)]
enum Piece {
    Bytes(usize),
    Zeros(usize),
}
use Piece::{Bytes, Zeros};

/// Writes the pieces, compares the file, and says how many bytes of the disk it takes.
#[track_caller]
fn check(pieces: &[Piece]) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let file = tempfile::tempfile().expect("a temporary file");
    let mut writer = PageWriter::new(file.try_clone().expect("a second handle"));
    let mut expected = Vec::<u8>::new();
    for (piece, fill) in pieces.iter().zip(1..) {
        match *piece {
            Bytes(len) => {
                let bytes = vec![fill; len];
                writer.write(&bytes).expect("written");
                expected.extend(bytes);
            }
            Zeros(len) => {
                writer.write_zeros(len as u64).expect("written");
                expected.resize(expected.len() + len, 0);
            }
        }
    }
    writer.finish(b"start").expect("written and synced");
    expected[..5].copy_from_slice(b"start");
    assert!(read(file.try_clone().expect("a handle")) == expected);
    file.metadata().expect("its length").blocks() * 512
}

/// Every device is full here.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_said_then_or_later_and_never_lost() {
    let full = || File::options().write(true).open("/dev/full").expect("a full device");
    let page = vec![1; HUGE_PAGE_BYTES];

    let mut writer = PageWriter::new(full());
    let failed = (0..64).find_map(|_| writer.write(&page).err()).expect("it fails within pages");
    assert_eq!(failed.kind(), std::io::ErrorKind::StorageFull);
    assert!(writer.write(&page).is_err(), "and stays failed");
    assert!(writer.finish(b"start").is_err());

    let mut writer = PageWriter::new(full());
    writer.write(&page).expect("it is on its way");
    let failed = writer.finish(b"start").expect_err("it did not arrive");
    assert_eq!(failed.kind(), std::io::ErrorKind::StorageFull);
}

fn read(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("a regular file");
    file.read_to_end(&mut bytes).expect("it can be read");
    bytes
}

#[test]
fn pieces_of_any_length_come_out_as_they_were_put() {
    const PAGE: usize = HUGE_PAGE_BYTES;
    check(&[Zeros(4096), Bytes(1)]);
    check(&[Bytes(5)]);
    check(&[Zeros(64), Bytes(PAGE - 64)]);
    check(&[Zeros(64), Bytes(PAGE - 63), Zeros(0), Bytes(0)]);
    check(&[Bytes(PAGE), Bytes(PAGE), Bytes(1)]);
    check(&[Bytes(3 * PAGE + 7), Zeros(PAGE), Bytes(PAGE - 8), Zeros(1), Bytes(1)]);
    check(&[Bytes(9), Zeros(3 * PAGE), Bytes(1)]);
}

#[test]
fn whole_pages_of_zeros_take_no_place_on_the_disk() {
    const PAGE: usize = HUGE_PAGE_BYTES;
    let taken = check(&[Bytes(9), Zeros(12 * PAGE), Bytes(9)]);
    assert!(taken <= 3 * PAGE as u64, "{taken} bytes for two pages that have something");
}

/// The null device takes every byte, and no sync.
#[test]
fn a_file_counts_as_written_only_when_the_system_has_synced_it() {
    let null = File::options().write(true).open("/dev/null").expect("the null device");
    let mut writer = PageWriter::new(null);
    writer.write(b"bytes").expect("they are taken");
    let failed = writer.finish(b"start").expect_err("they are not synced");
    assert_eq!(failed.kind(), std::io::ErrorKind::InvalidInput);
}
