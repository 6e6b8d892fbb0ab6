//! Nights on which something went wrong at a source: a guard that is named refuses each, and
//! what is live stays live. The night after them is like any other, and passes.

use std::{fmt::Write as _, fs};

use crate::{
    command::Run,
    shop::{Shop, write},
};

const TOPS: [&str; 3] = ["Toys", "Garden", "Kitchen"];
const PRODUCTS_PER_TOP: usize = 40;
const CATALOG: &str = "[[markets]]\nid = \"de\"\ncurrency = \"EUR\"\n[[markets]]\nid = \"uk\"\n\
                       currency = \"GBP\"\n[sources.hand]\npriority = 200\n";

#[derive(Clone)]
struct Product {
    id: String,
    category: String,
    cents: Option<u64>,
    uk_pence: u64,
    availability: &'static str,
    visibility: &'static str,
    markets: &'static str,
}

#[derive(Clone, Default)]
struct Link {
    source: String,
    kind: &'static str,
    target: String,
    position: usize,
    markets: &'static str,
    stages: &'static str,
    valid_from: &'static str,
    valid_to: &'static str,
}

/// What two sources say: the PIM has products and links, merchandisers have links of their own; and
/// how many overrides and bundles there are.
#[derive(Clone)]
struct Night {
    products: Vec<Product>,
    pim: Vec<Link>,
    hand: Vec<Link>,
    pins: usize,
    bundles: usize,
}

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

impl Night {
    fn good() -> Self {
        let mut dice = Dice(7);
        let (products, pim, hand) = (Vec::new(), Vec::new(), Vec::new());
        let mut night = Self { products, pim, hand, pins: 15, bundles: 15 };
        for top in TOPS {
            for number in 0..PRODUCTS_PER_TOP {
                let cents = 500 + dice.roll(2_000) as u64;
                night.products.push(Product {
                    id: format!("{}-{number:02}", top.to_lowercase()),
                    category: format!("{top}/Shelf {}", number % 4),
                    cents: Some(cents),
                    uk_pence: cents * 9 / 10,
                    availability: "in_stock",
                    visibility: "visible",
                    markets: "de|uk",
                });
            }
        }
        let ids: Vec<String> = night.products.iter().map(|product| product.id.clone()).collect();
        for (place, id) in ids.iter().enumerate() {
            let mut link = |links: &mut Vec<Link>, kind, position: usize| {
                // Never itself, never twice: another distance for each position.
                let step = 1 + position * 20 + dice.roll(19);
                let target = ids[(place + step) % ids.len()].clone();
                let source = id.clone();
                links.push(Link { source, kind, target, position, ..Link::default() });
            };
            (0..4).for_each(|position| link(&mut night.pim, "cross_sell", position));
            (0..3).for_each(|position| link(&mut night.pim, "accessory", position));
            link(&mut night.hand, "cross_sell", 4);
            (0..2).for_each(|position| link(&mut night.hand, "alternative", position));
            link(&mut night.pim, "spare_part", 0);
        }
        // A sale that is over.
        let sale = night.hand.iter().filter(|link| link.position == 4).take(30).cloned();
        let sale = sale.map(|link| Link { kind: "up_sell", valid_to: "2020-01-01", ..link });
        night.hand.extend(sale.collect::<Vec<_>>());
        night
    }

    fn links(&mut self) -> impl Iterator<Item = &mut Link> {
        self.pim.iter_mut().chain(&mut self.hand)
    }

    /// Gives ids other names, in products and links alike.
    fn respell(&mut self, spell: impl Fn(&str) -> String) {
        self.products.iter_mut().for_each(|product| product.id = spell(&product.id));
        for link in self.links() {
            (link.source, link.target) = (spell(&link.source), spell(&link.target));
        }
    }

    fn is_in(&self, id: &str, top: &str) -> bool {
        self.products.iter().any(|one| one.id == id && one.category.starts_with(top))
    }

