//! What products refer to: the trees of categories, the families' labels, the identifier attribute.

use std::collections::BTreeMap;

use super::links::{self, Links};
use crate::{
    model::{
        limits::{CATEGORY_DEPTH_MAX, ID_BYTES_MAX},
        record::ScopeRecord,
    },
    sources::{SourceError, room::Room, row::switch, table::Table},
};

/// Bytes of the categories and families that are remembered; the largest catalogs have some ten
/// thousand.
const CODES_BYTES_MAX: usize = 24 << 20;

/// Categories of one product that are followed: many more than it may have, so that those in excess
/// are reported as such.
const PATHS_MAX: usize = 1_000;

/// What is expected instead of what finds no room.
pub(super) const FEWER: &str = "fewer categories and families in one run";

/// The type of the attribute that identifies products.
const IDENTIFIER_TYPE: &str = "pim_catalog_identifier";

/// The attribute that labels a product where its family does not say.
const LABEL_DEFAULT: &str = "name";

/// What the files beside the products say.
#[derive(Debug)]
pub(super) struct Structure {
    room: Room,
    /// Parent by category, empty for the root of a tree.
    categories: BTreeMap<String, String>,
    /// Attribute by family.
    labels: BTreeMap<String, String>,
    /// The attribute that identifies products: of several the main one, else `sku`, else the first
    /// one by code, each with its rank.
    identifier: Option<(u8, String)>,
}

impl Default for Structure {
    fn default() -> Self {
        Self {
            room: Room::new(CODES_BYTES_MAX, links::ENTRY_BYTES),
            categories: BTreeMap::new(),
            labels: BTreeMap::new(),
            identifier: None,
        }
    }
}

impl Structure {
    /// Takes a category; `false` if there is no room for it.
    pub(super) fn declare_category(&mut self, code: &str, parent: &str) -> bool {
        // No path may hold it, so that a product in it is reported.
        if code.len().max(parent.len()) > ID_BYTES_MAX {
            return true;
        }
        let has_room = self.room.take(&[code, parent]);
        if has_room {
            self.categories.insert(code.to_owned(), parent.to_owned());
        }
        has_room
    }

    /// Takes a family; `false` if there is no room for it.
    pub(super) fn declare_family(&mut self, code: &str, label: &str) -> bool {
        let has_room = self.room.take(&[code, label]);
        if has_room {
            self.labels.insert(code.to_owned(), label.to_owned());
        }
        has_room
    }

    /// Takes an attribute. Since 8.0 several may identify, one of them mainly.
    pub(super) fn declare_attribute(&mut self, code: &str, attribute_type: &str, is_main: bool) {
        if attribute_type == IDENTIFIER_TYPE {
            let rank = if is_main { 0 } else { 1 + u8::from(code != "sku") };
            let found = (rank, code.to_owned());
            let known = self.identifier.take();
            self.identifier = Some(known.map_or(found.clone(), |known| known.min(found)));
        }
    }

    /// The attribute that identifies products, if an attributes file names it.
    pub(super) fn identifier(&self) -> Option<&str> {
        self.identifier.as_ref().map(|(_, code)| code.as_str())
    }

    /// The attribute that labels products of a family.
    pub(super) fn label(&self, family: &str) -> &str {
        self.labels.get(family).map_or(LABEL_DEFAULT, String::as_str)
    }

    /// Every attribute that labels products.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.values().map(String::as_str).chain([LABEL_DEFAULT])
    }

    /// The paths of these categories from the roots of their trees, the first of the deepest ones in
    /// front. A category that no file explains is a path of its own.
    pub(super) fn paths<'c>(&self, codes: impl Iterator<Item = &'c str>) -> Vec<String> {
        let mut paths: Vec<String> = codes.take(PATHS_MAX).map(|code| self.path(code)).collect();
        let levels = |path: &String| path.split('/').count();
        let deepest = paths.iter().map(levels).max();
        if let Some(primary) = paths.iter().position(|path| Some(levels(path)) == deepest) {
            paths[..=primary].rotate_right(1);
        }
        paths
    }

    /// The categories that these paths begin with and that no file explains, as scopes write them.
    pub(super) fn rootless(&self, paths: &[String]) -> Vec<String> {
        let firsts = paths.iter().filter_map(|path| path.split('/').next());
        let unknown = firsts.filter(|first| !self.categories.contains_key(*first));
        unknown.map(|first| format!("{}{first}", ScopeRecord::ROOTLESS)).collect()
    }

    fn path(&self, code: &str) -> String {
        let mut levels = vec![code];
        let mut above = self.categories.get(code);
        // Parents in a circle end at the deepest level that a path may have.
        while let Some(parent) = above.filter(|parent| !parent.is_empty()) {
            if levels.len() == CATEGORY_DEPTH_MAX {
                break;
            }
            levels.push(parent);
            above = self.categories.get(parent);
        }
        levels.reverse();
        levels.join("/")
    }
}

/// Reads `association_types.csv`; older ones have no flags.
pub(super) fn read_types(table: &mut Table<'_>, links: &mut Links) -> Result<(), SourceError> {
    let code = table.required("code")?;
    let two_way = table.optional("is_two_way");
    // Whether quantities are kept is seen where they stand.
    table.optional("is_quantified");
    table.report_unknown(|column| !column.starts_with("label"));
    while table.advance()? {
        let mut row = table.row();
        let is_two_way = row.parsed(two_way, "`0` or `1`", switch).unwrap_or(false);
        if let Some(name) = row.required(code)
            && !links.declare_type(name, is_two_way)
        {
            row.bad_value(code, links::FEWER, name);
        }
    }
    Ok(())
}

/// Reads `groups.csv`.
pub(super) fn read_groups(table: &mut Table<'_>, links: &mut Links) -> Result<(), SourceError> {
    let code = table.required("code")?;
    while table.advance()? {
        let mut row = table.row();
        if let Some(group) = row.required(code)
            && !links.declare_group(group)
        {
            row.bad_value(code, links::FEWER, group);
        }
    }
    Ok(())
}

/// Reads `attributes.csv`.
pub(super) fn read_attributes(
    table: &mut Table<'_>,
    structure: &mut Structure,
) -> Result<(), SourceError> {
    let (code, attribute_type) = (table.required("code")?, table.required("type")?);
    let main = table.optional("is_main_identifier");
    while table.advance()? {
        let mut row = table.row();
        let is_main = row.parsed(main, "`0` or `1`", switch).unwrap_or(false);
        if let (Some(code), Some(of)) = (row.required(code), row.text(attribute_type)) {
            structure.declare_attribute(code, of, is_main);
        }
    }
    Ok(())
}

/// Reads two columns of a file, the code and what it says.
pub(super) fn read_pairs(
    table: &mut Table<'_>,
    value: &'static str,
    mut take: impl FnMut(&str, &str) -> bool,
) -> Result<(), SourceError> {
    let (code, value) = (table.required("code")?, table.required(value)?);
    while table.advance()? {
        let mut row = table.row();
        if let Some(name) = row.required(code)
            && !take(name, row.text(value).unwrap_or_default())
        {
            row.bad_value(code, FEWER, name);
        }
    }
    Ok(())
}
