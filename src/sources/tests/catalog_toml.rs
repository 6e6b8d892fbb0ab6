//! `catalog.toml`: what it declares, and the line and column of each mistake.

use std::path::Path;

use crate::{
    model::{
        config::{CatalogConfig, Market, Mode, SourceDeclaration, TypeDeclaration},
        currency::Currency,
        guard::{Guard, GuardLimit, GuardLimits, Share},
        id::IdRule,
        limits::{CONFIG_BYTES_MAX, MARKETS_MAX, RELATIONS_PER_TYPE_MAX, TAGS_MAX},
        relation::{RelationType, STANDARD_TYPES},
    },
    sources::{
        SourceError,
        catalog_toml::{beside, load, parse},
    },
};

const FULL: &str = r#"
id_rule = "case_folded"
default_market = "ch"
read_at = "2026-01-31T08:00:00Z"
tags = ["new", "sale"]

[[markets]]
id = "de"
currency = "EUR"
default_inventory = "berlin"

[[markets]]
id = "ch"
currency = "CHF"

[[inventories]]
id = "zurich"

[[inventories]]
id = "berlin"

[[relation_types]]
number = 100
code = "fits_model"
display_name = "Fits"
reverse = true
max_per_product = 20
source_codes = ["akeneo:FITS"]

[[relation_types]]
number = 6
display_name = "Zubehör"
two_way = true
source_codes = ["akeneo:PACK"]

[[relation_types]]
number = 1
source_codes = ["akeneo:X_SELL", "magento:crosssell"]

[sources.pim]
priority = 65535

[sources.magento]

[derive]
eco_alternatives = true

[guards]
shrink = 0.1
shrink_group = 0.15
prices = 1
group_min = 50
churn_top = 3
"#;

