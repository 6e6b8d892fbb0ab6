//! Mappings: what each key of `mapping.toml` does, line and column of each mistake, and the catalogs
//! of `tests/data/mapping` and `tests/data/wisepim`.

use super::{
    Collected, directory,
    golden::{check_links, fixture, links, read_fixture, scopes},
    hostile_set::{self, Good},
};
use crate::{
    model::{
        decimal::Decimal,
        limits::CONFIG_BYTES_MAX,
        record::{AliasRecord, Record, Visibility},
        relation::Availability,
    },
    sources::{Encoding, SourceError, detect, format},
};

/// Reads tables by a mapping.
fn read(mapping: &str, tables: &[(&str, &str)]) -> Result<Collected, String> {
    let toml = [("mapping.toml", mapping.as_bytes())];
    let tables = tables.iter().map(|(name, text)| (*name, text.as_bytes()));
    let files: Vec<(&str, &[u8])> = toml.into_iter().chain(tables).collect();
    let directory = directory(&files);
    let mut collected = Collected::default();
    let read = format("mapping").unwrap().read(directory.path(), &mut collected);
    let text =
        |error: SourceError| error.to_string().replace(directory.path().to_str().unwrap(), "DIR");
    read.map(|()| collected).map_err(text)
}

/// Links that a mapping of one table `t.csv` gives, and its findings.
#[track_caller]
fn check(mapping: &str, table: &str, expected: &[&str], findings: &[&str]) {
    check_file(mapping, "t.csv", table, expected, findings);
}

#[track_caller]
fn check_file(mapping: &str, name: &str, table: &str, expected: &[&str], findings: &[&str]) {
    let mapping = format!("[[tables]]\nfile = \"{name}\"\n{mapping}");
    let collected = read(&mapping, &[(name, table)]).unwrap();
    let found = links(&collected);
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), expected);
    assert_eq!(collected.findings, findings);
}

#[track_caller]
fn refused(mapping: &str, expected: &str) {
    let error = read(mapping, &[("t.csv", "a,b\n1,2\n")]).unwrap_err();
    assert!(error.starts_with(&format!("DIR/mapping.toml:{expected}")), "{error}");
}

const EDGE: &str = "[tables.relation]\nsource = \"from\"\ntarget = \"to\"\ntype = \"kind\"\n";

#[test]
fn rows_are_relations_under_the_files_own_names() {
    check(EDGE, "kind,to,from\nrelated,B,A\n", &["A,related,B,,"], &[]);
    // Whatever stands between the cells.
    check(EDGE, "kind;to;from\nrelated;B;A\n", &["A,related,B,,"], &[]);
    check(&format!("delimiter = \"|\"\n{EDGE}"), "kind|to|from\nx;y|B|A\n", &["A,x;y,B,,"], &[]);
    let findings = [
        "t.csv:1 unknown_column note: expected one of `kind`, `to`, `from`, found another column",
        "t.csv:2 bad_id to: the id is empty; expected 1 to 128 bytes",
        "t.csv:3 ragged_row : expected 4 cells as in the header, found 3",
    ];
    check(EDGE, "kind,to,from,note\nrelated,,A,x\nrelated,B,A\n", &[], &findings);
}

