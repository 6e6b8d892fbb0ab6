//! Goal: inside one source the later event holds, field by field, and a resync replaces what the
//! source said up to its sequence and nothing else. Method: stories in words.

use super::{rig::*, shop::shop};
use crate::stock::{
    StockError,
    entry::Entry,
    state::{Outcome, State, Touched},
};

fn rig() -> Rig {
    Rig::new(&shop("a\nb\nc"))
}

const APPLIED: Outcome = Outcome::Batch { applied: 1, stale: 0, gap: 0 };
const STALE: Outcome = Outcome::Batch { applied: 0, stale: 1, gap: 0 };

#[test]
fn an_older_event_never_replaces_a_later_one() {
    let mut rig = rig();
    assert_eq!(rig.batch("pos 1: a 5 @10"), APPLIED);
    assert_eq!(rig.batch("pos 2: a 1 @9"), STALE);
    assert_eq!(rig.stock("a", "main"), "5");
    assert_eq!(rig.batch("pos 3: a 1 @11"), APPLIED);
    assert_eq!(rig.stock("a", "main"), "1");
}

#[test]
fn of_equal_events_the_later_sequence_holds_in_whatever_order_they_come() {
    let mut rig = rig();
    rig.batch("pos 3: a 5 @10");
    assert_eq!(rig.batch("pos 2: a 1 @10"), Outcome::Batch { applied: 0, stale: 1, gap: 1 });
    assert_eq!(rig.stock("a", "main"), "5");
    assert_eq!(rig.batch("pos 4: a 2 @10"), APPLIED);
    assert_eq!(rig.stock("a", "main"), "2");
    // Inside one batch the later update holds.
    rig.batch("pos 5: b 5 @10, b 1 @10");
    assert_eq!(rig.stock("b", "main"), "1");
}

#[test]
fn each_field_has_its_own_age_and_an_absent_one_stays() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10");
    rig.batch("pos 2: a q=3 $eu=100 @20");
    assert_eq!(rig.batch("pos 3: a 1 q=4 $eu=90 @15"), APPLIED);
    assert_eq!(rig.stock("a", "main"), "1 q=3");
    assert_eq!(rig.price("a", 0), Some(100));
    assert_eq!(rig.batch("pos 4: a q=1 $eu=80 @15"), STALE);
}

#[test]
fn since_changes_only_when_the_state_does() {
    let mut rig = rig();
    let since = |rig: &Rig| rig.state.readings(0).stock[0].state.unwrap().value.since_us / S;
    rig.batch("pos 1: a 5 @10");
    rig.batch("pos 2: a 5 @20");
    assert_eq!(since(&rig), 10);
    rig.batch("pos 3: a 1 @30");
    assert_eq!(since(&rig), 30);
    rig.batch("pos 4: a 1 @25");
    assert_eq!(since(&rig), 30);
    // A resync that says the same is no change either.
    rig.replace("pos 5: a 1 @40");
    assert_eq!(since(&rig), 30);
    rig.replace("pos 6: a 5 @41");
    assert_eq!(since(&rig), 41);
}

#[test]
fn a_repeated_batch_changes_nothing() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10");
    assert_eq!(rig.batch("pos 1: a 1 @20"), Outcome::Repeated);
    assert_eq!(rig.stock("a", "main"), "5");
}

#[test]
fn a_resync_replaces_what_its_source_said_and_leaves_the_others() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10, b 5 @10, b $eu=100 @10");
    rig.batch("wms 1: b 2 @5");
    // An older event counts here: the source says anew what it believes.
    let done = rig.replace("pos 4: a 1 @9, c 5 @9, c@east q=7 @9");
    assert_eq!(done, Outcome::Replaced { applied: 3, removed: 2 });
    let found = ["a", "b", "c"].map(|id| rig.stock(id, "east"));
    assert_eq!(found, ["1", "2", "5 q=7"]);
    assert_eq!(rig.price("b", 0), None);
    let position = rig.state.feeds.get(0).to_position();
    assert_eq!((position.sequence, position.applied_beyond_gap), (4, 0));
}

/// An item that was rejected says something of its product: once its readings went with those of
/// products of which the resync said nothing, and a sold-out product was sold again.
#[test]
fn a_resync_keeps_what_it_does_not_replace_of_the_products_it_is_told_to_keep() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 q=0 @10, a@east 5 @10, a $eu=9 @10, b 5 @10, c 5 @10");
    rig.batch("wms 1: b@east 2 @10");
    let done = rig.replace_keeping("pos 2: a 1 @9", &["a", "b", "nobody"]);
    assert_eq!(done, Outcome::Replaced { applied: 1, removed: 1 });
    let found = ["a", "b", "c"].map(|id| rig.stock(id, "main"));
    assert_eq!(found, ["1 q=0", "5", "-"]);
    assert_eq!((rig.stock("a", "east").as_str(), rig.price("a", 0)), ("5 q=0", Some(9)));
    // They are as they were: the next one, which keeps nothing, takes them back.
    assert_eq!(rig.replace("pos 3: c 1 @9"), Outcome::Replaced { applied: 1, removed: 4 });
    assert_eq!(["a", "b", "c"].map(|id| rig.stock(id, "main")), ["-", "-", "1"]);
}

