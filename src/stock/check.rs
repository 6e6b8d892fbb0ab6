//! What was sent, against what the catalog declares: an update that passes can be applied.

use super::{
    BlockDraft, Rejected, StockError, UnblockDraft, UpdateDraft,
    entry::{PriceUpdate, Update},
    projection::Places,
};
use crate::model::{
    currency::Currency,
    id,
    limits::{
        BLOCK_TEXT_BYTES_MAX, BLOCKS_PER_CALL_MAX, FUTURE_SKEW_S, MARKETS_MAX, PRICE_MAX,
        REFUSAL_QUOTE_BYTES_MAX, REPLACE_UPDATES_MAX, SEQUENCE_MAX, UPDATES_PER_BATCH_MAX,
    },
    relation::Availability,
};

/// Checks a source's id, and a sequence of its feed.
pub(super) fn feed(source_id: &str, sequence: u64) -> Result<(), StockError> {
    id::check(source_id).map_err(|error| StockError::invalid("source_id", error.to_string()))?;
    if !(1..=SEQUENCE_MAX).contains(&sequence) {
        let reason = format!("expected a sequence from 1 to {SEQUENCE_MAX}, found {sequence}");
        return Err(StockError::invalid("sequence", reason));
    }
    Ok(())
}

/// Checks the frame of a batch.
pub(super) fn batch(
    source_id: &str,
    sequence: u64,
    updates: &[UpdateDraft],
) -> Result<(), StockError> {
    feed(source_id, sequence)?;
    let count = updates.len();
    if !(1..=UPDATES_PER_BATCH_MAX).contains(&count) {
        let reason = format!("expected 1 to {UPDATES_PER_BATCH_MAX} updates, found {count}");
        return Err(StockError::invalid("updates", reason));
    }
    Ok(())
}

/// Checks how many updates a resync has.
pub(super) fn replace_len(update_count: usize) -> Result<(), StockError> {
    if update_count > REPLACE_UPDATES_MAX { Err(StockError::TooManyUpdates) } else { Ok(()) }
}

/// Checks a block.
pub(super) fn block(draft: &BlockDraft, now_s: i64) -> Result<(), StockError> {
    ids(&draft.product_ids)?;
    if draft.market_ids.len() > MARKETS_MAX {
        let reason = format!("expected at most {MARKETS_MAX}, found {}", draft.market_ids.len());
        return Err(StockError::invalid("market_ids", reason));
    }
    if draft.reason.is_empty() {
        return Err(StockError::invalid("reason", "a block needs a reason, for the record"));
    }
    notes(&draft.reason, &draft.actor)?;
    match draft.expire_s {
        Some(expire_s) if expire_s <= now_s => {
            let reason = "expected a time in the future: this block would have ended already";
            Err(StockError::invalid("expire_time", reason))
        }
        _ => Ok(()),
    }
}

pub(super) fn unblock(draft: &UnblockDraft) -> Result<(), StockError> {
    ids(&draft.product_ids)?;
    notes(&draft.reason, &draft.actor)
}

/// A misspelled market would make a recall that recalls nothing.
pub(super) fn block_markets(market_ids: &[String], places: &Places) -> Result<(), StockError> {
    for (index, market) in market_ids.iter().enumerate() {
        if market.is_empty() || places.market(market).is_none() {
            let reason = format!("market {} is unknown", quote(market));
            return Err(StockError::invalid(format!("market_ids[{index}]"), reason));
        }
    }
    Ok(())
}

fn ids(product_ids: &[String]) -> Result<(), StockError> {
    let count = product_ids.len();
    if !(1..=BLOCKS_PER_CALL_MAX).contains(&count) {
        let reason = format!("expected 1 to {BLOCKS_PER_CALL_MAX} ids, found {count}");
        return Err(StockError::invalid("product_ids", reason));
    }
    for (index, product_id) in product_ids.iter().enumerate() {
        if let Err(error) = id::check(product_id) {
            let field = format!("product_ids[{index}]");
            return Err(StockError::invalid(field, error.to_string()));
        }
    }
    Ok(())
}

fn notes(reason: &str, actor: &str) -> Result<(), StockError> {
    for (field, text) in [("reason", reason), ("actor", actor)] {
        let len = text.len();
        if len > BLOCK_TEXT_BYTES_MAX {
            let reason = format!("expected at most {BLOCK_TEXT_BYTES_MAX} bytes, found {len}");
            return Err(StockError::invalid(field, reason));
        }
    }
    Ok(())
}

