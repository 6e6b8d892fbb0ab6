//! What `catalog.toml` says: markets, inventories, relation types, sources, tags, the id rule.
//!
//! A [`CatalogConfig`] that exists is consistent: `sources::catalog_toml` parses and checks it.

use super::{
    currency::Currency,
    guard::GuardLimits,
    id::IdRule,
    limits::RELATIONS_PER_TYPE_MAX,
    relation::{RelationType, STANDARD_TYPES},
};

/// The policy beside the tables of a catalog.
pub const POLICY_FILE_NAME: &str = "placements.toml";

/// The overrides beside the tables of a catalog.
pub const OVERRIDES_FILE_NAME: &str = "overrides.csv";

/// The catalog's declarations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogConfig {
    /// How ids compare.
    pub id_rule: IdRule,
    /// At least one, at most 64; the first is the default market unless `default_market` says so.
    pub markets: Vec<Market>,
    /// Index into `markets`.
    pub default_market: usize,
    /// At least one.
    pub inventories: Vec<String>,
    /// Every type relations may have, by number.
    pub relation_types: Vec<TypeDeclaration>,
    /// Sources that have settings.
    pub sources: Vec<SourceDeclaration>,
    /// The tags that count, in the order of their bits; empty means those that the products carry.
    pub tags: Vec<String>,
    /// When prices and availability were read, in seconds since 1970, where a row does not say.
    pub read_at_s: Option<i64>,
    /// Alternatives with the better eco grade are eco-alternatives, too, unless one is stated.
    pub derive_eco_alternatives: bool,
    /// How much may change from one snapshot to the next without a person's word.
    pub guards: GuardLimits,
}

/// A market: assortment, prices, currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Its id.
    pub id: String,
    /// Its currency.
    pub currency: Currency,
    /// Index into `CatalogConfig::inventories`.
    pub default_inventory: usize,
}

/// A relation type of this catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDeclaration {
    /// Its number.
    pub relation_type: RelationType,
    /// Its code: `fits_model`.
    pub code: String,
    /// For people.
    pub display_name: String,
    /// Each relation holds in both directions.
    pub two_way: bool,
    /// Incoming relations can be listed.
    pub reverse: bool,
    /// Relations of it that one product keeps, best first; 1 to `RELATIONS_PER_TYPE_MAX`.
    pub max_per_product: usize,
    /// What sources call it: `akeneo:PACK`.
    pub source_codes: Vec<String>,
}

impl TypeDeclaration {
    /// Does a text name this type: its code, or what a source calls it?
    #[must_use]
    pub fn is_named(&self, text: &str) -> bool {
        self.code == text || self.source_codes.iter().any(|code| code == text)
    }
}

/// Settings of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDeclaration {
    /// The name before `:` in `--from NAME:FORMAT=PATH`, else the format.
    pub name: String,
    /// Larger wins when two sources name one product or relation.
    pub priority: u16,
    /// How a new input meets what the source said before; `None` leaves it to the command.
    pub mode: Option<Mode>,
    /// The same for single types.
    pub type_modes: Vec<(RelationType, Mode)>,
}

/// How a new input of a source meets what the same source said before. What other sources say, and
/// overrides, no mode touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The input is all that the source says.
    Full,
    /// The source's relations of each type that the input speaks of are replaced; other types stay.
    Replace,
    /// The relations of each product and type that the input speaks of are replaced; others stay.
    Patch,
    /// Relations are added, and none is removed.
    Append,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Full, Self::Replace, Self::Patch, Self::Append];

    /// The word in `catalog.toml`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Append => "append",
        }
    }

    /// The mode of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }
}

impl SourceDeclaration {
    /// A source with a priority and nothing else.
    #[must_use]
    pub fn new(name: &str, priority: u16) -> Self {
        Self { name: name.to_owned(), priority, mode: None, type_modes: Vec::new() }
    }
}

/// Priority of a source without settings.
pub const PRIORITY_DEFAULT: u16 = 100;

impl Default for CatalogConfig {
    /// One market `default` in euros, one inventory `default`, the standard types.
    fn default() -> Self {
        Self {
            id_rule: IdRule::Exact,
            markets: vec![Market {
                id: "default".to_owned(),
                currency: Currency::EUR,
                default_inventory: 0,
            }],
            default_market: 0,
            inventories: vec!["default".to_owned()],
            relation_types: standard_declarations(),
            sources: Vec::new(),
            tags: Vec::new(),
            read_at_s: None,
            derive_eco_alternatives: false,
            guards: GuardLimits::DEFAULT,
        }
    }
}

impl CatalogConfig {
    /// The priority of a source.
    #[must_use]
    pub fn priority(&self, source: &str) -> u16 {
        self.source(source).map_or(PRIORITY_DEFAULT, |declared| declared.priority)
    }

    /// The settings of a source, if it has some.
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&SourceDeclaration> {
        self.sources.iter().find(|declared| declared.name == name)
    }

    /// The default market.
    #[must_use]
    pub fn default_market(&self) -> &Market {
        &self.markets[self.default_market]
    }
}

/// The standard types as declarations.
#[must_use]
pub fn standard_declarations() -> Vec<TypeDeclaration> {
    let declare = |standard: &super::relation::StandardType| TypeDeclaration {
        relation_type: standard.relation_type,
        code: standard.code.to_owned(),
        display_name: standard.display_name.to_owned(),
        two_way: false,
        reverse: standard.reverse,
        max_per_product: RELATIONS_PER_TYPE_MAX,
        source_codes: standard.source_codes.iter().map(|code| (*code).to_owned()).collect(),
    };
    STANDARD_TYPES.iter().map(declare).collect()
}
