//! Goal: no delta is lost or counts twice, whatever becomes of the night it came in. Method: a source is
//! read and its publish refused, or the process "dies" by dropping what it had in hand.

use super::*;

/// What a source says whole it says again.
#[test]
fn a_whole_input_that_was_not_published_is_not_kept() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a bad"]);
    let pointer = rig.source().pointer().unwrap();
    let store = shelf(&["one"]);
    for is_killed in [false, true] {
        let mut taken = rig.check(&["one"], &State::Read, &["a bad"]);
        taken.wait(Some("refused")).unwrap();
        if !is_killed {
            taken.give_up().unwrap();
        }
        drop(taken);
        assert_eq!(rig.records(), 1 + usize::from(is_killed));
        assert_eq!(rig.previous(&store).unwrap(), ["a b"]);
        rig.settle(&store);
        assert_eq!(rig.records(), 1);
        assert_eq!(rig.source().pending().unwrap(), None);
        assert_eq!(rig.source().pointer().unwrap(), pointer);
    }
}

/// What was live and not known as kept gave way to what was good before, in silence.
#[test]
fn a_crash_after_the_publish_of_a_whole_input_leaves_it_good() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a c"]);
    let mut taken = rig.check(&["one"], &State::Read, &["a c"]);
    taken.wait(None).unwrap();
    taken.wait(Some("two")).unwrap();
    drop(taken);
    let store = shelf(&["one", "two"]);
    // Whether someone wrote it down meanwhile or not.
    for _ in 0..2 {
        assert_eq!(rig.previous(&store).unwrap(), ["a c"]);
        rig.check_on(&store, &State::Unchanged, &["a c"]);
        rig.settle(&store);
    }
    assert_eq!(rig.source().pointer().unwrap().unwrap().current.catalogs, ["two"]);
    let back = Shelf { catalogs: &["one", "two"], left: &["two"] };
    assert_eq!(rig.previous(&back).unwrap(), ["a b"]);
}

/// A source is read whole for once, and that is refused: its delta of before waits on.
#[test]
fn a_whole_input_that_is_refused_leaves_waiting_what_waits() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["c d"]);
    refused(&rig, &["one"], Some("two"), &["a b", "c d"]);
    let whole = Rig { config: Rig::new(Mode::Full).config, ..rig };
    whole.write(&["a x"]);
    let mut taken = whole.check(&["one"], &State::Read, &["a x"]);
    taken.wait(Some("three")).unwrap();
    drop(taken);
    let rig = Rig { config: Rig::new(Mode::Patch).config, ..whole };
    rig.settle(&shelf(&["one"]));
    rig.write(&["e f"]);
    rig.check(&["one"], &State::Read, &["a b", "c d", "e f"]);
    // Had it been published, that would be all that is known.
    let whole = Rig { config: Rig::new(Mode::Full).config, ..rig };
    whole.write(&["a x"]);
    let mut taken = whole.check(&["one"], &State::Read, &["a x"]);
    taken.wait(Some("four")).unwrap();
    drop(taken);
    let rig = Rig { config: Rig::new(Mode::Patch).config, ..whole };
    rig.write(&["e f"]);
    rig.check(&["one", "four"], &State::Read, &["a x", "e f"]);
}

/// Who drops what waits drops nothing that the store has.
#[test]
fn what_was_published_is_settled_and_not_forgotten() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    refused(&rig, &[], Some("one"), &["a b"]);
    let hold = Hold { actor: "ann".to_owned(), reason: String::new(), since: String::new() };
    let error = rig.source().hold(&hold, &shelf(&[])).unwrap_err();
    assert!(matches!(error, CacheError::NothingKept { .. }), "{error}");
    rig.source().hold(&hold, &shelf(&["one"])).unwrap();
    rig.source().release().unwrap();
    rig.settle(&shelf(&["one"]));
    let error = rig.source().forget_pending().unwrap_err();
    assert!(matches!(error, CacheError::NothingPending { .. }), "{error}");
    rig.write(&["c d"]);
    rig.check(&["one"], &State::Read, &["a b", "c d"]);
}

/// A source that nobody reads tonight keeps no other from its publish.
#[test]
fn a_damaged_source_is_passed_over_when_others_are_settled() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    refused(&rig, &[], Some("one"), &["a b"]);
    let other = rig.cache().source("another").unwrap();
    fs::create_dir(&other.dir).unwrap();
    put(&other.dir.join("pointer.json"), b"damaged");
    rig.settle(&shelf(&["one"]));
    assert!(rig.source().pointer().unwrap().is_some());
}

