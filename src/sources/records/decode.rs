//! Bytes as calls of a sink. Bytes come from a disk: each value is checked as an importer checks it,
//! because the rooms behind rely on that.

use super::tag;
use crate::model::{
    decimal::Decimal,
    finding::FindingCode,
    record::{
        AliasRecord, BundleRecord, FileId, FileInfo, Location, PriceRecord, ProductMarketRecord,
        ProductRecord, Record, RelationRecord, ScopeRecord, TombstoneRecord, VariantRecord,
        Visibility,
    },
    relation::{Availability, Origin, StageMask},
};

/// One call of a sink; files are numbered as in the file of records.
#[derive(Debug, PartialEq)]
pub(super) enum Entry<'a> {
    File(FileInfo),
    Record(Location, Record<'a>),
    Finding { code: FindingCode, at: Location, field: &'a str, message: &'a str },
}

/// What should have stood where something else stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

type Decoded<T> = Result<T, Expected>;

/// Takes entries from the front of a block, and their texts from beside it if they stand there.
pub(super) struct Decoder<'a>(pub(super) &'a [u8], pub(super) Option<&'a str>);

/// Digits of an amount, as [`Decimal::parse`] takes them.
const DIGITS_END: i64 = 1_000_000_000_000_000_000;
const SCALE_MAX: u8 = 18;

