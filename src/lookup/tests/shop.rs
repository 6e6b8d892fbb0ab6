//! A shop in text form, and the catalog blob of it.
//!
//! One statement a line; every id that is named is a product.
//!
//! ```text
//! h hidden                                  not visible on its own
//! w withdrawn                               withdrawn for good
//! v < p                                     v is a variant of p
//! old = a                                   old is another id of a
//! a cross_sell b 90 given, c 80 x2 until=7  best first; scores in 1/65535
//! a cross_sell b 90 from=3 in=us at=checkout+discovery
//! a price 1000                              also: price.us, brand, category (path), also (further
//!                                           categories), tags, eco, popularity, state, sold (markets)
//! k holds b 1 required default, c 2; d 1   a bundle: options, each with its selections
//! ! hide * b                                an override, ? boost 1500 brands=acme a rule,
//! $ x out_of_stock                          a reading or block: see `world`
//! ```
//!
//! Two markets, `eu` (the default) and `us`, both of the inventory `main`; another one is `store`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    index::{
        BundleDraft, Catalog, CatalogDraft, CatalogWriter, MarketPriceDraft, OptionDraft, Ordinal,
        ProductDraft, ProductTable, RunDraft, SelectionDraft, View,
        layout::{Edge, META_MARKETS, META_ORIGIN_SHIFT, META_SCORED, NONE, RareRecord},
        meta::{CatalogMeta, CategoryMeta, MarketMeta, TypeMeta},
    },
    model::{
        id::IdRule,
        record::Visibility,
        relation::{Availability, Origin, RelationType, STANDARD_TYPES, Stage, StageMask},
    },
};

/// A shop as plain data: what the catalog is written from and what the reference reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    pub(crate) rule: IdRule,
    pub(crate) products: BTreeMap<String, Product>,
    /// Other ids and their products.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Lines about policy, overrides and stock: `world` reads them.
    pub(crate) orders: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    pub(crate) parent: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) availability: Option<Availability>,
    pub(crate) title: String,
    pub(crate) price: Option<i64>,
    pub(crate) price_us: Option<i64>,
    pub(crate) brand: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) eco_grade: u8,
    /// Beside the primary one.
    pub(crate) also: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) popularity: Option<f64>,
    /// Markets that do not sell it, bit by bit.
    pub(crate) unsold: u64,
    /// Options of the bundle that it is, each with its name, and whether one must be taken.
    pub(crate) options: Vec<(bool, Vec<Part>)>,
    /// Best first.
    pub(crate) lists: BTreeMap<RelationType, Vec<Link>>,
}

/// A selection of an option of a bundle.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) product: String,
    pub(crate) quantity: f64,
    pub(crate) is_default: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) target: String,
    pub(crate) score: u16,
    /// The source gave the score.
    pub(crate) given: bool,
    pub(crate) origin: Origin,
    /// 0 not said.
    pub(crate) quantity: f64,
    pub(crate) valid_from_s: i64,
    pub(crate) valid_to_s: i64,
    pub(crate) stages: StageMask,
    /// Bit by bit; 0 every one.
    pub(crate) markets: u64,
}

impl Shop {
    pub(crate) fn parse(text: &str) -> Self {
        Self::parse_with(IdRule::Exact, text)
    }

