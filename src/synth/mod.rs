//! Seeded synthetic catalogs: tables of a believable shop of any size, its stock and its orders, for
//! benches and trials.
//!
//! Every fact about a product is a formula over (seed, ordinal of its row), so nothing is kept per
//! product: memory holds the categories and one write buffer a table. The formulas use integers
//! only, so the same [`Spec`] gives the same bytes on every machine.
//!
//! The shape: Zipf popularity inside a category tree two to four levels deep, about the square root
//! of the products in brands, log-normal prices around a median a category, the markets `de` (EUR)
//! and `uk` (GBP) with gaps, 5 % variants beside their parent, 2 % hidden products. Relations lead
//! mostly to popular products of the same category, never to the product itself, to a hidden
//! product, to a variant, or twice to one target, so a compile of the tables has no warnings.

mod error;
mod names;
mod plan;
mod rng;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod trade;

use std::{fs, path::Path};

pub use error::SynthError;

use plan::Plan;
use rows::Writer;
use table::{Table, io_error};

/// The file that declares the two markets.
const CATALOG_TOML: &str = r#"# The markets of a generated catalog. Prices in products.csv are those of `de`.

[[markets]]
id = "de"
currency = "EUR"

[[markets]]
id = "uk"
currency = "GBP"
"#;

/// What to generate. [`write_tables`] refuses what cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Rows of `products.csv`, at least 1.
    pub products: u32,
    /// Relations of each product over all its types.
    pub relations_per_product: u32,
    /// Relation types among which a product's relations are split, 1 to 9.
    pub types_per_product: u32,
    /// Another seed gives another catalog of the same shape.
    pub seed: u64,
    /// Length of a product id: 12 (`sku-9f03ab17`) or 36 (a UUID).
    pub id_bytes: usize,
    /// Rows of `stock.csv`, a feed as `kindred stock push` reads it: readings of all products in
    /// turn. Without any there is no file.
    pub stock_updates: u64,
    /// Orders in `orders.csv`, which has a row for each product of each. Without any there is no file.
    pub orders: u64,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            products: 10_000,
            relations_per_product: 10,
            types_per_product: 2,
            seed: 1,
            id_bytes: 12,
            stock_updates: 0,
            orders: 0,
        }
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows of `products.csv`.
    pub products: u64,
    /// Rows of `product_markets.csv`.
    pub product_markets: u64,
    /// Rows of `relations.csv`.
    pub relations: u64,
    /// Rows of `bundles.csv`: selections, not bundles.
    pub bundle_selections: u64,
    /// Rows of `aliases.csv`.
    pub aliases: u64,
    /// Rows of `stock.csv`.
    pub stock_updates: u64,
    /// Rows of `orders.csv`: products of orders, not orders.
    pub order_lines: u64,
    /// Bytes of all files.
    pub size_bytes: u64,
}

/// Writes `products.csv`, `product_markets.csv`, `relations.csv`, `bundles.csv`, `aliases.csv` and
/// `catalog.toml` into the directory, which is made if need be; `stock.csv` and `orders.csv`, too,
/// where the spec wants them. Files of these names are replaced.
///
/// # Errors
/// The spec asks for what cannot be, or a file cannot be written.
pub fn write_tables(spec: &Spec, out: &Path) -> Result<Summary, SynthError> {
    let plan = Plan::new(spec)?;
    fs::create_dir_all(out).map_err(|source| io_error(out, source))?;
    let mut config = Table::create(out, "catalog.toml")?;
    config.raw(CATALOG_TOML.as_bytes());
    let config_size_bytes = config.finish()?.size_bytes;
    let mut writer = Writer::create(&plan, out)?;
    for product in 0..plan.product_count() {
        writer.product(product)?;
    }
    let mut summary = writer.finish()?;
    summary.size_bytes += config_size_bytes;
    if spec.stock_updates > 0 {
        let written = trade::write_stock(&plan, out, spec.stock_updates)?;
        summary.stock_updates = written.row_count;
        summary.size_bytes += written.size_bytes;
    }
    if spec.orders > 0 {
        let written = trade::write_orders(&plan, out, spec.orders)?;
        summary.order_lines = written.row_count;
        summary.size_bytes += written.size_bytes;
    }
    Ok(summary)
}
