//! Two ways to do one thing, in bursts that alternate: what one takes of the time of the other.
//!
//! A burst is a tenth of a millisecond or two, so that few of them are interrupted, and there are many, so
//! that those which are do not reach the median. Absolute times move with the machine; the ratio of
//! two neighbouring bursts hardly does.

use std::time::Instant;

/// A figure of many cycles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// A tenth of the cycles is below.
    pub(crate) low: f64,
    pub(crate) median: f64,
    /// A tenth of the cycles is above.
    pub(crate) high: f64,
}

/// One way held against another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// Nanoseconds a call.
    pub(crate) ours: Spread,
    pub(crate) theirs: Spread,
    /// Of each cycle: ours divided by theirs.
    pub(crate) ratio: Spread,
}

impl Spread {
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        let at = |tenths: usize| figures[last * tenths / 10];
        Self { low: at(1), median: at(5), high: at(9) }
    }
}

/// Times two ways of answering, a burst of each a cycle. Who comes first alternates. The first burst of all
/// answers the calls `0..calls`, the next one those from there on, and so on: two bursts with the same calls
/// would leave the second one what the first had brought into the caches.
pub(crate) fn pair(
    cycles: usize,
    calls: usize,
    mut ours: impl FnMut(usize),
    mut theirs: impl FnMut(usize),
) -> Pair {
    let (mut own, mut other) = (Vec::with_capacity(cycles), Vec::with_capacity(cycles));
    for cycle in 0..cycles {
        let burst = |number: usize| number * calls..(number + 1) * calls;
        let (first, second) = (burst(2 * cycle), burst(2 * cycle + 1));
        if cycle % 2 == 0 {
            own.push(time(first, &mut ours));
            other.push(time(second, &mut theirs));
        } else {
            other.push(time(first, &mut theirs));
            own.push(time(second, &mut ours));
        }
    }
    let ratio = own.iter().zip(&other).map(|(own, other)| own / other).collect();
    Pair { ours: Spread::of(own), theirs: Spread::of(other), ratio: Spread::of(ratio) }
}

/// Times one way alone, likewise.
pub(crate) fn alone(cycles: usize, calls: usize, mut work: impl FnMut(usize)) -> Spread {
    let burst = |cycle: usize| time(cycle * calls..(cycle + 1) * calls, &mut work);
    Spread::of((0..cycles).map(burst).collect())
}

/// Nanoseconds a call.
#[expect(clippy::cast_precision_loss, reason = "bursts are short, and of few calls")]
fn time(calls: std::ops::Range<usize>, work: &mut impl FnMut(usize)) -> f64 {
    let count = calls.len() as f64;
    let start = Instant::now();
    calls.for_each(work);
    start.elapsed().as_nanos() as f64 / count
}
