//! Placements and stage policy: each key, and each way to get it wrong.

use super::{ACCESSORY, TinyCatalog, UP_SELL, check_faults, check_placement, faults, parsed};
use crate::{
    model::{
        limits::{
            FALLBACK_STEPS_MAX, FILTER_VALUES_MAX, PLACEMENTS_MAX, POLICY_BYTES_MAX,
            POLICY_FAULTS_MAX, RELATION_TYPES_PER_REQUEST_MAX, RESULTS_MAX,
        },
        relation::{Availability, Stage},
        selection::{
            Diversity, FallbackStep, Filter, PriceCondition, SeedMatch, VariantResolution,
        },
    },
    policy::{Fault, MixEntry, Policy, PolicyDoc, SlotPolicy},
};

#[track_caller]
fn bound(text: &str) -> Policy {
    Policy::bind(&parsed(text), None, &TinyCatalog::phones()).0
}

#[test]
fn every_key_of_a_slot_is_read() {
    let text = r#"
[[placements]]
id = "p"
max_results = 8
min_score = 0.5
variant_resolution = "sellable_variant"
rotate = 20
mix = [{ type = "accessory" }, { type = "up_sell", weight = 0.6, max_results = 3 }]
fallback = [
    { type = "fits_model" }, { via_alternatives = true }, { variant_group = true },
    { category_popular = true }, { popular_in = "Phones/Cases" }, { popular_in = "*" },
]
[placements.filter]
availabilities = ["in_stock", "backorder"]
brand = "same"
category = "different"
category_level = 1
brand_ids = ["Acme"]
category_ids = ["Phones"]
any_tags = ["new"]
none_tags = ["sale"]
min_eco_grade = 3
price = { min_minor_units = 100, max_minor_units = 9999, min_seed_ratio = 0.1, max_seed_ratio = 2 }
[placements.diversity]
max_per_brand = 2
max_per_category = 3
max_per_variant_group = 1
"#;
    let expected = SlotPolicy {
        mix: vec![
            MixEntry { relation_type: ACCESSORY, weight: 1000, max_results: None },
            MixEntry { relation_type: UP_SELL, weight: 600, max_results: Some(3) },
        ],
        max_results: Some(8),
        min_score: Some(32_768),
        filter: Filter {
            availabilities: [Availability::InStock, Availability::Backorder].into_iter().collect(),
            price: PriceCondition {
                min_minor: Some(100),
                max_minor: Some(9_999),
                min_seed_ppm: Some(100_000),
                max_seed_ppm: Some(2_000_000),
            },
            brand: SeedMatch::Same,
            category: SeedMatch::Different,
            brand_ids: vec!["Acme".to_owned()],
            category_ids: vec!["Phones".to_owned()],
            any_tags: vec!["new".to_owned()],
            none_tags: vec!["sale".to_owned()],
            min_eco_grade: 3,
            category_level: 1,
        },
        fallback: vec![
            FallbackStep::RelationType(crate::model::relation::RelationType::new(100).unwrap()),
            FallbackStep::ViaAlternatives,
            FallbackStep::VariantGroup,
            FallbackStep::CategoryPopular,
            FallbackStep::PopularIn(Some("Phones/Cases".to_owned())),
            FallbackStep::PopularIn(None),
        ],
        diversity: Diversity { max_per_brand: 2, max_per_category: 3, max_per_variant_group: 1 },
        variant_resolution: VariantResolution::SellableVariant,
        rotate: 20,
    };
    let policy = bound(text);
    assert_eq!(policy.placement("p").unwrap().slot(None), &expected);
    assert_eq!(policy.placement("q"), None);
}

#[test]
fn a_stage_replaces_the_keys_it_sets_and_no_others() {
    let policy = bound(
        r#"
[[placements]]
id = "p"
max_results = 8
mix = [{ type = "up_sell" }]
filter = { min_eco_grade = 3, brand = "same" }
[placements.stages.checkout]
mix = [{ type = "accessory" }]
filter = { brand = "different" }
[placements.stages.discovery]
"#,
    );
    let placement = policy.placement("p").unwrap();
    let base = placement.slot(None);
    let checkout = placement.slot(Some(Stage::Checkout));
    assert_eq!(checkout.max_results, Some(8));
    assert_eq!(checkout.mix[0].relation_type, ACCESSORY);
    assert_eq!(checkout.filter, Filter { brand: SeedMatch::Different, ..Filter::default() });
    for stage in [Stage::Discovery, Stage::Consideration, Stage::PostPurchase] {
        assert_eq!(placement.slot(Some(stage)), base);
    }
    assert_eq!(base.mix[0].relation_type, UP_SELL);
}

