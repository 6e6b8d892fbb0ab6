//! Goal: what people and replicas are told is what holds, what was said and what is blocked, each
//! once over all pages. Method: stories; every page size over the same state.

use super::{
    rig::*,
    shop::{shop, shop_with},
};
use crate::{
    model::id::IdRule,
    stock::{Effective, Reading, Said, StockError, reads, state::State},
};

fn effective(rig: &Rig, id: &str, inventory: &str, market: &str) -> Effective {
    let ids = vec![id.to_owned()];
    let list = reads::effective(&rig.state, &rig.projection, ids, inventory, market);
    list.unwrap().products.remove(0)
}

/// `state@event>since by source`, `quantity@event by source`, `price@event by source`.
fn words(found: &Effective) -> [String; 3] {
    let at = |event_us: Option<i64>| event_us.map_or("?".to_owned(), |at| (at / S).to_string());
    let state = found.availability.as_ref().map_or("-".to_owned(), |told| {
        let (state, event) = (told.value as u8, at(told.event_us));
        format!("{state}@{event}>{} by {}", at(found.since_us), told.source_id)
    });
    let quantity = found.quantity.as_ref().map_or("-".to_owned(), |told| {
        format!("{}@{} by {}", told.value, at(told.event_us), told.source_id)
    });
    let price = found.price.as_ref().map_or("-".to_owned(), |told| {
        format!("{}@{} by {}", told.value, at(told.event_us), told.source_id)
    });
    [state, quantity, price]
}

#[test]
fn what_holds_names_its_source_and_times() {
    let mut rig = Rig::new(&shop("a state=1 price=100 read=10\nb state=2\nc us=5@7"));
    rig.batch("pos 1: a 5 q=0 @20");
    rig.batch("pos 2: a 5 @30");
    rig.batch("wms 1: a@east q=4 @25, a $us=120 @26, a $eu=99 @9");
    assert_eq!(
        words(&effective(&rig, "a", "", "")),
        ["5@30>20 by pos", "0@20 by pos", "100@10 by "]
    );
    let east = effective(&rig, "a", "east", "us");
    assert_eq!(words(&east), ["5@30>20 by pos", "4@25 by wms", "120@26 by wms"]);
    // The market us has the inventory east.
    assert_eq!(words(&effective(&rig, "a", "", "us")), words(&east));
    assert_eq!(words(&effective(&rig, "b", "", "")), ["2@?>? by ", "-", "-"]);
    assert_eq!(words(&effective(&rig, "c", "", "us")), ["-", "-", "5@7 by "]);
}

#[test]
fn what_holds_is_what_the_view_says() {
    let mut rig = Rig::new(&shop_with(IdRule::CaseFolded, "A alias=old state=1 read=10"));
    rig.batch("pos 1: a@west 5 @9, OLD@west 3 @11, a 2 @12, a@main 4 @10");
    for inventory in ["main", "east", "west"] {
        let told = effective(&rig, "A", inventory, "").availability.unwrap();
        assert_eq!((told.value as u8).to_string(), rig.stock("A", inventory), "{inventory}");
    }
}

#[test]
fn a_product_that_the_catalog_does_not_know_is_told_and_marked() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: new 5 @10, new $eu=7 @10");
    let new = effective(&rig, "new", "", "");
    assert_eq!(words(&new), ["5@10>10 by pos", "-", "7@10 by pos"]);
    assert!(!new.is_known && effective(&rig, "a", "", "").is_known);
    assert_eq!(words(&effective(&rig, "nobody", "", "")), ["-", "-", "-"]);
}

#[test]
fn an_unknown_inventory_or_market_is_an_error_and_never_a_default() {
    let rig = Rig::new(&shop("a"));
    for (inventory, market, expected) in
        [("moon", "", "inventory_id"), ("", "mars", "market_id"), ("MAIN", "", "inventory_id")]
    {
        let found = reads::effective(&rig.state, &rig.projection, Vec::new(), inventory, market);
        let Err(StockError::Invalid { field, .. }) = found else { panic!("{found:?}") };
        assert_eq!(field, expected);
    }
}

fn pages(state: &State, source: Option<&str>, size: usize) -> Vec<Reading> {
    let (mut token, mut all) = (String::new(), Vec::new());
    loop {
        let page = reads::readings(state, source, &token, size).unwrap();
        assert!(page.readings.len() <= size);
        all.extend(page.readings);
        match page.next {
            Some(next) => token = next,
            None => return all,
        }
    }
}

fn full() -> Rig {
    let mut rig = Rig::new(&shop("a\nb"));
    rig.batch("pos 1: b 5 @10, a@east q=2 $us=3 @11, new 1 @12");
    rig.batch("wms 1: b 2 q=1 $=4 @9, a@east 3 @8, a 1 @7");
    rig
}

