//! Goal: a block reaches every product it means, in the markets it means, and the digest tells sets
//! of blocks apart whatever their history. Method: stories over a small catalog.

use super::{
    rig::*,
    shop::{Shop, ordinal, shop, shop_with},
};
use crate::{
    model::{
        id::IdRule,
        limits::{BLOCKS_MAX, BLOCKS_PER_PRODUCT_MAX},
    },
    stock::{
        ProductBlock, StockError,
        blocks::Blocks,
        entry::{Block, Entry},
        state::Outcome,
    },
};

const NEVER: i64 = i64::MAX;

fn blocked(rig: &Rig, id: &str) -> Vec<(u64, i64)> {
    let blocks = rig.projection.view().blocks(ordinal(&rig.projection.catalog, id));
    blocks.iter().map(|ProductBlock { markets, expire_s }| (*markets, *expire_s)).collect()
}

fn family() -> Shop {
    shop("p alias=old\nv parent=p\nw parent=v\nx")
}

#[test]
fn variants_of_a_blocked_parent_are_blocked_at_any_depth() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["p"], &[], 1, NEVER)).unwrap();
    for id in ["p", "v", "w"] {
        assert_eq!(blocked(&rig, id), [(u64::MAX, NEVER)], "{id}");
    }
    assert!(blocked(&rig, "x").is_empty());
}

#[test]
fn a_blocked_variant_leaves_its_parent() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["v"], &[], 1, NEVER)).unwrap();
    assert!(blocked(&rig, "p").is_empty());
    assert_eq!(blocked(&rig, "w").len(), 1);
}

#[test]
fn a_block_by_an_alias_or_in_other_case_counts() {
    let mut rig = Rig::new(&shop_with(IdRule::CaseFolded, "Lamp alias=old"));
    rig.apply(&block(&["old"], &[], 1, 50)).unwrap();
    assert_eq!(blocked(&rig, "Lamp"), [(u64::MAX, 50)]);
    rig.apply(&block(&["LAMP"], &[], 1, 60)).unwrap();
    assert_eq!(blocked(&rig, "Lamp").len(), 2);
}

#[test]
fn a_block_of_markets_has_their_bits_and_unknown_ones_have_none() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["p"], &["us"], 1, NEVER)).unwrap();
    rig.apply(&block(&["x"], &["mars"], 1, NEVER)).unwrap();
    rig.apply(&block(&["v"], &["eu", "mars"], 1, 9)).unwrap();
    assert_eq!(blocked(&rig, "p"), [(2, NEVER)]);
    assert_eq!(blocked(&rig, "v"), [(2, NEVER), (1, 9)]);
    assert!(blocked(&rig, "x").is_empty());
}

/// A later block once took the place of an earlier one of the same id: a product that was recalled
/// everywhere and for good, then blocked in one market until the next day, sold in the others.
#[test]
fn a_block_never_narrows_what_stands() {
    let stands = |blocks: &[(&[&str], i64)], expected: &[(u64, i64)]| {
        for order in [false, true] {
            let mut rig = Rig::new(&family());
            let mut blocks = blocks.to_vec();
            if order {
                blocks.reverse();
            }
            for (at, (markets, end)) in (1..).zip(blocks) {
                rig.apply(&block(&["x"], markets, at, end)).unwrap();
            }
            let mut found = blocked(&rig, "x");
            found.sort_unstable();
            assert_eq!(found, expected);
            assert_eq!(rig.apply(&unblock(&["x"], 9)), Ok(Outcome::Unblocked { count: 1 }));
            assert_eq!((blocked(&rig, "x"), rig.state.blocks.digest()), (Vec::new(), 0));
        }
    };
    let all = u64::MAX;
    stands(&[(&[], NEVER), (&["eu"], 30)], &[(all, NEVER)]);
    stands(&[(&["eu"], NEVER), (&[], 30)], &[(1, NEVER), (all, 30)]);
    stands(&[(&["eu"], 30), (&["us"], 30)], &[(1, 30), (2, 30)]);
    stands(&[(&["eu", "us"], 30), (&["us"], 29)], &[(3, 30)]);
    stands(&[(&["eu", "us"], 29), (&["us"], 30)], &[(2, 30), (3, 29)]);
    stands(&[(&[], 30), (&["eu", "us"], 30)], &[(all, 30)]);
    stands(&[(&["eu"], 30), (&["eu"], 40), (&["eu"], 35)], &[(1, 40)]);
}

#[test]
fn of_equal_blocks_the_later_note_is_told() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["x"], &[], 1, NEVER)).unwrap();
    let mut again = block(&["x"], &[], 2, NEVER);
    if let Entry::Block(block) = &mut again {
        block.reason = "sharp edges".to_owned();
    }
    rig.apply(&again).unwrap();
    let notes = rig.state.blocks.iter().map(|(_, block)| (block.reason.as_str(), block.block_s));
    assert_eq!(notes.collect::<Vec<_>>(), [("sharp edges", 2)]);
}

