//! Magento: the sample data against counts made without this program, and each rule of the export.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{Collected, read};
use crate::{
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{BundleRecord, Record, VariantRecord, Visibility},
        relation::{Availability, Origin},
    },
    sources::format,
};

/// Reads one export.
fn export(text: &str) -> Collected {
    read("magento", &[("export.csv", text.as_bytes())])
}

/// Targets of the links of one cell pair, in the order of their positions, and the findings.
#[track_caller]
fn check_links(skus: &str, positions: &str, expected: &[&str], findings: &[&str]) {
    let text = format!("sku,upsell_skus,upsell_position\nA,\"{skus}\",\"{positions}\"\n");
    let collected = export(&text);
    let mut links: Vec<(Option<u32>, &str)> =
        collected.relations().iter().map(|link| (link.position, link.target)).collect();
    links.sort_unstable();
    let targets: Vec<&str> = links.iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, expected);
    let positions: BTreeSet<_> = links.iter().map(|(position, _)| position.unwrap()).collect();
    assert_eq!(positions.len(), links.len(), "positions decide alone");
    assert_eq!(collected.findings, findings);
    assert_eq!(collected.products().len(), 0, "links alone are no product");
    for link in collected.relations() {
        assert_eq!((link.source, link.relation_type), ("A", "magento:upsell"));
        assert_eq!(link.origin, Origin::Imported);
    }
}

#[test]
fn links_follow_their_positions_then_the_list() {
    check_links("B,C,D", "3,1,2", &["C", "D", "B"], &[]);
    check_links("B,C", "2,10", &["B", "C"], &[]);
    check_links("B,C,D", "", &["B", "C", "D"], &[]);
    check_links("B,C,D", ",,", &["B", "C", "D"], &[]);
    check_links("B,C,D", "1,1,1", &["B", "C", "D"], &[]);
    check_links("B,C,D", "5,0,5", &["C", "B", "D"], &[]);
    check_links("B,C,D", "2,1", &["C", "B", "D"], &[]);
    check_links("B,C,D", ",2,1", &["D", "C", "B"], &[]);
    check_links("B,C", "2,1,0,7", &["C", "B"], &[]);
}

#[test]
fn links_stay_aligned_across_spaces_and_gaps() {
    check_links(" B , C ", " 2 , 1 ", &["C", "B"], &[]);
    check_links("B,,C", "3,1,2", &["C", "B"], &[]);
    check_links(",B,", "", &["B"], &[]);
    check_links("", "1", &[], &[]);
    check_links("__EMPTY__VALUE__", "__EMPTY__VALUE__", &[], &[]);
    check_links("B,C", "__EMPTY__VALUE__", &["B", "C"], &[]);
}

#[test]
fn bad_links_and_positions_are_reported() {
    let finding = "export.csv:2 bad_value upsell_position: expected whole numbers with `,` between \
                   them, found `x`";
    check_links("B,C,D", "x,2,1", &["D", "C", "B"], &[finding]);
    let long = "x".repeat(129);
    let finding = "export.csv:2 bad_id upsell_skus: the id has 129 bytes; expected 1 to 128";
    check_links(&format!("{long},C"), "", &["C"], &[finding]);
}

#[test]
fn the_three_link_types_are_passed_on_by_magentos_names() {
    let text = "sku,related_skus,crosssell_skus,upsell_skus\nA,B,C,D\n";
    let links: Vec<(&str, &str)> =
        export(text).relations().iter().map(|link| (link.relation_type, link.target)).collect();
    let expected = [("magento:related", "B"), ("magento:crosssell", "C"), ("magento:upsell", "D")];
    assert_eq!(links, expected);
}

