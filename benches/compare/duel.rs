//! Bursts that alternate between servers, paired by cycle: what disturbs the machine for longer than
//! a burst disturbs all of them alike.

use std::time::Duration;

use crate::{
    child::Server,
    client::{Connections, Done, Loop},
    resp::Clients,
};

/// Length of a burst.
pub(crate) const BURST: Duration = Duration::from_millis(150);

/// Who is asked, and how.
pub(crate) enum Asker {
    Grpc(Connections),
    Resp(Clients),
}

/// One side of a comparison.
pub(crate) struct Side<'s> {
    pub(crate) server: &'s Server,
    pub(crate) asker: Asker,
}

/// What a side did in a cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    pub(crate) done: Done,
    /// CPU the server spent.
    pub(crate) cpu: Duration,
}

impl Burst {
    /// Calls answered in a second of the server's CPU time.
    pub(crate) fn calls_per_core_s(&self) -> f64 {
        self.done.calls as f64 / self.cpu.as_secs_f64()
    }
}

/// The median and the quartiles of some figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures = figures.into_iter().collect::<Vec<_>>();
        figures.sort_by(f64::total_cmp);
        let at = |percent: usize| figures[(figures.len() - 1) * percent / 100];
        Self { low: at(25), median: at(50), high: at(75) }
    }
}

/// Cycle after cycle, each side once, the first one last in the next.
pub(crate) fn duel(on: &Loop, sides: &mut [Side<'_>], cycles: usize) -> Vec<Vec<Burst>> {
    let count = sides.len();
    let mut bursts = vec![Vec::with_capacity(cycles); count];
    // The first cycle only warms up.
    for cycle in 0..=cycles {
        for place in 0..count {
            let place = (place + cycle) % count;
            let side = &mut sides[place];
            let before = side.server.cpu();
            let done = match &mut side.asker {
                Asker::Grpc(connections) => connections.burst(on, BURST),
                Asker::Resp(clients) => clients.burst(on, BURST),
            };
            let cpu = side.server.cpu().saturating_sub(before);
            if cycle > 0 {
                bursts[place].push(Burst { done, cpu });
            }
        }
    }
    bursts
}

/// Calls a second and core of one side to those of another, cycle by cycle.
pub(crate) fn per_core(ours: &[Burst], theirs: &[Burst]) -> Spread {
    let pairs = ours.iter().zip(theirs);
    Spread::of(pairs.map(|(our, their)| our.calls_per_core_s() / their.calls_per_core_s()))
}

/// Calls a second of one side to those of another, cycle by cycle.
pub(crate) fn per_second(ours: &[Burst], theirs: &[Burst]) -> Spread {
    let pairs = ours.iter().zip(theirs);
    Spread::of(pairs.map(|(our, their)| our.done.calls_per_s() / their.done.calls_per_s()))
}
