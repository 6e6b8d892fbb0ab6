//! Lists of best sellers: one a category, over it and all below it, and one over the whole catalog.

use std::iter;

use zerocopy::little_endian::{U32, U64};

use super::{
    BlobWriter, IndexError, Ordinal, ProductTable, View,
    check::ensure,
    error::Fault,
    layout::{FLAG_HIDDEN, NONE, Section},
    meta::CategoryMeta,
};
use crate::model::{
    limits::{CATEGORY_DEPTH_MAX, POPULAR_MAX},
    record::Visibility,
};

/// The lists on their way into a catalog: one a category, then the whole catalog's.
pub(super) struct PopularLists(Vec<Vec<u32>>);

impl PopularLists {
    /// By popularity, larger first, ties by ordinal: what has none or is hidden stands in no list.
    pub(super) fn of<T: ProductTable>(products: &T, categories: &[CategoryMeta]) -> Self {
        let visible = (0..products.count()).filter_map(|ordinal| {
            let product = products.product(ordinal);
            let popularity = product.popularity?;
            (product.visibility == Visibility::Visible).then_some((popularity, ordinal))
        });
        let mut ranked = visible.collect::<Vec<_>>();
        ranked.sort_unstable_by(|(left, left_ordinal), (right, right_ordinal)| {
            right.total_cmp(left).then_with(|| left_ordinal.cmp(right_ordinal))
        });
        let above = |category: u32| {
            let parent = categories.get(category as usize)?.parent;
            (parent != NONE).then_some(parent)
        };
        let mut lists = vec![Vec::new(); categories.len() + 1];
        for (_, ordinal) in ranked {
            let product = products.product(ordinal);
            let own = product.category.iter().chain(product.extra_categories);
            // As many steps as there are levels: parents in a circle are refused at open.
            let path_up = |category: &u32| {
                iter::successors(Some(*category), |at| above(*at)).take(CATEGORY_DEPTH_MAX)
            };
            let within = own.flat_map(path_up);
            let whole = iter::once(categories.len());
            for index in within.map(|category| category as usize).chain(whole) {
                // Of one product at a time: if a list has it, it has it last.
                if let Some(list) = lists.get_mut(index)
                    && list.len() < POPULAR_MAX
                    && list.last() != Some(&ordinal)
                {
                    list.push(ordinal);
                }
            }
        }
        Self(lists)
    }

    pub(super) fn write(&self, blob: &mut BlobWriter) -> Result<(), IndexError> {
        let Self(lists) = self;
        blob.begin(Section::PopularEnds)?;
        let mut end = 0_u64;
        for list in lists {
            end += list.len() as u64;
            blob.put_records([U64::new(end)])?;
        }
        blob.end();
        blob.begin(Section::Popular)?;
        blob.put_records(lists.iter().flatten().map(|ordinal| U32::new(*ordinal)))?;
        blob.end();
        Ok(())
    }
}

impl<'a> View<'a> {
    /// Ordinals of the best sellers of a category and all below it, of the whole catalog without
    /// one: the most popular first, each once, none hidden, at most [`POPULAR_MAX`].
    #[must_use]
    pub fn popular(&self, category: Option<u32>) -> &'a [U32] {
        let categories = self.meta().categories.len();
        let index = match category.map(|category| category as usize) {
            None => categories,
            Some(index) if index < categories => index,
            Some(_) => return &[],
        };
        let range = self.list(Section::PopularEnds, index);
        self.section(Section::Popular).get(range).unwrap_or_default()
    }
}

/// Do the lists mean something? A part of `check`. Their order cannot be told from the file.
pub(super) fn check(view: &View<'_>) -> Result<(), Fault> {
    let part = Section::PopularEnds.code();
    let ends = view.section::<U64>(Section::PopularEnds);
    let (found, categories) = (ends.len(), view.meta().categories.len());
    ensure!(found == categories + 1, part, "{found} ends for {categories} categories");
    ensure!(ends.is_sorted_by_key(|end| end.get()), part, "ends do not rise");
    let (last, count) =
        (ends.last().map_or(0, |end| end.get()), view.section::<U32>(Section::Popular).len());
    ensure!(last == count as u64, part, "the last end is {last} of {count}");
    let each = (0..u32::try_from(categories).unwrap_or(NONE)).map(Some);
    each.chain([None]).try_for_each(|category| check_list(view, category))
}

fn check_list(view: &View<'_>, category: Option<u32>) -> Result<(), Fault> {
    let part = Section::Popular.code();
    let list = view.popular(category);
    let len = list.len();
    ensure!(len <= POPULAR_MAX, part, "a list of {len} products, at most {POPULAR_MAX}");
    for ordinal in list.iter().map(|ordinal| Ordinal(ordinal.get())) {
        let visible = view.product(ordinal).is_some_and(|known| known.flags & FLAG_HIDDEN == 0);
        ensure!(visible, part, "product {} is unknown or hidden", ordinal.0);
        let within = category.is_none_or(|category| view.is_within(ordinal, category));
        ensure!(within, part, "product {} is not in category {category:?}", ordinal.0);
    }
    let mut sorted = list.iter().map(|ordinal| ordinal.get()).collect::<Vec<_>>();
    sorted.sort_unstable();
    ensure!(sorted.is_sorted_by(|a, b| a < b), part, "a product stands twice in a list");
    Ok(())
}
