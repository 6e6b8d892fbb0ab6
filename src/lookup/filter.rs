//! The conditions of a filter, their names resolved once a lookup.

use super::{
    categories::is_within_any,
    report::FilterPart,
    scene::{Scene, price},
};
use crate::{
    index::{
        Ordinal, View,
        layout::{AttributeRecord, NONE, ProductRecord},
    },
    model::selection::{Filter, SeedMatch},
};

/// One millionth is the unit of ratios.
const PPM: i128 = 1_000_000;

/// What the names of a filter are in this catalog.
#[derive(Debug, Default)]
pub(super) struct FilterNames {
    /// Sorted.
    brands: Vec<u32>,
    /// Sorted.
    categories: Vec<u32>,
    any_tags: u64,
    none_tags: u64,
}

/// The conditions beside that on availability.
#[derive(Clone, Copy)]
pub(super) struct Conditions<'c> {
    scene: &'c Scene<'c>,
    market: u32,
    filter: &'c Filter,
    names: &'c FilterNames,
}

/// What conditions compare with: the known product of a relation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SeedSide {
    /// There is one; else every condition on it holds.
    is_there: bool,
    price: Option<i64>,
    brand: Option<u32>,
    /// At the level of the filter.
    category: Option<u32>,
}

impl FilterNames {
    /// Finds the names of a filter; those the catalog does not know match nothing.
    pub(super) fn resolve(&mut self, view: &View<'_>, filter: &Filter) {
        self.brands.clear();
        self.brands.extend(filter.brand_ids.iter().filter_map(|name| view.brand(name)));
        self.brands.sort_unstable();
        self.categories.clear();
        self.categories.extend(filter.category_ids.iter().filter_map(|id| view.category(id)));
        self.categories.sort_unstable();
        let mask = |tags: &[String]| {
            let bits = tags.iter().filter_map(|tag| view.tag(tag));
            bits.fold(0_u64, |mask, bit| mask | 1_u64.checked_shl(bit).unwrap_or(0))
        };
        self.any_tags = mask(&filter.any_tags);
        self.none_tags = mask(&filter.none_tags);
    }
}

impl<'c> Conditions<'c> {
    /// The conditions of a filter; `None` if it sets none.
    pub(super) fn new(
        scene: &'c Scene<'c>,
        market: u32,
        filter: &'c Filter,
        names: &'c FilterNames,
    ) -> Option<Self> {
        let is_set = !filter.price.is_open()
            || filter.brand != SeedMatch::Any
            || filter.category != SeedMatch::Any
            || !filter.brand_ids.is_empty()
            || !filter.category_ids.is_empty()
            || !filter.any_tags.is_empty()
            || !filter.none_tags.is_empty()
            || filter.min_eco_grade > 0;
        is_set.then_some(Self { scene, market, filter, names })
    }

    /// What is compared for relations of this product.
    pub(super) fn side(&self, seed: Ordinal) -> SeedSide {
        let known = self.scene.view.attributes(seed);
        let ratio = self.filter.price;
        let needs_price = ratio.min_seed_ppm.is_some() || ratio.max_seed_ppm.is_some();
        SeedSide {
            is_there: true,
            price: if needs_price { price(self.scene, seed, self.market) } else { None },
            brand: known.and_then(brand),
            category: known.and_then(|known| self.category(known)),
        }
    }

    /// The first condition that does not hold for a product.
    pub(super) fn broken(
        &self,
        product: Ordinal,
        (known, attributes): (&ProductRecord, &AttributeRecord),
        seed: &SeedSide,
    ) -> Option<FilterPart> {
        let Self { filter, names, .. } = self;
        if !filter.price.is_open() && !self.is_price_right(product, seed) {
            return Some(FilterPart::Price);
        }
        if seed.is_there {
            if !matches(filter.brand, brand(attributes), seed.brand) {
                return Some(FilterPart::Brand);
            }
            let is_compared = filter.category != SeedMatch::Any;
            if is_compared && !matches(filter.category, self.category(attributes), seed.category) {
                return Some(FilterPart::Category);
            }
        }
        let in_brands = || names.brands.binary_search(&attributes.brand.get()).is_ok();
        if !filter.brand_ids.is_empty() && !in_brands() {
            return Some(FilterPart::BrandIds);
        }
        let in_categories = || is_within_any(&self.scene.view, product, &names.categories);
        if !filter.category_ids.is_empty() && !in_categories() {
            return Some(FilterPart::CategoryIds);
        }
        let tags = attributes.tags.get();
        if !filter.any_tags.is_empty() && tags & names.any_tags == 0 {
            return Some(FilterPart::AnyTags);
        }
        if tags & names.none_tags != 0 {
            return Some(FilterPart::NoneTags);
        }
        let grade = known.eco_grade;
        let too_low = filter.min_eco_grade > 0 && (grade == 0 || grade < filter.min_eco_grade);
        too_low.then_some(FilterPart::MinEcoGrade)
    }

    fn is_price_right(&self, product: Ordinal, seed: &SeedSide) -> bool {
        let condition = &self.filter.price;
        let ratios = (condition.min_seed_ppm, condition.max_seed_ppm);
        let is_absolute = condition.min_minor.is_some() || condition.max_minor.is_some();
        let is_relative = seed.is_there && ratios != (None, None);
        if !is_absolute && !is_relative {
            return true;
        }
        let Some(price) = price(self.scene, product, self.market) else { return false };
        let in_window = condition.min_minor.is_none_or(|least| least <= price)
            && condition.max_minor.is_none_or(|most| price <= most);
        if !in_window || !is_relative {
            return in_window;
        }
        let Some(seed_price) = seed.price else { return false };
        // A price is below 2^63 and a ratio below 2^64: neither product leaves 128 bits.
        let scaled = i128::from(price).saturating_mul(PPM);
        let share = |ppm: u64| i128::from(seed_price).saturating_mul(i128::from(ppm));
        ratios.0.is_none_or(|least| scaled >= share(least))
            && ratios.1.is_none_or(|most| scaled <= share(most))
    }

    /// The primary category at the level of the filter.
    fn category(&self, known: &AttributeRecord) -> Option<u32> {
        let category = known.category.get();
        let level = u32::from(self.filter.category_level);
        (category != NONE).then(|| self.scene.view.category_at_level(category, level))
    }
}

fn brand(known: &AttributeRecord) -> Option<u32> {
    Some(known.brand.get()).filter(|brand| *brand != NONE)
}

fn matches(condition: SeedMatch, found: Option<u32>, seed: Option<u32>) -> bool {
    let is_same = found.is_some() && found == seed;
    match condition {
        SeedMatch::Any => true,
        SeedMatch::Same => is_same,
        SeedMatch::Different => !is_same,
    }
}
