//! `kindred generate`.

use std::{num::NonZeroU64, path::PathBuf};

use clap::Args;

use super::out::outln;
use crate::{
    model::limits::REPLACE_UPDATES_MAX,
    synth::{Spec, write_tables},
};

#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Products.
    #[arg(long, default_value_t = 10_000)]
    products: u32,
    /// Relations of each product, over all types.
    #[arg(long, default_value_t = 30)]
    relations: u32,
    /// The same seed writes the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Length of a product id: 12 (`sku-9f03ab17`) or 36 (a UUID).
    #[arg(long, value_name = "BYTES", default_value_t = 12)]
    id_bytes: usize,
    /// Write stock.csv, too: so many readings for `kindred stock push`, of all products in turn;
    /// without a number one a product, and no more than a push takes.
    #[arg(long, value_name = "ROWS", num_args = 0..=1)]
    stock: Option<Option<NonZeroU64>>,
    /// Write orders.csv, too: so many orders (order_id, time, product_id, quantity), a row for each
    /// product of each; without a number one order a product.
    #[arg(long, value_name = "ORDERS", num_args = 0..=1)]
    orders: Option<Option<NonZeroU64>>,
    /// The directory to write to; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let products = u64::from(args.products);
    let count = |flag: Option<Option<NonZeroU64>>, unsaid: u64| {
        flag.map_or(0, |count| count.map_or(unsaid, NonZeroU64::get))
    };
    let spec = Spec {
        products: args.products,
        relations_per_product: args.relations,
        seed: args.seed,
        id_bytes: args.id_bytes,
        stock_updates: count(args.stock, products.min(REPLACE_UPDATES_MAX as u64)),
        orders: count(args.orders, products),
        ..Spec::default()
    };
    let summary = write_tables(&spec, &args.out)?;
    let counts =
        [(summary.stock_updates, "readings of stock"), (summary.order_lines, "rows of orders")];
    let more = counts.iter().filter(|(count, _)| *count > 0);
    let more = more.map(|(count, what)| format!(", {count} {what}")).collect::<String>();
    outln!(
        "wrote {} products and {} relations{more}, {} bytes, to {}",
        summary.products,
        summary.relations,
        summary.size_bytes,
        args.out.display()
    );
    Ok(())
}
