//! Goal: calls about snapshots are refused by the right code and change nothing then. Method: the service
//! over a store of tiny catalogs, with a watcher where something is to follow.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tonic::{Code, Request, Status};

use super::{PATIENCE, block_on, channel, options, spawn};
use crate::{
    index::{CatalogFacts, Ordinal},
    model::limits::{
        REQUEST_BYTES_MAX, SNAPSHOT_CALLS_MAX, SNAPSHOT_WATCHES_MAX, SNAPSHOTS_REMEMBERED_MAX,
    },
    pb::{
        self, server::snapshot_service_server::SnapshotService,
        snapshot_service_client::SnapshotServiceClient,
    },
    service::{
        Availabilities, Health, Recommendations, Services, SnapshotNews, SnapshotParts, Snapshots,
        Stop, routes,
        snapshots::{diff, shrinks},
        status::Refusal,
    },
    snapshot::{
        Event, Gate, Live, Quarantine, Snapshot, Trials, WatchOptions, Watcher, tests::shop::Shop,
    },
    store::{Error, GuardRefusal, Manifest},
};

/// A shop with its service and a watcher.
struct Rig {
    shop: Shop,
    news: SnapshotNews,
    health: Health,
    service: Snapshots,
    _watcher: Watcher,
}

impl Rig {
    /// Serves the last of these catalogs.
    fn new(ids: &[&str]) -> (Self, Vec<Manifest>) {
        Self::with(ids, |_| Gate::default())
    }

    /// The same behind a gate, which is told the directory of the state.
    fn with(ids: &[&str], gate: impl FnOnce(&Path) -> Gate) -> (Self, Vec<Manifest>) {
        let shop = Shop::new();
        let gate = gate(shop.dir.path());
        let manifests = ids.iter().map(|id| shop.publish(id)).collect::<Vec<_>>();
        let (news, health) = (SnapshotNews::new(), Health::new());
        let service = Snapshots::new(SnapshotParts {
            loading: crate::index::Loading::Auto,
            store: shop.store.clone(),
            track: shop.track.clone(),
            live: Live::clone(&shop.live),
            news: news.clone(),
            health: health.clone(),
            quarantine: Quarantine::of(shop.dir.path()),
            gate: gate.clone(),
            release_guard: Arc::new(|_: &Manifest, waiting: &Manifest| match waiting.number % 2 {
                0 => Err(GuardRefusal("an even number".to_owned())),
                _ => Ok(()),
            }),
        });
        let told = news.clone();
        let (live, seen) = mpsc::channel();
        let on_event = move |event: Event<'_>| {
            told.hear(&event);
            if let Event::Live(_) = event {
                live.send(()).ok();
            }
        };
        let (store, track) = (shop.store.clone(), shop.track.clone());
        let (slot, stock) = (Live::clone(&shop.live), shop.stock.clone());
        let options = WatchOptions::default();
        let watcher = Watcher::spawn(store, track, slot, stock, options, gate, on_event).unwrap();
        news.looks_by(watcher.retry());
        seen.recv_timeout(PATIENCE).unwrap();
        (Self { shop, news, health, service, _watcher: watcher }, manifests)
    }

    fn active(&self) -> String {
        self.shop.live.load().unwrap().snapshot.id().to_owned()
    }
}

