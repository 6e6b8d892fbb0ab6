//! The situation of a call: stage, market, inventory, visitor, instant.

use prost_types::Timestamp;

use super::Violations;
use crate::{
    index::View,
    lookup::Context,
    model::{
        limits::{CHANNEL_BYTES_MAX, VISITOR_BYTES_MAX},
        relation::Stage,
    },
    pb,
    service::status::{Reason, Violation, quoted},
};

/// Instants that a protobuf timestamp can name: the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The context of a request, and the market or inventory in it that the catalog does not have; the
/// default ones stand for those. `now_s` is the clock at arrival.
pub(in crate::service) fn context<'q>(
    asked: Option<&'q pb::Context>,
    view: &View<'_>,
    now_s: i64,
    violations: &mut Violations,
) -> (Context<'q>, Vec<Violation>) {
    let mut unknown = Vec::new();
    let market = market(asked.map_or("", |asked| &asked.market_id), view, &mut unknown);
    let inventory =
        inventory(asked.map_or("", |asked| &asked.inventory_id), market, view, &mut unknown);
    let mut context =
        Context { market, inventory, stage: None, visitor: "", at_s: now_s, is_as_of: false };
    let Some(asked) = asked else {
        return (context, unknown);
    };
    match stage(asked.stage) {
        Ok(stage) => context.stage = stage,
        Err(found) => {
            let description = format!("expected a ShoppingStage, found {found}");
            violations.add("context.stage", description);
        }
    }
    let mut check_length = |field: &str, text: &str, most: usize| {
        if text.len() > most {
            let description = format!("expected at most {most} bytes, found {}", text.len());
            violations.add(field, description);
        }
    };
    // The channel counts for nothing: it is only kept short.
    check_length("context.channel", &asked.channel, CHANNEL_BYTES_MAX);
    check_length("context.visitor_id", &asked.visitor_id, VISITOR_BYTES_MAX);
    context.visitor = &asked.visitor_id;
    if let Some(instant) = &asked.as_of_time {
        if is_valid(instant) {
            (context.at_s, context.is_as_of) = (instant.seconds, true);
        } else {
            let Timestamp { seconds, nanos } = instant;
            let description = format!(
                "expected an instant of the years 1 to 9999, found {seconds} s and {nanos} ns"
            );
            violations.add("context.as_of_time", description);
        }
    }
    (context, unknown)
}

/// The same for a call that fails where market or inventory are unknown.
pub(super) fn known_context<'q>(
    asked: Option<&'q pb::Context>,
    view: &View<'_>,
    now_s: i64,
    violations: &mut Violations,
) -> Context<'q> {
    let (context, unknown) = context(asked, view, now_s, violations);
    unknown.into_iter().for_each(|violation| violations.push(violation));
    context
}

/// The bit of a market.
fn market(id: &str, view: &View<'_>, unknown: &mut Vec<Violation>) -> u32 {
    let meta = view.meta();
    let default = meta.default_market.to_native();
    if id.is_empty() {
        return default;
    }
    let found = (0..).zip(meta.markets.iter()).find(|(_, market)| market.id == id);
    found.map_or_else(
        || {
            let description =
                format!("expected a market that DescribeCatalog lists, found {}", quoted(id));
            let violation = Violation::new("context.market_id", description);
            unknown.push(violation.because(Reason::MarketNotFound));
            default
        },
        |(bit, _)| bit,
    )
}

/// The index of an inventory.
fn inventory(id: &str, market: u32, view: &View<'_>, unknown: &mut Vec<Violation>) -> u32 {
    let meta = view.meta();
    let default = meta.markets.get(market as usize);
    let default = default.map_or(0, |market| market.default_inventory.to_native());
    if id.is_empty() {
        return default;
    }
    let found = (0..).zip(meta.inventories.iter()).find(|(_, inventory)| *inventory == id);
    found.map_or_else(
        || {
            let description =
                format!("expected an inventory that DescribeCatalog lists, found {}", quoted(id));
            let violation = Violation::new("context.inventory_id", description);
            unknown.push(violation.because(Reason::InventoryNotFound));
            default
        },
        |(index, _)| index,
    )
}

/// The stage of a number on the wire; 0 is none.
fn stage(number: i32) -> Result<Option<Stage>, i32> {
    match Stage::ALL.into_iter().find(|stage| *stage as i32 == number) {
        None if number == 0 => Ok(None),
        None => Err(number),
        some => Ok(some),
    }
}

fn is_valid(instant: &Timestamp) -> bool {
    SECONDS.contains(&instant.seconds) && (0..1_000_000_000).contains(&instant.nanos)
}
