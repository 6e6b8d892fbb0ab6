//! Is something in one of many categories? The cost is that of the path up, not of the list.

use crate::{
    index::{Ordinal, View, layout::NONE},
    model::limits::CATEGORY_DEPTH_MAX,
};

/// Is a product, by its primary or a further category, in one of these sorted ones or below?
pub(super) fn is_within_any(view: &View<'_>, product: Ordinal, sorted: &[u32]) -> bool {
    let primary = view.attributes(product).map_or(NONE, |known| known.category.get());
    is_below_any(view, primary, sorted)
        || view.extra_categories(product).any(|extra| is_below_any(view, extra, sorted))
}

/// Is a category one of these sorted ones or below?
pub(super) fn is_below_any(view: &View<'_>, category: u32, sorted: &[u32]) -> bool {
    let categories = &view.meta().categories;
    let mut at = category;
    for _ in 0..CATEGORY_DEPTH_MAX {
        let Some(known) = categories.get(at as usize) else { return false };
        if sorted.binary_search(&at).is_ok() {
            return true;
        }
        at = known.parent.to_native();
    }
    false
}
