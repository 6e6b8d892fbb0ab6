//! Writing a catalog blob from plain data that is already in order. Here is what turns ordered
//! products and relations into sections; what the order is, the compiler decides.

use std::{fs::File, mem, path::Path};

use zerocopy::little_endian::{U32, U64};

use super::{
    BlobWriter, IndexError, Role, archive,
    edges::{self, RunDraft},
    keys,
    layout::{
        AliasRecord, AttributeRecord, BundleMemberRecord, BundleOptionRecord, BundleRecord,
        BundleSelectionRecord, ExtraCategoryRecord, FLAG_EXTRA_CATEGORIES, FLAG_HIDDEN,
        FLAG_MARKET_PRICES, FLAG_PARENT, Key, MarketPriceRecord, NO_PRICE, NONE, ProductRecord,
        ReverseRecord, Section, VariantGroupRecord,
    },
    meta::CatalogMeta,
    popular::PopularLists,
};
use crate::model::{id::IdRule, record::Visibility};

/// What hashes of ids begin with in the files that this writes.
const KEY_SEED: u64 = 0;

/// The products of a catalog by ordinal, sorted by folded id.
pub trait ProductTable {
    /// How many there are.
    fn count(&self) -> u32;
    /// The product of an ordinal but for its texts, which may lie far from everything else.
    fn product(&self, ordinal: u32) -> ProductDraft<'_>;
    /// Its id as it is shown.
    fn id(&self, ordinal: u32) -> &str;
    /// What people call it; empty for none.
    fn title(&self, _ordinal: u32) -> &str {
        ""
    }
}

/// A product on its way into a catalog.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductDraft<'a> {
    /// Ordinal of the product of which it is a variant.
    pub parent: Option<u32>,
    /// Place among the parent's variants, smaller first, ties by ordinal.
    pub variant_position: u32,
    /// Can shoppers see it on its own?
    pub visibility: Visibility,
    /// 1 to 5, 0 unknown.
    pub eco_grade: u8,
    /// 1 to 6 as on the wire, 0 no reading.
    pub availability: u8,
    /// In minor units of the default market's currency.
    pub price: Option<i64>,
    /// Bit per tag.
    pub tags: u64,
    /// Bit per market.
    pub assortment: u64,
    /// Index of the brand.
    pub brand: Option<u32>,
    /// Index of the primary category.
    pub category: Option<u32>,
    /// Seconds since 1970, 0 unknown.
    pub read_at_s: u32,
    /// Indexes of further categories, sorted.
    pub extra_categories: &'a [u32],
    /// Not negative, larger is more popular: its place in the lists of best sellers.
    pub popularity: Option<f64>,
}

/// A price in a market beside the default one.
#[derive(Clone, Copy, Debug)]
pub struct MarketPriceDraft {
    /// The product.
    pub product: u32,
    /// Index of the market.
    pub market: u16,
    /// In minor units.
    pub price: i64,
    /// Seconds since 1970, 0 unknown.
    pub read_at_s: u32,
}

/// A bundle on its way into a catalog.
#[derive(Clone, Debug)]
pub struct BundleDraft {
    /// The bundle's product.
    pub product: u32,
    /// In order.
    pub options: Vec<OptionDraft>,
}

/// An option of a bundle.
#[derive(Clone, Debug)]
pub struct OptionDraft {
    /// Its name.
    pub name: String,
    /// Must the shopper take one?
    pub required: bool,
    /// Fewest selections.
    pub min_selections: u32,
    /// Most selections; 0 means one.
    pub max_selections: u32,
    /// In order.
    pub selections: Vec<SelectionDraft>,
}

/// A selection of an option.
#[derive(Clone, Copy, Debug)]
pub struct SelectionDraft {
    /// The product.
    pub product: u32,
    /// Units of it.
    pub quantity: f64,
    /// Chosen unless the shopper says otherwise?
    pub is_default: bool,
}

/// All of a catalog but its relations.
#[derive(Debug)]
pub struct CatalogDraft<'a, T> {
    /// How ids compare.
    pub id_rule: IdRule,
    /// The products.
    pub products: &'a T,
    /// Other ids and their products, sorted by folded alias.
    pub aliases: &'a [(&'a str, u32)],
    /// Sorted by product and market.
    pub market_prices: &'a [MarketPriceDraft],
    /// Sorted by product.
    pub bundles: &'a [BundleDraft],
    /// The declarations; relation counts and market sizes are filled in here.
    pub meta: CatalogMeta,
}

