//! Calls of a sink as bytes. [`decode`](super::decode) is the other direction, field by field.

use super::tag;
use crate::model::{
    finding::FindingCode,
    record::{
        BundleRecord, FileInfo, Location, PriceRecord, ProductMarketRecord, ProductRecord, Record,
        RelationRecord, Visibility,
    },
};

/// Appends entries to a block, texts beside it if there is a place for them.
pub(super) struct Encoder<'b>(pub(super) &'b mut Vec<u8>, pub(super) Option<&'b mut String>);

impl Encoder<'_> {
    pub(super) fn file(&mut self, file: &FileInfo) {
        self.byte(tag::FILE);
        self.text(&file.name);
        self.optional(file.modified_s, Self::signed);
    }

    pub(super) fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.byte(tag::FINDING);
        self.location(at);
        self.byte(code as u8);
        self.text(field);
        self.text(message);
    }

    pub(super) fn record(&mut self, at: Location, record: &Record<'_>) {
        self.byte(match record {
            Record::Product(_) => tag::PRODUCT,
            Record::ProductMarket(_) => tag::PRODUCT_MARKET,
            Record::Relation(relation) if relation.confirmed_at_s.is_some() => {
                tag::CONFIRMED_RELATION
            }
            Record::Relation(_) => tag::RELATION,
            Record::Bundle(_) => tag::BUNDLE,
            Record::Alias(_) => tag::ALIAS,
            Record::Variant(_) => tag::VARIANT,
            Record::Scope(_) => tag::SCOPE,
            Record::Tombstone(_) => tag::TOMBSTONE,
        });
        self.location(at);
        match record {
            Record::Product(product) => self.product(product),
            Record::ProductMarket(row) => self.product_market(row),
            Record::Relation(relation) => self.relation(relation),
            Record::Bundle(row) => self.bundle(row),
            Record::Alias(alias) => {
                self.text(alias.alias);
                self.text(alias.product);
            }
            Record::Variant(variant) => {
                self.text(variant.parent);
                self.text(variant.variant);
                self.optional(variant.position, Self::number);
            }
            Record::Scope(scope) => {
                self.text(scope.relation_type);
                self.optional(scope.product, Self::text);
            }
            Record::Tombstone(tombstone) => self.text(tombstone.product),
        }
    }

    fn product(&mut self, product: &ProductRecord<'_>) {
        let ProductRecord { id, title, brand, categories, price, availability, .. } = product;
        let ProductRecord { read_at_s, parent, variant_position, visibility, .. } = product;
        let ProductRecord { popularity, tags, eco_grade, markets, .. } = product;
        self.text(id);
        self.optional(*title, Self::text);
        self.optional(*brand, Self::text);
        self.texts(categories);
        self.optional(*price, Self::price);
        self.optional(availability.map(|state| state as u8), Self::byte);
        self.optional(*read_at_s, Self::signed);
        self.optional(*parent, Self::text);
        self.optional(*variant_position, Self::number);
        self.switch(*visibility == Visibility::Visible);
        self.optional(*popularity, Self::float);
        self.texts(tags);
        self.optional(*eco_grade, Self::byte);
        self.texts(markets);
    }

    fn product_market(&mut self, row: &ProductMarketRecord<'_>) {
        let ProductMarketRecord { id, market, listed, price, read_at_s } = row;
        self.text(id);
        self.text(market);
        self.optional(*listed, Self::switch);
        self.optional(*price, Self::price);
        self.optional(*read_at_s, Self::signed);
    }

    fn relation(&mut self, relation: &RelationRecord<'_>) {
        let RelationRecord { source, relation_type, target, position, score, quantity, .. } =
            relation;
        let RelationRecord { origin, two_way, valid_from_s, valid_to_s, .. } = relation;
        let RelationRecord { stages, markets, active, confirmed_at_s, .. } = relation;
        self.text(source);
        self.text(relation_type);
        self.text(target);
        self.optional(*position, Self::number);
        self.optional(*score, |encoder, score| encoder.0.extend(score.to_le_bytes()));
        self.optional(*quantity, Self::float);
        self.byte(*origin as u8);
        self.optional(*two_way, Self::switch);
        self.optional(*valid_from_s, Self::signed);
        self.optional(*valid_to_s, Self::signed);
        self.byte(stages.bits());
        self.texts(markets);
        self.switch(*active);
        // The tag says that it is there.
        confirmed_at_s.iter().for_each(|at| self.signed(*at));
    }

    fn bundle(&mut self, row: &BundleRecord<'_>) {
        let BundleRecord { bundle, option, option_position, required, min_selections, .. } = row;
        let BundleRecord { max_selections, product, selection_position, quantity, .. } = row;
        self.text(bundle);
        self.text(option);
        self.number(*option_position);
        self.switch(*required);
        self.number(*min_selections);
        self.number(*max_selections);
        self.text(product);
        self.number(*selection_position);
        self.float(*quantity);
        self.switch(row.is_default);
    }

    fn location(&mut self, at: Location) {
        self.number(at.file.0);
        self.number(at.line);
    }

    fn price(&mut self, price: PriceRecord<'_>) {
        self.signed(price.amount.digits);
        self.byte(price.amount.scale);
        self.optional(price.currency, Self::text);
    }

    fn optional<T>(&mut self, value: Option<T>, encode: impl FnOnce(&mut Self, T)) {
        self.switch(value.is_some());
        if let Some(value) = value {
            encode(self, value);
        }
    }

    fn texts(&mut self, texts: &[&str]) {
        self.long(texts.len() as u64);
        texts.iter().for_each(|text| self.text(text));
    }

    fn text(&mut self, text: &str) {
        self.long(text.len() as u64);
        match &mut self.1 {
            Some(texts) => texts.push_str(text),
            None => self.0.extend_from_slice(text.as_bytes()),
        }
    }

    fn float(&mut self, number: f64) {
        self.0.extend(number.to_le_bytes());
    }

    fn switch(&mut self, is_on: bool) {
        self.byte(u8::from(is_on));
    }

    fn signed(&mut self, number: i64) {
        self.long(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn number(&mut self, number: u32) {
        self.long(u64::from(number));
    }

    fn long(&mut self, mut number: u64) {
        while number > 0x7f {
            self.byte(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.byte(number.to_le_bytes()[0]);
    }

    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }
}
