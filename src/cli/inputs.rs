//! What `compile` and `check` read, on the command line.

use std::{num::NonZeroUsize, path::PathBuf, thread};

use clap::Args;

use super::{
    from::{FromArg, parse_encoding},
    guards::Allow,
};
use crate::{graph::FileStore, sources::Encoding};

/// The tables, how they are read, and what is let pass.
#[derive(Clone, Debug, Args)]
pub(super) struct InputArgs {
    /// What to read: a file, a directory or `-`, its format unless the files tell it, and a name for
    /// the source; or NAME@previous, the last good records of a source in the cache. May be given
    /// several times.
    #[arg(long, required = true, value_name = "[[NAME:]FORMAT=]PATH", value_parser = FromArg::parse)]
    pub(super) from: Vec<FromArg>,
    /// How the files spell characters: utf-8 or latin1.
    #[arg(long, default_value = "utf-8", value_name = "WORD", value_parser = parse_encoding)]
    pub(super) encoding: Encoding,
    /// What joins the items of a list in exports of Magento whose multiple value separator is not `,`.
    #[arg(long, value_name = "CHARACTER")]
    pub(super) multi_value_separator: Option<char>,
    /// Where compiles keep what each source says: those that did not change are not read again, and
    /// the modes of `catalog.toml` count.
    #[arg(long, env = "KINDRED_CACHE", value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    /// Markets, relation types and so on; else `catalog.toml` beside the tables, else defaults.
    #[arg(long, value_name = "FILE")]
    pub(super) catalog: Option<PathBuf>,
    /// Fail with exit code 2 on any warning or error, and publish nothing.
    #[arg(long)]
    pub(super) strict: bool,
    #[command(flatten)]
    pub(super) effort: Effort,
    #[command(flatten)]
    pub(super) allow: Allow,
}

/// What a compile may take of the machine. What it makes is the same whatever that is.
#[derive(Clone, Debug, Args)]
pub(super) struct Effort {
    /// Memory for sorting relations, beside what products and ids take: bytes, or `64MiB`, `4GiB`.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = memory)]
    pub(super) memory: u64,
    /// Threads to use, 1 or 2 (more count as 2); else as many of those as there are cores.
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

impl Effort {
    pub(super) fn threads(&self) -> NonZeroUsize {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(cores)
    }
}

/// Units of sizes, in powers of two.
const UNITS: [(&str, u32); 3] = [("KiB", 10), ("MiB", 20), ("GiB", 30)];

fn memory(text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power)));
    let (digits, power) = unit.unwrap_or((text, 0));
    let bytes = digits.trim().parse::<u64>().ok().and_then(|size| size.checked_mul(1 << power));
    let bytes = bytes.ok_or_else(|| {
        format!("expected a number of bytes, or one before KiB, MiB or GiB, found {text:?}")
    })?;
    let min = FileStore::MEMORY_BYTES_MIN;
    match bytes < min {
        true => Err(format!("expected at least {} MiB, found {text}", min >> 20)),
        false => Ok(bytes),
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self { memory: FileStore::MEMORY_BYTES, threads: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileStore, memory};

    #[test]
    fn sizes_are_bytes_or_powers_of_two() {
        assert_eq!(memory("4GiB"), Ok(4 << 30));
        assert_eq!(memory("64 MiB"), Ok(64 << 20));
        assert_eq!(memory("65536KiB"), Ok(64 << 20));
        assert_eq!(memory("16777216"), Ok(FileStore::MEMORY_BYTES_MIN));
        assert_eq!(memory("256MiB"), Ok(FileStore::MEMORY_BYTES), "the default of the option");
        for bad in ["16777215", "15MiB", "4GB", "GiB", "-1", "1.5GiB", "99999999999GiB", ""] {
            assert!(memory(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
