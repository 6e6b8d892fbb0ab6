//! Page calls: slot after slot from one moment; a bad slot fails alone.

use xxhash_rust::xxh3::xxh3_64;

use super::{
    answers::{Workspace, with_workspace},
    convert::{self, Envelope, SlotIds, Violations},
    observe::count_slot,
    present::Present,
    reply::{self, Showing},
    status::{Refusal, slot_error},
};
use crate::{
    lookup::{self, Answer, Context, Interval, Page, Plan, Query, QuerySeed, Scene, Scratch},
    pb::{self, EncodedResponse},
    telemetry::SlotTable,
};

/// Answers the lookups of a page, and may take notes.
pub(super) trait Engine {
    /// The answer of one slot.
    fn answer<'s>(
        &mut self,
        asked: &SlotAsked<'_>,
        page: &mut Page,
        scratch: &'s mut Scratch,
    ) -> Answer<'s>;

    /// A slot has none.
    fn failed(&mut self, slot: &pb::Slot);
}

/// The lookup of one slot, ready to be answered.
pub(super) struct SlotAsked<'a> {
    pub(super) slot: &'a pb::Slot,
    pub(super) scene: &'a Scene<'a>,
    pub(super) context: &'a Context<'a>,
    pub(super) query: &'a Query<'a>,
    pub(super) plan: &'a Plan<'a>,
}

/// Answers and counts.
struct Plain<'a> {
    slots: Option<&'a SlotTable>,
}

impl Engine for Plain<'_> {
    fn answer<'s>(
        &mut self,
        asked: &SlotAsked<'_>,
        page: &mut Page,
        scratch: &'s mut Scratch,
    ) -> Answer<'s> {
        let SlotAsked { scene, context, query, plan, .. } = *asked;
        let answer = lookup::answer(scene, context, query, plan, page, scratch);
        count_slot(self.slots, plan, context.market, &answer);
        answer
    }

    fn failed(&mut self, _: &pb::Slot) {}
}

pub(super) fn batch(
    present: &Present<'_>,
    request: &pb::BatchGetRecommendationsRequest,
) -> Result<EncodedResponse, Refusal> {
    answer(present, request, SlotIds::Required, &mut Plain { slots: present.slots })
}

/// The answer to a page call in wire form, made by this engine.
pub(super) fn answer(
    present: &Present<'_>,
    request: &pb::BatchGetRecommendationsRequest,
    ids: SlotIds,
    engine: &mut impl Engine,
) -> Result<EncodedResponse, Refusal> {
    present.require_snapshot(&request.snapshot_id)?;
    let envelope = convert::envelope(request, ids, &present.scene.view, present.now_s)?;
    present.require_positions(&request.min_availability)?;
    Ok(with_workspace(|workspace| fill(present, &envelope, engine, workspace)))
}

/// Answers every slot and encodes them all.
fn fill(
    present: &Present<'_>,
    envelope: &Envelope<'_>,
    engine: &mut impl Engine,
    workspace: &mut Workspace,
) -> EncodedResponse {
    let Workspace { scratch, page, wire, missing } = workspace;
    let (scene, context) = (&present.scene, &envelope.context);
    let mut interval = Interval::UNBOUNDED;
    page.begin(scene, envelope.seeds.iter().copied(), envelope.repeats);
    let showing =
        Showing { scene, snapshot_id: present.snapshot_id, context, detail: envelope.detail };
    reply::begin_page(wire);
    missing.begin();
    for (index, slot) in envelope.slots.iter().enumerate() {
        let mut violations = Violations::of_slot(index);
        envelope.unknown.iter().for_each(|unknown| violations.share(unknown.clone()));
        let mut query = Query::default();
        envelope.read_query(slot, &scene.view, &mut violations, &mut query);
        let plan = violations.is_empty().then(|| Plan::new(scene, context, &query));
        let plan = plan.and_then(|plan| {
            let refused = |error| violations.push(convert::unplanned(error, &query));
            plan.map_err(refused).ok()
        });
        if let Some(plan) = &plan {
            let asked = SlotAsked { slot, scene, context, query: &query, plan };
            let answer = engine.answer(&asked, page, scratch);
            interval = interval.intersect(answer.interval);
            missing.note(index, !slot.seeds.is_empty(), answer.missing, &query.seeds);
            reply::write_slot(&showing, &slot.slot_id, Ok(&answer), wire);
        } else {
            engine.failed(slot);
            let error = slot_error(&violations.into_found());
            reply::write_slot(&showing, &slot.slot_id, Err(&error), wire);
        }
    }
    let missing = missing.places.iter().filter_map(|place| place.id(envelope));
    reply::end_page(&showing, missing, interval, wire)
}

/// Seeds of a page's slots that the catalog does not know, each once. It keeps places, since ids are
/// borrowed from a request.
#[derive(Debug, Default)]
pub(super) struct Missing {
    hashes: Vec<u64>,
    places: Vec<SeedPlace>,
}

/// Where a request names a seed.
#[derive(Clone, Copy, Debug)]
struct SeedPlace {
    /// The slot that brings it; none for those of the page.
    slot: Option<usize>,
    position: usize,
}

impl SeedPlace {
    fn id<'q>(self, envelope: &Envelope<'q>) -> Option<&'q str> {
        let Some(slot) = self.slot else {
            return envelope.seeds.get(self.position).map(QuerySeed::id);
        };
        let target = envelope.slots.get(slot)?.seeds.get(self.position)?.target.as_ref()?;
        let (pb::seed::Target::ProductId(id) | pb::seed::Target::CategoryId(id)) = target;
        Some(id)
    }
}

impl Missing {
    fn begin(&mut self) {
        self.hashes.clear();
        self.places.clear();
    }

    /// Takes note of the seeds of a slot whose bits are set.
    fn note(&mut self, slot: usize, are_own: bool, bits: u64, seeds: &[QuerySeed<'_>]) {
        if bits == 0 {
            return;
        }
        for (position, seed) in seeds.iter().enumerate() {
            if bits.unbounded_shr(u32::try_from(position).unwrap_or(u32::MAX)) & 1 == 0 {
                continue;
            }
            let hash = xxh3_64(seed.id().as_bytes());
            if !self.hashes.contains(&hash) {
                self.hashes.push(hash);
                self.places.push(SeedPlace { slot: are_own.then_some(slot), position });
            }
        }
    }
}
