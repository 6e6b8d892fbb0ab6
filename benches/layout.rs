//! What the layout of a catalog costs and brings: keys and lookups in process against the usual ways,
//! pages, bytes.
//!
//! `cargo bench --bench layout -- 100k 1m 10m` for these numbers of products, 1m where none is named.
//! `-- --sizes 1m` prints the bytes of each section for ids of 12 and 36 bytes instead. `-- --test` is
//! small and quick, and fails where a figure is far from its goal.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]
#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::{env, fs};

use mimalloc::MiMalloc;

#[path = "support/layout.rs"]
mod layout;

use layout::{
    Figure, goal_6, goal_7, goal_10, sections,
    shops::{RELATIONS, Shop, id_12, id_36, three_types, two_types},
};

/// That of the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const CYCLES: usize = 2_000;

fn main() {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let is_said = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if is_said("--test") {
        return test();
    }
    let mut sizes = arguments.iter().filter_map(|argument| products(argument)).collect::<Vec<_>>();
    if sizes.is_empty() {
        sizes.push(1_000_000);
    }
    for products in sizes {
        println!("{products} products with {RELATIONS} relations each");
        if is_said("--sizes") {
            [("12", id_12 as fn(u32, u32) -> String), ("36", id_36)]
                .into_iter()
                .for_each(|(bytes, id)| print_sizes(bytes, &Shop::open(two_types(products, id))));
            continue;
        }
        let shop = Shop::open(two_types(products, id_12));
        goal_6(&shop, CYCLES).iter().chain(&goal_10(&shop)).for_each(print);
        drop(shop);
        let shop = Shop::open(three_types(products, id_12));
        goal_7(&shop, CYCLES).iter().for_each(print);
    }
}

/// `100k` or `10m`.
fn products(argument: &str) -> Option<u32> {
    let (count, unit) = argument.split_at_checked(argument.len().checked_sub(1)?)?;
    let unit = match unit {
        "k" => 1_000,
        "m" => 1_000_000,
        _ => return None,
    };
    Some(count.parse::<u32>().ok()? * unit)
}

fn print(figure: &Figure) {
    let Figure { goal, what, unit, measured, spread: (low, high), floor, aim } = figure;
    let wanted = match floor.is_finite() {
        true => format!(", expected {floor} at most, aim {aim}"),
        false => String::new(),
    };
    println!("  goal {goal:<3} {what}: {measured:.2} {unit} ({low:.2} to {high:.2}){wanted}");
}

/// Twice what was measured at this size, so that only a mistake in layout or lookup fails here.
const TEST_MOST: [(&str, f64); 4] = [("6a", 3.0), ("6b", 1.35), ("6c", 1.2), ("6d", 2.0)];

fn test() {
    let shop = Shop::open(two_types(20_000, id_12));
    let (timed, sizes) = (goal_6(&shop, 500), goal_10(&shop));
    timed.iter().chain(&sizes).for_each(print);
    for (figure, (goal, most)) in timed.iter().zip(TEST_MOST) {
        assert_eq!(figure.goal, goal);
        assert!(figure.measured < most, "expected {most} at most: {figure:?}");
    }
    for figure in &sizes {
        assert!(figure.measured < figure.floor, "expected {} at most: {figure:?}", figure.floor);
    }
    goal_7(&Shop::open(three_types(20_000, id_12)), 20).iter().for_each(print);
    print_sizes("36", &Shop::open(two_types(1_000, id_36)));
}

/// The bytes of each section, by product and by relation, and the memory of the process.
#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
fn print_sizes(id_bytes: &str, shop: &Shop) {
    let products = f64::from(shop.shape.products);
    let mut sections = sections(shop).into_iter().filter(|one| one.1 > 0).collect::<Vec<_>>();
    sections.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("  ids of {id_bytes} bytes: bytes in all, of a product, of a relation");
    let line = |name: &str, bytes: u64| {
        let of_product = bytes as f64 / products;
        let of_relation = of_product / f64::from(RELATIONS);
        println!("  {name:<12} {bytes:>14} {of_product:>8.1} {of_relation:>7.3}");
    };
    sections.iter().for_each(|(name, bytes)| line(name, *bytes));
    line("file", shop.moment.snapshot.catalog().blob().size_bytes());
    println!("  resident: {}", resident().unwrap_or_default());
}

/// What the kernel says of the memory of this process.
fn resident() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let lines = status.lines().filter(|line| line.starts_with("Rss"));
    Some(
        lines
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join(", "),
    )
}
