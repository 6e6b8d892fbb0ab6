//! `SnapshotService` of the built program: what operators do, and what shoppers see of it.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use kindred::{
    index::{BlobHash, Role},
    pb::{self, SnapshotState, snapshot_service_client::SnapshotServiceClient},
    store::{Error, Manifest},
};
use tonic::{Code, transport::Channel};

use crate::{
    calls::{CROSS_SELL, answer, asking, block_on, channel, client, endlessly, ids, snapshot_id},
    command::kindred,
    damage::{self, Damage},
    server::{PATIENCE, Server, eventually, serve},
    shop::{Shop, publish},
    swap::SetOnDrop,
};

type Client = SnapshotServiceClient<Channel>;

async fn snapshots(address: SocketAddr) -> Client {
    SnapshotServiceClient::new(channel(address).await)
}

/// A shop whose only relations lead to these products, best first.
fn point_to(shop: &Shop, targets: &[&str]) -> String {
    let products = targets.iter().map(|id| format!("{id}\n")).collect::<String>();
    let links =
        targets.iter().zip(1..).map(|(id, place)| format!("seed,cross_sell,{id},{place}\n"));
    let links = links.collect::<String>();
    shop.write("products.csv", format!("id\nseed\n{products}"));
    shop.write("relations.csv", format!("source,type,target,position\n{links}"));
    shop.published()
}

fn rollback_to(number: u64) -> pb::RollbackSnapshotRequest {
    pb::RollbackSnapshotRequest {
        target_manifest_number: number,
        reason: "a test".to_owned(),
        actor: "ana".to_owned(),
        ..Default::default()
    }
}

/// The snapshot that answers now.
async fn served(client: &mut crate::calls::Client) -> String {
    snapshot_id(answer(client, asking(&[CROSS_SELL], &["seed"])).await.data_version)
}

/// How many times something is done, of many or of few.
fn rounds(few: usize, many: usize) -> usize {
    let is_full = std::env::var("KINDRED_TIER").is_ok_and(|tier| tier == "full");
    if is_full { many } else { few }
}

#[test]
fn a_rollback_is_visible_within_a_second_a_hundred_times_of_a_hundred() {
    let shop = Shop::new();
    let sides = [point_to(&shop, &["a"]), point_to(&shop, &["a", "b"])];
    let server = Server::start(&shop);
    let mut slowest = Duration::ZERO;
    let mut misses = 0;
    endlessly(async {
        let (mut lookups, mut operator) =
            (client(server.address).await, snapshots(server.address).await);
        let turns = [1, 2].into_iter().zip(&sides).cycle();
        for (round, (number, id)) in (0..100).zip(turns) {
            let begin = Instant::now();
            let done = operator.rollback_snapshot(rollback_to(number)).await.unwrap().into_inner();
            // The very next answer, not some later one.
            let now = served(&mut lookups).await;
            let took = begin.elapsed();
            assert_eq!((&now, &done.active.unwrap().snapshot_id), (id, id), "round {round}");
            assert_ne!(done.previous.unwrap().snapshot_id, *id);
            slowest = slowest.max(took);
            misses += u32::from(took > Duration::from_secs(1));
        }
    });
    println!("100 rollbacks, {misses} over a second, the slowest after {slowest:?}");
    assert_eq!(misses, 0, "the slowest was visible after {slowest:?}");
    assert_eq!(shop.manifests(), 102);
}

/// The roles of a manifest are not those that are live after a rollback of some of them.
#[test]
fn a_rollback_of_some_roles_to_a_damaged_blob_writes_nothing() {
    let shop = Shop::new();
    point_to(&shop, &["a"]);
    let damaged = shop.catalog_file();
    let live = point_to(&shop, &["a", "b"]);
    let server = Server::start(&shop);
    let mut bytes = fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    crate::shop::replace(&damaged, &bytes);
    block_on(async {
        let mut operator = snapshots(server.address).await;
        for number in [0, 1] {
            let roles = vec!["catalog".to_owned()];
            let back = pb::RollbackSnapshotRequest { roles, ..rollback_to(number) };
            let refused = operator.rollback_snapshot(back).await.unwrap_err();
            assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        }
        assert_eq!(served(&mut client(server.address).await).await, live);
    });
    assert_eq!(shop.manifests(), 2, "nothing was written");
}