    pub(crate) fn parse_with(rule: IdRule, text: &str) -> Self {
        let mut shop = Self { rule, ..Self::default() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (subject, rest) = line.split_once(' ').unwrap_or((line, ""));
            let (verb, object) = rest.split_once(' ').unwrap_or((rest, ""));
            if matches!(subject, "!" | "?" | "$") {
                shop.orders.push(line.to_owned());
                continue;
            }
            if verb == "=" {
                shop.aliases.insert(subject.to_owned(), object.to_owned());
                continue;
            }
            let links = type_of(verb).map(|_| object.split(',').map(Link::parse));
            let links = links.into_iter().flatten().collect::<Vec<_>>();
            let options = if verb == "holds" { options(object) } else { Vec::new() };
            let parts =
                options.iter().flat_map(|(_, parts)| parts.iter().map(|part| &*part.product));
            let named = links.iter().map(|link| &*link.target).chain([subject]).chain(parts);
            for id in named.chain((verb == "<").then_some(object)) {
                shop.products.entry(id.to_owned()).or_default();
            }
            let product = shop.products.get_mut(subject).unwrap();
            match verb {
                "" => {}
                "hidden" => product.hidden = true,
                "withdrawn" => product.availability = Some(Availability::Discontinued),
                "<" => product.parent = Some(object.to_owned()),
                "holds" => product.options = options,
                "price" => product.price = Some(object.parse().unwrap()),
                "price.us" => product.price_us = Some(object.parse().unwrap()),
                "brand" => product.brand = Some(object.to_owned()),
                "category" => product.category = Some(object.to_owned()),
                "also" => product.also = words(object),
                "tags" => product.tags = words(object),
                "eco" => product.eco_grade = object.parse().unwrap(),
                "popularity" => product.popularity = Some(object.parse().unwrap()),
                "state" => product.availability = Some(Availability::from_code(object).unwrap()),
                "sold" => product.unsold = !market_mask(object),
                code => drop(product.lists.insert(type_of(code).expect(line), links)),
            }
        }
        shop
    }

    /// Writes the catalog blob and opens it as a server would.
    pub(crate) fn catalog(&self) -> Catalog {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reverse = STANDARD_TYPES.iter().filter(|declared| declared.reverse);
        let reverse = reverse.map(|declared| declared.relation_type.number()).collect();
        let path = file.path().to_owned();
        let mut writer = CatalogWriter::new(file.reopen().unwrap(), &path, reverse).unwrap();
        let rows = Rows::new(self);
        for (_, product) in &rows.products {
            let run = |(relation_type, links): (&RelationType, &Vec<Link>)| RunDraft {
                relation_type: relation_type.number(),
                edges: links.iter().map(|link| link.edge(&rows)).collect(),
            };
            writer.block(&product.lists.iter().map(run).collect::<Vec<_>>()).unwrap();
        }
        let aliases = self.aliases.iter().map(|(alias, id)| (&**alias, rows.ordinal(id)));
        let mut aliases = aliases.collect::<Vec<_>>();
        aliases.sort_by(|left, right| self.rule.order(left.0.as_bytes(), right.0.as_bytes()));
        writer
            .finish(CatalogDraft {
                id_rule: self.rule,
                products: &rows,
                aliases: &aliases,
                market_prices: &rows.market_prices(),
                bundles: &rows.bundles(),
                meta: rows.meta(),
            })
            .unwrap();
        // The file goes with its name; the map keeps the bytes.
        Catalog::open(file.path(), None).unwrap()
    }
}

impl Link {
    pub(crate) fn new(target: &str, score: u16) -> Self {
        let target = target.to_owned();
        Self {
            target,
            score,
            given: false,
            origin: Origin::Imported,
            quantity: 0.0,
            valid_from_s: i64::MIN,
            valid_to_s: i64::MAX,
            stages: StageMask::EVERY,
            markets: 0,
        }
    }

    /// Reads `b 90 given x2 until=7 curated`.
    fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let target = words.next().unwrap();
        let mut link = Self::new(target, words.next().unwrap().parse().unwrap());
        for word in words {
            if let Some(quantity) = word.strip_prefix('x') {
                link.quantity = quantity.parse().unwrap();
            } else if let Some(valid_to_s) = word.strip_prefix("until=") {
                link.valid_to_s = valid_to_s.parse().unwrap();
            } else if let Some(valid_from_s) = word.strip_prefix("from=") {
                link.valid_from_s = valid_from_s.parse().unwrap();
            } else if let Some(markets) = word.strip_prefix("in=") {
                link.markets = market_mask(markets);
            } else if let Some(stages) = word.strip_prefix("at=") {
                let stages = stages.split('+').map(|code| Stage::from_code(code).unwrap());
                link.stages = stages.fold(StageMask::EVERY, StageMask::with);
            } else if let Some(origin) = Origin::from_code(word) {
                link.origin = origin;
            } else {
                assert_eq!(word, "given");
                link.given = true;
            }
        }
        link
    }

    fn edge(&self, rows: &Rows<'_>) -> (Edge, Option<RareRecord>) {
        let given = if self.given { META_SCORED } else { 0 };
        let limited = if self.markets == 0 { 0 } else { META_MARKETS };
        let meta = given
            | limited
            | (self.origin as u16) << META_ORIGIN_SHIFT
            | u16::from(self.stages.bits());
        let target = rows.ordinal(&self.target).into();
        let rare = RareRecord {
            quantity: self.quantity.into(),
            valid_from_s: self.valid_from_s.into(),
            valid_to_s: self.valid_to_s.into(),
            markets: self.markets.into(),
        };
        let edge = Edge { target, score: self.score.into(), meta: meta.into() };
        (edge, Some(rare).filter(|rare| !rare.is_nothing()))
    }
}