    /// Compiles into the shop's store.
    fn compile(&self, shop: &Shop, options: &[&str]) -> Run {
        let mut products = "id,category,price,availability,visibility,markets\n".to_owned();
        let mut markets = "id,market,price\n".to_owned();
        for one in &self.products {
            let Product { id, category, availability, visibility, markets, .. } = one;
            let price = one.cents.map(decimal).unwrap_or_default();
            writeln!(products, "{id},{category},{price},{availability},{visibility},{markets}")
                .unwrap();
        }
        for one in self.products.iter().filter(|one| one.cents.is_some()) {
            writeln!(markets, "{},uk,{}", one.id, decimal(one.uk_pence)).unwrap();
        }
        shop.write("products.csv", products);
        shop.write("product_markets.csv", markets);
        shop.write("relations.csv", links(&self.pim));
        shop.write("overrides.csv", pins(self.pins));
        shop.write("bundles.csv", bundles(self.bundles));
        shop.write("catalog.toml", CATALOG);
        fs::create_dir_all(shop.path("hand")).unwrap();
        write(&shop.path("hand/relations.csv"), links(&self.hand));
        let pim = format!("pim:kindred={}", shop.path("tables").display());
        let hand = format!("hand:kindred={}", shop.path("hand").display());
        shop.kindred(&[&["compile", "--from", &pim, "--from", &hand], options].concat())
    }
}

fn decimal(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn links(links: &[Link]) -> String {
    let mut table = "source,type,target,position,markets,stages,valid_from,valid_to\n".to_owned();
    for Link { source, kind, target, position, markets, stages, valid_from, valid_to } in links {
        let limits = format!("{markets},{stages},{valid_from},{valid_to}");
        writeln!(table, "{source},{kind},{target},{position},{limits}").unwrap();
    }
    table
}

/// Pins, as merchandisers gather them over a year.
fn pins(count: usize) -> String {
    let row = |number: usize| format!("pin,toys-{number:02},cross_sell,garden-00,1,mia,season\n");
    let rows = (0..count).map(row).collect::<String>();
    format!("action,source,type,target,position,author,reason\n{rows}")
}

fn bundles(count: usize) -> String {
    let row = |number: usize| format!("toys-{number:02},Part,garden-{number:02}\n");
    let rows = (0..count).map(row).collect::<String>();
    format!("bundle,option,product\n{rows}")
}

/// What went wrong, who refuses it, and what the refusal must say of the place.
type WrongNight = (&'static str, fn(&mut Night, &mut Dice), &'static str, &'static str);

const WRONG_NIGHTS: [WrongNight; 27] = [
    ("a type gone in one category", type_gone, "shrink", "of type accessory in category Toys"),
    ("all targets reordered", reordered, "churn", "of type cross_sell from"),
    ("half of the products gone", half_gone, "products", "products from 120 to 60"),
    ("prices in cents", in_cents, "prices", "of EUR in market de from"),
    ("another shop's export", another_shop, "ids", "from 120 to 0"),
    ("one market's assortment gone", market_gone, "products", "in market uk from 120 to 0"),
    ("all links lead to one product", one_target, "churn", "of type cross_sell from"),
    ("a source empty", |night, _| night.hand.clear(), "shrink", "from source hand"),
    ("ids spelled in capitals", capitals, "ids", "from 120 to 0"),
    ("one category's ids numbered anew", renumbered, "ids", "in category Garden from 40 to 0"),
    ("one market's prices in pence", in_pence, "prices", "of GBP in market uk from"),
    ("no prices", no_prices, "prices", "products with a price in market de from 120 to 0"),
    ("everything out of stock", sold_out, "stock", "that can be bought from 120 to 0"),
    ("a category in another language", language, "products", "in category Toys from 40 to 0"),
    ("the column of categories empty", no_categories, "products", "in category Kitchen"),
    ("targets slipped by a row", slipped, "churn", "of type alternative from"),
    ("only the first page of links", first_page, "shrink", "of type cross_sell from"),
    ("one category hidden", hidden, "shrink", "of type accessory from"),
    ("links of one store view only", one_view, "shrink", "of type cross_sell in market de from"),
    ("one type named as another", misnamed, "shrink", "of type accessory from 360 to 0"),
    ("the table of overrides empty", |night, _| night.pins = 0, "overrides", "from 15 to 0"),
    ("no bundles", |night, _| night.bundles = 0, "shrink", "bundles from 15 to 0"),
    ("a type expired", expired, "shrink", "relations of type accessory from 360 to 0"),
    (
        "a type that begins next age",
        too_early,
        "shrink",
        "relations of type accessory from 360 to 0",
    ),
    (
        "links at checkout only",
        at_checkout,
        "shrink",
        "cross_sell at stage discovery from 600 to 0",
    ),
    ("prices doubled beside new cheap products", dearer, "prices", "of EUR in market de from"),
    ("lists of one with another one", replaced, "churn", "of type spare_part from 120 to 0"),
];

fn expired(night: &mut Night, _: &mut Dice) {
    let accessories = night.links().filter(|link| link.kind == "accessory");
    accessories.for_each(|link| link.valid_to = "2021-01-01");
}

fn too_early(night: &mut Night, _: &mut Dice) {
    let accessories = night.links().filter(|link| link.kind == "accessory");
    accessories.for_each(|link| link.valid_from = "2999-01-01");
}

fn at_checkout(night: &mut Night, _: &mut Dice) {
    night.links().for_each(|link| link.stages = "checkout");
}

/// The median of all prices hardly moves, as each product's own does.
fn dearer(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.cents = one.cents.map(|cents| cents * 2));
    for place in 0..81 {
        let mut new = night.products[(place % TOPS.len()) * PRODUCTS_PER_TOP].clone();
        (new.id, new.cents) = (format!("new-{place}"), Some(100));
        night.products.push(new);
    }
}

fn replaced(night: &mut Night, _: &mut Dice) {
    let ids = night.products.iter().map(|product| product.id.clone()).collect::<Vec<_>>();
    let parts = night.pim.iter_mut().filter(|link| link.kind == "spare_part");
    for (link, place) in parts.zip(50..) {
        link.target.clone_from(&ids[place % ids.len()]);
    }
}

fn type_gone(night: &mut Night, _: &mut Dice) {
    let known = night.clone();
    night.pim.retain(|link| link.kind != "accessory" || !known.is_in(&link.source, "Toys"));
}

fn reordered(night: &mut Night, _: &mut Dice) {
    night.links().for_each(|link| link.position = 100 - link.position);
}

fn half_gone(night: &mut Night, _: &mut Dice) {
    let mut number = 0;
    night.products.retain(|_| {
        number += 1;
        number % 2 == 0
    });
}

fn in_cents(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.cents = one.cents.map(|cents| cents * 100));
}

