//! A catalog in text form: a product a line, with what a snapshot knows of it.
//!
//! ```text
//! a state=5 price=100 read=7     sold out, 1.00 EUR, read 7 s after 1970
//! v parent=a alias=old           v is a variant of a, old is another id of v
//! b us=250@9                     2.50 USD in the market us, read at 9 s
//! ```
//!
//! Markets: `eu` in euros (the default one), `us` in dollars. Inventories: `main` (of eu), `east`
//! (of us), `west`.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    index::{
        Catalog, CatalogDraft, CatalogWriter, MarketPriceDraft, Ordinal, ProductDraft,
        ProductTable,
        meta::{CatalogMeta, MarketMeta},
    },
    model::id::IdRule,
};

pub(super) const INVENTORIES: [&str; 3] = ["main", "east", "west"];
pub(super) const MARKETS: [(&str, &str, u32); 2] = [("eu", "EUR", 0), ("us", "USD", 1)];

#[derive(Clone, Debug, Default)]
pub(super) struct Shop {
    pub(super) rule: IdRule,
    /// By id, in the order of the rule once it is written.
    pub(super) products: Vec<Product>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Product {
    pub(super) id: String,
    pub(super) state: u8,
    pub(super) price: Option<i64>,
    pub(super) read_s: u32,
    pub(super) parent: Option<String>,
    pub(super) aliases: Vec<String>,
    /// Price in `us` and when it was read.
    pub(super) us: Option<(i64, u32)>,
}

pub(super) fn shop(text: &str) -> Shop {
    shop_with(IdRule::Exact, text)
}

pub(super) fn shop_with(rule: IdRule, text: &str) -> Shop {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut products = lines.map(Product::parse).collect::<Vec<_>>();
    products.sort_by(|left, right| rule.order(left.id.as_bytes(), right.id.as_bytes()));
    Shop { rule, products }
}

impl Product {
    fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut product = Self { id: words.next().unwrap().to_owned(), ..Self::default() };
        for word in words {
            let (name, value) = word.split_once('=').unwrap();
            match name {
                "state" => product.state = value.parse().unwrap(),
                "price" => product.price = Some(value.parse().unwrap()),
                "read" => product.read_s = value.parse().unwrap(),
                "parent" => product.parent = Some(value.to_owned()),
                "alias" => product.aliases.push(value.to_owned()),
                "us" => {
                    let (price, read_s) = value.split_once('@').unwrap();
                    product.us = Some((price.parse().unwrap(), read_s.parse().unwrap()));
                }
                other => panic!("{other}"),
            }
        }
        product
    }
}

impl Shop {
    /// Writes the catalog and opens it as a server would.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        let mut writer = CatalogWriter::new(file.reopen().unwrap(), &path, Vec::new()).unwrap();
        for _ in &self.products {
            writer.block(&[]).unwrap();
        }
        let mut aliases = Vec::new();
        let mut market_prices = Vec::new();
        for (product, row) in (0..).zip(&self.products) {
            aliases.extend(row.aliases.iter().map(|alias| (alias.as_str(), product)));
            let us = row.us.map(|(price, read_at_s)| MarketPriceDraft {
                product,
                market: 1,
                price,
                read_at_s,
            });
            market_prices.extend(us);
        }
        aliases.sort_by(|left, right| self.rule.order(left.0.as_bytes(), right.0.as_bytes()));
        let market = |(id, currency, default_inventory): (&str, &str, u32)| MarketMeta {
            id: id.to_owned(),
            currency: currency.to_owned(),
            default_inventory,
            product_count: 0,
        };
        let draft = CatalogDraft {
            id_rule: self.rule,
            products: self,
            aliases: &aliases,
            market_prices: &market_prices,
            bundles: &[],
            meta: CatalogMeta {
                markets: MARKETS.into_iter().map(market).collect(),
                inventories: INVENTORIES.map(str::to_owned).to_vec(),
                ..CatalogMeta::default()
            },
        };
        writer.finish(draft).unwrap();
        // The file goes with its name; the map keeps the bytes.
        Arc::new(Catalog::open(file.path(), None).unwrap())
    }

    /// The product of an id or alias.
    pub(super) fn find(&self, id: &str) -> Option<&Product> {
        let same = |other: &str| self.rule.same(other.as_bytes(), id.as_bytes());
        self.products
            .iter()
            .find(|product| same(&product.id) || product.aliases.iter().any(|alias| same(alias)))
    }
}

impl ProductTable for Shop {
    fn count(&self) -> u32 {
        u32::try_from(self.products.len()).unwrap()
    }

    fn id(&self, ordinal: u32) -> &str {
        &self.products[ordinal as usize].id
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let product = &self.products[ordinal as usize];
        let place = |parent: &String| self.products.iter().position(|other| other.id == *parent);
        ProductDraft {
            parent: product.parent.as_ref().map(|id| u32::try_from(place(id).unwrap()).unwrap()),
            availability: product.state,
            price: product.price,
            assortment: 3,
            read_at_s: product.read_s,
            ..ProductDraft::default()
        }
    }
}

/// Where the views of a catalog keep a product.
pub(super) fn ordinal(catalog: &Catalog, id: &str) -> Ordinal {
    catalog.view().find(id).unwrap()
}

/// Every id and alias with its product's place.
pub(super) fn places(shop: &Shop) -> BTreeMap<String, Ordinal> {
    let mut places = BTreeMap::new();
    for (ordinal, product) in (0..).map(Ordinal).zip(&shop.products) {
        let ids = product.aliases.iter().chain([&product.id]);
        places.extend(ids.map(|id| (id.clone(), ordinal)));
    }
    places
}