#[test]
fn every_reading_is_listed_once_whatever_the_page_size() {
    let rig = full();
    let all = pages(&rig.state, None, 100);
    assert_eq!(all.len(), rig.state.reading_count());
    for size in 1..9 {
        assert_eq!(pages(&rig.state, None, size), all, "{size}");
    }
    let ids = all.iter().map(|reading| reading.product_id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids, ["b", "b", "b", "a", "a", "a", "a", "new"]);
    let of_wms = pages(&rig.state, Some("wms"), 2);
    assert_eq!(of_wms.len(), 4);
    assert!(of_wms.iter().all(|reading| &*reading.source_id == "wms"));
    assert!(pages(&rig.state, Some("nobody"), 2).is_empty());
}

#[test]
fn a_listed_reading_says_all_that_was_said() {
    let mut rig = Rig::new(&shop("a"));
    rig.batch("pos 1: a@east 5 @10");
    rig.batch("pos 2: a@east 5 q=2 $us=3 @11");
    let said = pages(&rig.state, None, 9).into_iter().map(|reading| reading.said);
    let (inventory_id, market_id) = ("east".to_owned(), "us".to_owned());
    let state = crate::model::relation::Availability::OutOfStock;
    let (availability, quantity) = (Some((state, 11 * S, 10 * S)), Some((2.0, 11 * S)));
    let stock = Said::Stock { inventory_id, availability, quantity };
    let (currency_code, event_us) = ("USD".to_owned(), 11 * S);
    let price = Said::Price { market_id, price: 3, currency_code, event_us };
    assert_eq!(said.collect::<Vec<_>>(), [stock, price]);
}

#[test]
fn a_token_goes_on_after_a_restart_and_past_a_removed_reading() {
    let mut rig = full();
    let page = reads::readings(&rig.state, None, "", 3).unwrap();
    let token = page.next.unwrap();
    let rest = reads::readings(&rig.state, None, &token, 100).unwrap().readings;
    let mut restarted = State::default();
    for piece in rig.state.pieces() {
        restarted.take_piece(&piece).unwrap();
    }
    assert_eq!(reads::readings(&restarted, None, &token, 100).unwrap().readings, rest);
    // The reading at which the page ended is gone.
    rig.replace("wms 2: a@east 3 @8, a 1 @7");
    assert_eq!(reads::readings(&rig.state, None, &token, 100).unwrap().readings, rest);
}

#[test]
fn a_token_of_nobody_is_refused() {
    let rig = full();
    let token = reads::readings(&rig.state, None, "", 3).unwrap().next.unwrap();
    let cut = token.get(..token.len() - 2).unwrap();
    for wrong in ["x", "00", "zz", cut, &format!("{token}00")] {
        let found = reads::readings(&rig.state, None, wrong, 3);
        let Err(StockError::Invalid { field, .. }) = found else { panic!("{wrong}") };
        assert_eq!(field, "page_token");
    }
}

#[test]
fn blocks_are_listed_by_id_and_those_that_ended_are_not() {
    let mut rig = Rig::new(&shop("a"));
    rig.apply(&block(&["c", "a"], &["us"], 1, 10)).unwrap();
    rig.apply(&block(&["b"], &[], 2, i64::MAX)).unwrap();
    rig.apply(&block(&["c"], &["eu"], 2, i64::MAX)).unwrap();
    let list = |now_s, size| {
        let (mut token, mut ids) = (String::new(), Vec::new());
        loop {
            let page = reads::blocks(&rig.state, &token, size, now_s).unwrap();
            assert!(page.blocks.len() <= size);
            ids.extend(page.blocks.into_iter().map(|block| block.product_id));
            match page.next {
                Some(next) => token = next,
                None => return ids,
            }
        }
    };
    for size in 1..6 {
        assert_eq!(list(9, size), ["a", "b", "c", "c"]);
        assert_eq!(list(10, size), ["b", "c"]);
    }
    let page = |token: &str| reads::blocks(&rig.state, token, 1, 9).unwrap();
    let (first, token) = (page("").blocks.remove(0), page("").next.unwrap());
    assert_eq!((first.market_ids, first.block_s, first.expire_s), (vec!["us".into()], 1, Some(10)));
    assert_eq!((first.reason.as_str(), first.actor.as_str()), ("glass in the jar", "qa"));
    assert_eq!(page(&token).blocks[0].expire_s, None);
    // The block at which the page ended is lifted.
    let mut lifted = Rig::new(&shop("a"));
    lifted.apply(&block(&["b"], &[], 2, i64::MAX)).unwrap();
    let rest = reads::blocks(&lifted.state, &token, 9, 9).unwrap().blocks;
    assert_eq!(rest.iter().map(|block| block.product_id.as_str()).collect::<Vec<_>>(), ["b"]);
    for wrong in ["a", "00", token.get(2..).unwrap(), &format!("{token}00")] {
        let found = reads::blocks(&rig.state, wrong, 1, 9);
        let Err(StockError::Invalid { field, .. }) = found else { panic!("{wrong}") };
        assert_eq!(field, "page_token");
    }
}
