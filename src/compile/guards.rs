//! Guards over two catalogs: what the second loses of the first, by source, relation type, market and
//! top category.
//!
//! Both catalogs are walked once, product by product. Relations are counted by runs of equal source
//! and markets, so that nothing is looked up or allocated for each of them; lists are compared by
//! ordinals. Sums of the whole catalog are judged beside the groups: a loss that is spread thin shows
//! in the sum, one that is narrow shows in its group.

mod breach;
mod census;
mod churn;

use std::collections::BTreeMap;

pub use breach::Breach;

use self::{breach::Judge, census::Census};
use super::place::{Dimensions, Place, Side};
use crate::model::guard::{Guard, GuardLimits};

/// What the second catalog loses of the first beyond the limits: sums before groups, and the guards in
/// their order.
#[must_use]
pub fn breaches(before: Side<'_>, after: Side<'_>, limits: &GuardLimits) -> Vec<Breach> {
    let dimensions = Dimensions::new(before, after);
    let (was, is) = (Census::new(before, dimensions), Census::new(after, dimensions));
    let mut judge = Judge::new(limits, Some(before.view));
    judge.groups(Guard::Shrink, "relations", &was.relations, &is.relations);
    judge.sum(Guard::Shrink, "bundles", was.bundles, is.bundles);
    judge.sum(Guard::Shrink, "aliases", was.aliases, is.aliases);

    let same = churn::same_products(before.view, after.view);
    let lists = churn::lists(before, after, &same, limits.churn_top, dimensions);
    let tops = format!("lists with the same first {} targets", limits.churn_top);
    judge.parts(Guard::Churn, &tops, &lists);
    judge.groups(Guard::Products, "products", &was.products, &is.products);
    let kept = churn::kept(before, &same, dimensions);
    judge.parts(Guard::Ids, "products known by the same id or alias", &kept);
    judge.groups(Guard::Prices, "products with a price", &was.priced, &is.priced);
    judge.medians(&was.medians, &is.medians);
    judge.groups(Guard::Stock, "products that can be bought", &was.sellable, &is.sellable);
    judge.settle()
}

/// How many, by place; every sum that a place belongs to is in it, too.
type Counts<'a> = BTreeMap<Place<'a>, u64>;
