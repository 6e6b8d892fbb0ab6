//! Products: one row each, in numbers of texts while reading, in ordinals when made.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    GraphError,
    categories::{CategoryTree, normal_path},
    intake::Intake,
    intern::{index, number},
    ledger::Ledger,
    markets::{every_market, find_markets, minor_units},
    rows::{Further, ProductRow},
    words::Words,
};
use crate::model::{
    config::CatalogConfig,
    finding::FindingCode,
    limits::{EXTRA_CATEGORIES_MAX, ID_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX},
    record::{Location, ProductRecord, Visibility},
    relation::Availability,
};

/// No place.
const NONE: u32 = u32::MAX;

/// A product; `Graph::id` and `Graph::title` have its texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    pub(super) node: u32,
    pub(super) title: Option<u32>,
    /// Index into `Graph::brands`.
    pub brand: Option<u32>,
    /// Its primary category.
    pub category: Option<u32>,
    /// Further categories, sorted.
    pub extra_categories: Box<[u32]>,
    /// In minor units of the default market's currency.
    pub price: Option<i64>,
    /// State of stock as the source read it.
    pub availability: Option<Availability>,
    /// When price and availability were read, in seconds since 1970.
    pub read_at_s: Option<i64>,
    /// The product of which this is a variant.
    pub parent: Option<u32>,
    /// Place among the parent's variants; only with a parent.
    pub variant_position: Option<u32>,
    /// Can shoppers see it on its own?
    pub visibility: Visibility,
    /// Larger is more popular.
    pub popularity: Option<f64>,
    /// Bit `n` for `Graph::tags[n]`.
    pub tags: u64,
    /// 1 (worst) to 5 (best).
    pub eco_grade: Option<u8>,
    /// Bit `n` for the market at index `n` whose assortment holds it.
    pub markets: u64,
}

impl Intake {
    pub(super) fn product(
        &mut self,
        at: Location,
        record: &ProductRecord<'_>,
    ) -> Result<(), GraphError> {
        let Some(node) = self.checked_node(at, "id", record.id)? else { return Ok(()) };
        let row = self.product_row(at, node, record)?;
        let id = record.id;
        let Some(further) = self.products.add(row, id, &mut self.words, &self.ledger)? else {
            return Ok(());
        };
        let code = match further {
            Further::OtherSource => FindingCode::MergedProduct,
            Further::Duplicate => FindingCode::DuplicateProduct,
            Further::Respelled => FindingCode::CollidingId,
        };
        self.ledger.find(code, at, "id", || match further {
            Further::OtherSource => format!("product {id} is another source's, too"),
            Further::Duplicate => format!("expected one row for product {id}, found another"),
            Further::Respelled => {
                format!("expected ids that differ by more than case, found {id} again")
            }
        });
        Ok(())
    }

    fn product_row(
        &mut self,
        at: Location,
        node: u32,
        record: &ProductRecord<'_>,
    ) -> Result<ProductRow, GraphError> {
        let parent = match record.parent.filter(|parent| !parent.is_empty()) {
            Some(parent) => self.checked_node(at, "parent", parent)?,
            None => None,
        };
        let default_market = self.config.default_market();
        let price = record.price.as_ref();
        let price =
            price.and_then(|price| minor_units(price, default_market, at, &mut self.ledger));
        let authority = self.authority(at);
        Ok(ProductRow {
            node,
            authority,
            at,
            title: self.title(at, record.title)?,
            brand: match record.brand {
                Some(brand) => self.short_text(at, "brand", brand)?,
                None => None,
            },
            categories: self.categories(at, &record.categories)?,
            price,
            price_authority: authority,
            availability: record.availability,
            read_at_s: record.read_at_s,
            availability_read_at_s: record.read_at_s,
            parent,
            parent_at: at,
            variant_position: record.variant_position,
            visibility: record.visibility,
            popularity: record.popularity,
            tags: self.tags(at, &record.tags)?,
            tags_at: at,
            eco_grade: record.eco_grade,
            markets: self.assortment(at, &record.markets),
            names_markets: !record.markets.is_empty(),
        })
    }

    fn title(&mut self, at: Location, title: Option<&str>) -> Result<Option<u32>, GraphError> {
        let Some(title) = title.filter(|title| !title.is_empty()) else { return Ok(None) };
        let title = self.cut(at, "title", title, TITLE_BYTES_MAX);
        self.words.text(title).map(Some)
    }

    /// The number of a brand or tag; nothing if it is empty, nothing with a finding if too long.
    fn short_text(
        &mut self,
        at: Location,
        field: &str,
        text: &str,
    ) -> Result<Option<u32>, GraphError> {
        if text.len() > ID_BYTES_MAX {
            self.ledger.find(FindingCode::BadValue, at, field, || {
                format!("expected at most {ID_BYTES_MAX} bytes, found {}; left out", text.len())
            });
            return Ok(None);
        }
        if text.is_empty() { Ok(None) } else { self.words.text(text).map(Some) }
    }

