//! Guards over two catalogs: what the second loses of the first, by source, relation type, market and
//! top category.
//!
//! Both catalogs are walked once, product by product. Relations are counted by runs of equal source
//! and markets, so that nothing is looked up or allocated for each of them; lists are compared by
//! ordinals. Sums of the whole catalog are judged beside the groups: a loss that is spread thin shows
//! in the sum, one that is narrow shows in its group.
//!
//! Relations count where they hold at the second of the question, on both sides: what runs out by
//! itself is no loss of the second catalog, and what it lets begin too late or end too early is one.

mod breach;
mod census;
mod churn;
mod prices;

use std::collections::BTreeMap;

pub use breach::Breach;

use self::{breach::Judge, census::Census};
use super::place::{Dimensions, Place, Side};
use crate::{
    index::Relation,
    model::guard::{GUARD_SOON_S, Guard, GuardLimits},
};

/// What the second catalog loses of the first beyond the limits at this second since 1970: sums before
/// groups, and the guards in their order.
#[must_use]
pub fn breaches(
    before: Side<'_>,
    after: Side<'_>,
    limits: &GuardLimits,
    now_s: i64,
) -> Vec<Breach> {
    let dimensions = Dimensions::new(before, after);
    let was = Census::new(before, dimensions, now_s);
    let is = Census::new(after, dimensions, now_s);
    let mut judge = Judge::new(limits, Some(before.view));
    judge.groups(Guard::Shrink, "relations", &was.relations, &is.relations);
    // Where none was to begin later, these are the same.
    let later = |place: &Place<'_>, count: u64| was.relations.get(place) != Some(&count);
    let coming = was.coming.iter().filter(|(place, count)| later(place, **count));
    let coming = coming.map(|(place, count)| (*place, *count)).collect();
    judge.groups(Guard::Shrink, "relations that hold now or later", &coming, &is.coming);
    judge.sum(Guard::Shrink, "bundles", was.bundles, is.bundles);
    judge.rare(Guard::Shrink, "selections of bundles", &was.selections, &is.selections);
    judge.sum(Guard::Shrink, "aliases", was.aliases, is.aliases);

    let same = churn::same_products(before.view, after.view);
    let lists = churn::lists(before, after, &same, (limits.churn_top, now_s), dimensions);
    let tops = format!("lists with the same first {} targets", limits.churn_top);
    judge.parts(Guard::Churn, &tops, &lists);
    let bundles = churn::bundles(before, after, &same, limits.churn_top, dimensions);
    let tops = format!("bundles with the same first {} selections", limits.churn_top);
    judge.parts(Guard::Churn, &tops, &bundles);
    judge.groups(Guard::Products, "products", &was.products, &is.products);
    // Where none is hidden, these are the same.
    let hides = |place: &Place<'_>| {
        was.visible.get(place) != was.products.get(place)
            || is.visible.get(place) != is.products.get(place)
    };
    let visible = was.visible.iter().filter(|(place, _)| hides(place));
    let visible = visible.map(|(place, count)| (*place, *count)).collect();
    judge.groups(Guard::Products, "visible products", &visible, &is.visible);
    let kept = churn::kept(before, &same, dimensions);
    judge.parts(Guard::Ids, "products known by the same id or alias", &kept);
    judge.groups(Guard::Prices, "products with a price", &was.priced, &is.priced);
    judge.prices(&prices::moves(before, after, &same));
    judge.groups(Guard::Stock, "products that can be bought", &was.sellable, &is.sellable);
    judge.settle()
}

/// The breach that overrides make which are fewer than before, if they are too few.
#[must_use]
pub fn overrides_breach((was, is): (u64, u64), limits: &GuardLimits) -> Option<Breach> {
    let mut judge = Judge::new(limits, None);
    judge.sum(Guard::Overrides, "overrides", was, is);
    judge.settle().pop()
}

/// How many, by place; every sum that a place belongs to is in it, too.
type Counts<'a> = BTreeMap<Place<'a>, u64>;

/// Does a relation hold at this second?
fn holds(relation: &Relation<'_>, now_s: i64) -> bool {
    !is_over(relation, now_s) && relation.rare.is_none_or(|rare| rare.valid_from_s.get() <= now_s)
}

/// Will a relation hold no more soon after this second? On both sides, so that what runs out as it was
/// meant to is no loss, and links that are all given an end before the next night are one.
fn is_over(relation: &Relation<'_>, now_s: i64) -> bool {
    let soon_s = now_s.saturating_add(GUARD_SOON_S);
    relation.rare.is_some_and(|rare| rare.valid_to_s.get() <= soon_s)
}
