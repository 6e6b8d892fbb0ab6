//! Random policies and overrides.

use std::collections::BTreeSet;

use kindred::model::{
    relation::{Availability, Stage},
    selection::{Diversity, Filter, PriceCondition, SeedMatch, VariantResolution},
};

use crate::{
    dice::Dice,
    world::{Action, Deed, MixEntry, Override, Placement, Policy, Rule, Slot, Step, World},
    worlds::{BRANDS, CATEGORIES, CODES, SCORES, TAGS, id, markets, window},
};

const PLACEMENTS: [&str; 4] = ["cart", "home", "pdp", "pdp-more"];

pub(crate) fn policy(dice: &mut Dice, world: &World) -> Policy {
    let count = dice.from(1, PLACEMENTS.len());
    let mut placements = Vec::new();
    for (index, id) in PLACEMENTS[..count].iter().enumerate() {
        // Chains lead on to later placements, so that none runs in a circle.
        let further = &PLACEMENTS[index + 1..count];
        let mut base = slot(dice, further);
        base.mix = Some(mix(dice));
        let stages = dice.some_of(50, 2, &Stage::ALL);
        let stages = stages.into_iter().map(|stage| (stage, slot(dice, further))).collect();
        placements.push(Placement { id: (*id).to_owned(), base, stages });
    }
    let mut policy = Policy { placements, ..Policy::default() };
    for stage in Stage::ALL {
        if dice.percent(60) {
            let mut own = slot(dice, &PLACEMENTS[..count]);
            own.mix = Some(mix(dice));
            policy.stages.insert(stage, own);
        }
    }
    for number in 0..dice.below(7) {
        policy.rules.push(rule(dice, world, number, &PLACEMENTS[..count]));
    }
    policy
}

fn slot(dice: &mut Dice, further: &[&str]) -> Slot {
    Slot {
        mix: dice.percent(30).then(|| mix(dice)),
        max_results: dice.maybe(60, &[1, 2, 3, 4, 5, 6, 8, 12]),
        min_score: dice.maybe(15, &SCORES),
        filter: dice.percent(35).then(|| filter(dice)),
        fallback: dice.percent(65).then(|| chain(dice, further)),
        diversity: dice.percent(25).then(|| diversity(dice)),
        resolution: dice.maybe(40, &VariantResolution::ALL),
        rotate: dice.maybe(30, &[0, 2, 4, 10]),
    }
}

fn mix(dice: &mut Dice) -> Vec<MixEntry> {
    // Not every world declares the own types, and none the last one.
    let codes = dice.some(3, &[&CODES[..], &["no_such_type"]].concat());
    let entry = |code: &&str| MixEntry {
        code: (*code).to_owned(),
        weight_milli: *dice.pick(&[1_000, 1_000, 600, 333, 1]),
        max_results: dice.maybe(20, &[1, 2]),
    };
    codes.iter().map(entry).collect()
}

fn chain(dice: &mut Dice, further: &[&str]) -> Vec<Step> {
    let count = dice.from(1, 3);
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(match dice.below(6) {
            0 => Step::Type((*dice.pick(&CODES)).to_owned()),
            1 => Step::ViaAlternatives,
            2 => Step::VariantGroup,
            3 => Step::CategoryPopular,
            4 => {
                Step::PopularIn((*dice.pick(&[&CATEGORIES[..], &["Nowhere"]].concat())).to_owned())
            }
            _ => Step::PopularIn("*".to_owned()),
        });
    }
    if let Some(further) = (!further.is_empty()).then(|| dice.maybe(25, further)).flatten() {
        steps.push(Step::Placement(further.to_owned()));
    }
    steps
}

pub(crate) fn diversity(dice: &mut Dice) -> Diversity {
    Diversity {
        max_per_brand: *dice.pick(&[0, 1, 2]),
        max_per_category: *dice.pick(&[0, 1, 2]),
        max_per_variant_group: *dice.pick(&[0, 1, 2, 3]),
    }
}

/// One or two conditions.
pub(crate) fn filter(dice: &mut Dice) -> Filter {
    let mut filter = Filter::default();
    for _ in 0..dice.from(1, 2) {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        match dice.below(9) {
            0 => filter.price = price(dice),
            1 => filter.brand = *dice.pick(&[SeedMatch::Same, SeedMatch::Different]),
            2 => {
                filter.category = *dice.pick(&[SeedMatch::Same, SeedMatch::Different]);
                filter.category_level = *dice.pick(&[0, 1, 2, 3]);
            }
            3 => filter.brand_ids = words(&dice.some(3, &[&BRANDS[..], &["nobody"]].concat())),
            4 => {
                let all = [&CATEGORIES[..], &["Nowhere", "Audio/P"]].concat();
                filter.category_ids = words(&dice.some(3, &all));
            }
            5 => filter.any_tags = words(&dice.some(3, &[&TAGS[..], &["unknown"]].concat())),
            6 => filter.none_tags = words(&dice.some(2, &[&TAGS[..], &["unknown"]].concat())),
            7 => filter.min_eco_grade = *dice.pick(&[1, 2, 3, 5]),
            _ => filter.availabilities = dice.some(4, &Availability::ALL).into_iter().collect(),
        }
    }
    filter
}

