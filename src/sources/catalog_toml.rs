//! `catalog.toml`: markets, inventories, relation types, sources, tags and the id rule of a catalog.
//!
//! What it leaves out is as in [`CatalogConfig::default`]; what it names must hold together. Every
//! error names line and column. Keys it does not know are errors: a misspelt key that is ignored
//! costs a shop more than one that is refused.

mod guards;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::{Spanned, value::Datetime};

use super::SourceError;
use crate::model::{
    config::{
        CatalogConfig, Market, Mode, PRIORITY_DEFAULT, SourceDeclaration, TypeDeclaration,
        standard_declarations,
    },
    currency::Currency,
    id::{self, IdRule},
    instant,
    limits::{CONFIG_BYTES_MAX, INVENTORIES_MAX, MARKETS_MAX, RELATIONS_PER_TYPE_MAX, TAGS_MAX},
    relation::RelationType,
    text::{Places, shown},
};

/// Its name beside the tables.
pub const FILE_NAME: &str = "catalog.toml";

/// The `catalog.toml` that lies in the directory `path`, if it is one and holds one.
#[must_use]
pub fn beside(path: &Path) -> Option<PathBuf> {
    Some(path.join(FILE_NAME)).filter(|file| file.is_file())
}

/// Reads and checks a file. Where it does not say how ids compare, `unsaid` does.
///
/// # Errors
/// If it cannot be read, is too long or no UTF-8, and as [`parse`].
pub fn load(path: &Path, unsaid: &dyn Fn() -> IdRule) -> Result<CatalogConfig, SourceError> {
    let failed = |error| SourceError::io(path, error);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let len_max = u64::try_from(CONFIG_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(len_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > CONFIG_BYTES_MAX {
        return Err(SourceError::CatalogTooLong { path: path.to_owned() });
    }
    match str::from_utf8(&bytes) {
        Ok(text) => parse(text, path, unsaid),
        Err(error) => {
            let good = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let message =
                format!("expected UTF-8, found a byte that is none at offset {}", good.len());
            Err(Check { text: good, path }.error(good.len()..good.len(), message))
        }
    }
}

/// Checks a text; `path` names it in errors, and `unsaid` is asked for the id rule if it says none.
///
/// # Errors
/// Names line and column of what is no TOML, of an unknown key, of a count over its limit, and of
/// a name that is given twice or refers to nothing.
pub fn parse(
    text: &str,
    path: &Path,
    unsaid: &dyn Fn() -> IdRule,
) -> Result<CatalogConfig, SourceError> {
    let check = Check { text, path };
    let document: Document = toml::from_str(text).map_err(|error| {
        check.error(error.span().unwrap_or_default(), error.message().to_owned())
    })?;
    let inventories = check.inventories(&document)?;
    let markets = check.markets(&document, &inventories)?;
    let relation_types = check.relation_types(&document)?;
    Ok(CatalogConfig {
        id_rule: document.id_rule.map_or_else(unsaid, IdRuleWord::rule),
        default_market: check.default_market(&document, &markets)?,
        markets,
        inventories,
        sources: check.sources(&document, &relation_types)?,
        relation_types,
        tags: check.tags(&document)?,
        read_at_s: check.read_at_s(&document)?,
        derive_eco_alternatives: document.derive.eco_alternatives,
        guards: check.guards(&document)?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    id_rule: Option<IdRuleWord>,
    default_market: Option<Spanned<String>>,
    read_at: Option<Spanned<InstantValue>>,
    #[serde(default)]
    tags: Vec<Spanned<String>>,
    #[serde(default)]
    markets: Vec<MarketTable>,
    #[serde(default)]
    inventories: Vec<InventoryTable>,
    #[serde(default)]
    relation_types: Vec<RelationTypeTable>,
    #[serde(default)]
    sources: BTreeMap<Spanned<String>, SourceTable>,
    #[serde(default)]
    derive: DeriveTable,
    #[serde(default)]
    guards: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IdRuleWord {
    Exact,
    CaseFolded,
}

impl IdRuleWord {
    const fn rule(self) -> IdRule {
        match self {
            Self::Exact => IdRule::Exact,
            Self::CaseFolded => IdRule::CaseFolded,
        }
    }
}

/// In quotes, or as a date of TOML's own.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an instant like `2026-01-31T08:00:00Z`")]
enum InstantValue {
    Text(String),
    Datetime(Datetime),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketTable {
    id: Spanned<String>,
    currency: Spanned<String>,
    default_inventory: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryTable {
    id: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationTypeTable {
    number: Spanned<u8>,
    code: Option<Spanned<String>>,
    display_name: Option<String>,
    two_way: Option<bool>,
    reverse: Option<bool>,
    max_per_product: Option<Spanned<i64>>,
    #[serde(default)]
    source_codes: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    priority: Option<u16>,
    mode: Option<Spanned<String>>,
    #[serde(default)]
    modes: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeriveTable {
    #[serde(default)]
    eco_alternatives: bool,
}

/// The text and its name, for errors.
#[derive(Clone, Copy)]
struct Check<'t> {
    text: &'t str,
    path: &'t Path,
}

impl Check<'_> {
    fn inventories(self, document: &Document) -> Result<Vec<String>, SourceError> {
        let ids = document.inventories.iter().map(|inventory| &inventory.id);
        let inventories = self.unique(ids, "inventory", INVENTORIES_MAX)?;
        Ok(if inventories.is_empty() { CatalogConfig::default().inventories } else { inventories })
    }

    fn markets(
        self,
        document: &Document,
        inventories: &[String],
    ) -> Result<Vec<Market>, SourceError> {
        let ids = self.unique(document.markets.iter().map(|m| &m.id), "market", MARKETS_MAX)?;
        if ids.is_empty() {
            return Ok(CatalogConfig::default().markets);
        }
        let market = |(id, market): (String, &MarketTable)| {
            let currency = Currency::parse(market.currency.as_ref());
            let currency = currency.ok_or_else(|| {
                self.unexpected(&market.currency, "a currency of ISO 4217 like `EUR`")
            })?;
            let default_inventory =
                match &market.default_inventory {
                    None => 0,
                    Some(name) => inventories
                        .iter()
                        .position(|inventory| inventory == name.as_ref())
                        .ok_or_else(|| self.unexpected(name, &one_of("inventory", inventories)))?,
                };
            Ok(Market { id, currency, default_inventory })
        };
        ids.into_iter().zip(&document.markets).map(market).collect()
    }

    fn default_market(self, document: &Document, markets: &[Market]) -> Result<usize, SourceError> {
        let Some(name) = &document.default_market else { return Ok(0) };
        let position = markets.iter().position(|market| market.id == *name.as_ref());
        position.ok_or_else(|| {
            let ids: Vec<String> = markets.iter().map(|market| market.id.clone()).collect();
            self.unexpected(name, &one_of("market", &ids))
        })
    }

    fn tags(self, document: &Document) -> Result<Vec<String>, SourceError> {
        self.unique(document.tags.iter(), "tag", TAGS_MAX)
    }

    fn read_at_s(self, document: &Document) -> Result<Option<i64>, SourceError> {
        let Some(value) = &document.read_at else { return Ok(None) };
        let text = match value.as_ref() {
            InstantValue::Text(text) => text.clone(),
            InstantValue::Datetime(datetime) => datetime.to_string(),
        };
        instant::parse(text.trim()).map(Some).ok_or_else(|| {
            let expected = instant::EXPECTED;
            let message = format!("expected {expected}, found `{}`", shown(&text));
            self.error(value.span(), message)
        })
    }

    fn sources(
        self,
        document: &Document,
        types: &[TypeDeclaration],
    ) -> Result<Vec<SourceDeclaration>, SourceError> {
        let declare = |(name, source): (&Spanned<String>, &SourceTable)| {
            let type_modes = source.modes.iter().map(|(code, mode)| {
                let known = types.iter().find(|declared| declared.is_named(code.as_ref()));
                let known = known.ok_or_else(|| {
                    self.unexpected(code, "a code of a standard or declared relation type")
                })?;
                Ok((known.relation_type, self.mode(mode)?))
            });
            let mut declared = SourceDeclaration {
                name: self.id(name, "source")?,
                priority: source.priority.unwrap_or(PRIORITY_DEFAULT),
                mode: source.mode.as_ref().map(|mode| self.mode(mode)).transpose()?,
                type_modes: type_modes.collect::<Result<_, _>>()?,
            };
            declared.type_modes.sort_unstable();
            let twice = declared.type_modes.windows(2).find(|pair| pair[0].0 == pair[1].0);
            match twice {
                Some(pair) => {
                    let message = format!(
                        "expected each relation type once in `modes`, found `{}` \
                                           by two codes",
                        pair[0].0
                    );
                    Err(self.error(name.span(), message))
                }
                None => Ok(declared),
            }
        };
        document.sources.iter().map(declare).collect()
    }

    fn mode(self, word: &Spanned<String>) -> Result<Mode, SourceError> {
        Mode::from_code(word.as_ref())
            .ok_or_else(|| self.unexpected(word, "`full`, `replace`, `patch` or `append`"))
    }

    /// The standard types as the file changes them, and the catalog's own, by number.
    fn relation_types(self, document: &Document) -> Result<Vec<TypeDeclaration>, SourceError> {
        let mut types = standard_declarations();
        let mut seen = BTreeSet::new();
        for table in &document.relation_types {
            let number = *table.number.as_ref();
            let relation_type = RelationType::new(number).ok_or_else(|| {
                let expected = "1 to 9 for a standard type or 100 to 199 for an own one";
                let message = format!("expected a number from {expected}, found {number}");
                self.error(table.number.span(), message)
            })?;
            if !seen.insert(number) {
                let message = format!("expected each type once, found number {number} twice");
                return Err(self.error(table.number.span(), message));
            }
            let code = match &table.code {
                Some(code) => Some(self.id(code, "code")?),
                None => None,
            };
            let max_per_product = self.max_per_product(table)?;
            match types.iter_mut().find(|known| known.relation_type == relation_type) {
                Some(known) => change(known, table, code, max_per_product),
                None => {
                    let code = code.ok_or_else(|| {
                        let message = format!("expected a `code` for type {number}, found none");
                        self.error(table.number.span(), message)
                    })?;
                    types.push(declare(relation_type, table, code, max_per_product));
                }
            }
        }
        types.sort_by_key(|declared| declared.relation_type);
        move_source_codes(&mut types, &document.relation_types);
        self.check_codes(document, &types)?;
        Ok(types)
    }

    fn max_per_product(self, table: &RelationTypeTable) -> Result<usize, SourceError> {
        let Some(given) = &table.max_per_product else { return Ok(RELATIONS_PER_TYPE_MAX) };
        let found = *given.as_ref();
        let max =
            usize::try_from(found).ok().filter(|max| (1..=RELATIONS_PER_TYPE_MAX).contains(max));
        max.ok_or_else(|| {
            let message = format!("expected 1 to {RELATIONS_PER_TYPE_MAX}, found {found}");
            self.error(given.span(), message)
        })
    }

    /// A code or source code names one type only, or a row could mean two.
    fn check_codes(
        self,
        document: &Document,
        types: &[TypeDeclaration],
    ) -> Result<(), SourceError> {
        let owners = |code: &str| types.iter().filter(|declared| declared.is_named(code)).count();
        for table in &document.relation_types {
            for code in table.code.iter().chain(&table.source_codes) {
                self.id(code, "code")?;
                if owners(code.as_ref().trim()) > 1 {
                    return Err(self.unexpected(code, "a code that no other type has"));
                }
            }
        }
        Ok(())
    }

    /// Ids that may stand once each, at most `count_max` of them.
    fn unique<'d>(
        self,
        ids: impl Iterator<Item = &'d Spanned<String>>,
        noun: &str,
        count_max: usize,
    ) -> Result<Vec<String>, SourceError> {
        let mut known = BTreeSet::new();
        let mut unique = Vec::new();
        for spanned in ids {
            let id = self.id(spanned, noun)?;
            if !known.insert(id.clone()) {
                return Err(self.unexpected(spanned, &format!("each {noun} once")));
            }
            if unique.len() == count_max {
                let found = format!("found another {noun} `{}`", shown(&id));
                let message = format!("expected at most {count_max} of them, {found}");
                return Err(self.error(spanned.span(), message));
            }
            unique.push(id);
        }
        Ok(unique)
    }

    fn id(self, spanned: &Spanned<String>, noun: &str) -> Result<String, SourceError> {
        let id = spanned.as_ref().trim();
        id::check(id).map_err(|error| self.error(spanned.span(), format!("{noun}: {error}")))?;
        Ok(id.to_owned())
    }

    fn unexpected(self, found: &Spanned<String>, expected: &str) -> SourceError {
        let message = format!("expected {expected}, found `{}`", shown(found.as_ref()));
        self.error(found.span(), message)
    }

    fn error(self, span: Range<usize>, message: String) -> SourceError {
        let place = Places::new(self.text).at(span.start);
        SourceError::Catalog {
            path: self.path.to_owned(),
            line: place.line,
            column: place.column,
            message,
        }
    }
}

/// Source codes are added to those the type has: a shop that names its own must not lose Magento's.
fn change(
    known: &mut TypeDeclaration,
    table: &RelationTypeTable,
    code: Option<String>,
    max_per_product: usize,
) {
    if let Some(code) = code {
        known.code = code;
    }
    if let Some(name) = &table.display_name {
        known.display_name.clone_from(name);
    }
    known.two_way = table.two_way.unwrap_or(known.two_way);
    known.reverse = table.reverse.unwrap_or(known.reverse);
    known.max_per_product = max_per_product;
    add_source_codes(known, table);
}

/// A source code that the file gives to one type leaves the standard type that had it unsaid.
fn move_source_codes(types: &mut [TypeDeclaration], tables: &[RelationTypeTable]) {
    for declared in types {
        let number = declared.relation_type.number();
        let is_stated = |table: &RelationTypeTable, code: &str| {
            table.source_codes.iter().any(|stated| stated.as_ref().trim() == code)
        };
        let own = |table: &&RelationTypeTable| *table.number.as_ref() == number;
        let keeps = |code: &String| {
            let is_own = tables.iter().filter(own).any(|table| is_stated(table, code));
            is_own || !tables.iter().any(|table| is_stated(table, code))
        };
        declared.source_codes.retain(keeps);
    }
}

fn declare(
    relation_type: RelationType,
    table: &RelationTypeTable,
    code: String,
    max_per_product: usize,
) -> TypeDeclaration {
    let mut declared = TypeDeclaration {
        relation_type,
        display_name: table.display_name.clone().unwrap_or_else(|| code.clone()),
        code,
        two_way: table.two_way.unwrap_or(false),
        reverse: table.reverse.unwrap_or(false),
        max_per_product,
        source_codes: Vec::new(),
    };
    add_source_codes(&mut declared, table);
    declared
}

fn add_source_codes(declared: &mut TypeDeclaration, table: &RelationTypeTable) {
    for code in &table.source_codes {
        let code = code.as_ref().trim();
        if !declared.source_codes.iter().any(|known| known == code) {
            declared.source_codes.push(code.to_owned());
        }
    }
}

fn one_of(noun: &str, names: &[String]) -> String {
    format!("one of the catalog's: {noun} `{}`", names.join("`, `"))
}
