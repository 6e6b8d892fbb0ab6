//! What callers ask of the writer and what they are told: plain data, as it comes from the wire.

use std::sync::Arc;

use super::FeedPosition;
use crate::model::relation::Availability;

/// A reading as it was sent, not checked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpdateDraft {
    /// The product's id or alias.
    pub product_id: String,
    /// Empty means every inventory.
    pub inventory_id: String,
    /// As on the wire; zero leaves it unchanged.
    pub availability: i32,
    /// Units; `None` leaves it unchanged.
    pub quantity: Option<f64>,
    /// In minor units; `None` leaves it unchanged.
    pub price: Option<i64>,
    /// Required with a price.
    pub currency_code: String,
    /// For a price; empty means the default market.
    pub market_id: String,
    /// When the source read it, in microseconds since 1970. Required.
    pub event_us: Option<i64>,
}

/// An update that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the call, or in the stream over all messages.
    pub index: u32,
    /// What was expected and found.
    pub reason: String,
}

/// What a batch did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchDone {
    /// The feed's position after it.
    pub position: FeedPosition,
    /// Updates of which at least one field counts.
    pub applied: u32,
    /// Updates of which no field counts: something later was said.
    pub stale: u32,
    /// Products that the catalog does not know; each once.
    pub missing: Vec<String>,
    /// Updates that were refused.
    pub rejected: Vec<Rejected>,
    /// Sequences skipped directly before this batch.
    pub gap: u64,
}

/// What a resync did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceDone {
    /// The feed's position after it.
    pub position: FeedPosition,
    /// Updates of which at least one field counts.
    pub applied: u64,
    /// Readings that existed before and do not now.
    pub removed: u64,
    /// The first updates that were refused.
    pub rejected: Vec<Rejected>,
    /// All that were refused.
    pub rejected_count: u64,
}

/// Products to take out of every answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockDraft {
    /// Ids or aliases.
    pub product_ids: Vec<String>,
    /// Empty means everywhere.
    pub market_ids: Vec<String>,
    /// Required.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// Seconds since 1970; `None` never ends.
    pub expire_s: Option<i64>,
}

/// What a block did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockDone {
    /// Distinct ids.
    pub blocked: u32,
    /// Those of them that the catalog does not know.
    pub missing: Vec<String>,
    /// Of all blocks that stand now.
    pub blocks_digest: u64,
}

/// Products to allow again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnblockDraft {
    /// Ids or aliases.
    pub product_ids: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub actor: String,
}

/// What an unblock did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnblockDone {
    /// Ids whose blocks were removed, all blocks of each.
    pub unblocked: u32,
    /// Of all blocks that stand now.
    pub blocks_digest: u64,
}

/// A block that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBlock {
    /// As it was sent.
    pub product_id: String,
    /// Sorted; empty means everywhere.
    pub market_ids: Vec<String>,
    /// For the record.
    pub reason: String,
    /// Who asked.
    pub actor: String,
    /// Seconds since 1970.
    pub block_s: i64,
    /// Seconds since 1970; `None` never ends.
    pub expire_s: Option<i64>,
}

/// A value, who said so, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Told<T> {
    /// The value.
    pub value: T,
    /// When it was read, in microseconds since 1970; `None` if the snapshot does not say.
    pub event_us: Option<i64>,
    /// Who said so; empty means the snapshot.
    pub source_id: Arc<str>,
}

/// What holds for one product in one inventory and market.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// As it was asked.
    pub product_id: String,
    /// Does the catalog know it?
    pub is_known: bool,
    /// Its state; `None` where nobody said anything, which counts as in stock.
    pub availability: Option<Told<Availability>>,
    /// The state has held since then, in microseconds since 1970; `None` if nobody says.
    pub since_us: Option<i64>,
    /// Units.
    pub quantity: Option<Told<f64>>,
    /// Minor units of the market's currency.
    pub price: Option<Told<i64>>,
}

/// The answer to "what holds for these products?".
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveList {
    /// In the order asked.
    pub products: Vec<Effective>,
    /// The inventory that was looked at.
    pub inventory_id: String,
    /// The market that was looked at.
    pub market_id: String,
    /// ISO 4217, of the market.
    pub currency_code: String,
    /// What the feeds had said then.
    pub positions: Arc<[FeedPosition]>,
    /// The blocks that stood then.
    pub blocks_digest: u64,
}

/// What one source said of one product in one inventory, or of its price in one market.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// As it was sent.
    pub product_id: String,
    /// Who said so.
    pub source_id: Arc<str>,
    /// What it is about.
    pub said: Said,
}

/// The content of a [`Reading`].
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Of stock.
    Stock {
        /// Empty means every inventory.
        inventory_id: String,
        /// Its state, when that was read, and since when it has held.
        availability: Option<(Availability, i64, i64)>,
        /// Units, and when they were counted.
        quantity: Option<(f64, i64)>,
    },
    /// Of the price.
    Price {
        /// Empty means the default market.
        market_id: String,
        /// Minor units.
        price: i64,
        /// ISO 4217.
        currency_code: String,
        /// When it was read, in microseconds since 1970.
        event_us: i64,
    },
}

/// One page of readings.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingPage {
    /// In the order in which products were first heard of.
    pub readings: Vec<Reading>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
    /// What the feeds had said then.
    pub positions: Arc<[FeedPosition]>,
    /// The blocks that stood then.
    pub blocks_digest: u64,
}

/// One page of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPage {
    /// By id; one id may have several.
    pub blocks: Vec<ListedBlock>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}
