//! A whole call: seeds, slots, and what the slots of a page hide from each other.

use std::collections::BTreeSet;

use crate::{
    answer::{Lookup, Outcome, Report, join},
    feed::Told,
    plan::{Ask, Plan, Refusal, Request, SeedAsk},
    runs::{self, Known},
    tally::Tally,
    world::World,
};

/// Seeds that count.
pub(crate) const SEEDS_MAX: usize = 50;
/// Exclusions that count.
pub(crate) const EXCLUSIONS_MAX: usize = 500;

impl Request {
    /// The seeds of a list: its own, else the page's.
    pub(crate) fn seeds<'a>(&'a self, ask: &'a Ask) -> &'a [SeedAsk] {
        match &self.page {
            Some(page) if ask.seeds.is_empty() => &page.seeds,
            _ => &ask.seeds,
        }
    }
}

/// The answers to a call, slot by slot.
pub(crate) fn expected(
    world: &World,
    request: &Request,
    tally: &mut Tally,
) -> Vec<Result<Outcome, Refusal>> {
    let told = Told::of(world);
    let mut on_page = BTreeSet::new();
    let mut outcomes = Vec::new();
    for ask in &request.lists {
        let outcome = one(world, &told, request, ask, &on_page, tally);
        if let (Ok(outcome), Some(page)) = (&outcome, &request.page)
            && !page.allow_duplicates
        {
            on_page.extend(outcome.picks.iter().map(|pick| world.key(&pick.id)));
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn one(
    world: &World,
    told: &Told<'_>,
    request: &Request,
    ask: &Ask,
    on_page: &BTreeSet<String>,
    tally: &mut Tally,
) -> Result<Outcome, Refusal> {
    let seeds = request.seeds(ask);
    let plan = Plan::new(world, request.stage, ask, !seeds.is_empty())?;
    let market = world.market(&request.market).unwrap();
    let inventory = match request.inventory.as_str() {
        "" => world.inventories[market.default_inventory].clone(),
        named => named.to_owned(),
    };
    let Seeds { known, missing } = Seeds::of(world, seeds);
    let of_page = request.page.as_ref().map_or(&[][..], |page| page.seeds.as_slice());
    let own = seeds.iter().take(SEEDS_MAX).chain(of_page.iter().take(SEEDS_MAX));
    let own = own.filter(|seed| !seed.is_category).filter_map(|seed| world.find(&seed.id));
    let excluded = request.exclude.iter().take(EXCLUSIONS_MAX);
    let ignored = |count: usize, max: usize| u32::try_from(count.saturating_sub(max)).unwrap();
    let lookup = Lookup {
        world,
        told,
        overrides: runs::overrides(world),
        plan: &plan,
        market: market.id.clone(),
        inventory,
        stage: request.stage,
        visitor: &request.visitor,
        at_s: request.at_s,
        known,
        own: own.map(|key| world.root(&key)).collect(),
        excluded: excluded.filter_map(|id| world.find(id)).collect(),
        on_page,
        rules: Vec::new(),
        edges: BTreeSet::new(),
        tally,
        report: Report {
            ignored_seeds: ignored(seeds.len(), SEEDS_MAX),
            ignored_exclusions: ignored(request.exclude.len(), EXCLUSIONS_MAX),
            ..Report::default()
        },
        pins: Vec::new(),
        list: Vec::new(),
    };
    let mut outcome = lookup.run(missing);
    if request.is_as_of {
        (outcome.from_s, outcome.until_s) = (None, None);
    }
    Ok(outcome)
}

/// What seeds lead to.
struct Seeds {
    known: Vec<Known>,
    missing: Vec<usize>,
}

impl Seeds {
    fn of(world: &World, asked: &[SeedAsk]) -> Self {
        let mut seeds = Self { known: Vec::new(), missing: Vec::new() };
        for (position, seed) in asked.iter().enumerate().take(SEEDS_MAX) {
            let products = if seed.is_category {
                world.popular(Some(&seed.id)).into_iter().take(10).collect()
            } else {
                world.find(&seed.id).into_iter().collect::<Vec<_>>()
            };
            if products.is_empty() {
                seeds.missing.push(position);
            }
            let quantity = if seed.quantity == 0.0 { 1.0 } else { seed.quantity };
            for key in products {
                join(&mut seeds.known, key, quantity, &[position]);
            }
        }
        seeds.known.truncate(50);
        seeds
    }
}
