//! Binding: names become numbers, unknown ones are told and match nothing.

use super::{ACCESSORY, TinyCatalog, UP_SELL, overrides, parsed};
use crate::{
    model::{relation::RelationType, selection::FallbackStep},
    policy::{Noun, Override, OverrideAction, Overrides, OverridesDoc, Policy, PolicyDoc, Window},
};

fn nothing() -> PolicyDoc {
    parsed("")
}

#[track_caller]
fn bound(rows: &str) -> Overrides {
    let policy = Policy::bind(&nothing(), Some(&overrides(rows)), &TinyCatalog::phones()).0;
    policy.overrides().clone()
}

fn row(relation_type: Option<RelationType>, target: u32, action: OverrideAction) -> Override {
    Override {
        relation_type,
        target,
        action,
        markets: 0,
        window: Window::ALWAYS,
        line: 2,
        author: "a".into(),
        reason: "x".into(),
    }
}

#[test]
fn the_default_wants_nothing() {
    let policy = Policy::default();
    assert_eq!(policy.placement_ids().count(), 0);
    assert_eq!((policy.rules().len(), policy.overrides().count()), (0, 0));
    assert!(!policy.overrides().is_touched(0));
    assert_eq!(Policy::bind(&nothing(), None, &TinyCatalog::phones()), (policy, vec![]));
}

#[test]
fn each_action_is_bound() {
    use OverrideAction::{Add, Hide, Pin, Remove, Reorder};
    let check = |text: &str, expected: Override| assert_eq!(bound(text).of(0), [expected]);
    let accessory = Some(ACCESSORY);
    check(
        "add,phone,accessory,case,,,,,,a,x",
        row(accessory, 1, Add { position: None, quantity: 0.0 }),
    );
    check(
        "add,phone,accessory,case,2,1.5,,,,a,x",
        row(accessory, 1, Add { position: Some(2), quantity: 1.5 }),
    );
    check("remove,phone,,case,,,,,,a,x", row(None, 1, Remove));
    check("reorder,phone,accessory,case,3,,,,,a,x", row(accessory, 1, Reorder { position: 3 }));
    check("pin,phone,,case,4,,,,,a,x", row(None, 1, Pin { position: 4 }));
    check("hide,phone,,case,,,,,,a,x", row(None, 1, Hide));
    let limited = Override {
        markets: 0b10,
        window: Window { from_s: 1_767_225_600, to_s: i64::MAX },
        ..row(None, 1, Hide)
    };
    check("hide,phone,,case,,,uk|us,2026-01-01,,a,x", limited);
}

#[test]
fn overrides_of_a_source_stand_by_type_and_position() {
    let found = bound(
        "add,phone,up_sell,tablet,,,,,,a,x\nadd,phone,accessory,film,,,,,,a,x\n\
         add,phone,accessory,case,,,,,,a,x\nadd,phone,accessory,charger,1,,,,,a,x\n\
         pin,phone,,film,2,,,,,a,x\npin,tablet,,case,1,,,,,a,x",
    );
    let of = |source| {
        let rows = found.of(source).iter().map(|row| (row.relation_type, row.target));
        rows.collect::<Vec<_>>()
    };
    let accessory = Some(ACCESSORY);
    let expected = [(None, 2), (accessory, 3), (accessory, 1), (accessory, 2), (Some(UP_SELL), 4)];
    let mut expected = expected.to_vec();
    expected.sort_by_key(|(relation_type, _)| *relation_type);
    assert_eq!(of(0), expected);
    assert_eq!(of(4), [(None, 1)]);
    assert_eq!([0, 1, 4, 5, 99].map(|n| found.is_touched(n)), [true, false, true, false, false]);
    assert_eq!((of(1), of(99), found.count()), (vec![], vec![], 6));
}

#[test]
fn what_is_hidden_everywhere_is_found_by_target() {
    let found = bound(
        "hide,,,film,,,,,,a,x\nhide,,,film,,,de,,,a,x\nhide,,,case,,,,,,a,x\nhide,phone,,tablet,,,,,,a,x",
    );
    let count = |target| found.hides_everywhere(target).len();
    assert_eq!([0, 1, 2, 3, 4, 99].map(count), [0, 1, 2, 0, 0, 0]);
    assert_eq!(found.everywhere().len(), 3);
    assert!(found.hides_everywhere(2).iter().all(|row| row.target == 2));
}