/// Updates that were looked at.
pub(super) struct Checked {
    /// Those that can be applied.
    pub(super) updates: Vec<Update>,
    /// The others, with the reason.
    pub(super) rejected: Vec<Rejected>,
    /// The products that rejected updates name, as far as they name any.
    pub(super) rejected_products: Vec<String>,
}

/// Tells updates that can be applied from others. `now_s` in seconds since 1970.
pub(super) fn updates(drafts: Vec<UpdateDraft>, places: &Places, now_s: i64) -> Checked {
    let event_us_max = now_s.saturating_add(FUTURE_SKEW_S).saturating_mul(1_000_000);
    let mut updates = Vec::with_capacity(drafts.len());
    let (mut rejected, mut rejected_products) = (Vec::new(), Vec::new());
    for (index, mut draft) in (0..).zip(drafts) {
        match update(&mut draft, places, event_us_max) {
            Ok(update) => updates.push(update),
            Err(reason) => {
                rejected.push(Rejected { index, reason });
                if id::check(&draft.product_id).is_ok() {
                    rejected_products.push(draft.product_id);
                }
            }
        }
    }
    Checked { updates, rejected, rejected_products }
}

/// Takes ids out of a draft that can be applied; the product's stays in one that cannot.
fn update(draft: &mut UpdateDraft, places: &Places, event_us_max: i64) -> Result<Update, String> {
    id::check(&draft.product_id).map_err(|error| format!("product_id: {error}"))?;
    let inventory = &draft.inventory_id;
    if !inventory.is_empty() && places.inventory(inventory).is_none() {
        return Err(format!("inventory_id: inventory {} is unknown", quote(inventory)));
    }
    let availability = match u8::try_from(draft.availability) {
        Ok(0) => None,
        Ok(number) if let Some(state) = Availability::new(number) => Some(state),
        _ => return Err(format!("availability: state {} is unknown", draft.availability)),
    };
    if let Some(quantity) = draft.quantity
        && !(quantity.is_finite() && quantity >= 0.0)
    {
        return Err(format!("available_quantity: expected a number >= 0, found {quantity}"));
    }
    // Minus zero is a zero, and every zero is written alike.
    let quantity = draft.quantity.map(|quantity| quantity + 0.0);
    let event_us = match draft.event_us {
        None => return Err("event_time: required".to_owned()),
        Some(event_us) if event_us < 0 => {
            return Err("event_time: expected a time after 1970".to_owned());
        }
        Some(event_us) if event_us > event_us_max => {
            return Err(format!(
                "event_time: lies more than {FUTURE_SKEW_S} s in the future; check the clock"
            ));
        }
        Some(event_us) => event_us,
    };
    let price = match draft.price {
        None => None,
        Some(price) => {
            let market = std::mem::take(&mut draft.market_id);
            Some(self::price(price, &draft.currency_code, market, places)?)
        }
    };
    if availability.is_none() && quantity.is_none() && price.is_none() {
        return Err("expected an availability, a quantity or a price, found none".to_owned());
    }
    let product = std::mem::take(&mut draft.product_id);
    let inventory = std::mem::take(&mut draft.inventory_id);
    Ok(Update { product, inventory, availability, quantity, price, event_us })
}

fn price(
    price: i64,
    currency_code: &str,
    market: String,
    places: &Places,
) -> Result<PriceUpdate, String> {
    let Some(declared) = places.market(&market).and_then(|index| places.market_at(index)) else {
        return Err(format!("market_id: market {} is unknown", quote(&market)));
    };
    if !(0..=PRICE_MAX).contains(&price) {
        return Err(format!("price_minor_units: expected 0 to {PRICE_MAX}, found {price}"));
    }
    match declared.currency {
        Some(currency) if currency.code() == currency_code => {
            Ok(PriceUpdate { price, currency, market })
        }
        expected => {
            let expected = expected.as_ref().map_or("none", Currency::code);
            let market = &declared.id;
            let found = quote(currency_code);
            Err(format!("currency_code: expected {expected} in market `{market}`, found {found}"))
        }
    }
}

/// What was sent, as far as a reason repeats it.
fn quote(text: &str) -> String {
    let head = text.chars().take(REFUSAL_QUOTE_BYTES_MAX / 4).collect::<String>();
    format!("{head:?}")
}
