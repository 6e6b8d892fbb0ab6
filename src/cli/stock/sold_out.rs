//! Which products are out of stock everywhere, and since when, out of exported readings.

use std::{collections::BTreeMap, path::Path};

use super::table::{self, Row};
use crate::{
    index::{Ordinal, View},
    model::relation::Availability,
};

/// By product: since which second since 1970 no inventory has it. A reading that does not say since
/// when is as old as itself.
pub(crate) fn sold_out(path: &Path, view: &View<'_>) -> anyhow::Result<BTreeMap<Ordinal, i64>> {
    Ok(of_rows(table::read(path)?, view))
}

fn of_rows(rows: Vec<Row>, view: &View<'_>) -> BTreeMap<Ordinal, i64> {
    // The newest reading of each product and inventory: when, since when, is it out?
    let mut newest: BTreeMap<(Ordinal, String), (i64, i64, bool)> = BTreeMap::new();
    for Row { update, since_s, .. } in rows {
        let Some(product) = view.find(&update.product_id) else { continue };
        let state = u8::try_from(update.availability).ok().and_then(Availability::new);
        let (Some(state), Some(at)) = (state, update.event_time) else { continue };
        let is_out = matches!(state, Availability::OutOfStock | Availability::Discontinued);
        let reading = (at.seconds, since_s.unwrap_or(at.seconds), is_out);
        let known = newest.entry((product, update.inventory_id)).or_insert(reading);
        if reading.0 > known.0 {
            *known = reading;
        }
    }
    let mut sold_out = BTreeMap::new();
    for ((product, _), (_, since, is_out)) in &newest {
        // `None` for products that some inventory has.
        let all = sold_out.entry(*product).or_insert(Some(*since));
        *all = all.filter(|_| *is_out).map(|last| last.max(*since));
    }
    sold_out.into_iter().filter_map(|(product, since)| Some((product, since?))).collect()
}
