//! `kindred demo`: the embedded catalog, compiled, served, and how to call it.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use tempfile::TempDir;

use super::{
    from::{FromArg, Input},
    guards::Allow,
    inputs::{Effort, InputArgs},
    note,
    out::{outln, try_line},
    pipeline::{self, Job, Purpose},
    planes::Home,
    serve::{ListenArgs, serve_store},
};
use crate::{
    service::Address,
    sources,
    store::{MAIN_TRACK, Store},
};

/// Who publishes the demo catalog.
const ACTOR: &str = "demo";

/// The tables, as a shop would hand them in.
const TABLES: [(&str, &str); 7] = [
    ("catalog.toml", include_str!("demo/catalog.toml")),
    ("products.csv", include_str!("demo/products.csv")),
    ("product_markets.csv", include_str!("demo/product_markets.csv")),
    ("relations.csv", include_str!("demo/relations.csv")),
    ("bundles.csv", include_str!("demo/bundles.csv")),
    ("aliases.csv", include_str!("demo/aliases.csv")),
    ("placements.toml", include_str!("demo/placements.toml")),
];

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// Keep the store here; else in a temporary directory.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Keep the server's state here; else in a temporary directory.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    listen: ListenArgs,
}

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let temporary = TempDir::with_prefix("kindred-demo-").context("no temporary directory")?;
    let tables = temporary.path().join("tables");
    write_tables(&tables)?;
    let store = args.store.clone().unwrap_or_else(|| temporary.path().join("store"));
    let state = args.state.clone().unwrap_or_else(|| temporary.path().join("state"));
    let format = sources::format("kindred").context("the format of our own tables is built in")?;
    let input = Input { name: Some("demo".to_owned()), format: Some(format), path: tables.clone() };
    let job = Job {
        input: InputArgs {
            from: vec![FromArg::Files(input)],
            encoding: sources::Encoding::Utf8,
            multi_value_separator: None,
            cache: None,
            catalog: None,
            strict: true,
            effort: Effort::default(),
            allow: Allow::everything(),
        },
        policy: None,
        overrides: None,
        store: store.clone(),
        over_rollback: false,
        note: note(Some(ACTOR), "the embedded catalog"),
        purpose: Purpose::Publish,
    };
    if is_ours(&store)? {
        pipeline::run(&job, &mut |report| outln!("{report}\n"))?;
    } else {
        outln!("{} holds other snapshots: serving what is there\n", store.display());
    }
    let shown = store.clone();
    serve_store(&store, &state, Home::Demo, &args.listen, move |address| {
        print_calls(address, &tables, &shown);
    })
}

/// May the demo publish here? Only where nobody else decided anything.
fn is_ours(dir: &Path) -> anyhow::Result<bool> {
    let head = Store::create(dir)?.track(MAIN_TRACK)?.head()?;
    Ok(head.is_none_or(|head| head.note.actor == ACTOR))
}

fn write_tables(dir: &Path) -> anyhow::Result<()> {
    let context = || format!("cannot write the demo tables to {}", dir.display());
    fs::create_dir_all(dir).with_context(context)?;
    for (name, text) in TABLES {
        let mut file = File::create(dir.join(name)).with_context(context)?;
        file.write_all(text.as_bytes()).with_context(context)?;
    }
    Ok(())
}

/// Prints a line if anyone reads it: the server lives on when nobody does.
macro_rules! say {
    ($($text:tt)*) => { try_line(format_args!($($text)*)).ok() };
}

fn print_calls(address: &Address, tables: &Path, store: &Path) {
    let call = |types: &str, seeds: &str| {
        let service = "kindred.v1.RecommendationService/GetRecommendations";
        say!(
            "  grpcurl -plaintext -d '{{\"lookup\":{{\"relation_types\":[{types}]}},\
             \"seeds\":[{seeds}]}}' {address} {service}"
        );
    };
    say!("\nWhat a toy car needs:");
    call("\"RELATION_TYPE_CROSS_SELL\"", "{\"product_id\":\"toy-car\"}");
    say!("The ink that fits exactly this printer:");
    call("\"RELATION_TYPE_CONSUMABLE\"", "{\"product_id\":\"printer-inkwell-500\"}");
    say!("A cart of two:");
    call(
        "\"RELATION_TYPE_ACCESSORY\",\"RELATION_TYPE_CROSS_SELL\"",
        "{\"product_id\":\"phone-nova-128\"},{\"product_id\":\"camera-traveller\"}",
    );
    say!("All services:");
    say!("  grpcurl -plaintext {address} list");
    say!("The same without a server, and the tables to play with:");
    say!("  kindred lookup --store {} --seed toy-car --type cross_sell", store.display());
    say!("  kindred compile --from kindred={} --store {}", tables.display(), store.display());
    say!("Ctrl-C ends the demo.");
}