#[test]
fn rows_of_a_store_view_give_links_only() {
    let text = "sku,store_view_code,name,related_skus,configurable_variations,associated_skus\n\
                A,,Name,B,,\nA,de,Titel,C,sku=V,sku=W\nA,fr,Nom,,,\n";
    let collected = export(text);
    assert_eq!(collected.products().len(), 1);
    assert_eq!(collected.products()[0].title, Some("Name"));
    let targets: Vec<&str> = collected.relations().iter().map(|link| link.target).collect();
    assert_eq!(targets, ["B", "C"]);
    assert!(collected.variants().is_empty() && collected.bundles().is_empty());
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn products_of_an_export_are_read() {
    let text = "sku,product_type,name,price,categories,visibility,product_online,is_in_stock,qty,\
                additional_attributes\n\
                MH01,configurable,Hoodie,52.0000,\"Default Category/Men,Default Category/Men/Tops,\
                Default Category,Default Category/Eco/New\",\"Catalog, Search\",1,1,0,\
                \"color=Black,manufacturer=Luma, Inc.,size=L\"\n";
    let collected = export(text);
    let product = collected.products()[0];
    assert_eq!((product.id, product.title), ("MH01", Some("Hoodie")));
    assert_eq!(product.price.unwrap().amount, Decimal { digits: 520_000, scale: 4 });
    assert_eq!(product.price.unwrap().currency, None);
    assert_eq!(product.categories, ["Men/Tops", "Men", "Eco/New"]);
    assert_eq!(product.visibility, Visibility::Visible);
    assert_eq!(product.brand, Some("Luma, Inc."));
    // Configurable products have no stock of their own; `qty` says nothing.
    assert_eq!(product.availability, Some(Availability::InStock));
    assert_eq!(collected.findings, [""; 0]);
}

#[track_caller]
fn check_state(columns: &str, cells: &str, stock: Option<Availability>, visibility: Visibility) {
    let collected = export(&format!("sku,name,{columns}\nA,N,{cells}\n"));
    let product = collected.products()[0];
    assert_eq!((product.availability, product.visibility), (stock, visibility), "{cells}");
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn stock_comes_from_is_in_stock_alone() {
    let shown = Visibility::Visible;
    check_state("is_in_stock,qty", "0,100", Some(Availability::OutOfStock), shown);
    check_state("is_in_stock,qty", "1,0", Some(Availability::InStock), shown);
    check_state("is_in_stock,qty", ",0", None, shown);
    check_state("qty", "0", None, shown);
}

#[test]
fn products_that_are_not_shown_are_hidden() {
    let states = [
        ("1", Visibility::Hidden),
        ("Not Visible Individually", Visibility::Hidden),
        ("2", Visibility::Visible),
        ("Catalog", Visibility::Visible),
        ("3", Visibility::Visible),
        ("Search", Visibility::Visible),
        ("4", Visibility::Visible),
        ("\"Catalog, Search\"", Visibility::Visible),
        ("", Visibility::Visible),
    ];
    for (cell, visibility) in states {
        check_state("visibility", cell, None, visibility);
    }
    check_state("visibility,product_online", "4,2", None, Visibility::Hidden);
    check_state("visibility,product_online", "4,1", None, Visibility::Visible);
    check_state("visibility,product_online", "1,1", None, Visibility::Hidden);
    let collected = export("sku,visibility\nA,sometimes\n");
    assert_eq!(
        collected.findings,
        [
            "export.csv:2 bad_value visibility: expected a visibility from 1 to 4 or its name, found \
          `sometimes`"
        ]
    );
}

#[test]
fn brands_come_from_a_column_or_an_attribute() {
    let brand = |header: &str, cells: &str| {
        export(&format!("sku,name,{header}\nA,N,{cells}\n")).products()[0].brand
    };
    assert_eq!(brand("manufacturer", "Luma"), Some("Luma"));
    assert_eq!(brand("brand", "Luma"), Some("Luma"));
    assert_eq!(brand("brand,additional_attributes", ",brand=Luma"), Some("Luma"));
    assert_eq!(
        brand("additional_attributes", "\"a=1,manufacturer=\"\"Luma\"\",b=2\""),
        Some("Luma")
    );
    assert_eq!(brand("additional_attributes", "color=Red"), None);
    // A value may hold a `=` and the separator: only a code of an attribute begins the next one.
    let note = |note: &str| brand("additional_attributes", &format!("\"{note}\""));
    assert_eq!(note("manufacturer=Luma, size A=B"), Some("Luma, size A=B"));
    assert_eq!(note("manufacturer=Luma, =B,x=1"), Some("Luma, =B"));
    assert_eq!(note("note=like brand=Best, our own brand=Other,brand=Luma"), Some("Luma"));
    assert_eq!(note("manufacturer=Luma,size_2=A=B"), Some("Luma"));
    assert_eq!(brand("manufacturer", "__EMPTY__VALUE__"), None);
}

#[test]
fn grouped_products_are_bundles_that_nobody_must_take() {
    let collected = export("sku,associated_skus\nG,\"A=2.0000,B=0.0000, C ,D=many,=1\"\n");
    let part = |option_position, product, quantity, is_default| BundleRecord {
        bundle: "G",
        option: product,
        option_position,
        required: false,
        min_selections: 0,
        max_selections: 1,
        product,
        selection_position: 0,
        quantity,
        is_default,
    };
    let expected = [
        part(0, "A", 2.0, true),
        part(1, "B", 1.0, false),
        part(2, "C", 1.0, false),
        part(3, "D", 1.0, false),
    ];
    assert_eq!(collected.bundles(), expected.iter().collect::<Vec<_>>());
    assert_eq!(
        collected.findings,
        [
            "export.csv:2 bad_value associated_skus: expected a part like `SKU=2.0000`, found \
             `D=many`",
            "export.csv:2 bad_id associated_skus: the id is empty; expected 1 to 128 bytes",
        ]
    );
}

/// Selections as `option_position option min-max selection_position product quantity default`.
#[track_caller]
fn check_bundle(cell: &str, expected: &[&str], findings: usize) {
    let collected = export(&format!("sku,bundle_values\nK,\"{cell}\"\n"));
    let line = |b: &&BundleRecord<'_>| {
        assert_eq!((b.bundle, b.required), ("K", b.min_selections > 0));
        format!(
            "{} {} {}-{} {} {} {} {}",
            b.option_position,
            b.option,
            b.min_selections,
            b.max_selections,
            b.selection_position,
            b.product,
            b.quantity,
            b.is_default
        )
    };
    let lines: Vec<String> = collected.bundles().iter().map(line).collect();
    assert_eq!(lines, expected);
    assert_eq!(collected.findings.len(), findings, "{:?}", collected.findings);
}

#[test]
fn bundle_values_are_grouped_by_option() {
    check_bundle(
        "name=Lens,type=radio,required=1,sku=L50,price=0.0000,default=1,default_qty=1.0000,\
         price_type=fixed,can_change_qty=0|name=Card?,type=checkbox,required=0,sku=C1,\
         default_qty=2.0000|name=Lens,type=radio,required=1,sku=L85,default=0,default_qty=1|\
         name=Card?,type=checkbox,required=0,sku=C2",
        &[
            "0 Lens 1-1 0 L50 1 true",
            "0 Lens 1-1 1 L85 1 false",
            "1 Card? 0-2 0 C1 2 false",
            "1 Card? 0-2 1 C2 1 false",
        ],
        0,
    );
    check_bundle(
        "name=A,type=multi,required=1,sku=X|name=A,type=multi,required=1,sku=Y",
        &["0 A 1-2 0 X 1 false", "0 A 1-2 1 Y 1 false"],
        0,
    );
    check_bundle("name=A,type=select,required=0,sku=X|", &["0 A 0-1 0 X 1 false"], 0);
}

#[test]
fn names_with_separators_are_put_together_again() {
    check_bundle(
        "name=Bags, straps | more,type=radio,required=1,sku=X|name=B,sku=Y",
        &["0 Bags, straps | more 1-1 0 X 1 false", "1 B 0-1 0 Y 1 false"],
        0,
    );
}

#[test]
fn selections_without_name_or_product_are_reported() {
    check_bundle("name=A,type=radio|type=radio,sku=X|name=B,sku=Y", &["0 B 0-1 0 Y 1 false"], 2);
    check_bundle("name=A,sku=X,default_qty=0", &["0 A 0-1 0 X 1 false"], 1);
    check_bundle("nonsense", &[], 1);
    let many = vec!["name=A,sku=X"; 1001].join("|");
    let collected = export(&format!("sku,bundle_values\nK,\"{many}\"\n"));
    assert_eq!((collected.bundles().len(), collected.findings.len()), (1000, 1));
}

#[test]
fn variations_name_the_variants_in_order() {
    let collected = export(
        "sku,configurable_variations\nP,\"sku=P-S,size=S|sku=P-M,size=M, tall|size=L,sku=P-L|size=X\"\n",
    );
    let variant = |variant, position| VariantRecord { parent: "P", variant, position };
    assert_eq!(
        collected.variants(),
        [&variant("P-S", Some(0)), &variant("P-M", Some(1)), &variant("P-L", Some(2))]
    );
    assert_eq!(
        collected.findings,
        ["export.csv:2 bad_id configurable_variations: the id is empty; expected 1 to 128 bytes"]
    );
}

#[test]
fn link_types_of_the_shops_own_are_reported() {
    let collected = export("sku,weight,crossell_skus,crosssell_skus\nA,1,B,C\n");
    assert_eq!(collected.findings.len(), 1);
    let expected = "export.csv:1 unknown_column crossell_skus: expected one of";
    assert!(collected.findings[0].starts_with(expected), "{:?}", collected.findings);
}

const CATEGORIES: &str =
    "name,url_key,path\nGear,gear,\nBags,bags,Gear\nCollections,c,\nNew,n,Collections\n";

/// The categories of a fixture's cell.
#[track_caller]
fn check_categories(cell: &str, expected: &[&str]) {
    let products = format!("category,name,sku\n\"{cell}\",N,A\n");
    let files =
        [("z/categories.csv", CATEGORIES.as_bytes()), ("a/products.csv", products.as_bytes())];
    let collected = read("magento", &files);
    assert_eq!(collected.products()[0].categories, expected);
    assert_eq!(collected.findings, [""; 0]);
}

#[test]
fn lines_of_a_category_cell_walk_through_the_tree() {
    check_categories("Gear\nBags", &["Gear/Bags"]);
    check_categories("Gear\r\nBags\r\nCollections\r\nNew", &["Gear/Bags", "Collections/New"]);
    check_categories("Gear\nCollections\nUnknown", &["Gear", "Collections/Unknown"]);
    check_categories("Sale\nWinter", &["Sale/Winter"]);
    check_categories("", &[]);
}

#[test]
fn links_of_a_cell_keep_their_own_lines_and_order() {
    let text = b"sku,linked_sku\n\"A\",\"B\nC\n\n D\"\nE,\"\"\n\"F\",\"B\"\n";
    let collected = read("magento", &[("Links/crosssell.csv", text)]);
    let link = |(place, record): &(String, Record<'static>)| {
        let Record::Relation(r) = record else { return None };
        assert_eq!((r.relation_type, r.origin), ("magento:crosssell", Origin::Imported));
        Some(format!("{place} {} {} {}", r.source, r.target, r.position.unwrap()))
    };
    let links: Vec<String> = collected.records.iter().filter_map(link).collect();
    let expected = ["2 A B 0", "3 A C 1", "5 A D 2", "7 F B 0"];
    let expected = expected.map(|line| format!("Links/crosssell.csv:{line}"));
    assert_eq!(links, expected);
}

/// What a file says it speaks of: types with their products.
fn scopes(name: &str, text: &str) -> Vec<String> {
    let collected = read("magento", &[(name, text.as_bytes())]);
    let scope = |(_, record): &(String, Record<'static>)| {
        let Record::Scope(scope) = record else { return None };
        Some(format!("{} {}", scope.relation_type, scope.product.unwrap_or("*")))
    };
    collected.records.iter().filter_map(scope).collect()
}

/// A column that is not there says nothing, and so does a blank cell; `__EMPTY__VALUE__` clears.
#[test]
fn an_export_speaks_of_its_columns_and_of_cells_that_are_not_blank() {
    let text = "sku,related_skus,upsell_skus\nA,B,\nC,__EMPTY__VALUE__,\nD,,E\n";
    let expected = [
        "magento:related *",
        "magento:upsell *",
        "magento:related A",
        "magento:related C",
        "magento:upsell D",
    ];
    assert_eq!(scopes("export.csv", text), expected);
    let text = "sku,store_view_code,bundle_values,configurable_variations\n\
                A,,\"name=L,sku=B\",sku=C\nD,,__EMPTY__VALUE__,\nE,de,\"name=L,sku=B\",sku=C\n";
    let expected = ["#bundles *", "#variants *", "#bundles A", "#variants A", "#bundles D"];
    assert_eq!(scopes("export.csv", text), expected);
}

#[test]
fn fixtures_speak_of_every_row() {
    let text = "sku,linked_sku\nA,B\nC,\n";
    let expected = ["magento:related *", "magento:related A", "magento:related C"];
    assert_eq!(scopes("Links/related.csv", text), expected);
    let text = "sku,category,bundle_options\nA,,\nB,,Ball|radio:A\n";
    assert_eq!(scopes("kit.csv", text), ["#bundles *", "#bundles A", "#bundles B"]);
    assert_eq!(scopes("plain.csv", "sku,category\nA,\n"), [""; 0]);
}

#[test]
fn bundles_and_groups_of_fixtures_are_read() {
    let text = "sku,bundle_options,associated_sku\n\
                K,\"Ball|radio:A,B\nBag|checkbox:C,D\nrubbish\",\nG,,\"X, Y\"\n";
    let collected = read("magento", &[("kit.csv", text.as_bytes())]);
    let line = |b: &&BundleRecord<'_>| {
        format!(
            "{} {} {} {}-{} {} {} {}",
            b.bundle,
            b.option_position,
            b.option,
            b.min_selections,
            b.max_selections,
            b.selection_position,
            b.product,
            b.required
        )
    };
    let lines: Vec<String> = collected.bundles().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "K 0 Ball 1-1 0 A true",
            "K 0 Ball 1-1 1 B true",
            "K 1 Bag 0-2 0 C false",
            "K 1 Bag 0-2 1 D false",
            "G 0 X 0-1 0 X false",
            "G 1 Y 0-1 0 Y false",
        ]
    );
    assert_eq!(
        collected.findings,
        [
            "kit.csv:4 bad_value bundle_options: expected an option like `Title|radio:SKU,SKU`, found \
          `rubbish`"
        ]
    );
}

