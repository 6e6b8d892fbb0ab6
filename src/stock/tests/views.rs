//! Goal: of all readings the right one is in the view, and only if it holds against the snapshot's.
//! Method: stories over catalogs in words; the rig compares each view with one made anew.

use std::sync::Arc;

use super::{
    rig::*,
    shop::{ordinal, shop, shop_with},
};
use crate::{
    index::Ordinal,
    model::{id::IdRule, relation::Availability},
    stock::{
        StockView,
        layer::{Numbers, States},
    },
};

#[test]
fn an_empty_view_says_nothing() {
    let view = StockView::empty();
    assert_eq!(view.reading(Ordinal(0), 0), None);
    assert_eq!(view.quantity(Ordinal(u32::MAX), u32::MAX), None);
    assert_eq!(view.price(Ordinal(0), 0), None);
    assert!(view.blocks(Ordinal(u32::MAX)).is_empty());
    assert!(view.positions().is_empty());
    assert_eq!((view.blocks_digest(), view.catalog()), (0, None));
}

#[test]
fn across_sources_the_later_event_holds_then_the_smaller_source() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("wms 1: a 5 @10");
    rig.batch("pos 1: a 1 @9");
    assert_eq!(rig.stock("a", "main"), "5");
    rig.batch("pos 2: a 2 @10");
    assert_eq!(rig.stock("a", "main"), "2");
    rig.batch("wms 2: a 3 @10");
    assert_eq!(rig.stock("a", "main"), "2");
    // What one took back uncovers what the other said.
    rig.replace("pos 3:");
    assert_eq!(rig.stock("a", "main"), "3");
}

#[test]
fn a_named_inventory_comes_before_every_inventory() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: a 5 q=0 @20");
    rig.batch("pos 2: a@east 1 @10");
    assert_eq!(["main", "east", "west"].map(|at| rig.stock("a", at)), ["5 q=0", "1 q=0", "5 q=0"]);
    rig.batch("pos 3: a@east q=8 @10");
    assert_eq!(rig.stock("a", "east"), "1 q=8");
    rig.replace("pos 4: a@west 2 @1");
    assert_eq!(["main", "east", "west"].map(|at| rig.stock("a", at)), ["-", "-", "2"]);
}

#[test]
fn the_overlay_holds_only_if_it_is_later_than_the_snapshots_own_reading() {
    let catalog = "a state=1 price=100 read=10\nb read=10\nc state=1 price=100";
    let mut rig = Rig::new(&shop(catalog));
    // (event time, does it hold for a)
    for (sequence, at, holds) in [(1, 9, false), (2, 10, false), (3, 11, true)] {
        let update = format!("5 q=1 $eu=90 @{at}");
        rig.batch(&format!("pos {sequence}: a {update}, b {update}, c {update}"));
        let (stock, price) = if holds { ("5 q=1", Some(90)) } else { ("q=1", None) };
        assert_eq!((rig.stock("a", "main").as_str(), rig.price("a", 0)), (stock, price), "{at}");
        // b has no reading of its own in the snapshot, c's has no age.
        for id in ["b", "c"] {
            assert_eq!((rig.stock(id, "main").as_str(), rig.price(id, 0)), ("5 q=1", Some(90)));
        }
    }
}

#[test]
fn a_microsecond_later_is_later() {
    let mut rig = Rig::new(&shop("a state=1 read=10"));
    let mut late = batch("pos 1: a 5 @10");
    late.updates[0].event_us += 1;
    rig.apply(&crate::stock::entry::Entry::Batch(late)).unwrap();
    assert_eq!(rig.stock("a", "main"), "5");
}

#[test]
fn a_named_reading_that_does_not_hold_lets_every_inventory_be_tried() {
    let mut rig = Rig::new(&shop("a state=1 read=10"));
    rig.batch("pos 1: a@main 5 @9, a 2 @11");
    assert_eq!(rig.stock("a", "main"), "2");
}

#[test]
fn a_market_price_is_compared_with_that_markets_own() {
    let mut rig = Rig::new(&shop("a price=100 read=50 us=120@10\nb price=100 read=50"));
    rig.batch("pos 1: a $us=99 @20, b $us=98 @20, a $eu=97 @20, b $=96 @60");
    assert_eq!((rig.price("a", 1), rig.price("b", 1)), (Some(99), Some(98)));
    assert_eq!((rig.price("a", 0), rig.price("b", 0)), (None, Some(96)));
}

#[test]
fn the_empty_market_and_the_default_ones_id_are_one_field() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: a $=10 @5");
    rig.batch("pos 2: a $eu=11 @4");
    assert_eq!(rig.price("a", 0), Some(10));
    rig.batch("pos 3: a $eu=12 @6");
    assert_eq!(rig.price("a", 0), Some(12));
    assert_eq!(rig.price("a", 1), None);
}

#[test]
fn a_price_in_another_currency_than_the_markets_is_not_shown() {
    let mut rig = Rig::new(&shop("a"));
    let mut foreign = batch("pos 1: a $us=300 @10");
    // As a market that was in euros when the feed spoke.
    foreign.updates[0].price.as_mut().unwrap().currency = crate::model::currency::Currency::EUR;
    rig.apply(&crate::stock::entry::Entry::Batch(foreign)).unwrap();
    assert_eq!(rig.price("a", 1), None);
    rig.batch("wms 1: a $us=200 @5");
    assert_eq!(rig.price("a", 1), Some(200));
}

