//! Between the messages of the service and the words of the stock room.

use std::sync::Arc;

use prost_types::Timestamp;

use crate::{
    model::{
        id,
        limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, STATES_PER_CALL_MAX, VIOLATIONS_MAX},
    },
    pb,
    service::status::{Refusal, Violation},
    stock::{
        BatchDone, BlockDraft, BlockPage, Effective, EffectiveList, FeedPosition, ListedBlock,
        Reading, ReadingPage, Rejected, ReplaceDone, Said, UnblockDraft, UpdateDraft,
    },
};

/// An update as it was sent.
pub(super) fn draft(update: pb::AvailabilityUpdate) -> UpdateDraft {
    UpdateDraft {
        product_id: update.product_id,
        inventory_id: update.inventory_id,
        availability: update.availability,
        quantity: update.available_quantity,
        price: update.price_minor_units,
        currency_code: update.currency_code,
        market_id: update.market_id,
        event_us: update.event_time.map(micros),
    }
}

/// Further messages of a resync name no feed, or the same one.
pub(super) fn same_feed(
    part: &pb::ReplaceAvailabilityRequest,
    source_id: &str,
    sequence: u64,
) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    if !part.source_id.is_empty() && part.source_id != source_id {
        let text = format!("expected that of the first message or nothing, {source_id:.64?}");
        violations.push(Violation::new("source_id", text));
    }
    if part.sequence != 0 && part.sequence != sequence {
        let found = part.sequence;
        let text = format!("expected that of the first message or 0, {sequence}, found {found}");
        violations.push(Violation::new("sequence", text));
    }
    end(violations)
}

/// A stream of a resync that stopped. What cancels a call looks like its end, so that only the word
/// of the caller makes one whole.
pub(super) fn not_ended() -> Refusal {
    let text = "expected true in the last message, the stream stopped without it; nothing changed";
    Refusal::Invalid(vec![Violation::new("end", text)])
}

/// A message behind the one that ended its stream.
pub(super) fn ended_before() -> Refusal {
    let text = "expected true in the last message alone, another message came behind it";
    Refusal::Invalid(vec![Violation::new("end", text)])
}

pub(super) fn batch_done(done: BatchDone) -> pb::BatchUpdateAvailabilityResponse {
    pb::BatchUpdateAvailabilityResponse {
        position: Some(position(&done.position)),
        applied: done.applied,
        stale: done.stale,
        missing_product_ids: done.missing,
        rejected: rejected(done.rejected),
        gap: done.gap,
    }
}

pub(super) fn replace_done(done: ReplaceDone) -> pb::ReplaceAvailabilityResponse {
    pb::ReplaceAvailabilityResponse {
        position: Some(position(&done.position)),
        applied: done.applied,
        removed: done.removed,
        rejected: rejected(done.rejected),
        rejected_count: done.rejected_count,
    }
}

fn rejected(all: Vec<Rejected>) -> Vec<pb::RejectedUpdate> {
    let rejected = |Rejected { index, reason }| pb::RejectedUpdate { index, reason };
    all.into_iter().map(rejected).collect()
}

/// Checks the lists of a `BatchGetAvailability`. Its inventory and market are the writer's to know.
pub(super) fn check_states(request: &pb::BatchGetAvailabilityRequest) -> Result<(), Refusal> {
    let ids = &request.product_ids;
    if !(1..=STATES_PER_CALL_MAX).contains(&ids.len()) {
        return Err(too_many("product_ids", 1, STATES_PER_CALL_MAX, ids.len()));
    }
    let wrong = ids.iter().enumerate().filter_map(|(index, id)| {
        let error = id::check(id).err()?;
        Some(Violation::new(format!("product_ids[{index}]"), error.to_string()))
    });
    end(wrong.take(VIOLATIONS_MAX).collect())
}

pub(super) fn states(list: EffectiveList, snapshot_id: String) -> pb::BatchGetAvailabilityResponse {
    let data_version = data_version(&list.positions, list.blocks_digest, snapshot_id);
    let EffectiveList { products, inventory_id, market_id, currency_code, .. } = list;
    let mut response = pb::BatchGetAvailabilityResponse::default();
    for one in products {
        let is_said = one.availability.is_some() || one.quantity.is_some() || one.price.is_some();
        if !one.is_known {
            response.missing_product_ids.push(one.product_id.clone());
        }
        // What was said of a product before its snapshot comes is worth telling.
        if one.is_known || is_said {
            response.states.push(state(one, &inventory_id, &market_id, &currency_code));
        }
    }
    response.data_version = Some(data_version);
    response
}

fn state(
    one: Effective,
    inventory_id: &str,
    market_id: &str,
    currency_code: &str,
) -> pb::AvailabilityState {
    let mut state = pb::AvailabilityState {
        product_id: one.product_id,
        inventory_id: inventory_id.to_owned(),
        market_id: market_id.to_owned(),
        since_time: one.since_us.map(timestamp),
        ..Default::default()
    };
    if let Some(told) = one.availability {
        state.availability = told.value as i32;
        state.event_time = told.event_us.map(timestamp);
        state.source_id = told.source_id.to_string();
    }
    if let Some(told) = one.quantity {
        state.available_quantity = Some(told.value);
        state.quantity_event_time = told.event_us.map(timestamp);
    }
    if let Some(told) = one.price {
        state.price_minor_units = Some(told.value);
        state.price_event_time = told.event_us.map(timestamp);
        state.currency_code = currency_code.to_owned();
    }
    state
}