fn code<T>(answer: Result<T, Status>) -> Code {
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[test]
fn what_is_wrong_with_a_request_is_named_and_nothing_is_written() {
    let (rig, manifests) = Rig::new(&["a", "b"]);
    let service = &rig.service;
    let known = manifests[0].snapshot_id.to_string();
    let unknown = "0123456789abcdef0123456789abcdef".to_owned();
    block_on(async {
        let get = async |id: &str| {
            let request = pb::GetSnapshotRequest { snapshot_id: id.to_owned() };
            code(service.get_snapshot(Request::new(request)).await)
        };
        assert_eq!(get("").await, Code::Ok);
        assert_eq!(get(&known).await, Code::Ok);
        assert_eq!(get(&unknown).await, Code::NotFound);
        assert_eq!(get(&known.to_uppercase()).await, Code::InvalidArgument);
        let list = async |page_size, token: &str| {
            let page_token = token.to_owned();
            let request = pb::ListSnapshotsRequest { page_size, page_token };
            code(service.list_snapshots(Request::new(request)).await)
        };
        assert_eq!(list(i32::MAX, "").await, Code::Ok);
        assert_eq!(list(0, "1").await, Code::Ok);
        assert_eq!(list(-1, "").await, Code::InvalidArgument);
        assert_eq!(list(0, "x").await, Code::InvalidArgument);
        let roll_back = async |expected: &str, target_manifest_number, roles: &[&str]| {
            let request = pb::RollbackSnapshotRequest {
                expected_active_snapshot_id: expected.to_owned(),
                target_manifest_number,
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                ..Default::default()
            };
            code(service.rollback_snapshot(Request::new(request)).await)
        };
        assert_eq!(roll_back("x", 0, &[]).await, Code::InvalidArgument);
        assert_eq!(roll_back(&known, 0, &[]).await, Code::Aborted);
        assert_eq!(roll_back("", 7, &[]).await, Code::NotFound);
        assert_eq!(roll_back("", 2, &[]).await, Code::FailedPrecondition);
        for roles in [&["dropped"][..], &["catalog", "catalog"], &[""]] {
            assert_eq!(roll_back("", 1, roles).await, Code::InvalidArgument, "{roles:?}");
        }
        assert_eq!(roll_back("", 0, &["policy"]).await, Code::FailedPrecondition);
        let long = pb::RollbackSnapshotRequest { reason: "x".repeat(2_049), ..Default::default() };
        assert_eq!(
            code(service.rollback_snapshot(Request::new(long)).await),
            Code::InvalidArgument
        );
        let hold = pb::HoldSnapshotRequest {
            expected_active_snapshot_id: known.clone(),
            ..Default::default()
        };
        assert_eq!(code(service.hold_snapshot(Request::new(hold)).await), Code::Aborted);
    });
    assert_eq!(rig.shop.track.head_number().unwrap(), Some(2));
    assert_eq!(rig.active(), manifests[1].snapshot_id.to_string());
}

#[test]
fn what_is_wrong_with_a_validation_or_a_diff_is_named() {
    let (rig, manifests) = Rig::new(&["a", "b"]);
    let service = &rig.service;
    let known = manifests[0].snapshot_id.to_string();
    let unknown = "0123456789abcdef0123456789abcdef".to_owned();
    block_on(async {
        let activate = async |id: &str, max_shrink_ratio| {
            let snapshot_id = id.to_owned();
            let request =
                pb::ActivateSnapshotRequest { snapshot_id, validate_only: true, max_shrink_ratio };
            code(service.activate_snapshot(Request::new(request)).await)
        };
        assert_eq!(activate(&known, 1.0).await, Code::Ok);
        assert_eq!(activate(&unknown, 0.0).await, Code::NotFound);
        for ratio in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert_eq!(activate(&known, ratio).await, Code::InvalidArgument, "{ratio}");
        }
        let diff = async |target: &str, top_k, product_ids: Vec<String>| {
            let request = pb::DiffSnapshotsRequest {
                base_snapshot_id: known.clone(),
                target_snapshot_id: target.to_owned(),
                top_k,
                product_ids,
            };
            code(service.diff_snapshots(Request::new(request)).await)
        };
        let many = |count: usize| (0..count).map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(diff(&rig.active(), 100, many(100)).await, Code::Ok);
        assert_eq!(diff(&rig.active(), 101, vec![]).await, Code::InvalidArgument);
        assert_eq!(diff(&rig.active(), -1, vec![]).await, Code::InvalidArgument);
        assert_eq!(diff(&rig.active(), 0, many(101)).await, Code::InvalidArgument);
        assert_eq!(diff(&rig.active(), 0, vec![String::new()]).await, Code::InvalidArgument);
        assert_eq!(diff(&unknown, 0, vec![]).await, Code::NotFound);
    });
    assert_eq!(rig.shop.track.head_number().unwrap(), Some(2));
    assert_eq!(rig.active(), manifests[1].snapshot_id.to_string());
}