/// Writes a catalog blob: the blocks of all products first, then the rest.
#[derive(Debug)]
pub struct CatalogWriter {
    blob: BlobWriter,
    /// Pointer words of the products so far.
    pointers: Vec<u64>,
    counts: Vec<u64>,
    reverse_types: Vec<u8>,
    /// Target, type, source of relations of reverse types.
    reverse: Vec<(u32, u8, u32)>,
    /// Of ids and aliases, until the key table is written.
    hashes: Vec<u64>,
    buffer: Vec<u8>,
}

impl CatalogWriter {
    /// Starts a catalog in an empty file. `reverse_types` are the numbers of the types whose
    /// incoming relations can be listed.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn new(file: File, path: &Path, reverse_types: Vec<u8>) -> Result<Self, IndexError> {
        let mut blob = BlobWriter::new(file, path, Role::Catalog)?;
        blob.begin(Section::Edges)?;
        Ok(Self {
            blob,
            pointers: Vec::new(),
            counts: vec![0; 256],
            reverse_types,
            reverse: Vec::new(),
            hashes: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Appends the block of the next product: runs by type, best first inside.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn block(&mut self, runs: &[RunDraft]) -> Result<(), IndexError> {
        if runs.is_empty() {
            self.pointers.push(0);
            return Ok(());
        }
        let source = u32::try_from(self.pointers.len()).expect("ordinals are 32 bits");
        for run in runs {
            let number = run.relation_type;
            if let Some(count) = self.counts.get_mut(usize::from(number)) {
                *count += run.edges.len() as u64;
            }
            if self.reverse_types.contains(&number) {
                let targets = run.edges.iter().map(|(edge, _)| edge.target.get());
                self.reverse.extend(targets.map(|target| (target, number, source)));
            }
        }
        let runs_count = u8::try_from(runs.len()).expect("109 types at most");
        self.pointers.push(edges::pointer(self.blob.section_len(), runs_count));
        self.buffer.clear();
        edges::encode(runs, &mut self.buffer);
        self.blob.put(&self.buffer)
    }

    /// Writes everything else and syncs the file.
    ///
    /// # Panics
    /// If not every product had its block.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn finish<T: ProductTable>(mut self, draft: CatalogDraft<'_, T>) -> Result<(), IndexError> {
        self.blob.end();
        let count = draft.products.count();
        assert_eq!(self.pointers.len(), count as usize, "every product has a block");
        let variants = self.products(&draft)?;
        self.keys()?;
        self.attributes(draft.products)?;
        self.details(&draft)?;
        self.variants(&variants)?;
        self.bundles(draft.bundles)?;
        self.reverse(count)?;
        let popular = PopularLists::of(draft.products, &draft.meta.categories);
        self.meta(draft)?;
        popular.write(&mut self.blob)?;
        self.blob.finish()
    }

    /// Writes records, aliases and heap; returns (parent, position, variant), sorted.
    fn products<T: ProductTable>(
        &mut self,
        draft: &CatalogDraft<'_, T>,
    ) -> Result<Vec<(u32, u32, u32)>, IndexError> {
        let products = draft.products;
        let entries = keys::entry_count(self.pointers.len(), draft.aliases.len());
        let entries = entries.map_err(|fault| self.blob.fault(fault))?;
        let mut variants = Vec::new();
        let mut is_parent = vec![false; products.count() as usize];
        for ordinal in 0..products.count() {
            let product = products.product(ordinal);
            if let Some(parent) = product.parent {
                variants.push((parent, product.variant_position, ordinal));
                if let Some(is_parent) = is_parent.get_mut(parent as usize) {
                    *is_parent = true;
                }
            }
        }
        variants.sort_unstable();

        let mut heap = Vec::new();
        self.hashes.reserve_exact(entries as usize);
        let mut key = |id: &str| {
            self.hashes.push(keys::hash(draft.id_rule, KEY_SEED, id.as_bytes()));
            let (key, to_heap) = Key::new(id.as_bytes(), heap.len() as u64);
            if to_heap {
                heap.extend_from_slice(id.as_bytes());
            }
            key
        };
        self.blob.begin(Section::Products)?;
        let mut prices = draft.market_prices.iter().map(|price| price.product).peekable();
        for ((ordinal, pointer), is_parent) in (0..).zip(&self.pointers).zip(is_parent) {
            let product = products.product(ordinal);
            let mut has_prices = false;
            while prices.next_if_eq(&ordinal).is_some() {
                has_prices = true;
            }
            let flag = |flag: u8, set: bool| if set { flag } else { 0 };
            self.blob.put_records([ProductRecord {
                key: key(products.id(ordinal)),
                edges: U64::new(*pointer),
                parent: product.parent.unwrap_or(NONE).into(),
                flags: flag(FLAG_HIDDEN, product.visibility == Visibility::Hidden)
                    | flag(FLAG_PARENT, is_parent)
                    | flag(FLAG_EXTRA_CATEGORIES, !product.extra_categories.is_empty())
                    | flag(FLAG_MARKET_PRICES, has_prices),
                eco_grade: product.eco_grade,
                availability: product.availability,
                reserved: 0,
            }])?;
        }
        self.blob.end();
        self.blob.begin(Section::Aliases)?;
        for (alias, product) in draft.aliases {
            self.blob.put_records([AliasRecord { key: key(alias), product: (*product).into() }])?;
        }
        self.blob.end();
        self.blob.begin(Section::KeyHeap)?;
        self.blob.put(&heap)?;
        self.blob.end();
        Ok(variants)
    }

    fn keys(&mut self) -> Result<(), IndexError> {
        let hashes = mem::take(&mut self.hashes);
        self.blob.key_seed(KEY_SEED);
        self.blob.begin(Section::Keys)?;
        self.blob.put_records(keys::build(&hashes))?;
        self.blob.end();
        Ok(())
    }

    fn attributes(&mut self, products: &impl ProductTable) -> Result<(), IndexError> {
        self.blob.begin(Section::Attributes)?;
        for product in (0..products.count()).map(|ordinal| products.product(ordinal)) {
            self.blob.put_records([AttributeRecord {
                price: product.price.unwrap_or(NO_PRICE).into(),
                tags: product.tags.into(),
                assortment: product.assortment.into(),
                brand: product.brand.unwrap_or(NONE).into(),
                category: product.category.unwrap_or(NONE).into(),
                read_at_s: product.read_at_s.into(),
                reserved: U32::ZERO,
            }])?;
        }
        self.blob.end();
        Ok(())
    }

    /// Writes titles, extra categories and market prices.
    fn details<T: ProductTable>(&mut self, draft: &CatalogDraft<'_, T>) -> Result<(), IndexError> {
        let titles = || (0..draft.products.count()).map(|ordinal| draft.products.title(ordinal));
        let has_titles = titles().any(|title| !title.is_empty());
        self.blob.begin(Section::TitleEnds)?;
        let mut end = 0_u64;
        for title in titles().filter(|_| has_titles) {
            end += title.len() as u64;
            self.blob.put_records([U64::new(end)])?;
        }
        self.blob.end();
        self.blob.begin(Section::TitleHeap)?;
        titles().try_for_each(|title| self.blob.put(title.as_bytes()))?;
        self.blob.end();
        self.blob.begin(Section::ExtraCategories)?;
        let products = (0..draft.products.count()).map(|ordinal| draft.products.product(ordinal));
        for (product, ordinal) in products.zip(0_u32..) {
            let record = |category: &u32| ExtraCategoryRecord {
                product: ordinal.into(),
                category: (*category).into(),
            };
            self.blob.put_records(product.extra_categories.iter().map(record))?;
        }
        self.blob.end();
        self.blob.begin(Section::MarketPrices)?;
        self.blob.put_records(draft.market_prices.iter().map(|price| MarketPriceRecord {
            product: price.product.into(),
            market: price.market.into(),
            reserved: 0.into(),
            price: price.price.into(),
            read_at_s: price.read_at_s.into(),
        }))?;
        self.blob.end();
        Ok(())
    }

    fn variants(&mut self, variants: &[(u32, u32, u32)]) -> Result<(), IndexError> {
        self.blob.begin(Section::VariantGroups)?;
        let mut first = 0_u32;
        for group in variants.chunk_by(|a, b| a.0 == b.0) {
            let count = u32::try_from(group.len()).expect("ordinals are 32 bits");
            let parent = group.first().map_or(NONE, |(parent, _, _)| *parent);
            self.blob.put_records([VariantGroupRecord {
                parent: parent.into(),
                first: first.into(),
                count: count.into(),
            }])?;
            first += count;
        }
        self.blob.end();
        self.blob.begin(Section::VariantMembers)?;
        self.blob.put_records(variants.iter().map(|(_, _, variant)| U32::new(*variant)))?;
        self.blob.end();
        Ok(())
    }

    fn bundles(&mut self, bundles: &[BundleDraft]) -> Result<(), IndexError> {
        let count = |len: usize| U32::new(u32::try_from(len).expect("ordinals are 32 bits"));
        let options = || bundles.iter().flat_map(|bundle| &bundle.options);
        let mut first = 0;
        self.blob.begin(Section::Bundles)?;
        for bundle in bundles {
            self.blob.put_records([BundleRecord {
                product: bundle.product.into(),
                first_option: count(first),
                option_count: count(bundle.options.len()),
            }])?;
            first += bundle.options.len();
        }
        self.blob.end();
        self.blob.begin(Section::BundleOptions)?;
        let (mut first, mut name_offset) = (0, 0_u64);
        for option in options() {
            self.blob.put_records([BundleOptionRecord {
                name_offset: name_offset.into(),
                name_len: count(option.name.len()),
                required: u32::from(option.required).into(),
                min_selections: option.min_selections.into(),
                max_selections: option.max_selections.into(),
                first_selection: count(first),
                selection_count: count(option.selections.len()),
            }])?;
            first += option.selections.len();
            name_offset += option.name.len() as u64;
        }
        self.blob.end();
        self.blob.begin(Section::BundleSelections)?;
        let selections = options().flat_map(|option| &option.selections);
        self.blob.put_records(selections.map(|selection| BundleSelectionRecord {
            product: selection.product.into(),
            is_default: u32::from(selection.is_default).into(),
            quantity: selection.quantity.into(),
        }))?;
        self.blob.end();
        self.blob.begin(Section::BundleNames)?;
        options().try_for_each(|option| self.blob.put(option.name.as_bytes()))?;
        self.blob.end();
        let mut members = Vec::new();
        for (bundle, index) in bundles.iter().zip(0_u32..) {
            let selections = bundle.options.iter().flat_map(|option| &option.selections);
            members.extend(selections.map(|selection| (selection.product, index)));
        }
        members.sort_unstable();
        members.dedup();
        self.blob.begin(Section::BundleMembers)?;
        self.blob.put_records(members.into_iter().map(|(product, bundle)| BundleMemberRecord {
            product: product.into(),
            bundle: bundle.into(),
        }))?;
        self.blob.end();
        Ok(())
    }

    fn reverse(&mut self, products: u32) -> Result<(), IndexError> {
        self.reverse.sort_unstable();
        self.blob.begin(Section::ReverseEnds)?;
        let mut end = 0;
        for target in (0..products).filter(|_| !self.reverse.is_empty()) {
            let rest = self.reverse.get(end..).unwrap_or_default();
            end += rest.partition_point(|(other, _, _)| *other == target);
            self.blob.put_records([U64::new(end as u64)])?;
        }
        self.blob.end();
        self.blob.begin(Section::Reverse)?;
        self.blob.put_records(self.reverse.iter().map(|(_, relation_type, source)| {
            ReverseRecord {
                source: (*source).into(),
                relation_type: *relation_type,
                reserved: [0; 3],
            }
        }))?;
        self.blob.end();
        Ok(())
    }

    fn meta<T: ProductTable>(&mut self, draft: CatalogDraft<'_, T>) -> Result<(), IndexError> {
        let mut meta = draft.meta;
        meta.id_rule = draft.id_rule.number();
        meta.relation_count = self.counts.iter().sum();
        for declared in &mut meta.relation_types {
            let count = self.counts.get(usize::from(declared.number));
            declared.relation_count = count.copied().unwrap_or(0);
        }
        for (market, bit) in meta.markets.iter_mut().zip(0..) {
            let market_bit = 1_u64.checked_shl(bit).unwrap_or(0);
            let products =
                (0..draft.products.count()).map(|ordinal| draft.products.product(ordinal));
            let listed = products.filter(|product| product.assortment & market_bit != 0);
            market.product_count = listed.count() as u64;
        }
        self.blob.begin(Section::Meta)?;
        self.blob.put(&archive::to_bytes(&meta))?;
        self.blob.end();
        Ok(())
    }
}