fn another_shop(night: &mut Night, _: &mut Dice) {
    night.respell(|id| format!("b2b-{id}"));
}

fn market_gone(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.markets = "de");
}

fn one_target(night: &mut Night, _: &mut Dice) {
    let target = night.products[0].id.clone();
    night.links().for_each(|link| link.target.clone_from(&target));
}

fn capitals(night: &mut Night, _: &mut Dice) {
    night.respell(str::to_uppercase);
}

fn renumbered(night: &mut Night, _: &mut Dice) {
    night.respell(|id| id.replace("garden-", "garden-2026-"));
}

fn in_pence(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.uk_pence *= 100);
}

fn no_prices(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.cents = None);
}

fn sold_out(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.availability = "out_of_stock");
}

fn language(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| {
        one.category = one.category.replace("Toys", "Spielzeug");
    });
}

fn no_categories(night: &mut Night, _: &mut Dice) {
    night.products.iter_mut().for_each(|one| one.category.clear());
}

fn slipped(night: &mut Night, _: &mut Dice) {
    let targets = night.hand.iter().map(|link| link.target.clone()).collect::<Vec<_>>();
    let slipped = targets.iter().cycle().skip(3);
    night.hand.iter_mut().zip(slipped).for_each(|(link, target)| link.target.clone_from(target));
}

fn first_page(night: &mut Night, _: &mut Dice) {
    night.pim.truncate(500);
}

fn hidden(night: &mut Night, _: &mut Dice) {
    let toys = night.products.iter_mut().filter(|one| one.category.starts_with("Toys"));
    toys.for_each(|one| one.visibility = "hidden");
}

fn one_view(night: &mut Night, _: &mut Dice) {
    night.links().for_each(|link| link.markets = "uk");
}

fn misnamed(night: &mut Night, _: &mut Dice) {
    let accessories = night.links().filter(|link| link.kind == "accessory");
    accessories.for_each(|link| link.kind = "related");
}