#[test]
fn overrides_of_unknown_things_are_left_out_and_told() {
    let document = overrides(
        "pin,gone,,case,1,,,,,a,x\npin,phone,,lost,1,,,,,a,x\npin,phone,nope,case,1,,,,,a,x\n\
         pin,phone,,case,1,,us,,,a,x\nhide,,,gone,,,,,,a,x",
    );
    let (policy, unbound) = Policy::bind(&nothing(), Some(&document), &TinyCatalog::phones());
    assert_eq!(policy.overrides().count(), 0);
    let told: Vec<String> = unbound.iter().map(ToString::to_string).collect();
    let expected = [
        "o.csv:2:5: expected a product of the catalog, found `gone`",
        "o.csv:3:12: expected a product of the catalog, found `lost`",
        "o.csv:4:11: expected a relation type of the catalog, found `nope`",
        "o.csv:5:20: expected a market of the catalog, found `us`",
        "o.csv:6:8: expected a product of the catalog, found `gone`",
    ];
    assert_eq!(told, expected);
}

#[test]
fn unknown_types_are_left_out_of_mixes_and_chains() {
    let document = parsed(
        "[[placements]]\nid = \"p\"\nmix = [{ type = \"nope\" }, { type = \"accessory\" }]\n\
         fallback = [{ type = \"nope\" }, { popular_in = \"Gone\" }]\nfilter.brand_ids = [\"Gone\"]\n\
         filter.any_tags = [\"gone\"]\n",
    );
    let (policy, unbound) = Policy::bind(&document, None, &TinyCatalog::phones());
    let slot = policy.placement("p").unwrap().slot(None);
    assert_eq!(slot.mix.len(), 1);
    assert_eq!(slot.fallback, [FallbackStep::PopularIn(Some("Gone".to_owned()))]);
    let nouns: Vec<Noun> = unbound.iter().map(|one| one.noun).collect();
    use Noun::{Brand, Category, RelationType, Tag};
    assert_eq!(nouns, [RelationType, RelationType, Category, Brand, Tag]);
}

#[test]
fn a_standard_type_is_known_under_a_code_of_the_catalog_and_its_own() {
    let catalog = TinyCatalog { own_types: vec![("zubehoer", 6)], ..TinyCatalog::phones() };
    let document = parsed(
        "[[placements]]\nid = \"p\"\nmix = [{ type = \"zubehoer\" }, { type = \"accessory\" }]\n",
    );
    let (policy, unbound) = Policy::bind(&document, None, &catalog);
    let mix = &policy.placement("p").unwrap().slot(None).mix;
    assert_eq!((mix.len(), mix[0].relation_type, unbound.len()), (1, ACCESSORY, 0));
}

#[test]
fn a_catalog_must_know_types_markets_and_products_of_a_policy() {
    let document = parsed(
        "[[placements]]\nid = \"p\"\nmix = [{ type = \"nope\" }]\nfallback = [{ type = \"nope\" }]\n\
         [[rules]]\nid = \"r\"\naction = \"hide\"\nproducts = [\"gone\"]\nbrands = [\"Gone\"]\n\
         markets = [\"us\"]\nseeds = [\"lost\"]\n[stages.checkout]\nmix = [{ type = \"nope\" }]\n",
    );
    let errors = document.check_against(&TinyCatalog::phones()).unwrap_err().to_string();
    let expected = [
        "p.toml:3:17: expected a relation type of the catalog, found `nope`",
        "p.toml:4:22: expected a relation type of the catalog, found `nope`",
        "p.toml:8:13: expected a product of the catalog, found `gone`",
        "p.toml:10:12: expected a market of the catalog, found `us`",
        "p.toml:11:10: expected a product of the catalog, found `lost`",
        "p.toml:13:17: expected a relation type of the catalog, found `nope`",
    ];
    assert_eq!(errors.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn no_overrides_and_an_empty_table_are_the_same() {
    let empty = OverridesDoc::default();
    let with = Policy::bind(&nothing(), Some(&empty), &TinyCatalog::phones());
    assert_eq!(with, Policy::bind(&nothing(), None, &TinyCatalog::phones()));
}
