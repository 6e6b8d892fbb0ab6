//! Bytes as a table of every system that writes tables.

use super::source::{self, Export};

const EXPORTS: [Export; 12] = [
    ("kindred", "products.csv"),
    ("kindred", "relations.csv"),
    ("kindred", "product_markets.csv"),
    ("kindred", "bundles.csv"),
    ("kindred", "aliases.csv"),
    ("akeneo", "products.csv"),
    ("magento", "export.csv"),
    ("shopify", "products.csv"),
    ("woocommerce", "products.csv"),
    ("shopware", "cross_selling.csv"),
    ("wisepim", "products.csv"),
    ("", "export.csv"),
];

/// Reads a table; the first byte chooses its system.
pub fn run(data: &[u8]) {
    source::read(&EXPORTS, data);
}
