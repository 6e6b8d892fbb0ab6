//! Packed files give what they held; broken ones and bombs are refused by name.

use std::io::{Cursor, Read, Write};

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{read, refused};
use crate::{
    model::limits::EXPANSION_FREE_BYTES,
    sources::{
        Encoding,
        unpack::{UnpackError, unpacked},
    },
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut out = Vec::new();
    let read = unpacked(Box::new(Cursor::new(bytes.to_vec()))).unwrap().read_to_end(&mut out);
    read.map(|_| out).map_err(|error| error.downcast::<UnpackError>().unwrap())
}

/// Text that neither repeats nor fits in one block.
fn long_text() -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..60_000_u64 {
        text.extend(format!("{},{number}\n", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).bytes());
    }
    text
}

#[test]
fn a_packed_table_is_read_like_the_table_under_any_name() {
    let table = b"id,title\na,A\nb,B\n";
    let (gzip, zstd) = (gzip(table), zstd(table));
    for (name, bytes) in [
        ("products.csv", gzip.as_slice()),
        ("products.csv.gz", &gzip),
        ("products.csv.zst", &zstd),
        ("products.csv.zst", table),
    ] {
        assert_eq!(read("kindred", &[(name, bytes)]).products().len(), 2, "{name}");
    }
}

#[test]
fn members_and_frames_in_a_row_are_one_file() {
    let text = long_text();
    for pack in [gzip, zstd] {
        assert_eq!(unpack(&pack(&text)).unwrap(), text);
        let (first, second) = text.split_at(text.len() / 3);
        let parts = [pack(first), pack(b""), pack(second)].concat();
        assert_eq!(unpack(&parts).unwrap(), text);
    }
    let skippable =
        [b"\x50\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd(b"x"), b"\x5f\x2a\x4d\x18\0\0\0\0"];
    assert_eq!(unpack(&skippable.concat()).unwrap(), b"x");
}

#[test]
fn what_is_not_packed_passes() {
    for bytes in [b"".as_slice(), b"i", b"id", b"id,\xff", b"\x1f", b"\x28\xb5\x2f"] {
        assert_eq!(unpack(bytes).unwrap(), bytes);
    }
}

#[test]
fn a_packed_file_that_is_cut_off_anywhere_is_refused() {
    for (packed, shortest) in [(gzip(b"id,title\na,A\n"), 2), (zstd(b"id,title\na,A\n"), 4)] {
        for len in shortest..packed.len() {
            let error = unpack(&packed[..len]).unwrap_err();
            assert!(matches!(error, UnpackError::Truncated { .. }), "{len}: {error}");
        }
    }
    let packed = gzip(b"id,title\na,A\n");
    let len = packed.len() - 3;
    refused(
        "kindred",
        &[("products.csv.gz", &packed[..len])],
        &format!(
            "DIR/products.csv.gz: expected gzip data up to its end, found the end of the file \
             after {len} bytes; fetch it again"
        ),
    );
}

#[test]
fn a_packed_file_that_was_changed_is_refused() {
    let text = long_text();
    for (mut packed, at) in [(gzip(&text), 5_000), (zstd(&text), 5_000)] {
        packed[at] ^= 0x55;
        let error = unpack(&packed).unwrap_err();
        assert!(!matches!(error, UnpackError::Bomb { .. }), "{error}");
    }
    // A changed checksum alone.
    for mut packed in [gzip(&text), zstd(&text)] {
        let at = packed.len() - 1;
        packed[at] ^= 0x55;
        // The last bytes of gzip are the length, those of Zstandard the checksum.
        let error = unpack(&packed).unwrap_err();
        assert!(matches!(error, UnpackError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_bomb_is_refused_long_before_it_went_off() {
    // Deflate packs zeros a thousandfold, a frame of equal bytes without any bound.
    let zeros = vec![0; 64 << 20];
    let gzip_bomb = gzip(&zeros);
    // A window of 1 KiB and blocks that each say "128 KiB of this byte".
    let mut zstd_bomb = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for _ in 0..1_000 {
        let header: u32 = (128 << 10) << 3 | 1 << 1;
        zstd_bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        zstd_bomb.push(b'x');
    }
    for bomb in [gzip_bomb, zstd_bomb] {
        let error = unpack(&bomb).unwrap_err();
        let UnpackError::Bomb { taken, given, .. } = error else { panic!("{error}") };
        assert!(given > EXPANSION_FREE_BYTES && given < 40 << 20, "{given}");
        assert!(taken <= bomb.len() as u64);
        let text = unpack(&bomb).unwrap_err().to_string();
        assert!(text.contains("at most 256 times its size beyond 16777216 bytes"), "{text}");
    }
    // Small files may unpack to what they like.
    let empty_cells = gzip(&vec![b';'; 4 << 20]);
    assert_eq!(unpack(&empty_cells).unwrap().len(), 4 << 20);
}

#[test]
fn a_window_beyond_the_limit_is_refused() {
    // Window of 2^(10 + 17) bytes.
    let error = unpack(b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00").unwrap_err();
    assert!(matches!(error, UnpackError::Damaged { .. }), "{error}");
}

#[test]
fn latin1_becomes_utf8_at_every_end_of_a_buffer() {
    let mut bytes = b"id,title\na,M\xfcsli 5 \x80\n".to_vec();
    bytes.extend([0xe9; 20_000]);
    let mut out = String::new();
    let reader: Box<dyn Read> = Box::new(Cursor::new(bytes));
    Encoding::Latin1.decoded(reader).read_to_string(&mut out).unwrap();
    assert_eq!(out, format!("id,title\na,M\u{fc}sli 5 \u{20ac}\n{}", "\u{e9}".repeat(20_000)));
    assert_eq!(Encoding::from_code("Latin1"), Some(Encoding::Latin1));
    assert_eq!(Encoding::from_code("utf-8"), Some(Encoding::Utf8));
    assert_eq!(Encoding::from_code("utf-16"), None);
}
