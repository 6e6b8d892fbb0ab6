//! Clean-ups: what may go goes, and whatever runs beside one or kills it, no manifest that counts
//! names a blob that is not there.
//!
//! Method: a story makes the store, its blobs are made old, and the texts that a clean-up leaves are
//! compared; then a writer runs beside a clean-up from each of the steps that either takes.

use std::{
    fs,
    num::NonZeroUsize,
    sync::{Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use super::{
    disk::{Failure, TestDisk},
    *,
};
use crate::store::disk::lock_within;

const HOUR: Duration = Duration::from_secs(3_600);

/// Five contents of which a clean-up that keeps one leaves two.
const FIVE: &str = "publish c1; publish c2; publish c3; publish c4; publish c5";

fn keeping(contents: usize) -> Retention {
    Retention { contents: NonZeroUsize::new(contents).unwrap(), age: HOUR }
}

/// A shop after a story, long ago.
fn old_shop(story: &str) -> Shop {
    let shop = shop_on(Arc::new(TestDisk::default()));
    tell(&shop.track, story);
    make_old(&shop.store);
    shop
}

fn make_old(store: &Store) {
    let dirs = [store.dir(), &store.blobs_dir()].map(|dir| fs::read_dir(dir).unwrap());
    for entry in dirs.into_iter().flatten() {
        File::open(entry.unwrap().path()).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
}

/// The texts of all blobs that are there.
fn left(store: &Store) -> String {
    let entries = fs::read_dir(store.blobs_dir()).unwrap();
    let read = |entry: io::Result<fs::DirEntry>| fs::read_to_string(entry.unwrap().path()).unwrap();
    let mut texts: Vec<_> = entries.map(read).collect();
    texts.sort();
    texts.join(" ")
}

#[track_caller]
fn check_left(story: &str, contents: usize, expected: &str) {
    let shop = old_shop(story);
    let before = left(&shop.store);
    let planned = shop.store.collect(&keeping(contents), Removal::Planned).unwrap();
    assert_eq!(left(&shop.store), before, "a plan removes nothing");
    let done = shop.store.collect(&keeping(contents), Removal::Done).unwrap();
    assert_eq!(planned, done, "{story}");
    assert_eq!(left(&shop.store), expected, "{story}, keeping {contents}");
    let kept: usize = done.kept.values().map(|(count, _)| count).sum();
    let words = |texts: &str| texts.split_whitespace().count();
    assert_eq!((kept, kept + done.blobs.len()), (words(expected), words(&before)), "{story}");
    let again = shop.store.collect(&keeping(contents), Removal::Done).unwrap();
    assert_eq!((again.blobs.len(), left(&shop.store).as_str()), (0, expected), "{story}");
    assert_eq!(shop.track.history().filter(Result::is_err).count(), 0, "manifests stay");
}

#[test]
fn what_is_live_newest_or_before_it_stays() {
    check_left("publish c1", 1, "c1");
    check_left(FIVE, 1, "c4 c5");
    check_left(FIVE, 2, "c3 c4 c5");
    check_left(FIVE, 3, "c2 c3 c4 c5");
    check_left(FIVE, 9, "c1 c2 c3 c4 c5");
}

#[test]
fn roles_stay_with_the_contents_that_name_them() {
    check_left("publish c1 v1 d1 p1; publish p2; publish p3; publish p4", 1, "c1 d1 p3 p4 v1");
    check_left("publish c1 v1; publish c2 v2 o1; publish c3; publish o2", 1, "c3 o1 o2");
}

#[test]
fn what_a_hold_keeps_and_what_waits_behind_it_stay() {
    check_left(
        "publish c0; publish c1; hold; publish c2; publish c3; publish c4",
        1,
        "c0 c1 c3 c4",
    );
    check_left("publish c1; hold; publish c2; release; publish c3; publish c4", 1, "c3 c4");
}

#[test]
fn what_stays_is_counted_by_the_first_of_its_reasons() {
    let shop = old_shop("publish c0; publish c1; hold; publish c2; publish c3; publish c4");
    let done = shop.store.collect(&keeping(1), Removal::Done).unwrap();
    let reasons = [Kept::Live, Kept::Newest, Kept::Fallback, Kept::Recent];
    assert_eq!(done.kept, reasons.map(|reason| (reason, (1, 2))).into());
}

#[test]
fn where_a_rollback_came_from_and_would_go_on_to_stays() {
    // What it left may be wanted back.
    check_left("publish c1; publish c2; publish c3; publish c4; rollback 1", 1, "c1 c4");
    // A server that cannot open 3 goes on below it, not to what was left.
    let story =
        "publish c1; publish c2; publish c3; publish c4; publish c5; rollback 3; publish c6";
    check_left(story, 1, "c3 c6");
    check_left(story, 2, "c2 c3 c6");
}

#[test]
fn what_another_track_needs_stays() {
    let shop = old_shop(FIVE);
    let canary = shop.store.create_track("canary").unwrap();
    publish(&canary, "c2").unwrap();
    make_old(&shop.store);
    fs::create_dir(shop.store.tracks_dir().join("No track")).unwrap();
    shop.store.collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(left(&shop.store), "c2 c4 c5");
}

#[test]
fn what_is_young_stays_and_so_do_files_of_others() {
    let shop = old_shop(FIVE);
    commit(&shop.store, "c2").unwrap();
    commit(&shop.store, "p7").unwrap();
    let foreign = ["notes.txt", "0a.catalog.kdx", &format!("{}.catalog.bak", "0a".repeat(32))];
    for name in foreign {
        put_file(&shop.store.blobs_dir().join(name), b"x");
    }
    let done = shop.store.collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(left(&shop.store), "c2 c4 c5 p7 x x x");
    let kept = [(Kept::Live, (1, 2)), (Kept::Fallback, (1, 2)), (Kept::Young, (2, 4))];
    assert_eq!(done.kept.into_iter().collect::<Vec<_>>(), kept);
}

#[test]
fn dead_writers_leave_nothing_and_living_ones_keep_their_files() {
    let shop = old_shop("publish c1");
    // With a lock, as every real writer has it.
    let living =
        Store { disk: Arc::new(LocalDisk), ..shop.store.clone() }.stage(Role::Policy).unwrap();
    living.file().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let dead = [shop.store.dir(), &shop.store.blobs_dir(), shop.track.dir()];
    let dead = dead.map(|dir| dir.join("tmp-4194999-7"));
    for path in &dead {
        put_file(path, b"half");
        File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let planned = shop.store.collect(&keeping(1), Removal::Planned).unwrap();
    assert!(dead.iter().all(|path| path.exists()));
    let done = shop.store.collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(planned, done);
    assert_eq!(done.temps.iter().map(|gone| gone.size_bytes).sum::<u64>(), 12);
    assert!(dead.iter().all(|path| !path.exists()) && living.path().exists());
}

#[test]
fn a_track_that_cannot_be_read_stops_the_clean_up() {
    for number in [4, 5] {
        let shop = old_shop(FIVE);
        let path = shop.track.manifest_path(number);
        fs::remove_file(&path).unwrap();
        put_file(&path, b"{}");
        let error = shop.store.collect(&keeping(3), Removal::Done).unwrap_err();
        assert_eq!(error_name(&error), "DamagedManifest");
        assert_eq!(left(&shop.store), "c1 c2 c3 c4 c5");
    }
}

#[test]
fn what_was_collected_is_named_and_can_be_published_anew() {
    let shop = old_shop(FIVE);
    shop.store.collect(&keeping(1), Removal::Done).unwrap();
    let error = shop.track.rollback(&rollback_to(Some(1))).unwrap_err();
    assert_eq!(error_name(&error), "BlobCollected");
    let said = error.to_string();
    assert!(said.contains("was collected by gc") && said.contains("compile it again"), "{said}");
    let first = shop.track.read(1).unwrap().blobs[0];
    assert_eq!(error_name(&shop.store.collected(&first).unwrap()), "BlobCollected");
    let kept = shop.track.read(5).unwrap().blobs[0];
    assert!(shop.store.collected(&kept).is_none());

    tell(&shop.track, "publish c1; publish c6");
    make_old(&shop.store);
    shop.store.collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(left(&shop.store), "c1 c6");
    assert!(shop.store.collected(&first).is_none(), "it is back");
    assert!(shop.store.collected(&kept).is_some());
}

#[test]
fn a_list_of_what_was_collected_that_is_damaged_is_only_a_worse_error() {
    let shop = old_shop(FIVE);
    shop.store.collect(&keeping(1), Removal::Done).unwrap();
    let path = shop.store.dir().join("collected");
    fs::remove_file(&path).unwrap();
    put_file(&path, b"\xff\xfe no names");
    let error = shop.track.rollback(&rollback_to(Some(1))).unwrap_err();
    assert_eq!(error_name(&error), "BlobMissing");
    publish(&shop.track, "c6").unwrap();
    make_old(&shop.store);
    shop.store.collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(left(&shop.store), "c5 c6");
}

/// What is live and what a server would fall back to name blobs that are there and whole.
#[track_caller]
fn check_whole(store: &Store, when: &str) {
    let track = store.track(MAIN_TRACK).unwrap();
    let live = track.current().unwrap().unwrap();
    let fallback = track.fallbacks(&live).next().map(Result::unwrap);
    for manifest in [live].into_iter().chain(fallback) {
        for blob in &manifest.blobs {
            let bytes = fs::read(store.blob_path(blob));
            let bytes =
                bytes.unwrap_or_else(|error| panic!("{when}: {}: {error}", manifest.number));
            assert_eq!(BlobHash::of(&bytes), blob.hash, "{when}");
        }
    }
}

#[test]
fn a_clean_up_that_fails_or_dies_at_any_step_takes_nothing_that_counts() {
    let counting = Arc::new(TestDisk::default());
    let with = |store: &Store, disk: Arc<dyn Disk>| Store { disk, ..store.clone() };
    with(&old_shop(FIVE).store, counting.clone()).collect(&keeping(1), Removal::Done).unwrap();
    assert!(counting.steps() > 30, "it takes every kind of step: {}", counting.steps());
    for failure in [Failure::Once, Failure::Crash] {
        for n in 0..counting.steps() {
            let shop = old_shop(FIVE);
            let disk = Arc::new(TestDisk::failing(n, failure));
            // A step that only tidies up may fail unseen.
            drop(with(&shop.store, disk).collect(&keeping(1), Removal::Done));
            check_whole(&shop.store, &format!("{failure:?} at {n}"));
            make_old(&shop.store);
            shop.store.collect(&keeping(1), Removal::Done).unwrap();
            assert_eq!(left(&shop.store), "c4 c5", "{failure:?} at {n}");
            assert_eq!(fs::read_dir(shop.store.dir()).unwrap().count(), 3, "{failure:?} at {n}");
            let error = shop.track.rollback(&rollback_to(Some(1))).unwrap_err();
            assert_eq!(error_name(&error), "BlobCollected", "{failure:?} at {n}");
        }
    }
}

#[test]
fn a_lock_is_not_waited_for_without_end() {
    let shop = old_shop("publish c1");
    let try_lock = |share| lock_within(&shop.store.blobs_dir(), share, Duration::ZERO);
    let shared = try_lock(Share::Shared).unwrap();
    assert!(shared.is_some() && try_lock(Share::Shared).unwrap().is_some());
    let error = try_lock(Share::Alone).unwrap_err();
    assert!(error.to_string().contains("see whether it hangs"), "{error}");
    drop(shared);
    let alone = try_lock(Share::Alone).unwrap();
    assert!(alone.is_some() && try_lock(Share::Shared).is_err());
}

/// Who makes live what is old and named by nothing that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// A compile, which brings the bytes.
    Publish,
    Rollback,
}

impl Writer {
    fn run(self, store: &Store) -> Result<Manifest, Error> {
        let track = store.track(MAIN_TRACK)?;
        match self {
            Self::Publish => publish(&track, "c2").map(Published::into_manifest),
            Self::Rollback => track.rollback(&rollback_to(Some(2))),
        }
    }
}

/// What runs beside, from the moment of the hook to its end.
type Beside<T> = Arc<Mutex<Option<JoinHandle<T>>>>;

/// A hook that starts this in a thread, and goes on once it ended or waits for a lock.
fn beside<T: Send + 'static>(
    store: &Store,
    act: impl FnOnce(&Store) -> T + Send + 'static,
) -> (impl FnOnce() + Send + 'static, Beside<T>) {
    let running = Beside::<T>::default();
    let (dir, started) = (store.dir.clone(), Arc::clone(&running));
    let hook = move || {
        let (tell, told) = mpsc::channel();
        let disk = Arc::new(TestDisk::telling(tell.clone()));
        let thread = thread::spawn(move || {
            let done = act(&Store { dir, disk });
            tell.send(()).ok();
            done
        });
        told.recv().unwrap();
        *started.lock().unwrap() = Some(thread);
    };
    (hook, running)
}

fn end_of<T>(running: &Beside<T>) -> Option<T> {
    let thread = running.lock().unwrap().take();
    thread.map(|thread| thread.join().unwrap())
}

#[track_caller]
fn check_told(writer: Writer, done: Result<Manifest, Error>, store: &Store, when: &str) {
    let head = store.track(MAIN_TRACK).unwrap().head().unwrap().unwrap();
    match done {
        Ok(written) => assert_eq!((head.number, &head), (6, &written), "{when}"),
        Err(error) => {
            // Whoever brings the bytes cannot lose them.
            assert_eq!(writer, Writer::Rollback, "{when}: {error}");
            assert_eq!((error_name(&error).as_str(), head.number), ("BlobCollected", 5), "{when}");
        }
    }
}

#[test]
fn a_clean_up_at_any_step_of_a_writer_leaves_no_manifest_without_its_blobs() {
    for writer in [Writer::Publish, Writer::Rollback] {
        let counting = Arc::new(TestDisk::default());
        let shop = old_shop(FIVE);
        writer.run(&Store { disk: counting.clone(), ..shop.store.clone() }).unwrap();
        let (mut told, mut refused) = (0, 0);
        for has_locks in [true, false] {
            for n in 0..counting.steps() {
                let shop = old_shop(FIVE);
                let clean_up = |store: &Store| store.collect(&keeping(1), Removal::Done).map(drop);
                let (hook, running) = beside(&shop.store, clean_up);
                let disk = TestDisk::before_step(n, hook);
                let disk = Arc::new(if has_locks { disk } else { disk.without_locks() });
                let done = writer.run(&Store { disk, ..shop.store.clone() });
                end_of(&running).expect("the step was taken").unwrap();
                *if done.is_ok() { &mut told } else { &mut refused } += 1;
                let when = format!("locks {has_locks}, step {n}");
                check_told(writer, done, &shop.store, &when);
                let live = shop.track.current().unwrap().unwrap();
                assert!(
                    live.blobs.iter().all(|blob| shop.store.check_blob(blob).is_ok()),
                    "{when}"
                );
                // Without locks the clean-up may not know of the rollback that was under way, and take
                // what a server would fall back to behind it.
                if has_locks {
                    check_whole(&shop.store, &when);
                }
            }
        }
        assert!(told > 10 && (refused > 10) == (writer == Writer::Rollback), "{refused}");
    }
}

#[test]
fn a_writer_at_any_step_of_a_clean_up_leaves_no_manifest_without_its_blobs() {
    for writer in [Writer::Publish, Writer::Rollback] {
        let counting = Arc::new(TestDisk::default());
        let shop = old_shop(FIVE);
        let cleaning = Store { disk: counting.clone(), ..shop.store.clone() };
        cleaning.collect(&keeping(1), Removal::Done).unwrap();
        let mut refused = 0;
        for n in 0..counting.steps() {
            let shop = old_shop(FIVE);
            let (hook, running) = beside(&shop.store, move |store| writer.run(store));
            let disk = Arc::new(TestDisk::before_step(n, hook));
            let cleaned = Store { disk, ..shop.store.clone() }.collect(&keeping(1), Removal::Done);
            cleaned.unwrap();
            let done = end_of(&running).expect("the step was taken");
            refused += usize::from(done.is_err());
            check_told(writer, done, &shop.store, &format!("step {n}"));
            check_whole(&shop.store, &format!("step {n}"));
        }
        assert_eq!(refused > 10, writer == Writer::Rollback, "{refused}");
    }
}

/// Where nothing locks, only a second look at its age keeps what a writer names meanwhile.
#[test]
fn without_locks_a_blob_that_was_named_before_its_removal_stays() {
    let without_locks = || TestDisk::default().without_locks();
    let with = |store: &Store, disk: TestDisk| Store { disk: Arc::new(disk), ..store.clone() };
    let (counted, counting) = (old_shop(FIVE), Arc::new(without_locks()));
    let cleaning = Store { disk: counting.clone(), ..counted.store.clone() };
    cleaning.collect(&keeping(1), Removal::Done).unwrap();
    let steps = counting.take_done();
    assert_eq!(steps.last().unwrap(), "sync_dir blobs", "what went is gone after a power cut, too");
    let looked = steps.iter().position(|step| step == "link collected").unwrap();

    let shop = old_shop(FIVE);
    let writing = with(&shop.store, without_locks());
    let name = move || drop(Writer::Publish.run(&writing).unwrap());
    let disk = TestDisk::before_step(looked, name).without_locks();
    with(&shop.store, disk).collect(&keeping(1), Removal::Done).unwrap();
    assert_eq!(left(&shop.store), "c2 c4 c5");
}
