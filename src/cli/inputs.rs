//! What `compile` and `check` read, on the command line.

use std::path::PathBuf;

use clap::Args;

use super::{
    from::{FromArg, parse_encoding},
    guards::Allow,
};
use crate::sources::Encoding;

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
    pub(super) allow: Allow,
}
