//! Catalogs of any size for tests and benches: made on the fly, with almost nothing in memory.

pub(crate) mod shape;

use std::{fs::File, path::Path};

use kindred::index::IndexError;

use shape::Shape;

/// The id of an ordinal.
pub(crate) fn id(ordinal: u32) -> String {
    format!("p{ordinal:09}")
}

/// The target of a source's relation.
pub(crate) fn target(products: u32, source: u32, relation: u32) -> u32 {
    let step = u64::from(relation) * 7919 + 1;
    let target = (u64::from(source) + step) % u64::from(products);
    u32::try_from(target).expect("below the number of products")
}

/// Writes a catalog of products `p000000000`, `p000000001` and so on, with this many relations of each
/// product and type.
pub(crate) fn write(
    file: File,
    path: &Path,
    products: u32,
    per_type: u32,
) -> Result<(), IndexError> {
    let shape = Shape { products, types: 3, per_type, id: |_, own| id(own), target, stages: |_| 0 };
    shape.write(file, path)
}