/// A feed that sent fresh ids with every resync once left two million names in memory each time, until
/// the numbers of names ended, and the writer with them.
#[test]
fn resyncs_of_fresh_ids_leave_no_names_behind() {
    let mut rig = rig();
    rig.batch("wms 1: z 5 @10, A 5 @10, c 5 @10");
    for round in 1..20 {
        let ids = (0..9).map(|id| format!("r{round}-{id} 5 @10")).collect::<Vec<_>>();
        rig.replace(&format!("pos {round}: {}, b 2 @10", ids.join(", ")));
        rig.forget();
        // Those of this round, as many without readings, and the three others.
        assert!(rig.state.products.len() <= 2 * (10 + 3), "{}", rig.state.products.len());
    }
    assert_eq!(["b", "c"].map(|id| rig.stock(id, "main")), ["2", "5"]);
    rig.replace("pos 99:");
    assert!(rig.forget());
    let names = (0..).map(|number| rig.state.products.name(number)).take(rig.state.products.len());
    assert_eq!(names.collect::<Vec<_>>(), ["z", "A", "c"], "in the order of first mention");
    // One that was forgotten may come again.
    rig.batch("pos 100: b 3 @10, c 4 @11");
    assert_eq!(["b", "c"].map(|id| rig.stock(id, "main")), ["3", "4"]);
    assert!(!rig.forget());
}

#[test]
fn products_are_forgotten_only_where_they_are_many_and_more_than_the_others() {
    let mut rig = rig();
    rig.batch("pos 1: p 1 @1, q 1 @1, r 1 @1");
    rig.batch("wms 1: a 1 @1, b 1 @1, c 1 @1");
    rig.replace("pos 2:");
    assert!(!rig.state.forget_idle(0), "three of six are not more than half");
    rig.batch("pos 3: s 1 @1");
    rig.replace("pos 4:");
    assert!(!rig.state.forget_idle(4), "four are not more than four");
    assert_eq!(rig.state.products.len(), 7);
    assert!(rig.forget());
    assert_eq!(rig.state.products.len(), 3);
}

#[test]
fn each_feed_counts_its_readings() {
    let mut rig = rig();
    let counts =
        |state: &State| state.feeds.iter().map(|feed| feed.reading_count).collect::<Vec<_>>();
    rig.batch("pos 1: a 5 @10, a q=1 @11, b $eu=9 @10, b@east 5 @10");
    rig.batch("wms 1: a 5 @10");
    assert_eq!(counts(&rig.state), [3, 1]);
    rig.replace("pos 2: a 5 @12, c 5 @12");
    assert_eq!(counts(&rig.state), [2, 1]);
    let mut restored = State::default();
    rig.state.pieces().for_each(|piece| restored.take_piece(&piece).unwrap());
    assert_eq!(counts(&restored), [2, 1]);
    rig.replace("pos 3:");
    assert_eq!(counts(&rig.state), [0, 1]);
    assert_eq!(rig.projection.view().positions()[0].sequence, 3);
}

#[test]
fn a_resync_keeps_what_came_while_it_was_on() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10, b 5 @10");
    // The resync is of sequence 2; 3 came before its end.
    rig.batch("pos 3: a 2 @30, c q=4 @30");
    let done = rig.replace("pos 2: a 1 @20, b 1 @40");
    assert_eq!(done, Outcome::Replaced { applied: 1, removed: 0 });
    let found = ["a", "b", "c"].map(|id| rig.stock(id, "main"));
    assert_eq!(found, ["2", "1", "q=4"]);
    // It closed the gap to what came.
    let position = rig.state.feeds.get(0).to_position();
    assert_eq!((position.sequence, position.applied_beyond_gap), (3, 0));
}

#[test]
fn a_resync_removes_one_field_of_a_row_and_keeps_a_later_one() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10");
    rig.batch("pos 2: a q=2 @20");
    assert_eq!(rig.replace("pos 1:"), Outcome::Replaced { applied: 0, removed: 0 });
    assert_eq!(rig.stock("a", "main"), "q=2");
    assert_eq!(rig.replace("pos 9:"), Outcome::Replaced { applied: 0, removed: 1 });
    assert_eq!(rig.stock("a", "main"), "-");
    assert_eq!(rig.state.reading_count(), 0);
}

#[test]
fn a_resync_behind_the_feed_keeps_its_position() {
    let mut rig = rig();
    for sequence in 1..=3 {
        rig.batch(&format!("pos {sequence}: a 5 @{sequence}"));
    }
    rig.replace("pos 2: b 5 @1");
    assert_eq!(rig.state.feeds.get(0).to_position().sequence, 3);
    assert_eq!(["a", "b"].map(|id| rig.stock(id, "main")), ["5", "5"]);
}

