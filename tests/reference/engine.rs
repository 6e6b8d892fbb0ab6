//! The same calls to the lookup that serves shops.

use arrayvec::ArrayVec;
use kindred::{
    index::View,
    lookup::{
        self, Answer, Context, FillReport, Page, Plan, PlanError, Query, QuerySeed, Repeats, Scene,
        ScoreThreshold, Scratch, Trace,
    },
};

use crate::{
    answer::{Outcome, Pick, Report},
    call::{EXCLUSIONS_MAX, SEEDS_MAX},
    checks::Reason,
    plan::{Ask, FallbackAsk, Refusal, Request, SeedAsk},
};

/// What the server's lookup answers to a call, slot by slot. Whoever has it explained gets the same.
pub(crate) fn found(
    scene: &Scene<'_>,
    request: &Request,
    page: &mut Page,
    scratch: &mut Scratch,
) -> Vec<Result<Outcome, Refusal>> {
    let view = &scene.view;
    let market = match request.market.as_str() {
        "" => view.meta().default_market.to_native(),
        id => view.market(id).unwrap(),
    };
    let declared = view.meta().markets.get(usize::try_from(market).unwrap()).unwrap();
    let inventory = match request.inventory.as_str() {
        "" => declared.default_inventory.to_native(),
        id => view.inventory(id).unwrap(),
    };
    let context = Context {
        market,
        inventory,
        stage: request.stage,
        visitor: &request.visitor,
        at_s: request.at_s,
        is_as_of: request.is_as_of,
    };
    let of_page = request.page.as_ref().map_or(&[][..], |page| page.seeds.as_slice());
    let repeats = match &request.page {
        Some(page) if page.allow_duplicates => Repeats::Allowed,
        _ => Repeats::Refused,
    };
    page.begin(scene, of_page.iter().take(SEEDS_MAX).map(seed), repeats);
    let (mut traced_page, mut traced_scratch) = (Page::default(), Scratch::default());
    traced_page.begin(scene, of_page.iter().take(SEEDS_MAX).map(seed), repeats);
    let mut outcomes = Vec::new();
    for ask in &request.lists {
        let query = query(request, ask);
        outcomes.push(match Plan::new(scene, &context, &query) {
            Ok(plan) => {
                let answer = lookup::answer(scene, &context, &query, &plan, page, scratch);
                let mut trace = Trace::new(0, Vec::new());
                let (page, scratch) = (&mut traced_page, &mut traced_scratch);
                let explained =
                    lookup::explain(scene, &context, &query, &plan, page, scratch, &mut trace);
                let (found, explained) = (outcome(view, &answer), outcome(view, &explained));
                assert_eq!(found, explained, "an explanation tells of another answer: {request:?}");
                Ok(found)
            }
            Err(PlanError::UnknownPlacement) => Err(Refusal::UnknownPlacement),
            Err(PlanError::NoTypes) => Err(Refusal::NoTypes),
            Err(PlanError::NoSeeds) => Err(Refusal::NoSeeds),
            Err(other) => panic!("{other}"),
        });
    }
    outcomes
}

fn seed(seed: &SeedAsk) -> QuerySeed<'_> {
    match seed.is_category {
        true => QuerySeed::category(&seed.id, seed.quantity),
        false => QuerySeed::product(&seed.id, seed.quantity),
    }
}

fn query<'q>(request: &'q Request, ask: &'q Ask) -> Query<'q> {
    let seeds = request.seeds(ask);
    let mut types = ArrayVec::new();
    for relation_type in &ask.types {
        if !types.contains(relation_type) {
            types.push(*relation_type);
        }
    }
    let beyond = |count: usize, max: usize| u32::try_from(count.saturating_sub(max)).unwrap();
    Query {
        placement: ask.placement.as_deref(),
        types,
        max_results: ask.max_results,
        min_score: ask.min_score.map(|share| ScoreThreshold::new(share).unwrap()),
        filter: ask.filter.clone(),
        fallback: match &ask.fallback {
            None => lookup::FallbackAsk::Unset,
            Some(FallbackAsk::Disabled) => lookup::FallbackAsk::Disabled,
            Some(FallbackAsk::Steps(steps)) => lookup::FallbackAsk::Steps(steps.clone()),
        },
        diversity: ask.diversity,
        variant_resolution: ask.resolution,
        seeds: seeds.iter().take(SEEDS_MAX).map(seed).collect(),
        ignored_seeds: beyond(seeds.len(), SEEDS_MAX),
        exclude: &request.exclude[..request.exclude.len().min(EXCLUSIONS_MAX)],
        ignored_exclusions: beyond(request.exclude.len(), EXCLUSIONS_MAX),
    }
}

fn outcome(view: &View<'_>, answer: &Answer<'_>) -> Outcome {
    let bits = |mask: u64| (0..64).filter(|bit| mask >> bit & 1 == 1).collect::<Vec<_>>();
    let pick = |pick: &lookup::Pick| Pick {
        id: view.id(pick.product).to_owned(),
        relation_type: pick.relation_type,
        origin: pick.origin,
        score: pick.score,
        quantity: pick.quantity,
        seeds: bits(pick.seeds),
        valid_to_s: Some(pick.valid_to_s).filter(|end_s| *end_s != i64::MAX),
        fallback_step: pick.fallback_step,
    };
    Outcome {
        picks: answer.picks.iter().map(pick).collect(),
        missing: bits(answer.missing),
        report: report(&answer.report),
        from_s: Some(answer.interval.from_s).filter(|edge_s| *edge_s != i64::MIN),
        until_s: Some(answer.interval.until_s).filter(|edge_s| *edge_s != i64::MAX),
    }
}

fn report(found: &FillReport) -> Report {
    let removed = [
        (Reason::Blocked, found.removed_blocked),
        (Reason::Hidden, found.removed_hidden),
        (Reason::Overridden, found.removed_by_override),
        (Reason::SameGroup, found.removed_same_variant_group),
        (Reason::Excluded, found.removed_excluded),
        (Reason::Market, found.removed_outside_market),
        (Reason::Validity, found.removed_outside_validity),
        (Reason::Stage, found.removed_by_stage),
        (Reason::Filter, found.removed_by_filter),
        (Reason::Unavailable, found.removed_unavailable),
        (Reason::Score, found.removed_below_score),
        (Reason::Rule, found.removed_by_rule),
        (Reason::OnPage, found.removed_on_page),
        (Reason::Diversity, found.removed_by_diversity),
    ];
    Report {
        candidates: found.candidates,
        removed: removed.into_iter().filter(|(_, count)| *count > 0).collect(),
        added_by_fallback: found.added_by_fallback,
        shortfall: found.shortfall,
        ignored_seeds: found.ignored_seeds,
        ignored_exclusions: found.ignored_exclusions,
    }
}
