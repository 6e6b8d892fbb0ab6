//! Answering: pins, the lookup's own candidates, rotation, fallbacks.

use super::{
    checks::{Checks, States, knows_more},
    filter::{Conditions, FilterNames},
    interval::Interval,
    list::{List, reads_attributes},
    page::Page,
    pins::PinDraft,
    plan::Plan,
    query::Query,
    report::FillReport,
    rotation::Rotation,
    rules::Rules,
    scene::{Context, Scene},
    seeds::{Known, Seeds},
    trace::{Sink, Trace, Untraced},
    walk::{Bench, Lists, Walk},
};
use crate::{
    index::Ordinal,
    model::{limits::EXCLUSIONS_MAX, selection::AvailabilitySet},
};

/// The answer to a query; it lives in the scratch it was computed in.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'s> {
    /// Best first.
    pub picks: &'s [Pick],
    /// Bit per position of the query's seeds: it leads to no product.
    pub missing: u64,
    /// Why the list is as long as it is.
    pub report: FillReport,
    /// How long the answer holds.
    pub interval: Interval,
}

/// A recommended product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// The product.
    pub product: Ordinal,
    /// Number of the type of the relation that led here; with several seeds, of the one that
    /// weighs most. 0 for none.
    pub relation_type: u8,
    /// Number of that relation's origin.
    pub origin: u8,
    /// In 1/65535.
    pub score: u16,
    /// Units that go with the seed quantities asked for; 0 not said.
    pub quantity: f64,
    /// Bit per position of the query's seeds that led here.
    pub seeds: u64,
    /// The relation is not valid from this second since 1970 on; `i64::MAX` never ends.
    pub valid_to_s: i64,
    /// Step of the fallback chain that led here; 0 for none.
    pub fallback_step: u8,
}

/// Working memory of lookups. Keep one a thread; it grows to what the largest lookup needed.
#[derive(Debug, Default)]
pub struct Scratch {
    seeds: Seeds,
    /// Products that a fallback starts from.
    derived: Vec<Known>,
    /// Ordinals that the request excludes, sorted.
    excluded: Vec<u32>,
    names: FilterNames,
    rules: Rules,
    drafts: Vec<PinDraft>,
    list: List,
    bench: Bench,
    rotation: Rotation,
}

/// Answers a query from one scene, by its plan. `LOOKUP.md` says how, rule by rule.
#[must_use]
pub fn answer<'s>(
    scene: &Scene<'_>,
    context: &Context<'_>,
    query: &Query<'_>,
    plan: &Plan<'_>,
    page: &mut Page,
    scratch: &'s mut Scratch,
) -> Answer<'s> {
    run(scene, context, query, plan, page, scratch, &mut Untraced)
}

/// The same answer, and what happened to every candidate.
#[must_use]
pub fn explain<'s>(
    scene: &Scene<'_>,
    context: &Context<'_>,
    query: &Query<'_>,
    plan: &Plan<'_>,
    page: &mut Page,
    scratch: &'s mut Scratch,
    trace: &mut Trace,
) -> Answer<'s> {
    trace.begin();
    let answer = run(scene, context, query, plan, page, scratch, trace);
    trace.finish(answer.picks);
    answer
}

fn run<'s, S: Sink>(
    scene: &Scene<'_>,
    context: &Context<'_>,
    query: &Query<'_>,
    plan: &Plan<'_>,
    page: &mut Page,
    scratch: &'s mut Scratch,
    sink: &mut S,
) -> Answer<'s> {
    let Scratch { seeds, derived, excluded, names, rules, drafts, list, bench, rotation } = scratch;
    let (mut interval, mut report) = (Interval::UNBOUNDED, FillReport::default());
    let missing = seeds.resolve(&scene.view, query, page);
    excluded.clear();
    let exclude = query.exclude.iter().take(EXCLUSIONS_MAX);
    excluded.extend(exclude.filter_map(|id| scene.view.find(id)).map(|product| product.0));
    excluded.sort_unstable();
    rules.collect(scene, context, plan, &seeds.known, &mut interval);
    if let Some(filter) = plan.filter() {
        names.resolve(&scene.view, filter);
    }
    list.begin(plan.diversity());

    let checks = checks(scene, context, plan, (&*seeds, &*excluded, &*names, &*rules, &*page));
    let (checks, list_, interval_) = (&checks, &mut *list, &mut interval);
    let mut walk = Walk {
        checks,
        plan,
        list: list_,
        report: &mut report,
        interval: interval_,
        bench,
        sink,
        step: 0,
    };
    walk.pins(&seeds.known, drafts);
    walk.from(Lists::Mix(plan.mix()), &seeds.known);
    if plan.rotate() > 0 {
        rotation.turn(scene, context, plan, &mut walk.list.picks, walk.interval);
    }
    walk.list.cut(plan.max_results());
    walk.fallbacks(&seeds.known, derived);

    list.place_pins();
    page.show(&list.picks);
    let shortfall = plan.max_results().saturating_sub(list.picks.len());
    report.shortfall = u32::try_from(shortfall).unwrap_or(u32::MAX);
    report.ignored_seeds = query.ignored_seeds;
    report.ignored_exclusions = query.ignored_exclusions;
    if context.is_as_of {
        interval = Interval::UNBOUNDED;
    }
    Answer { picks: &list.picks, missing, report, interval }
}

/// What is constant from here on.
fn checks<'c>(
    scene: &'c Scene<'c>,
    context: &'c Context<'c>,
    plan: &Plan<'c>,
    (seeds, excluded, names, rules, page): (
        &'c Seeds,
        &'c [u32],
        &'c FilterNames,
        &'c Rules,
        &'c Page,
    ),
) -> Checks<'c> {
    let filter = plan.filter();
    let conditions =
        filter.and_then(|filter| Conditions::new(scene, context.market, filter, names));
    let sells_everything = scene.view.sells_everything(context.market);
    let states = filter.map_or(AvailabilitySet::default(), |filter| filter.availabilities);
    let has_overrides = scene.policy.overrides().count() > 0;
    let reads_attributes =
        !sells_everything || conditions.is_some() || reads_attributes(plan.diversity());
    Checks {
        view: scene.view,
        scene,
        context,
        stock: scene.stock,
        readings: scene.stock.readings(context.inventory),
        own: &seeds.own,
        excluded,
        conditions,
        rules,
        page,
        resolution: plan.variant_resolution(),
        states: States::new(states),
        market: context.market_bit(),
        stage: context.stage.map_or(0, |stage| 1 << (stage as u8).saturating_sub(1)),
        has_overrides,
        knows_more: knows_more(scene, excluded),
        sells_everything,
        reads_attributes,
    }
}