#[test]
fn every_column_of_our_tables_can_be_mapped() {
    let mapping = "[[tables]]\nfile = \"t.csv\"\nseparator = \",\"\nlevels = \">\"\n\
        [tables.product]\nid = \"a\"\ntitle = \"b\"\nbrand = \"c\"\ncategory = \"d\"\nprice = \"e\"\n\
        currency = { value = \"CHF\" }\navailability = \"f\"\nread_at = \"g\"\nparent = \"h\"\n\
        variant_position = \"i\"\nvisibility = \"j\"\npopularity = \"k\"\ntags = \"l\"\n\
        eco_grade = \"m\"\nmarkets = \"n\"\ndeleted = \"o\"\n\
        [[tables.aliases]]\nalias = \"p\"\n[tables.variant]\nparent = \"h\"\nvariant = \"a\"\n\
        position = \"i\"\n";
    let table = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\n\
        1,Cup,Acme,\"Home > Cups, Sale\",2.50,in_stock,2024-01-01,P,3,hidden,7,\"x, y\",A,\"de,ch\",0,E1\n\
        2,,,,,,,P,,,,,,,1,\n";
    let collected = read(mapping, &[("t.csv", table)]).unwrap();
    let product = collected.products()[0];
    assert_eq!((product.id, product.title, product.brand), ("1", Some("Cup"), Some("Acme")));
    assert_eq!(product.categories, ["Home/Cups", "Sale"]);
    let price = product.price.unwrap();
    assert_eq!((price.amount, price.currency), (Decimal { digits: 250, scale: 2 }, Some("CHF")));
    assert_eq!(product.availability, Some(Availability::InStock));
    assert_eq!((product.parent, product.variant_position), (Some("P"), Some(3)));
    assert_eq!((product.visibility, product.popularity), (Visibility::Hidden, Some(7.0)));
    assert_eq!((product.tags.as_slice(), product.eco_grade), (["x", "y"].as_slice(), Some(5)));
    assert_eq!(
        (product.markets.as_slice(), product.read_at_s),
        (["de", "ch"].as_slice(), Some(1_704_067_200))
    );
    let is = |record: &Record<'static>| collected.records.iter().any(|(_, found)| found == record);
    assert!(is(&Record::Alias(AliasRecord { alias: "E1", product: "1" })));
    assert!(is(&Record::Tombstone(crate::model::record::TombstoneRecord { product: "2" })));
    assert_eq!(collected.variants().len(), 2);
    assert_eq!(collected.findings, [""; 0]);
    let mapping = "[[tables]]\nfile = \"t.csv\"\n[tables.bundle]\nbundle = \"a\"\noption = \"b\"\n\
                   product = \"c\"\nquantity = \"d\"\nrequired = { value = \"1\" }\n";
    let collected = read(mapping, &[("t.csv", "a,b,c,d\nK,Lens,L1,2\n")]).unwrap();
    let part = collected.bundles()[0];
    assert_eq!((part.bundle, part.option, part.product), ("K", "Lens", "L1"));
    assert_eq!((part.quantity, part.required, part.min_selections), (2.0, true, 1));
    assert_eq!(scopes(&collected), ["#bundles"]);
}

#[test]
fn words_mean_ours_in_any_case_and_others_pass_as_they_are() {
    let mapping = "[tables.relation]\nsource = \"from\"\ntarget = \"to\"\n\
                   type = { column = \"kind\", words = { \"Zubehör\" = \"accessory\" } }\n";
    check(
        mapping,
        "from,to,kind\nA,B,Zubehör\nA,C, ZUBEHÖR \nA,D,Ersatz\n",
        &["A,accessory,B,,", "A,accessory,C,,", "A,Ersatz,D,,"],
        &[],
    );
}

#[test]
fn the_first_of_several_columns_that_says_something_counts() {
    let mapping = "empty = [\"-\"]\n[tables.relation]\nsource = [\"sku\", \"SKU\"]\n\
                   target = [\"new\", \"old\"]\ntype = { value = \"related\" }\n";
    check(
        mapping,
        "SKU,old,new\nA,B,C\nA,B,\nA,B,-\n",
        &["A,related,C,,", "A,related,B,,", "A,related,B,,"],
        &[],
    );
}

#[test]
fn lists_of_targets_are_links_in_their_order() {
    let mapping = |more: &str| {
        format!(
            "separator = \",\"\n[[tables.links]]\nproduct = \"sku\"\ncolumn = \"up\"\n\
             type = \"up_sell\"\n{more}"
        )
    };
    check(&mapping(""), "sku,up\nA,\"B, ,C\"\nB,\n", &["A,up_sell,B,0,", "A,up_sell,C,1,"], &[]);
    check(
        &mapping("positions = \"at\"\n"),
        "sku,up,at\nA,\"B,C,D,E\",\"2,0,,x\"\n",
        &["A,up_sell,C,0,", "A,up_sell,B,1,", "A,up_sell,D,2,", "A,up_sell,E,3,"],
        &["t.csv:2 bad_value at: expected whole numbers, found `x`"],
    );
    check(
        &mapping("quantity_separator = \"/\"\n"),
        "sku,up\nA,\"B/2, C/0.5,D,E/x/0\"\n",
        &["A,up_sell,B,0,2", "A,up_sell,C,1,0.5", "A,up_sell,D,2,", "A,up_sell,E/x,3,"],
        &["t.csv:2 bad_value up: expected a quantity above 0 behind the product, found `E/x/0`"],
    );
    check(
        &mapping("automatic = [\"-1\"]\n"),
        "sku,up\nA,-1\nB,\"-1,C\"\n",
        &["B,up_sell,C,0,"],
        &[
            "t.csv:2 bad_value up: expected products, found `-1`, by which the system chooses them \
             itself; nothing is read for it",
            "t.csv:3 bad_value up: expected products, found `-1`, by which the system chooses them \
             itself; nothing is read for it",
        ],
    );
}

