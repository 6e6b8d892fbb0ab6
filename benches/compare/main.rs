//! The comparison: what a lookup costs beside servers that do less, or the same in another way.
//!
//! `cargo bench --bench compare` runs it at a million products, `-- --full` also at ten million,
//! `-- --test` at a size that only shows that it works. Every figure is a ratio of two sides that were
//! measured in turns in one run, as its median and quartiles over the cycles; the asker is pinned to
//! one core and the servers to another.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]
#![expect(clippy::print_stdout, reason = "it prints a table")]
#![expect(clippy::cast_precision_loss, reason = "figures have three digits")]

mod child;
mod client;
mod compile;
mod duel;
mod figure;
mod hops;
#[path = "../support/layout.rs"]
mod layout;
#[cfg_attr(not(feature = "bench-peers"), path = "lmdb_disabled.rs")]
mod lmdb;
mod open_loop;
mod peers;
mod redis;
mod request_path;
mod resp;
mod rigs;
mod served;
mod shop;
mod structs;

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use kindred::load::Machine;

use self::{
    child::Cores,
    client::Loop,
    figure::{Figure, Report},
    layout::shops::{self, id_12, id_36, three_types, two_types},
    peers::Peer,
    request_path::Names,
    shop::Shop,
};

// That of the server that ships; the peers get the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What one run works with.
pub(crate) struct Run {
    /// Where catalogs are made.
    dir: PathBuf,
    cores: Cores,
    /// Bursts of each side.
    cycles: usize,
    asker: Loop,
    is_test: bool,
    is_full: bool,
    /// Goals to measure; empty for all.
    only: Vec<String>,
}

impl Run {
    fn wants(&self, goal: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == goal)
    }
}

fn main() {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).map(String::as_str)
    };
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if let Some(name) = value("--role") {
        let path = Path::new(arguments.last().unwrap());
        return peers::serve(Peer::named(name, path).expect("a role by its name"));
    }
    let temporary = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let dir = value("--dir").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let is_test = has("--test");
    let run = Run {
        dir,
        cores: Cores::of_machine(),
        cycles: value("--cycles")
            .map_or(if is_test { 5 } else { 21 }, |text| text.parse().unwrap()),
        asker: Loop::new(),
        is_test,
        is_full: has("--full"),
        only: value("--only")
            .map_or_else(Vec::new, |goals| goals.split(',').map(str::to_owned).collect()),
    };
    child::pin(&run.cores.asker);
    let machine_before = Machine::now();
    println!("{machine_before:?}");
    figure::print_head();
    let figures = measure(&run);
    if let Some(path) = value("--json") {
        let machine_after = Machine::now();
        let figures = figures.iter().map(Figure::json).collect();
        let report = Report { machine_before, machine_after, figures };
        let text = serde_json::to_string_pretty(&report).unwrap();
        File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    }
    if figures.iter().any(|figure| figure.is_ok() == Some(false)) {
        println!("Some floors were missed.");
    }
    if is_test {
        check_small(&figures);
    }
}

/// At a small size figures are no measurement; but who halves what is measured is told so.
fn check_small(figures: &[Figure]) {
    for (goal, least) in [("3a", 0.8), ("1", 0.4)] {
        let found = figures.iter().find(|figure| figure.goal == goal).and_then(|one| one.measured);
        // `--only` may have left it out.
        let Some(found) = found.map(|found| found.median) else { continue };
        assert!(found >= least, "goal {goal}: expected at least {least}, found {found:.2}");
    }
}

fn measure(run: &Run) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut take = |found: Vec<Figure>| {
        found.iter().for_each(Figure::print);
        figures.extend(found);
    };
    let products = if run.is_test { 20_000 } else { 1_000_000 };
    let million = Shop::new(&run.dir, two_types(products, id_12));
    if run.wants("1") || run.wants("3") {
        let names = Names {
            goal: "1",
            floor: Some((1.0, 1.1)),
            bytes: "1-b",
            structs: "3a",
            structs_floor: Some(1.2),
        };
        take(request_path::one_core(run, &million, &names));
        let long = Shop::new(&run.dir, two_types(products, id_36));
        let names =
            Names { goal: "1-36", floor: None, bytes: "1-36b", structs: "", structs_floor: None };
        take(request_path::one_core(run, &long, &names));
    }
    if run.wants("2") {
        let names = Names {
            goal: "2",
            floor: Some((0.95, 1.05)),
            bytes: "2-b",
            structs: "3b",
            structs_floor: Some(1.5),
        };
        if run.is_full {
            let ten = Shop::new(&run.dir, two_types(10_000_000, id_12));
            take(request_path::one_core(run, &ten, &names));
        } else {
            take(names.unmeasured());
        }
    }
    if run.wants("4") {
        take(redis::goals(run, &million));
        let what = "lookup / LMDB read of a precomputed list behind tonic, calls per core, 10x10";
        take(vec![lmdb::goal(run, &million, Figure::more("4c", what))]);
    }
    if run.wants("5") {
        take(request_path::runtimes(run, &million));
    }
    if run.wants("6") || run.wants("7") || run.wants("10") {
        take(in_process(run, products));
    }
    if run.wants("8") {
        take(open_loop::goal(run, &million));
    }
    if run.wants("9") || run.wants("12") {
        if run.is_full {
            let ten = Shop::new(&run.dir, two_types(10_000_000, id_12));
            take(served::goals(run, &ten));
        } else {
            take(served::goals(run, &million));
        }
    }
    if run.wants("13") || run.wants("14") {
        take(hops::rows(run, &million));
    }
    if run.wants("11") {
        take(compile::goals(run));
    }
    figures
}

/// Goals 6, 7 and 10: without a server.
fn in_process(run: &Run, products: u32) -> Vec<Figure> {
    let cycles = if run.is_test { 300 } else { 2_000 };
    let shop =
        shops::Shop::open(two_types(if run.is_full { 10 * products } else { products }, id_12));
    let mut figures = layout::goal_6(&shop, cycles).map(Figure::from).to_vec();
    figures.extend(layout::goal_10(&shop).map(Figure::from));
    drop(shop);
    let shop = shops::Shop::open(three_types(products, id_12));
    figures.extend(layout::goal_7(&shop, cycles).map(Figure::from));
    figures
}