/// A few products come, go, sell out and cost more; a few links are tended, and those of a sale that is
/// over are taken away.
fn usual(night: &mut Night, dice: &mut Dice) {
    night.products.retain(|_| dice.roll(30) != 0);
    for product in &mut night.products {
        if dice.roll(12) == 0 {
            product.availability = "out_of_stock";
        }
        if dice.roll(8) == 0 {
            product.cents = product.cents.map(|cents| cents * 11 / 10);
        }
    }
    for number in 0..5 {
        let mut new = night.products[number * 7].clone();
        new.id = format!("new-{number}");
        night.products.push(new);
    }
    let ids = night.products.iter().map(|product| product.id.clone()).collect::<Vec<_>>();
    for link in night.links() {
        if dice.roll(40) == 0 {
            link.target.clone_from(&ids[dice.roll(ids.len())]);
        }
    }
    night.pim.retain(|_| dice.roll(40) != 0);
    night.hand.retain(|link| link.valid_to.is_empty());
    (night.pins, night.bundles) = (12, 14);
}

#[test]
fn wrong_nights_are_refused_by_name_and_the_usual_one_passes() {
    let shop = Shop::in_memory();
    let good = Night::good();
    good.compile(&shop, &["--strict"]).succeeded();
    let live = shop.snapshot().id().to_owned();
    for (seed, (name, spoil, guard, place)) in (1..).zip(WRONG_NIGHTS) {
        let mut night = good.clone();
        spoil(&mut night, &mut Dice(seed));
        let run = night.compile(&shop, &[]).ended(3);
        let named = run.err.lines().any(|line| {
            let refused = line.trim_start().strip_prefix(guard);
            refused.is_some_and(|rest| rest.starts_with(": ") && rest.contains(place))
        });
        assert!(named, "{name}: expected {guard} {place:?} in\n{}", run.err);
        let advice = [format!("guard {guard}: "), format!("--allow {guard}")];
        run.complained(&advice.each_ref().map(String::as_str));
        assert_eq!((shop.snapshot().id(), shop.manifests()), (live.as_str(), 1), "{name}");
    }
    let mut night = good.clone();
    usual(&mut night, &mut Dice(21));
    let run = night.compile(&shop, &[]).succeeded();
    assert!(!run.err.contains("warning: allowed"), "{}", run.err);
    assert_ne!(shop.snapshot().id(), live);
    assert_eq!(shop.manifests(), 2);
}

#[test]
fn what_a_person_allows_passes_and_is_told_and_limits_are_the_shops_own() {
    let shop = Shop::in_memory();
    let good = Night::good();
    good.compile(&shop, &[]).succeeded();
    let mut night = good.clone();
    in_cents(&mut night, &mut Dice(1));
    // Another guard's word does not help.
    night.compile(&shop, &["--allow", "shrink", "--allow", "ids"]).ended(3);
    night.compile(&shop, &["--allow", "no-such-guard"]).ended(2);
    let run = night.compile(&shop, &["--allow", "prices"]).succeeded();
    run.complained(&["warning: allowed: prices: price at the median change"]);
    // Back again, by limits of the shop's own.
    let limits = shop.path("limits.toml");
    let catalog = ["--catalog", limits.to_str().unwrap()];
    write(&limits, format!("{CATALOG}[guards]\nprices = 0.999\n"));
    good.compile(&shop, &catalog).ended(3).complained(&["raise prices_group below [guards]"]);
    write(&limits, format!("{CATALOG}[guards]\nprices = 0.999\nprices_group = 1\n"));
    good.compile(&shop, &catalog).succeeded();
    write(&limits, format!("{CATALOG}[guards]\nprizes = 0.5\n"));
    good.compile(&shop, &catalog).ended(4).complained(&["limits.toml:10:1", "found `prizes`"]);
}

