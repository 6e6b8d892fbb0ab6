//! Files that are no blobs, no longer, or not for this machine or version: each has its own name.

use std::{fs, process::Command};

use crate::{
    command::kindred,
    shop::{Shop, write},
};

/// A way to spoil a blob, and the code by which it is refused.
pub(crate) struct Damage {
    pub(crate) name: &'static str,
    pub(crate) code: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// Where the header has what a reader looks at first: magic, mark of the byte order, format.
const ENDIAN_AT: usize = 8;
const FORMAT_AT: usize = 12;

/// A catalog spoilt in every way.
pub(crate) fn all(whole: &[u8]) -> Vec<Damage> {
    let with = |at: usize, bytes: &[u8]| {
        let mut spoilt = whole.to_vec();
        spoilt[at..at + bytes.len()].copy_from_slice(bytes);
        spoilt
    };
    let flipped = |at: usize| with(at, &[whole[at] ^ 0x10]);
    let len = whole.len();
    let mut swapped_mark: [u8; 4] = whole[ENDIAN_AT..FORMAT_AT].try_into().unwrap();
    swapped_mark.reverse();
    let damage = |name, code, bytes| Damage { name, code, bytes };
    vec![
        damage("the last byte is lost", "TRUNCATED", whole[..len - 1].to_vec()),
        damage("half is lost", "TRUNCATED", whole[..len / 2].to_vec()),
        damage("only a part of the header is left", "TRUNCATED", whole[..100].to_vec()),
        damage("four bytes are left", "TRUNCATED", whole[..4].to_vec()),
        damage("a byte too many", "TRAILING_BYTES", [whole, b"\n"].concat()),
        damage("a bit of the header is flipped", "CHECKSUM", flipped(64)),
        damage("a bit in the middle is flipped", "CHECKSUM", flipped(len / 2)),
        damage("a bit of the trailer is flipped", "CHECKSUM", flipped(len - 1)),
        damage(
            "from a machine of the other byte order",
            "WRONG_ENDIAN",
            with(ENDIAN_AT, &swapped_mark),
        ),
        damage("from a newer version", "FORMAT_TOO_NEW", with(FORMAT_AT, &99_u32.to_le_bytes())),
        damage("from before the first version", "FORMAT_TOO_OLD", with(FORMAT_AT, &[0; 4])),
        damage("read as text and written again", "NOT_AN_INDEX", b"\xef\xbf\xbd".repeat(99)),
        damage("a table", "NOT_AN_INDEX", b"id,title\ntoy-car,Toy car\n".to_vec()),
        damage(
            "a picture",
            "NOT_AN_INDEX",
            [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 5_000]].concat(),
        ),
    ]
}

#[test]
fn verify_names_what_is_wrong_with_a_file() {
    let shop = Shop::demo();
    let whole = fs::read(shop.catalog_file()).unwrap();
    let file = shop.path("spoilt.kdx");
    for Damage { name, code, bytes } in all(&whole) {
        write(&file, bytes);
        for command in ["verify", "inspect"] {
            let run = kindred([command.as_ref(), file.as_os_str()]).ended(5);
            let expected = format!("{}: {code}: ", file.display());
            assert!(run.err.contains(&expected), "{name}: expected {expected:?} in {}", run.err);
            assert_eq!(run.out, "", "{name}");
        }
    }
    write(&file, b"");
    kindred(["verify".as_ref(), file.as_os_str()]).ended(5).complained(&["TRUNCATED"]);
    write(&file, whole);
    let run = kindred(["verify".as_ref(), file.as_os_str()]).succeeded();
    assert!(run.out.starts_with("ok catalog "), "{}", run.out);
}

#[test]
fn verify_names_files_that_are_missing_or_no_files() {
    let shop = Shop::demo();
    let missing = shop.path("missing.kdx");
    kindred(["verify".as_ref(), missing.as_os_str()])
        .ended(5)
        .complained(&["missing.kdx: IO: ", "No such file"]);
    let pipe = shop.path("pipe.kdx");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    kindred(["verify".as_ref(), pipe.as_os_str()])
        .ended(5)
        .complained(&["pipe.kdx: UNSAFE_FILE: "]);
    kindred(["verify".as_ref(), shop.path("tables").as_os_str()])
        .ended(5)
        .complained(&["is no store: expected the directory"]);
}

#[test]
fn verify_of_a_store_reads_every_blob_of_what_is_live() {
    let shop = Shop::demo();
    let store = shop.store_dir();
    let run = kindred(["verify".as_ref(), store.as_os_str()]).succeeded();
    let roles = run.out.lines().map(|line| line.split(' ').nth(1).unwrap()).collect::<Vec<_>>();
    assert_eq!(roles, ["catalog", "policy", "provenance", "dropped"]);
    for role in roles {
        let blobs = fs::read_dir(store.join("blobs")).unwrap().map(|entry| entry.unwrap().path());
        let ending = format!(".{role}.kdx");
        let blob =
            blobs.into_iter().find(|path| path.to_str().unwrap().ends_with(&ending)).unwrap();
        let whole = fs::read(&blob).unwrap();
        let mut spoilt = whole.clone();
        spoilt[whole.len() / 2] ^= 1;
        write(&blob, spoilt);
        kindred(["verify".as_ref(), store.as_os_str()])
            .ended(5)
            .complained(&[blob.to_str().unwrap(), "CHECKSUM"]);
        write(&blob, whole);
    }
    kindred(["verify".as_ref(), store.as_os_str()]).succeeded();
}
