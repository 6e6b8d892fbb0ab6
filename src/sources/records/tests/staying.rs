//! What stays of before, mode by mode.

use super::*;
use crate::model::{
    config::{CatalogConfig, Mode, SourceDeclaration},
    id::IdRule,
    record::{
        AliasRecord, BundleRecord, ProductMarketRecord, ProductRecord, RelationRecord, ScopeRecord,
        TombstoneRecord, VariantRecord,
    },
    relation::{Origin, RelationType},
};

/// A statement as a text of words.
fn record(text: &str) -> Record<'_> {
    let words = text.split(' ').collect::<Vec<_>>();
    match words.as_slice() {
        ["product", id] => Record::Product(ProductRecord { id, ..ProductRecord::default() }),
        ["market", id, market] => Record::ProductMarket(ProductMarketRecord {
            id,
            market,
            listed: None,
            price: None,
            read_at_s: None,
        }),
        ["alias", alias, product] => Record::Alias(AliasRecord { alias, product }),
        ["variant", parent, variant] => {
            Record::Variant(VariantRecord { parent, variant, position: None })
        }
        ["bundle", bundle, option, product] => Record::Bundle(BundleRecord {
            bundle,
            option,
            option_position: 0,
            required: true,
            min_selections: 1,
            max_selections: 1,
            product,
            selection_position: 0,
            quantity: 1.0,
            is_default: false,
        }),
        ["scope", relation_type] => Record::Scope(ScopeRecord { relation_type, product: None }),
        ["scope", relation_type, product] => {
            Record::Scope(ScopeRecord { relation_type, product: Some(product) })
        }
        ["gone", product] => Record::Tombstone(TombstoneRecord { product }),
        [source, relation_type, target] => {
            Record::Relation(RelationRecord::new(source, relation_type, target, Origin::Imported))
        }
        _ => panic!("no statement: {text}"),
    }
}

const BEFORE: [&str; 16] = [
    "product a",
    "product b",
    "market a ch",
    "market a at",
    "alias x a",
    "alias y b",
    "a related b",
    "a related c",
    "a up_sell b",
    "b related a",
    "c own_type a",
    "variant a a1",
    "variant b b1",
    "bundle a Lens b",
    "bundle a Bag c",
    "bundle b Lens a",
];

fn config(mode: Option<Mode>, type_modes: &[(RelationType, Mode)]) -> CatalogConfig {
    let source = SourceDeclaration {
        mode,
        type_modes: type_modes.to_vec(),
        ..SourceDeclaration::new("shop", 100)
    };
    CatalogConfig { sources: vec![source], ..CatalogConfig::default() }
}

/// Which statements of [`BEFORE`] go when `new` comes.
fn gone(config: &CatalogConfig, new: &[&str]) -> Vec<&'static str> {
    let mut spoken = Spoken::new(StayingRules::new(config, "shop", Mode::Replace));
    new.iter().for_each(|text| spoken.note(&record(text)));
    BEFORE.into_iter().filter(|text| !spoken.keeps(&record(text))).collect()
}

#[track_caller]
fn check(mode: Mode, new: &[&str], expected: &[&str]) {
    assert_eq!(gone(&config(Some(mode), &[]), new), expected, "{mode:?}: {new:?}");
}

#[test]
fn replace_takes_the_types_that_the_input_speaks_of() {
    let related = ["a related b", "a related c", "b related a"];
    check(Mode::Replace, &[], &[]);
    check(Mode::Replace, &["c related b"], &related);
    // An empty cell, or a column of empty cells, clears; an absent column speaks of nothing.
    check(Mode::Replace, &["scope related"], &related);
    check(Mode::Replace, &["scope related c"], &related);
    check(Mode::Replace, &["scope accessory"], &[]);
    check(Mode::Replace, &["z own_type z"], &["c own_type a"]);
    check(
        Mode::Replace,
        &["scope #bundles"],
        &["bundle a Lens b", "bundle a Bag c", "bundle b Lens a"],
    );
    check(Mode::Replace, &["scope #variants"], &["variant a a1", "variant b b1"]);
}

#[test]
fn patch_takes_the_types_of_the_products_that_the_input_speaks_of() {
    check(Mode::Patch, &["scope related"], &[]);
    check(Mode::Patch, &["a related z"], &["a related b", "a related c"]);
    check(Mode::Patch, &["scope related a"], &["a related b", "a related c"]);
    check(Mode::Patch, &["scope related c"], &[]);
    check(Mode::Patch, &["scope up_sell a"], &["a up_sell b"]);
    check(Mode::Patch, &["bundle b Lens z"], &["bundle b Lens a"]);
    check(Mode::Patch, &["scope #bundles a"], &["bundle a Lens b", "bundle a Bag c"]);
    check(Mode::Patch, &["scope #variants b"], &["variant b b1"]);
}

