//! What the journal holds: every change of the state, as plain data and as bytes.
//!
//! An entry says all that applying it needs; the catalog it was checked against is not one of these
//! things. Bytes begin with a version and a kind. Decoding takes any bytes and checks what the state
//! relies on: ids, numbers, counts.

use super::{
    error::DecodeError,
    wire::{Reader, Writer},
};
use crate::model::{
    currency::Currency,
    limits::{
        BLOCK_TEXT_BYTES_MAX, BLOCKS_PER_CALL_MAX, MARKETS_MAX, PRICE_MAX, UPDATES_PER_BATCH_MAX,
    },
    relation::Availability,
};

/// The layout that this version writes and reads.
const VERSION: u8 = 1;

/// Updates of one part of a resync, or ids that it keeps: it stays below the longest entry even if
/// every id has 128 bytes and every place is another one.
pub(super) const UPDATES_PER_PART: usize = 8_192;

const KIND_BATCH: u8 = 1;
const KIND_REPLACE: u8 = 2;
const KIND_BLOCK: u8 = 3;
const KIND_UNBLOCK: u8 = 4;
/// As [`KIND_REPLACE`], with ids that are kept behind the updates: a part that keeps none is written
/// as versions wrote it that kept nothing.
const KIND_REPLACE_KEEPING: u8 = 5;

const HAS_QUANTITY: u8 = 8;
const HAS_PRICE: u8 = 16;
const STATE_BITS: u8 = 7;
const FLAGS_KNOWN: u8 = HAS_QUANTITY | HAS_PRICE | STATE_BITS;

/// Fewest bytes of an update: id, place, flags, event time.
const UPDATE_BYTES_MIN: usize = 3 + 2 + 1 + 8;
/// Fewest bytes of a text.
const TEXT_BYTES_MIN: usize = 2;

/// One change of the state.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Batch(Batch),
    Replace(Part),
    Block(Block),
    Unblock(Unblock),
}

/// Readings of a feed, under one sequence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) source: String,
    pub(crate) sequence: u64,
    pub(crate) received_s: i64,
    pub(crate) updates: Vec<Update>,
}

/// Some of all the readings of a source. Parts follow each other from zero; the last one makes all
/// of them count, and an incomplete run of parts counts for nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) part: u32,
    pub(crate) is_last: bool,
    pub(crate) batch: Batch,
    /// Raw ids of products whose readings by the source stay as far as no part replaces them.
    pub(crate) keeps: Vec<String>,
}

/// A reading that was checked. At least one field is set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Update {
    pub(crate) product: String,
    /// Empty means every one.
    pub(crate) inventory: String,
    pub(crate) availability: Option<Availability>,
    /// Finite and >= 0.
    pub(crate) quantity: Option<f64>,
    pub(crate) price: Option<PriceUpdate>,
    /// Microseconds since 1970, >= 0.
    pub(crate) event_us: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PriceUpdate {
    /// Minor units, from 0 to [`PRICE_MAX`].
    pub(crate) price: i64,
    pub(crate) currency: Currency,
    /// Empty means the default one.
    pub(crate) market: String,
}

/// Products taken out of every answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// Distinct.
    pub(crate) ids: Vec<String>,
    /// Sorted and distinct; empty means everywhere.
    pub(crate) markets: Vec<String>,
    pub(crate) reason: String,
    pub(crate) actor: String,
    pub(crate) block_s: i64,
    /// `i64::MAX` never ends.
    pub(crate) expire_s: i64,
}

/// Blocks lifted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unblock {
    /// Raw ids of the blocks removed.
    pub(crate) ids: Vec<String>,
    pub(crate) reason: String,
    pub(crate) actor: String,
    pub(crate) time_s: i64,
}