/// The products in the order of their ordinals, and the words they share.
struct Rows<'a> {
    products: Vec<(&'a str, &'a Product)>,
    brands: Vec<&'a str>,
    /// With those above them, in pre-order.
    categories: Vec<Vec<&'a str>>,
    tags: Vec<&'a str>,
    /// Further categories by ordinal.
    also: Vec<Vec<u32>>,
}

impl<'a> Rows<'a> {
    fn new(shop: &'a Shop) -> Self {
        let products = shop.products.iter().map(|(id, product)| (&**id, product));
        let mut products = products.collect::<Vec<_>>();
        products.sort_by(|left, right| shop.rule.order(left.0.as_bytes(), right.0.as_bytes()));
        let all = || products.iter().map(|(_, product)| *product);
        let brands = all().filter_map(|product| product.brand.as_deref());
        let brands = brands.collect::<BTreeSet<_>>().into_iter().collect();
        let tags = all().flat_map(|product| product.tags.iter().map(String::as_str));
        let tags = tags.collect::<BTreeSet<_>>().into_iter().collect();
        let paths = all().flat_map(|product| product.category.iter().chain(&product.also));
        let levels = paths.map(|path| path.split('/').collect::<Vec<_>>());
        let prefixes = levels.flat_map(|levels| {
            (1..=levels.len()).map(move |depth| levels[..depth].to_vec()).collect::<Vec<_>>()
        });
        let categories = prefixes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let mut rows = Self { products: Vec::new(), brands, categories, tags, also: Vec::new() };
        let also = all().map(|product| {
            let mut also = product.also.iter().map(|path| rows.category(path)).collect::<Vec<_>>();
            also.sort_unstable();
            also
        });
        rows.also = also.collect();
        rows.products = products;
        rows
    }

    fn ordinal(&self, id: &str) -> u32 {
        place(self.products.iter().map(|(id, _)| *id), id)
    }

    fn category(&self, path: &str) -> u32 {
        let levels = path.split('/').collect::<Vec<_>>();
        let found = self.categories.iter().position(|one| *one == levels);
        u32::try_from(found.expect(path)).unwrap()
    }

    fn bundles(&self) -> Vec<BundleDraft> {
        let selection = |part: &Part| SelectionDraft {
            product: self.ordinal(&part.product),
            quantity: part.quantity,
            is_default: part.is_default,
        };
        let option = |(name, (required, parts)): (usize, &(bool, Vec<Part>))| OptionDraft {
            name: name.to_string(),
            required: *required,
            min_selections: 0,
            max_selections: 1,
            selections: parts.iter().map(selection).collect(),
        };
        let all = (0..).zip(&self.products).filter(|(_, (_, known))| !known.options.is_empty());
        let bundles = all.map(|(product, (_, known))| BundleDraft {
            product,
            options: known.options.iter().enumerate().map(option).collect(),
        });
        bundles.collect()
    }

    fn market_prices(&self) -> Vec<MarketPriceDraft> {
        let priced = (0..).zip(&self.products);
        let prices = priced.filter_map(|(product, (_, known))| {
            let price = known.price_us?;
            Some(MarketPriceDraft { product, market: 1, price, read_at_s: 0 })
        });
        prices.collect()
    }

