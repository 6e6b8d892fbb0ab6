//! `kindred generate`.

use std::path::PathBuf;

use clap::Args;

use super::out::outln;
use crate::synth::{Spec, write_tables};

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
    /// The directory to write to; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<()> {
    let spec = Spec {
        products: args.products,
        relations_per_product: args.relations,
        seed: args.seed,
        ..Spec::default()
    };
    let summary = write_tables(&spec, &args.out)?;
    outln!(
        "wrote {} products and {} relations, {} bytes, to {}",
        summary.products,
        summary.relations,
        summary.size_bytes,
        args.out.display()
    );
    Ok(())
}
