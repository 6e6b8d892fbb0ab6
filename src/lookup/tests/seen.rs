//! Goal: the set of seen ordinals is a set, round after round. Method: random rounds against a
//! `HashSet`, through growth and through the wrap of the round counter.

use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};

use crate::lookup::places::Places;

/// Close ordinals, far ones, and some that differ in their high bits only.
fn ordinals() -> impl Strategy<Value = u32> {
    prop_oneof![0..40_u32, any::<u32>(), (0..40_u32).prop_map(|high| high << 26)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rounds_are_sets_of_their_own(
        rounds in vec(vec(ordinals(), 0..200), 1..20),
        before_wrap in 0..10_u32,
    ) {
        let mut seen = Places::default();
        // Slots that older rounds left must mean nothing when the numbers of rounds begin anew.
        seen.begin(200);
        seen.round = u32::MAX - before_wrap;
        for round in rounds {
            seen.begin(round.len());
            let mut model = HashSet::new();
            for ordinal in round {
                prop_assert_eq!(seen.insert(ordinal), model.insert(ordinal), "{}", ordinal);
            }
        }
    }

    #[test]
    fn a_set_grows_to_the_largest_round(sizes in vec(0..5_000_usize, 1..6)) {
        let mut seen = Places::default();
        for size in sizes {
            seen.begin(size);
            for ordinal in 0..u32::try_from(size).unwrap() {
                prop_assert!(seen.insert(ordinal));
                prop_assert!(!seen.insert(ordinal / 2));
            }
        }
    }
}

#[test]
fn an_ordinal_is_new_once() {
    let mut seen = Places::default();
    seen.begin(2);
    assert_eq!(
        [0, 0, u32::MAX, u32::MAX, 0].map(|one| seen.insert(one)),
        [true, false, true, false, false]
    );
    seen.begin(2);
    assert!(seen.insert(0));
}

/// The slot of an ordinal was made of 16 bits of its hash: with more than 65,536 slots, which a
/// request for every type of a deep variant asks for, the rest stayed empty and probes grew long.
#[test]
fn many_ordinals_spread_over_many_slots() {
    let mut seen = Places::default();
    seen.begin(160_000);
    let slots = (0..160_000).map(|ordinal| seen.home(ordinal)).collect::<HashSet<_>>();
    assert!(slots.len() > 100_000, "{} slots", slots.len());
}
