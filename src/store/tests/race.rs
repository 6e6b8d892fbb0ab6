//! Writers at the same time. Races are made by writing from inside a guard, or just before a link.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    thread,
};

use super::{disk::TestDisk, *};

#[test]
fn eight_publishers_at_once_each_land_once() {
    const EACH: usize = 6;
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let numbers: Vec<u64> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let track = &shop.track;
                scope.spawn(move || {
                    let land = |n| publish(track, &format!("p{writer}-{n}")).unwrap();
                    (0..EACH).map(|n| land(n).into_manifest().number).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(numbers.len(), 8 * EACH);
    let distinct: BTreeSet<u64> = numbers.into_iter().collect();
    assert!(distinct.into_iter().eq(2..=8 * EACH as u64 + 1));
    let policies: BTreeSet<String> =
        shop.track.history().map(|manifest| texts(&shop.store, &manifest.unwrap())).collect();
    let mut expected: BTreeSet<String> =
        (0..8).flat_map(|w| (0..EACH).map(move |n| format!("c1 p{w}-{n}"))).collect();
    expected.insert("c1".to_owned());
    assert_eq!(policies, expected);
}

#[test]
fn many_committers_of_one_blob_agree() {
    let shop = shop();
    let blobs: Vec<BlobRef> = thread::scope(|scope| {
        let committing: Vec<_> =
            (0..8).map(|_| scope.spawn(|| commit(&shop.store, "c1").unwrap())).collect();
        committing.into_iter().map(|blob| blob.join().unwrap()).collect()
    });
    assert!(blobs.iter().all(|blob| *blob == blobs[0]));
    assert_eq!(fs::read_dir(shop.store.blobs_dir()).unwrap().count(), 1);
}

/// Publishes `o1` while `meanwhile` happens between the guard and the write; says what came of it
/// and which heads the guard was shown.
fn publish_during(
    story: &str,
    meanwhile: &str,
    over_rollback: bool,
) -> (Result<String, String>, Vec<u64>) {
    let shop = shop();
    tell(&shop.track, story);
    let heads = RefCell::new(Vec::new());
    let pending = Cell::new(true);
    let guard = |head: Option<&Manifest>| {
        heads.borrow_mut().push(head.unwrap().number);
        if pending.replace(false) {
            tell(&shop.track, meanwhile);
        }
        Ok(())
    };
    let blobs = [commit(&shop.store, "o1").unwrap()];
    let done = shop.track.publish(&Publish { guard: &guard, over_rollback, ..plain(&blobs) });
    let said = done
        .map(|done| {
            let manifest = done.into_manifest();
            format!("{}:{}", manifest.number, texts(&shop.store, &manifest))
        })
        .map_err(|error| error_name(&error));
    (said, heads.into_inner())
}

#[track_caller]
fn check_race(meanwhile: &str, over: bool, expected: Result<&str, &str>, heads: &[u64]) {
    let (said, shown) = publish_during("publish c1 p1; publish p2", meanwhile, over);
    assert_eq!(said.as_deref().map_err(String::as_str), expected, "{meanwhile}");
    assert_eq!(shown, heads, "{meanwhile}");
}

#[test]
fn a_publish_that_lost_is_built_on_the_publish_that_won() {
    check_race("publish p3", false, Ok("4:c1 p3 o1"), &[2, 3]);
    check_race("publish c2; publish p3", false, Ok("5:c2 p3 o1"), &[2, 4]);
    check_race("publish o1", false, Ok("3:c1 p2 o1"), &[2]);
}

#[test]
fn a_publish_that_lost_stops_at_a_rollback_or_hold() {
    check_race("rollback", false, Err("Overtaken"), &[2]);
    check_race("hold", false, Err("Overtaken"), &[2]);
    check_race("hold; release", false, Err("Overtaken"), &[2]);
    check_race("rollback; publish c5", false, Err("Overtaken"), &[2]);
}

#[test]
fn a_publish_goes_over_a_rollback_or_hold_if_told_so() {
    check_race("rollback", true, Ok("4:c1 p1 o1"), &[2, 3]);
    check_race("hold", true, Ok("4:c1 p2 o1"), &[2, 3]);
}

#[test]
fn a_release_does_not_stop_a_publish() {
    let (said, shown) = publish_during("publish c1; hold; publish p1", "release", false);
    assert_eq!((said, shown), (Ok("5:c1 p1 o1".to_owned()), vec![3, 4]));
}

#[test]
fn a_publish_begins_when_its_work_begins() {
    let shop = shop();
    tell(&shop.track, "publish c1; publish c2; rollback; publish p1");
    let blobs = [commit(&shop.store, "o1").unwrap()];
    let since = |since| shop.track.publish(&Publish { since, ..plain(&blobs) });
    for before in [0, 1, 2] {
        let error = since(Some(before)).unwrap_err();
        let expected = "manifest 3 (rollback by ana: bad prices) came after";
        assert!(error.to_string().starts_with(expected), "{before}: {error}");
    }
    assert_eq!(error_name(&since(Some(5)).unwrap_err()), "UnknownManifest");
    assert_eq!(since(Some(3)).unwrap().into_manifest().number, 5);
}

#[test]
fn a_guard_sees_the_winner_and_may_refuse_then() {
    let shop = shop();
    publish(&shop.track, "c1").unwrap();
    let guard = |head: Option<&Manifest>| {
        let head = head.unwrap();
        if head.number == 1 {
            publish(&shop.track, "c2").unwrap();
            return Ok(());
        }
        Err(GuardRefusal(format!("not over {}", texts(&shop.store, head))))
    };
    let blobs = [commit(&shop.store, "c3").unwrap()];
    let error = shop.track.publish(&Publish { guard: &guard, ..plain(&blobs) }).unwrap_err();
    assert_eq!(error.to_string(), "the publish was refused: not over c2");
    assert_eq!(shop.track.head_number().unwrap(), Some(2));
}

#[test]
fn a_guard_sees_no_manifest_before_the_first() {
    let shop = shop();
    let calls = Cell::new(0);
    let guard = |head: Option<&Manifest>| {
        calls.set(calls.get() + 1);
        if head.is_none() { Ok(()) } else { Err(GuardRefusal("a head".to_owned())) }
    };
    let blobs = [commit(&shop.store, "c1").unwrap()];
    let publish = Publish { guard: &guard, ..plain(&blobs) };
    shop.track.publish(&publish).unwrap();
    // The second time it is not even asked: nothing would change.
    assert!(matches!(shop.track.publish(&publish).unwrap(), Published::Unchanged(_)));
    assert_eq!(calls.get(), 1);
}

/// Runs `act` while `meanwhile` happens between its decision and its write.
#[track_caller]
fn check_late(
    story: &str,
    meanwhile: &'static str,
    act: impl FnOnce(&Track) -> Result<Manifest, Error>,
    expected: Result<&str, &str>,
) {
    let disk = Arc::new(TestDisk::default());
    let shop = shop_on(disk.clone());
    tell(&shop.track, story);
    let other = Store::open(shop.store.dir()).unwrap().track(MAIN_TRACK).unwrap();
    disk.before_manifest(move || drop(tell(&other, meanwhile)));
    let done = act(&shop.track)
        .map(|done| format!("{}:{}", done.number, texts(&shop.store, &done)))
        .map_err(|error| error_name(&error));
    assert_eq!(done.as_deref().map_err(String::as_str), expected, "{story}; {meanwhile}");
}

#[test]
fn a_rollback_without_a_target_that_lost_does_not_guess_again() {
    let act = |track: &Track| track.rollback(&rollback_to(None));
    check_late("publish c1; publish c2", "publish c3", act, Err("UnexpectedActive"));
    // A hold changes nothing about what is live.
    check_late("publish c1; publish c2", "hold", act, Ok("4:c1"));
}

#[test]
fn a_rollback_with_a_target_goes_there_whatever_won() {
    let act = |track: &Track| track.rollback(&rollback_to(Some(1)));
    check_late("publish c1 p1; publish c2 p2", "publish c3", act, Ok("4:c1 p1"));
    check_late("publish c1; publish c2", "rollback", act, Err("RollbackChangesNothing"));
}

#[test]
fn holds_and_releases_that_lost_look_again() {
    let hold = |track: &Track| track.hold(&note("sale"));
    let release = |track: &Track| track.release(&|_, _| Ok(()), &note("sale over"));
    check_late("publish c1", "hold", hold, Err("AlreadyHeld"));
    check_late("publish c1", "publish c2", hold, Ok("3:c2"));
    check_late("publish c1; hold", "release", release, Err("NotHeld"));
    check_late("publish c1; hold", "publish c2", release, Ok("4:c2"));
}

#[test]
fn a_release_asks_its_guard_with_what_is_live_and_what_would_be() {
    let shop = shop();
    assert_eq!(tell(&shop.track, "publish c1; hold; publish c2"), "1:c1 | 2*:c1 | 3*:c1");
    let release = |answer: Result<(), GuardRefusal>| {
        let guard = |live: &Manifest, waiting: &Manifest| {
            let both = [live, waiting].map(|manifest| texts(&shop.store, manifest));
            assert_eq!(both, ["c1", "c2"]);
            answer.clone()
        };
        shop.track.release(&guard, &note("sale over"))
    };
    let refusal = GuardRefusal("too few".to_owned());
    let error = release(Err(refusal)).unwrap_err();
    assert_eq!(error.to_string(), "the publish was refused: too few");
    assert_eq!(shop.track.head_number().unwrap(), Some(3));
    assert_eq!(release(Ok(())).unwrap().number, 4);
}

#[test]
fn a_rollback_may_say_what_it_expects_to_be_live() {
    let shop = shop();
    let first = publish(&shop.track, "c1").unwrap().into_manifest().snapshot_id;
    let second = publish(&shop.track, "c2").unwrap().into_manifest().snapshot_id;
    let expecting =
        |id| shop.track.rollback(&Rollback { expected_active: Some(id), ..rollback_to(None) });
    let error = expecting(first).unwrap_err();
    assert_eq!(error.to_string(), format!("snapshot {second} is live, expected {first}"));
    assert_eq!(expecting(second).unwrap().number, 3);
}

#[test]
fn a_writer_that_always_loses_gives_up() {
    let disk = Arc::new(TestDisk::full_of_names());
    let shop = shop_on(disk);
    let blob = commit(&Store::open(shop.store.dir()).unwrap(), "c1").unwrap();
    let error = shop.track.publish(&plain(&[blob])).unwrap_err();
    assert_eq!(error_name(&error), "LostTooOften");
}
