//! Overrides: relations removed, moved and added, products hidden and pinned.

use super::request::{ask, ids};

#[track_caller]
fn check(shop: &str, request: &str, expected: &str) {
    let outcome = ask(shop, request);
    let picks = outcome.picks.iter().map(|pick| format!("{}:{}", pick.id, pick.score));
    assert_eq!(picks.collect::<Vec<_>>().join(" "), expected, "{request}");
}

const ABC: &str = "z\n a cross_sell b 90, c 80, d 70\n";

#[test]
fn a_removed_relation_is_counted_and_keeps_its_place() {
    let shop = format!("{ABC} ! remove a cross_sell c");
    check(&shop, "cross_sell: a", "b:90 d:70");
    assert_eq!(ask(&shop, "cross_sell: a").report.removed_by_override, 1);
    check(&format!("{ABC} ! remove a * c"), "cross_sell: a", "b:90 d:70");
    check(&format!("{ABC} ! remove a up_sell c"), "cross_sell: a", "b:90 c:80 d:70");
    check(&format!("{ABC} ! remove b cross_sell c"), "cross_sell: a", "b:90 c:80 d:70");
    // It still stands for what an ancestor says of the same product.
    let shop = format!("a < p\n p cross_sell c 60\n {ABC} ! remove a cross_sell c");
    check(&shop, "cross_sell: a", "b:90 d:70");
}

#[test]
fn reordered_relations_get_the_scores_of_their_places() {
    check(&format!("{ABC} ! reorder a cross_sell d @1"), "cross_sell: a", "d:90 b:80 c:70");
    check(&format!("{ABC} ! reorder a cross_sell b @2"), "cross_sell: a", "c:90 b:80 d:70");
    check(&format!("{ABC} ! reorder a cross_sell b @99"), "cross_sell: a", "c:90 d:80 b:70");
    // One that is not there does nothing.
    check(&format!("{ABC} ! reorder a cross_sell z @1"), "cross_sell: a", "b:90 c:80 d:70");
    let two = "! reorder a cross_sell c @1\n ! reorder a cross_sell d @1";
    check(&format!("{ABC} {two}"), "cross_sell: a", "d:90 c:80 b:70");
    let twice = "! reorder a cross_sell d @2\n ! reorder a cross_sell d @1";
    check(&format!("{ABC} {twice}"), "cross_sell: a", "d:90 b:80 c:70");
    // Removed all the same.
    let both = "! remove a cross_sell d\n ! reorder a cross_sell d @1";
    check(&format!("{ABC} {both}"), "cross_sell: a", "b:80 c:70");
}

#[test]
fn added_relations_take_their_place() {
    check(&format!("{ABC} ! add a cross_sell z"), "cross_sell: a", "b:90 c:80 d:70 z:69");
    check(&format!("{ABC} ! add a cross_sell z @2"), "cross_sell: a", "b:90 z:80 c:70 d:69");
    check(&format!("{ABC} ! add a cross_sell d @1"), "cross_sell: a", "d:90 b:80 c:70");
    let shop = "a\n y\n z\n ! add a cross_sell z\n ! add a cross_sell y @1";
    check(shop, "cross_sell: a", "y:65535 z:64461");
    // An addition brings back what was removed.
    let both = "! remove a cross_sell c\n ! add a cross_sell c @1";
    check(&format!("{ABC} {both}"), "cross_sell: a", "c:90 b:80 d:70");
    // Nothing falls below zero.
    let shop = "y\n z\n a cross_sell b 0\n ! add a cross_sell y\n ! add a cross_sell z";
    check(shop, "cross_sell: a", "b:0 y:0 z:0");
}

#[test]
fn an_added_relation_is_curated_unscored_and_has_its_quantity() {
    let shop = format!("{ABC} ! add a cross_sell z @1 x3 until=9");
    let outcome = ask(&shop, "cross_sell: a*2 min=1 max=1");
    let pick = &outcome.picks[0];
    assert_eq!((&*pick.id, pick.origin, pick.quantity, pick.valid_to_s), ("z", 1, 6.0, 9));
}

#[test]
fn overrides_hold_in_their_window_and_markets() {
    let shop = format!("{ABC} ! remove a cross_sell b from=3 until=5 in=us");
    check(&shop, "cross_sell: a t=3", "b:90 c:80 d:70");
    check(&shop, "cross_sell: a t=2 in=us", "b:90 c:80 d:70");
    check(&shop, "cross_sell: a t=3 in=us", "c:80 d:70");
    check(&shop, "cross_sell: a t=5 in=us", "b:90 c:80 d:70");
}

#[test]
fn ancestors_hand_down_their_patched_runs() {
    let shop = "z\n v < p\n p cross_sell b 90, c 80\n ! add p cross_sell z @1\n\
                ! remove p cross_sell c";
    check(shop, "cross_sell: v", "z:90 b:80");
    // A relation added nearer stands for the ancestor's.
    let shop = "v < p\n p cross_sell b 90, c 80\n ! add v cross_sell c";
    check(shop, "cross_sell: v", "c:65535 b:90");
}

