//! Do the declarations of a catalog mean something? A part of `check`.

use super::{
    check::ensure,
    error::Fault,
    layout::{NONE, Section},
    meta::{ArchivedCatalogMeta, ArchivedCategoryMeta, ArchivedMarketMeta, ArchivedTypeMeta},
    names::levels,
};
use crate::model::{
    currency::Currency,
    limits::{CATEGORY_DEPTH_MAX, INVENTORIES_MAX, MARKETS_MAX, TAGS_MAX},
    relation::RelationType,
};

const PART: &str = Section::Meta.code();

pub(super) fn catalog(meta: &ArchivedCatalogMeta) -> Result<(), Fault> {
    let inventories = meta.inventories.len();
    ensure!(inventories <= INVENTORIES_MAX, PART, "{inventories} inventories");
    relation_types(&meta.relation_types)?;
    markets(&meta.markets, inventories)?;
    let (default, markets) = (meta.default_market.to_native(), meta.markets.len());
    ensure!((default as usize) < markets, PART, "default market {default} of {markets}");
    ensure!(meta.tags.len() <= TAGS_MAX, PART, "{} tags, at most {TAGS_MAX}", meta.tags.len());
    let sorted = meta.brands.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes());
    ensure!(sorted, PART, "brands are not sorted");
    categories(&meta.categories)
}

fn relation_types(types: &[ArchivedTypeMeta]) -> Result<(), Fault> {
    ensure!(types.is_sorted_by(|a, b| a.number < b.number), PART, "relation types are not sorted");
    for declared in types {
        let number = declared.number;
        ensure!(RelationType::new(number).is_some(), PART, "relation type {number} is no number");
        let marks = declared.two_way <= 1 && declared.reverse <= 1;
        ensure!(marks, PART, "relation type {number} has a mark other than 0 and 1");
    }
    Ok(())
}

fn markets(markets: &[ArchivedMarketMeta], inventories: usize) -> Result<(), Fault> {
    let count = markets.len();
    ensure!((1..=MARKETS_MAX).contains(&count), PART, "{count} markets, 1 to {MARKETS_MAX}");
    for market in markets {
        let inventory = market.default_inventory.to_native() as usize;
        ensure!(inventory < inventories, PART, "inventory {inventory} of {inventories}");
        let currency = market.currency.as_str();
        ensure!(Currency::parse(currency).is_some(), PART, "currency {currency:?} is unknown");
    }
    Ok(())
}

/// Each category follows the one above it or a sibling's last one, and no interval crosses another.
fn categories(categories: &[ArchivedCategoryMeta]) -> Result<(), Fault> {
    let count = categories.len();
    let end_of = |index: u32| {
        categories.get(index as usize).map_or(count, |category| category.end.to_native() as usize)
    };
    let sorted = categories.is_sorted_by(|a, b| levels(&a.id).lt(levels(&b.id)));
    ensure!(sorted, PART, "categories are not sorted by the levels of their ids");
    // The innermost category whose interval is still open, and how many are.
    let (mut open, mut depth) = (NONE, 0);
    for (index, category) in categories.iter().enumerate() {
        while open != NONE && end_of(open) == index {
            open = categories.get(open as usize).map_or(NONE, |above| above.parent.to_native());
            depth -= 1;
        }
        let (parent, end) = (category.parent.to_native(), category.end.to_native() as usize);
        ensure!(parent == open, PART, "category {index} is below {parent}, expected {open}");
        ensure!(index < end && end <= end_of(open), PART, "category {index} ends at {end}");
        open = u32::try_from(index).unwrap_or(NONE);
        depth += 1;
        ensure!(depth <= CATEGORY_DEPTH_MAX, PART, "category {index} is {depth} levels deep");
    }
    Ok(())
}
