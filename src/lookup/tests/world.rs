//! Policies, overrides and stock in text form, one statement a line of the shop's text.
//!
//! ```text
//! ! remove a cross_sell b           an override: action, source, type (* for none), target
//! ! add a cross_sell z @1 x2        at a position, in a quantity
//! ! pin a * z @2 from=3 until=9 in=us
//! ! hide * * z                      everywhere
//! ? boost 1500 brands=acme          a rule and its factor in thousandths; also bury, hide
//! ? pin 2 products=z,y              a rule and its position
//! ? hide tags=x categories=A/B placements=p stages=checkout markets=us seeds=a
//! ?      seed_categories=A from=3 until=9
//! $ x out_of_stock                  a reading of every inventory
//! $ x out_of_stock @store           of one
//! $ x 120 @us                       a price
//! $ x blocked until=9 in=us         a block
//! ```

use super::shop::{Shop, market_mask, ordinal, type_of};
use crate::{
    index::{Catalog, Ordinal, View},
    lookup::Scene,
    model::relation::{Availability, Stage, StageMask},
    policy::{
        Override, OverrideAction, Overrides, Placement, Policy, Rule, RuleAction, RuleMatch,
        RuleWhen, SlotPolicy, Window,
    },
    stock::{BlockedProducts, ProductBlock, StockView},
};

/// A shop with everything that lookups read.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) stock: StockView,
}

impl World {
    pub(crate) fn parse(text: &str) -> Self {
        Self::of(&Shop::parse(text), &[], &[])
    }

    /// A shop with placements and stage policies beside what its text says.
    pub(crate) fn of(
        shop: &Shop,
        placements: &[(&str, SlotPolicy)],
        stages: &[(Stage, SlotPolicy)],
    ) -> Self {
        let catalog = shop.catalog();
        let view = catalog.view();
        let (mut overrides, mut rules) = (Vec::new(), Vec::new());
        let (mut stock, mut blocks) = (StockView::empty(), BlockedProducts::default());
        for (line, order) in (1..).zip(&shop.orders) {
            let (mark, order) = order.split_once(' ').unwrap();
            match mark {
                "!" => overrides.push(parse_override(&view, order, line)),
                "?" => rules.push(parse_rule(&view, order)),
                _ => parse_stock(&view, order, &mut stock, &mut blocks),
            }
        }
        stock.set_blocks(blocks, 0);
        let placements = placements
            .iter()
            .map(|(id, slot)| Placement::new((*id).to_owned(), slot.clone(), [const { None }; 5]));
        let staged = Stage::ALL.map(|stage| {
            let found = stages.iter().find(|(of, _)| *of == stage);
            found.map(|(_, slot)| slot.clone())
        });
        let overrides = Overrides::new(overrides);
        let policy = Policy::new(placements.collect(), staged, rules, overrides);
        Self { catalog, policy, stock }
    }

    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene { view: self.catalog.view(), policy: &self.policy, stock: &self.stock }
    }
}

/// `key=value` and other words.
struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    fn value(&self, key: &str) -> Option<&'a str> {
        let mut values = self.0.iter().filter_map(|word| word.split_once('='));
        values.find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    fn after(&self, mark: char) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(mark))
    }

    fn window(&self) -> Window {
        let edge = |key| self.value(key).map(|edge| edge.parse().unwrap());
        let (from_s, to_s) = (edge("from"), edge("until"));
        Window { from_s: from_s.unwrap_or(i64::MIN), to_s: to_s.unwrap_or(i64::MAX) }
    }

    fn numbers(&self, key: &str, number: impl Fn(&str) -> u32) -> Option<Vec<u32>> {
        let mut numbers = self.value(key)?.split(',').map(number).collect::<Vec<_>>();
        if key != "products" {
            numbers.sort_unstable();
        }
        Some(numbers)
    }
}

