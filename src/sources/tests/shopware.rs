//! Shopware: one shop against a golden file, and each rule by itself.

use super::{
    Collected,
    hostile_set::{self, Good},
    ranked::{self, aliases, product, scopes},
    read, refused,
};
use crate::{
    model::{decimal::Decimal, finding::FindingCode, record::Visibility, relation::Availability},
    sources::{Encoding, detect},
};

const GROUPS: &str =
    "id;name;product_id;active;position;limit;type;sort_by;sort_direction;assigned_products\n";
const PRODUCTS: &str = "id;parent_id;product_number;active;stock;name;price_gross\n";

/// Reads groups with these rows.
fn groups(rows: &str) -> Collected {
    read("shopware", &[("groups.csv", format!("{GROUPS}{rows}").as_bytes())])
}

/// Findings without those about columns.
fn faults(collected: &Collected) -> Vec<&str> {
    let all = collected.findings.iter().map(String::as_str);
    all.filter(|finding| !finding.contains("unknown_column")).collect()
}

#[test]
fn the_profiles_give_the_expected_links() {
    let goldens = ["shopware/expected-links.csv"];
    let collected = ranked::check("shopware", "shopware/export", &goldens);
    assert_eq!(collected.products().len(), 32);
    let bike = product(&collected, "SW-100");
    assert_eq!(bike.title, Some("Trekkingrad Linz"));
    assert_eq!(bike.brand, Some("Kettenwerk"));
    assert_eq!(bike.price.unwrap().amount, Decimal::parse("899").unwrap());
    assert_eq!(bike.availability, Some(Availability::InStock));
    assert_eq!(aliases(&collected, "SW-100"), ["e7a28056f8ea8c9b4b80f2899d829334"]);
    assert_eq!(product(&collected, "SW-600.2").availability, None, "it may be a closeout");
    assert_eq!(product(&collected, "SW-600.2").price, None);
    assert_eq!(product(&collected, "SW-800").visibility, Visibility::Hidden);
    let inactive = collected.relations().into_iter().filter(|link| !link.active);
    assert_eq!(
        inactive.map(|link| link.relation_type).collect::<Vec<_>>(),
        ["shopware:Ersatzteile"; 2]
    );
    let unread = collected.count(FindingCode::UnknownColumn);
    assert_eq!((unread, faults(&collected).len()), (3, 2), "{:?}", collected.findings);
}

#[test]
fn each_name_is_a_type_and_groups_follow_their_positions() {
    let rows = "1;Set;p;1;2;;productList;;;c|d\n2;Set;p;1;1;;productList;;;a|b\n\
                3;Other;p;1;0;;productList;;;a\n";
    let collected = groups(rows);
    let mut links: Vec<_> = collected
        .relations()
        .iter()
        .map(|link| (link.relation_type, link.position, link.target))
        .collect();
    links.sort_unstable();
    let targets: Vec<_> = links.iter().map(|(code, _, target)| (*code, *target)).collect();
    let set = "shopware:Set";
    assert_eq!(targets, [("shopware:Other", "a"), (set, "a"), (set, "b"), (set, "c"), (set, "d")]);
    assert_eq!(faults(&collected), [""; 0]);
}

#[test]
fn what_a_stream_left_over_is_reported_and_not_read() {
    let rows = "1;Set;p;1;1;24;productStream;name;ASC;a|b\n2;Set;q;1;1;24;productStream;;;\n";
    let collected = groups(rows);
    assert!(collected.relations().is_empty());
    let stream = "bad_value type: expected a list of products, found a group that a product stream \
                  fills in the shop";
    assert_eq!(
        faults(&collected),
        [
            format!(
                "groups.csv:2 {stream}, and `a|b`, which it had before the stream; that is not read"
            ),
            format!("groups.csv:3 {stream}"),
        ]
    );
    // The source has nothing of the type for them any more.
    let set = "shopware:Set";
    assert_eq!(scopes(&collected), [(set, None), (set, Some("p")), (set, Some("q"))]);
}