#[test]
fn an_empty_list_clears_unless_blanks_keep_and_an_absent_column_says_nothing() {
    let mapping = |more: &str| {
        format!(
            "[[tables]]\nfile = \"t.csv\"\n{more}[[tables.links]]\nproduct = \"sku\"\n\
             column = \"up\"\ntype = \"up_sell\"\n"
        )
    };
    let of = |more: &str, table: &str| read(&mapping(more), &[("t.csv", table)]).unwrap();
    let table = "sku,up\nA,B\nB,\n";
    assert_eq!(scopes(&of("", table)), ["up_sell", "up_sell A", "up_sell B"]);
    assert_eq!(scopes(&of("blank = \"keeps\"\n", table)), ["up_sell", "up_sell A"]);
    let absent = of("", "sku,down\nA,B\n");
    assert_eq!(scopes(&absent), [""; 0]);
    let lost = "t.csv:1 bad_value list: expected a column `up` for `list`, found none; nothing is \
                read for it";
    assert_eq!(absent.findings[0], lost);
    assert_eq!(of("optional = true\n", "sku,down,up\nA,B,\n").findings.len(), 1);
    // In JSON a key that is not there says nothing, and an empty list clears.
    let mapping = "[[tables]]\nfile = \"t.json\"\n[[tables.links]]\nproduct = \"sku\"\n\
                   column = \"up\"\ntype = \"up_sell\"\n[[tables.links]]\nproduct = \"sku\"\n\
                   column = \"down\"\ntype = \"related\"\n";
    let table = r#"[{"sku":"A"},{"sku":"B","up":[]},{"sku":"C","up":["A"]},{"sku":"D","up":null}]"#;
    let collected = read(mapping, &[("t.json", table)]).unwrap();
    assert_eq!(scopes(&collected), ["up_sell", "up_sell B", "up_sell C"]);
}

#[test]
fn paths_lead_into_json_and_out_of_a_list() {
    let edge = "items = \"data.rows\"\n[tables.relation]\nsource = \"a.id\"\ntarget = \"b\"\n\
                type = \"x.y\"\nmarkets = \"m.id\"\n";
    let table = r#"{"data":{"rows":[{"a":{"id":7},"b":true,"x.y":"T","m":[{"id":"de"},{"id":["ch","at"]},5]}]}}"#;
    check_file(edge, "t.json", table, &["7,T,true,,"], &[]);
    let each = "items = [\"data\", \"rows\"]\neach = \"links\"\n[tables.relation]\n\
                source = \"/sku\"\ntarget = \"sku\"\ntype = { value = \"related\" }\n";
    let rows = r#"[{"sku":"A","links":[{"sku":"B"},5,{"sku":"C"}]},{"sku":"D","links":{"sku":"A"}},{"sku":"E","links":null},{"sku":"F"}]"#;
    let expected = ["A,related,B,,", "A,related,C,,", "D,related,A,,"];
    let lost = "t.json:1 bad_value links: expected a list of objects, found a number in it";
    for page in [rows.to_owned(), format!("{{\"data\":{rows}}}"), format!("{{\"rows\":{rows}}}")] {
        check_file(each, "t.json", &page, &expected, &[lost]);
    }
    // An object a line, and what is no text.
    check_file(
        EDGE,
        "t.ndjson",
        "{\"from\":\"A\",\"to\":{\"x\":1},\"kind\":\"k\",\"note\":1}\n{\"from\":\"A\",\"to\":\"B\",\"kind\":\"k\",\"note\":2}\n",
        &["A,k,B,,"],
        &[
            "t.ndjson:1 unknown_column note: expected a key that the mapping names, found another key",
            "t.ndjson:1 bad_value to: expected text, a number or a list, found an object",
            "t.ndjson:1 bad_id to: the id is empty; expected 1 to 128 bytes",
        ],
    );
}

