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
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    index::{
        Catalog, CatalogDraft, CatalogWriter, Ordinal, ProductDraft, ProductTable, RunDraft, View,
        layout::{Edge, META_ORIGIN_SHIFT, META_SCORED, NONE, RareRecord},
        meta::{CatalogMeta, CategoryMeta, MarketMeta, TypeMeta},
    },
    model::{
        id::IdRule,
        record::Visibility,
        relation::{Availability, Origin, RelationType, STANDARD_TYPES},
    },
};

/// A shop as plain data: what the catalog is written from and what the reference reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shop {
    pub(crate) rule: IdRule,
    pub(crate) products: BTreeMap<String, Product>,
    /// Other ids and their products.
    pub(crate) aliases: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    pub(crate) parent: Option<String>,
    pub(crate) hidden: bool,
    pub(crate) availability: Option<Availability>,
    pub(crate) title: String,
    pub(crate) price: Option<i64>,
    pub(crate) brand: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) eco_grade: u8,
    /// Best first.
    pub(crate) lists: BTreeMap<RelationType, Vec<Link>>,
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
    pub(crate) valid_to_s: i64,
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
            if verb == "=" {
                shop.aliases.insert(subject.to_owned(), object.to_owned());
                continue;
            }
            let links = type_of(verb).map(|_| object.split(',').map(Link::parse));
            let links = links.into_iter().flatten().collect::<Vec<_>>();
            let named = links.iter().map(|link| &*link.target).chain([subject]);
            for id in named.chain((verb == "<").then_some(object)) {
                shop.products.entry(id.to_owned()).or_default();
            }
            let product = shop.products.get_mut(subject).unwrap();
            match verb {
                "" => {}
                "hidden" => product.hidden = true,
                "withdrawn" => product.availability = Some(Availability::Discontinued),
                "<" => product.parent = Some(object.to_owned()),
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
                market_prices: &[],
                bundles: &[],
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
        let (origin, valid_to_s) = (Origin::Imported, i64::MAX);
        Self { target, score, given: false, origin, quantity: 0.0, valid_to_s }
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
        let meta = given | (self.origin as u16) << META_ORIGIN_SHIFT;
        let target = rows.ordinal(&self.target).into();
        let rare = RareRecord {
            quantity: self.quantity.into(),
            valid_to_s: self.valid_to_s.into(),
            ..RareRecord::nothing()
        };
        let edge = Edge { target, score: self.score.into(), meta: meta.into() };
        (edge, Some(rare).filter(|rare| !rare.is_nothing()))
    }
}

/// The products in the order of their ordinals, and the words they share.
struct Rows<'a> {
    products: Vec<(&'a str, &'a Product)>,
    brands: Vec<&'a str>,
    categories: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    fn new(shop: &'a Shop) -> Self {
        let products = shop.products.iter().map(|(id, product)| (&**id, product));
        let mut products = products.collect::<Vec<_>>();
        products.sort_by(|left, right| shop.rule.order(left.0.as_bytes(), right.0.as_bytes()));
        let words = |word: fn(&Product) -> Option<&str>| {
            let words = products.iter().filter_map(|(_, product)| word(product));
            words.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let brands = words(|product| product.brand.as_deref());
        let categories = words(|product| product.category.as_deref());
        Self { products, brands, categories }
    }

    fn ordinal(&self, id: &str) -> u32 {
        place(self.products.iter().map(|(id, _)| *id), id)
    }

    /// The standard types and those from 100 to 139, one market.
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
        let category = |(index, id): (u32, &&str)| CategoryMeta {
            id: (*id).to_owned(),
            parent: NONE,
            end: index + 1,
        };
        CatalogMeta {
            relation_types: types.chain(own_types).collect(),
            markets: vec![MarketMeta {
                id: "eu".to_owned(),
                currency: "EUR".to_owned(),
                default_inventory: 0,
                product_count: 0,
            }],
            inventories: vec!["main".to_owned()],
            brands: self.brands.iter().map(|brand| (*brand).to_owned()).collect(),
            categories: (0..).zip(&self.categories).map(category).collect(),
            ..CatalogMeta::default()
        }
    }
}

impl ProductTable for Rows<'_> {
    fn count(&self) -> u32 {
        u32::try_from(self.products.len()).unwrap()
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        let (id, product) = self.products[ordinal as usize];
        let index = |all: &[&str], word: &Option<String>| {
            word.as_deref().map(|word| place(all.iter().copied(), word))
        };
        ProductDraft {
            id,
            title: &product.title,
            parent: product.parent.as_ref().map(|parent| self.ordinal(parent)),
            visibility: if product.hidden { Visibility::Hidden } else { Visibility::Visible },
            eco_grade: product.eco_grade,
            availability: product.availability.map_or(0, |state| state as u8),
            price: product.price,
            assortment: 1,
            brand: index(&self.brands, &product.brand),
            category: index(&self.categories, &product.category),
            ..ProductDraft::default()
        }
    }
}

fn place<'a>(mut all: impl Iterator<Item = &'a str>, word: &str) -> u32 {
    u32::try_from(all.position(|one| one == word).expect(word)).unwrap()
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