impl Entry {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u8(VERSION);
        match self {
            Self::Batch(batch) => {
                writer.u8(KIND_BATCH);
                write_batch(&mut writer, batch);
            }
            Self::Replace(part) => {
                let keeps = !part.keeps.is_empty();
                writer.u8(if keeps { KIND_REPLACE_KEEPING } else { KIND_REPLACE });
                writer.u32(part.part);
                writer.u8(part.is_last.into());
                write_batch(&mut writer, &part.batch);
                if keeps {
                    write_texts(&mut writer, &part.keeps);
                }
            }
            Self::Block(block) => {
                writer.u8(KIND_BLOCK);
                write_texts(&mut writer, &block.ids);
                write_texts(&mut writer, &block.markets);
                writer.text(&block.reason);
                writer.text(&block.actor);
                writer.i64(block.block_s);
                writer.i64(block.expire_s);
            }
            Self::Unblock(unblock) => {
                writer.u8(KIND_UNBLOCK);
                write_texts(&mut writer, &unblock.ids);
                writer.text(&unblock.reason);
                writer.text(&unblock.actor);
                writer.i64(unblock.time_s);
            }
        }
        writer.into_bytes()
    }

    /// # Errors
    /// Any bytes that [`Entry::encode`] does not write.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("entry of the stock journal", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(reader.fault(format!("layout {version}, this version reads {VERSION}")));
        }
        let kind = reader.u8()?;
        let entry = match kind {
            KIND_BATCH => Self::Batch(read_batch(&mut reader, UPDATES_PER_BATCH_MAX)?),
            KIND_REPLACE | KIND_REPLACE_KEEPING => Self::Replace(Part {
                part: reader.u32()?,
                is_last: read_flag(&mut reader)?,
                batch: read_batch(&mut reader, UPDATES_PER_PART)?,
                keeps: match kind {
                    KIND_REPLACE_KEEPING => read_ids(&mut reader, UPDATES_PER_PART)?,
                    _ => Vec::new(),
                },
            }),
            KIND_BLOCK => Self::Block(Block {
                ids: read_ids(&mut reader, BLOCKS_PER_CALL_MAX)?,
                markets: read_markets(&mut reader)?,
                reason: read_note(&mut reader)?,
                actor: read_note(&mut reader)?,
                block_s: reader.i64()?,
                expire_s: reader.i64()?,
            }),
            KIND_UNBLOCK => Self::Unblock(Unblock {
                ids: read_ids(&mut reader, BLOCKS_PER_CALL_MAX)?,
                reason: read_note(&mut reader)?,
                actor: read_note(&mut reader)?,
                time_s: reader.i64()?,
            }),
            kind => return Err(reader.fault(format!("kind {kind} is unknown"))),
        };
        reader.end()?;
        Ok(entry)
    }
}

/// Places stand once, updates name them by index: a feed names few of them often.
fn write_batch(writer: &mut Writer, batch: &Batch) {
    writer.text(&batch.source);
    writer.u64(batch.sequence);
    writer.i64(batch.received_s);
    let mut places = hashbrown::HashMap::new();
    let mut order = Vec::new();
    for update in &batch.updates {
        let market = update.price.as_ref().map(|price| price.market.as_str());
        for place in [Some(update.inventory.as_str()), market].into_iter().flatten() {
            places.entry(place).or_insert_with(|| {
                order.push(place);
                u16::try_from(order.len() - 1).expect("two places an update, 10,000 updates")
            });
        }
    }
    write_texts(writer, &order);
    let index = |place: &str| places.get(place).copied().expect("every place was collected above");
    writer.count(batch.updates.len());
    for update in &batch.updates {
        writer.text(&update.product);
        writer.u16(index(&update.inventory));
        let state = update.availability.map_or(0, |state| state as u8);
        let quantity = if update.quantity.is_some() { HAS_QUANTITY } else { 0 };
        let price = if update.price.is_some() { HAS_PRICE } else { 0 };
        writer.u8(state | quantity | price);
        writer.i64(update.event_us);
        if let Some(quantity) = update.quantity {
            writer.f64(quantity);
        }
        if let Some(price) = &update.price {
            writer.i64(price.price);
            writer.raw(price.currency.code().as_bytes());
            writer.u16(index(&price.market));
        }
    }
}

