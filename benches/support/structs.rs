//! The lookup as one writes it with prost's structs, over the same index and with the same answer: what
//! our own way is held against.

use kindred::{
    index::{Ordinal, Relations},
    lookup::{Answer, Context, Page, Plan, Query, QuerySeed, Repeats, Scene, Scratch, answer},
    model::{
        relation::{Availability, RelationType, Stage, StageMask},
        score,
    },
    pb::{self, GetRecommendationsResponse, Recommendation},
    snapshot::Moment,
};
use prost::Message as _;

/// What a lookup asks for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) types: [RelationType; 2],
    pub(crate) stage: Stage,
    pub(crate) max_results: usize,
}

/// Takes the lookup's answer, builds structs from it and encodes them: only the reply differs from
/// ours.
#[derive(Default)]
pub(crate) struct Structs {
    page: Page,
    scratch: Scratch,
}

impl Structs {
    pub(crate) fn reply(&mut self, moment: &Moment, wanted: &Wanted, id: &str) -> Vec<u8> {
        let view = moment.snapshot.catalog().view();
        let scene = Scene { view, policy: moment.snapshot.policy(), stock: &moment.stock };
        let query = Query::new(wanted.types, [QuerySeed::product(id, 1.0)]);
        let query = query.with_max_results(wanted.max_results);
        let stage = Some(wanted.stage);
        let context =
            Context { market: 0, inventory: 0, stage, visitor: "", at_s: 0, is_as_of: false };
        let plan = Plan::new(&scene, &context, &query).unwrap();
        self.page.begin(&scene, [], Repeats::Allowed);
        let answer = answer(&scene, &context, &query, &plan, &mut self.page, &mut self.scratch);
        let Answer { picks, report, .. } = answer;
        let recommendation = |pick: &kindred::lookup::Pick| Recommendation {
            product_id: view.id(pick.product).to_owned(),
            relation_type: pick.relation_type.into(),
            score: score::share(pick.score),
            origin: pick.origin.into(),
            ..Recommendation::default()
        };
        let report = pb::FillReport {
            candidates: report.candidates,
            removed_unavailable: report.removed_unavailable,
            removed_by_stage: report.removed_by_stage,
            shortfall: report.shortfall,
            ..pb::FillReport::default()
        };
        encode(moment, picks.iter().map(recommendation).collect(), report)
    }
}

/// Walks over the relations once: a struct for each that may be shown, encoded in the end. As a service
/// is written first, and as the 0.30 of the design was measured.
pub(crate) fn one_pass(moment: &Moment, wanted: &Wanted, id: &str) -> Vec<u8> {
    let view = moment.snapshot.catalog().view();
    let block = view.block(view.find(id).unwrap());
    let mut runs = wanted.types.map(|relation_type| block.run(relation_type).relations());
    let mut report = pb::FillReport::default();
    let mut recommendations = Vec::new();
    while recommendations.len() < wanted.max_results {
        let Some((place, relation)) = next(&mut runs) else { break };
        let product = Ordinal(relation.target.get());
        let known = view.product(product).unwrap();
        report.candidates += 1;
        let reading = moment.stock.reading(product, 0);
        let state = reading.map_or(known.availability, |state| state as u8);
        let stages = relation.stages();
        let is_for_stage = stages == StageMask::EVERY
            || stages.bits() & StageMask::EVERY.with(wanted.stage).bits() != 0;
        if !moment.stock.blocks(product).is_empty() {
            report.removed_blocked += 1;
        } else if !is_for_stage {
            report.removed_by_stage += 1;
        } else if state > Availability::LowStock as u8 {
            report.removed_unavailable += 1;
        } else {
            recommendations.push(Recommendation {
                product_id: view.id(product).to_owned(),
                relation_type: wanted.types[place].number().into(),
                score: score::share(relation.score.get()),
                origin: relation.origin_number().into(),
                ..Recommendation::default()
            });
        }
    }
    let shortfall = wanted.max_results - recommendations.len();
    report.shortfall = u32::try_from(shortfall).unwrap();
    encode(moment, recommendations, report)
}

/// The better of the next relations, the first of equals, and its run.
fn next<'a>(runs: &mut [Relations<'a>; 2]) -> Option<(usize, &'a kindred::index::layout::Edge)> {
    let heads = runs.each_ref().map(Relations::peek);
    let place = match heads {
        [Some(first), Some(second)] => usize::from(second.score.get() > first.score.get()),
        [first, _] => usize::from(first.is_none()),
    };
    Some((place, runs[place].next()?.edge))
}

fn encode(
    moment: &Moment,
    recommendations: Vec<Recommendation>,
    report: pb::FillReport,
) -> Vec<u8> {
    let position = |position: &kindred::stock::FeedPosition| pb::FeedPosition {
        source_id: position.source_id.to_string(),
        sequence: position.sequence,
        applied_beyond_gap: position.applied_beyond_gap,
    };
    let version = pb::DataVersion {
        snapshot_id: moment.snapshot.id().to_owned(),
        availability: moment.stock.positions().iter().map(position).collect(),
        blocks_digest: moment.stock.blocks_digest(),
        ..pb::DataVersion::default()
    };
    let response = GetRecommendationsResponse {
        recommendations,
        data_version: Some(version),
        fill_report: Some(report),
        ..GetRecommendationsResponse::default()
    };
    response.encode_to_vec()
}
