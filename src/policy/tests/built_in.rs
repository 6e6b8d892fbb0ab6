//! The built-in policy and the manual keep what a shop may expect of them.

use crate::{
    model::{
        relation::{RelationType, Stage},
        selection::FallbackStep,
    },
    policy::{
        BUILT_IN_POLICY, OverrideColumn, OverrideWord, Policy, PolicyDoc, SlotPolicy, rule_reader,
        slot_reader, tests::TinyCatalog,
    },
};

fn built_in() -> Policy {
    let (policy, unbound) = Policy::bind(&PolicyDoc::built_in(), None, &TinyCatalog::default());
    assert_eq!(unbound, []);
    policy
}

fn types(slot: &SlotPolicy) -> Vec<RelationType> {
    slot.mix.iter().map(|entry| entry.relation_type).collect()
}

const REPLACING: [RelationType; 3] =
    [RelationType::UP_SELL, RelationType::ALTERNATIVE, RelationType::ECO_ALTERNATIVE];

#[test]
fn it_suits_any_catalog() {
    assert_eq!(PolicyDoc::built_in().check_against(&TinyCatalog::default()), Ok(()));
    let policy = built_in();
    assert!(Stage::ALL.into_iter().all(|stage| policy.stage(stage).is_some()));
    let expected = [
        "cart-cross-sell",
        "category-page",
        "checkout-last-minute",
        "home-popular",
        "pdp-accessories",
        "pdp-alternatives",
        "pdp-up-sell",
        "post-purchase",
    ];
    assert_eq!(policy.placement_ids().collect::<Vec<_>>(), expected);
}

#[test]
fn accessories_lead_right_after_a_product_went_into_the_cart() {
    let policy = built_in();
    let mix = types(policy.stage(Stage::PurchaseDecision).unwrap());
    let expected = [RelationType::ACCESSORY, RelationType::CONSUMABLE, RelationType::CROSS_SELL];
    assert_eq!(mix, expected);
}

#[test]
fn nothing_replaces_what_was_chosen() {
    let policy = built_in();
    for stage in [Stage::PurchaseDecision, Stage::Checkout, Stage::PostPurchase] {
        let slot = policy.stage(stage).unwrap();
        let leads_back = |step: &FallbackStep| matches!(step, FallbackStep::RelationType(one) if REPLACING.contains(one));
        assert!(types(slot).iter().all(|one| !REPLACING.contains(one)), "{stage:?}");
        assert!(!slot.fallback.iter().any(leads_back), "{stage:?}");
    }
    let up_sell = policy.placement("pdp-up-sell").unwrap();
    assert!(types(up_sell.slot(Some(Stage::Checkout))).is_empty());
    assert_eq!(types(up_sell.slot(Some(Stage::Consideration))), [RelationType::UP_SELL]);
}

#[test]
fn after_the_purchase_come_consumables_and_spare_parts() {
    let policy = built_in();
    let mix = types(policy.stage(Stage::PostPurchase).unwrap());
    assert_eq!(mix[..2], [RelationType::CONSUMABLE, RelationType::SPARE_PART]);
}

#[test]
fn a_home_page_needs_no_seed() {
    let policy = built_in();
    for id in ["home-popular", "category-page"] {
        let slot = policy.placement(id).unwrap().slot(None);
        assert!(slot.fallback.contains(&FallbackStep::PopularIn(None)), "{id}");
    }
}

/// The examples at its end are commented out; they must be right all the same.
#[test]
fn its_examples_are_right() {
    let (policy, examples) = BUILT_IN_POLICY.split_once("to be uncommented:\n").unwrap();
    let examples: String = examples
        .lines()
        .map(|line| line.trim_start_matches(['#', ' ']).to_owned() + "\n")
        .collect();
    let document = PolicyDoc::parse("examples", &format!("{policy}\n{examples}"));
    document.unwrap_or_else(|errors| panic!("{errors}"));
}

#[test]
fn the_manual_names_every_key_and_column() {
    let manual = include_str!("../POLICY.md");
    let columns = OverrideColumn::ALL.map(OverrideColumn::code);
    let words = OverrideWord::ALL.map(OverrideWord::code);
    let stages = Stage::ALL.map(Stage::code);
    let lists: [&[&str]; 5] =
        [&slot_reader::SLOT_KEYS, &rule_reader::KEYS, &columns, &words, &stages];
    for word in lists.concat() {
        assert!(manual.contains(&format!("`{word}`")), "POLICY.md does not say what `{word}` is");
    }
}