    fn categories(&mut self, at: Location, paths: &[&str]) -> Result<Box<[u32]>, GraphError> {
        let mut found: Vec<u32> = Vec::new();
        for path in paths {
            let path = normal_path(path).unwrap_or_else(|message| {
                self.ledger.find(FindingCode::BadValue, at, "categories", || message);
                String::new()
            });
            if path.is_empty() {
                continue;
            }
            let category = self.words.text(&path)?;
            if found.contains(&category) {
                continue;
            }
            if found.len() > EXTRA_CATEGORIES_MAX {
                self.ledger.find(FindingCode::BadValue, at, "categories", || {
                    format!("expected {EXTRA_CATEGORIES_MAX} beside the first, found {path} too")
                });
                continue;
            }
            found.push(category);
        }
        if let Some((_, further)) = found.split_first_mut() {
            sort_by_text(further, &self.words);
        }
        Ok(found.into())
    }

    fn tags(&mut self, at: Location, tags: &[&str]) -> Result<Box<[u32]>, GraphError> {
        let mut found = Vec::with_capacity(tags.len());
        for tag in tags {
            found.extend(self.short_text(at, "tags", tag)?);
        }
        sort_by_text(&mut found, &self.words);
        found.dedup();
        Ok(found.into())
    }

    fn assortment(&mut self, at: Location, names: &[&str]) -> u64 {
        if names.is_empty() {
            return every_market(&self.config);
        }
        // A row that names unknown markets only is sold nowhere: that is what it says.
        let (mask, unknown) = find_markets(&self.config, names);
        if !unknown.is_empty() {
            self.ledger.find(FindingCode::UnknownMarket, at, "markets", || {
                format!("expected declared markets, found {}", unknown.join(", "))
            });
        }
        mask
    }
}

fn sort_by_text(texts: &mut [u32], words: &Words) {
    texts.sort_unstable_by(|left, right| words.texts.order(*left, *right));
}

/// Products by ordinal and the dictionaries that they point into.
pub(super) struct Made {
    pub(super) products: Vec<Product>,
    pub(super) brands: Vec<String>,
    pub(super) categories: CategoryTree,
    pub(super) tags: Vec<String>,
}

/// Makes products of sorted rows. Parents come later: they are `None`.
pub(super) fn make(
    rows: &[ProductRow],
    config: &CatalogConfig,
    words: &Words,
    ledger: &mut Ledger,
) -> Made {
    let brands = Dictionary::new(rows.iter().filter_map(|row| row.brand), words);
    let paths: BTreeSet<u32> = rows.iter().flat_map(|row| row.categories.iter().copied()).collect();
    let categories = CategoryTree::new(paths.iter().map(|path| words.texts.text(*path)));
    let category_of: BTreeMap<u32, u32> = paths
        .iter()
        .map(|path| {
            let category = categories.find(words.texts.text(*path));
            (*path, category.expect("the tree was made of these paths"))
        })
        .collect();
    let mut tags = Dictionary::new(rows.iter().flat_map(|row| row.tags.iter().copied()), words);
    if config.tags.is_empty() {
        tags.texts.truncate(TAGS_MAX);
    } else {
        tags.texts = config.tags.clone();
        tags.places.retain(|tag, place| {
            let declared = config.tags.iter().position(|text| text == words.texts.text(*tag));
            *place = declared.map_or(NONE, number);
            declared.is_some()
        });
    }
    let mut products = Vec::with_capacity(rows.len());
    for row in rows {
        let mut mask = 0;
        for tag in &row.tags {
            match tags.places.get(tag).filter(|place| index(**place) < TAGS_MAX) {
                Some(place) => mask |= 1 << place,
                None => ledger.find(FindingCode::UnknownTag, row.tags_at, "tags", || {
                    format!(
                        "expected one of {} tags, found {}",
                        tags.texts.len(),
                        words.texts.text(*tag)
                    )
                }),
            }
        }
        let mut categories = row.categories.iter().map(|path| category_of[path]);
        let category = categories.next();
        products.push(Product {
            node: row.node,
            title: row.title,
            brand: row.brand.map(|brand| brands.places[&brand]),
            category,
            extra_categories: sorted(categories),
            price: row.price,
            availability: row.availability,
            read_at_s: row.read_at_s.or(config.read_at_s),
            parent: None,
            variant_position: row.variant_position,
            visibility: row.visibility,
            popularity: row.popularity,
            tags: mask,
            eco_grade: row.eco_grade,
            markets: row.markets,
        });
    }
    Made { products, brands: brands.texts, categories, tags: tags.texts }
}

fn sorted(categories: impl Iterator<Item = u32>) -> Box<[u32]> {
    let mut categories: Box<[u32]> = categories.collect();
    categories.sort_unstable();
    categories
}

/// Distinct texts in their order, and the place of each by its number.
struct Dictionary {
    texts: Vec<String>,
    places: BTreeMap<u32, u32>,
}

impl Dictionary {
    fn new(used: impl Iterator<Item = u32>, words: &Words) -> Self {
        let mut numbers: Vec<u32> = used.collect::<BTreeSet<_>>().into_iter().collect();
        sort_by_text(&mut numbers, words);
        Self {
            texts: numbers.iter().map(|text| words.texts.text(*text).to_owned()).collect(),
            places: numbers
                .iter()
                .enumerate()
                .map(|(place, text)| (*text, number(place)))
                .collect(),
        }
    }
}
