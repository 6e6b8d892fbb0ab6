//! Files that others could change: refused or copied, as the caller wants, and what became of the file
//! after a copy is of no matter.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::{FileExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use super::testkit::{TOYS, model, read};
use crate::index::{BlobHash, Catalog, IndexError, Loading, UnverifiedBlob};

const EVERY: [Loading; 3] = [Loading::Auto, Loading::Mmap, Loading::Copy];

struct Shop {
    _dir: tempfile::TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
}

/// The toys in a file with these rights.
fn toys(mode: u32) -> Shop {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (path, bytes) = (dir.path().join("toys.kdx"), model(TOYS).catalog());
    let mut file = File::create(&path).expect("a file");
    file.write_all(&bytes).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("our own file");
    Shop { _dir: dir, path, bytes }
}

fn open(path: &Path, loading: Loading, bytes: &[u8]) -> Result<Catalog, IndexError> {
    let blob = UnverifiedBlob::open_paced(path, loading, &mut |_| Ok(()))?;
    Catalog::from_blob(blob.verify(Some(BlobHash::of(bytes)))?)
}

fn is_right(catalog: &Catalog) -> bool {
    read(&catalog.view()) == model(TOYS).answers()
}

#[test]
fn what_others_may_write_is_copied_or_refused() {
    for mode in [0o664, 0o646, 0o422, 0o666] {
        let shop = toys(mode);
        let catalog = open(&shop.path, Loading::Auto, &shop.bytes).expect("it is copied");
        assert!(is_right(&catalog));
        let why = catalog.blob().copied_because().expect("a reason").to_string();
        assert!(why.contains(&format!("found mode {mode:04o}; `chmod go-w` it")), "{why}");
        let error = open(&shop.path, Loading::Mmap, &shop.bytes).expect_err("it is refused");
        let said = error.to_string();
        assert!(said.contains("toys.kdx: UNSAFE_FILE: expected that only the owner"), "{said}");
        assert!(!error.fault.may_pass(), "it is refused until it is another file");
    }
}

#[test]
fn what_only_we_write_is_mapped_unless_a_copy_is_wanted() {
    for mode in [0o444, 0o644, 0o600] {
        let shop = toys(mode);
        for loading in EVERY {
            let catalog = open(&shop.path, loading, &shop.bytes).expect("it opens");
            assert!(is_right(&catalog));
            assert!(catalog.blob().copied_because().is_none());
            let blob = UnverifiedBlob::open_paced(&shop.path, loading, &mut |_| Ok(()));
            let is_copied = format!("{blob:?}").contains("copied(");
            assert_eq!(is_copied, loading == Loading::Copy, "{loading:?}");
        }
    }
}

#[test]
fn a_link_is_refused_wherever_it_leads() {
    let shop = toys(0o444);
    let link = shop.path.with_extension("link");
    for target in [shop.path.as_path(), Path::new("nowhere"), Path::new("/dev/zero"), &link] {
        symlink(target, &link).expect("a link");
        for loading in EVERY {
            let said = open(&link, loading, &shop.bytes).expect_err("it is refused").to_string();
            assert!(
                said.contains("UNSAFE_FILE: expected a regular file, found a symbolic"),
                "{said}"
            );
        }
        fs::remove_file(&link).expect("our own link");
    }
}

/// A server that maps would end by SIGBUS at the first of these, and answer nonsense at the second.
#[test]
fn a_copy_does_not_see_what_becomes_of_its_file() {
    let shop = toys(0o644);
    let catalog = open(&shop.path, Loading::Copy, &shop.bytes).expect("it opens");
    let file = File::options().write(true).open(&shop.path).expect("our own file");
    file.write_all_at(&vec![0xff; shop.bytes.len()], 0).expect("written");
    assert!(is_right(&catalog));
    file.set_len(0).expect("cut short");
    assert!(is_right(&catalog));
    assert_eq!(catalog.blob().hash(), BlobHash::of(&shop.bytes));
}

/// The length that a file claims must not decide how much memory is asked for.
#[test]
fn a_file_that_only_says_to_be_large_is_refused_before_it_is_copied() {
    let shop = toys(0o644);
    let file = File::options().write(true).open(&shop.path).expect("our own file");
    file.set_len(1 << 40).expect("a file with a hole");
    let mut told = 0;
    let opened = UnverifiedBlob::open_paced(&shop.path, Loading::Copy, &mut |bytes| {
        told += bytes;
        Ok(())
    });
    let said = opened.expect_err("it is refused").to_string();
    assert!(said.contains("TRAILING_BYTES"), "{said}");
    assert_eq!(told, 0, "nothing was copied");
    file.set_len(shop.bytes.len() as u64 - 1).expect("cut short");
    let said = open(&shop.path, Loading::Copy, &shop.bytes).expect_err("it is refused").to_string();
    assert!(said.contains("TRUNCATED"), "{said}");
    for len in [4_095, 100, 8, 7, 1] {
        file.set_len(len).expect("cut short");
        let said = open(&shop.path, Loading::Copy, &shop.bytes).expect_err("refused").to_string();
        assert!(said.contains("TRUNCATED"), "{len}: {said}");
    }
}

#[test]
fn each_piece_of_a_copy_is_told_before_it_is_read() {
    let shop = toys(0o644);
    let mut told = Vec::new();
    UnverifiedBlob::open_paced(&shop.path, Loading::Copy, &mut |bytes| {
        told.push(bytes);
        Ok(())
    })
    .expect("it opens");
    // The header page is read to know whether there is anything to copy.
    assert_eq!(told.iter().sum::<u64>(), shop.bytes.len() as u64 - 4_096);
    let mut told = Vec::new();
    UnverifiedBlob::open_paced(&shop.path, Loading::Mmap, &mut |bytes| {
        told.push(bytes);
        Ok(())
    })
    .expect("it opens");
    assert!(told.is_empty());
}
