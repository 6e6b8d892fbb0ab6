//! Page calls: the envelope that all slots share, and each slot on its own.

use arrayvec::ArrayVec;

use super::{Violations, context::context, lookup, query};
use crate::{
    index::View,
    lookup::{Context, Query, QuerySeed, Repeats},
    model::limits::{SEEDS_MAX, SLOT_ID_BYTES_MAX, SLOTS_MAX},
    pb::{self, RecommendationView},
    service::status::{Refusal, Violation, quoted},
};

/// What the slots of a page share.
#[derive(Debug)]
pub(in crate::service) struct Envelope<'q> {
    pub(in crate::service) slots: &'q [pb::Slot],
    /// For slots that bring none.
    pub(in crate::service) seeds: ArrayVec<QuerySeed<'q>, SEEDS_MAX>,
    ignored_seeds: u32,
    pub(in crate::service) context: Context<'q>,
    /// The context's market or inventory that the catalog does not have: no slot can be answered.
    pub(in crate::service) unknown: Vec<Violation>,
    exclude: &'q [String],
    ignored_exclusions: u32,
    pub(in crate::service) repeats: Repeats,
    pub(in crate::service) detail: RecommendationView,
}

/// Must slots be named?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum SlotIds {
    /// Each of them, and each by another name.
    Required,
    /// The page is a single lookup that is explained.
    Waived,
}

/// The envelope of a request. `now_s` is the clock at arrival.
pub(in crate::service) fn envelope<'q>(
    request: &'q pb::BatchGetRecommendationsRequest,
    ids: SlotIds,
    view: &View<'_>,
    now_s: i64,
) -> Result<Envelope<'q>, Refusal> {
    let mut violations = Violations::default();
    let slots = &*request.slots;
    if !(1..=SLOTS_MAX).contains(&slots.len()) {
        let found = slots.len();
        violations.add("slots", format!("expected 1 to {SLOTS_MAX} slots, found {found}"));
    } else if ids == SlotIds::Required {
        check_ids(slots, &mut violations);
    }
    let mut seeds = ArrayVec::new();
    let ignored_seeds = lookup::read_seeds(&request.seeds, &mut violations, &mut seeds);
    let (context, unknown) = context(request.context.as_ref(), view, now_s, &mut violations);
    let detail = query::detail(request.view, &mut violations);
    query::check_positions(&request.min_availability, &mut violations);
    violations.end()?;
    let (exclude, ignored_exclusions) = query::exclusions(&request.exclude_product_ids);
    let repeats = if request.allow_duplicates { Repeats::Allowed } else { Repeats::Refused };
    Ok(Envelope {
        slots,
        seeds,
        ignored_seeds,
        context,
        unknown,
        exclude,
        ignored_exclusions,
        repeats,
        detail,
    })
}

impl<'q> Envelope<'q> {
    /// Reads a slot into an empty query; what is wrong with it is for the slot alone.
    pub(in crate::service) fn read_query(
        &self,
        slot: &'q pb::Slot,
        view: &View<'_>,
        violations: &mut Violations,
        query: &mut Query<'q>,
    ) {
        lookup::read_lookup(slot.lookup.as_ref(), view, violations, query);
        query.ignored_seeds = if slot.seeds.is_empty() {
            query.seeds.extend(self.seeds.iter().copied());
            self.ignored_seeds
        } else {
            lookup::read_seeds(&slot.seeds, violations, &mut query.seeds)
        };
        (query.exclude, query.ignored_exclusions) = (self.exclude, self.ignored_exclusions);
    }
}

/// Each slot by a name of its own. A page without faults builds no path.
fn check_ids(slots: &[pb::Slot], violations: &mut Violations) {
    for (index, slot) in slots.iter().enumerate() {
        let id = &slot.slot_id;
        let earlier = slots.iter().take(index).position(|earlier| earlier.slot_id == *id);
        let description = if !(1..=SLOT_ID_BYTES_MAX).contains(&id.len()) {
            let found = id.len();
            format!("expected 1 to {SLOT_ID_BYTES_MAX} bytes, found {found}")
        } else if let Some(earlier) = earlier {
            let id = quoted(id);
            format!("expected an id of its own, found {id} of slots[{earlier}]")
        } else {
            continue;
        };
        violations.add(format!("slots[{index}].slot_id"), description);
    }
}