#[test]
fn an_incomplete_resync_counts_for_nothing() {
    let mut rig = rig();
    rig.batch("pos 1: a 5 @10");
    let whole = parts(&batch("pos 2: a 1 @20, b 1 @20, c 1 @20"), 1);
    rig.apply(&whole[0]).unwrap();
    rig.apply(&whole[1]).unwrap();
    assert_eq!(rig.stock("a", "main"), "5");
    // A crash cut the last part off, and the feed went on.
    rig.batch("pos 2: b 2 @30");
    assert_eq!(rig.apply(&whole[2]), Ok(Outcome::Part));
    assert_eq!(["a", "b", "c"].map(|id| rig.stock(id, "main")), ["5", "2", "-"]);
    // A part is missing, or of another resync.
    rig.apply(&whole[0]).unwrap();
    assert_eq!(rig.apply(&whole[2]), Ok(Outcome::Part));
    rig.apply(&whole[0]).unwrap();
    let other = parts(&batch("pos 9: a 1 @20, b 1 @20"), 1);
    assert_eq!(rig.apply(&other[1]), Ok(Outcome::Part));
    assert_eq!(rig.stock("a", "main"), "5");
    // From its beginning it is taken, also over the batch of its own sequence.
    for entry in &whole {
        rig.apply(entry).unwrap();
    }
    assert_eq!(["a", "b", "c"].map(|id| rig.stock(id, "main")), ["1", "1", "1"]);
}

#[test]
fn applying_the_same_entries_gives_the_same_pieces() {
    let entries = [
        vec![Entry::Batch(batch("pos 1: a 5 @10, b@east q=2 @11")), block(&["a"], &[], 1, 5)],
        parts(&batch("wms 7: c 1 @20, b $us=300 @20, a 2 @3"), 2),
        vec![block(&["b"], &["us"], 6, i64::MAX), unblock(&["a"], 7)],
    ]
    .concat();
    let run = || {
        let mut state = State::default();
        for entry in &entries {
            state.apply(entry, &mut Touched::default()).unwrap();
        }
        state.pieces().collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

/// Rows that stood already once counted as new ones, so that a full server took no update at all.
#[test]
fn only_readings_that_are_new_need_room() {
    let mut rig = rig();
    rig.state.readings_max = 5;
    rig.batch("pos 1: a 5 @10, a $eu=1 @10, b 5 @10");
    rig.batch("wms 1: a 5 @10");
    let refused = Err(StockError::TooManyReadings);
    let batch = |rig: &mut Rig, words| rig.apply(&Entry::Batch(batch(words)));
    // Two more; then the same ones, and one of them twice.
    assert_eq!(batch(&mut rig, "pos 2: c 5 @10, c@east 5 @10"), refused);
    assert_eq!(
        batch(&mut rig, "pos 2: c 5 @10, c 1 @11, c q=1 @11, a 1 @11").ok(),
        Some(Outcome::Batch { applied: 4, stale: 0, gap: 0 })
    );
    assert_eq!(rig.state.reading_count(), 5);
    for more in ["pos 3: c $us=1 @12", "wms 3: b 5 @12", "new 3: a 5 @12", "pos 3: d 5 @12"] {
        assert_eq!(batch(&mut rig, more), refused, "{more}");
    }
    batch(&mut rig, "pos 3: a 5 q=9 @12, a $eu=2 @12, b 1 @12").unwrap();
    assert_eq!(rig.state.reading_count(), 5);
}

#[test]
fn a_resync_needs_room_for_what_stands_after_it() {
    let mut rig = rig();
    rig.state.readings_max = 5;
    rig.batch("wms 1: a 5 @10");
    rig.batch("pos 1: a 5 @10, b 5 @10, c 5 @10");
    rig.batch("pos 9: d 5 @10");
    let check = |words: &str, keeps: &[&str]| {
        let keeps = keeps.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let whole = batch(words);
        let (source, sequence) = (&whole.source, whole.sequence);
        rig.state.check_replace(source, sequence, &keeps, whole.updates.iter())
    };
    let refused = Err(StockError::TooManyReadings);
    // Beside that of wms and the one that came later there is room for three.
    assert_eq!(check("pos 5: x 1 @1, y 1 @1, z 1 @1", &[]), Ok(()));
    assert_eq!(check("pos 5: x 1 @1, y 1 @1, z 1 @1, d 1 @1, z q=1 @1", &[]), Ok(()));
    assert_eq!(check("pos 5: x 1 @1, y 1 @1, z 1 @1, a 1 @1", &[]), refused);
    assert_eq!(check("pos 9: x 1 @1, y 1 @1, z 1 @1, a 1 @1", &[]), Ok(()));
    // Two of them are kept.
    assert_eq!(check("pos 5: a 1 @1, b 1 @1, z 1 @1", &["a", "b"]), Ok(()));
    assert_eq!(check("pos 5: a 1 @1, y 1 @1, z 1 @1", &["a", "b"]), refused);
    assert_eq!(check("new 1: a 1 @1", &[]), refused);
    assert_eq!(
        rig.replace("pos 5: x 1 @1, y 1 @1, z 1 @1"),
        Outcome::Replaced { applied: 3, removed: 3 }
    );
    assert_eq!(rig.state.reading_count(), 5);
}