#[test]
fn a_rollback_passes_over_what_is_quarantined_and_returns_when_it_is_live() {
    let (rig, manifests) = Rig::new(&["a", "b", "c"]);
    let quarantine = rig.shop.dir.path().join("quarantine");
    fs::create_dir(&quarantine).unwrap();
    let bad = manifests[1].snapshot_id;
    fs::File::create(quarantine.join(format!("{bad}.quarantined"))).unwrap();
    block_on(async {
        let to = |target_manifest_number| {
            Request::new(pb::RollbackSnapshotRequest {
                target_manifest_number,
                ..Default::default()
            })
        };
        let refused = rig.service.rollback_snapshot(to(2)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("quarantined"), "{refused}");
        let done = rig.service.rollback_snapshot(to(0)).await.unwrap().into_inner();
        let (active, previous) = (done.active.unwrap(), done.previous.unwrap());
        assert_eq!(active.snapshot_id, manifests[0].snapshot_id.to_string());
        assert_eq!(active.state(), pb::SnapshotState::Active);
        assert_eq!(previous.snapshot_id, manifests[2].snapshot_id.to_string());
        assert_eq!(rig.active(), active.snapshot_id);
        let one = pb::GetSnapshotRequest { snapshot_id: bad.to_string() };
        let one = rig.service.get_snapshot(Request::new(one)).await.unwrap().into_inner();
        assert_eq!(one.snapshot.unwrap().state(), pb::SnapshotState::Quarantined);
        // Nor is it opened to be compared.
        let diff = pb::DiffSnapshotsRequest {
            base_snapshot_id: active.snapshot_id,
            target_snapshot_id: bad.to_string(),
            ..Default::default()
        };
        let refused = rig.service.diff_snapshots(Request::new(diff)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("quarantined"), "{refused}");
    });
}

/// A gate where the check of the catalog with this first product waits: it tells that it has begun, and goes on
/// with the next word, or when there is nobody to say one.
fn stopping_at(id: &'static str) -> (Gate, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((begun, begins), (go, goes)) = (mpsc::channel(), mpsc::channel());
    let goes = Mutex::new(goes);
    let check = Arc::new(move |snapshot: &Arc<Snapshot>| {
        if snapshot.catalog().view().id(Ordinal(0)) == id {
            begun.send(()).ok();
            goes.lock().unwrap().recv().ok();
        }
        Ok(())
    });
    (Gate { check: Some(check), ..Gate::default() }, begins, go)
}

/// Those who compared catalogs took all the seats of a rollback, and of its answer: it was done, and refused.
#[test]
fn those_who_only_look_keep_nobody_from_a_rollback() {
    let (gate, begins, go) = stopping_at("a");
    let (rig, manifests) = Rig::with(&["a", "b", "c"], |_| gate);
    block_on(async {
        let validate = || pb::ActivateSnapshotRequest {
            snapshot_id: manifests[0].snapshot_id.to_string(),
            validate_only: true,
            ..Default::default()
        };
        let checks = (0..SNAPSHOT_CALLS_MAX).map(|_| {
            let (service, request) = (rig.service.clone(), Request::new(validate()));
            tokio::spawn(async move { service.activate_snapshot(request).await })
        });
        let checks = checks.collect::<Vec<_>>();
        let all_begin = move || {
            (0..SNAPSHOT_CALLS_MAX).for_each(|_| begins.recv_timeout(PATIENCE).unwrap());
        };
        tokio::task::spawn_blocking(all_begin).await.unwrap();
        let one_more = rig.service.activate_snapshot(Request::new(validate())).await;
        assert_eq!(code(one_more), Code::ResourceExhausted);
        let to = pb::RollbackSnapshotRequest { target_manifest_number: 2, ..Default::default() };
        let done = rig.service.rollback_snapshot(Request::new(to)).await.unwrap().into_inner();
        assert_eq!(done.active.unwrap().snapshot_id, manifests[1].snapshot_id.to_string());
        assert_eq!(rig.active(), manifests[1].snapshot_id.to_string());
        drop(go);
        for check in checks {
            check.await.unwrap().unwrap();
        }
    });
}

/// What waits was checked for seconds, and what was published meanwhile went live unchecked.
#[test]
fn a_release_is_of_what_was_checked() {
    let (gate, begins, go) = stopping_at("b");
    let (rig, manifests) = Rig::with(&["a"], |_| gate);
    block_on(async {
        let hold = pb::HoldSnapshotRequest::default();
        rig.service.hold_snapshot(Request::new(hold)).await.unwrap();
        // The third manifest, and then the fifth: the guard of this rig takes no even ones.
        rig.shop.publish("b");
        let service = rig.service.clone();
        let release = Request::new(pb::ReleaseSnapshotRequest::default());
        let release = tokio::spawn(async move { service.release_snapshot(release).await });
        tokio::task::spawn_blocking(move || begins.recv_timeout(PATIENCE).unwrap()).await.unwrap();
        rig.shop.publish("c");
        rig.shop.publish("d");
        go.send(()).unwrap();
        let refused = release.await.unwrap().unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("published meanwhile"), "{refused}");
    });
    assert_eq!(rig.active(), manifests[0].snapshot_id.to_string());
    assert!(rig.shop.track.head().unwrap().unwrap().held);
}