#[test]
fn hidden_products_are_hidden_for_a_source_its_variants_or_everywhere() {
    check(&format!("{ABC} ! hide a * c"), "cross_sell: a", "b:90 d:70");
    check(&format!("{ABC} ! hide b * c"), "cross_sell: a", "b:90 c:80 d:70");
    check(&format!("{ABC} ! hide * * c"), "cross_sell: a", "b:90 d:70");
    check(&format!("a < p\n {ABC} ! hide p * c"), "cross_sell: a", "b:90 d:70");
    check(&format!("{ABC} ! hide a * c until=5"), "cross_sell: a t=5", "b:90 c:80 d:70");
    // The linked product or the one shown for it.
    let shop = "c < g\n a cross_sell c 80\n ! hide a * g";
    check(shop, "cross_sell: a", "c:80");
    check(shop, "cross_sell: a as=parent", "");
    check("c < g\n a cross_sell c 80\n ! hide * * c", "cross_sell: a as=parent", "");
}

#[test]
fn pins_stand_at_their_position() {
    let pinned = |position: u32, request: &str| {
        let shop = format!("{ABC} ! pin a * z @{position}");
        ids(&ask(&shop, request)).join(" ")
    };
    assert_eq!(pinned(1, "cross_sell: a"), "z b c d");
    assert_eq!(pinned(2, "cross_sell: a"), "b z c d");
    assert_eq!(pinned(4, "cross_sell: a"), "b c d z");
    assert_eq!(pinned(9, "cross_sell: a"), "b c d z");
    // The others make room.
    assert_eq!(pinned(1, "cross_sell: a max=2"), "z b");
    assert_eq!(pinned(9, "cross_sell: a max=2"), "b z");
    assert_eq!(pinned(1, "cross_sell: a max=1"), "z");
    // Also in a list of another type, and beside other seeds.
    assert_eq!(pinned(1, "up_sell: a"), "z");
    assert_eq!(pinned(2, "cross_sell: b a"), "c z d");
}

#[test]
fn a_pin_is_a_candidate_without_a_relation() {
    let shop = format!("{ABC} ! pin a * c @1 until=9");
    let outcome = ask(&shop, "cross_sell: b a");
    let pick = &outcome.picks[0];
    assert_eq!((&*pick.id, pick.score, pick.relation_type, pick.origin), ("c", 65_535, 0, 1));
    assert_eq!((pick.seeds.as_slice(), pick.valid_to_s, pick.quantity), ([1].as_slice(), 9, 0.0));
    // Its relation is skipped in silence: pin and d are all there is.
    assert_eq!((ids(&outcome).join(" ").as_str(), outcome.report.candidates), ("c d", 3));
    let pins_of =
        |order: &str, request: &str| ids(&ask(&format!("{ABC} {order}"), request)).join(" ");
    assert_eq!(pins_of("! pin a cross_sell z @1", "cross_sell: a"), "z b c d");
    assert_eq!(pins_of("! pin a up_sell z @1", "cross_sell: a"), "b c d");
    assert_eq!(pins_of("! pin a * z @1 in=us", "cross_sell: a"), "b c d");
    assert_eq!(pins_of("! pin a * z @1\n $ z blocked", "cross_sell: a"), "b c d");
    assert_eq!(pins_of("! pin a * z @1\n $ z out_of_stock", "cross_sell: a"), "b c d");
    assert_eq!(pins_of("! pin a * z @1\n ! hide a * z", "cross_sell: a"), "b c d");
    assert_eq!(pins_of("! pin a * z @1", "cross_sell: a -z"), "b c d");
    assert_eq!(pins_of("! pin a * a @1", "cross_sell: a"), "b c d");
    // Conditions on a seed do not concern it, others do.
    assert_eq!(pins_of("! pin a * z @1", "cross_sell: a brand=same"), "z");
    assert_eq!(pins_of("! pin a * z @1", "cross_sell: a any=t"), "");
}

#[test]
fn several_pins_stand_in_the_order_of_positions_then_of_the_file() {
    let shop = "x\n y\n z\n a cross_sell b 90, c 80\n ! pin a * z @2\n ! pin a * y @1\n\
                ! pin a cross_sell x @2";
    assert_eq!(ids(&ask(shop, "cross_sell: a")).join(" "), "y z x b c");
    // Of one product the first counts; only so many are kept as there are results.
    let shop = format!("{shop}\n ! pin a * x @1");
    assert_eq!(ids(&ask(&shop, "cross_sell: a")).join(" "), "y z x b c");
    assert_eq!(ids(&ask(&shop, "cross_sell: a max=2")).join(" "), "y z");
}