/// Reads a delta and loses the publish; `catalog` is what was to be published, if it came so far.
#[track_caller]
fn refused(rig: &Rig, store: &[&str], catalog: Option<&str>, links: &[&str]) {
    let mut taken = rig.check(store, &State::Read, links);
    taken.wait(None).unwrap();
    if catalog.is_some() {
        taken.wait(catalog).unwrap();
    }
}

/// A night was refused because of another source, and its delta never came again: it was lost.
#[test]
fn a_delta_of_a_night_that_was_refused_goes_into_the_next_publish() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b", "c d"]);
    rig.publish(&[], "one", &["a b", "c d"]);
    rig.write(&["a e"]);
    refused(&rig, &["one"], Some("two"), &["c d", "a e"]);
    // So does that of a night on which another source could not even be read.
    rig.write(&["f g"]);
    refused(&rig, &["one"], None, &["c d", "a e", "f g"]);
    // The same files again change nothing: they are not even read.
    let taken = rig.check(&["one"], &State::Unchanged, &["c d", "a e", "f g"]);
    assert_eq!(taken.waited.as_deref(), Some("2026-11-27T20:00:00Z"));
    assert_eq!(rig.records(), 2, "what is good and what waits");
    rig.write(&["h i"]);
    rig.publish(&["one"], "three", &["c d", "a e", "f g", "h i"]);
    assert_eq!((rig.source().pending().unwrap(), rig.records()), (None, 2));
    // And the first publish of a source may be the one that is refused.
    let rig = Rig::new(Mode::Append);
    rig.write(&["a b"]);
    refused(&rig, &[], Some("one"), &["a b"]);
    rig.write(&["a c"]);
    rig.publish(&[], "two", &["a b", "a c"]);
}

/// Files that are still there are read again; what they say counts once.
#[test]
fn a_delta_that_waits_and_is_read_again_counts_once() {
    for mode in [Mode::Replace, Mode::Patch, Mode::Append] {
        // Files that were written just now are read each time.
        let rig = Rig { clock: SystemTime::UNIX_EPOCH, ..Rig::new(mode) };
        rig.write(&["a b", "c d"]);
        rig.publish(&[], "one", &["a b", "c d"]);
        rig.write(&["a e", "f g"]);
        let (mut taken, first) = rig.try_take(&shelf(&["one"]), false).unwrap();
        taken.wait(Some("two")).unwrap();
        let (again, second) = rig.try_take(&shelf(&["one"]), false).unwrap();
        assert_eq!(again.state, State::Read);
        assert_eq!(second.links, first.links, "{mode:?}");
        assert_eq!(again.entry.records, taken.entry.records, "{mode:?}");
    }
}

/// What was found in what waits is found until someone lets it pass, and once, however often its files
/// are read.
#[test]
fn findings_of_what_waits_are_said_again_once_each() {
    let rig = Rig { clock: SystemTime::UNIX_EPOCH, ..Rig::new(Mode::Patch) };
    let found = |links: &[&str], store: &[&str]| {
        rig.write(links);
        let (mut taken, links) = rig.try_take(&shelf(store), false).unwrap();
        taken.wait(None).unwrap();
        (taken, links.findings)
    };
    let night = |links: &[&str]| found(links, &["one"]).1;
    found(&["a b"], &[]).0.keep("one").unwrap();
    assert_eq!(night(&["c d", " c"]), 1);
    assert_eq!(night(&["c d", " c"]), 1, "the same file again");
    assert_eq!(night(&["c e"]), 1, "a clean delta");
    assert_eq!(night(&["c f", "a g", " c"]), 2, "another row is at fault");
    let (taken, findings) = found(&["c f"], &["one"]);
    assert_eq!(findings, 2);
    taken.keep("two").unwrap();
    assert_eq!(found(&["c g"], &["one", "two"]).1, 0);
}

/// What waits is taken back by what comes next; then that waits, though it ends where all began.
#[test]
fn a_delta_that_takes_back_what_waits_is_not_lost() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a bad"]);
    refused(&rig, &["one"], Some("two"), &["a bad"]);
    rig.write(&["a b"]);
    refused(&rig, &["one"], Some("three"), &["a b"]);
    rig.write(&["c d"]);
    rig.check(&["one"], &State::Read, &["a b", "c d"]);
}

