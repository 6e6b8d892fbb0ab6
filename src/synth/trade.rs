//! What a shop of these products hears and sells: a feed of stock, and orders.
//!
//! Both are written row by row from formulas, as the tables are. The stock is what `kindred stock
//! push` reads; it is later than the tables, so that it counts. Orders are rows of one product each,
//! those of one order behind each other, by rising time.

use std::path::Path;

use jiff::Timestamp;

use super::{
    SynthError,
    plan::Plan,
    rng::{Rng, Stream},
    rows::{availability, push_id},
    table::{Table, Written},
};
use crate::model::relation::Availability;

/// The first reading of stock, an hour after the tables were read: 2026-01-05T07:00:00Z.
const STOCK_START_S: u64 = 1_767_596_400;
/// Readings of one second.
const STOCK_ROWS_PER_S: u64 = 1_000;
/// The first order: 90 days before the tables were read.
const ORDERS_START_S: u64 = STOCK_START_S - 3_600 - ORDERS_SPAN_S;
/// All orders stand within so many seconds.
const ORDERS_SPAN_S: u64 = 90 * 86_400;
/// Most products of an order.
const BASKET_MAX: u64 = 8;
/// What goes with a product stands so many ranks behind it at most.
const COMPANION_RANKS: u64 = 3;

/// Writes `stock.csv`: readings of all products in turn, in an order that says nothing.
pub(super) fn write_stock(plan: &Plan, out: &Path, row_count: u64) -> Result<Written, SynthError> {
    let header = "product_id,availability,available_quantity,event_time";
    let mut table = Table::with_header(out, "stock.csv", header)?;
    let mut instant = Instant::default();
    for row in 0..row_count {
        let mut rng = plan.rng(Stream::Stock, row);
        let state = availability(&mut rng);
        table.cell(|buffer| push_id(buffer, plan, plan.scattered(row)));
        table.text(state.code());
        match state {
            Availability::InStock => table.number(6 + rng.below(495)),
            Availability::LowStock => table.number(1 + rng.below(5)),
            Availability::OutOfStock | Availability::Discontinued => table.number(0),
            // What is not there yet is not counted.
            Availability::Backorder | Availability::Preorder => table.empty(),
        };
        table.text(instant.text(STOCK_START_S + row / STOCK_ROWS_PER_S)).end_row()?;
    }
    table.finish()
}

/// Writes `orders.csv`; its rows are products of orders.
pub(super) fn write_orders(
    plan: &Plan,
    out: &Path,
    order_count: u64,
) -> Result<Written, SynthError> {
    let mut table = Table::with_header(out, "orders.csv", "order_id,time,product_id,quantity")?;
    let mut instant = Instant::default();
    let mut basket = Vec::new();
    for order in 0..order_count {
        let mut rng = plan.rng(Stream::Orders, order);
        fill(&mut basket, plan, &mut rng);
        let since = u128::from(order) * u128::from(ORDERS_SPAN_S) / u128::from(order_count);
        let since = u64::try_from(since).unwrap_or(ORDERS_SPAN_S);
        let time = instant.text(ORDERS_START_S + since);
        for product in &basket {
            let quantity = if rng.one_in(6) { 2 + rng.below(3) } else { 1 };
            table.cell(|buffer| {
                buffer.extend_from_slice(b"o-");
                super::table::push_number(buffer, order + 1, 10);
            });
            table.text(time).cell(|buffer| push_id(buffer, plan, *product));
            table.number(quantity).end_row()?;
        }
    }
    table.finish()
}

/// Puts a popular product into the basket, and what goes with it: half of the others are companions
/// of the first, the rest is popular somewhere.
fn fill(basket: &mut Vec<u64>, plan: &Plan, rng: &mut Rng) {
    basket.clear();
    let first = sold(plan, plan.any_category(rng).popular_product(rng));
    basket.push(first);
    let category = plan.category(plan.category_index(first));
    // A third of all orders are of one product; the larger, the fewer.
    let wanted = rng.zipf(BASKET_MAX);
    for _ in 0..wanted {
        let product = if rng.one_in(2) {
            category.behind(first, 1 + rng.below(COMPANION_RANKS))
        } else {
            plan.any_category(rng).popular_product(rng)
        };
        let product = sold(plan, product);
        if !basket.contains(&product) {
            basket.push(product);
        }
    }
}

/// A product that shops sell: of a hidden one, the nearest that is not.
fn sold(plan: &Plan, product: u64) -> u64 {
    let behind = (product..plan.product_count()).chain((0..product).rev());
    behind.into_iter().find(|product| !plan.is_hidden(*product)).unwrap_or(product)
}

/// An instant as text; the one before is kept, as many rows share it.
#[derive(Default)]
struct Instant {
    second: u64,
    text: String,
}

impl Instant {
    fn text(&mut self, second: u64) -> &str {
        if second != self.second || self.text.is_empty() {
            let timestamp = i64::try_from(second).ok().and_then(|s| Timestamp::from_second(s).ok());
            self.text = timestamp.unwrap_or(Timestamp::MAX).to_string();
            self.second = second;
        }
        &self.text
    }
}
