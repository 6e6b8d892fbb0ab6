//! A sink that keeps everything.

use crate::model::{
    finding::FindingCode,
    record::{
        AliasRecord, BundleRecord, FileId, FileInfo, Location, PriceRecord, ProductMarketRecord,
        ProductRecord, Record, RecordSink, RelationRecord, ScopeRecord, TombstoneRecord,
        VariantRecord,
    },
};

/// What a source yielded.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) files: Vec<FileInfo>,
    /// `file:line` and the record.
    pub(super) records: Vec<(String, Record<'static>)>,
    /// `file:line code field: message`.
    pub(super) findings: Vec<String>,
    pub(super) codes: Vec<FindingCode>,
}

impl RecordSink for Collected {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.files.push(file);
        FileId(u32::try_from(self.files.len() - 1).unwrap())
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        let place = self.place(at);
        self.records.push((place, owned(record)));
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        let text = format!("{} {} {field}: {message}", self.place(at), code.code());
        self.findings.push(text);
        self.codes.push(code);
    }
}

impl Collected {
    /// How many findings of a code there are.
    pub(super) fn count(&self, code: FindingCode) -> usize {
        self.codes.iter().filter(|found| **found == code).count()
    }

    pub(super) fn products(&self) -> Vec<&ProductRecord<'static>> {
        self.only(|record| if let Record::Product(product) = record { Some(product) } else { None })
    }

    pub(super) fn relations(&self) -> Vec<&RelationRecord<'static>> {
        self.only(
            |record| if let Record::Relation(relation) = record { Some(relation) } else { None },
        )
    }

    pub(super) fn bundles(&self) -> Vec<&BundleRecord<'static>> {
        self.only(
            |record| if let Record::Bundle(selection) = record { Some(selection) } else { None },
        )
    }

    pub(super) fn variants(&self) -> Vec<&VariantRecord<'static>> {
        self.only(|record| if let Record::Variant(variant) = record { Some(variant) } else { None })
    }

    fn only<'s, T>(&'s self, pick: impl Fn(&'s Record<'static>) -> Option<&'s T>) -> Vec<&'s T> {
        self.records.iter().filter_map(|(_, record)| pick(record)).collect()
    }

    fn place(&self, at: Location) -> String {
        format!("{}:{}", self.files[at.file.0 as usize].name, at.line)
    }
}

/// Text that lives as long as the test process.
fn keep(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn keep_all(texts: &[&str]) -> Vec<&'static str> {
    texts.iter().map(|text| keep(text)).collect()
}

fn keep_price(price: Option<PriceRecord<'_>>) -> Option<PriceRecord<'static>> {
    price.map(|price| PriceRecord { amount: price.amount, currency: price.currency.map(keep) })
}

fn owned(record: Record<'_>) -> Record<'static> {
    match record {
        Record::Product(p) => Record::Product(ProductRecord {
            id: keep(p.id),
            title: p.title.map(keep),
            brand: p.brand.map(keep),
            categories: keep_all(&p.categories),
            price: keep_price(p.price),
            parent: p.parent.map(keep),
            tags: keep_all(&p.tags),
            markets: keep_all(&p.markets),
            availability: p.availability,
            read_at_s: p.read_at_s,
            variant_position: p.variant_position,
            visibility: p.visibility,
            popularity: p.popularity,
            eco_grade: p.eco_grade,
        }),
        Record::ProductMarket(m) => Record::ProductMarket(ProductMarketRecord {
            id: keep(m.id),
            market: keep(m.market),
            price: keep_price(m.price),
            listed: m.listed,
            read_at_s: m.read_at_s,
        }),
        Record::Relation(r) => Record::Relation(RelationRecord {
            source: keep(r.source),
            relation_type: keep(r.relation_type),
            target: keep(r.target),
            markets: keep_all(&r.markets),
            position: r.position,
            score: r.score,
            quantity: r.quantity,
            origin: r.origin,
            two_way: r.two_way,
            valid_from_s: r.valid_from_s,
            valid_to_s: r.valid_to_s,
            stages: r.stages,
            active: r.active,
            confirmed_at_s: r.confirmed_at_s,
        }),
        Record::Bundle(b) => Record::Bundle(BundleRecord {
            bundle: keep(b.bundle),
            option: keep(b.option),
            product: keep(b.product),
            option_position: b.option_position,
            required: b.required,
            min_selections: b.min_selections,
            max_selections: b.max_selections,
            selection_position: b.selection_position,
            quantity: b.quantity,
            is_default: b.is_default,
        }),
        Record::Alias(a) => {
            Record::Alias(AliasRecord { alias: keep(a.alias), product: keep(a.product) })
        }
        Record::Variant(v) => Record::Variant(VariantRecord {
            parent: keep(v.parent),
            variant: keep(v.variant),
            position: v.position,
        }),
        Record::Scope(s) => Record::Scope(ScopeRecord {
            relation_type: keep(s.relation_type),
            product: s.product.map(keep),
        }),
        Record::Tombstone(t) => Record::Tombstone(TombstoneRecord { product: keep(t.product) }),
    }
}
