//! Each reason to refuse a file is named, and nothing but the very bytes that were written opens.

use std::{fs::File, io::Write as _, os::unix::net::UnixListener, path::Path, process::Command};

use super::{
    round_trip,
    testkit::{self, Parts, TOYS, blob, model, read, written},
};
use crate::index::{
    BlobHash, Catalog, Dropped, Fault, IndexError, Provenance, Role, UnverifiedBlob,
    layout::Header, write_dropped, write_text,
};

/// The code of the fault that bytes meet on their way to a catalog; `None` if they open.
fn fault(bytes: &[u8]) -> Option<&'static str> {
    testkit::catalog(bytes).err().map(|error| error.fault.code())
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(fault(bytes), Some(expected));
}

#[track_caller]
fn check_error<T>(opened: Result<T, IndexError>, expected: &str) {
    let error = opened.err().expect("the file is refused");
    assert_eq!(error.fault.code(), expected, "{error}");
    assert!(error.fault.to_string().starts_with(expected), "the code stands first: {error}");
    assert!(error.to_string().contains(&error.path.display().to_string()));
}

/// A whole blob with a header that says something else, under checksums that fit.
fn lie(lie: impl FnOnce(&mut Header)) -> Vec<u8> {
    Parts::of(&model(TOYS).catalog()).bytes_with_header(lie)
}

#[test]
fn another_kind_of_file_is_no_index() {
    check(b"PK\x03\x04 this is another kind of file", "NOT_AN_INDEX");
    let mut bytes = model(TOYS).catalog();
    // What a transfer in text mode does.
    bytes.remove(4);
    check(&bytes, "NOT_AN_INDEX");
}

#[test]
fn the_other_byte_order_is_named() {
    check(&lie(|header| header.endian.set(0x0403_0201)), "WRONG_ENDIAN");
    check(&lie(|header| header.endian.set(0x0403_0200)), "CHECKSUM");
}

#[test]
fn formats_of_other_times_are_named() {
    check(&lie(|header| header.format.set(3)), "FORMAT_TOO_NEW");
    check(&lie(|header| header.format.set(0)), "FORMAT_TOO_OLD");
    // A newer format may keep its checksum elsewhere.
    let mut bytes = model(TOYS).catalog();
    bytes[12] = 3;
    check(&bytes, "FORMAT_TOO_NEW");
}

#[test]
fn features_are_refused_if_required_and_ignored_if_optional() {
    check(&lie(|header| header.required_features.set(1 << 63)), "UNKNOWN_FEATURE");
    assert_eq!(fault(&lie(|header| header.optional_features.set(1 << 63))), None);
}

#[test]
fn bytes_behind_the_end_are_named() {
    for count in [1, 31, 32, 64, 4096] {
        let bytes = [model(TOYS).catalog(), vec![0; count]].concat();
        check(&bytes, "TRAILING_BYTES");
    }
}

#[test]
fn a_blob_for_something_else_is_named() {
    let toys = model(TOYS);
    let catalog_bytes = toys.catalog();
    let catalog = testkit::catalog(&catalog_bytes).expect("it opens");
    let provenance = toys.provenance(catalog.blob().hash());
    let dropped = written(|file| write_dropped(file, Path::new("d"), &round_trip::dropped()));
    check(&provenance, "WRONG_ROLE");
    check(&dropped, "WRONG_ROLE");
    check_error(testkit::provenance(&dropped, &catalog), "WRONG_ROLE");
    check_error(Dropped::from_blob(blob(&catalog_bytes).expect("whole")), "WRONG_ROLE");
    let policy = written(|file| write_text(file, Path::new("p"), Role::Policy, "a = 1"));
    check(&policy, "WRONG_ROLE");
}

#[test]
fn another_blob_under_a_name_is_refused() {
    let bytes = model(TOYS).catalog();
    let open =
        || UnverifiedBlob::from_bytes(Path::new("blob"), &bytes).expect("the header is fine");
    let hash = BlobHash::of(&bytes);
    assert_eq!(open().verify(Some(hash)).expect("its own name").hash(), hash);
    check_error(open().verify(Some(BlobHash::of(b"another"))), "WRONG_HASH");
}

/// The doc comment said `WRONG_HASH`, the code said `STRUCTURE`, and with it that the file was
/// compiled wrong: it was not, a manifest named it beside another catalog.
#[test]
fn provenance_of_another_catalog_is_refused_by_hash() {
    let toys = model(TOYS);
    let catalog = testkit::catalog(&toys.catalog()).expect("it opens");
    let other = BlobHash::of(b"another catalog");
    let opened = testkit::provenance(&toys.provenance(other), &catalog);
    let fault = opened.expect_err("it is refused").fault;
    let named = catalog.blob().hash();
    assert!(
        matches!(fault, Fault::WrongHash { expected, found } if expected == named && found == other)
    );
}

