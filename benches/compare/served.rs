//! Goals 9 and 12: what callers notice of a swap and of a feed of stock.

use std::{path::Path, sync::Arc};

use kindred::{
    load::Asked,
    store::{MAIN_TRACK, Note, Publish, Store},
};

use crate::{
    Run,
    duel::Spread,
    figure::Figure,
    rigs::{self, Calls, Served},
    shop::Shop,
};

/// Calls a second while catalogs are swapped.
const SWAP_CALLS_PER_S: u32 = 10_000;
/// Calls a second while stock is fed.
const FEED_CALLS_PER_S: u32 = 5_000;
/// Updates a second that a feed tries to send: as many as it can, and somewhat more than the floor.
const UPDATES_PER_S_MAX: u32 = 120_000;
const UPDATES_PER_S: u32 = 40_000;
const BATCH: u32 = 1_000;
/// Pairs of runs of several seconds, so fewer than bursts.
const PAIRS: usize = 10;

pub(crate) fn goals(run: &Run, shop: &Shop) -> Vec<Figure> {
    let dir = tempfile::tempdir_in(&run.dir).unwrap();
    let store = Store::create(&dir.path().join("store")).unwrap();
    let catalogs = [false, true].map(|is_other| shop.stage(&store, is_other));
    let track = store.track(MAIN_TRACK).unwrap();
    let note = Note {
        actor: "bench".to_owned(),
        reason: "bench".to_owned(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let (blobs, guard) = (&[catalogs[0]], &|_: Option<&_>| Ok(()));
    track.publish(&Publish { blobs, guard, since: None, over_rollback: false, note }).unwrap();
    let ids = shop.asked().into_iter().map(|ordinal| shop.id(ordinal)).collect();
    let asked = Arc::new(Asked::products(vec![shop.lookup(0)], ids, 1).unwrap());

    let (cycles, slow) = if run.is_test { (1, 20) } else { (PAIRS.min(run.cycles), 1) };
    let seconds = match (run.is_test, run.is_full) {
        (true, _) => 1,
        (false, true) => 12,
        (false, false) => 3,
    };
    let kindred = Path::new(env!("CARGO_BIN_EXE_kindred"));
    // The loader needs a core beside the server's and the asker's, or shares all of them.
    crate::child::pin(&run.cores.all);
    let server = Served::start(kindred, store.dir(), &dir.path().join("swaps"), &[]);
    let calls = Calls { per_s: SWAP_CALLS_PER_S / slow, seconds, cycles };
    let swaps = rigs::swap_tail(&server, &track, catalogs, &asked, calls);
    drop(server);
    let server = Served::start(kindred, store.dir(), &dir.path().join("stock"), &[]);
    let calls = Calls { per_s: FEED_CALLS_PER_S / slow, seconds: seconds.min(3), cycles };
    let most = rigs::stock_feed(&server, &asked, calls, UPDATES_PER_S_MAX / slow, BATCH);
    let fed = rigs::stock_feed(&server, &asked, calls, UPDATES_PER_S / slow, BATCH);
    drop(server);
    crate::child::pin(&run.cores.asker);

    let beside = Spread::of(most.ratios);
    let took = Spread::of(swaps.swaps.iter().map(std::time::Duration::as_secs_f64)).median;
    let size = &shop.name;
    vec![
        Figure::less("9", format!("p99.9 at 10 k/s in a warm swap / without, {size}"))
            .floor(2.0)
            .measured(Spread::of(swaps.ratios))
            .note(format!(
                "{} failed, swaps of {took:.1} s, {} of them cut",
                swaps.failed, swaps.swaps_cut
            )),
        Figure::more("12a", format!("stock updates acked/s beside 5 k lookups/s, {size}"))
            .floor(30_000.0)
            .aim(100_000.0)
            .measured(Spread::of(most.acked_per_s))
            .note(format!(
                "p99 {:.2} ({:.2} to {:.2}) of that without a feed",
                beside.median, beside.low, beside.high
            )),
        Figure::less("12b", "p99 of 5 k lookups/s with 40 k updates/s / without")
            .floor(1.5)
            .measured(Spread::of(fed.ratios))
            .note(format!(
                "{:.0} acked/s, {} failed",
                Spread::of(fed.acked_per_s).median,
                most.failed + fed.failed
            )),
    ]
}
