//! The set of what a list holds.

use crate::{index::Ordinal, lookup::kept::Kept};

#[test]
fn a_set_has_what_was_put_in_and_nothing_else() {
    let mut kept = Kept::default();
    for round in 0..3 {
        kept.begin();
        // As many as a list has at most, picks and pins.
        for product in (round..400).step_by(2) {
            assert!(!kept.has(Ordinal(product)), "{product} is not in yet");
            kept.insert(Ordinal(product));
            assert!(kept.has(Ordinal(product)) && !kept.has(Ordinal(product + 1)), "{product}");
        }
    }
}
