//! Goal: a delta never takes away or moves what it cannot know. Method: a full input is kept, a delta of
//! few products comes in each mode, and what is there then is compared.

use std::{fmt::Write as _, path::Path};

use super::{Collected, directory};
use crate::{
    model::{
        config::{CatalogConfig, Mode, SourceDeclaration},
        record::Record,
    },
    sources::{
        format,
        records::{
            Completing, KeptFindings, Noting, RecordWriter, Spoken, Staying, StayingRules, replay,
        },
    },
};

type Files<'a> = &'a [(&'a str, &'a str)];

/// What is there after a full input and a delta of a source.
fn after(format_name: &str, full: Files<'_>, delta: Files<'_>, mode: Mode) -> Collected {
    let source = SourceDeclaration { mode: Some(mode), ..SourceDeclaration::new("shop", 100) };
    let config = CatalogConfig { sources: vec![source], ..CatalogConfig::default() };
    let mut spoken = Spoken::new(StayingRules::new(&config, "shop", Mode::Full));
    let [mut kept, mut new] = [Vec::new(), Vec::new()];
    let format = format(format_name).unwrap();
    let bytes = |files: Files<'_>| -> Vec<(String, Vec<u8>)> {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    };
    let [full, delta] = [full, delta].map(|files| {
        let files = bytes(files);
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), &**text)).collect();
        directory(&files)
    });
    // Each is noted, for scopes are not written; the first one by a source that nothing was kept of.
    let mut nothing = Spoken::new(StayingRules::new(&config, "shop", Mode::Full));
    let mut noting = Noting::new(&mut nothing, RecordWriter::new(&mut kept, Path::new("kept")));
    format.read(full.path(), &mut noting).unwrap();
    let kept_hash = noting.into_writer().finish().unwrap().hash;
    let mut noting = Noting::new(&mut spoken, RecordWriter::new(&mut new, Path::new("new")));
    format.read(delta.path(), &mut noting).unwrap();
    let new_hash = noting.into_writer().finish().unwrap().hash;

    let mut collected = Collected::default();
    let mut staying = Staying::new(&mut spoken, &mut collected, KeptFindings::Passed);
    replay(&*kept, Path::new("kept"), kept_hash, &mut staying).unwrap();
    let mut completing = Completing::new(spoken.structure(), &mut collected);
    replay(&*new, Path::new("new"), new_hash, &mut completing).unwrap();
    collected
}

/// Its links, by source, type and target.
fn links(collected: &Collected) -> Vec<String> {
    let link = |(_, record): &(String, Record<'static>)| {
        let Record::Relation(link) = record else { return None };
        let mut text = String::new();
        let relation_type = link.relation_type.rsplit_once(':').unwrap().1;
        write!(text, "{} {relation_type} {}", link.source, link.target).unwrap();
        if let Some(two_way) = link.two_way {
            text.push_str(if two_way { " two-way" } else { " one-way" });
        }
        Some(text)
    };
    let mut links: Vec<String> = collected.records.iter().filter_map(link).collect();
    links.sort();
    links
}

const GROUPS: Files<'_> = &[(
    "p.csv",
    "sku;family;groups;PACK-groups;PACK-products\np1;f;;g;x\np2;f;g;;\np3;f;g;;\nx;f;;;\ny;f;;;\n",
)];

