//! Stored relations as they are listed: outgoing, incoming, and whoever holds a product.

use super::shop::{Shop, ordinal};
use crate::{
    lookup::{Direction, Listed, holders, list},
    model::relation::RelationType,
};

/// `h` is hidden: what is stored is listed before any filter.
const SHOP: &str = "h hidden\n v < a\n\
    a cross_sell b 90, h 80\n a accessory c 70 x2, b 60\n a consumable b 50\n\
    b accessory c 95\n c accessory b 40\n d spare_part b 30";

fn show(view: &crate::index::View<'_>, one: &Listed<'_>) -> String {
    let Listed { source, target, relation_type, relation, index } = one;
    let score = relation.edge.score.get();
    format!("{} {relation_type} {} {score} #{index}", view.id(*source), view.id(*target))
}

#[track_caller]
fn check(product: &str, direction: Direction, types: &[RelationType], expected: &[&str]) {
    let catalog = Shop::parse(SHOP).catalog();
    let view = catalog.view();
    for skip in 0..=expected.len() + 1 {
        let listed = list(&view, ordinal(&view, product), direction, types, skip);
        let listed = listed.map(|one| show(&view, &one)).collect::<Vec<_>>();
        assert_eq!(listed, expected.get(skip..).unwrap_or_default(), "after {skip}");
    }
}

#[test]
fn outgoing_relations_come_by_type_and_rank() {
    let expected = [
        "a cross_sell b 90 #0",
        "a cross_sell h 80 #1",
        "a accessory c 70 #2",
        "a accessory b 60 #3",
        "a consumable b 50 #4",
    ];
    check("a", Direction::Outgoing, &[], &expected);
    check("v", Direction::Outgoing, &[], &[]);
}

#[test]
fn outgoing_relations_of_asked_types_keep_their_places() {
    let types = [RelationType::CONSUMABLE, RelationType::ACCESSORY, RelationType::RELATED];
    let expected = ["a accessory c 70 #2", "a accessory b 60 #3", "a consumable b 50 #4"];
    check("a", Direction::Outgoing, &types, &expected);
}

#[test]
fn incoming_relations_come_by_type_and_source() {
    let expected = [
        "d spare_part b 30 #0",
        "a accessory b 60 #3",
        "c accessory b 40 #0",
        "a consumable b 50 #4",
    ];
    check("b", Direction::Incoming, &[], &expected);
    check("b", Direction::Incoming, &[RelationType::CONSUMABLE], &expected[3..]);
    check("a", Direction::Incoming, &[], &[]);
}

#[test]
fn incoming_relations_of_types_that_are_not_reverse_are_not_listed() {
    check("b", Direction::Incoming, &[RelationType::CROSS_SELL], &[]);
    check("h", Direction::Incoming, &[], &[]);
}

#[test]
fn holders_are_found_whatever_the_type() {
    let catalog = Shop::parse(SHOP).catalog();
    let view = catalog.view();
    let check = |product: &str, expected: &[&str]| {
        let held = holders(&view, ordinal(&view, product));
        assert_eq!(held.map(|one| show(&view, &one)).collect::<Vec<_>>(), expected);
    };
    check(
        "b",
        &[
            "a cross_sell b 90 #0",
            "a accessory b 60 #3",
            "a consumable b 50 #4",
            "c accessory b 40 #0",
            "d spare_part b 30 #0",
        ],
    );
    check("h", &["a cross_sell h 80 #1"]);
    check("a", &[]);
}

#[test]
fn listed_relations_keep_what_few_have() {
    let catalog = Shop::parse(SHOP).catalog();
    let view = catalog.view();
    let listed =
        list(&view, ordinal(&view, "a"), Direction::Outgoing, &[RelationType::ACCESSORY], 0);
    let quantities = listed.map(|one| one.relation.rare.map(|rare| rare.quantity.get()));
    assert_eq!(quantities.collect::<Vec<_>>(), [Some(2.0), None]);
}