    /// The standard types and those from 100 to 139, two markets.
    fn meta(&self) -> CatalogMeta {
        let types = STANDARD_TYPES.iter().map(|declared| TypeMeta {
            number: declared.relation_type.number(),
            code: declared.code.to_owned(),
            display_name: declared.display_name.to_owned(),
            two_way: 0,
            reverse: u8::from(declared.reverse),
            relation_count: 0,
        });
        let own_types = (100..140).map(|number| TypeMeta {
            number,
            code: format!("own_{number}"),
            display_name: format!("Own {number}"),
            two_way: 1,
            reverse: 0,
            relation_count: 0,
        });
        let category = |(index, levels): (usize, &Vec<&str>)| {
            let (_, above) = levels.split_last().unwrap();
            let below = self.categories[index..].iter().take_while(|one| one.starts_with(levels));
            CategoryMeta {
                id: levels.join("/"),
                parent: if above.is_empty() { NONE } else { self.category(&above.join("/")) },
                end: u32::try_from(index + below.count()).unwrap(),
            }
        };
        let market = |id: &str, currency: &str| MarketMeta {
            id: id.to_owned(),
            currency: currency.to_owned(),
            default_inventory: 0,
            product_count: 0,
        };
        CatalogMeta {
            relation_types: types.chain(own_types).collect(),
            markets: vec![market("eu", "EUR"), market("us", "USD")],
            inventories: vec!["main".to_owned(), "store".to_owned()],
            tags: self.tags.iter().map(|tag| (*tag).to_owned()).collect(),
            brands: self.brands.iter().map(|brand| (*brand).to_owned()).collect(),
            categories: self.categories.iter().enumerate().map(category).collect(),
            ..CatalogMeta::default()
        }
    }
}

impl ProductTable for Rows<'_> {
    fn count(&self) -> u32 {
        u32::try_from(self.products.len()).unwrap()
    }

    fn id(&self, ordinal: u32) -> &str {
        self.products[ordinal as usize].0
    }

    fn title(&self, ordinal: u32) -> &str {
        &self.products[ordinal as usize].1.title
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let (_, product) = self.products[ordinal as usize];
        let index = |all: &[&str], word: &Option<String>| {
            word.as_deref().map(|word| place(all.iter().copied(), word))
        };
        ProductDraft {
            parent: product.parent.as_ref().map(|parent| self.ordinal(parent)),
            visibility: if product.hidden { Visibility::Hidden } else { Visibility::Visible },
            eco_grade: product.eco_grade,
            availability: product.availability.map_or(0, |state| state as u8),
            price: product.price,
            assortment: 0b11 & !product.unsold,
            brand: index(&self.brands, &product.brand),
            category: product.category.as_deref().map(|path| self.category(path)),
            extra_categories: &self.also[ordinal as usize],
            popularity: product.popularity,
            tags: mask(product.tags.iter().map(|tag| place(self.tags.iter().copied(), tag))),
            ..ProductDraft::default()
        }
    }
}

fn place<'a>(mut all: impl Iterator<Item = &'a str>, word: &str) -> u32 {
    u32::try_from(all.position(|one| one == word).expect(word)).unwrap()
}

/// Reads `b 1 required default, c 2; d 1`.
fn options(text: &str) -> Vec<(bool, Vec<Part>)> {
    let part = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>();
        Part {
            product: words[0].to_owned(),
            quantity: words[1].parse().unwrap(),
            is_default: words.contains(&"default"),
        }
    };
    let option = |text: &str| (text.contains("required"), text.split(',').map(part).collect());
    text.split(';').map(option).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn mask(bits: impl Iterator<Item = u32>) -> u64 {
    bits.fold(0, |mask, bit| mask | 1 << bit)
}

/// The bits of `eu`, `us` or `eu+us`.
pub(crate) fn market_mask(text: &str) -> u64 {
    mask(text.split(['+', ' ']).map(|id| place(["eu", "us"].into_iter(), id)))
}

/// A standard type by its code.
pub(crate) fn type_of(code: &str) -> Option<RelationType> {
    let declared = STANDARD_TYPES.iter().find(|declared| declared.code == code);
    declared.map(|declared| declared.relation_type)
}

/// The product of this id.
pub(crate) fn ordinal(view: &View<'_>, id: &str) -> Ordinal {
    view.find(id).expect(id)
}