#[test]
fn ids_of_one_product_are_one_product() {
    let mut rig = Rig::new(&shop_with(IdRule::CaseFolded, "Lamp alias=old\nother"));
    rig.batch("pos 1: LAMP 5 @10");
    rig.batch("pos 2: old 1 @11");
    assert_eq!(rig.stock("lamp", "main"), "1");
    rig.batch("pos 3: Lamp 2 @11");
    assert_eq!(rig.stock("lamp", "main"), "2");
    rig.batch("erp 1: lamp 3 @11");
    assert_eq!(rig.stock("lamp", "main"), "3");
    assert_eq!(rig.stock("other", "main"), "-");
}

#[test]
fn stock_for_a_product_waits_for_the_snapshot_that_knows_it() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: new 5 q=1 $us=10 @10, a 2 @10");
    rig.swap(&shop("a state=1 read=20\nnew"));
    assert_eq!((rig.stock("new", "main").as_str(), rig.price("new", 1)), ("5 q=1", Some(10)));
    assert_eq!(rig.stock("a", "main"), "-");
    rig.swap(&shop("a"));
    assert_eq!(rig.stock("a", "main"), "2");
}

#[test]
fn inventories_and_markets_that_the_catalog_does_not_know_are_kept_out_of_the_view() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: a@moon 5 @10, a $mars=7 @10");
    assert_eq!(rig.stock("a", "main"), "-");
    assert_eq!(rig.state.reading_count(), 2);
}

#[test]
fn a_view_does_not_change_when_the_next_one_is_made() {
    let mut rig = Rig::new(&shop("a\nb"));
    rig.batch("pos 1: a 5 q=1 $eu=10 @10, a@east 2 @10");
    let before = rig.projection.view().clone();
    let told = view_table(&rig.projection.catalog, &before);
    rig.batch("pos 2: a 1 q=2 $eu=20 @20, a@east 3 @20, b 4 @20");
    rig.apply(&block(&["a"], &[], 1, i64::MAX)).unwrap();
    assert_eq!(view_table(&rig.projection.catalog, &before), told);
    assert_ne!(table(&rig.projection), told);
}

#[test]
fn a_batch_copies_the_chunks_it_touches_and_no_other() {
    let catalog: String = (0..9_000).map(|id| format!("p{id:05}\n")).collect();
    let mut rig = Rig::new(&shop(&catalog));
    rig.batch("pos 1: p00001 5 q=1 @1, p08000 5 q=1 @1, p00001@east 5 @1");
    let before = rig.projection.view().clone();
    rig.batch("pos 2: p00002 5 q=1 @1");
    let after = rig.projection.view();
    let (near, far) = (ordinal(&rig.projection.catalog, "p00001"), Ordinal(8_000));
    assert!(!before.shares_chunks(after, None, near), "the touched chunk is another one");
    assert!(before.shares_chunks(after, None, far), "a far one is the same");
    assert!(before.shares_chunks(after, Some(1), near), "so is that of another inventory");
}

#[test]
fn states_and_numbers_keep_every_value_apart() {
    let (mut states, mut numbers) = (States::default(), Numbers::<i64>::default());
    let products = [0, 1, 2, 63, 64, 511, 512, 4_095, 4_096, 32_767, 32_768, 70_000];
    for (turn, at) in products.iter().enumerate() {
        let state = Availability::ALL[turn % 6];
        states.set(Ordinal(*at), Some(state));
        numbers.set(Ordinal(*at), Some(i64::from(*at) - 7));
    }
    for (turn, at) in products.iter().enumerate() {
        assert_eq!(states.find(Ordinal(*at)), Some(Availability::ALL[turn % 6]), "{at}");
        assert_eq!(numbers.find(Ordinal(*at)), Some(i64::from(*at) - 7), "{at}");
    }
    assert_eq!((states.find(Ordinal(3)), numbers.find(Ordinal(3))), (None, None));
    numbers.set(Ordinal(63), None);
    states.set(Ordinal(1), None);
    assert_eq!((numbers.find(Ordinal(63)), numbers.find(Ordinal(64))), (None, Some(57)));
    let kept = [states.find(Ordinal(0)), states.find(Ordinal(1)), states.find(Ordinal(2))];
    assert_eq!(kept, [Some(Availability::InStock), None, Some(Availability::Backorder)]);
    drop(Arc::new(states));
}

#[test]
fn a_copy_of_numbers_keeps_its_own_when_the_other_one_changes() {
    // Neighbours in a chunk, chunks of a group, groups.
    let products = [0, 1, 512, 32_767, 32_768, 9_999_999].map(Ordinal);
    let mut numbers = Numbers::<i64>::default();
    products.iter().for_each(|at| numbers.set(*at, Some(1)));
    let read = |of: &Numbers<i64>| products.map(|at| of.find(at));
    for (turn, at) in products.into_iter().enumerate() {
        let copy = numbers.clone();
        let before = read(&numbers);
        numbers.set(at, (turn % 2 == 0).then_some(7));
        assert_eq!(read(&copy), before, "{at:?}");
    }
    assert_eq!(read(&numbers), [Some(7), None, Some(7), None, Some(7), None]);
}