#[test]
fn overrides_that_are_suddenly_few_are_refused_on_both_ways_to_publish_them() {
    let shop = Shop::in_memory();
    let night = |pins: usize| Night { pins, ..Night::good() };
    night(30).compile(&shop, &[]).succeeded();
    let few = shop.path("few.csv");
    write(&few, pins(23));
    let publish = ["override", "publish", "--file", few.to_str().unwrap()];
    let told = ["overrides: overrides from 30 to 23", "guard overrides: ", "--allow overrides"];
    shop.kindred(&publish).ended(3).complained(&told);
    night(23).compile(&shop, &[]).ended(3).complained(&told);
    // A check asks the same.
    let (pim, hand) = (shop.path("tables"), shop.path("hand"));
    let from =
        [format!("pim:kindred={}", pim.display()), format!("hand:kindred={}", hand.display())];
    let run = shop.kindred(&["check", "--from", &from[0], "--from", &from[1]]).ended(3);
    assert!(run.out.contains("overrides: overrides from 30 to 23"), "{}", run.out);
    assert_eq!(shop.manifests(), 1);
    // A fifth may go, and a person may take away what she likes.
    night(24).compile(&shop, &[]).succeeded();
    write(&few, pins(2));
    shop.kindred(&[&publish[..], &["--allow", "overrides"]].concat()).succeeded();
    // So few that one more or less says nothing, but not all of them.
    write(&few, pins(0));
    shop.kindred(&publish).ended(3).complained(&["overrides: overrides from 2 to 0"]);
    write(&few, pins(1));
    shop.kindred(&publish).succeeded();
    write(&few, pins(0));
    shop.kindred(&publish).succeeded();
}

#[test]
fn a_shops_own_limit_of_overrides_counts_on_both_ways_to_publish_them() {
    let shop = Shop::in_memory();
    let night = |pins: usize| Night { pins, ..Night::good() };
    night(40).compile(&shop, &[]).succeeded();
    let limits = shop.path("limits.toml");
    write(&limits, format!("{CATALOG}[guards]\noverrides = 0.5\n"));
    let own = ["--catalog", limits.to_str().unwrap()];
    night(20).compile(&shop, &own).succeeded();
    night(9).compile(&shop, &own).ended(3).complained(&["from 20 to 9", "more than 50 %"]);
    // And where no tables are read.
    write(&limits, format!("{CATALOG}[guards]\noverrides = 0.1\n"));
    let file = shop.path("own.csv");
    let publish = ["override", "publish", "--file", file.to_str().unwrap()];
    write(&file, pins(17));
    let refused = shop.kindred(&[&publish[..], &own].concat()).ended(3);
    refused.complained(&["overrides from 20 to 17", "more than 10 %"]);
    shop.kindred(&publish).succeeded();
}

#[test]
fn what_waited_behind_a_hold_is_held_against_what_is_live() {
    let shop = Shop::in_memory();
    let good = Night::good();
    let night = |share: usize, pins: usize| {
        let mut night = Night { pins, ..good.clone() };
        let mut number = 0;
        night.pim.retain(|_| {
            number += 1;
            number % 100 < share
        });
        night
    };
    good.compile(&shop, &[]).succeeded();
    let live = shop.snapshot().id().to_owned();
    shop.kindred(&["hold"]).succeeded();
    // Each a little less than the one before, and no guard sees more than that.
    night(85, 15).compile(&shop, &[]).succeeded();
    night(70, 4).compile(&shop, &[]).succeeded();
    let told = ["the publish was refused", "shrink: relations of type accessory from 360 to "];
    shop.kindred(&["release"]).ended(3).complained(&told);
    assert_eq!((shop.snapshot().id(), shop.manifests()), (live.as_str(), 4));
    // Limits of the shop's own, or a person's word.
    let limits = shop.path("limits.toml");
    write(&limits, format!("{CATALOG}[guards]\noverrides = 0.5\ngroup_min = 10\n"));
    let own = ["release", "--allow", "shrink", "--catalog", limits.to_str().unwrap()];
    shop.kindred(&own).ended(3).complained(&["overrides: overrides from 15 to 4"]);
    let run = shop.kindred(&["release", "--allow", "shrink"]).succeeded();
    run.complained(&["warning: allowed: shrink: "]);
    assert_ne!(shop.snapshot().id(), live);
    // The way back is no publish: it leads to what was live, whatever that loses.
    shop.kindred(&["rollback", "--reason", "too few"]).succeeded();
    assert_eq!(shop.snapshot().id(), live);
    shop.kindred(&["rollback", "--to", "4"]).succeeded();
}
