//! How a new input meets what its source said before: what it speaks of, and what stays.
//!
//! The input is read to its end first and leaves only hashes here, of the types, products, rows and
//! relations it speaks of; what was kept then streams by and each record is asked whether it stays.
//! So memory grows with what the new input speaks of, never with what was kept. Hashes are 128 bits
//! of XXH3: no two statements of one shop share one.
//!
//! | kept | goes, if the new input | in mode |
//! |---|---|---|
//! | anything | is there | `full` |
//! | a relation, a bundle's selection, a variant | speaks of its type | `replace` |
//! | the same | speaks of its type for its product (source, bundle, parent) | `patch` |
//! | a relation | has the whole map of its product's types, though without its own | `patch` |
//! | the same | says it itself | `append`, and where it could not be read as a whole |
//! | a product, market row, alias | has a row for the same | all |
//! | all that names a product, but selections of it | has a tombstone for the product | `replace`, `patch` |

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_128;

use super::structure::Structure;
use crate::model::{
    config::{CatalogConfig, Mode},
    finding::FindingCode,
    id::IdRule,
    record::{Links, Record, ScopeRecord, Span, TombstoneRecord},
    relation::RelationType,
    text::shown,
};

/// How the statements of one source meet.
#[derive(Clone, Debug)]
pub(crate) struct StayingRules {
    id_rule: IdRule,
    types: HashMap<String, RelationType>,
    mode: Mode,
    type_modes: HashMap<RelationType, Mode>,
}

/// What a new input speaks of.
#[derive(Debug)]
pub(crate) struct Spoken {
    rules: StayingRules,
    /// Hashes of types, of products in types, of rows, of relations, of products that are gone, and of
    /// findings.
    said: HashSet<u128>,
    /// What it leaves out beside its products.
    structure: Structure,
    key: Vec<u8>,
}

/// What a statement is about; relations of types that nobody declares go by their text.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Known(RelationType),
    Unknown(&'a str),
    Bundles,
    Variants,
}

/// A statement that belongs to a product and a kind.
#[derive(Clone, Copy)]
struct Statement<'a> {
    kind: Kind<'a>,
    owner: &'a str,
    /// What tells it from others of the same kind and owner.
    rest: [&'a str; 2],
    /// The system whose types its own is one of, and which of its links it is.
    of: Option<(&'a str, Links)>,
}

/// What a hash is of; no two kinds of keys share one.
#[derive(Clone, Copy)]
enum Of {
    Kind = 1,
    Owner = 2,
    Statement = 3,
    Product = 4,
    ProductMarket = 5,
    Alias = 6,
    Variant = 7,
    Gone = 8,
    Every = 9,
    Listed = 10,
    Part = 11,
    Finding = 12,
}

impl StayingRules {
    /// The rules of a source. `default` is the mode where the catalog names none.
    pub(crate) fn new(config: &CatalogConfig, source: &str, default: Mode) -> Self {
        let declared = config.source(source);
        let mut types = HashMap::new();
        for declared in &config.relation_types {
            let codes = declared.source_codes.iter();
            types.extend(codes.map(|code| (code.clone(), declared.relation_type)));
        }
        // A type's own code counts before what sources call another one, as in the graph.
        let codes = config.relation_types.iter();
        types.extend(codes.map(|declared| (declared.code.clone(), declared.relation_type)));
        let type_modes = declared.map(|declared| declared.type_modes.iter().copied());
        Self {
            id_rule: config.id_rule,
            types,
            mode: declared.and_then(|declared| declared.mode).unwrap_or(default),
            type_modes: type_modes.into_iter().flatten().collect(),
        }
    }

    /// The mode of products, bundles and of types without one of their own.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Does nothing stay, whatever the input says?
    pub(crate) fn is_full(&self) -> bool {
        self.mode == Mode::Full && self.type_modes.values().all(|mode| *mode == Mode::Full)
    }

    fn kind<'a>(&self, relation_type: &'a str) -> Kind<'a> {
        match self.types.get(relation_type) {
            Some(known) => Kind::Known(*known),
            None => Kind::Unknown(relation_type),
        }
    }

    fn mode_of(&self, kind: Kind<'_>) -> Mode {
        match kind {
            Kind::Known(relation_type) => {
                self.type_modes.get(&relation_type).copied().unwrap_or(self.mode)
            }
            Kind::Unknown(_) | Kind::Bundles | Kind::Variants => self.mode,
        }
    }
}

impl Spoken {
    /// Nothing said yet.
    pub(crate) fn new(rules: StayingRules) -> Self {
        let (said, structure) = (HashSet::new(), Structure::default());
        Self { rules, said, structure, key: Vec::new() }
    }

    /// What the input leaves out, as what was kept says it.
    pub(crate) fn structure(&self) -> &Structure {
        &self.structure
    }

