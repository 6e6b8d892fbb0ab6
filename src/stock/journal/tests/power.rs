//! Power cuts at every step of many lives.
//!
//! Goal: whatever sectors, lengths and names the disk kept, a restart finds what was acknowledged,
//! then a beginning of what was under way, and goes on; a power cut during that restart changes
//! nothing. Method: see `sim` and `story`. The same test over a disk whose syncs do nothing, or
//! come late, must find violations: else it proves nothing.

use super::{
    Numbers, append, is_full_tier, open,
    sim::{Durable, Image, Lie, Sim},
    story::{Claim, Life},
    texts,
};

/// What was looked at.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    double: usize,
    torn: usize,
    violations: Vec<String>,
}

/// Cuts the power after every step of lives until there are enough images.
fn cut_power(lie: Lie, images_min: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in 0.. {
        if tally.images >= images_min {
            break;
        }
        let life = Life::draw(seed, lie, 40);
        let mut numbers = Numbers(seed ^ 0x5eed);
        let mut durable = Durable::new(&life.sim.start());
        let mut claims = life.claims.iter().peekable();
        let mut claim = claims.next().unwrap();
        let ops = life.sim.ops();
        for at in 0..=ops.len() {
            while let Some(next) = claims.next_if(|next| next.from_op <= at) {
                claim = next;
            }
            let image = durable.image(&mut numbers);
            if let Err(violation) = check(image, claim, &mut numbers, &mut tally) {
                tally.violations.push(format!("seed {seed}, after step {at}: {violation}"));
            }
            tally.images += 1;
            if let Some(op) = ops.get(at) {
                durable.apply(op);
            }
        }
    }
    tally
}

fn check(
    image: Image,
    claim: &Claim,
    numbers: &mut Numbers,
    tally: &mut Tally,
) -> Result<(), String> {
    let first = Sim::new(image, Lie::Nothing);
    let (_, recovery, found) = open(first.clone()).map_err(|error| error.to_string())?;
    tally.torn += usize::from(recovery.torn_bytes > 0);
    if let Some(error) = recovery.broken {
        return Err(format!("not ready: {error}"));
    }
    claim.violation(&found).map_or(Ok(()), Err)?;

    let mut second = first.clone();
    let is_double = numbers.percent(25);
    if is_double {
        tally.double += 1;
        let mut durable = Durable::new(&first.start());
        let ops = first.ops();
        ops.iter().take(numbers.below(ops.len() + 1)).for_each(|op| durable.apply(op));
        second = Sim::new(durable.image(numbers), Lie::Nothing);
    }
    let (mut journal, recovery, again) = open(second.clone()).map_err(|error| error.to_string())?;
    if again != found {
        return Err(format!("{} payloads, then {}", found.len(), again.len()));
    }
    if recovery.torn_bytes > 0 && !is_double {
        return Err("a tail that was cut is torn again".to_owned());
    }
    let mut more = texts("one more");
    append(&mut journal, &more).map_err(|error| error.to_string())?;
    drop(journal);
    let mut expected = found;
    expected.append(&mut more);
    let (_, _, last) = open(second).map_err(|error| error.to_string())?;
    if last == expected { Ok(()) } else { Err("a later write is lost".to_owned()) }
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let images_min = if is_full_tier() { 20_000 } else { 2_000 };
    let tally = cut_power(Lie::Nothing, images_min);
    let some = tally.violations.iter().take(5).collect::<Vec<_>>();
    assert!(some.is_empty(), "{} violations: {some:#?}", tally.violations.len());
    assert!(tally.images >= images_min && tally.double > images_min / 5, "{tally:?}");
    assert!(tally.torn > images_min / 50, "tails are torn now and then: {tally:?}");
}

#[test]
fn a_disk_that_does_not_sync_turns_the_test_red() {
    for lie in [Lie::FileSyncs, Lie::LateFileSyncs, Lie::NameSyncs] {
        let tally = cut_power(lie, 500);
        assert!(!tally.violations.is_empty(), "{lie:?} was not found in {} images", tally.images);
    }
}