#[test]
fn files_of_no_use_are_reported() {
    let files: [(&str, &[u8]); 6] = [
        ("SOURCE.txt", b"x"),
        ("catalog.toml", b""),
        ("links.csv", b"sku,linked_sku\nA,B\n"),
        ("msrp.csv", b"sku,msrp\nA,1\n"),
        ("orders.csv", b"customer_email,currency\nx,USD\n"),
        ("related.csv", b"sku,linked_sku\nA,B\n"),
    ];
    let collected = read("magento", &files);
    let expected = [
        "SOURCE.txt:1 ignored_file : expected a .csv or .json file, found another one",
        "links.csv:1 ignored_file : expected links named related, crosssell or upsell.csv",
        "msrp.csv:1 ignored_file : expected columns for products or links beside `sku`, found none",
        "orders.csv:1 ignored_file : expected a column `sku`, found none",
    ];
    assert_eq!(collected.findings, expected);
    assert_eq!(collected.relations().len(), 1);
}

#[cfg(unix)]
#[test]
fn links_to_directories_are_not_followed() {
    let directory = super::directory(&[("a/related.csv", b"sku,linked_sku\nA,B\n")]);
    std::os::unix::fs::symlink(directory.path(), directory.path().join("a/loop")).unwrap();
    let mut collected = Collected::default();
    format("magento").unwrap().read(directory.path(), &mut collected).unwrap();
    assert_eq!(collected.relations().len(), 1);
    assert_eq!(
        collected.findings,
        ["a/loop:1 ignored_file : expected a .csv or .json file, found another one"]
    );
}