    /// Remembers what a record of the new input speaks of.
    pub(crate) fn note(&mut self, record: &Record<'_>) {
        match record {
            Record::Product(product) => self.say(Of::Product, None, &[product.id]),
            Record::ProductMarket(row) => self.say(Of::ProductMarket, None, &[row.id, row.market]),
            Record::Alias(alias) => self.say(Of::Alias, None, &[alias.alias]),
            Record::Tombstone(TombstoneRecord { product }) => {
                self.say(Of::Gone, None, &[product]);
            }
            Record::Scope(scope) => match (scope.span(), scope.product) {
                (Span::Bundles, product) => self.speak_of(Kind::Bundles, product),
                (Span::Variants, product) => self.speak_of(Kind::Variants, product),
                (Span::Type(text), product) => self.speak_of(self.rules.kind(text), product),
                (Span::Every { system, links }, Some(product)) => {
                    self.say(Of::Every, None, &[system, word(links), product]);
                }
                (Span::Part(text), Some(product)) => self.doubt(text, product, Mode::Patch),
                (Span::Unread(text), Some(product)) => {
                    self.doubt(text, product, Mode::Patch);
                    self.doubt(text, product, Mode::Replace);
                }
                (Span::Rootless(category), _) if self.rules.mode != Mode::Full => {
                    self.structure.ask_path(category);
                }
                (Span::Undeclared(text), _)
                    if self.rules.mode_of(self.rules.kind(text)) != Mode::Full =>
                {
                    self.structure.ask_two_way(text);
                }
                (Span::Rootless(_) | Span::Undeclared(_), _) => {}
                (Span::Every { .. } | Span::Part(_) | Span::Unread(_), None) => {}
            },
            Record::Relation(_) | Record::Bundle(_) | Record::Variant(_) => {
                if let Record::Variant(variant) = record {
                    self.say(Of::Variant, None, &[variant.variant]);
                }
                if let Some(Statement { kind, owner, rest, .. }) = self.statement(record) {
                    self.speak_of(kind, Some(owner));
                    let is_listed = self.rules.mode_of(kind) == Mode::Append
                        || self.is_said(Of::Listed, Some(kind), &[owner]);
                    if is_listed {
                        self.say(Of::Statement, Some(kind), &[owner, rest[0], rest[1]]);
                    }
                }
            }
        }
    }

    /// Remembers what was found in the new input.
    pub(super) fn note_finding(
        &mut self,
        code: FindingCode,
        file: &str,
        line: u32,
        field: &str,
        message: &str,
    ) {
        let line = line.to_string();
        self.say(Of::Finding, None, &[code.code(), file, &line, field, message]);
    }

    /// Was the same found in the new input at the same place?
    pub(super) fn has_finding(
        &mut self,
        code: FindingCode,
        file: &str,
        line: u32,
        field: &str,
        message: &str,
    ) -> bool {
        let line = line.to_string();
        self.is_said(Of::Finding, None, &[code.code(), file, &line, field, message])
    }

    /// Does a kept record stay beside the new input?
    pub(crate) fn keeps(&mut self, record: &Record<'_>) -> bool {
        self.structure.learn(record);
        match self.statement(record) {
            Some(statement) => self.keeps_statement(&statement),
            None => self.keeps_row(record),
        }
    }

    fn keeps_statement(&mut self, statement: &Statement<'_>) -> bool {
        let Statement { kind, owner, rest: [other, more], of } = *statement;
        let mode = self.rules.mode_of(kind);
        let is_in_doubt = self.is_said(Of::Part, Some(kind), &[owner]);
        let is_outdated = match mode {
            Mode::Full => true,
            _ if is_in_doubt => self.is_said(Of::Statement, Some(kind), &[owner, other, more]),
            Mode::Replace => self.is_said(Of::Kind, Some(kind), &[]),
            Mode::Patch => {
                self.is_said(Of::Owner, Some(kind), &[owner])
                    || of.is_some_and(|(system, links)| {
                        let mut has =
                            |links| self.is_said(Of::Every, None, &[system, word(links), owner]);
                        has(Links::All) || has(links)
                    })
            }
            Mode::Append => self.is_said(Of::Statement, Some(kind), &[owner, other, more]),
        };
        // A bundle that lost a part is reported by the graph, which knows if another source has it.
        let is_lost = match kind {
            Kind::Bundles => false,
            Kind::Known(_) | Kind::Unknown(_) => self.is_gone(mode, other),
            // A variant has one parent.
            Kind::Variants => {
                self.is_said(Of::Variant, None, &[other]) || self.is_gone(mode, other)
            }
        };
        !is_outdated && !is_lost && !self.is_gone(mode, owner)
    }

    fn keeps_row(&mut self, record: &Record<'_>) -> bool {
        let (is_said, product) = match record {
            Record::Product(product) => {
                (self.is_said(Of::Product, None, &[product.id]), product.id)
            }
            Record::ProductMarket(row) => {
                (self.is_said(Of::ProductMarket, None, &[row.id, row.market]), row.id)
            }
            Record::Alias(alias) => (self.is_said(Of::Alias, None, &[alias.alias]), alias.product),
            Record::Relation(_)
            | Record::Bundle(_)
            | Record::Variant(_)
            | Record::Scope(_)
            | Record::Tombstone(_) => return false,
        };
        let mode = self.rules.mode;
        mode != Mode::Full && !is_said && !self.is_gone(mode, product)
    }

