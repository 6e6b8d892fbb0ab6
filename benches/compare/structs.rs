//! The same lookup, with the answer built as generated structs and encoded by prost: what a server
//! over this index would do that has no reply writer of its own.

use kindred::{
    lookup::{
        Context, FillReport, Page, Pick, Plan, Query, QuerySeed, Repeats, Scene, Scratch,
        answer as look_up,
    },
    model::{
        relation::{RelationType, Stage},
        score,
    },
    pb::{self, GetRecommendationsRequest, GetRecommendationsResponse, seed::Target},
    snapshot::Moment,
};

/// Answers a request that names product seeds, types, a stage and a number of results.
pub(crate) fn answer(
    moment: &Moment,
    request: &GetRecommendationsRequest,
) -> GetRecommendationsResponse {
    let view = moment.snapshot.catalog().view();
    let scene = Scene { view, policy: moment.snapshot.policy(), stock: &moment.stock };
    let spec = request.lookup.as_ref().unwrap();
    let types = spec
        .relation_types
        .iter()
        .map(|number| RelationType::new(u8::try_from(*number).unwrap()).unwrap());
    let seeds = request.seeds.iter().map(|seed| match seed.target.as_ref().unwrap() {
        Target::ProductId(id) => QuerySeed::product(id, seed.quantity),
        Target::CategoryId(id) => QuerySeed::category(id, seed.quantity),
    });
    let max_results = usize::try_from(spec.max_results).unwrap();
    let query = Query::new(types, seeds).with_max_results(max_results);
    let stage = request.context.as_ref().map_or(0, |context| context.stage);
    let stage = Stage::ALL.iter().copied().find(|one| i32::from(*one as u8) == stage);
    let at_s =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let at_s = i64::try_from(at_s).unwrap();
    let context = Context { market: 0, inventory: 0, stage, visitor: "", at_s, is_as_of: false };
    let plan = Plan::new(&scene, &context, &query).unwrap();
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    page.begin(&scene, [], Repeats::Allowed);
    let found = look_up(&scene, &context, &query, &plan, &mut page, &mut scratch);
    let recommendation = |pick: &Pick| pb::Recommendation {
        product_id: view.id(pick.product).to_owned(),
        relation_type: i32::from(pick.relation_type),
        score: score::share(pick.score),
        origin: i32::from(pick.origin),
        quantity: pick.quantity,
        fallback_step: u32::from(pick.fallback_step),
        ..pb::Recommendation::default()
    };
    let position = |position: &kindred::stock::FeedPosition| pb::FeedPosition {
        source_id: position.source_id.to_string(),
        sequence: position.sequence,
        ..pb::FeedPosition::default()
    };
    GetRecommendationsResponse {
        recommendations: found.picks.iter().map(recommendation).collect(),
        data_version: Some(pb::DataVersion {
            snapshot_id: moment.snapshot.id().to_owned(),
            availability: moment.stock.positions().iter().map(position).collect(),
            blocks_digest: moment.stock.blocks_digest(),
            ..pb::DataVersion::default()
        }),
        fill_report: Some(fill_report(&found.report)),
        ..GetRecommendationsResponse::default()
    }
}

fn fill_report(found: &FillReport) -> pb::FillReport {
    pb::FillReport {
        candidates: found.candidates,
        removed_unavailable: found.removed_unavailable,
        removed_by_stage: found.removed_by_stage,
        removed_same_variant_group: found.removed_same_variant_group,
        shortfall: found.shortfall,
        ..pb::FillReport::default()
    }
}
