//! Goal: whatever the shop and the question, a lookup answers what `src/lookup/LOOKUP.md` says, its
//! report and its interval included. Method: a second implementation over plain maps, written from
//! that document without a look at the first; random worlds, policies, overrides and stock histories,
//! each asked many times. It knows the server by its public names only: catalogs are compiled, policies
//! and overrides are read from their texts, stock goes through the stock room.
//!
//! `KINDRED_FULL=1` asks ten times as much, `KINDRED_SEED=n` asks the one world that failed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test does not expect fails it, in its helpers, too"
)]

mod answer;
mod call;
mod checks;
mod dice;
mod document;
mod engine;
mod fallback;
mod feed;
mod histories;
mod pins;
mod plan;
mod policies;
mod requests;
mod runs;
mod shop;
mod tally;
mod world;
mod worlds;

use std::{env, fmt::Write as _};

use kindred::lookup::{Page, Scene, Scratch};

use self::{
    answer::Outcome,
    checks::Reason,
    dice::Dice,
    plan::{Refusal, Request},
    shop::StockRoom,
    tally::Tally,
    world::World,
};

const REQUESTS: usize = 10_000;
const REQUESTS_PER_WORLD: usize = 25;

/// The world of a seed.
fn world(dice: &mut Dice) -> World {
    let mut world = worlds::shop(dice);
    world.policy = policies::policy(dice, &world);
    if world.is_plain {
        world.policy.rules.clear();
    } else {
        world.overrides = policies::overrides(dice, &world);
    }
    world
}

/// Asks one world; what differs from the reference, in words.
fn ask(seed: u64, tally: &mut Tally, page: &mut Page, scratch: &mut Scratch) -> Result<(), String> {
    let dice = &mut Dice::new(seed);
    let world = world(dice);
    let catalog = shop::catalog(&world);
    let policy = shop::policy(&world, &catalog);
    let stock = StockRoom::new();
    stock.attach(&catalog);
    stock.tell(&world, &world.history);
    let scene = Scene { view: catalog.view(), policy: &policy, stock: &stock.view() };
    for number in 0..REQUESTS_PER_WORLD {
        let request = requests::request(dice, &world);
        let expected = call::expected(&world, &request, tally);
        let found = engine::found(&scene, &request, page, scratch);
        note(&expected, tally);
        if world.is_plain {
            let filled = expected.iter().flatten().filter(|outcome| !outcome.picks.is_empty());
            filled.for_each(|_| tally.count("filled in a plain world"));
        }
        if expected != found {
            return Err(told(seed, number, &request, &expected, &found));
        }
    }
    Ok(())
}

/// Counts what answers came across.
fn note(outcomes: &[Result<Outcome, Refusal>], tally: &mut Tally) {
    for outcome in outcomes {
        match outcome {
            Ok(outcome) => {
                for reason in outcome.report.removed.keys() {
                    tally.count(format!("{reason:?}"));
                }
                let length = if outcome.picks.is_empty() { "empty" } else { "filled" };
                tally.count(length);
                if outcome.from_s.is_some() && outcome.until_s.is_some() {
                    tally.count("interval");
                }
                if !outcome.missing.is_empty() {
                    tally.count("missing");
                }
            }
            Err(refusal) => tally.count(format!("{refusal:?}")),
        }
    }
}

/// What differs, line by line.
fn told(
    seed: u64,
    number: usize,
    request: &Request,
    expected: &[Result<Outcome, Refusal>],
    found: &[Result<Outcome, Refusal>],
) -> String {
    let mut text = format!("KINDRED_SEED={seed}, request {number}: {request:#?}\n");
    for (slot, (expected, found)) in expected.iter().zip(found).enumerate() {
        let lines = |outcome: &Result<Outcome, Refusal>| match outcome {
            Ok(outcome) => {
                let picks = outcome.picks.iter().map(|pick| format!("{pick:?}"));
                let rest = [
                    format!("missing {:?}", outcome.missing),
                    format!("{:?}", outcome.report),
                    format!("holds from {:?} until {:?}", outcome.from_s, outcome.until_s),
                ];
                picks.chain(rest).collect::<Vec<_>>()
            }
            Err(refusal) => vec![format!("{refusal:?}")],
        };
        let (expected, found) = (lines(expected), lines(found));
        for line in expected.iter().filter(|line| !found.contains(line)) {
            writeln!(text, "slot {slot} expected {line}").unwrap();
        }
        for line in found.iter().filter(|line| !expected.contains(line)) {
            writeln!(text, "slot {slot} found    {line}").unwrap();
        }
    }
    text
}

/// What a run must come across, or its worlds are too tame to prove anything.
const SEEN: &[&str] = &[
    "step relation_type",
    "step via_alternatives",
    "step variant_group",
    "step category_popular",
    "step popular_in",
    "step popular",
    "rule boost",
    "rule bury",
    "rule pin",
    "override add",
    "override remove",
    "override reorder",
    "override pin",
    "override hide",
    "rotation",
    "interval",
    "missing",
    "empty",
    "filled",
    "filled in a plain world",
    "UnknownPlacement",
    "NoTypes",
    "NoSeeds",
];

#[test]
fn answers_are_those_of_the_reference() {
    let (mut tally, mut page, mut scratch) =
        (Tally::default(), Page::default(), Scratch::default());
    let seeds = match env::var("KINDRED_SEED") {
        Ok(seed) => {
            let seed = seed.parse().unwrap();
            seed..seed + 1
        }
        Err(_) => {
            let times = if env::var_os("KINDRED_FULL").is_some() { 10 } else { 1 };
            0..u64::try_from(times * REQUESTS / REQUESTS_PER_WORLD).unwrap()
        }
    };
    let is_whole = seeds.end - seeds.start > 1;
    let mut faults = Vec::new();
    let mut failed = 0;
    for seed in seeds {
        if let Err(fault) = ask(seed, &mut tally, &mut page, &mut scratch) {
            failed += 1;
            if faults.len() < 3 {
                faults.push(fault);
            }
        }
    }
    println!("{tally:?}");
    assert!(faults.is_empty(), "{failed} worlds differ:\n{}", faults.join("\n"));
    if is_whole {
        let reasons = Reason::ALL.map(|reason| format!("{reason:?}"));
        let reasons = reasons.iter().map(String::as_str);
        let seen = reasons.chain(SEEN.iter().copied()).collect::<Vec<_>>();
        let rare = tally.below(200, &seen);
        assert!(rare.is_empty(), "too rare to prove anything: {}", rare.join(", "));
    }
}