/// Results of a page: zero means the default, more than the most means the most.
pub(super) fn page_size(asked: i32) -> Result<usize, Refusal> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(asked) => Ok(asked.min(PAGE_SIZE_MAX)),
        Err(_) => {
            let text = format!("expected 0 or more, found {asked}");
            Err(Refusal::Invalid(vec![Violation::new("page_size", text)]))
        }
    }
}

/// The source whose readings are listed; `None` for all.
pub(super) fn listed_source(source_id: String) -> Result<Option<String>, Refusal> {
    if source_id.is_empty() {
        return Ok(None);
    }
    match id::check(&source_id) {
        Ok(()) => Ok(Some(source_id)),
        Err(error) => Err(Refusal::Invalid(vec![Violation::new("source_id", error.to_string())])),
    }
}

pub(super) fn readings(page: ReadingPage, snapshot_id: String) -> pb::ListAvailabilityResponse {
    pb::ListAvailabilityResponse {
        data_version: Some(data_version(&page.positions, page.blocks_digest, snapshot_id)),
        states: page.readings.into_iter().map(reading).collect(),
        next_page_token: page.next.unwrap_or_default(),
    }
}

fn reading(reading: Reading) -> pb::AvailabilityState {
    let mut state = pb::AvailabilityState {
        product_id: reading.product_id,
        source_id: reading.source_id.to_string(),
        ..Default::default()
    };
    match reading.said {
        Said::Stock { inventory_id, availability, quantity } => {
            state.inventory_id = inventory_id;
            if let Some((value, event_us, since_us)) = availability {
                state.availability = value as i32;
                state.event_time = Some(timestamp(event_us));
                state.since_time = Some(timestamp(since_us));
            }
            if let Some((value, event_us)) = quantity {
                state.available_quantity = Some(value);
                state.quantity_event_time = Some(timestamp(event_us));
            }
        }
        Said::Price { market_id, price, currency_code, event_us } => {
            state.market_id = market_id;
            state.price_minor_units = Some(price);
            state.currency_code = currency_code;
            state.price_event_time = Some(timestamp(event_us));
        }
    }
    state
}

/// A block as it was sent. One that ends within a second lasts to the end of it.
pub(super) fn block(request: pb::BlockProductsRequest) -> BlockDraft {
    let end = |time: Timestamp| time.seconds.saturating_add(i64::from(time.nanos > 0));
    BlockDraft {
        product_ids: request.product_ids,
        market_ids: request.market_ids,
        reason: request.reason,
        actor: request.actor,
        expire_s: request.expire_time.map(end),
    }
}

pub(super) fn unblock(request: pb::UnblockProductsRequest) -> UnblockDraft {
    let pb::UnblockProductsRequest { product_ids, reason, actor } = request;
    UnblockDraft { product_ids, reason, actor }
}

pub(super) fn blocks(page: BlockPage) -> pb::ListBlockedProductsResponse {
    let seconds = |seconds| Timestamp { seconds, nanos: 0 };
    let blocked = |block: ListedBlock| pb::BlockedProduct {
        product_id: block.product_id,
        market_ids: block.market_ids,
        reason: block.reason,
        actor: block.actor,
        block_time: Some(seconds(block.block_s)),
        expire_time: block.expire_s.map(seconds),
    };
    pb::ListBlockedProductsResponse {
        products: page.blocks.into_iter().map(blocked).collect(),
        next_page_token: page.next.unwrap_or_default(),
    }
}

/// A list whose length is wrong.
pub(super) fn too_many(field: &str, least: usize, most: usize, found: usize) -> Refusal {
    let text = format!("expected {least} to {most}, found {found}");
    Refusal::Invalid(vec![Violation::new(field, text)])
}

fn end(violations: Vec<Violation>) -> Result<(), Refusal> {
    if violations.is_empty() { Ok(()) } else { Err(Refusal::Invalid(violations)) }
}

fn data_version(
    positions: &Arc<[FeedPosition]>,
    blocks_digest: u64,
    snapshot_id: String,
) -> pb::DataVersion {
    let availability = positions.iter().map(position).collect();
    pb::DataVersion { snapshot_id, availability, blocks_digest, ..Default::default() }
}

fn position(position: &FeedPosition) -> pb::FeedPosition {
    pb::FeedPosition {
        source_id: position.source_id.to_string(),
        sequence: position.sequence,
        applied_beyond_gap: position.applied_beyond_gap,
    }
}

/// Microseconds since 1970. What no clock says stays out of the range that counts.
fn micros(time: Timestamp) -> i64 {
    let part = i64::from(time.nanos.clamp(0, 999_999_999) / 1_000);
    time.seconds.saturating_mul(1_000_000).saturating_add(part)
}

fn timestamp(micros: i64) -> Timestamp {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000);
    let nanos = nanos.expect("a part of a second has fewer nanoseconds");
    Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}