#[test]
fn a_stage_policy_holds_for_its_stage_only() {
    let policy = bound("[stages.post_purchase]\nmax_results = 3\n");
    assert_eq!(policy.stage(Stage::PostPurchase).unwrap().max_results, Some(3));
    assert_eq!(policy.stage(Stage::Checkout), None);
}

#[test]
fn placements_are_listed_by_id() {
    let policy = bound("[[placements]]\nid = \"b\"\n[[placements]]\nid = \"a\"\n");
    assert_eq!(policy.placement_ids().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn numbers_out_of_range_are_found() {
    let cases = [
        (
            "max_results = 0",
            "3:15: placements[0].max_results: expected a whole number from 1 to 100, found `0`",
        ),
        (
            "max_results = 101",
            "3:15: placements[0].max_results: expected a whole number from 1 to 100, found `101`",
        ),
        (
            "max_results = 99999999999999999999",
            "3:15: placements[0].max_results: expected a whole number from 1 to 100, found `99999999999999999999`",
        ),
        (
            "min_score = 1.01",
            "3:13: placements[0].min_score: expected a number from 0 to 1, found `1.01`",
        ),
        (
            "min_score = -0.1",
            "3:13: placements[0].min_score: expected a number from 0 to 1, found `-0.1`",
        ),
        (
            "min_score = nan",
            "3:13: placements[0].min_score: expected a number from 0 to 1, found `nan`",
        ),
        (
            "rotate = 1",
            "3:10: placements[0].rotate: expected 0 for no rotation, or a number from 2 to 100, found `1`",
        ),
        (
            "rotate = 101",
            "3:10: placements[0].rotate: expected a whole number from 0 to 100, found `101`",
        ),
        (
            "mix = [{ type = \"a\", weight = 0 }]",
            "3:31: placements[0].mix[0].weight: expected a number from 0.001 to 1, found `0`",
        ),
        (
            "mix = [{ type = \"a\", weight = 1.5 }]",
            "3:31: placements[0].mix[0].weight: expected a number from 0.001 to 1, found `1.5`",
        ),
        (
            "mix = [{ type = \"a\", max_results = 0 }]",
            "3:36: placements[0].mix[0].max_results: expected a whole number from 1 to 100, found `0`",
        ),
    ];
    for (line, expected) in cases {
        check_placement(line, &[&format!("p.toml:{expected}")]);
    }
}

#[test]
fn conditions_and_bounds_out_of_range_are_found() {
    let cases = [
        (
            "filter = { min_eco_grade = 6 }",
            "3:28: placements[0].filter.min_eco_grade: expected a whole number from 0 to 5, found `6`",
        ),
        (
            "filter = { category_level = 17 }",
            "3:29: placements[0].filter.category_level: expected a whole number from 0 to 16, found `17`",
        ),
        (
            "filter.price.min_seed_ratio = 1000.5",
            "3:31: placements[0].filter.price.min_seed_ratio: expected a number from 0 to 1000, found `1000.5`",
        ),
        (
            "filter.price.max_seed_ratio = -1",
            "3:31: placements[0].filter.price.max_seed_ratio: expected a number from 0 to 1000, found `-1`",
        ),
        (
            "filter.price.min_minor_units = -1",
            "3:32: placements[0].filter.price.min_minor_units: expected a whole number from 0 to 9223372036854775807, found `-1`",
        ),
        (
            "filter.price = { min_minor_units = 2, max_minor_units = 1 }",
            "3:57: placements[0].filter.price: expected `min_minor_units` to be at most `max_minor_units`, found a larger one",
        ),
        (
            "filter.price = { max_seed_ratio = 0.5, min_seed_ratio = 0.6 }",
            "3:35: placements[0].filter.price: expected `min_seed_ratio` to be at most `max_seed_ratio`, found a larger one",
        ),
        (
            "diversity.max_per_brand = 101",
            "3:27: placements[0].diversity.max_per_brand: expected a whole number from 0 to 100, found `101`",
        ),
        (
            "diversity.max_per_brand = -1",
            "3:27: placements[0].diversity.max_per_brand: expected a whole number from 0 to 100, found `-1`",
        ),
    ];
    for (line, expected) in cases {
        check_placement(line, &[&format!("p.toml:{expected}")]);
    }
}

#[test]
fn the_ends_of_every_range_are_allowed() {
    for line in [
        "max_results = 1",
        "max_results = 100",
        "min_score = 0",
        "min_score = 1",
        "rotate = 0",
        "rotate = 2",
        "rotate = 100",
        "mix = [{ type = \"a\", weight = 0.001, max_results = 100 }]",
        "mix = []",
        "fallback = []",
        "filter = { min_eco_grade = 5, category_level = 16 }",
        "filter.price = { min_minor_units = 5, max_minor_units = 5 }",
        "filter.price = { min_seed_ratio = 1000, max_seed_ratio = 1000.0 }",
        "diversity.max_per_category = 100",
        "max_results = 0x10",
        "[placements.stages.checkout]",
    ] {
        parsed(&format!("[[placements]]\nid = \"p\"\n{line}\n"));
    }
}

#[test]
fn values_of_another_kind_are_found() {
    let cases = [
        (
            "max_results = \"8\"",
            "3:15: placements[0].max_results: expected a whole number, found a text",
        ),
        (
            "max_results = 8.0",
            "3:15: placements[0].max_results: expected a whole number, found a number",
        ),
        (
            "min_score = true",
            "3:13: placements[0].min_score: expected a number, found a truth value",
        ),
        ("mix = { type = \"a\" }", "3:7: placements[0].mix: expected an array, found a table"),
        ("mix = [\"accessory\"]", "3:8: placements[0].mix[0]: expected a table, found a text"),
        (
            "mix = [{ type = 6 }]",
            "3:17: placements[0].mix[0].type: expected a text in quotes, found a whole number",
        ),
        ("filter = []", "3:10: placements[0].filter: expected a table, found an array"),
        (
            "filter.brand_ids = \"Acme\"",
            "3:20: placements[0].filter.brand_ids: expected an array, found a text",
        ),
        (
            "fallback = [{ variant_group = 1 }]",
            "3:31: placements[0].fallback[0].variant_group: expected `true`, found a whole number",
        ),
        (
            "variant_resolution = 2026-01-01",
            "3:22: placements[0].variant_resolution: expected a text in quotes, found a date or time",
        ),
    ];
    for (line, expected) in cases {
        check_placement(line, &[&format!("p.toml:{expected}")]);
    }
    check_faults(
        "placements = 1\n",
        &["p.toml:1:14: placements: expected an array, found a whole number"],
    );
    check_faults("stages = 1\n", &["p.toml:1:10: stages: expected a table, found a whole number"]);
}

#[test]
fn unknown_words_and_keys_are_found() {
    let cases = [
        (
            "variant_resolution = \"child\"",
            "3:22: placements[0].variant_resolution: expected one of `as_linked`, `parent`, `sellable_variant`, found `child`",
        ),
        (
            "filter.brand = \"any\"",
            "3:16: placements[0].filter.brand: expected one of `same`, `different`, found `any`",
        ),
        (
            "filter.availabilities = [\"discontinued\"]",
            "3:26: placements[0].filter.availabilities[0]: expected one of `in_stock`, `low_stock`, `backorder`, `preorder`, `out_of_stock`, found `discontinued`",
        ),
        (
            "fallback = [{ variant_group = false }]",
            "3:31: placements[0].fallback[0].variant_group: expected `true`, found `false`",
        ),
        (
            "mix = [{ type = \"a\", wieght = 1 }]",
            "3:22: placements[0].mix[0]: expected one of `type`, `weight`, `max_results`, found `wieght`",
        ),
        (
            "filter.tags = []",
            "3:8: placements[0].filter: expected one of `availabilities`, `price`, `brand`, `category`, `brand_ids`, `category_ids`, `any_tags`, `none_tags`, `min_eco_grade`, `category_level`, found `tags`",
        ),
        (
            "diversity.brand = 1",
            "3:11: placements[0].diversity: expected one of `max_per_brand`, `max_per_category`, `max_per_variant_group`, found `brand`",
        ),
        (
            "filter.price.min = 1",
            "3:14: placements[0].filter.price: expected one of `min_minor_units`, `max_minor_units`, `min_seed_ratio`, `max_seed_ratio`, found `min`",
        ),
        (
            "[placements.stages.cart]",
            "3:20: placements[0].stages: expected one of `discovery`, `consideration`, `purchase_decision`, `checkout`, `post_purchase`, found `cart`",
        ),
        (
            "[placements.stages.checkout]\nid = \"x\"",
            "4:1: placements[0].stages.checkout: expected one of `mix`, `max_results`, `min_score`, `filter`, `fallback`, `diversity`, `variant_resolution`, `rotate`, found `id`",
        ),
        (
            "results = 1",
            "3:1: placements[0]: expected one of `id`, `stages`, `mix`, `max_results`, `min_score`, `filter`, `fallback`, `diversity`, `variant_resolution`, `rotate`, found `results`",
        ),
    ];
    for (line, expected) in cases {
        check_placement(line, &[&format!("p.toml:{expected}")]);
    }
    check_faults(
        "[stage]\n",
        &["p.toml:1:2: expected one of `placements`, `stages`, `rules`, found `stage`"],
    );
}

#[test]
fn what_is_missing_empty_or_twice_there_is_found() {
    check_faults("[[placements]]\n", &["p.toml:1:1: placements[0]: expected `id`, found none"]);
    check_faults(
        "[[placements]]\nid = \" \"\n",
        &["p.toml:2:6: placements[0].id: expected 1 to 128 bytes, found ``"],
    );
    check_faults(
        "[[placements]]\nid = \"a\"\n\n[[placements]]\nid = \"a\"\n",
        &["p.toml:5:6: expected each placement once, found `a` again; it stands in line 2, too"],
    );
    check_placement(
        "mix = [{}]",
        &["p.toml:3:8: placements[0].mix[0]: expected `type`, found none"],
    );
    check_placement(
        "mix = [{ type = \"a\" },\n{ type = \"a\" }]",
        &[
            "p.toml:4:10: placements[0].mix[1].type: expected each type once, found `a` again; it stands in line 3, too",
        ],
    );
    let one_key = "expected one key of `type`, `category_popular`, `via_alternatives`, `variant_group`, `popular_in`, `placement`";
    check_placement(
        "fallback = [{}]",
        &[&format!("p.toml:3:13: placements[0].fallback[0]: {one_key}, found 0")],
    );
    check_placement(
        "fallback = [{ type = \"a\", variant_group = true }]",
        &[&format!("p.toml:3:13: placements[0].fallback[0]: {one_key}, found 2")],
    );
}

#[test]
fn text_that_is_no_toml_is_found() {
    let found = faults("[[placements]\nid = \"p\"\n");
    assert!(found[0].starts_with("p.toml:1:"), "{found:?}");
    let found = faults("a = 1\na = 2\n");
    assert!(found[0].starts_with("p.toml:2:1: "), "{found:?}");
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_places() {
    let found = faults(
        "[[placements]]\nrotate = 1\nmax_results = 0\n[[placements]]\nmin_score = 2\nid = \"\"\n",
    );
    let places: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["p.toml:1:1", "p.toml:2:10", "p.toml:3:15", "p.toml:5:13", "p.toml:6:6"]);
}

#[test]
fn faults_beyond_the_limit_are_counted() {
    let text = "[[placements]]\n".repeat(POLICY_FAULTS_MAX + 2);
    let errors = PolicyDoc::parse("p.toml", &text).unwrap_err();
    assert_eq!((errors.errors().len(), errors.further()), (POLICY_FAULTS_MAX, 2));
    assert!(errors.to_string().ends_with("p.toml: 2 more of them"), "{errors}");
    assert_eq!(errors.file(), "p.toml");
}

#[test]
fn counts_at_their_limit_pass_and_one_more_does_not() {
    let check = |text: &dyn Fn(usize) -> String, max: usize, noun: &str| {
        parsed(&text(max - 1));
        parsed(&text(max));
        let found = faults(&text(max + 1));
        assert!(
            found[0].ends_with(&format!("expected at most {max} {noun}, found more")),
            "{found:?}"
        );
        assert_eq!(found.len(), 1);
    };
    let listed = |count: usize, item: &dyn Fn(usize) -> String| {
        (0..count).map(item).collect::<Vec<_>>().join(", ")
    };
    let placement = |line: String| format!("[[placements]]\nid = \"p\"\n{line}\n");
    check(
        &|count| (0..count).map(|n| format!("[[placements]]\nid = \"{n}\"\n")).collect(),
        PLACEMENTS_MAX,
        "placements",
    );
    check(
        &|count| {
            placement(format!("mix = [{}]", listed(count, &|n| format!("{{ type = \"{n}\" }}"))))
        },
        RELATION_TYPES_PER_REQUEST_MAX,
        "types in a mix",
    );
    check(
        &|count| {
            placement(format!(
                "fallback = [{}]",
                listed(count, &|_| "{ variant_group = true }".into())
            ))
        },
        FALLBACK_STEPS_MAX,
        "fallback steps",
    );
    check(
        &|count| {
            placement(format!("filter.any_tags = [{}]", listed(count, &|n| format!("\"{n}\""))))
        },
        FILTER_VALUES_MAX,
        "values",
    );
    check(
        &|count| {
            format!(
                "[[rules]]\nid = \"r\"\naction = \"pin\"\nposition = 1\nproducts = [{}]\n",
                listed(count, &|n| format!("\"{n}\""))
            )
        },
        RESULTS_MAX,
        "products of a pin",
    );
}

#[test]
fn a_text_at_its_limit_passes_and_one_byte_more_does_not() {
    let text = |len: usize| format!("#{}", " ".repeat(len - 1));
    parsed(&text(POLICY_BYTES_MAX));
    let errors = PolicyDoc::parse("p.toml", &text(POLICY_BYTES_MAX + 1)).unwrap_err();
    let fault = Fault::TooLong { bytes_max: POLICY_BYTES_MAX, found: POLICY_BYTES_MAX + 1 };
    assert_eq!(errors.errors()[0].fault, fault);
}
