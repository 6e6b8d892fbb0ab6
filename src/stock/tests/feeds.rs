//! Goal: positions, gaps and repeats are those of the sequences that came, in whatever order.
//! Method: small stories, the limits, and a set of numbers as a model.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use crate::{
    model::limits::{FEED_GAPS_MAX, FEEDS_MAX},
    stock::{
        StockError,
        feeds::{Admission, Feeds},
    },
};

/// `position + beyond` after the sequences came, and the gap before the last (`repeated` if it was).
fn check(sequences: &[u64], expected: (u64, u32, Option<u64>)) {
    let mut feeds = Feeds::default();
    let mut last = None;
    for sequence in sequences {
        last = Some(feeds.admit("pos", *sequence).unwrap().1);
    }
    let gap = match last.unwrap() {
        Admission::Repeated => None,
        Admission::New { gap } => Some(gap),
    };
    let position = feeds.get(0).to_position();
    assert_eq!(
        (position.sequence, position.applied_beyond_gap, gap),
        expected,
        "after {sequences:?}"
    );
}

#[test]
fn the_position_is_the_highest_sequence_without_a_gap_before_it() {
    check(&[1], (1, 0, Some(0)));
    check(&[1, 2, 3], (3, 0, Some(0)));
    check(&[3], (0, 1, Some(2)));
    check(&[1, 5], (1, 1, Some(3)));
    check(&[1, 5, 6], (1, 2, Some(0)));
    check(&[1, 5, 3], (1, 2, Some(1)));
    check(&[1, 5, 3, 4], (1, 3, Some(0)));
    check(&[1, 5, 3, 4, 2], (5, 0, Some(0)));
    check(&[1, 4, 6, 2, 3], (4, 1, Some(0)));
    check(&[5, 4], (0, 2, Some(3)));
    check(&[u64::MAX], (0, 1, Some(u64::MAX - 1)));
}

#[test]
fn a_repeated_sequence_is_known_before_and_beyond_a_gap() {
    check(&[1, 2, 1], (2, 0, None));
    check(&[1, 5, 5], (1, 1, None));
    check(&[1, 5, 6, 7, 6], (1, 3, None));
    check(&[1, 5, 6, 7, 4, 5], (1, 4, None));
}

#[test]
fn one_gap_too_many_asks_for_a_resync_and_counts_for_nothing() {
    let mut feeds = Feeds::default();
    let runs = u64::try_from(FEED_GAPS_MAX).unwrap();
    for run in 1..=runs {
        feeds.admit("pos", 2 * run).unwrap();
    }
    let before = feeds.clone();
    let refused = feeds.admit("pos", 2 * runs + 2).unwrap_err();
    assert_eq!(refused, StockError::TooManyGaps { source_id: "pos".to_owned(), position: 0 });
    assert!(refused.to_string().contains("send ReplaceAvailability"));
    assert_eq!(feeds, before);
    // What makes no further run is taken.
    feeds.admit("pos", 2 * runs + 1).unwrap();
    feeds.admit("pos", 3).unwrap();
    feeds.admit("pos", 2 * runs + 3).unwrap();
    // A resync clears the way.
    feeds.get_mut(0).advance(2 * runs + 3);
    assert_eq!(feeds.get(0).to_position().sequence, 2 * runs + 3);
    assert_eq!(feeds.get(0).to_position().applied_beyond_gap, 0);
}

#[test]
fn one_source_too_many_is_refused() {
    let mut feeds = Feeds::default();
    for source in 0..FEEDS_MAX {
        feeds.admit(&format!("s{source}"), 1).unwrap();
    }
    let source_id = "more".to_owned();
    assert_eq!(feeds.admit("more", 1), Err(StockError::TooManyFeeds { source_id }));
    feeds.admit("s0", 2).unwrap();
    assert_eq!(feeds.len(), FEEDS_MAX);
}

#[test]
fn positions_are_sorted_by_source() {
    let mut feeds = Feeds::default();
    for source in ["wms", "erp", "pos"] {
        feeds.admit(source, 1).unwrap();
    }
    let sources = feeds.positions().iter().map(|at| at.source_id.to_string()).collect::<Vec<_>>();
    assert_eq!(sources, ["erp", "pos", "wms"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_order_gives_what_a_set_of_sequences_gives(
        steps in vec((1..40_u64, prop::bool::weighted(0.1)), 1..60),
    ) {
        let (mut feeds, mut seen) = (Feeds::default(), BTreeSet::new());
        for (sequence, is_resync) in steps {
            if is_resync {
                feeds.open("pos").unwrap();
                feeds.get_mut(0).advance(sequence);
                seen.extend(1..=sequence);
            } else {
                let below = seen.range(..=sequence).next_back().copied().unwrap_or(0);
                let expected = match seen.insert(sequence) {
                    true => Admission::New { gap: sequence - below - 1 },
                    false => Admission::Repeated,
                };
                prop_assert_eq!(feeds.admit("pos", sequence).unwrap().1, expected);
            }
            let position = (0..).find(|at| !seen.contains(&(at + 1))).unwrap();
            let beyond = u32::try_from(seen.range(position + 1..).count()).unwrap();
            let found = feeds.get(0).to_position();
            prop_assert_eq!((found.sequence, found.applied_beyond_gap), (position, beyond));
        }
    }
}