/// The counts were made by other programs over the same files.
#[test]
fn the_sample_data_gives_what_an_independent_count_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/catalogs/magento");
    if !path.is_dir() {
        println!("skipped: no Magento sample data beside the crate");
        return;
    }
    let mut collected = Collected::default();
    format("magento").unwrap().read(&path, &mut collected).unwrap();
    let products = collected.products();
    let skus: BTreeSet<&str> = products.iter().map(|product| product.id).collect();
    assert_eq!((products.len(), skus.len()), (2046, 2046));
    let mut links = BTreeMap::<&str, usize>::new();
    for link in collected.relations() {
        *links.entry(link.relation_type).or_default() += 1;
    }
    let expected = [("magento:crosssell", 736), ("magento:related", 509), ("magento:upsell", 325)];
    assert_eq!(links, BTreeMap::from(expected));
    let variants = collected.variants();
    let parents: BTreeSet<&str> = variants.iter().map(|variant| variant.parent).collect();
    assert_eq!((variants.len(), parents.len()), (1847, 147));
    let mut bundles = BTreeMap::<&str, (BTreeSet<&str>, usize)>::new();
    for selection in collected.bundles() {
        let (options, selections) = bundles.entry(selection.bundle).or_default();
        options.insert(selection.option);
        *selections += 1;
    }
    let sizes = bundles.iter().map(|(id, (options, count))| (*id, options.len(), *count));
    assert_eq!(sizes.collect::<Vec<_>>(), [("24-WG080", 4, 8), ("24-WG085_Group", 3, 3)]);
    let hidden = products.iter().filter(|product| product.visibility == Visibility::Hidden);
    // The variants, nine balls and three straps.
    assert_eq!(hidden.count(), 1847 + 9 + 3);
    // 24-UG07 is in two places of the tree.
    let ball = products.iter().find(|product| product.id == "24-UG07").unwrap();
    assert_eq!(ball.categories, ["Gear/Fitness Equipment", "Collections/Erin Recommends"]);
    assert_eq!(collected.count(FindingCode::IgnoredFile), 3);
    assert_eq!(collected.findings.len(), 3, "{:?}", collected.findings);
}