#[test]
fn joins_turn_numbers_into_ids() {
    let mapping = "[[joins]]\nname = \"skus\"\nfile = \"n.csv\"\nkey = \"id\"\nvalue = \"sku\"\n\
                   [[tables]]\nfile = \"t.csv\"\n[tables.relation]\n\
                   source = { column = \"from\", join = \"skus\" }\n\
                   target = { column = \"to\", join = \"skus\" }\ntype = { value = \"related\" }\n";
    let tables = [("n.csv", "id,sku\n1,A\n2,B\n2,C\n3,\n"), ("t.csv", "from,to\n1,2\n1,3\n2,1\n")];
    let collected = read(mapping, &tables).unwrap();
    assert_eq!(
        links(&collected).lines().skip(1).collect::<Vec<_>>(),
        ["A,related,B,,", "B,related,A,,"]
    );
    assert_eq!(
        collected.findings,
        [
            "n.csv:4 bad_value id: expected each key of the join `skus` once, found `2` again; the \
             first counts",
            "t.csv:3 bad_value to: expected a key of the mapping's join, found `3`",
            "t.csv:3 bad_id to: the id is empty; expected 1 to 128 bytes",
        ]
    );
}

#[test]
fn mistakes_are_named_by_line_and_column() {
    let table = "[[tables]]\nfile = \"t.csv\"\n";
    refused("", "1:1: expected at least one `[[tables]]`, found none");
    refused("[[tables]\n", "1:10: ");
    refused("[[tables]]\nfiel = \"t.csv\"\n", "2:1: unknown field `fiel`");
    refused(
        "[[tables]]\nfile = []\n[tables.product]\nid = \"a\"\n",
        "2:8: expected the name of a file",
    );
    refused(
        table,
        "2:8: expected `product`, `relation`, `bundle`, `variant`, `aliases`, `links` or `parts` of the table",
    );
    refused(
        &format!("{table}[tables.relation]\nsource = \"a\"\ntarget = \"b\"\n"),
        "2:8: expected a column for `type`, found none",
    );
    refused(
        &format!("{table}[tables.relation]\nsource = \"a\"\ntarget = \"b\"\nkind = \"a\"\n"),
        "6:1: expected one of `source`, `type`, `target`, `position`",
    );
    refused(&format!("{table}[tables.product]\nid = 7\n"), "4:6: expected a column's name");
    refused(
        &format!("{table}[tables.product]\nid = {{ column = \"a\", value = \"b\" }}\n"),
        "4:6: expected either a `column` or a `value`",
    );
    refused(&format!("{table}[tables.product]\nid = {{}}\n"), "4:6: expected either a `column`");
    refused(
        &format!("{table}[tables.product]\nid = {{ column = \"a\", join = \"x\" }}\n"),
        "4:6: expected a join of `[[joins]]`, found `x`",
    );
    refused(
        &format!("{table}delimiter = \"::\"\n[tables.product]\nid = \"a\"\n"),
        "3:13: expected one ASCII character that is no quote or line break, found `::`",
    );
    refused(
        &format!("{table}separator = \"\"\n[tables.product]\nid = \"a\"\n"),
        "3:13: expected at least one character",
    );
    refused(
        &format!("{table}[[tables.links]]\ncolumn = \"a\"\nproduct = \"b\"\n"),
        "4:10: expected the `type` of these links, found none",
    );
    refused(
        &format!("{table}[[tables.links]]\ncolumn = \"a\"\ntype = \"related\"\n"),
        "4:10: expected the `product` that has the list",
    );
    refused(
        &format!("{table}[[tables.parts]]\ncolumn = \"a\"\nproduct = \"b\"\ntype = \"x\"\n"),
        "6:8: expected no type: parts are those of bundles, found `x`",
    );
    let join = "[[joins]]\nname = \"x\"\nfile = \"t.csv\"\nkey = \"a\"\nvalue = \"b\"\n";
    refused(&format!("{join}{join}"), "7:8: expected each join once, found `x`");
    refused("a = \"\u{0}\"", "1:");
}