#[test]
fn what_is_no_regular_file_is_refused_before_it_is_opened() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name);
    check_error(Catalog::open(directory.path(), None), "UNSAFE_FILE");
    check_error(Catalog::open(Path::new("/dev/null"), None), "UNSAFE_FILE");
    let _socket = UnixListener::bind(at("socket")).expect("a socket");
    check_error(Catalog::open(&at("socket"), None), "UNSAFE_FILE");
}

/// Opening a pipe that nobody writes to waits for ever: a server would hang at its next snapshot.
#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let pipe = directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is part of Linux");
    assert!(made.success());
    check_error(Catalog::open(&pipe, None), "UNSAFE_FILE");
}

#[test]
fn a_missing_or_empty_file_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let missing = Catalog::open(&directory.path().join("missing"), None);
    assert!(missing.as_ref().is_err_and(|error| error.fault.may_pass()));
    check_error(missing, "IO");
    let empty = directory.path().join("empty");
    drop(File::create(&empty).expect("a file"));
    check_error(Catalog::open(&empty, None), "TRUNCATED");
    check(b"", "TRUNCATED");
}

#[test]
fn a_file_opens_as_its_bytes_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("blob");
    let bytes = model(TOYS).catalog();
    File::create(&path).and_then(|mut file| file.write_all(&bytes)).expect("written");
    let catalog = Catalog::open(&path, Some(BlobHash::of(&bytes))).expect("it opens");
    assert_eq!(read(&catalog.view()), model(TOYS).answers());
    assert_eq!(catalog.blob().size_bytes(), bytes.len() as u64);
    assert_eq!(
        (catalog.blob().role(), catalog.blob().hash()),
        (Role::Catalog, BlobHash::of(&bytes))
    );
    let pages = bytes.chunks(4096).map(|page| u64::from(page[0])).sum::<u64>();
    assert_eq!(catalog.blob().warm(&mut |_| {}), pages);
}

#[test]
fn truncation_at_every_byte_is_refused_by_name() {
    let toys = model(TOYS);
    let bytes = toys.catalog();
    for len in 0..bytes.len() {
        check(&bytes[..len], "TRUNCATED");
    }
    let catalog = testkit::catalog(&bytes).expect("whole");
    let provenance = toys.provenance(catalog.blob().hash());
    for len in 0..provenance.len() {
        check_error(testkit::provenance(&provenance[..len], &catalog), "TRUNCATED");
    }
}

#[test]
fn every_single_bit_flip_is_refused_by_name() {
    let toys = model(TOYS);
    let mut bytes = toys.catalog();
    let catalog = testkit::catalog(&bytes).expect("whole");
    assert!(bytes.len() < 16 << 10, "{} bytes are too many to flip each bit", bytes.len());
    flip_each_bit(&mut bytes, fault);
    let mut bytes = toys.provenance(catalog.blob().hash());
    flip_each_bit(&mut bytes, |bytes| {
        testkit::provenance(bytes, &catalog).err().map(|error| error.fault.code())
    });
    let mut bytes = written(|file| write_dropped(file, Path::new("d"), &round_trip::dropped()));
    flip_each_bit(&mut bytes, |bytes| {
        blob(bytes).and_then(Dropped::from_blob).err().map(|error| error.fault.code())
    });
}

fn flip_each_bit(bytes: &mut [u8], fault: impl Fn(&[u8]) -> Option<&'static str>) {
    let mut counts = std::collections::BTreeMap::<_, u32>::new();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let code = fault(bytes);
            bytes[at] ^= 1 << bit;
            let code = code.unwrap_or_else(|| panic!("bit {bit} of byte {at} went unseen"));
            *counts.entry(code).or_default() += 1;
        }
    }
    // Every bit but those of magic, format and length is seen by a checksum.
    let named = ["NOT_AN_INDEX", "FORMAT_TOO_NEW", "FORMAT_TOO_OLD", "CHECKSUM"];
    assert!(counts.keys().all(|code| named.contains(code)), "{counts:?}");
    assert_eq!(counts["NOT_AN_INDEX"], 64);
    assert_eq!(counts["FORMAT_TOO_NEW"] + counts["FORMAT_TOO_OLD"], 32);
    assert_eq!(counts.values().sum::<u32>() as usize, bytes.len() * 8);
}

#[test]
fn provenance_is_opened_beside_its_own_catalog() {
    let toys = model(TOYS);
    let catalog = testkit::catalog(&toys.catalog()).expect("it opens");
    let bytes = toys.provenance(catalog.blob().hash());
    let blob = blob(&bytes).expect("whole");
    assert!(Provenance::from_blob(blob, &catalog.view(), catalog.blob().hash()).is_ok());
}
