//! Bytes that are not what was written: refused by name, never a panic, never believed.

use std::io;

use proptest::{collection::vec, prelude::*};
use xxhash_rust::xxh3::xxh3_64;

use super::*;
use crate::{
    model::{
        decimal::Decimal,
        record::{
            AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, ProductRecord,
            RelationRecord, ScopeRecord, TombstoneRecord, VariantRecord,
        },
        relation::{Availability, Origin, Stage, StageMask},
    },
    sources::records::decode::{Decoder, Entry},
};

/// One call of each kind, with all that it may hold.
fn calls(sink: &mut dyn RecordSink) {
    let file = sink.open_file(FileInfo { name: "products.csv".to_owned(), modified_s: Some(-7) });
    let amount = Decimal { digits: 1250, scale: 2 };
    let price = Some(PriceRecord { amount, currency: Some("EUR") });
    let product = ProductRecord {
        id: "a",
        title: Some("A"),
        categories: vec!["x/y", "z"],
        price,
        availability: Some(Availability::LowStock),
        popularity: Some(0.5),
        eco_grade: Some(4),
        ..ProductRecord::default()
    };
    sink.record(at(file, 2), Record::Product(product));
    let (id, market) = ("a", "ch");
    let row =
        ProductMarketRecord { id, market, listed: Some(true), price, read_at_s: Some(1 << 40) };
    sink.record(at(file, 3), Record::ProductMarket(row));
    let relation = RelationRecord {
        score: Some(0.25),
        quantity: Some(2.0),
        stages: StageMask::EVERY.with(Stage::Checkout),
        ..RelationRecord::new("a", "accessory", "b", Origin::Rule)
    };
    sink.record(at(file, 4), Record::Relation(relation.clone()));
    let relation = RelationRecord { confirmed_at_s: Some(-1), ..relation };
    sink.record(at(file, 4), Record::Relation(relation));
    let bundle = BundleRecord {
        bundle: "a",
        option: "Lens",
        option_position: 1,
        required: true,
        min_selections: 1,
        max_selections: 300,
        product: "b",
        selection_position: 0,
        quantity: 1.0,
        is_default: false,
    };
    sink.record(at(file, 5), Record::Bundle(bundle));
    sink.record(at(file, 6), Record::Alias(AliasRecord { alias: "x", product: "a" }));
    let variant = VariantRecord { parent: "a", variant: "b", position: Some(9) };
    sink.record(at(file, 7), Record::Variant(variant));
    let scope = ScopeRecord { relation_type: "accessory", product: Some("a") };
    sink.record(at(file, 8), Record::Scope(scope));
    sink.record(at(file, 9), Record::Tombstone(TombstoneRecord { product: "b" }));
    sink.finding(FindingCode::BadValue, at(file, 10), "price", "expected, found");
}

