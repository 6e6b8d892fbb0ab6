//! Rules: each action with what belongs to it, and what a catalog makes of them.

use super::{TinyCatalog, check_faults, faults, parsed};
use crate::{
    model::{
        limits::{RULE_VALUES_MAX, RULES_MAX},
        relation::{Stage, StageMask},
    },
    policy::{Policy, Rule, RuleAction, RuleMatch, RuleWhen, Window},
};

#[track_caller]
fn bound(rules: &str) -> Vec<Rule> {
    let document = parsed(&format!("[[placements]]\nid = \"p\"\n{rules}"));
    Policy::bind(&document, None, &TinyCatalog::phones()).0.rules().to_vec()
}

/// A rule `r` with these lines has this fault; the lines begin at line 3.
#[track_caller]
fn check_rule(lines: &str, expected: &str) {
    check_faults(&format!("[[rules]]\nid = \"r\"\n{lines}\n"), &[&format!("p.toml:{expected}")]);
}

#[test]
fn every_key_of_a_rule_is_read() {
    let found = bound(
        r#"
[[rules]]
id = "r"
action = "boost"
factor = 1.5
products = ["tablet", "phone", "phone"]
brands = ["Bolt"]
categories = ["Phones/Cases", "Phones"]
tags = ["sale", "new"]
placements = ["p"]
stages = ["checkout", "discovery"]
markets = ["uk"]
seeds = ["case"]
seed_categories = ["Phones"]
valid_from = "2026-11-27"
valid_to = 2026-11-30T00:00:00Z
"#,
    );
    let expected = Rule {
        id: "r".to_owned(),
        action: RuleAction::Boost(1500),
        matches: RuleMatch {
            products: Some(vec![0, 4]),
            brands: Some(vec![1]),
            categories: Some(vec![0, 1]),
            tags: Some(0b11),
        },
        when: RuleWhen {
            placements: vec!["p".to_owned()],
            stages: StageMask::EVERY.with(Stage::Checkout).with(Stage::Discovery),
            markets: 0b10,
            seeds: vec![1],
            seed_categories: vec![0],
        },
        window: Window { from_s: 1_795_737_600, to_s: 1_795_996_800 },
    };
    assert_eq!(found, [expected]);
}

#[test]
fn actions_have_what_belongs_to_them() {
    let action = |lines: &str| bound(&format!("[[rules]]\nid = \"r\"\n{lines}"))[0].action.clone();
    assert_eq!(
        action("action = \"boost\"\nfactor = 1.001\ntags = [\"new\"]"),
        RuleAction::Boost(1001)
    );
    assert_eq!(
        action("action = \"boost\"\nfactor = 10\ntags = [\"new\"]"),
        RuleAction::Boost(10_000)
    );
    assert_eq!(
        action("action = \"boost\"\nfactor = 0b10\ntags = [\"new\"]"),
        RuleAction::Boost(2_000)
    );
    assert_eq!(action("action = \"bury\"\nfactor = 0\ntags = [\"new\"]"), RuleAction::Bury(0));
    assert_eq!(
        action("action = \"bury\"\nfactor = 0.999\ntags = [\"new\"]"),
        RuleAction::Bury(999)
    );
    assert_eq!(action("action = \"hide\"\ntags = [\"new\"]"), RuleAction::Hide);
    // Pins keep the order of the file; what the catalog does not know leaves no gap.
    assert_eq!(
        action(
            "action = \"pin\"\nposition = 2\nproducts = [\"tablet\", \"gone\", \"case\", \"tablet\"]"
        ),
        RuleAction::Pin { position: 2, products: vec![4, 1] },
    );
}

#[test]
fn rules_stay_in_the_order_of_the_file() {
    let rule =
        |id: &str| format!("[[rules]]\nid = \"{id}\"\naction = \"hide\"\ntags = [\"new\"]\n");
    let ids: Vec<String> = bound(&[rule("b"), rule("a"), rule("c")].concat())
        .into_iter()
        .map(|rule| rule.id)
        .collect();
    assert_eq!(ids, ["b", "a", "c"]);
}

#[test]
fn a_kind_of_unknown_names_matches_nothing_and_an_unknown_condition_never_holds() {
    let hide = |lines: &str| bound(&format!("[[rules]]\nid = \"r\"\naction = \"hide\"\n{lines}"));
    assert_eq!(hide("products = [\"gone\"]")[0].matches.products, Some(vec![]));
    assert_eq!(hide("brands = [\"Gone\"]\ntags = [\"gone\"]")[0].matches.tags, Some(0));
    assert_eq!(hide("brands = []\ntags = [\"new\"]")[0].matches.brands, None);
    for condition in ["markets = [\"us\"]", "seeds = [\"gone\"]", "seed_categories = [\"Gone\"]"] {
        assert_eq!(hide(&format!("products = [\"case\"]\n{condition}")), [], "{condition}");
    }
    assert_eq!(hide("products = [\"case\"]\nmarkets = [\"us\", \"de\"]")[0].when.markets, 0b1);
}