fn parse_override(view: &View<'_>, order: &str, line: u32) -> (Option<u32>, Override) {
    let words = order.split_whitespace().collect::<Vec<_>>();
    let [action, source, relation_type, target, rest @ ..] = words.as_slice() else {
        panic!("{order}")
    };
    let rest = Words(rest.to_vec());
    let position = rest.after('@').map(|position| position.parse().unwrap());
    let quantity = rest.after('x').map_or(0.0, |quantity| quantity.parse().unwrap());
    let action = match *action {
        "add" => OverrideAction::Add { position, quantity },
        "remove" => OverrideAction::Remove,
        "reorder" => OverrideAction::Reorder { position: position.unwrap() },
        "pin" => OverrideAction::Pin { position: position.unwrap() },
        _ => OverrideAction::Hide,
    };
    let row = Override {
        relation_type: type_of(relation_type),
        target: ordinal(view, target).0,
        action,
        markets: rest.value("in").map_or(0, market_mask),
        window: rest.window(),
        line,
        author: "tester".into(),
        reason: "test".into(),
    };
    (view.find(source).map(|source| source.0), row)
}

fn parse_rule(view: &View<'_>, order: &str) -> Rule {
    let words = Words(order.split_whitespace().collect());
    let number = words.0.get(1).and_then(|number| number.parse::<u16>().ok()).unwrap_or(0);
    let product = |id: &str| ordinal(view, id).0;
    let category = |id: &str| view.category(id).expect(id);
    let products = words.numbers("products", product);
    let action = match words.0[0] {
        "boost" => RuleAction::Boost(number),
        "bury" => RuleAction::Bury(number),
        "pin" => {
            RuleAction::Pin { position: u32::from(number), products: products.clone().unwrap() }
        }
        _ => RuleAction::Hide,
    };
    let sorted = |mut products: Vec<u32>| {
        products.sort_unstable();
        products
    };
    let tags = words.numbers("tags", |tag| view.tag(tag).unwrap());
    let stages = words.value("stages").unwrap_or_default();
    let placements = words.value("placements").map(|ids| ids.split(',').map(str::to_owned));
    Rule {
        id: order.to_owned(),
        action,
        matches: RuleMatch {
            products: products.map(sorted),
            brands: words.numbers("brands", |name| view.brand(name).expect(name)),
            categories: words.numbers("categories", category),
            tags: tags.map(|bits| bits.iter().fold(0, |mask, bit| mask | 1 << bit)),
        },
        when: RuleWhen {
            placements: placements.map(Iterator::collect).unwrap_or_default(),
            stages: stages
                .split('+')
                .filter_map(Stage::from_code)
                .fold(StageMask::EVERY, StageMask::with),
            markets: words.value("markets").map_or(0, market_mask),
            seeds: words.numbers("seeds", product).unwrap_or_default(),
            seed_categories: words.numbers("seed_categories", category).unwrap_or_default(),
        },
        window: words.window(),
    }
}

fn parse_stock(view: &View<'_>, order: &str, stock: &mut StockView, blocks: &mut BlockedProducts) {
    let words = order.split_whitespace().collect::<Vec<_>>();
    let [id, what, rest @ ..] = words.as_slice() else { panic!("{order}") };
    let (product, rest) = (ordinal(view, id), Words(rest.to_vec()));
    if *what == "blocked" {
        let markets = rest.value("in").map_or(u64::MAX, market_mask);
        let block = ProductBlock { markets, expire_s: rest.window().to_s };
        // As the writer of views does it: variants are blocked with their parent.
        for one in view.ordinals() {
            if std::iter::successors(Some(one), |at| view.parent(*at)).any(|at| at == product) {
                blocks.add(Ordinal(one.0), block);
            }
        }
    } else if let Some(state) = Availability::from_code(what) {
        let inventory = rest.after('@').map(|id| view.inventory(id).unwrap());
        stock.set_reading(product, inventory, Some(state));
    } else if let Some(count) = what.strip_prefix('x') {
        let inventory = rest.after('@').map(|id| view.inventory(id).unwrap());
        stock.set_quantity(product, inventory, Some(count.parse().unwrap()));
    } else {
        let market = rest.after('@').map_or(0, |id| view.market(id).unwrap());
        stock.set_price(product, market, Some(what.parse().unwrap()));
    }
}
