//! Why a catalog cannot be generated.

use std::{io, path::PathBuf};

use crate::model::{limits::PRODUCTS_MAX, relation::STANDARD_TYPES};

/// Why a catalog cannot be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SynthError {
    /// Ask for at least one product and no more than a catalog holds.
    #[error("products: expected 1 to {PRODUCTS_MAX}, found {found}")]
    Products {
        /// What was asked for.
        found: u32,
    },
    /// Ask for ids of 12 or of 36 bytes.
    #[error("id bytes: expected 12 (`sku-9f03ab17`) or 36 (a UUID), found {found}")]
    IdBytes {
        /// What was asked for.
        found: usize,
    },
    /// Ask for as many types as the standard has.
    #[error("relation types a product: expected 1 to {}, found {found}", STANDARD_TYPES.len())]
    Types {
        /// What was asked for.
        found: u32,
    },
    /// Ask for fewer relations, more types or more products: a type lists a target once.
    #[error(
        "relations a product: expected at most {most}, {most_per_type} for each of {types} types; \
         found {found}"
    )]
    Relations {
        /// What was asked for.
        found: u32,
        /// What a type of this catalog holds at most.
        most_per_type: u64,
        /// Types a product.
        types: u32,
        /// What a product of this catalog holds at most.
        most: u64,
    },
    /// Look at the directory: does it exist, may it be written, is the disk full?
    #[error("{}: expected to write it: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