#[test]
fn a_file_with_any_bit_flipped_is_refused() {
    let (bytes, written) = written(calls);
    assert_eq!(read(&bytes, written.hash).unwrap().calls.len(), 11);
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            let error = read(&damaged, written.hash).unwrap_err().to_string();
            assert!(error.starts_with("kept: expected "), "byte {index}, bit {bit}: {error}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_or_with_more_behind_is_refused() {
    let (mut bytes, written) = written(calls);
    for len in 0..bytes.len() {
        let error = read(&bytes[..len], written.hash).unwrap_err().to_string();
        assert!(error.starts_with("kept: expected "), "{len} bytes: {error}");
    }
    let end = bytes.len();
    bytes.push(0);
    let error = read(&bytes, written.hash).unwrap_err().to_string();
    let expected = format!("kept: expected the end of the file in the block at offset {end}");
    assert!(error.starts_with(&expected), "{error}");
}

/// A block with a checksum that fits, so that the entries themselves are asked.
fn block(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"KINDREC\x02".to_vec();
    bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(xxh3_64(payload).to_le_bytes());
    bytes.extend(payload);
    bytes
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    let (_, written) = written(|_| ());
    let error = read(bytes, written.hash).unwrap_err().to_string();
    assert!(error.starts_with(&format!("kept: expected {expected}")), "{error}");
}

#[test]
fn each_fault_is_named() {
    check_refused(b"", "kept records of version 2, found an empty file");
    check_refused(b"id,title\n", "kept records of version 2, found another file");
    check_refused(b"KINDREC\x03", "kept records of version 2, found version 3");
    check_refused(b"KINDREC\x02", "a whole block in the block at offset 8, found damage");
    check_refused(b"KINDREC\x02\xff\xff\xff\xff12345678", "a length of a block");
    check_refused(b"KINDREC\x02\x05\0\0\x0012345678abc", "a whole block");
    check_refused(b"KINDREC\x02\x01\0\0\x0012345678a", "the bytes of its checksum");
    check_refused(b"KINDREC\x02\0\0\0\0\x01\0\0\0\0\0\0\0", "the number of all entries");
    // Places and tags.
    check_refused(&block(&[11, 0, 1]), "a kind of entry");
    check_refused(&block(&[8, 0, 1, 0]), "a file that was named before");
    check_refused(&block(&[8, 0]), "whole entries");
    check_refused(&block(&[0, 5, b'a']), "a length within the block");
    check_refused(&block(&[0, 1, 0xff, 0]), "UTF-8");
    check_refused(&block(&[0, 0, 2]), "0 or 1");
    check_refused(&block(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), "a number of 32 bits");
    check_refused(
        &block(&[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
        "a number of 64 bits",
    );
    check_refused(&block(&[9, 0, 1, 255, 0, 0]), "a code of a finding");
    // A price: more digits than an importer reads.
    let digits = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let price = [&[2, 0, 1, 0, 0, 0, 1][..], &digits, &[2, 0, 0]].concat();
    check_refused(&block(&price), "an amount");
    check_refused(&block(&[2, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0]), "an amount");
    check_refused(&block(&[2, 0, 1, 0, 0, 0, 1, 0, 19, 0, 0]), "an amount");
    // A relation without ends: score, quantity, origin, stages.
    let relation = |rest: &[u8]| block(&[&[3, 0, 1, 0, 0, 0, 0][..], rest].concat());
    let float = f64::NAN.to_le_bytes();
    check_refused(&relation(&[&[1][..], &1.5_f32.to_le_bytes()].concat()), "a score");
    check_refused(&relation(&[&[0, 1][..], &float].concat()), "a quantity");
    check_refused(&relation(&[&[0, 1][..], &0_f64.to_le_bytes()].concat()), "a quantity");
    check_refused(&relation(&[0, 0, 0]), "an origin");
    check_refused(&relation(&[0, 0, 1, 0, 0, 0, 0x20]), "stages");
    // A product: availability, popularity, grade.
    let product = |rest: &[u8]| block(&[&[1, 0, 1, 0, 0, 0, 0, 0][..], rest].concat());
    check_refused(&product(&[1, 7]), "a state of stock");
    let popularity = [&[0, 0, 0, 0, 1, 1][..], &(-1_f64).to_le_bytes()].concat();
    check_refused(&product(&popularity), "a popularity");
    check_refused(&product(&[0, 0, 0, 0, 1, 0, 0, 1, 6]), "a grade from 1 to 5");
}

/// A disk that gives the head and no more.
struct Broken(bool);

impl io::Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 {
            return Err(io::Error::other("bad sector"));
        }
        self.0 = true;
        let head = b"KINDREC\x02";
        buffer[..head.len()].copy_from_slice(head);
        Ok(head.len())
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_said() {
    let (_, written) = written(|_| ());
    let kept = replay(Broken(false), Path::new("kept"), written.hash, &mut Log::default());
    let error = kept.unwrap_err().to_string();
    assert_eq!(error, "kept: expected to read kept records, found: bad sector");
}

#[test]
fn another_whole_file_is_not_the_one_that_was_kept() {
    let (bytes, _) = written(calls);
    let (_, other) = written(|_| ());
    let error = read(&bytes, other.hash).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("kept: expected kept records of hash {}", other.hash)),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Behind a checksum that fits, any bytes are entries or a fault; nothing panics.
    #[test]
    fn entries_of_any_bytes_are_read_or_refused(payload in vec(any::<u8>(), 0..200)) {
        let mut decoder = Decoder(&payload, None);
        while let Ok(Some(_)) = decoder.entry() {}
    }

    /// The same near bytes that are good.
    #[test]
    fn entries_with_bytes_changed_are_read_or_refused(
        changes in vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let (bytes, written) = written(calls);
        let mut payload = bytes[20..bytes.len() - 12].to_vec();
        for (index, byte) in changes {
            let index = index % payload.len();
            payload[index] = byte;
        }
        let mut decoder = Decoder(&payload, None);
        while let Ok(Some(entry)) = decoder.entry() {
            if let Entry::Record(_, Record::Product(product)) = entry {
                prop_assert!(product.price.is_none_or(|price| price.amount.scale <= 18));
            }
        }
        let forged = [block(&payload), bytes[bytes.len() - 12..].to_vec()].concat();
        let is_same = forged == bytes;
        prop_assert_eq!(read(&forged, written.hash).is_ok(), is_same);
    }
}

/// A cache of before keeps its worth: version 1 lacks nothing but confirmations.
#[test]
fn a_file_of_the_version_before_is_read() {
    let calls = |sink: &mut dyn RecordSink| {
        let file = sink.open_file(FileInfo { name: "a.csv".to_owned(), modified_s: None });
        let relation = RelationRecord::new("a", "accessory", "b", Origin::Rule);
        sink.record(at(file, 2), Record::Relation(relation));
    };
    let mut expected = Log::default();
    calls(&mut expected);
    let (mut bytes, _) = written(calls);
    bytes[7] = 1;
    let hash = RecordsHash(*blake3::hash(&bytes).as_bytes());
    assert!(read(&bytes, hash).unwrap() == expected);
}