#[test]
fn a_hold_survives_a_restart_and_keeps_out_what_was_rolled_back() {
    let shop = Shop::new();
    let [good, bad] = [point_to(&shop, &["a"]), point_to(&shop, &["a", "b"])];
    let server = Server::start(&shop);
    block_on(async {
        let mut operator = snapshots(server.address).await;
        let back = pb::RollbackSnapshotRequest {
            expected_active_snapshot_id: bad.clone(),
            ..rollback_to(0)
        };
        let done = operator.rollback_snapshot(back).await.unwrap().into_inner();
        assert_eq!(done.active.unwrap().snapshot_id, good);
        let hold = |id: &str| pb::HoldSnapshotRequest {
            expected_active_snapshot_id: id.to_owned(),
            ..Default::default()
        };
        let refused = operator.hold_snapshot(hold(&bad)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Aborted, "{refused}");
        let held = operator.hold_snapshot(hold(&good)).await.unwrap().into_inner();
        assert_eq!(held.active.unwrap().snapshot_id, good);
        let refused = operator.hold_snapshot(hold(&good)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    });
    assert_eq!(server.ended(), Some(0));

    let mut server = Server::start(&shop);
    // The nightly job makes the same bytes again.
    let run = shop.compile(&["--allow", "all"]).succeeded();
    assert!(run.out.contains(&bad) && run.out.contains("a hold stands"), "{}", run.out);
    block_on(async {
        let mut operator = snapshots(server.address).await;
        let active = operator.get_snapshot(pb::GetSnapshotRequest::default()).await.unwrap();
        let active = active.into_inner();
        assert!(active.held);
        assert_eq!(active.snapshot.unwrap().snapshot_id, good);
        assert_eq!(served(&mut client(server.address).await).await, good);
        let done = operator.release_snapshot(pb::ReleaseSnapshotRequest::default()).await.unwrap();
        assert_eq!(done.into_inner().active.unwrap().snapshot_id, bad);
        assert_eq!(served(&mut client(server.address).await).await, bad);
        let refused = operator.release_snapshot(pb::ReleaseSnapshotRequest::default()).await;
        assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    });
    server.log.until(&bad);
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn of_two_operators_who_leave_the_same_snapshot_one_is_aborted() {
    let shop = Shop::new();
    let all = ["a", "b", "c"].map(|id| point_to(&shop, &[id]));
    let server = Server::start(&shop);
    let leave = || {
        block_on(async {
            let mut operator = snapshots(server.address).await;
            let request = pb::RollbackSnapshotRequest {
                expected_active_snapshot_id: all[2].clone(),
                ..rollback_to(0)
            };
            operator.rollback_snapshot(request).await.map(|done| done.into_inner())
        })
    };
    let results = thread::scope(|scope| {
        let both = [scope.spawn(leave), scope.spawn(leave)];
        both.map(|one| one.join().unwrap())
    });
    let codes = results.iter().map(|one| one.as_ref().map_err(|status| status.code()).err());
    let codes = codes.collect::<Vec<_>>();
    assert!(codes.contains(&None) && codes.contains(&Some(Code::Aborted)), "{codes:?}");
    assert_eq!(shop.manifests(), 4, "one rollback");
    block_on(async { assert_eq!(served(&mut client(server.address).await).await, all[1]) });
}

#[test]
fn a_watch_tells_of_swaps_and_blocks_and_ends_with_the_server() {
    let shop = Shop::new();
    let [first, second] = [point_to(&shop, &["a"]), point_to(&shop, &["a", "b"])];
    let server = Server::start(&shop);
    let to = server.address.to_string();
    endlessly(async {
        let mut operator = snapshots(server.address).await;
        let opened = operator.watch_active_snapshot(pb::WatchActiveSnapshotRequest {}).await;
        let mut stream = opened.unwrap().into_inner();
        let mut told = async || {
            let next = tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time");
            next.map(|one| {
                let one = one.expect("no end without a word");
                assert!(one.change_time.is_some());
                let version = one.data_version.unwrap();
                (version.snapshot_id, version.blocks_digest)
            })
        };
        assert_eq!(told().await.unwrap(), (second.clone(), 0));
        operator.rollback_snapshot(rollback_to(1)).await.unwrap();
        assert_eq!(told().await.unwrap(), (first.clone(), 0));
        kindred(["block", "a", "--reason", "it burns", "--to", &to]).succeeded();
        let (id, digest) = told().await.unwrap();
        assert!(id == first && digest != 0, "{id} {digest}");
        // Stock is none of its business: the next word is the swap's.
        let mut stock = crate::stock::stock(server.address).await;
        let reading = crate::stock::reading("b", pb::Availability::OutOfStock, 1);
        crate::stock::send(&mut stock, crate::stock::batch("erp", 1, vec![reading])).await;
        operator.rollback_snapshot(rollback_to(2)).await.unwrap();
        assert_eq!(told().await.unwrap(), (second.clone(), digest));
        kindred(["unblock", "a", "--to", &to]).succeeded();
        assert_eq!(told().await.unwrap(), (second.clone(), 0));
        server.signal("TERM");
        let ended = told().await.unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    });
    assert_eq!(server.ended(), Some(0));
}

/// Publishes bytes as the catalog under a name of their own; the manifest's number.
fn publish_bad(shop: &Shop, bytes: &[u8], number: usize) -> u64 {
    let (store, track) = shop.open();
    let staged = store.stage(Role::Catalog).unwrap();
    std::io::Write::write_all(&mut staged.file(), bytes).unwrap();
    let hash = BlobHash::of(format!("bad build {number}").as_bytes());
    let blob = staged.commit(hash, bytes.len() as u64).unwrap();
    publish(&track, &[blob]).into_manifest().number
}

#[test]
fn bad_builds_of_every_kind_are_refused_and_no_lookup_fails() {
    let builds = rounds(60, 200);
    let shop = Shop::in_memory();
    let good = point_to(&shop, &["a"]);
    let catalog = fs::read(shop.catalog_file()).unwrap();
    let kinds = damage::all(&catalog);
    assert!(kinds.len() >= 12);
    let mut server = Server::start(&shop);
    let (is_over, lookups) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut codes = BTreeSet::new();
    thread::scope(|scope| {
        let shopper = scope.spawn(|| {
            endlessly(async {
                let mut client = client(server.address).await;
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(served(&mut client).await, good);
                    lookups.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        let stop = SetOnDrop(&is_over);
        for (number, Damage { name, code, bytes }) in kinds.iter().cycle().take(builds).enumerate()
        {
            let manifest = publish_bad(&shop, bytes, number);
            let line = server.log.until(&format!("Snapshot is refused. number={manifest} "));
            assert!(line.contains(&format!("{code}: ")), "{name}: {line}");
            codes.insert((*code).to_owned());
        }
        drop(stop);
        shopper.join().expect("no lookup fails");
    });
    let asked = lookups.load(Ordering::Relaxed);
    println!("{builds} bad builds of {} kinds refused, {asked} lookups meanwhile", kinds.len());
    assert!(asked > builds, "{asked} lookups");
    block_on(async {
        let mut operator = snapshots(server.address).await;
        let page = pb::ListSnapshotsRequest { page_size: 100, page_token: String::new() };
        let listed = operator.list_snapshots(page).await.unwrap().into_inner().snapshots;
        let rejected = |one: &&pb::Snapshot| one.state() == SnapshotState::Rejected;
        assert_eq!(listed.iter().filter(rejected).count(), builds.min(100));
    });
    assert!(codes.len() >= 7, "{codes:?}");
}

#[test]
fn snapshots_are_listed_compared_and_activated() {
    let shop = Shop::new();
    let all = [&["a"][..], &["a", "b"], &["b", "a", "c"]].map(|ids| point_to(&shop, ids));
    let server = Server::start(&shop);
    block_on(async {
        let mut operator = snapshots(server.address).await;
        let mut listed = Vec::new();
        let mut page = pb::ListSnapshotsRequest { page_size: 2, page_token: String::new() };
        loop {
            let answer = operator.list_snapshots(page.clone()).await.unwrap().into_inner();
            assert!(answer.snapshots.len() <= 2);
            listed.extend(answer.snapshots);
            page.page_token = answer.next_page_token;
            if page.page_token.is_empty() {
                break;
            }
        }
        let told = listed.iter().map(|one| {
            (&*one.snapshot_id, one.manifest_number, one.product_count, one.relation_count)
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [(&*all[2], 3, 4, 3), (&*all[1], 2, 3, 2), (&*all[0], 1, 2, 1)]
        );
        let states = listed.iter().map(pb::Snapshot::state).collect::<Vec<_>>();
        let (active, rest) = (SnapshotState::Active, SnapshotState::Available);
        assert_eq!(states, [active, rest, rest]);
        assert!(listed[0].activate_time.is_some() && listed[1].activate_time.is_none());
        assert!(listed.iter().all(|one| one.create_time.is_some() && one.format_version == 2));
        let of_type = pb::RelationTypeCount { relation_type: CROSS_SELL, count: 2 };
        assert!(listed[1].relation_type_counts.contains(&of_type), "{listed:?}");

        let diff = pb::DiffSnapshotsRequest {
            base_snapshot_id: all[1].clone(),
            target_snapshot_id: all[2].clone(),
            ..Default::default()
        };
        let diff = operator.diff_snapshots(diff).await.unwrap().into_inner();
        let expected = pb::RelationTypeDiff {
            relation_type: CROSS_SELL,
            added: 1,
            removed: 0,
            changed: 0,
            mean_overlap: 2.0 / 3.0,
        };
        assert_eq!(diff.relation_type_diffs, [expected]);
        assert_eq!(diff.product_diffs[0].product_id, "seed");
        assert_eq!(diff.product_diffs[0].added_product_ids, ["c"]);

        let activate = |id: &str, validate_only, max_shrink_ratio| pb::ActivateSnapshotRequest {
            snapshot_id: id.to_owned(),
            validate_only,
            max_shrink_ratio,
        };
        let refused = operator.activate_snapshot(activate(&all[0], false, 0.0)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("fall from 4 to 2"), "{refused}");
        let valid = operator.activate_snapshot(activate(&all[0], true, 0.9)).await.unwrap();
        assert_eq!(valid.into_inner().active.unwrap().state(), SnapshotState::Available);
        assert_eq!(shop.manifests(), 3, "nothing was written");
        let done = operator.activate_snapshot(activate(&all[0], false, 0.9)).await.unwrap();
        let done = done.into_inner();
        assert_eq!(done.active.unwrap().snapshot_id, all[0]);
        assert_eq!(done.previous.unwrap().snapshot_id, all[2]);
        assert_eq!(ids(&mut client(server.address).await, CROSS_SELL, "seed").await, ["a"]);
        // What is active already needs no manifest.
        operator.activate_snapshot(activate(&all[0], false, 0.9)).await.unwrap();
        assert_eq!(shop.manifests(), 4);
    });
    let (_, track) = shop.open();
    let Ok(Manifest { note, .. }) = track.read(4) else { panic!("a rollback") };
    assert_eq!((&*note.actor, &*note.reason), ("grpc", "activated by its id"));
    assert!(matches!(track.read(5), Err(Error::UnknownManifest { .. })));
}

#[test]
fn the_golden_lookups_of_the_readme_hold_for_the_demo() {
    let readme = include_str!("../../README.md");
    let lines = readme.lines().filter(|line| line.starts_with("{\"request\": {\"lookup\""));
    let lines = lines.collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let shop = Shop::demo();
    let golden = shop.path("golden.jsonl");
    crate::shop::write(&golden, lines.join("\n"));
    let mut command = serve(&shop, "state");
    let server = Server::listening(command.arg("--golden").arg(&golden));
    let told = server.log.read.join("\n");
    assert!(
        told.contains("Golden lookups are asked of each snapshot.") && told.contains("lookups=2")
    );
    assert_eq!(server.ended(), Some(0));
}

#[test]
fn golden_lookups_are_asked_before_anything_goes_live() {
    let shop = Shop::new();
    let good = point_to(&shop, &["a", "b"]);
    let golden = shop.path("golden.jsonl");
    let request = r#"{"lookup":{"relationTypes":["RELATION_TYPE_CROSS_SELL"]},"seeds":[{"productId":"seed"}]}"#;
    let lines = format!(
        "# what must hold\n\n{{\"request\":{request},\"at_least\":1}}\n\
         {{\"request\":{request},\"expect\":[\"a\",\"b\"]}}\n"
    );
    crate::shop::write(&golden, lines);
    let mut command = serve(&shop, "state");
    let mut server = Server::listening(command.arg("--golden").arg(&golden));
    let bad = point_to(&shop, &["b", "a"]);
    let line = server.log.until("Snapshot is refused.");
    let difference = r#"line 4: expected ["a", "b"], found ["b", "a"]"#;
    for text in ["1 of 2 golden lookups of", difference] {
        assert!(line.contains(text), "{text}: {line}");
    }
    block_on(async {
        let mut operator = snapshots(server.address).await;
        let one = pb::GetSnapshotRequest { snapshot_id: bad.clone() };
        let one = operator.get_snapshot(one).await.unwrap().into_inner().snapshot.unwrap();
        assert_eq!(one.state(), SnapshotState::Rejected);
        let valid = pb::ActivateSnapshotRequest {
            snapshot_id: bad.clone(),
            validate_only: true,
            max_shrink_ratio: 1.0,
        };
        let refused = operator.activate_snapshot(valid).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("golden"), "{refused}");
        assert_eq!(served(&mut client(server.address).await).await, good);
    });
    // Another order of the same, which the golden lookups allow, goes live.
    let back = point_to(&shop, &["a", "b"]);
    assert_eq!(back, good);
    let more = {
        shop.write("products.csv", "id\nseed\na\nb\nmore\n");
        shop.published()
    };
    eventually(
        || block_on(async { served(&mut client(server.address).await).await }),
        |id| *id == more,
    );
    assert_eq!(server.ended(), Some(0));

    crate::shop::write(&golden, format!("{{\"request\":{request}}}\n"));
    let paths = [shop.store_dir(), shop.path("other"), golden];
    let [store, state, golden] = paths.each_ref().map(|path| path.to_str().unwrap());
    kindred(["serve", "--store", store, "--state", state, "--golden", golden])
        .ended(1)
        .complained(&["golden.jsonl line 1: expected one of expect, at_least, found none"]);
}
