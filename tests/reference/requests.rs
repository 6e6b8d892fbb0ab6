//! Random requests to a world.

use kindred::model::{
    relation::Stage,
    selection::{FallbackStep, VariantResolution},
};

use crate::{
    dice::Dice,
    plan::{Ask, FallbackAsk, PageAsk, Request, SeedAsk, UNDECLARED},
    policies::{diversity, filter},
    world::World,
    worlds::{CATEGORIES, CODES, SCORES, id, instant},
};

pub(crate) fn request(dice: &mut Dice, world: &World) -> Request {
    let markets = world.markets.iter().map(|market| market.id.clone()).collect::<Vec<_>>();
    let exclude = match dice.below(100) {
        0 => (0..505).map(|_| id(dice, world)).collect(),
        1..40 => (0..dice.from(1, 4)).map(|_| id(dice, world)).collect(),
        _ => Vec::new(),
    };
    let page = dice
        .percent(30)
        .then(|| PageAsk { seeds: seeds(dice, world), allow_duplicates: dice.percent(15) });
    let count = if page.is_some() { dice.from(1, 5) } else { 1 };
    let mut lists = Vec::new();
    for _ in 0..count {
        let mut ask = ask(dice, world);
        if page.is_some() && dice.percent(60) {
            ask.seeds.clear();
        }
        lists.push(ask);
    }
    Request {
        market: dice.maybe(60, &markets).unwrap_or_default(),
        inventory: dice.maybe(40, &world.inventories).unwrap_or_default(),
        stage: dice.maybe(65, &Stage::ALL),
        visitor: (*dice.pick(&["", "ann", "bob"])).to_owned(),
        at_s: instant(dice) + *dice.pick(&[-1, 0, 0, 1, 299, 300]),
        is_as_of: dice.percent(10),
        exclude,
        lists,
        page,
    }
}

fn ask(dice: &mut Dice, world: &World) -> Ask {
    let how = dice.below(100);
    let placement = match how {
        0..3 => Some("no-such-placement".to_owned()),
        3..55 => Some(dice.pick(&world.policy.placements).id.clone()),
        _ => None,
    };
    let types = if (42..88).contains(&how) {
        let codes = dice.some(3, &CODES);
        let known = codes.iter().map(|code| world.type_of(code).unwrap_or(UNDECLARED));
        known.collect()
    } else {
        Vec::new()
    };
    Ask {
        placement,
        types,
        max_results: dice.maybe(65, &[1, 2, 3, 4, 5, 7, 10, 20, 100]),
        min_score: dice.maybe(18, &SCORES),
        filter: dice.percent(30).then(|| filter(dice)),
        fallback: match dice.below(100) {
            0..7 => Some(FallbackAsk::Disabled),
            7..50 => Some(FallbackAsk::Steps(steps(dice, world))),
            _ => None,
        },
        diversity: dice.percent(22).then(|| diversity(dice)),
        resolution: dice.maybe(35, &VariantResolution::ALL),
        seeds: seeds(dice, world),
    }
}

fn steps(dice: &mut Dice, world: &World) -> Vec<FallbackStep> {
    let count = dice.from(1, 4);
    let mut steps = Vec::new();
    for _ in 0..count {
        steps.push(match dice.below(6) {
            0 => {
                let relation_type = {
                    let code = *dice.pick(&CODES);
                    world.type_of(code).unwrap_or(UNDECLARED)
                };
                FallbackStep::RelationType(relation_type)
            }
            1 => FallbackStep::ViaAlternatives,
            2 => FallbackStep::VariantGroup,
            3 => FallbackStep::CategoryPopular,
            4 => {
                let category = *dice.pick(&[&CATEGORIES[..], &["Nowhere"]].concat());
                FallbackStep::PopularIn(Some(category.to_owned()))
            }
            _ => FallbackStep::PopularIn(None),
        });
    }
    steps
}

fn seeds(dice: &mut Dice, world: &World) -> Vec<SeedAsk> {
    let count = match dice.below(100) {
        0..7 => 0,
        7..50 => 1,
        50..99 => dice.from(2, 5),
        _ => 55,
    };
    let seed = |dice: &mut Dice| {
        let is_category = dice.percent(12);
        let id = match is_category {
            true => (*dice.pick(&[&CATEGORIES[..], &["Nowhere"]].concat())).to_owned(),
            false => id(dice, world),
        };
        let quantity = *dice.pick(&[0.0, 1.0, 1.0, 1.0, 2.0, 2.5, 1.25, 0.5, 3.0, 7.0, f64::MAX]);
        SeedAsk { id, is_category, quantity }
    };
    (0..count).map(|_| seed(dice)).collect()
}
