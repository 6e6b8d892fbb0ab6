//! Every call there and back, whatever its values.

use std::io;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::model::{
    decimal::Decimal,
    limits::RECORD_BYTES_MAX,
    record::{
        AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, ProductRecord, RelationRecord,
        ScopeRecord, TombstoneRecord, VariantRecord, Visibility,
    },
    relation::{Availability, Origin, StageMask},
};

/// A statement with owned texts: records borrow from it.
#[derive(Clone, Debug)]
struct Seed {
    kind: u8,
    texts: [String; 4],
    lists: [Vec<String>; 2],
    maybe: [bool; 6],
    numbers: [u32; 3],
    long: i64,
    float: f64,
    small: u8,
}

fn seeds() -> impl Strategy<Value = Seed> {
    let text = || "[a-zäß\u{0}\" ]{0,12}";
    let float = prop_oneof![Just(0.0), Just(f64::MIN_POSITIVE), Just(f64::MAX), 0.0..1e9];
    (
        (0..10_u8, [text(), text(), text(), text()], [vec(text(), 0..4), vec(text(), 0..4)]),
        (any::<[bool; 6]>(), any::<[u32; 3]>(), any::<i64>(), float, any::<u8>()),
    )
        .prop_map(|((kind, texts, lists), (maybe, numbers, long, float, small))| Seed {
            kind,
            texts,
            lists,
            maybe,
            numbers,
            long,
            float,
            small,
        })
}

impl Seed {
    fn texts(&self, list: usize) -> Vec<&str> {
        self.lists[list].iter().map(String::as_str).collect()
    }

    fn price(&self) -> Option<PriceRecord<'_>> {
        let digits = self.long.rem_euclid(1_000_000_000_000_000_000);
        let amount = Decimal { digits, scale: self.small % 19 };
        let currency = self.maybe[1].then_some(self.texts[3].as_str());
        self.maybe[0].then_some(PriceRecord { amount, currency })
    }

    fn product(&self) -> ProductRecord<'_> {
        ProductRecord {
            id: &self.texts[0],
            title: self.maybe[2].then_some(&self.texts[1]),
            brand: self.maybe[3].then_some(&self.texts[2]),
            categories: self.texts(0),
            price: self.price(),
            availability: Availability::new(self.small % 7),
            read_at_s: self.maybe[4].then_some(self.long),
            parent: self.maybe[5].then_some(&self.texts[3]),
            variant_position: self.maybe[1].then_some(self.numbers[0]),
            visibility: if self.maybe[0] { Visibility::Visible } else { Visibility::Hidden },
            popularity: self.maybe[2].then_some(self.float),
            tags: self.texts(1),
            eco_grade: self.maybe[3].then_some(self.small % 5 + 1),
            markets: self.texts(0),
        }
    }

    fn relation(&self) -> RelationRecord<'_> {
        RelationRecord {
            source: &self.texts[0],
            relation_type: &self.texts[1],
            target: &self.texts[2],
            position: self.maybe[0].then_some(self.numbers[0]),
            score: self.maybe[1].then_some(f32::from(self.small) / 255.0),
            quantity: self.maybe[2].then_some(self.float + 0.5),
            origin: Origin::ALL[usize::from(self.small) % 7],
            two_way: self.maybe[3].then_some(self.maybe[4]),
            valid_from_s: self.maybe[4].then_some(self.long),
            valid_to_s: self.maybe[5].then_some(self.long.wrapping_neg()),
            stages: StageMask::from_bits(self.small),
            markets: self.texts(1),
            active: self.maybe[5],
            confirmed_at_s: self.maybe[3].then_some(self.long.rotate_left(7)),
        }
    }

    fn bundle(&self) -> BundleRecord<'_> {
        BundleRecord {
            bundle: &self.texts[0],
            option: &self.texts[1],
            option_position: self.numbers[0],
            required: self.maybe[0],
            min_selections: self.numbers[1],
            max_selections: self.numbers[2],
            product: &self.texts[2],
            selection_position: self.numbers[0],
            quantity: self.float + 0.5,
            is_default: self.maybe[1],
        }
    }

    fn call(&self, file: &mut Option<FileId>, sink: &mut dyn RecordSink) {
        let [first, second, third, _] = &self.texts;
        let modified_s = self.maybe[0].then_some(self.long);
        let open = |sink: &mut dyn RecordSink| {
            sink.open_file(FileInfo { name: first.clone(), modified_s })
        };
        if self.kind == 0 {
            *file = Some(open(sink));
            return;
        }
        let at = at(*file.get_or_insert_with(|| open(sink)), self.numbers[1]);
        let (parent, variant) = (first.as_str(), second.as_str());
        let record = match self.kind {
            1 => Record::Product(self.product()),
            2 => Record::ProductMarket(ProductMarketRecord {
                id: first,
                market: second,
                listed: self.maybe[2].then_some(self.maybe[3]),
                price: self.price(),
                read_at_s: self.maybe[4].then_some(self.long),
            }),
            3 => Record::Relation(self.relation()),
            4 => Record::Bundle(self.bundle()),
            5 => Record::Alias(AliasRecord { alias: first, product: second }),
            6 => {
                let position = self.maybe[1].then_some(self.numbers[2]);
                Record::Variant(VariantRecord { parent, variant, position })
            }
            7 => {
                let product = self.maybe[1].then_some(second.as_str());
                Record::Scope(ScopeRecord { relation_type: first, product })
            }
            8 => Record::Tombstone(TombstoneRecord { product: first }),
            _ => {
                let code = FindingCode::ALL[usize::from(self.small) % FindingCode::ALL.len()];
                return sink.finding(code, at, second, third);
            }
        };
        sink.record(at, record);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_was_kept_comes_back_call_by_call(seeds in vec(seeds(), 0..40)) {
        let calls = |sink: &mut dyn RecordSink| {
            let mut file = None;
            seeds.iter().for_each(|seed| seed.call(&mut file, sink));
        };
        let mut expected = Log::default();
        calls(&mut expected);
        let (bytes, written) = written(calls);
        let records = seeds.iter().filter(|seed| (1..9).contains(&seed.kind)).count();
        prop_assert_eq!(written.record_count, records as u64);
        prop_assert_eq!(read(&bytes, written.hash).unwrap(), expected);
    }
}