fn read_batch(reader: &mut Reader<'_>, updates_max: usize) -> Result<Batch, DecodeError> {
    let source = reader.id()?.to_owned();
    let sequence = reader.u64()?;
    let received_s = reader.i64()?;
    let places = (0..reader.count(TEXT_BYTES_MIN)?)
        .map(|_| reader.place())
        .collect::<Result<Vec<_>, DecodeError>>()?;
    let count = reader.count(UPDATE_BYTES_MIN)?;
    if count > updates_max {
        return Err(reader.fault(format!("{count} updates, at most {updates_max} are legal")));
    }
    let updates = (0..count)
        .map(|_| read_update(reader, &places))
        .collect::<Result<Vec<_>, DecodeError>>()?;
    Ok(Batch { source, sequence, received_s, updates })
}

fn read_update(reader: &mut Reader<'_>, places: &[&str]) -> Result<Update, DecodeError> {
    let product = reader.id()?.to_owned();
    let inventory = read_place(reader, places)?;
    let flags = reader.u8()?;
    let number = flags & STATE_BITS;
    let availability = Availability::new(number);
    if flags & !FLAGS_KNOWN != 0 || flags == 0 || availability.is_none() != (number == 0) {
        return Err(reader.fault(format!("flags {flags:#04x} are unknown")));
    }
    let event_us = reader.i64()?;
    if event_us < 0 {
        return Err(reader.fault(format!("event time {event_us} is before 1970")));
    }
    let quantity = if flags & HAS_QUANTITY != 0 { Some(read_quantity(reader)?) } else { None };
    let price = if flags & HAS_PRICE != 0 {
        let price = read_price(reader)?;
        let currency = read_currency(reader)?;
        Some(PriceUpdate { price, currency, market: read_place(reader, places)? })
    } else {
        None
    };
    Ok(Update { product, inventory, availability, quantity, price, event_us })
}

fn read_place(reader: &mut Reader<'_>, places: &[&str]) -> Result<String, DecodeError> {
    let index = reader.u16()?;
    let place = places.get(usize::from(index)).map(|place| (*place).to_owned());
    place.ok_or_else(|| reader.fault(format!("place {index} of {} is named", places.len())))
}

pub(super) fn read_quantity(reader: &mut Reader<'_>) -> Result<f64, DecodeError> {
    let quantity = reader.f64()?;
    if quantity.is_finite() && quantity >= 0.0 {
        Ok(quantity)
    } else {
        Err(reader.fault(format!("quantity {quantity} is no number of units")))
    }
}

pub(super) fn read_price(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let price = reader.i64()?;
    if (0..=PRICE_MAX).contains(&price) {
        Ok(price)
    } else {
        Err(reader.fault(format!("price {price} is outside 0 to {PRICE_MAX}")))
    }
}

pub(super) fn read_currency(reader: &mut Reader<'_>) -> Result<Currency, DecodeError> {
    let code = reader.raw::<3>()?;
    let currency = str::from_utf8(&code).ok().and_then(Currency::parse);
    currency.ok_or_else(|| reader.fault(format!("{code:?} is no currency of ISO 4217")))
}

pub(super) fn read_flag(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(reader.fault(format!("expected 0 or 1, found {other}"))),
    }
}

pub(super) fn read_note(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let note = reader.text()?;
    if note.len() > BLOCK_TEXT_BYTES_MAX {
        let len = note.len();
        return Err(reader.fault(format!("a note of {len} bytes, at most {BLOCK_TEXT_BYTES_MAX}")));
    }
    Ok(note.to_owned())
}

pub(super) fn write_texts(writer: &mut Writer, texts: &[impl AsRef<str>]) {
    writer.count(texts.len());
    for text in texts {
        writer.text(text.as_ref());
    }
}

fn read_ids(reader: &mut Reader<'_>, count_max: usize) -> Result<Vec<String>, DecodeError> {
    let count = reader.count(TEXT_BYTES_MIN)?;
    if count > count_max {
        return Err(reader.fault(format!("{count} ids, at most {count_max} are legal")));
    }
    (0..count).map(|_| reader.id().map(str::to_owned)).collect()
}

/// Sorted and distinct, as the digest of blocks wants them.
pub(super) fn read_markets(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let markets = read_ids(reader, MARKETS_MAX)?;
    if markets.is_sorted_by(|left, right| left < right) {
        Ok(markets)
    } else {
        Err(reader.fault("expected markets sorted and each once"))
    }
}