/// The row of p1 in a delta names g, whose products are not there: its links went, and with some of them
/// there those of the others.
#[test]
fn links_to_groups_stay_though_a_delta_lacks_products_of_the_group() {
    let header = "sku;family;groups;PACK-groups;PACK-products\n";
    let all = ["p1 PACK p2 one-way", "p1 PACK p3 one-way", "p1 PACK x"];
    for rows in ["p1;f;;g;x\n", "p1;f;;g;x\np2;f;g;;\n"] {
        let delta = [("p.csv", &*format!("{header}{rows}"))];
        let patched = after("akeneo", GROUPS, &delta, Mode::Patch);
        assert_eq!(links(&patched), all, "{rows}");
        let expected = "p.csv:2 bad_value groups: expected all links of `akeneo:PACK` from `p1`, found \
                        links to groups, of which a delta may hold some products only: what was kept \
                        of them stays, and no link goes; send all products in mode `full` or `replace`";
        assert!(patched.findings.iter().any(|found| found == expected), "{:?}", patched.findings);
    }
    let json = r#"{"identifier":"p1","family":"f","associations":{"PACK":{"groups":["g"]}}}"#;
    assert_eq!(links(&after("akeneo", GROUPS, &[("p.json", json)], Mode::Patch)), all);
    // What is linked anew comes along.
    let delta = [("p.csv", &*format!("{header}p1;f;;g;y\np4;f;g;;\n"))];
    let patched = links(&after("akeneo", GROUPS, &delta, Mode::Patch));
    assert_eq!(
        patched,
        [
            "p1 PACK p2 one-way",
            "p1 PACK p3 one-way",
            "p1 PACK p4 one-way",
            "p1 PACK x",
            "p1 PACK y"
        ]
    );
}

/// In `replace` the products of a group are those of the input, unless it has none of them.
#[test]
fn a_group_without_products_clears_nothing_in_replace() {
    let header = "sku;family;groups;PACK-groups;PACK-products\n";
    let delta = [("p.csv", &*format!("{header}p1;f;;g;x\n"))];
    let replaced = after("akeneo", GROUPS, &delta, Mode::Replace);
    assert_eq!(links(&replaced), ["p1 PACK p2 one-way", "p1 PACK p3 one-way", "p1 PACK x"]);
    let expected =
        "p.csv:2 bad_value groups: expected the products of group `g`, found no product in it";
    assert_eq!(replaced.findings, [expected]);
    let delta = [("p.csv", &*format!("{header}p1;f;;g;x\np3;f;g;;\n"))];
    let replaced = after("akeneo", GROUPS, &delta, Mode::Replace);
    assert_eq!(links(&replaced), ["p1 PACK p3 one-way", "p1 PACK x"]);
    assert_eq!(replaced.findings, [""; 0]);
}

/// A product that joins a group gets no link from products that the delta lacks: that is said.
#[test]
fn a_delta_says_once_that_links_to_its_groups_stay_as_they_were() {
    let delta = [("p.csv", "sku;family;groups;PACK-products\np4;f;g;y\np5;f;g;\n")];
    let expected = "p.csv:2 unknown_column groups: expected with products of groups all products that \
                    link to these, found a delta: links of products that are not in it stay as they \
                    were; send all products in mode `full` or `replace`";
    assert_eq!(after("akeneo", GROUPS, &delta, Mode::Patch).findings, [expected]);
    assert_eq!(after("akeneo", GROUPS, &delta, Mode::Replace).findings, [""; 0]);
}