/// Hundreds of blocks, and entries at their borders.
#[test]
fn what_fills_many_blocks_comes_back() {
    let calls = |sink: &mut dyn RecordSink| {
        let file = sink.open_file(FileInfo { name: "f".to_owned(), modified_s: None });
        for line in 0..20_000 {
            let id = "x".repeat(usize::try_from(line % 300).unwrap());
            let product = ProductRecord { id: &id, ..ProductRecord::default() };
            sink.record(at(file, line), Record::Product(product));
        }
    };
    let mut expected = Log::default();
    calls(&mut expected);
    let (bytes, written) = written(calls);
    assert_eq!(written.record_count, 20_000);
    assert!(read(&bytes, written.hash).unwrap() == expected);
}

#[test]
fn a_record_may_be_as_long_as_the_limit_and_no_longer() {
    // Tag, file, line, and the length of the text stand before it.
    let beside = 3 + 4;
    for (len, fits) in [(RECORD_BYTES_MAX - beside, true), (RECORD_BYTES_MAX - beside + 1, false)] {
        let id = "x".repeat(len);
        let mut bytes = Vec::new();
        let mut writer = RecordWriter::new(&mut bytes, Path::new("new"));
        let file = writer.open_file(FileInfo { name: String::new(), modified_s: None });
        writer.record(at(file, 1), Record::Tombstone(TombstoneRecord { product: &id }));
        let finished = writer.finish();
        assert_eq!(finished.is_ok(), fits, "{len}");
        match finished {
            Ok(written) => assert_eq!(read(&bytes, written.hash).unwrap().calls.len(), 2),
            Err(error) => {
                let found = RECORD_BYTES_MAX + 1;
                let expected = format!(
                    "new: expected a record of at most {RECORD_BYTES_MAX} bytes, found one of {found}"
                );
                assert_eq!(error.to_string(), expected);
            }
        }
    }
}

/// A disk that is full.
struct Full;

impl io::Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no space"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_is_said_at_the_end() {
    let mut writer = RecordWriter::new(Full, Path::new("new"));
    let file = writer.open_file(FileInfo { name: String::new(), modified_s: None });
    writer.finding(FindingCode::BadRow, at(file, 1), "", "");
    let error = writer.finish().unwrap_err().to_string();
    assert_eq!(error, "new: expected to write kept records, found: no space");
}
