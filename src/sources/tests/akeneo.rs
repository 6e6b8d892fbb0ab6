//! Akeneo's exports: each construct of tables and JSON, the catalog of `tests/data/akeneo` in three
//! forms against one list of links, and a real catalog where it is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{Collected, read, refused};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{Record, Visibility},
    },
    sources::{Encoding, detect, format},
};

/// Links of these files as `source type target quantity`, in order.
fn links(collected: &Collected) -> Vec<String> {
    let text = |quantity: f64| format!(" {quantity}");
    let link = |link: &&crate::model::record::RelationRecord<'_>| {
        let two_way = if link.two_way == Some(true) { " two-way" } else { "" };
        let quantity = link.quantity.map(text).unwrap_or_default();
        let code = link.relation_type.strip_prefix("akeneo:").unwrap();
        assert_eq!(link.position, None, "order says nothing");
        format!("{} {code} {}{quantity}{two_way}", link.source, link.target)
    };
    collected.relations().iter().map(link).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str], findings: &[&str]) {
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let collected = read("akeneo", &files);
    assert_eq!(links(&collected), expected);
    assert_eq!(collected.findings, findings);
}

#[test]
fn associations_are_found_by_the_ends_of_their_columns() {
    let table = "sku;X_SELL-products;cross-sell-products;X_SELL-product_models;U-product_uuids\n\
                 a;b, c ,;d;m;22222222-0000-0000-0000-000000000000\n";
    let uuid = "a U 22222222-0000-0000-0000-000000000000";
    check(
        &[("p.csv", table)],
        &["a X_SELL b", "a X_SELL c", "a cross-sell d", "a X_SELL m", uuid],
        &[],
    );
    // The delimiter is an option of the export.
    for delimiter in [",", "\t"] {
        let table = "sku;family;enabled;X_SELL-products\na;f;1;\"b,c\"\n".replace(';', delimiter);
        check(&[("p.csv", &table)], &["a X_SELL b", "a X_SELL c"], &[]);
    }
}

/// What a file says it speaks of: types with their products, so that an empty cell or list clears.
#[track_caller]
fn check_scopes(file: &str, text: &str, expected: &[&str]) {
    let collected = read("akeneo", &[(file, text.as_bytes())]);
    let scope = |(_, record): &(String, Record<'static>)| {
        let Record::Scope(scope) = record else { return None };
        Some(format!("{} {}", scope.relation_type, scope.product.unwrap_or("*")))
    };
    assert_eq!(collected.records.iter().filter_map(scope).collect::<Vec<_>>(), expected);
}

#[test]
fn exports_speak_of_each_type_that_is_there_though_it_is_empty() {
    let table = "sku;family;U-groups;X-products;X-groups\na;f;;b;\nb;f;;;\n";
    let expected =
        ["akeneo:U *", "akeneo:X *", "akeneo:U a", "akeneo:X a", "akeneo:U b", "akeneo:X b"];
    // Of types with links, whether they are two-way is not in the file.
    check_scopes("p.csv", table, &[&expected[..], &["#undeclared akeneo:X *"]].concat());
    check_scopes("p.csv", "sku;family;enabled\na;f;1\n", &[]);
    let item = r#"{"identifier":"a","family":"f","enabled":true,"categories":[],"values":{},
        "associations":{"U":{"products":[]},"V":[],"W":7},"quantified_associations":{"Q":{}}}"#;
    let expected = [
        "akeneo:U a",
        "akeneo:V a",
        "#unread akeneo:W a",
        "#every-counted akeneo: a",
        "akeneo:Q a",
    ];
    check_scopes("p.json", &item.replace('\n', ""), &expected);
}