/// A check loads a snapshot into the process that answers: what ended it there was once not counted, and ended
/// it again with the next check.
#[test]
fn what_an_operator_has_checked_is_tried_until_the_check_ends() {
    let (seen, found) = mpsc::channel();
    let (rig, manifests) = Rig::with(&["a", "b"], |state| {
        let file = state.join("trying.json");
        let check = Arc::new(move |_: &_| {
            seen.send(fs::read_to_string(&file).unwrap()).ok();
            Ok(())
        });
        // What is live has passed at once.
        Gate { check: Some(check), trials: Trials::open(state, Duration::ZERO) }
    });
    let ids = manifests.iter().map(|one| one.snapshot_id.to_string()).collect::<Vec<_>>();
    assert!(found.recv().unwrap().contains(&ids[1]), "it goes live");
    block_on(async {
        let validate = pb::ActivateSnapshotRequest {
            snapshot_id: ids[0].clone(),
            validate_only: true,
            ..Default::default()
        };
        rig.service.activate_snapshot(Request::new(validate)).await.unwrap();
    });
    assert!(found.recv().unwrap().contains(&ids[0]));
    let file = fs::read_to_string(rig.shop.dir.path().join("trying.json")).unwrap();
    assert!(!file.contains(&ids[0]), "{file}");
}

#[test]
fn the_guard_of_a_release_is_asked_and_activating_what_waits_is_a_release() {
    let (rig, _) = Rig::new(&["a"]);
    block_on(async {
        let hold = pb::HoldSnapshotRequest::default();
        rig.service.hold_snapshot(Request::new(hold)).await.unwrap();
        rig.shop.publish("b");
        // Number 3 waits; at number 4 the guard says no.
        let waits = rig.shop.publish("c");
        assert_eq!(waits.number, 4);
        let release = || Request::new(pb::ReleaseSnapshotRequest::default());
        let refused = rig.service.release_snapshot(release()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("an even number"), "{refused}");
        let waits = rig.shop.publish("d");
        let activate = pb::ActivateSnapshotRequest {
            snapshot_id: waits.snapshot_id.to_string(),
            validate_only: false,
            max_shrink_ratio: 0.0,
        };
        let done = rig.service.activate_snapshot(Request::new(activate)).await.unwrap();
        assert_eq!(done.into_inner().active.unwrap().snapshot_id, waits.snapshot_id.to_string());
    });
    let head = rig.shop.track.head().unwrap().unwrap();
    assert_eq!((head.kind.code(), head.held), ("release", false));
}

#[test]
fn streams_have_seats_which_come_back_and_end_with_the_server() {
    let (rig, _) = Rig::new(&["a"]);
    block_on(async {
        let watch =
            || rig.service.watch_active_snapshot(Request::new(pb::WatchActiveSnapshotRequest {}));
        let mut streams = Vec::new();
        for _ in 0..SNAPSHOT_WATCHES_MAX {
            let mut stream = watch().await.unwrap().into_inner();
            // Its task has begun, and keeps the seat.
            assert!(tokio_stream::StreamExt::next(&mut stream).await.unwrap().is_ok());
            streams.push(stream);
        }
        assert_eq!(code(watch().await), Code::ResourceExhausted);
        streams.pop();
        let mut last = loop {
            // The seat is free when the task of the stream has seen its end.
            tokio::task::yield_now().await;
            if let Ok(stream) = watch().await {
                break stream.into_inner();
            }
        };
        let mut next = async || tokio_stream::StreamExt::next(&mut last).await;
        let first = next().await.unwrap().unwrap().data_version.unwrap();
        assert_eq!((first.snapshot_id, first.blocks_digest), (rig.active(), 0));
        // What changes nothing is not told: the next word is the last.
        rig.news.stock_changed(0);
        rig.health.drain();
        rig.health.end_watches();
        let ended = next().await.unwrap().unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
        assert!(next().await.is_none());
    });
}

#[test]
fn a_store_that_takes_no_write_is_a_precondition() {
    let io = |kind| Error::Io {
        action: "create",
        path: PathBuf::from("x"),
        source: io::Error::from(kind),
    };
    let code = |error: Error| Status::from(Refusal::from(error)).code();
    assert_eq!(code(io(io::ErrorKind::ReadOnlyFilesystem)), Code::FailedPrecondition);
    assert_eq!(code(io(io::ErrorKind::PermissionDenied)), Code::FailedPrecondition);
    assert_eq!(code(io(io::ErrorKind::StorageFull)), Code::Unavailable);
}