/// A product whose last link of a type went has a map without that type: in `patch` the map as a whole
/// speaks of every type of its system, or such links stay for ever.
#[test]
fn patch_takes_every_type_of_a_product_whose_whole_map_is_there() {
    let kept = ["a pim:x b", "a pim:y b", "a pim:n b 2", "b pim:x a", "a shop:x b"];
    let gone = |mode, new: &str| {
        let mut spoken = Spoken::new(StayingRules::new(&config(Some(mode), &[]), "shop", mode));
        let (relation_type, product) = new.rsplit_once(' ').unwrap();
        let scope = ScopeRecord { relation_type, product: Some(product) };
        spoken.note(&Record::Scope(scope));
        let is_gone = |text: &&str| {
            let Record::Relation(mut link) = record(text.strip_suffix(" 2").unwrap_or(text)) else {
                panic!("no relation: {text}")
            };
            link.quantity = text.ends_with(" 2").then_some(2.0);
            !spoken.keeps(&Record::Relation(link))
        };
        kept.into_iter().filter(is_gone).collect::<Vec<_>>()
    };
    assert_eq!(gone(Mode::Patch, "#every pim: a"), kept[..3]);
    assert_eq!(gone(Mode::Patch, "#every-plain pim: a"), kept[..2]);
    assert_eq!(gone(Mode::Patch, "#every-counted pim: a"), kept[2..3]);
    assert_eq!(gone(Mode::Patch, "#every pim: c"), [""; 0]);
    // One product with an empty map says nothing of the types of others.
    assert_eq!(gone(Mode::Replace, "#every pim: a"), [""; 0]);
    assert_eq!(gone(Mode::Append, "#every pim: a"), [""; 0]);
}

#[test]
fn append_takes_only_what_the_input_says_anew() {
    check(Mode::Append, &["scope related", "scope related a", "gone b"], &[]);
    check(Mode::Append, &["a related b", "a related z"], &["a related b"]);
    check(Mode::Append, &["bundle a Lens b", "bundle a Bag b"], &["bundle a Lens b"]);
    check(Mode::Append, &["variant a a1"], &["variant a a1"]);
}

#[test]
fn full_leaves_nothing() {
    check(Mode::Full, &[], &BEFORE);
    assert!(StayingRules::new(&config(Some(Mode::Full), &[]), "shop", Mode::Replace).is_full());
    let mixed = config(Some(Mode::Full), &[(RelationType::RELATED, Mode::Append)]);
    assert!(!StayingRules::new(&mixed, "shop", Mode::Replace).is_full());
}

#[test]
fn a_row_of_a_product_takes_the_row_of_before() {
    for mode in [Mode::Replace, Mode::Patch, Mode::Append] {
        check(mode, &["product a"], &["product a"]);
        check(mode, &["product z"], &[]);
        check(mode, &["market a ch"], &["market a ch"]);
        check(mode, &["alias x z"], &["alias x a"]);
    }
    // A variant has one parent.
    for mode in [Mode::Replace, Mode::Patch] {
        assert!(gone(&config(Some(mode), &[]), &["variant b a1"]).contains(&"variant a a1"));
    }
}

#[test]
fn a_tombstone_takes_all_that_names_the_product_but_selections_of_it() {
    let expected = [
        "product b",
        "alias y b",
        "a related b",
        "a up_sell b",
        "b related a",
        "variant b b1",
        "bundle b Lens a",
    ];
    check(Mode::Replace, &["gone b"], &expected);
    check(Mode::Patch, &["gone b"], &expected);
    check(Mode::Patch, &["gone a1"], &["variant a a1"]);
}

#[test]
fn a_type_may_have_a_mode_of_its_own() {
    let modes = [(RelationType::RELATED, Mode::Append), (RelationType::UP_SELL, Mode::Patch)];
    let config = config(None, &modes);
    assert_eq!(gone(&config, &["c related b", "scope related"]), [""; 0]);
    assert_eq!(gone(&config, &["scope up_sell"]), [""; 0]);
    assert_eq!(gone(&config, &["scope up_sell a"]), ["a up_sell b"]);
    assert_eq!(gone(&config, &["scope own_type"]), ["c own_type a"], "the default is `replace`");
}

/// `related` and `magento:related` are one type; `A` and `a` one product, if ids are folded.
#[test]
fn types_and_products_are_known_by_all_their_spellings() {
    check(Mode::Replace, &["z magento:upsell z"], &["a up_sell b"]);
    check(Mode::Patch, &["scope magento:upsell a"], &["a up_sell b"]);
    check(Mode::Patch, &["scope up_sell A"], &[]);
    let folded = CatalogConfig { id_rule: IdRule::CaseFolded, ..config(Some(Mode::Patch), &[]) };
    assert_eq!(gone(&folded, &["scope up_sell A"]), ["a up_sell b"]);
    assert_eq!(gone(&folded, &["product A"]), ["product a"]);
}

/// Two texts that run together are not one.
#[test]
fn borders_of_texts_count() {
    let mut spoken =
        Spoken::new(StayingRules::new(&config(Some(Mode::Append), &[]), "shop", Mode::Full));
    spoken.note(&record("ab related c"));
    assert!(spoken.keeps(&record("a related bc")));
    assert!(!spoken.keeps(&record("ab related c")));
}

/// Files of which nothing stays are named no more; findings of before are not said again.
#[test]
fn only_files_with_something_left_are_passed_on() {
    let (bytes, written) = written(|sink| {
        for (name, text) in [("old.csv", "a related b"), ("other.csv", "a up_sell b")] {
            let file = sink.open_file(FileInfo { name: name.to_owned(), modified_s: None });
            sink.record(at(file, 2), record(text));
            sink.finding(FindingCode::BadValue, at(file, 3), "", "said before");
        }
    });
    let mut spoken = Spoken::new(StayingRules::new(&config(None, &[]), "shop", Mode::Replace));
    spoken.note(&record("scope related"));
    let mut log = Log::default();
    log.open_file(FileInfo { name: "new.csv".to_owned(), modified_s: None });
    let mut staying = Staying::new(&mut spoken, &mut log, KeptFindings::Passed);
    replay(&*bytes, Path::new("kept"), written.hash, &mut staying).unwrap();
    assert_eq!(log.calls.len(), 3);
    assert!(log.calls[1].contains("other.csv"), "{:?}", log.calls);
    assert!(log.calls[2].starts_with("Location { file: FileId(1), line: 2 }"), "{:?}", log.calls);
}
