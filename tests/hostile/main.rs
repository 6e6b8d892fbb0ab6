//! Goal: what hostile and broken peers do stays theirs: others are answered as fast as before, memory
//! and processor stay bounded, and the server lives. Method: the built program as a process of its own;
//! raw frames where a proper client would not do; a well-behaved client beside the attack, measured
//! alone right before it. One test at a time, because they measure.
//!
//! The quick tier runs with `cargo test` and takes under 90 s; `KINDRED_TIER=full` runs the counts of the README's
//! table. An argument that is no flag runs the tests whose names hold it. Each prints
//! `RESULT name ok|failed: counts`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::big_endian_bytes, reason = "HTTP/2 puts the high byte first")]
#![expect(clippy::print_stdout, reason = "a test binary of its own tells its results")]

mod asker;
mod chance;
mod deadlines;
mod ends;
mod floods;
mod handshakes;
mod hangers;
mod hoards;
mod malformed;
mod overload;
mod raw;
mod readings;
mod swaps;
mod victim;

#[path = "../it/calls.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod calls;
#[path = "../it/certs.rs"]
mod certs;
#[path = "../it/command.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod command;
#[path = "../it/server.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod server;
#[path = "../it/shop.rs"]
#[expect(dead_code, reason = "the other binary uses the rest")]
mod shop;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Command, ExitCode},
    time::Instant,
};

use server::Server;
use shop::Shop;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tier {
    Quick,
    Full,
}

impl Tier {
    /// The count of this tier.
    fn of<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// Serves the shop's store without shedding: a lookup that waits for its turn because the machine does
/// something else would be refused, and that is no harm done by the attacker. Overload has its own test. All peers
/// have one address here, so the cap on those of one address, which would stop most of them, is off.
fn serving(shop: &Shop, state: &str) -> Command {
    let mut command = server::serve(shop, state);
    command.env("KINDRED_SHED_AFTER_MS", "0").env("KINDRED_CONNECTIONS_PER_PEER", "0");
    command
}

/// The same, once it serves.
fn started(shop: &Shop) -> Server {
    Server::listening(&mut serving(shop, "state"))
}

/// A test: what it counted, or it panics.
type Test = fn(Tier) -> String;

const TESTS: [(&str, Test); 13] = [
    ("a_flood_harms_nobody_else", floods::floods),
    ("silent_peers_are_closed", hangers::silent),
    ("peers_silent_in_a_handshake_are_closed_and_harm_nobody_else", handshakes::silent),
    ("peers_that_trickle_harm_nobody_else", hangers::trickling),
    ("readers_without_a_window_harm_nobody_else", hangers::zero_window),
    ("what_peers_make_it_hold_has_bounds", hoards::requests),
    ("a_server_without_descriptors_rests_and_comes_back", hangers::starved),
    ("what_is_malformed_is_refused_by_a_listed_code", malformed::malformed),
    ("no_answer_is_later_than_its_deadline", deadlines::deadlines),
    ("who_honours_goaway_loses_no_call_and_who_hangs_keeps_nobody", ends::sigterms),
    ("nothing_is_served_that_was_not_verified", ends::starts),
    ("more_calls_than_there_is_room_for_are_told_at_once", overload::overload),
    ("a_swap_fails_no_call_and_mixes_no_answer", swaps::swaps),
];

fn main() -> ExitCode {
    let tier = match env::var("KINDRED_TIER").as_deref() {
        Ok("full") => Tier::Full,
        Ok(other) if other != "quick" => {
            panic!("KINDRED_TIER: expected quick or full, found {other}")
        }
        _ => Tier::Quick,
    };
    let filter = env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let chosen = |name: &str| filter.as_deref().is_none_or(|filter| name.contains(filter));
    let mut failed = 0;
    for (name, test) in TESTS.iter().filter(|(name, _)| chosen(name)) {
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| test(tier)));
        let seconds = begun.elapsed().as_secs_f64();
        match result {
            Ok(counts) => println!("RESULT {name} ok: {counts}; {seconds:.1} s"),
            // The panic hook has said why.
            Err(_) => {
                println!("RESULT {name} failed after {seconds:.1} s");
                failed += 1;
            }
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
