//! Texts that are looked for together are those found one by one.

use arrayvec::ArrayVec;
use proptest::prelude::*;

use crate::{
    graph::intern::{Interner, TOGETHER},
    model::id::IdRule,
};

/// Few texts that often meet, in slots and in the arena, and spellings of them.
fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop_oneof!["[abAB]{1,3}", "[aA]{14,18}", "é[a-c]{0,40}"], 0..most)
}

proptest! {
    #[test]
    fn what_is_found_together_is_what_is_found_alone(
        known in texts(200),
        asked in texts(TOGETHER + 1),
        is_folded: bool,
    ) {
        let rule = if is_folded { IdRule::CaseFolded } else { IdRule::Exact };
        let mut interner = Interner::new("texts", rule);
        for text in &known {
            interner.intern(text).expect("few");
        }
        let asked = asked.iter().map(String::as_str).collect::<ArrayVec<_, TOGETHER>>();
        let alone = asked.iter().map(|text| interner.find(text)).collect::<Vec<_>>();
        let together = interner.find_together(&asked).to_vec();
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn a_text_spelled_anew_is_read_back_and_found_under_either_spelling(text in "[a-c]{1,40}") {
        let mut interner = Interner::new("texts", IdRule::CaseFolded);
        let number = interner.intern(&text).expect("one");
        let other = interner.intern("another").expect("two");
        let spelled = text.to_uppercase();
        interner.respell(number, &spelled);
        prop_assert_eq!(interner.text(number), spelled.as_str());
        prop_assert_eq!(interner.bytes(number), spelled.as_bytes());
        prop_assert_eq!(interner.text(other), "another");
        prop_assert_eq!(interner.find(&text), Some(number));
        prop_assert_eq!(interner.find(&spelled), Some(number));
    }
}
