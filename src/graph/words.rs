//! The texts of a run: ids of products, other words, names of relation types.

use std::collections::BTreeMap;

use super::{
    GraphError,
    intern::{Interner, index, number},
};
use crate::model::{
    config::{CatalogConfig, TypeDeclaration},
    id::IdRule,
    relation::RelationType,
};

/// No ordinal.
const NONE: u32 = u32::MAX;

/// A relation type as a row names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeName {
    /// A declared one.
    Known(RelationType),
    /// The number of a text that names none.
    Unknown(u32),
}

/// Every text, once.
#[derive(Debug)]
pub(super) struct Words {
    /// Ids of products, aliases and relation ends, by the id rule.
    pub(super) ids: Interner,
    /// Titles, brands, category paths, tags, option names.
    pub(super) texts: Interner,
    types: TypeTable,
}

impl Words {
    pub(super) fn new(config: &CatalogConfig) -> Self {
        Self {
            ids: Interner::new("ids", config.id_rule),
            texts: Interner::new("texts", IdRule::Exact),
            types: TypeTable::new(&config.relation_types),
        }
    }

    /// The type that a text names, and whether its relations hold in both directions.
    pub(super) fn find_type(&self, text: &str) -> Option<(RelationType, bool)> {
        self.types.meanings.get(index(self.types.names.find(text)?)).copied()
    }

    /// The number of a text.
    pub(super) fn text(&mut self, text: &str) -> Result<u32, GraphError> {
        self.texts.intern(text)
    }

    /// What reports call a type.
    pub(super) fn type_text(&self, name: TypeName) -> &str {
        match name {
            TypeName::Known(relation_type) => &self.types.codes[&relation_type],
            TypeName::Unknown(text) => self.texts.text(text),
        }
    }
}

#[derive(Debug)]
struct TypeTable {
    /// Every text that names a type.
    names: Interner,
    /// By number of the text.
    meanings: Vec<(RelationType, bool)>,
    codes: BTreeMap<RelationType, String>,
}

impl TypeTable {
    fn new(declared: &[TypeDeclaration]) -> Self {
        let mut by_text = BTreeMap::new();
        for declaration in declared {
            let meaning = (declaration.relation_type, declaration.two_way);
            let source_codes = declaration.source_codes.iter();
            by_text.extend(source_codes.map(|code| (code.as_str(), meaning)));
        }
        // A type's own code counts before what sources call another one.
        for declaration in declared {
            let meaning = (declaration.relation_type, declaration.two_way);
            by_text.insert(&declaration.code, meaning);
        }
        let mut names = Interner::new("names of types", IdRule::Exact);
        let mut meanings = Vec::new();
        for (text, meaning) in by_text {
            names.intern(text).expect("catalog.toml has fewer names than 32 bits can number");
            meanings.push(meaning);
        }
        let code =
            |declaration: &TypeDeclaration| (declaration.relation_type, declaration.code.clone());
        Self { names, meanings, codes: declared.iter().map(code).collect() }
    }
}

/// Which product each id names: its own, or that of an alias.
#[derive(Debug)]
pub(super) struct Ordinals(Vec<u32>);

impl Ordinals {
    /// For so many ids; `nodes` are those of the products by ordinal.
    pub(super) fn new(id_count: usize, nodes: impl Iterator<Item = u32>) -> Self {
        let mut ordinals = vec![NONE; id_count];
        nodes.enumerate().for_each(|(ordinal, node)| ordinals[index(node)] = number(ordinal));
        Self(ordinals)
    }

    pub(super) fn of(&self, node: u32) -> Option<u32> {
        Some(self.0[index(node)]).filter(|ordinal| *ordinal != NONE)
    }

    /// Makes an id another name of a product.
    pub(super) fn alias(&mut self, node: u32, ordinal: u32) {
        self.0[index(node)] = ordinal;
    }
}