/// Lists that cannot be read are not empty ones.
#[test]
fn an_unreadable_list_of_akeneo_clears_nothing() {
    let all = ["p1 PACK p2 one-way", "p1 PACK p3 one-way", "p1 PACK x"];
    for maps in [r#"{"PACK":7}"#, r#"{"PACK":{"products":"x"}}"#, r#"[7]"#] {
        let json = format!(r#"{{"identifier":"p1","family":"f","associations":{maps}}}"#);
        for mode in [Mode::Patch, Mode::Replace] {
            let merged = after("akeneo", GROUPS, &[("p.json", &json)], mode);
            assert_eq!(links(&merged), all, "{mode:?} {maps}");
            assert!(merged.findings[0].contains("bad_value"), "{:?}", merged.findings);
        }
    }
}

/// A broken cell took the links away that were kept: an empty one may, a broken one may not.
#[test]
fn an_unreadable_cell_of_shopify_clears_nothing() {
    const RELATED: &str =
        "product.metafields.shopify--discovery--product_recommendation.related_products";
    let table = |cells: &[&str]| {
        let rows = cells.iter().map(|cell| format!("a,{cell}\n"));
        format!("Handle,{RELATED}\n{}", rows.collect::<String>())
    };
    let full = table(&["b;c"]);
    let many = vec!["x"; 10_001].join(";");
    let of = |cells: &[&str], mode| {
        links(&after("shopify", &[("p.csv", &full)], &[("p.csv", &table(cells))], mode))
    };
    let (b, c, d) = ("a related_products b", "a related_products c", "a related_products d");
    for mode in [Mode::Patch, Mode::Replace] {
        assert_eq!(of(&["\"[\"\"gid://x\"\", \""], mode), [b, c], "{mode:?}");
        assert_eq!(of(&[&many], mode), [b, c], "{mode:?}");
        // What another row of the product lists comes along, once.
        assert_eq!(of(&["[1", "b;d"], mode), [b, c, d], "{mode:?}");
        assert_eq!(of(&["d"], mode), [d], "{mode:?}");
        assert_eq!(of(&[""], mode), [""; 0], "{mode:?}");
    }
    let metafield = |value: &str| {
        let json = format!(
            r#"{{"id":"gid://shopify/Product/1","handle":"a","metafields":[{{"namespace":
            "shopify--discovery--product_recommendation","key":"related_products","value":{value}}}]}}"#
        );
        let delta = [("p.json", &*json.replace('\n', ""))];
        links(&after("shopify", &[("p.csv", &full)], &delta, Mode::Patch))
    };
    assert_eq!(metafield(r#""[1""#), [b, c]);
    assert_eq!(metafield("7"), [b, c]);
    assert_eq!(metafield("null"), [""; 0]);
}

/// Neither does the first page of a bundle's components.
#[test]
fn a_part_of_a_bundle_of_shopify_clears_nothing() {
    let product = |parts: &str| {
        format!(r#"{{"id":"gid://shopify/Product/1","handle":"a","bundleComponents":{parts}}}"#)
    };
    let part = |number: u32| {
        format!(r#"{{"componentProduct":{{"id":"gid://shopify/Product/{number}"}},"quantity":1}}"#)
    };
    let full = product(&format!("[{},{}]", part(2), part(3)));
    let of = |parts: &str| {
        let (full, delta) = ([("p.json", &*full)], product(parts));
        after("shopify", &full, &[("p.json", &delta)], Mode::Patch).bundles().len()
    };
    let page =
        |more: bool| format!(r#"{{"nodes":[{}],"pageInfo":{{"hasNextPage":{more}}}}}"#, part(2));
    assert_eq!([of("7"), of(&page(true)), of(&page(false)), of("[]")], [2, 2, 1, 0]);
}

#[test]
fn unreadable_lists_of_other_systems_clear_nothing() {
    let item = |key: &str, list: &str| {
        format!(r#"{{"sku":"a","type_id":"simple","catalog_visibility":"visible","{key}":{list}}}"#)
    };
    let link = r#"{"sku":"a","link_type":"upsell","linked_product_sku":"b"}"#;
    let cases = [
        ("woocommerce", "upsell_ids", "[1]".to_owned(), vec!["7", "\"x\""]),
        ("magento", "product_links", format!("[{link}]"), vec!["7", "[7]"]),
    ];
    for (format, key, good, bad) in cases {
        let full = item(key, &good);
        let of = |list: &str, mode| {
            let delta = item(key, list);
            links(&after(format, &[("p.json", &full)], &[("p.json", &delta)], mode)).len()
        };
        for mode in [Mode::Patch, Mode::Replace] {
            bad.iter().for_each(|list| assert_eq!(of(list, mode), 1, "{format} {mode:?} {list}"));
            assert_eq!(of("[]", mode), 0, "{format} {mode:?}");
        }
    }
    let salsify = |list: &str| format!(r#"{{"salsify:id":"a","salsify:relations":{list}}}"#);
    let good = r#"{"relation_type":"X","salsify:target_product_id":"b"}"#;
    let other = r#"{"relation_type":"X","salsify:target_product_id":"c"}"#;
    let of = |list: &str| {
        let (full, delta) = (salsify(good), salsify(list));
        links(&after("salsify", &[("p.json", &full)], &[("p.json", &delta)], Mode::Patch))
    };
    assert_eq!(of("\"x\""), ["a X b"]);
    assert_eq!(of(&format!("[7,{other}]")), ["a X b", "a X c"]);
    assert_eq!(of(&format!("[{other}]")), ["a X c"]);
    assert_eq!(of("[]"), [""; 0]);
}

const TREE: Files<'_> = &[
    ("categories.csv", "code;parent;label-en_US\nmaster;;M\ntoys;master;T\ncars;toys;C\nshop;;S\n"),
    ("association_types.csv", "code;is_two_way;is_quantified\nT;1;0\nO;0;0\n"),
    (
        "p.csv",
        "sku;family;categories;groups;T-products;T-groups;O-products\n\
         p1;f;shop,toys;;p2;g;p3\np2;f;cars;g;;;\np3;f;;;;;\n",
    ),
];

fn categories<'c>(collected: &'c Collected, id: &str) -> Vec<&'c str> {
    let product = collected.products().into_iter().find(|product| product.id == id).unwrap();
    product.categories.clone()
}

/// Without the files that say so, `master/toys` became `toys`, and two-way links one-way ones.
#[test]
fn a_delta_without_its_structure_moves_no_category_and_turns_no_link() {
    let table = "sku;family;categories;groups;T-products;T-groups;O-products\n\
                 p1;f;shop,toys;;p3;g;p2\np2;f;;g;;;\np4;f;toys,cars;;;;\n";
    for mode in [Mode::Patch, Mode::Replace, Mode::Append] {
        let merged = after("akeneo", TREE, &[("p.csv", table)], mode);
        assert_eq!(categories(&merged, "p1"), ["master/toys", "shop"], "{mode:?}");
        assert_eq!(categories(&merged, "p4"), ["master/toys/cars", "master/toys"], "{mode:?}");
        let found = links(&merged);
        for link in ["p1 T p3 two-way", "p1 T p2 one-way", "p1 O p2"] {
            // In `patch` a link to a group leaves the two-way one to its product as it was.
            let is_there = found.iter().any(|found| found == link);
            assert!(is_there, "{mode:?} {link}: {found:?}");
        }
        let is_structure = |found: &&String| found.contains("what was kept, found neither");
        assert_eq!(merged.findings.iter().find(is_structure), None);
    }
}

/// What nobody knows is said once, with what to send along.
#[test]
fn a_category_and_a_type_that_nobody_knows_are_reported_once() {
    let table = "sku;family;categories;N-products\np1;f;new,toys;p2\np3;f;new;p2\n";
    let merged = after("akeneo", TREE, &[("p.csv", table)], Mode::Patch);
    assert_eq!(categories(&merged, "p1"), ["master/toys", "new"]);
    assert_eq!(categories(&merged, "p3"), ["new"]);
    let expected = [
        "p.csv:2 bad_value categories: expected what stands above category `new` in this input or in \
         what was kept, found neither; send the categories along",
        "p.csv:2 bad_value associations: expected whether links are two-way of type `akeneo:N` in this \
         input or in what was kept, found neither; send the association types along",
    ];
    assert_eq!(merged.findings, expected);
    // Sent along, or in `full`, there is nothing to say.
    let along = [TREE[0], TREE[1], ("p.csv", "sku;family;categories;T-products\np1;f;toys;p2\n")];
    let merged = after("akeneo", TREE, &along, Mode::Patch);
    assert_eq!(merged.findings, [""; 0]);
    assert_eq!(categories(&merged, "p1"), ["master/toys"]);
    let merged = after("akeneo", TREE, &[("p.csv", table)], Mode::Full);
    assert_eq!(merged.findings, [""; 0]);
    assert_eq!(categories(&merged, "p1"), ["new", "toys"]);
}