#[test]
fn a_group_speaks_of_its_product_and_an_empty_one_clears_it() {
    let collected = groups("1;Set;p;1;1;24;productList;;;\n");
    assert_eq!(scopes(&collected), [("shopware:Set", None), ("shopware:Set", Some("p"))]);
    assert!(collected.relations().is_empty());
}

#[test]
fn bad_cells_are_reported_with_their_lines() {
    let rows = "1;;p;1;1;;productList;;;a\n2;Set;;1;1;;productList;;;a\n\
                3;Set;p;1;1;;other;;;a\n4;Set;p;maybe;x;;productList;;;a\n";
    let collected = groups(rows);
    assert_eq!(
        faults(&collected),
        [
            "groups.csv:2 bad_row name: expected a value, without which the row has no meaning, \
             found none",
            "groups.csv:3 bad_id product_id: the id is empty; expected 1 to 128 bytes",
            "groups.csv:4 bad_value type: expected `productList` or `productStream`, found `other`",
            "groups.csv:5 bad_value active: expected `true` or `false`, `1` or `0`, `yes` or `no`, \
             found `maybe`",
            "groups.csv:5 bad_value position: expected a whole number from 0 to 4294967295, found `x`",
        ]
    );
    let links = collected.relations();
    assert_eq!((links.len(), links[0].active), (1, false), "unreadable, so switched off");
    let products = format!("{PRODUCTS}u1;;;1;1;A;1\nu2;;B;perhaps;lots;B;free\n");
    let collected = read("shopware", &[("products.csv", products.as_bytes())]);
    assert_eq!(collected.findings.len(), 4, "{:?}", collected.findings);
    assert_eq!(product(&collected, "B").visibility, Visibility::Hidden);
}

#[test]
fn stock_counts_only_where_a_closeout_ends_with_it() {
    let header = "product_number;tax_rate;stock;is_closeout\n";
    let rows = "a;19;0;1\nb;19;0;0\nc;19;0;\nd;19;1;1\ne;19;-3;0\n";
    let collected = read("shopware", &[("products.csv", format!("{header}{rows}").as_bytes())]);
    let states: Vec<_> = collected.products().iter().map(|product| product.availability).collect();
    let (out, back) = (Some(Availability::OutOfStock), Some(Availability::Backorder));
    assert_eq!(states, [out, back, None, Some(Availability::InStock), back]);
}

#[test]
fn files_are_known_by_their_own_beginnings() {
    let parts = detect(&ranked::path("shopware/export"), Encoding::Utf8).unwrap();
    let formats: Vec<&str> = parts.iter().map(|part| part.format().name).collect();
    assert_eq!(formats, ["shopware"]);
    let other = b"id;name\n1;x\n";
    let collected = read("shopware", &[("a.csv", GROUPS.as_bytes()), ("b.csv", other)]);
    assert_eq!(collected.count(FindingCode::IgnoredFile), 1);
    let expected = "DIR: expected a .csv with `;` and the columns of a profile for cross-selling or \
                    products, found none";
    refused("shopware", &[("b.csv", other)], expected);
    let expected = "DIR/b.csv:1: expected cells delimited by `;`, found a header with `,`";
    refused("shopware", &[("b.csv", b"a,name\n1,x\n")], expected);
}

#[test]
fn both_profiles_bear_what_is_hostile() {
    let products = format!("{PRODUCTS}u1;;A;1;1;Aa;1\nu2;u1;B;1;1;Bb;2\n");
    let groups =
        format!("{GROUPS}1;Set;u1;1;1;24;productList;;;u2|u3\n2;Set;u2;1;1;24;productList;;;\n");
    for (name, text) in [("p.csv", products.as_str()), ("g.csv", &groups)] {
        hostile_set::check(&Good { format: "shopware", name, text, beside: &[] });
    }
}
