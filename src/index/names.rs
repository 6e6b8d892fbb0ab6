//! From the ids in a request to places in a catalog's declarations, and what the category tree says.
//! Nothing here allocates: a request asks.

use std::iter;

use rkyv::string::ArchivedString;

use super::{Ordinal, View, layout::NONE, meta::ArchivedCategoryMeta};
use crate::model::limits::CATEGORY_DEPTH_MAX;

impl View<'_> {
    /// The market of an id: a bit of assortments.
    #[must_use]
    pub fn market(&self, id: &str) -> Option<u32> {
        place(self.meta().markets.iter().map(|market| &market.id), id)
    }

    /// Does the assortment of a market hold every product?
    #[must_use]
    pub fn sells_everything(&self, market: u32) -> bool {
        let market = self.meta().markets.get(market as usize);
        market.is_some_and(|market| market.product_count == self.product_count() as u64)
    }

    /// The inventory of an id.
    #[must_use]
    pub fn inventory(&self, id: &str) -> Option<u32> {
        place(self.meta().inventories.iter(), id)
    }

    /// The tag of an id: a bit of tag masks.
    #[must_use]
    pub fn tag(&self, id: &str) -> Option<u32> {
        place(self.meta().tags.iter(), id)
    }

    /// The brand of a name.
    #[must_use]
    pub fn brand(&self, name: &str) -> Option<u32> {
        let brands = &self.meta().brands;
        let found = brands.binary_search_by(|brand| brand.as_bytes().cmp(name.as_bytes()));
        u32::try_from(found.ok()?).ok()
    }

    /// The category of a full path joined by `/`.
    #[must_use]
    pub fn category(&self, id: &str) -> Option<u32> {
        let categories = &self.meta().categories;
        let found = categories.binary_search_by(|category| levels(&category.id).cmp(levels(id)));
        u32::try_from(found.ok()?).ok()
    }

    /// Is a category the ancestor or below it? Not if the catalog lacks one of them.
    #[must_use]
    pub fn category_contains(&self, ancestor: u32, category: u32) -> bool {
        let categories = &self.meta().categories;
        let end = |found: &ArchivedCategoryMeta| found.end.to_native();
        let end = categories.get(ancestor as usize).map_or(0, end);
        (ancestor..end).contains(&category) && (category as usize) < categories.len()
    }

    /// The category above this one, or itself, at a depth counted from the root, which is 1. Itself
    /// for depth 0 or one deeper than its own, and if the catalog lacks it.
    #[must_use]
    pub fn category_at_level(&self, category: u32, level: u32) -> u32 {
        let own = self.path_up(category).count();
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        let up = own.checked_sub(level).filter(|_| level > 0);
        up.and_then(|up| self.path_up(category).nth(up)).unwrap_or(category)
    }

    /// Is a product in a category or one below it, by its primary or a further one?
    #[must_use]
    pub fn is_within(&self, product: Ordinal, category: u32) -> bool {
        let primary = self.attributes(product).map_or(NONE, |known| known.category.get());
        self.category_contains(category, primary)
            || self.extra_categories(product).any(|extra| self.category_contains(category, extra))
    }

    /// A category and those above it, up to the root.
    fn path_up(&self, category: u32) -> impl Iterator<Item = u32> {
        let categories = &self.meta().categories;
        let known = (category as usize) < categories.len();
        let above = |at: &u32| {
            let parent = categories.get(*at as usize)?.parent.to_native();
            (parent != NONE).then_some(parent)
        };
        iter::successors(known.then_some(category), above).take(CATEGORY_DEPTH_MAX)
    }
}

/// The levels of a category's id: by them categories are sorted.
pub(super) fn levels(id: &str) -> impl Iterator<Item = &[u8]> {
    id.split('/').map(str::as_bytes)
}

fn place<'a>(mut ids: impl Iterator<Item = &'a ArchivedString>, id: &str) -> Option<u32> {
    u32::try_from(ids.position(|known| known.as_str() == id)?).ok()
}
