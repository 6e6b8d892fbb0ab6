//! Goal: what is good of a source is what the newest catalog of the store was made of, or nothing.
//! Method: nights are published and rolled back, and the source is taken as it was.

use super::*;

#[test]
fn as_many_entries_as_the_limit_are_kept_and_no_more() {
    let rig = Rig::new(Mode::Full);
    let catalogs = (0..=CACHE_ENTRIES_MAX).map(|number| format!("n{number}")).collect::<Vec<_>>();
    let catalogs = catalogs.iter().map(String::as_str).collect::<Vec<_>>();
    for (number, catalog) in catalogs.iter().enumerate() {
        let link = format!("a {catalog}");
        rig.write(&[&link]);
        rig.publish(&catalogs[..number], catalog, &[&link]);
        assert_eq!(rig.records(), (number + 1).min(CACHE_ENTRIES_MAX));
    }
    // A rollback over seven changes finds what was live then; over eight, nothing, and says so.
    let back_to = |number: usize| Shelf { catalogs: &catalogs, left: &catalogs[number + 1..] };
    assert_eq!(rig.previous(&back_to(1)).unwrap(), ["a n1"]);
    let error = rig.previous(&back_to(0)).unwrap_err();
    assert!(matches!(error, CacheError::NotOfStore { .. }), "{error}");
}

/// Seven exports of the same content, each with another time of its file, took the places of the
/// content before: no rollback to it found its records.
#[test]
fn files_that_were_only_touched_take_no_place_of_a_change() {
    let rig = Rig::new(Mode::Full);
    let path = rig.tables().join("relations.csv");
    let mut published = Vec::new();
    for number in 0..2 * CACHE_ENTRIES_MAX {
        let (link, catalog) = if number == 0 { ("a b", "one") } else { ("a c", "two") };
        rig.write(&[link]);
        let file = File::options().write(true).open(&path).unwrap();
        let seconds = u64::try_from(number).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        rig.publish(&published, catalog, &[link]);
        published.push(catalog);
    }
    assert_eq!(rig.records(), CACHE_ENTRIES_MAX);
    let back = Shelf { catalogs: &["one", "two"], left: &["two"] };
    assert_eq!(rig.previous(&back).unwrap(), ["a b"]);
    assert_eq!(rig.previous(&shelf(&["one", "two"])).unwrap(), ["a c"]);
}

#[test]
fn the_same_records_are_one_entry_with_all_its_catalogs() {
    let rig = Rig::new(Mode::Full);
    let nights = [("one", "a bb"), ("two", "a c"), ("three", "a bb"), ("four", "a bb")];
    for (number, (catalog, link)) in nights.into_iter().enumerate() {
        rig.write(&[link]);
        // The time of a file is part of what it says.
        let file = File::options().write(true).open(rig.tables().join("relations.csv")).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let published = nights[..number].iter().map(|(catalog, _)| *catalog).collect::<Vec<_>>();
        let (taken, _) = rig.try_take(&shelf(&published), false).unwrap();
        taken.keep(catalog).unwrap();
    }
    let pointer = rig.source().pointer().unwrap().unwrap();
    assert_eq!(pointer.current.catalogs, ["one", "three", "four"]);
    assert_eq!(pointer.earlier.iter().map(|entry| &entry.catalogs).collect::<Vec<_>>(), [&["two"]]);
    assert_eq!(rig.records(), 2);
}

/// After two bad nights and a rollback to before both, "last good" was the first bad one: the pointer
/// knew two entries and took the newer one where neither fitted.
#[test]
fn after_a_rollback_over_two_changes_the_good_entry_counts() {
    for mode in Mode::ALL {
        let rig = Rig::new(mode);
        rig.write(&["a b", "c d"]);
        rig.publish(&[], "one", &["a b", "c d"]);
        let all = ["one", "two", "three"];
        for (number, bad) in ["a bad", "a worse"].into_iter().enumerate() {
            rig.write(&[bad]);
            let (taken, _) = rig.try_take(&shelf(&all[..=number]), false).unwrap();
            taken.keep(all[number + 1]).unwrap();
        }
        let store = Shelf { catalogs: &all, left: &all[1..] };
        assert_eq!(rig.previous(&store).unwrap(), ["a b", "c d"], "{mode:?}");
        // The next input meets it, too; and the same input that was bad is read again.
        rig.write(&["a e"]);
        let (_, links) = rig.try_take(&store, false).unwrap();
        let bad = links.links.iter().any(|link| link.contains("bad") || link.contains("worse"));
        assert!(!bad && links.links.contains(&"a e".to_owned()), "{mode:?}: {:?}", links.links);
    }
}

/// A catalog that was made without the cache tells nothing of the source: the one before does.
#[test]
fn a_catalog_that_the_cache_does_not_know_is_passed_over_and_a_store_of_such_is_refused() {
    let rig = Rig::new(Mode::Append);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    assert_eq!(rig.previous(&shelf(&["one", "by hand"])).unwrap(), ["a b"]);
    assert_eq!(rig.previous(&shelf(&[])).unwrap(), ["a b"], "a store that is to be filled anew");
    rig.write(&["a c"]);
    for previous in [true, false] {
        let error = rig.try_take(&shelf(&["by hand"]), previous).unwrap_err().to_string();
        assert!(error.contains("`kindred source use shop HASH` says which"), "{error}");
    }
    // Who knows better says so.
    let hash = rig.source().pointer().unwrap().unwrap().current.records.to_string();
    for prefix in ["", "x", &format!("{hash}0")] {
        let found = rig.source().use_entry(prefix, "by hand").map(|entry| entry.read_at);
        assert_eq!(found.is_ok(), prefix.is_empty(), "{prefix}: one entry has any beginning");
    }
    rig.check(&["by hand"], &State::Read, &["a b", "a c"]);
}

/// What the input says is all there is: nothing that is kept has to be good for it.
#[test]
fn a_whole_input_needs_nothing_of_before() {
    let rig = Rig::new(Mode::Full);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.check(&["by hand"], &State::Unchanged, &["a b"]);
    rig.write(&["a c"]);
    rig.check(&["by hand"], &State::Read, &["a c"]);
}

/// A rollback takes back the entry, too: what comes next meets what is live.
#[test]
fn after_a_rollback_the_entry_before_is_good() {
    let rig = Rig::new(Mode::Append);
    rig.write(&["a b"]);
    rig.publish(&[], "one", &["a b"]);
    rig.write(&["a bad"]);
    rig.publish(&["one"], "two", &["a b", "a bad"]);
    let back = Shelf { catalogs: &["one", "two"], left: &["two"] };
    assert_eq!(rig.previous(&back).unwrap(), ["a b"]);
    assert_eq!(rig.previous(&shelf(&["one", "two"])).unwrap(), ["a b", "a bad"]);
    rig.write(&["a c"]);
    rig.publish_on(&back, "three", &["a b", "a c"]);
}
