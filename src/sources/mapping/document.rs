//! A mapping as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) tables: Vec<TableText>,
    #[serde(default)]
    pub(super) joins: Vec<JoinText>,
}

/// `[[tables]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableText {
    pub(super) file: Spanned<Texts>,
    #[serde(default)]
    pub(super) optional: bool,
    pub(super) delimiter: Option<Spanned<String>>,
    pub(super) separator: Option<Spanned<String>>,
    pub(super) levels: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) items: Texts,
    pub(super) each: Option<String>,
    #[serde(default)]
    pub(super) empty: Vec<String>,
    #[serde(default)]
    pub(super) blank: Blank,
    pub(super) product: Option<Section>,
    pub(super) relation: Option<Section>,
    pub(super) bundle: Option<Section>,
    pub(super) variant: Option<Section>,
    #[serde(default)]
    pub(super) aliases: Vec<Section>,
    #[serde(default)]
    pub(super) links: Vec<ListText>,
    #[serde(default)]
    pub(super) parts: Vec<ListText>,
}

/// `[[joins]]`: a table by which one value is found by another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinText {
    pub(super) name: Spanned<String>,
    pub(super) file: Spanned<Texts>,
    pub(super) key: Spanned<ColumnText>,
    pub(super) value: Spanned<ColumnText>,
    pub(super) delimiter: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) items: Texts,
    pub(super) each: Option<String>,
}

/// A column that lists targets: `[[tables.links]]`, `[[tables.parts]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListText {
    pub(super) column: Spanned<ColumnText>,
    #[serde(rename = "type")]
    pub(super) relation_type: Option<Spanned<String>>,
    pub(super) product: Option<Spanned<ColumnText>>,
    pub(super) positions: Option<Spanned<ColumnText>>,
    pub(super) quantity_separator: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) automatic: Vec<String>,
}

/// Our columns with the file's.
pub(super) type Section = BTreeMap<Spanned<String>, Spanned<ColumnText>>;

/// A column of the file.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a column's name, a list of names, or a table of `column` or `value`, and \
                 `words` or `join`"
)]
pub(super) enum ColumnText {
    /// Its name.
    Name(String),
    /// Its names in several generations of the file.
    Names(Vec<String>),
    /// All that can be said of it.
    Full(FullColumn),
}

/// A column with the meaning of its words.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FullColumn {
    #[serde(default)]
    pub(super) column: Texts,
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) words: BTreeMap<String, String>,
    pub(super) join: Option<String>,
}

/// One text or several.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub(super) enum Texts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// What an empty list says.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Blank {
    /// That there is nothing in it.
    #[default]
    Clears,
    /// Nothing at all.
    Keeps,
}

impl Default for Texts {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Texts {
    /// As a list.
    pub(super) fn list(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Several(texts) => texts.clone(),
        }
    }
}