/// The delta brings back the catalog of the day before yesterday, and is refused: that this catalog
/// was published once says nothing of it.
#[test]
fn a_catalog_of_before_does_not_make_good_what_waits() {
    let rig = Rig::new(Mode::Patch);
    for (number, target) in ["b", "c"].into_iter().enumerate() {
        rig.write(&[&format!("a {target}")]);
        rig.publish(&["one", "two"][..number], ["one", "two"][number], &[&format!("a {target}")]);
    }
    rig.write(&["a b"]);
    refused(&rig, &["one", "two"], Some("one"), &["a b"]);
    rig.write(&["c d"]);
    rig.check(&["one", "two"], &State::Read, &["a b", "c d"]);
}

#[test]
fn what_waits_can_be_forgotten() {
    let rig = Rig::new(Mode::Patch);
    let error = rig.source().forget_pending().unwrap_err();
    assert!(matches!(error, CacheError::NothingPending { .. }), "{error}");
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a bad"]);
    refused(&rig, &["one"], Some("two"), &["a bad"]);
    // Taken as it was, the source leaves waiting what waits.
    let (taken, _) = rig.try_take(&shelf(&["one"]), true).unwrap();
    taken.keep("one").unwrap();
    assert!(rig.source().pending().unwrap().is_some());
    rig.source().forget_pending().unwrap();
    assert_eq!(rig.records(), 1);
    rig.write(&["c d"]);
    rig.publish(&["one"], "three", &["a b", "c d"]);
}

/// Who died between the publish and the pointer finds in the store what became of it.
#[test]
fn a_crash_after_the_publish_loses_no_delta() {
    for mode in [Mode::Replace, Mode::Patch, Mode::Append] {
        let rig = Rig::new(mode);
        rig.write(&["a b"]);
        rig.publish(&[], "one", &["a b"]);
        rig.write(&["c d"]);
        let (mut taken, expected) = rig.try_take(&shelf(&["one"]), false).unwrap();
        taken.wait(Some("two")).unwrap();
        drop(taken);
        // A look at it writes nothing.
        let pointer = rig.source().pointer().unwrap();
        let taken = rig.check(&["one", "two"], &State::Unchanged, &expected.texts());
        assert_eq!(taken.waited, None, "it was published");
        assert_eq!(rig.source().pointer().unwrap(), pointer);
        // The next night refuses: both the pointer and what waits then are right.
        rig.write(&["e f"]);
        let (mut taken, more) = rig.try_take(&shelf(&["one", "two"]), false).unwrap();
        taken.wait(Some("three")).unwrap();
        drop(taken);
        let pointer = rig.source().pointer().unwrap().unwrap();
        assert_eq!(pointer.current.catalogs, ["two"]);
        rig.check(&["one", "two"], &State::Unchanged, &more.texts()).keep("four").unwrap();
        assert_eq!(rig.source().pending().unwrap(), None);
    }
}

/// Published, and then rolled back before anyone wrote the pointer: no compile takes it for good.
#[test]
fn a_crash_before_a_rollback_does_not_bring_back_what_was_rolled_back() {
    let rig = Rig::new(Mode::Append);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a bad"]);
    refused(&rig, &["one"], Some("two"), &["a b", "a bad"]);
    let back = Shelf { catalogs: &["one", "two"], left: &["two"] };
    assert_eq!(rig.previous(&back).unwrap(), ["a b"]);
    rig.write(&["a c"]);
    rig.publish_on(&back, "three", &["a b", "a c"]);
}

/// Nobody knows which part of what waits is still wanted.
#[test]
fn what_waits_on_what_a_rollback_took_away_is_refused_until_it_is_forgotten() {
    let rig = Rig::new(Mode::Patch);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a c"]);
    rig.publish(&["one"], "two", &["a c"]);
    rig.write(&["d e"]);
    refused(&rig, &["one", "two"], Some("three"), &["a c", "d e"]);
    let back = Shelf { catalogs: &["one", "two"], left: &["two"] };
    let error = rig.try_take(&back, false).unwrap_err().to_string();
    assert!(error.contains("`kindred source drop shop` forgets what waits"), "{error}");
    assert_eq!(rig.previous(&back).unwrap(), ["a b"]);
    rig.source().forget_pending().unwrap();
    rig.check_on(&back, &State::Read, &["a b", "d e"]);
}