#[test]
fn one_product_has_as_many_blocks_as_the_limit_and_a_wider_one_makes_room() {
    let Entry::Block(template) = block(&["x"], &[], 1, 100) else { unreachable!() };
    let of = |market: usize, expire_s| Block {
        markets: vec![format!("m{market:02}")],
        expire_s,
        ..template.clone()
    };
    let mut blocks = Blocks::default();
    for market in 0..BLOCKS_PER_PRODUCT_MAX {
        assert_eq!(blocks.check(&of(market, 100)), Ok(()));
        blocks.block(&of(market, 100));
    }
    let product_id = "x".to_owned();
    let refused = Err(StockError::TooManyBlocksOfOne { product_id });
    assert_eq!(blocks.check(&of(99, 100)), refused);
    // One that is covered, one that covers another, and one of another id are none more.
    assert_eq!(blocks.check(&of(0, 99)), Ok(()));
    assert_eq!(blocks.check(&of(0, 101)), Ok(()));
    assert_eq!(blocks.check(&Block { ids: vec!["y".to_owned()], ..of(99, 100) }), Ok(()));
    assert_eq!(blocks.check(&Block { block_s: 100, ..of(99, 101) }), Ok(()), "they ended");
    assert_eq!(blocks.check(&template), Ok(()));
    blocks.block(&template);
    assert_eq!(blocks.iter().count(), 1);
    assert_eq!(blocks.check(&of(99, 100)), Ok(()));
}

#[test]
fn an_unblock_lifts_the_raw_ids_it_names() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["p", "x"], &[], 1, NEVER)).unwrap();
    assert_eq!(rig.apply(&unblock(&["p", "nobody"], 2)), Ok(Outcome::Unblocked { count: 1 }));
    assert!(["p", "v", "w"].iter().all(|id| blocked(&rig, id).is_empty()));
    assert_eq!(blocked(&rig, "x").len(), 1);
}

#[test]
fn blocks_that_ended_are_dropped_by_the_time_of_the_next_entry() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["p"], &[], 1, 10)).unwrap();
    rig.apply(&block(&["v"], &[], 9, NEVER)).unwrap();
    assert_eq!(rig.state.blocks.iter().count(), 2);
    rig.apply(&block(&["x"], &[], 10, 20)).unwrap();
    assert_eq!(rig.state.blocks.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["v", "x"]);
    rig.apply(&unblock(&["nobody"], 20)).unwrap();
    assert_eq!(rig.state.blocks.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["v"]);
}

#[test]
fn a_block_waits_for_the_snapshot_that_knows_its_product() {
    let mut rig = Rig::new(&family());
    rig.apply(&block(&["new"], &[], 1, NEVER)).unwrap();
    rig.swap(&shop("new\nx"));
    assert_eq!(blocked(&rig, "new").len(), 1);
    assert!(blocked(&rig, "x").is_empty());
}

#[test]
fn the_digest_is_equal_where_the_blocks_are_equal_and_zero_without_any() {
    let digest = |entries: &[Entry]| {
        let mut rig = Rig::new(&family());
        for entry in entries {
            rig.apply(entry).unwrap();
        }
        assert_eq!(rig.projection.view().blocks_digest(), rig.state.blocks.digest());
        rig.state.blocks.digest()
    };
    let (a, b) = (block(&["a"], &["eu", "us"], 1, 10), block(&["b"], &[], 2, NEVER));
    let both = digest(&[a.clone(), b.clone()]);
    assert_eq!(both, digest(&[b.clone(), a.clone()]));
    assert_eq!(both, digest(&[block(&["b"], &["eu"], 1, 7), b.clone(), a.clone()]));
    assert_eq!(both, digest(&[b.clone(), a.clone(), block(&["b"], &["eu"], 3, 7)]));
    assert_ne!(both, digest(&[b.clone(), a.clone(), block(&["a"], &["eu"], 3, 11)]));
    assert_eq!(
        digest(&[b.clone(), a.clone(), unblock(&["a"], 3)]),
        digest(std::slice::from_ref(&b))
    );
    assert_eq!(digest(&[]), 0);
    assert_eq!(digest(&[b.clone(), unblock(&["b"], 3)]), 0);
    assert_eq!(digest(&[a.clone(), unblock(&["nobody"], 10)]), 0, "it ended");
    let others = [
        block(&["a"], &["eu"], 1, 10),
        block(&["a"], &["eu", "us"], 1, 11),
        block(&["aeu"], &["us"], 1, 10),
        block(&["c"], &["eu", "us"], 1, 10),
    ];
    for other in others {
        assert_ne!(
            digest(std::slice::from_ref(&a)),
            digest(std::slice::from_ref(&other)),
            "{other:?}"
        );
    }
}

#[test]
fn as_many_blocks_as_the_limit_stand_and_one_more_is_refused() {
    let Entry::Block(template) = block(&[], &[], 1, 100) else { unreachable!() };
    let mut blocks = Blocks::default();
    let ids = |range: std::ops::Range<usize>| Block {
        ids: range.map(|id| format!("p{id}")).collect(),
        ..template.clone()
    };
    blocks.block(&ids(0..BLOCKS_MAX - 1));
    assert_eq!(blocks.check(&ids(BLOCKS_MAX - 1..BLOCKS_MAX)), Ok(()));
    blocks.block(&ids(BLOCKS_MAX - 1..BLOCKS_MAX));
    let more = ids(BLOCKS_MAX..BLOCKS_MAX + 1);
    let count = BLOCKS_MAX + 1;
    assert_eq!(blocks.check(&more), Err(StockError::TooManyBlocks { count }));
    // One that stands already takes no room, and those that end by now make some.
    assert_eq!(blocks.check(&ids(0..1)), Ok(()));
    assert_eq!(blocks.check(&Block { block_s: 100, expire_s: NEVER, ..more }), Ok(()));
}