#[track_caller]
fn check(text: &str, line: usize, column: usize, message: &str) {
    let error = parse(text, Path::new("catalog.toml"), &|| IdRule::Exact).unwrap_err();
    assert!(matches!(error, SourceError::Catalog { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("catalog.toml:{line}:{column}: {message}"));
}

fn parsed(text: &str) -> CatalogConfig {
    parse(text, Path::new("catalog.toml"), &|| IdRule::Exact).unwrap()
}

fn declared(config: &CatalogConfig, number: u8) -> &TypeDeclaration {
    let relation_type = RelationType::new(number).unwrap();
    config.relation_types.iter().find(|known| known.relation_type == relation_type).unwrap()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parsed(""), CatalogConfig::default());
}

#[test]
fn every_key_is_read() {
    let config = parsed(FULL);
    assert_eq!(config.id_rule, IdRule::CaseFolded);
    assert_eq!(config.default_market, 1);
    assert_eq!(config.read_at_s, Some(20_484 * 86_400 + 8 * 3_600));
    assert_eq!(config.tags, ["new", "sale"]);
    assert_eq!(config.inventories, ["zurich", "berlin"]);
    let market = |id: &str, code: &str, default_inventory| Market {
        id: id.to_owned(),
        currency: Currency::parse(code).unwrap(),
        default_inventory,
    };
    assert_eq!(config.markets, [market("de", "EUR", 1), market("ch", "CHF", 0)]);
    let source = SourceDeclaration::new;
    assert_eq!(config.sources, [source("magento", 100), source("pim", 65535)]);
    let caps = [6, 100].map(|number| declared(&config, number).max_per_product);
    assert_eq!(caps, [RELATIONS_PER_TYPE_MAX, 20]);
    let share = |share| Share::new(share).unwrap();
    let shrink = GuardLimit { whole: share(0.1), group: share(0.15) };
    let prices =
        GuardLimit { whole: Share::ONE, group: GuardLimits::DEFAULT.of(Guard::Prices).group };
    let mut guards = GuardLimits::DEFAULT.with(Guard::Shrink, shrink).with(Guard::Prices, prices);
    (guards.group_min, guards.churn_top) = (50, 3);
    assert_eq!(config.guards, guards);
    assert!(config.derive_eco_alternatives);
}

#[test]
fn a_guard_that_is_none_or_no_share_is_named() {
    let keys = "one of `shrink`, `churn`, `products`, `ids`, `prices`, `stock`, `overrides`, one of \
                them with `_group`, `group_min` or `churn_top`";
    for key in ["shrinkage", "shrink_groups", "overrides_group", "all", "_group"] {
        let text = format!("[guards]\n{key} = 0.5");
        check(&text, 2, 1, &format!("expected {keys}, found `{key}`"));
    }
    for bad in ["1.01", "-0.1", "2", "nan", "\"0.5\"", "true", "[0.5]"] {
        let text = format!("[guards]\nshrink = {bad}");
        let expected = "expected a share from 0 to 1 (1 lets everything pass)";
        check(&text, 2, 10, &format!("{expected}, found `{bad}`"));
    }
    for bad in ["0", "-1", "1001", "0.5"] {
        let text = format!("[guards]\nchurn_top = {bad}");
        check(&text, 2, 13, &format!("expected a number from 1 to 1000, found `{bad}`"));
    }
}

#[test]
fn a_cap_is_one_to_what_a_list_holds() {
    for bad in [0, -1, 1_001] {
        let text = format!("[[relation_types]]\nnumber = 1\nmax_per_product = {bad}");
        check(&text, 3, 19, &format!("expected 1 to 1000, found {bad}"));
    }
    let capped = parsed("[[relation_types]]\nnumber = 1\nmax_per_product = 1000");
    assert_eq!(declared(&capped, 1).max_per_product, 1_000);
}

#[test]
fn a_source_has_a_mode_and_types_of_it_have_their_own() {
    let config = parsed(
        "[[relation_types]]\nnumber = 100\ncode = \"fits\"\n\
         [sources.pim]\nmode = \"patch\"\n\
         [sources.pim.modes]\nfits = \"full\"\n\"magento:crosssell\" = \"append\"\n\
         [sources.shop]\n",
    );
    let own = RelationType::new(100).unwrap();
    let pim = SourceDeclaration {
        mode: Some(Mode::Patch),
        type_modes: vec![(RelationType::CROSS_SELL, Mode::Append), (own, Mode::Full)],
        ..SourceDeclaration::new("pim", 100)
    };
    assert_eq!(config.sources, [pim, SourceDeclaration::new("shop", 100)]);
    for mode in Mode::ALL {
        let text = format!("[sources.pim]\nmode = \"{}\"", mode.code());
        assert_eq!(parsed(&text).sources[0].mode, Some(mode));
    }
}

#[test]
fn modes_and_their_types_must_exist() {
    let words = "expected `full`, `replace`, `patch` or `append`, found";
    check("[sources.a]\nmode = \"merge\"", 2, 8, &format!("{words} `merge`"));
    check("[sources.a]\nmodes.related = \"Full\"", 2, 17, &format!("{words} `Full`"));
    let expected = "expected a code of a standard or declared relation type, found `relatd`";
    check("[sources.a.modes]\nrelatd = \"full\"", 2, 1, expected);
    let expected = "expected each relation type once in `modes`, found `related` by two codes";
    let text = "[sources.a.modes]\nrelated = \"full\"\n\"magento:related\" = \"full\"";
    check(text, 1, 10, expected);
}

#[test]
fn types_change_the_standard_and_add_to_it() {
    let config = parsed(FULL);
    let numbers: Vec<u8> =
        config.relation_types.iter().map(|known| known.relation_type.number()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
    let cross_sell = declared(&config, 1);
    let standard = STANDARD_TYPES[0].source_codes.iter().copied();
    for code in standard.chain(["akeneo:X_SELL"]) {
        let named = cross_sell.source_codes.iter().filter(|known| *known == code).count();
        assert_eq!(named, 1, "{code}");
    }
    assert_eq!((cross_sell.code.as_str(), cross_sell.two_way), ("cross_sell", false));
    let accessory = declared(&config, 6);
    assert_eq!((accessory.code.as_str(), accessory.two_way), ("accessory", true));
    assert_eq!((accessory.display_name.as_str(), accessory.reverse), ("Zubehör", true));
    let fits = declared(&config, 100);
    assert_eq!((fits.code.as_str(), fits.display_name.as_str()), ("fits_model", "Fits"));
    assert_eq!((fits.two_way, fits.reverse), (false, true));
    assert_eq!(fits.source_codes, ["akeneo:FITS"]);
}

/// A shop whose PACK is no bundle could not say so: the standard type had the code already.
#[test]
fn a_source_code_goes_to_the_type_that_the_file_gives_it_to() {
    let config = parsed(
        "[[relation_types]]\nnumber = 6\nsource_codes = [\"akeneo:PACK\"]\n\
         [[relation_types]]\nnumber = 100\ncode = \"x\"\nsource_codes = [\"magento:related\"]\n",
    );
    let codes = |number: u8| declared(&config, number).source_codes.clone();
    let has = |number: u8, code: &str| codes(number).iter().any(|known| known == code);
    assert!(has(6, "akeneo:PACK") && !has(3, "akeneo:PACK"));
    assert!(!has(7, "magento:related"));
    assert_eq!(codes(100), ["magento:related"]);
}

#[test]
fn instants_may_stand_without_quotes() {
    let config = parsed("read_at = 2026-01-31T09:00:00+01:00");
    assert_eq!(config.read_at_s, Some(20_484 * 86_400 + 8 * 3_600));
    assert_eq!(parsed("read_at = 2026-01-31").read_at_s, Some(20_484 * 86_400));
}

#[test]
fn what_is_no_toml_is_named_by_line_and_column() {
    let error =
        parse("tags = [\n  \"a\"\n  \"b\"\n]", Path::new("c.toml"), &|| IdRule::Exact).unwrap_err();
    assert!(error.to_string().starts_with("c.toml:3:3: "), "{error}");
}

#[test]
fn unknown_keys_are_refused() {
    let text = "\n[[markets]]\nid = \"de\"\ncurrency = \"EUR\"\ncurency = \"EUR\"\n";
    let error = parse(text, Path::new("c.toml"), &|| IdRule::Exact).unwrap_err().to_string();
    assert!(error.starts_with("c.toml:5:1: unknown field `curency`"), "{error}");
    let error =
        parse("market = 1", Path::new("c.toml"), &|| IdRule::Exact).unwrap_err().to_string();
    assert!(error.starts_with("c.toml:1:1: unknown field `market`"), "{error}");
}

#[test]
fn wrong_words_and_types_are_refused() {
    let starts = |text: &str, expected: &str| {
        let error = parse(text, Path::new("c.toml"), &|| IdRule::Exact).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    starts(
        "id_rule = \"folded\"",
        "c.toml:1:11: unknown variant `folded`, expected `exact` or `case_folded`",
    );
    starts("[sources.pim]\npriority = 65536", "c.toml:2:12: invalid value: integer `65536`");
    starts("[sources.pim]\npriority = -1", "c.toml:2:12: invalid value: integer `-1`");
    starts("[[relation_types]]\nnumber = 300", "c.toml:2:10: invalid value: integer `300`");
    starts("[[markets]]\nid = \"de\"", "c.toml:1:1: missing field `currency`");
    starts("read_at = 5", "c.toml:1:11: expected an instant like `2026-01-31T08:00:00Z`");
}

#[test]
fn markets_must_hold_together() {
    let market = |rest: &str| format!("[[markets]]\nid = \"de\"\n{rest}");
    check(
        &market("currency = \"EURO\""),
        3,
        12,
        "expected a currency of ISO 4217 like `EUR`, found `EURO`",
    );
    check(
        &market("currency = \"EUR\"\ndefault_inventory = \"berlin\""),
        4,
        21,
        "expected one of the catalog's: inventory `default`, found `berlin`",
    );
    check(
        &format!("default_market = \"at\"\n{}", market("currency = \"EUR\"")),
        1,
        18,
        "expected one of the catalog's: market `de`, found `at`",
    );
    let twice = market("currency = \"EUR\"\n").repeat(2);
    check(&twice, 5, 6, "expected each market once, found `de`");
    let long = "x".repeat(129);
    check(
        &format!("[[markets]]\nid = \"{long}\"\ncurrency = \"EUR\""),
        2,
        6,
        "market: the id has 129 bytes; expected 1 to 128",
    );
    check(
        "[[inventories]]\nid = \" \"",
        2,
        6,
        "inventory: the id is empty; expected 1 to 128 bytes",
    );
}

#[test]
fn counts_have_limits() {
    let tags = |count: usize| {
        let tags: Vec<String> = (0..count).map(|tag| format!("\"t{tag}\"")).collect();
        format!("tags = [\n{}\n]", tags.join(",\n"))
    };
    assert_eq!(parsed(&tags(TAGS_MAX)).tags.len(), TAGS_MAX);
    check(&tags(TAGS_MAX + 1), 66, 1, "expected at most 64 of them, found another tag `t64`");
    let markets = |count: usize| {
        let market = |number| format!("[[markets]]\nid = \"m{number}\"\ncurrency = \"EUR\"\n");
        (0..count).map(market).collect::<String>()
    };
    assert_eq!(parsed(&markets(MARKETS_MAX)).markets.len(), MARKETS_MAX);
    check(
        &markets(MARKETS_MAX + 1),
        64 * 3 + 2,
        6,
        "expected at most 64 of them, found another market `m64`",
    );
}

#[test]
fn tags_stand_once() {
    check("tags = [\"a\", \"b\", \"a\"]", 1, 19, "expected each tag once, found `a`");
}

#[test]
fn types_must_hold_together() {
    let table = |rest: &str| format!("[[relation_types]]\n{rest}\n");
    let own = "expected a number from 1 to 9 for a standard type or 100 to 199 for an own one";
    for number in [0, 10, 99, 200] {
        let text = table(&format!("number = {number}"));
        check(&text, 2, 10, &format!("{own}, found {number}"));
    }
    check(&table("number = 100"), 2, 10, "expected a `code` for type 100, found none");
    let twice = table("number = 6").repeat(2);
    check(&twice, 4, 10, "expected each type once, found number 6 twice");
    check(
        &table("number = 100\ncode = \"up_sell\""),
        3,
        8,
        "expected a code that no other type has, found `up_sell`",
    );
    check(
        &table("number = 100\ncode = \"x\"\nsource_codes = [\"related\"]"),
        4,
        17,
        "expected a code that no other type has, found `related`",
    );
    let both = table("number = 100\ncode = \"x\"\nsource_codes = [\"a:b\"]")
        + &table("number = 6\nsource_codes = [\"a:b\"]");
    check(&both, 4, 17, "expected a code that no other type has, found `a:b`");
    let text = table("number = 100\ncode = \"x\"") + &table("number = 101\ncode = \"x\"");
    check(&text, 3, 8, "expected a code that no other type has, found `x`");
    check(
        &table("number = 1\ncode = \"\""),
        3,
        8,
        "code: the id is empty; expected 1 to 128 bytes",
    );
}

#[test]
fn instants_must_be_instants() {
    check(
        "read_at = \"today\"",
        1,
        11,
        "expected an instant like `2026-01-31T08:00:00Z` or a date, found `today`",
    );
}

#[test]
fn columns_count_characters() {
    check("tags = [\"äöü\", \"äöü\"]", 1, 16, "expected each tag once, found `äöü`");
}

#[test]
fn it_lies_beside_the_tables() {
    let directory =
        super::directory(&[("catalog.toml", FULL.as_bytes()), ("products.csv", b"id\n")]);
    let path = beside(directory.path()).unwrap();
    assert_eq!(path, directory.path().join("catalog.toml"));
    assert_eq!(load(&path, &|| IdRule::Exact).unwrap(), parsed(FULL));
    assert_eq!(beside(&directory.path().join("products.csv")), None);
    assert_eq!(beside(super::directory(&[]).path()), None);
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let long = " ".repeat(CONFIG_BYTES_MAX);
    let directory = super::directory(&[
        ("fits.toml", long.as_bytes()),
        ("long.toml", format!("{long} ").as_bytes()),
        ("latin.toml", b"tags = [\n  \"\xfc\"]"),
    ]);
    let result = |name: &str| load(&directory.path().join(name), &|| IdRule::Exact);
    assert_eq!(result("fits.toml").unwrap(), CatalogConfig::default());
    assert!(matches!(result("long.toml").unwrap_err(), SourceError::CatalogTooLong { .. }));
    assert!(matches!(result("none.toml").unwrap_err(), SourceError::Missing { .. }));
    let error = result("latin.toml").unwrap_err().to_string();
    let expected = "latin.toml:2:4: expected UTF-8, found a byte that is none at offset 12";
    assert!(error.ends_with(expected), "{error}");
}