/// A type whose last link went is in the map no more, or the map is empty: without this, its links
/// stayed for ever in `patch`.
#[test]
fn a_map_of_associations_speaks_of_every_type_of_its_kind() {
    let of = |maps: &str, expected: &[&str]| {
        let item = format!(r#"{{"identifier":"a","family":"f","enabled":true{maps}}}"#);
        check_scopes("p.json", &item, expected);
    };
    let (plain, counted) = ("#every-plain akeneo: a", "#every-counted akeneo: a");
    of("", &[]);
    for none in ["{}", "[]"] {
        let maps = format!(r#","associations":{none},"quantified_associations":{none}"#);
        of(&maps, &[plain, counted]);
        of(&format!(r#","quantified_associations":{none}"#), &[counted]);
    }
    let linked = r#","associations":{"U":{"products":["b"]}}"#;
    of(linked, &[plain, "akeneo:U a", "#undeclared akeneo:U *"]);
    // What cannot be read may have been anything.
    of(r#","associations":7,"quantified_associations":null"#, &[]);
}

#[test]
fn quantities_belong_to_the_targets_beside_them() {
    let table = "sku;S-products;S-products-quantity;S-product_models;S-product_models-quantity\n\
                 a;b,c;2|8.5;m;12\nd;b;;;\n";
    check(&[("p.csv", table)], &["a S b 2", "a S c 8.5", "a S m 12", "d S b"], &[]);
    check(
        &[("p.csv", "sku;S-products;S-products-quantity\na;b,c;2\nd;b,c;0|x\n")],
        &["a S b", "a S c", "d S b", "d S c"],
        &[
            "p.csv:2 bad_value S-products-quantity: expected 2 quantities with `|` between them, \
             one for each of `S-products`, found 1; the links are kept without",
            "p.csv:3 bad_value S-products-quantity: expected a quantity above 0, found `0`",
            "p.csv:3 bad_value S-products-quantity: expected a quantity above 0, found `x`",
        ],
    );
    check(
        &[("p.csv", "sku;S-products;T-products-quantity\na;b;2\n")],
        &["a S b"],
        &[
            "p.csv:1 unknown_column T-products-quantity: expected one of `sku`, `S-products`, found \
           another column",
        ],
    );
}

#[test]
fn types_say_which_way_links_hold_whatever_the_files_are_called() {
    let types = "code;is_two_way;is_quantified;label-en_US\nS;1;0;x\nT;0;1;y\n";
    let table = "sku;S-products;T-products;S-groups;groups\na;b;c;g;\nb;;;;g\n";
    check(
        &[("a.csv", table), ("z.csv", types)],
        // Akeneo has no way back from a group.
        &["a S b two-way", "a T c", "a S b"],
        &[],
    );
    // Older ones have no flags.
    let types = "code;label-en_US\nS;x\n";
    check(&[("p.csv", table), ("association_types.csv", types)], &["a S b", "a T c", "a S b"], &[]);
}

#[test]
fn links_to_groups_lead_to_each_other_product_of_the_group() {
    let table = "sku;groups;X-groups\na;g,h;g\nb;g;\nc;\" h, g \";h\nd;;none,empty\n";
    check(
        &[("p.csv", table), ("groups.csv", "code;type;label-en_US\ng;R;x\nh;R;x\nempty;R;x\n")],
        &["a X b", "a X c", "c X a"],
        &[
            "p.csv:5 bad_value groups: expected the products of group `none`, found no such group",
            "p.csv:5 bad_value groups: expected the products of group `empty`, found no product in it",
        ],
    );
}

#[test]
fn a_group_leads_to_its_first_thousand_products() {
    let mut table = "sku;groups;X-groups\n".to_owned();
    for number in (0..1_002).rev() {
        let link = if number == 3 { "g" } else { "" };
        table += &format!("p{number:04};g;{link}\n");
    }
    let collected = read("akeneo", &[("p.csv", table.as_bytes())]);
    let targets: Vec<&str> = collected.relations().iter().map(|link| link.target).collect();
    assert_eq!((targets.len(), targets[0], targets[999]), (1_000, "p0000", "p1000"));
    assert_eq!(
        collected.findings,
        ["p.csv:1000 bad_value groups: expected at most 1000 products in group `g`, found more; \
          the first by id are linked"]
    );
}

#[test]
fn products_are_read_from_tables() {
    let files: [(&str, &[u8]); 5] = [
        ("attributes.csv", b"code;type;group\nref;pim_catalog_identifier;g\nname;pim_catalog_text;g\n"),
        ("categories.csv", b"code;parent;label-en_US\nroot;;R\nleft;root;L\nloop;pool;X\npool;loop;Y\n"),
        ("families.csv", b"code;attribute_as_label\nf;label\ng;name\n"),
        (
            "models.csv",
            b"code;family_variant;parent;categories;label-fr_FR\nm;f_v;;left;Modele\nn;f_v;m;;\n",
        ),
        (
            "products.csv",
            "uuid;ref;enabled;family;parent;categories;brand;label-de_DE;label-en_US;name;price-EUR;price-USD\n\
             11111111-0000-0000-0000-000000000000;a;1;f;n;root,left;acme;Eins;One;x;12.5;99\n\
             22222222-0000-0000-0000-000000000000;;0;g;;other;;;;Zwei;;1\n\
             33333333-0000-0000-0000-000000000000;c,d;x;;;loop;;;;;-1;\n"
                .as_bytes(),
        ),
    ];
    let collected = read("akeneo", &files);
    let products = collected.products();
    let ids: Vec<&str> = products.iter().map(|product| product.id).collect();
    assert_eq!(ids, ["m", "n", "a", "22222222-0000-0000-0000-000000000000", "c,d"]);
    assert_eq!(products[1].parent, Some("m"));
    let one = products[2];
    assert_eq!((one.title, one.brand, one.parent), (Some("One"), Some("acme"), Some("n")));
    assert_eq!(one.categories, ["root/left", "root"]);
    let price = one.price.unwrap();
    assert_eq!((price.amount, price.currency), (Decimal::parse("12.5").unwrap(), Some("EUR")));
    let two = products[3];
    assert_eq!((two.title, two.visibility, two.price), (Some("Zwei"), Visibility::Hidden, None));
    assert_eq!(two.categories, ["other"]);
    // What cannot be read hides a product.
    assert_eq!(products[4].visibility, Visibility::Hidden);
    assert_eq!(products[4].categories[0].split('/').count(), 16, "a circle ends");
    let aliases: Vec<String> = aliases(&collected).into_iter().collect();
    assert_eq!(
        aliases,
        ["11111111-0000-0000-0000-000000000000 a", "33333333-0000-0000-0000-000000000000 c,d"]
    );
    assert_eq!(
        collected.findings,
        [
            "products.csv:4 bad_value ref: expected an identifier without `,`, since links to it \
             cannot be told apart, found `c,d`",
            "products.csv:4 bad_value enabled: expected `0` or `1`, found `x`",
            "products.csv:4 bad_value price-EUR: expected an amount like `12.50`, found `-1`",
        ]
    );
}

#[test]
fn the_main_identifier_names_products_then_the_sku_then_the_first() {
    let check = |attributes: &str, header: &str, expected: &str| {
        let table = format!("{header};family;enabled\n1;2;3;f;1\n");
        let files = [("a.csv", attributes.as_bytes()), ("p.csv", table.as_bytes())];
        let collected = read("akeneo", &files);
        assert_eq!(collected.products()[0].id, expected, "{attributes} {header}");
    };
    let two = "code;type;group;is_main_identifier\nref;pim_catalog_identifier;g;0\n\
               ean;pim_catalog_identifier;g;1\nalt;pim_catalog_identifier;g;0\n";
    check(two, "alt;ean;ref", "2");
    let unranked = "code;type;group\nsku;pim_catalog_identifier;g\nean;pim_catalog_identifier;g\n";
    check(unranked, "ean;sku;ref", "2");
    let none = "code;type;group\nname;pim_catalog_text;g\n";
    check(none, "name;identifier;x", "2");
    check(none, "code_number;name;x", "1");
}

/// `alias product` of every alias.
fn aliases(collected: &Collected) -> BTreeSet<String> {
    let alias = |(_, record): &(String, Record<'_>)| {
        let Record::Alias(alias) = record else { return None };
        Some(format!("{} {}", alias.alias, alias.product))
    };
    collected.records.iter().filter_map(alias).collect()
}

#[test]
fn a_file_with_links_alone_says_nothing_about_products() {
    let collected = read("akeneo", &[("p.csv", b"sku;X_SELL-products\na;b\n")]);
    assert_eq!((collected.products().len(), collected.relations().len()), (0, 1));
}

#[test]
fn json_of_every_endpoint_is_read() {
    let types = r#"{"code":"S","labels":[],"is_quantified":false,"is_two_way":true}"#;
    let items = concat!(
        r#"{"identifier":"a","family":null,"categories":[],"groups":["g"],"parent":null,"values":[],"enabled":true,"#,
        r#""associations":{"S":{"products":["b"],"product_models":["m"],"groups":["g"]},"T":[]},"quantified_associations":[]}"#,
        "\n",
        r#"{"uuid":"u-b","values":{"sku":[{"locale":null,"scope":null,"data":"b"}]},"groups":["g"],"associations":[],"#,
        r#""quantified_associations":{"Q":{"products":[{"uuid":"u-a","quantity":2},{"identifier":"c","quantity":"1.5"}],"product_models":[{"identifier":"m","quantity":12}]}}}"#,
        "\n",
        r#"{"code":"m","family_variant":"v","parent":null,"values":{"name":[{"locale":"fr_FR","data":"F"},{"locale":"en_US","data":"E"}]},"#,
        r#""associations":{"S":{"products":{},"product_models":null,"groups":[]}}}"#,
        "\n",
    );
    let expected =
        ["a S b two-way", "a S m two-way", "b Q u-a 2", "b Q c 1.5", "b Q m 12", "a S b"];
    check(&[("types.json", types), ("products.jsonl", items)], &expected, &[]);
    // The same as a page with everything in it: each item is known by its keys.
    let all = format!("{types}\n{items}");
    let page = format!("{{\"_embedded\":{{\"items\":[{}]}}}}", all.trim().replace('\n', ","));
    let files = [("page.json", page.as_bytes())];
    assert_eq!(links(&read_alone(&files)), expected);
}

/// Reads one file that begins with something that is no product.
fn read_alone(files: &[(&str, &[u8])]) -> Collected {
    let product = ("z.jsonl", b"{\"identifier\":\"z\",\"enabled\":true}".as_slice());
    read("akeneo", &[files, &[product]].concat())
}

#[test]
fn what_json_cannot_mean_is_reported() {
    let items = concat!(
        r#"[{"identifier":12,"enabled":true,"associations":{"S":{"products":[null,{"quantity":1},["x"]],"groups":"g"},"T":"b"}},"#,
        "\n",
        r#"{"identifier":null,"uuid":null,"values":{}},"#,
        "\n",
        r#"{"identifier":"b","quantified_associations":{"Q":{"products":[{"identifier":"c","quantity":-1}]}}},"#,
        "\n",
        r#"{"other":1}]"#,
    );
    let lost = "expected an identifier, which products may lack since 7.0; export from \
                /products-uuid to link those, found `null`";
    check(
        &[("p.json", items)],
        &["b Q c"],
        &[
            &format!("p.json:1 bad_value products: {lost}"),
            &format!("p.json:1 bad_value products: {lost}"),
            &format!("p.json:1 bad_value products: {lost}"),
            "p.json:1 bad_value groups: expected a list, found `text`",
            "p.json:1 bad_value associations: expected products, product_models and groups of a \
             type, found `T`",
            "p.json:2 bad_row identifier: expected an identifier or a uuid, found none",
            "p.json:3 bad_value quantity: expected a number above 0, found `-1`",
            "p.json:4 bad_row : expected a product, product model, association type, group, \
             category, family or attribute, found an object with other keys",
        ],
    );
}

#[test]
fn columns_of_associations_that_are_all_empty_are_told_loudly() {
    let message = "expected associations in 2 columns or objects that could hold them, found every \
                   one empty; was the export made before they were filled?";
    check(
        &[("p.csv", "sku;X-products;X-groups\na;;\nb; ;\n")],
        &[],
        &[&format!("p.csv:1 no_relations : 0 links imported: {message}")],
    );
    let items = r#"[{"identifier":"a","associations":[]},{"identifier":"b","associations":{"X":{"products":[]}}}]"#;
    check(
        &[("p.json", items)],
        &[],
        &[&format!("p.json:1 no_relations : 0 links imported: {message}")],
    );
    // Without such columns nobody expected links.
    check(&[("p.csv", "sku;family;enabled\na;f;1\n")], &[], &[]);
}

#[test]
fn a_table_of_another_system_is_refused_by_its_name() {
    let magento = b"sku,store_view_code,name,crosssell_skus\nA,,Jacket,B\n";
    refused(
        "akeneo",
        &[("export.csv", magento)],
        "DIR/export.csv: expected a file of the format akeneo, found a table with `,` between the \
         columns `sku`, `store_view_code`, `name`, `crosssell_skus`, which looks like magento; try \
         --from magento=PATH",
    );
    refused(
        "akeneo",
        &[("export.csv", b"id;name\n1;x\n")],
        "DIR: expected products, product models or associations as Akeneo exports them, found none",
    );
    refused(
        "akeneo",
        &[("export.csv", b"sku;family;enabled\na;M\xfcsli;1\n")],
        "DIR/export.csv:2: column `family`: expected UTF-8, found byte 0xfc at offset 22; if the \
         file is Latin-1, say --encoding latin1",
    );
    let akeneo = b"sku;family;enabled;X_SELL-products\na;f;1;b\n";
    refused(
        "kindred",
        &[("products.csv", akeneo)],
        "DIR/products.csv: expected a file of the format kindred, found a table with `;` between \
         the columns `sku`, `family`, `enabled`, `X_SELL-products`, which looks like akeneo; try \
         --from akeneo=PATH",
    );
}

#[test]
fn wide_tables_are_read_to_the_limit() {
    let table = |count: usize| {
        let columns: Vec<String> = (4..=count).map(|number| format!("a{number}")).collect();
        let header = format!("sku;family;X-products;{}", columns.join(";"));
        format!("{header}\na;f;b{}\n", ";".repeat(count - 3))
    };
    let collected = read("akeneo", &[("p.csv", table(8_192).as_bytes())]);
    assert_eq!(collected.relations().len(), 1);
    for count in [8_193, 1_000_000] {
        let error = refused(
            "akeneo",
            &[("p.csv", table(count).as_bytes())],
            "DIR/p.csv:1: expected at most 8192 cells in a row, found more",
        );
        assert!(matches!(error, crate::sources::SourceError::TooManyColumns { .. }), "{error:?}");
    }
}

/// The catalog of `tests/data`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/akeneo").join(name)
}

/// What the directory yields, its format found by its files.
fn detected(path: &Path) -> Collected {
    let parts = detect(path, Encoding::Utf8).unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part.format().name).collect();
    assert_eq!(names, ["akeneo"], "{}", path.display());
    let mut collected = Collected::default();
    parts[0].read(&mut collected).unwrap();
    collected
}

/// The links as the golden file spells them, aliases followed, each once.
fn resolved_links(collected: &Collected) -> String {
    let aliases = aliases(collected);
    let aliases: BTreeMap<&str, &str> =
        aliases.iter().map(|alias| alias.split_once(' ').unwrap()).collect();
    let line = |link: &&crate::model::record::RelationRecord<'_>| {
        let target = aliases.get(link.target).copied().unwrap_or(link.target);
        let quantity = link.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
        let two_way = if link.two_way == Some(true) { "two_way" } else { "" };
        format!("{},{},{target},{quantity},{two_way}\n", link.source, link.relation_type)
    };
    let lines: Vec<String> = collected.relations().iter().map(line).collect();
    let unique: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(unique.len(), lines.len(), "a link stands once");
    let header = "source,type,target,quantity,two_way\n".to_owned();
    unique.into_iter().fold(header, |text, line| text + line)
}

#[test]
fn the_catalog_gives_the_same_links_from_tables_and_from_json() {
    let expected = fs::read_to_string(fixture("expected-links.csv")).unwrap();
    for form in ["csv", "rest", "rest-uuid"] {
        let collected = detected(&fixture(form));
        assert_eq!(resolved_links(&collected), expected, "{form}");
        let products = collected.products();
        assert_eq!(products.len(), 40, "{form}");
        let hidden = products.iter().filter(|product| product.visibility == Visibility::Hidden);
        let hidden: Vec<&str> = hidden.map(|product| product.id).collect();
        assert_eq!(hidden, ["boot-trail-43", "knife-fold"], "{form}");
        assert_eq!(aliases(&collected).len(), 34, "{form}");
        let parents = products.iter().filter(|product| product.parent.is_some()).count();
        assert_eq!(parents, 8, "{form}");
        let named = |id: &str| *products.iter().find(|product| product.id == id).unwrap();
        let pots = named("pot-set");
        assert_eq!(pots.title, Some("Pot set; two pots \"nested\""), "{form}");
        assert_eq!(pots.categories, ["master/kitchen/pots"], "{form}");
        assert_eq!(pots.price.unwrap().amount, Decimal::parse("12.50").unwrap(), "{form}");
        assert_eq!(named("filter-water").title, Some("Water filter\nwith hose"), "{form}");
        let expected = ["master/camp/tents", "sales/sale_spring"];
        assert_eq!(named("tent-dome-green-2p").categories, expected, "{form}");
        let lost = collected.codes.iter().filter(|code| **code != FindingCode::IgnoredFile).count();
        // The JSON by identifier has a `null` that stands for a product without one.
        assert_eq!(lost, usize::from(form == "rest"), "{form}: {:?}", collected.findings);
    }
}

/// Counted in the files by other programs: 1239 products, 240 of them variants, 81 models, 0 links.
#[test]
fn the_icecat_catalog_says_loudly_that_it_has_no_links() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/catalogs/akeneo");
    if !path.is_dir() {
        println!("skipped: no Akeneo catalog beside the crate");
        return;
    }
    let collected = detected(&path);
    let products = collected.products();
    let ids: BTreeSet<&str> = products.iter().map(|product| product.id).collect();
    assert_eq!((products.len(), ids.len()), (1_239 + 81, 1_239 + 81));
    assert_eq!(collected.relations().len(), 0);
    let told = collected.findings.iter().filter(|finding| finding.contains("0 links imported"));
    assert_eq!(told.count(), 1, "{:?}", collected.findings);
    let titled = products.iter().filter(|product| product.title.is_some()).count();
    assert!(titled > 1_200, "{titled}");
    let lost: BTreeSet<&str> = collected.codes.iter().map(|code| code.code()).collect();
    assert_eq!(lost, BTreeSet::from(["ignored_file", "no_relations"]));
}

/// A price that could not be read was no price, without a word.
#[test]
fn a_price_of_json_that_cannot_be_read_is_reported() {
    let price = |amount: &str| {
        let text = format!(
            r#"[{{"identifier":"a","enabled":true,"values":{{"price":[{{"data":[{{"amount":{amount},"currency":"EUR"}}]}}]}}}}]"#
        );
        let collected = read("akeneo", &[("p.json", text.as_bytes())]);
        let amount = collected.products()[0].price.map(|price| price.amount);
        (amount, collected.findings)
    };
    let euros = Decimal::parse("12.50");
    assert_eq!(price("\"12.50\""), (euros, vec![]));
    assert_eq!(price("null"), (None, vec![]));
    for bad in ["\"x\"", "-1", "true", "\"\"", "[]"] {
        let expected =
            format!("p.json:1 bad_value price: expected an amount like `12.50`, found `{bad}`");
        assert_eq!(price(bad), (None, vec![expected]));
    }
}

#[test]
fn every_form_of_the_catalog_is_known_file_by_file() {
    for (form, file) in
        [("csv", "products.csv"), ("rest", "products.json"), ("rest-uuid", "product-models.jsonl")]
    {
        let path = fixture(form).join(file);
        let mut collected = Collected::default();
        detect(&path, Encoding::Utf8).unwrap()[0].read(&mut collected).unwrap();
        assert!(!collected.products().is_empty(), "{form}/{file}");
        assert_eq!(collected.files.len(), 1);
        format("akeneo").unwrap().read(&path, &mut Collected::default()).unwrap();
    }
}

#[test]
fn a_page_without_items_says_nothing() {
    let page = br#"{"_links":{"self":{"href":"x"}},"current_page":1,"_embedded":{"items":[]}}"#;
    let collected = read("akeneo", &[("p.json", page)]);
    assert_eq!((collected.records.len(), collected.findings.len()), (0, 0));
}
