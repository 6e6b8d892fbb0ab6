//! Takes one record at a time and keeps what `finish` needs of it, in numbers instead of texts.

use super::{
    GraphError, SourceFile, aliases::AliasRow, bundles::BundleRow, edge::Edge, intern::index,
    ledger::Ledger, markets::MarketRow, relations::Targets, rows::ProductRows,
    variants::VariantRow, words::Words,
};
use crate::model::{
    config::CatalogConfig,
    finding::FindingCode,
    id::{self, IdRule},
    record::{AliasRecord, FileId, FileInfo, Location, Record, VariantRecord},
};

/// A source of records.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    authority: u16,
}

/// What was read so far, except for the edges.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) config: CatalogConfig,
    pub(super) words: Words,
    pub(super) ledger: Ledger,
    pub(super) sources: Vec<Source>,
    source: usize,
    pub(super) products: ProductRows,
    pub(super) market_rows: Vec<MarketRow>,
    pub(super) variants: Vec<VariantRow>,
    pub(super) bundle_rows: Vec<BundleRow>,
    pub(super) aliases: Vec<AliasRow>,
    /// The id that the relation before went out from.
    pub(super) last_source: Option<u32>,
    /// Those of the last edges, which have none yet.
    pub(super) targets: Targets,
}

impl Intake {
    pub(super) fn new(config: CatalogConfig) -> Self {
        let types = config.relation_types.iter().map(|declared| declared.relation_type);
        Self {
            words: Words::new(&config),
            ledger: Ledger::new(types),
            config,
            sources: Vec::new(),
            source: 0,
            products: ProductRows::default(),
            market_rows: Vec::new(),
            variants: Vec::new(),
            bundle_rows: Vec::new(),
            aliases: Vec::new(),
            last_source: None,
            targets: Targets::default(),
        }
    }

    pub(super) fn begin_source(&mut self, name: &str) {
        let known = self.sources.iter().position(|source| source.name == name);
        self.source = known.unwrap_or_else(|| {
            let authority = self.config.priority(name);
            self.sources.push(Source { name: name.to_owned(), authority });
            self.sources.len() - 1
        });
    }

    pub(super) fn open_file(&mut self, info: FileInfo) -> FileId {
        if self.sources.is_empty() {
            self.begin_source("input");
        }
        let files = &mut self.ledger.files;
        files.push(SourceFile { source: self.source, info });
        FileId(u32::try_from(files.len() - 1).expect("fewer files than 32 bits can number"))
    }

    /// Takes a record; a relation that holds so far comes back as an edge between ids, whose target
    /// waits for [`Intake::settle_targets`].
    pub(super) fn take(
        &mut self,
        at: Location,
        record: &Record<'_>,
    ) -> Result<Option<Edge>, GraphError> {
        match record {
            Record::Product(product) => self.product(at, product)?,
            Record::ProductMarket(row) => self.product_market(at, row)?,
            Record::Relation(relation) => return self.relation(at, relation),
            Record::Bundle(row) => self.bundle(at, row)?,
            Record::Alias(alias) => self.alias(at, *alias)?,
            Record::Variant(variant) => self.variant(at, *variant)?,
            // They say how an input meets what its source said before, which is merged by now.
            Record::Scope(_) | Record::Tombstone(_) => {}
        }
        Ok(None)
    }

    /// The priority of the source that a row belongs to.
    pub(super) fn authority(&self, at: Location) -> u16 {
        self.sources[self.ledger.source(at)].authority
    }

    /// When the file of a row was last changed.
    pub(super) fn modified_s(&self, at: Location) -> Option<i64> {
        self.ledger.files.get(index(at.file.0))?.info.modified_s
    }

    /// The number of an id, `None` with a finding if it is no id.
    pub(super) fn checked_node(
        &mut self,
        at: Location,
        field: &str,
        id: &str,
    ) -> Result<Option<u32>, GraphError> {
        match id::check(id) {
            Ok(()) => self.node(id).map(Some),
            Err(bad) => {
                self.ledger.find(FindingCode::BadId, at, field, || bad.to_string());
                Ok(None)
            }
        }
    }

    /// The number of an id. An id that no product row spells takes the smallest of its spellings,
    /// whichever came first.
    pub(super) fn node(&mut self, id: &str) -> Result<u32, GraphError> {
        let node = self.words.ids.intern(id)?;
        Ok(self.spelled(node, id))
    }

    /// The same for an id whose number is known.
    pub(super) fn spelled(&mut self, node: u32, id: &str) -> u32 {
        let is_as_written = self.config.id_rule == IdRule::Exact;
        if !is_as_written
            && id.as_bytes() < self.words.ids.bytes(node)
            && !self.products.holds(node)
        {
            self.words.ids.respell(node, id);
        }
        node
    }

    /// A text cut to `bytes_max` at a character, with a finding if it was longer.
    pub(super) fn cut<'a>(
        &mut self,
        at: Location,
        field: &str,
        text: &'a str,
        bytes_max: usize,
    ) -> &'a str {
        if text.len() > bytes_max {
            self.ledger.find(FindingCode::BadValue, at, field, || {
                format!("expected at most {bytes_max} bytes, found {}; cut", text.len())
            });
        }
        cut(text, bytes_max)
    }

    fn alias(&mut self, at: Location, record: AliasRecord<'_>) -> Result<(), GraphError> {
        let authority = self.authority(at);
        let alias = self.checked_node(at, "alias", record.alias)?;
        let product = self.checked_node(at, "product", record.product)?;
        if let (Some(alias), Some(product)) = (alias, product) {
            self.aliases.push(AliasRow { alias, product, authority, at });
        }
        Ok(())
    }

    fn variant(&mut self, at: Location, record: VariantRecord<'_>) -> Result<(), GraphError> {
        let authority = self.authority(at);
        let parent = self.checked_node(at, "parent", record.parent)?;
        let variant = self.checked_node(at, "variant", record.variant)?;
        if let (Some(parent), Some(variant)) = (parent, variant) {
            let position = record.position;
            self.variants.push(VariantRow { variant, parent, position, authority, at });
        }
        Ok(())
    }
}

/// A text cut to `bytes_max` at a character.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.split_at(text.floor_char_boundary(bytes_max)).0
}