#[test]
fn a_number_may_fall_by_the_share_and_no_further() {
    let facts = |products, relations, types: &[(u8, u64)]| CatalogFacts {
        format: 2,
        products,
        relations,
        types: types.to_vec(),
    };
    let before = facts(100, 200, &[(1, 50), (2, 0)]);
    let check = |after: CatalogFacts| shrinks(&before, &after, 0.2);
    assert_eq!(check(facts(80, 160, &[(1, 40)])), None);
    assert_eq!(check(facts(900, 900, &[(1, 900)])), None);
    let told = |after, expected: &str| {
        let text = check(after).unwrap();
        assert!(text.starts_with(expected), "{text}");
    };
    told(facts(79, 200, &[(1, 50)]), "products fall from 100 to 79, ");
    told(facts(100, 159, &[(1, 50)]), "relations fall from 200 to 159, ");
    told(facts(100, 200, &[(1, 39)]), "relations of type 1 fall from 50 to 39, ");
    told(facts(100, 200, &[]), "relations of type 1 fall from 50 to 0, ");
    assert_eq!(shrinks(&before, &facts(0, 0, &[]), 1.0), None);
}

#[test]
fn a_diff_counts_relations_and_shows_the_tops_that_differ() {
    use crate::lookup::tests::shop::Shop as Text;
    let before = "a cross_sell b 90, c 80\n b accessory c 90\n d accessory a 90";
    let after = "a cross_sell c 90, b 80\n b accessory a 90, c 80";
    let (before, after) = (Text::parse(before).catalog(), Text::parse(after).catalog());
    let told = |top, ids: &[&str]| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let told = diff(&before.view(), &after.view(), top, &ids);
        let types = told.relation_type_diffs.iter().map(|one| {
            (one.relation_type, [one.added, one.removed, one.changed], one.mean_overlap)
        });
        let products = told.product_diffs.iter().map(|one| {
            let [added, removed] = [&one.added_product_ids, &one.removed_product_ids];
            format!("{} +{} -{}", one.product_id, added.join(","), removed.join(","))
        });
        (types.collect::<Vec<_>>(), products.collect::<Vec<_>>())
    };
    let (cross_sell, accessory) =
        (pb::RelationType::CrossSell as i32, pb::RelationType::Accessory as i32);
    // Half of the longer top of `b` is shared, nothing of `d`.
    let types = [(cross_sell, [0, 0, 1], 1.0), (accessory, [1, 1, 0], 0.25)];
    let (all, products) = told(10, &[]);
    assert_eq!(all.len(), 2);
    assert!(types.iter().all(|one| all.contains(one)), "{all:?}");
    assert_eq!(products, ["a + -", "b +a -", "d + -a"]);
    // Only the first of each: another one stands there.
    let (all, products) = told(1, &["a", "b", "a", "unknown"]);
    assert!(all.contains(&(cross_sell, [0, 0, 0], 0.0)), "{all:?}");
    assert_eq!(products, ["a +c -b", "b +a -c"]);
}

#[test]
fn a_replica_remembers_only_so_many_refusals() {
    let (rig, manifests) = Rig::new(&["a"]);
    let error = crate::snapshot::LoadError::NoCatalog { number: 1 };
    for number in 0..=SNAPSHOTS_REMEMBERED_MAX as u64 {
        let manifest = Manifest { number, ..manifests[0].clone() };
        rig.news.hear(&Event::Refused(&manifest, &error));
    }
    assert!(rig.news.refusal(0).is_none());
    assert!(rig.news.refusal(1).is_some());
}

#[test]
fn a_call_about_snapshots_may_be_as_long_as_a_lookup_and_no_longer() {
    let (rig, _) = Rig::new(&["a"]);
    let live = || Live::clone(&rig.shop.live);
    let lookups = Recommendations::new(live());
    let stock = Availabilities::new(rig.shop.stock.clone(), live());
    let routes = routes(lookups, stock, Some(rig.service.clone()), &rig.health, false);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (addr, stop) = (listener.local_addr().unwrap(), Stop::new());
    let report = spawn(listener, Services::from(routes), &rig.health, options(1), &stop);
    let refused = block_on(async {
        let snapshot_id = "x".repeat(REQUEST_BYTES_MAX);
        let request = pb::GetSnapshotRequest { snapshot_id };
        SnapshotServiceClient::new(channel(addr).await).get_snapshot(request).await.unwrap_err()
    });
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    stop.drain();
    report.recv_timeout(PATIENCE).expect("the server ends").unwrap();
}