#[test]
fn a_mapping_that_does_not_fit_the_files_is_named_by_line_and_column() {
    let table = |file: &str, more: &str| {
        format!("[[tables]]\nfile = \"{file}\"\n{more}[tables.product]\nid = \"sku\"\n")
    };
    refused(&table("t.csv", ""), "4:6: expected a column `sku` for `id` in DIR/t.csv, found none");
    refused(&table("x*.csv", ""), "2:8: expected a file `x*.csv` below DIR, found none");
    refused(
        &table("t.csv", "each = \"links\"\n"),
        "2:8: expected JSON, of which `each` names a list, found a table of cells",
    );
    let both =
        format!("{}{}", table("x.csv", "optional = true\n"), table("t.csv", "optional = true\n"));
    let error = read(&both, &[("t.csv", "a,b\n1,2\n")]).unwrap_err();
    assert_eq!(error, "DIR: expected a table that the mapping names, found none");
    let join = "[[joins]]\nname = \"x\"\nfile = \"n.csv\"\nkey = \"a\"\nvalue = \"b\"\n";
    refused(
        &format!("{join}{}", table("t.csv", "optional = true\n")),
        "3:8: expected a file `n.csv` below DIR, found none",
    );
    let files = directory(&[("t.csv", b"a,b\n1,2\n".as_slice())]);
    let error = format("mapping").unwrap().read(files.path(), &mut Collected::default());
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("expected a mapping.toml beside the tables, found none"), "{error}");
}

#[test]
fn a_mapping_that_is_too_long_or_no_text_is_refused() {
    let of = |bytes: &[u8]| {
        let files = directory(&[("mapping.toml", bytes), ("t.csv", b"a\n1\n")]);
        let read = format("mapping").unwrap().read(files.path(), &mut Collected::default());
        read.unwrap_err().to_string()
    };
    let long = vec![b'#'; CONFIG_BYTES_MAX + 1];
    assert!(of(&long).contains("expected at most"), "{}", of(&long));
    let latin1 = of(b"[[tables]]\nfile = \"\xfc\"\n");
    assert!(
        latin1.contains("mapping.toml:2:9: expected UTF-8, found a byte that is none at offset 19"),
        "{latin1}"
    );
}

#[test]
fn patterns_name_files_whatever_packs_them() {
    let names = |pattern: &str, file: &str| {
        let mapping = format!("[[tables]]\nfile = \"{pattern}\"\n{EDGE}");
        read(&mapping, &[(file, "from,to,kind\nA,B,k\n")]).is_ok()
    };
    let yes =
        [("t.csv", "t.csv"), ("t.csv", "sub/t.csv"), ("t*.csv", "t-1.csv"), ("*t*.*", "at.csv")];
    let yes =
        yes.into_iter().chain([("sub/*.csv", "sub/t.csv"), ("*", "t.csv"), ("a*b*c", "a-b-bc")]);
    for (pattern, file) in yes {
        assert!(names(pattern, file), "{pattern} {file}");
    }
    let no = [("t.csv", "at.csv"), ("t*.csv", "t.tsv"), ("sub/*.csv", "t.csv"), ("a*b*c", "a-c-b")];
    for (pattern, file) in no {
        assert!(!names(pattern, file), "{pattern} {file}");
    }
}

#[test]
fn a_directory_with_a_mapping_is_known_by_it() {
    // By its columns alone the table would be another system's.
    let magento = b"sku,store_view_code,name,crosssell_skus\nA,,Jacket,B\n".as_slice();
    let mapping = "[[tables]]\nfile = \"e.csv\"\n[tables.product]\nid = \"sku\"\n";
    let files = [("mapping.toml", mapping.as_bytes()), ("e.csv", magento), ("f.csv", magento)];
    let directory = directory(&files);
    let parts = detect(directory.path(), Encoding::Utf8).unwrap();
    let mut found = Vec::new();
    for part in parts {
        let mut collected = Collected::default();
        part.read(&mut collected).unwrap();
        found.push((part.format().name, collected.products().len(), collected.relations().len()));
    }
    assert_eq!(found, [("magento", 1, 1), ("mapping", 1, 0)]);
    let single = directory.path().join("e.csv");
    let parts = detect(&single, Encoding::Utf8).unwrap();
    assert_eq!(parts[0].format().name, "mapping");
    let mut collected = Collected::default();
    format("mapping").unwrap().read(&single, &mut collected).unwrap();
    assert_eq!(collected.products().len(), 1);
}