    fn statement<'a>(&self, record: &Record<'a>) -> Option<Statement<'a>> {
        match record {
            Record::Relation(relation) => Some(Statement {
                kind: self.rules.kind(relation.relation_type),
                owner: relation.source,
                rest: [relation.target, ""],
                of: relation.relation_type.find(':').map(|end| {
                    let is_counted = relation.quantity.is_some();
                    let links = if is_counted { Links::Counted } else { Links::Plain };
                    (relation.relation_type.get(..=end).unwrap_or_default(), links)
                }),
            }),
            Record::Bundle(row) => Some(Statement {
                kind: Kind::Bundles,
                owner: row.bundle,
                rest: [row.product, row.option],
                of: None,
            }),
            Record::Variant(variant) => Some(Statement {
                kind: Kind::Variants,
                owner: variant.parent,
                rest: [variant.variant, ""],
                of: None,
            }),
            Record::Product(_)
            | Record::ProductMarket(_)
            | Record::Alias(_)
            | Record::Scope(_)
            | Record::Tombstone(_) => None,
        }
    }

    fn speak_of(&mut self, kind: Kind<'_>, owner: Option<&str>) {
        match (self.rules.mode_of(kind), owner) {
            (Mode::Replace, _) => self.say(Of::Kind, Some(kind), &[]),
            (Mode::Patch, Some(owner)) => self.say(Of::Owner, Some(kind), &[owner]),
            (Mode::Patch, None) | (Mode::Full | Mode::Append, _) => {}
        }
    }

    /// What was kept of a product and type stays in this mode, but for what the input says anew.
    fn doubt(&mut self, relation_type: &str, owner: &str, mode: Mode) {
        let kind = match relation_type {
            ScopeRecord::BUNDLES => Kind::Bundles,
            ScopeRecord::VARIANTS => Kind::Variants,
            relation_type => self.rules.kind(relation_type),
        };
        self.say(Of::Listed, Some(kind), &[owner]);
        if self.rules.mode_of(kind) == mode {
            self.say(Of::Part, Some(kind), &[owner]);
        }
    }

    /// What a scope leaves as it was, though the input says something of it.
    pub(super) fn left(&self, scope: &ScopeRecord<'_>) -> Option<(FindingCode, String)> {
        let Span::Part(text) = scope.span() else { return None };
        if self.rules.mode_of(self.rules.kind(text)) != Mode::Patch {
            return None;
        }
        let Some(product) = scope.product else {
            let message = "expected with products of groups all products that link to these, found \
                           a delta: links of products that are not in it stay as they were; send all \
                           products in mode `full` or `replace`";
            return Some((FindingCode::UnknownColumn, message.to_owned()));
        };
        let message = format!(
            "expected all links of `{}` from `{}`, found links to groups, of which a delta may hold \
             some products only: what was kept of them stays, and no link goes; send all products in \
             mode `full` or `replace`",
            shown(text),
            shown(product)
        );
        Some((FindingCode::BadValue, message))
    }

    /// Is a product gone at the source? Nothing goes where the source only adds.
    fn is_gone(&mut self, mode: Mode, product: &str) -> bool {
        mode != Mode::Append && self.is_said(Of::Gone, None, &[product])
    }

    fn say(&mut self, of: Of, kind: Option<Kind<'_>>, texts: &[&str]) {
        let hash = self.hash(of, kind, texts);
        self.said.insert(hash);
    }

    fn is_said(&mut self, of: Of, kind: Option<Kind<'_>>, texts: &[&str]) -> bool {
        let hash = self.hash(of, kind, texts);
        self.said.contains(&hash)
    }

    /// Ids compare by the rule of the catalog; so do the few other words, which is no loss.
    fn hash(&mut self, of: Of, kind: Option<Kind<'_>>, texts: &[&str]) -> u128 {
        let key = &mut self.key;
        key.clear();
        key.push(of as u8);
        match kind {
            None => key.push(0),
            Some(Kind::Known(relation_type)) => key.extend([1, relation_type.number()]),
            Some(Kind::Unknown(text)) => push(key, 2, text.as_bytes()),
            Some(Kind::Bundles) => key.push(3),
            Some(Kind::Variants) => key.push(4),
        }
        for text in texts {
            push(key, 5, &self.rules.id_rule.fold(text));
        }
        xxh3_128(key)
    }
}

/// Links of a system, in a key.
fn word(links: Links) -> &'static str {
    match links {
        Links::All => "all",
        Links::Plain => "plain",
        Links::Counted => "counted",
    }
}

/// A part of a key that no other parts can add up to.
fn push(key: &mut Vec<u8>, mark: u8, text: &[u8]) {
    key.push(mark);
    key.extend((text.len() as u64).to_le_bytes());
    key.extend_from_slice(text);
}
