//! Swaps under load: each snapshot has its number in every product that it gives, so that an answer of
//! two snapshots, or of another one than it names, shows.

use std::{collections::BTreeMap, fmt::Write as _, thread, time::Duration};

use kindred::{
    pb,
    store::{BlobRef, Track},
};

use crate::{
    Tier,
    calls::{CROSS_SELL, asking, snapshot_id},
    readings::{own_mib, pass},
    server::{Server, eventually},
    shop::{Shop, publish},
    started, victim,
};

const SNAPSHOTS: usize = 4;
const RELATIONS: usize = 50;
/// What the allocator takes from the system and gives back at once.
const SEGMENT_MIB: f64 = 4.0;
/// From one swap to the next.
const PACE: Duration = Duration::from_millis(100);

/// A snapshot of this number; its id.
fn published(shop: &Shop, number: usize) -> String {
    let mut products = "id\nseed\n".to_owned();
    let mut links = "source,type,target,position\n".to_owned();
    for place in 0..RELATIONS {
        writeln!(products, "{number}-{place}").unwrap();
        writeln!(links, "seed,cross_sell,{number}-{place},{place}").unwrap();
    }
    shop.write("products.csv", products);
    shop.write("relations.csv", links);
    shop.published()
}

/// Makes one after the other live.
fn swap_through(server: &mut Server, track: &Track, blobs: &[Vec<BlobRef>], count: usize) {
    for blobs in blobs.iter().cycle().take(count) {
        publish(track, blobs);
        server.log.until("Snapshot is live.");
        pass(PACE);
    }
}

pub(crate) fn swaps(tier: Tier) -> String {
    let (count, shop) = (tier.of(50, 1_000), Shop::in_memory());
    let ids = (0..SNAPSHOTS).map(|number| (published(&shop, number), number));
    let ids = ids.collect::<BTreeMap<_, _>>();
    assert_eq!(ids.len(), SNAPSHOTS, "each has an id of its own");
    let (_, track) = shop.open();
    let blobs = (1..=u64::try_from(SNAPSHOTS).unwrap()).map(|at| track.read(at).unwrap().blobs);
    let blobs = blobs.collect::<Vec<_>>();
    let mut server = started(&shop);
    let (address, pid) = (server.address, server.pid());
    let span = PACE * u32::try_from(count).unwrap() + PACE * 10;
    let request = || asking(&[CROSS_SELL], &["seed"]);
    let is_whole = |answer: &pb::GetRecommendationsResponse| {
        let Some(number) = ids.get(&snapshot_id(answer.data_version.clone())) else { return false };
        let prefix = format!("{number}-");
        answer.recommendations.len() == RELATIONS
            && answer.recommendations.iter().all(|one| one.product_id.starts_with(&prefix))
    };
    // What loading under load needs at its height stays with the allocator from the first few on.
    thread::scope(|scope| {
        scope.spawn(|| swap_through(&mut server, &track, &blobs, 2 * SNAPSHOTS));
        victim::calls(address, PACE * 12, request(), is_whole);
    });
    let mut tries = 0;
    loop {
        let control_span = span.min(Duration::from_secs(3));
        let control = victim::calls(address, control_span, request(), is_whole);
        let before = own_mib(pid);
        let seen = thread::scope(|scope| {
            let swapping = scope.spawn(|| swap_through(&mut server, &track, &blobs, count));
            let seen = victim::calls(address, span, request(), is_whole);
            swapping.join().unwrap();
            seen
        });
        assert_eq!(seen.failed, 0, "failed, or mixed: {seen}");
        println!("{before:.1} MiB before the swaps, {:.1} after", own_mib(pid));
        let after = eventually(|| own_mib(pid), |now| *now <= before * 1.1 + SEGMENT_MIB);
        let said = format!(
            "{count} swaps: {seen}; control {control}; {before:.1} MiB before, {after:.1} after"
        );
        tries += 1;
        // Twice the control, or ten milliseconds more, for the reason that `is_fine` gives.
        if seen.p99_ms <= (2.0 * control.p99_ms).max(control.p99_ms + 10.0) {
            assert_eq!(server.ended(), Some(0));
            return said;
        }
        assert!(tries < 2, "{said}");
        println!("once more, because {said}");
    }
}