#[test]
fn the_catalogs_give_the_links_of_their_golden_files() {
    let counts = [("bigcommerce", 7, 6), ("edges", 34, 6), ("hcl", 10, 2), ("spryker", 11, 8)];
    for (system, products, findings) in counts {
        let path = fixture("mapping").join(system);
        let collected = read_fixture("mapping", &path);
        check_links(&collected, &path.join("expected-links.csv"));
        assert_eq!(collected.products().len(), products, "{system}");
        assert_eq!(collected.findings.len(), findings, "{system}: {:#?}", collected.findings);
        let parts = detect(&path, Encoding::Utf8).unwrap();
        assert!(parts.iter().any(|part| part.format().name == "mapping"), "{system}");
    }
    let spryker = read_fixture("mapping", &fixture("mapping/spryker"));
    let part = |b: &&crate::model::record::BundleRecord<'_>| {
        format!("{} {} {}", b.bundle, b.product, b.quantity)
    };
    let parts: Vec<String> = spryker.bundles().iter().map(part).collect();
    let expected = [
        "210_123 001_25904006 2",
        "210_123 060_1 1",
        "210_123 002_25904005 1",
        "210_124 001_25904004 1",
    ];
    assert_eq!(parts, expected);
    let rules = spryker.findings.iter().filter(|line| line.starts_with("product_relation.csv:1 "));
    assert_eq!(rules.count(), 1, "rules are told to be left out");
    let shop = read_fixture("mapping", &fixture("mapping/bigcommerce"));
    let automatic = shop.findings.iter().filter(|line| line.contains("found `-1`"));
    assert_eq!(automatic.count(), 2);
}

#[test]
fn wisepims_preset_reads_products_relations_and_json() {
    let path = fixture("wisepim/export");
    let collected = read_fixture("wisepim", &path);
    check_links(&collected, &fixture("wisepim/expected-links.csv"));
    assert_eq!(collected.products().len(), 36);
    let parts: Vec<(&str, f64)> =
        collected.bundles().iter().map(|part| (part.product, part.quantity)).collect();
    assert_eq!(parts, [("W11", 1.0), ("W17", 1.0), ("W20", 2.0)]);
    // A file that it knows nothing of is told, and one without any column of its own refused.
    let files = directory(&[("a.csv", b"x,y\n1,2\n".as_slice())]);
    let error = format("wisepim").unwrap().read(files.path(), &mut Collected::default());
    let error = error.unwrap_err().to_string();
    assert!(error.ends_with("expected a table that the mapping names, found none"), "{error}");
    // Nothing is found to be WISEPIM's by itself.
    assert!(detect(&path.join("product_relationships.csv"), Encoding::Utf8).is_err());
}

#[test]
fn the_mapping_of_the_readme_reads_tables() {
    let readme = include_str!("../../../README.md");
    let example = readme.split("```toml\n").find(|text| text.starts_with("[[joins]]")).unwrap();
    let mapping = example.split("```").next().unwrap();
    let articles = "id;sku;name;name_en;state;parent_id;ean;related_products;related_order;bundled\n\
                    1;P;Hemd;Shirt;A;-;;B/2,-1;2,1;\n2;B;Hut;;N;1;40;;;P/3,P\n";
    let relations = r#"{"data":{"products":[{"sku":"P","links":[{"kind":"Zubehör","target":{"sku":"B"},"variant":{"sku":"B"}}]}]}}"#;
    let tables = [("articles.csv", articles), ("relations.json", relations)];
    let collected = read(mapping, &tables).unwrap();
    assert_eq!(
        links(&collected).lines().skip(1).collect::<Vec<_>>(),
        ["P,related,B,0,2", "P,accessory,B,,"]
    );
    let products = collected.products();
    assert_eq!((products[0].title, products[1].title), (Some("Shirt"), Some("Hut")));
    assert_eq!((products[1].parent, products[0].parent), (Some("P"), None));
    assert_eq!(products[1].availability, Some(Availability::OutOfStock));
    assert_eq!((collected.bundles().len(), collected.variants().len()), (2, 1));
    assert_eq!(collected.findings.len(), 1, "{:?}", collected.findings);
}

#[test]
fn hostile_files_are_refused() {
    let mapping = format!("[[tables]]\nfile = \"t*\"\n{EDGE}");
    let beside = [("mapping.toml", mapping.as_bytes())];
    let text = "from,to,kind,note\nA,B,related,x\nB,C,related,\"y,\nz\"\n";
    hostile_set::check(&Good { format: "mapping", name: "t.csv", text, beside: &beside });
    let text = "[\n{\"from\":\"A\",\"to\":\"B\",\n\"kind\":\"k\"},\n{\"from\":\"B\",\"to\":\"C\",\"kind\":\"k\"}]\n";
    hostile_set::check(&Good { format: "mapping", name: "t.json", text, beside: &beside });
    let text = "sku,name,cross_sells\nA,Cup,B\nB,Mug,\n";
    hostile_set::check(&Good { format: "wisepim", name: "p.csv", text, beside: &[] });
}