impl<'a> Decoder<'a> {
    /// The next entry, `None` at the end of the block.
    pub(super) fn entry(&mut self) -> Decoded<Option<Entry<'a>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.byte()?;
        if tag == tag::FILE {
            let name = self.text()?.to_owned();
            let modified_s = self.optional(Self::signed)?;
            return Ok(Some(Entry::File(FileInfo { name, modified_s })));
        }
        let at = Location { file: FileId(self.number()?), line: self.number()? };
        let record = match tag {
            tag::PRODUCT => Record::Product(self.product()?),
            tag::PRODUCT_MARKET => Record::ProductMarket(self.product_market()?),
            tag::RELATION => Record::Relation(self.relation()?),
            tag::CONFIRMED_RELATION => {
                let relation = self.relation()?;
                let confirmed_at_s = Some(self.signed()?);
                Record::Relation(RelationRecord { confirmed_at_s, ..relation })
            }
            tag::BUNDLE => Record::Bundle(self.bundle()?),
            tag::ALIAS => Record::Alias(AliasRecord { alias: self.text()?, product: self.text()? }),
            tag::VARIANT => Record::Variant(VariantRecord {
                parent: self.text()?,
                variant: self.text()?,
                position: self.optional(Self::number)?,
            }),
            tag::SCOPE => Record::Scope(ScopeRecord {
                relation_type: self.text()?,
                product: self.optional(Self::text)?,
            }),
            tag::TOMBSTONE => Record::Tombstone(TombstoneRecord { product: self.text()? }),
            tag::FINDING => {
                let code = FindingCode::new(self.byte()?).ok_or(Expected("a code of a finding"))?;
                let (field, message) = (self.text()?, self.text()?);
                return Ok(Some(Entry::Finding { code, at, field, message }));
            }
            _ => return Err(Expected("a kind of entry")),
        };
        Ok(Some(Entry::Record(at, record)))
    }

    fn product(&mut self) -> Decoded<ProductRecord<'a>> {
        Ok(ProductRecord {
            id: self.text()?,
            title: self.optional(Self::text)?,
            brand: self.optional(Self::text)?,
            categories: self.texts()?,
            price: self.optional(Self::price)?,
            availability: self.optional(Self::availability)?,
            read_at_s: self.optional(Self::signed)?,
            parent: self.optional(Self::text)?,
            variant_position: self.optional(Self::number)?,
            visibility: match self.switch()? {
                true => Visibility::Visible,
                false => Visibility::Hidden,
            },
            popularity: self.optional(Self::popularity)?,
            tags: self.texts()?,
            eco_grade: self.optional(Self::eco_grade)?,
            markets: self.texts()?,
        })
    }

    fn product_market(&mut self) -> Decoded<ProductMarketRecord<'a>> {
        Ok(ProductMarketRecord {
            id: self.text()?,
            market: self.text()?,
            listed: self.optional(Self::switch)?,
            price: self.optional(Self::price)?,
            read_at_s: self.optional(Self::signed)?,
        })
    }

    fn relation(&mut self) -> Decoded<RelationRecord<'a>> {
        Ok(RelationRecord {
            source: self.text()?,
            relation_type: self.text()?,
            target: self.text()?,
            position: self.optional(Self::number)?,
            score: self.optional(Self::score)?,
            quantity: self.optional(Self::quantity)?,
            origin: Origin::new(self.byte()?).ok_or(Expected("an origin"))?,
            two_way: self.optional(Self::switch)?,
            valid_from_s: self.optional(Self::signed)?,
            valid_to_s: self.optional(Self::signed)?,
            stages: self.stages()?,
            markets: self.texts()?,
            active: self.switch()?,
            confirmed_at_s: None,
        })
    }

    fn bundle(&mut self) -> Decoded<BundleRecord<'a>> {
        Ok(BundleRecord {
            bundle: self.text()?,
            option: self.text()?,
            option_position: self.number()?,
            required: self.switch()?,
            min_selections: self.number()?,
            max_selections: self.number()?,
            product: self.text()?,
            selection_position: self.number()?,
            quantity: self.quantity()?,
            is_default: self.switch()?,
        })
    }

    fn price(&mut self) -> Decoded<PriceRecord<'a>> {
        let (digits, scale) = (self.signed()?, self.byte()?);
        if !(0..DIGITS_END).contains(&digits) || scale > SCALE_MAX {
            return Err(Expected("an amount"));
        }
        let amount = Decimal { digits, scale };
        Ok(PriceRecord { amount, currency: self.optional(Self::text)? })
    }

    fn availability(&mut self) -> Decoded<Availability> {
        Availability::new(self.byte()?).ok_or(Expected("a state of stock"))
    }

    fn eco_grade(&mut self) -> Decoded<u8> {
        let grade = self.byte()?;
        if (1..=5).contains(&grade) { Ok(grade) } else { Err(Expected("a grade from 1 to 5")) }
    }

    fn stages(&mut self) -> Decoded<StageMask> {
        let bits = self.byte()?;
        let stages = StageMask::from_bits(bits);
        if stages.bits() == bits { Ok(stages) } else { Err(Expected("stages")) }
    }

    fn popularity(&mut self) -> Decoded<f64> {
        let number = self.float()?;
        let is_good = number.is_finite() && number.is_sign_positive();
        if is_good { Ok(number) } else { Err(Expected("a popularity")) }
    }

    fn quantity(&mut self) -> Decoded<f64> {
        let number = self.float()?;
        let is_good = number.is_finite() && number > 0.0;
        if is_good { Ok(number) } else { Err(Expected("a quantity")) }
    }

    fn score(&mut self) -> Decoded<f32> {
        let score = f32::from_le_bytes(self.array()?);
        if (0.0..=1.0).contains(&score) { Ok(score) } else { Err(Expected("a score")) }
    }

    fn optional<T>(&mut self, decode: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<Option<T>> {
        if self.switch()? { decode(self).map(Some) } else { Ok(None) }
    }

    fn texts(&mut self) -> Decoded<Vec<&'a str>> {
        let count = self.len()?;
        // Each text takes a byte at least: no count that is a lie makes room.
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            texts.push(self.text()?);
        }
        Ok(texts)
    }

    fn text(&mut self) -> Decoded<&'a str> {
        let Some(texts) = self.1 else {
            let len = self.len()?;
            return str::from_utf8(self.take(len)?).map_err(|_| Expected("UTF-8"));
        };
        let len = usize::try_from(self.long()?).unwrap_or(usize::MAX);
        let (text, rest) = texts.split_at_checked(len).ok_or(CUT)?;
        self.1 = Some(rest);
        Ok(text)
    }

    /// A length that the rest of the block can hold.
    fn len(&mut self) -> Decoded<usize> {
        let len = usize::try_from(self.long()?).ok().filter(|len| *len <= self.0.len());
        len.ok_or(Expected("a length within the block"))
    }

    fn float(&mut self) -> Decoded<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn switch(&mut self) -> Decoded<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Expected("0 or 1")),
        }
    }

    fn signed(&mut self) -> Decoded<i64> {
        let number = self.long()?;
        Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    fn number(&mut self) -> Decoded<u32> {
        u32::try_from(self.long()?).map_err(|_| Expected("a number of 32 bits"))
    }

    fn long(&mut self) -> Decoded<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Expected("a number of 64 bits"))
    }

    fn byte(&mut self) -> Decoded<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(*array)
    }

    fn take(&mut self, len: usize) -> Decoded<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }
}

const CUT: Expected = Expected("whole entries");