fn price(dice: &mut Dice) -> PriceCondition {
    let (one, other) = (*dice.pick(&[0, 200, 250, 400]), *dice.pick(&[400, 500, 1_000]));
    let ratios = [0, 250_000, 500_000, 800_000, 1_000_000];
    let more = [1_000_000, 1_250_000, 2_000_000, 5_000_000];
    PriceCondition {
        min_minor: dice.maybe(35, &[one]),
        max_minor: dice.maybe(35, &[other]),
        min_seed_ppm: dice.maybe(45, &ratios),
        max_seed_ppm: dice.maybe(45, &more),
    }
}

fn rule(dice: &mut Dice, world: &World, number: usize, placements: &[&str]) -> Rule {
    let words = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let action = match dice.below(4) {
        0 => Action::Boost(*dice.pick(&[1_001, 1_500, 2_000, 10_000])),
        1 => Action::Bury(*dice.pick(&[0, 1, 500, 999])),
        2 => Action::Pin(dice.from(1, 6)),
        _ => Action::Hide,
    };
    let is_pin = matches!(action, Action::Pin(_));
    let mut rule = Rule {
        id: format!("rule-{number}"),
        action,
        products: Vec::new(),
        brands: words(dice.some_of(30, 2, &[&BRANDS[..], &["nobody"]].concat())),
        categories: words(dice.some_of(30, 2, &[&CATEGORIES[..], &["Nowhere"]].concat())),
        tags: words(dice.some_of(25, 2, &[&TAGS[..], &["unknown"]].concat())),
        placements: words(dice.some_of(15, 2, placements)),
        stages: dice.some_of(15, 3, &Stage::ALL),
        markets: markets(dice, world, 20),
        seeds: (0..3 * usize::from(dice.percent(15))).map(|_| id(dice, world)).collect(),
        seed_categories: words(dice.some_of(20, 2, &[&CATEGORIES[..], &["Nowhere"]].concat())),
        window: window(dice, 25),
    };
    if is_pin {
        (rule.brands, rule.categories, rule.tags) = (Vec::new(), Vec::new(), Vec::new());
    }
    let states_none = rule.brands.is_empty() && rule.categories.is_empty() && rule.tags.is_empty();
    if states_none || dice.percent(20) {
        let count = dice.from(1, 4);
        rule.products = (0..count).map(|_| id(dice, world)).collect();
    }
    rule
}

/// Overrides, no two of one key.
pub(crate) fn overrides(dice: &mut Dice, world: &World) -> Vec<Override> {
    let mut keys = BTreeSet::new();
    let mut rows = Vec::new();
    for _ in 0..dice.below(90) {
        let code = (*dice.pick(&CODES)).to_owned();
        let position = dice.from(1, 6);
        let source = id(dice, world);
        // What the source has already, so that there is something to move or to take away.
        let own = world.find(&source).and_then(|key| {
            let list = world.product(&key).lists.get(&world.type_of(&code)?)?;
            Some(world.product(&dice.pick(list).target).id.clone())
        });
        let other = id(dice, world);
        let known = own.filter(|_| dice.percent(85)).unwrap_or_else(|| other.clone());
        let typed = Some(code.clone());
        let (deed, source, relation_type, target) = match dice.below(100) {
            0..24 => {
                let position = dice.maybe(70, &[position]);
                let quantity = dice.maybe(40, &[1.0, 2.0, 0.25]);
                let target = if dice.percent(30) { known } else { other };
                (Deed::Add { position, quantity }, Some(source), typed, target)
            }
            24..40 => (Deed::Remove, Some(source), typed.filter(|_| dice.percent(60)), known),
            40..65 => (Deed::Reorder { position }, Some(source), typed, known),
            65..82 => {
                (Deed::Pin { position }, Some(source), typed.filter(|_| dice.percent(50)), other)
            }
            _ => (Deed::Hide, Some(source).filter(|_| dice.percent(55)), None, known),
        };
        let markets = markets(dice, world, 18);
        let window = window(dice, 25);
        let is_self = source.as_ref() == Some(&target);
        let (action, mut sorted) = (deed.place(), markets.clone());
        sorted.sort();
        let edges = (window.from_s, window.to_s);
        let key = (action, source.clone(), relation_type.clone(), target.clone(), sorted, edges);
        if !is_self && keys.insert(key) {
            rows.push(Override { deed, source, relation_type, target, markets, window });
        }
    }
    rows
}