#[test]
fn what_is_wrong_with_a_rule_is_found() {
    let tags = "tags = [\"new\"]";
    check_rule(
        "action = \"lift\"\ntags = [\"new\"]",
        "3:10: rules[0].action: expected one of `boost`, `bury`, `pin`, `hide`, found `lift`",
    );
    check_rule(tags, "1:1: rules[0]: expected `action`, found none");
    check_rule(
        "action = \"hide\"",
        "1:1: rules[0]: expected products to mean, by one of `products`, `brands`, `categories`, `tags`, found none",
    );
    check_rule(
        "action = \"hide\"\nbrands = []",
        "1:1: rules[0]: expected products to mean, by one of `products`, `brands`, `categories`, `tags`, found none",
    );
    for (factor, found) in [("1", "1"), ("10.01", "10.01"), ("0.5", "0.5"), ("inf", "inf")] {
        check_rule(
            &format!("action = \"boost\"\nfactor = {factor}\n{tags}"),
            &format!("4:10: rules[0].factor: expected a number from 1.001 to 10, found `{found}`"),
        );
    }
    for (factor, found) in [("1", "1"), ("-0.5", "-0.5")] {
        check_rule(
            &format!("action = \"bury\"\nfactor = {factor}\n{tags}"),
            &format!("4:10: rules[0].factor: expected a number from 0 to 0.999, found `{found}`"),
        );
    }
    check_rule(
        &format!("action = \"boost\"\n{tags}"),
        "1:1: rules[0]: expected `factor`, found none",
    );
    check_rule(
        &format!("action = \"boost\"\nfactor = 2\nposition = 1\n{tags}"),
        "5:12: rules[0]: expected `factor` with boost and bury, found `position`",
    );
    check_rule(
        &format!("action = \"hide\"\nfactor = 2\n{tags}"),
        "4:10: rules[0]: expected neither `factor` nor `position` with hide, found `factor`",
    );
    check_rule(
        "action = \"pin\"\nproducts = [\"case\"]",
        "1:1: rules[0]: expected `position`, found none",
    );
    check_rule(
        "action = \"pin\"\nposition = 0\nproducts = [\"case\"]",
        "4:12: rules[0].position: expected a whole number from 1 to 100, found `0`",
    );
    check_rule(
        "action = \"pin\"\nposition = 1\nbrands = [\"Acme\"]",
        "5:10: rules[0]: expected `position` and `products` with pin, found `brands`",
    );
    check_rule(
        &format!("action = \"hide\"\nstages = [\"cart\"]\n{tags}"),
        "4:11: rules[0].stages[0]: expected one of `discovery`, `consideration`, `purchase_decision`, `checkout`, `post_purchase`, found `cart`",
    );
    check_rule(
        &format!("action = \"hide\"\nplacements = [\"p\"]\n{tags}"),
        "4:15: expected a placement of the policy, found `p`",
    );
    check_rule(
        &format!("action = \"hide\"\nvalid_from = \"soon\"\n{tags}"),
        "4:14: rules[0].valid_from: expected an instant like `2026-01-31T08:00:00Z` or a date, found `soon`",
    );
    check_rule(
        &format!("action = \"hide\"\nvalid_from = 2026-01-31T08:00:00\n{tags}"),
        "4:14: rules[0].valid_from: expected an instant like `2026-01-31T08:00:00Z` or a date, found `2026-01-31T08:00:00`",
    );
    check_rule(
        &format!("action = \"hide\"\nvalid_from = 5\n{tags}"),
        "4:14: rules[0].valid_from: expected an instant like `2026-01-31T08:00:00Z` or a date, found a whole number",
    );
}

#[test]
fn an_empty_window_is_found() {
    for (from, to, shown) in [
        ("2026-11-27", "2026-11-27", "2026-11-27T00:00:00Z"),
        ("2026-11-27", "2026-11-26", "2026-11-26T00:00:00Z"),
    ] {
        check_rule(
            &format!(
                "action = \"hide\"\ntags = [\"new\"]\nvalid_to = \"{to}\"\nvalid_from = \"{from}\""
            ),
            &format!(
                "5:12: rules[0].valid_to: expected an end after 2026-11-27T00:00:00Z, found {shown}"
            ),
        );
    }
}

#[test]
fn rules_with_one_id_are_found() {
    let rule = "[[rules]]\nid = \"r\"\naction = \"hide\"\ntags = [\"new\"]\n";
    check_faults(
        &rule.repeat(3),
        &[
            "p.toml:6:6: expected each rule once, found `r` again; it stands in line 2, too",
            "p.toml:10:6: expected each rule once, found `r` again; it stands in line 2, too",
        ],
    );
}

#[test]
fn rules_and_their_lists_have_limits() {
    let rule =
        |id: usize| format!("[[rules]]\nid = \"{id}\"\naction = \"hide\"\ntags = [\"new\"]\n");
    let rules = |count: usize| (0..count).map(rule).collect::<String>();
    parsed(&rules(RULES_MAX - 1));
    parsed(&rules(RULES_MAX));
    assert!(faults(&rules(RULES_MAX + 1))[0].ends_with("expected at most 1000 rules, found more"));
    let list = |count: usize| {
        let ids: Vec<String> = (0..count).map(|n| format!("\"{n}\"")).collect();
        format!("[[rules]]\nid = \"r\"\naction = \"hide\"\nproducts = [{}]\n", ids.join(","))
    };
    parsed(&list(RULE_VALUES_MAX - 1));
    parsed(&list(RULE_VALUES_MAX));
    let found = faults(&list(RULE_VALUES_MAX + 1));
    assert!(found[0].ends_with("expected at most 10000 values, found more"), "{found:?}");
}

#[test]
fn a_window_holds_from_its_begin_to_before_its_end() {
    let window = Window { from_s: 5, to_s: 7 };
    assert_eq!([4, 5, 6, 7].map(|at_s| window.contains(at_s)), [false, true, true, false]);
    assert!(Window::ALWAYS.contains(i64::MIN) && Window::default().contains(0));
}
