//! Links of a catalog in `tests/data` against a golden file that was made without this program.
//!
//! A golden file has the columns `source,type,target,rank,quantity`. A link's rank counts from 0 among
//! those of its source and type; a variant's (type `#variant`) among those of its parent, which is the
//! target; a part's (type `#bundle:OPTION`, `#option:OPTION` if nobody must take it) among the parts of
//! its bundle. Ends are told by the ids that products have, whatever alias the file used.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::Collected;
use crate::{
    model::record::{ProductRecord, Record},
    sources::format,
};

/// A file or directory below `tests/data`.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Reads `tests/data/NAME` and compares its links with those of the golden files together.
#[track_caller]
pub(super) fn check(format_name: &str, name: &str, goldens: &[&str]) -> Collected {
    let mut collected = Collected::default();
    format(format_name).unwrap().read(&path(name), &mut collected).unwrap();
    let mut expected = BTreeSet::new();
    for golden in goldens {
        let text = fs::read_to_string(path(golden)).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("source,type,target,rank,quantity"), "{golden}");
        expected.extend(lines.map(str::to_owned));
    }
    let found = links(&collected);
    let lost: Vec<_> = expected.difference(&found).collect();
    let more: Vec<_> = found.difference(&expected).collect();
    assert!(lost.is_empty() && more.is_empty(), "{name}\nlost: {lost:#?}\nmore: {more:#?}");
    collected
}

/// Every link, variant and part, as a golden file writes it.
fn links(collected: &Collected) -> BTreeSet<String> {
    let aliases: BTreeMap<&str, &str> = collected
        .records
        .iter()
        .filter_map(|(_, record)| {
            let Record::Alias(alias) = record else { return None };
            Some((alias.alias, alias.product))
        })
        .collect();
    let product = |id: &'static str| aliases.get(id).copied().unwrap_or(id);
    // A variant's own row outranks its parent's.
    let children = collected.products();
    let children = children.iter().filter(|product| product.parent.is_some());
    let children: BTreeSet<&str> = children.map(|product| product.id).collect();
    // What is ranked together, the order in it, and the line but for its rank.
    let mut ranked = BTreeMap::new();
    for (number, (_, record)) in collected.records.iter().enumerate() {
        let (list, order, line) = match record {
            Record::Relation(link) => {
                let source = product(link.source);
                let quantity =
                    link.quantity.map_or_else(String::new, |quantity| quantity.to_string());
                let list = format!("{source} {}", link.relation_type);
                let order = (link.position, None, number);
                let line = [source, link.relation_type, product(link.target)].map(cell);
                (list, order, (line, quantity))
            }
            Record::Product(variant) => {
                let Some(parent) = variant.parent.map(product) else { continue };
                let list = format!("#variant,{parent}");
                let order = (variant.variant_position, None, number);
                let line = [variant.id, "#variant", parent].map(cell);
                (list, order, (line, String::new()))
            }
            Record::Variant(variant) => {
                let (parent, id) = (product(variant.parent), product(variant.variant));
                if children.contains(id) {
                    continue;
                }
                let order = (variant.position, None, number);
                let line = [id, "#variant", parent].map(cell);
                (format!("#variant,{parent}"), order, (line, String::new()))
            }
            Record::Bundle(part) => {
                let kind = if part.required { "#bundle" } else { "#option" };
                let source = product(part.bundle);
                let kind = format!("{kind}:{}", part.option);
                let line = [source, &kind, product(part.product)].map(cell);
                let order = (Some(part.option_position), Some(part.selection_position), number);
                (format!("#bundle,{source}"), order, (line, part.quantity.to_string()))
            }
            Record::ProductMarket(_)
            | Record::Alias(_)
            | Record::Scope(_)
            | Record::Tombstone(_) => continue,
        };
        ranked.entry(list).or_insert_with(BTreeMap::new).insert(order, line);
    }
    let lists = ranked.values().flat_map(|list| (0_usize..).zip(list.values()));
    lists.map(|(rank, (line, quantity))| format!("{},{rank},{quantity}", line.join(","))).collect()
}

/// A cell as a table writes it.
fn cell(text: &str) -> String {
    if text.contains([',', '"']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// Types and products that an input speaks of.
pub(super) fn scopes(collected: &Collected) -> Vec<(&'static str, Option<&'static str>)> {
    let scopes = collected.records.iter().filter_map(|(_, record)| {
        let Record::Scope(scope) = record else { return None };
        Some((scope.relation_type, scope.product))
    });
    scopes.collect()
}

/// Other ids of a product.
pub(super) fn aliases(collected: &Collected, of: &str) -> Vec<&'static str> {
    let aliases = collected.records.iter().filter_map(|(_, record)| {
        let Record::Alias(alias) = record else { return None };
        (alias.product == of).then_some(alias.alias)
    });
    aliases.collect()
}

/// A product that must be there.
#[track_caller]
pub(super) fn product<'c>(collected: &'c Collected, id: &str) -> &'c ProductRecord<'static> {
    collected.products().into_iter().find(|product| product.id == id).unwrap()
}
