//! `kindred where`: every list and bundle that holds a product.

use anyhow::bail;
use clap::Args;

use super::{StoreArgs, ask::TypeCodes, out::outln};
use crate::{
    index::Ordinal,
    lookup::{self, Listed},
    model::score,
    snapshot::Snapshot,
};

#[derive(Debug, Args)]
pub(super) struct WhereArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The product.
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(args: &WhereArgs) -> anyhow::Result<()> {
    let snapshot = args.store.snapshot()?;
    let view = snapshot.catalog().view();
    let Some(product) = view.find(&args.id) else {
        bail!("{} is not in snapshot {}", args.id, snapshot.id());
    };
    outln!("{} {}", view.id(product), String::from_utf8_lossy(view.title_bytes(product)));
    for (alias, _) in view.aliases().filter(|(_, of)| *of == product) {
        outln!("  also known as {alias}");
    }
    if let Some(parent) = view.parent(product) {
        outln!("  variant of {}", view.id(parent));
    }
    for variant in view.variants(product) {
        outln!("  has variant {}", view.id(Ordinal(variant.get())));
    }
    let mut count = 0_usize;
    let codes = TypeCodes::of(&view);
    for listed in lookup::holders(&view, product) {
        print_listed(&snapshot, &codes, &listed);
        count += 1;
    }
    for bundle in view.bundles_with(product) {
        outln!("  bundle {}", view.id(Ordinal(bundle.product.get())));
        count += 1;
    }
    outln!("{count} lists and bundles hold it in snapshot {}", snapshot.id());
    Ok(())
}

fn print_listed(snapshot: &Snapshot, codes: &TypeCodes, listed: &Listed<'_>) {
    let view = snapshot.catalog().view();
    let code = codes.code(i32::from(listed.relation_type.number()));
    let (source, score) = (view.id(listed.source), listed.relation.edge.score.get());
    let provenance = snapshot.provenance();
    let place = provenance.and_then(|provenance| provenance.place(listed.source, listed.index));
    let place = place.map_or_else(String::new, |place| {
        format!("{}: {}:{}", place.source, place.file.name, place.line)
    });
    outln!("  {code:<16} of {source:<32} {:.4} {place}", score::share(score));
}
