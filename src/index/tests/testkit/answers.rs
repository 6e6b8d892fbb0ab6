//! Everything that can be read of a catalog, as plain data that compares.

use rkyv::rancor::Error;
use zerocopy::IntoBytes as _;

use super::{Link, Model, Product};
use crate::{
    index::{
        Ordinal, Relation, View,
        layout::{
            Edge, FLAG_EXTRA_CATEGORIES, FLAG_HIDDEN, FLAG_MARKET_PRICES, FLAG_PARENT, META_RARE,
            NO_PRICE, NONE, RareRecord,
        },
        meta::CatalogMeta,
    },
    model::{id::IdRule, limits::POPULAR_MAX, relation::RelationType},
};

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Answers {
    pub(in super::super) meta: CatalogMeta,
    pub(in super::super) products: Vec<ProductAnswer>,
    pub(in super::super) aliases: Vec<(String, u32)>,
    pub(in super::super) bundles: Vec<BundleAnswer>,
    /// Of each category, then of the whole catalog.
    pub(in super::super) popular: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct ProductAnswer {
    pub(in super::super) id: String,
    pub(in super::super) title: String,
    pub(in super::super) parent: Option<u32>,
    pub(in super::super) flags: u8,
    pub(in super::super) eco_grade: u8,
    pub(in super::super) availability: u8,
    pub(in super::super) price: i64,
    pub(in super::super) masks: [u64; 2],
    pub(in super::super) brand: u32,
    pub(in super::super) category: u32,
    pub(in super::super) read_at_s: u32,
    pub(in super::super) extra_categories: Vec<u32>,
    pub(in super::super) market_prices: Vec<(u16, i64, u32)>,
    pub(in super::super) variants: Vec<u32>,
    pub(in super::super) bundle: bool,
    /// Products of the bundles that hold it.
    pub(in super::super) bundles_with: Vec<u32>,
    pub(in super::super) runs: Vec<(u8, Vec<LinkAnswer>)>,
    /// Type and source.
    pub(in super::super) incoming: Vec<(u8, u32)>,
}

/// An edge and its rare record, byte for byte.
pub(in super::super) type LinkAnswer = (Vec<u8>, Option<Vec<u8>>);

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct BundleAnswer {
    pub(in super::super) product: u32,
    pub(in super::super) options: Vec<OptionAnswer>,
}

#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct OptionAnswer {
    pub(in super::super) name: String,
    /// Required, fewest, most.
    pub(in super::super) rule: (u32, u32, u32),
    /// Product, bits of the quantity, default.
    pub(in super::super) selections: Vec<(u32, u64, u32)>,
}

/// Walks over everything a view can read, and through every door.
pub(in super::super) fn read(view: &View<'_>) -> Answers {
    let meta = rkyv::deserialize::<CatalogMeta, Error>(view.meta()).expect("no pointer is shared");
    assert!(
        view.product(Ordinal(NONE)).is_none() && view.block(Ordinal(NONE)).headers().is_empty()
    );
    Answers {
        meta,
        products: view.ordinals().map(|ordinal| product(view, ordinal)).collect(),
        aliases: view.aliases().map(|(alias, of)| (alias.to_owned(), of.0)).collect(),
        bundles: view.bundles().iter().map(|bundle| bundle_answer(view, bundle)).collect(),
        popular: lists(view).map(|category| popular(view, category)).collect(),
    }
}

/// Each category, then the whole catalog.
fn lists(view: &View<'_>) -> impl Iterator<Item = Option<u32>> + use<> {
    let count = u32::try_from(view.meta().categories.len()).expect("fixtures are small");
    (0..count).map(Some).chain([None])
}

fn popular(view: &View<'_>, category: Option<u32>) -> Vec<u32> {
    view.popular(category).iter().map(|ordinal| ordinal.get()).collect()
}

fn product(view: &View<'_>, ordinal: Ordinal) -> ProductAnswer {
    view.prefetch(ordinal);
    view.prefetch_attributes(ordinal);
    let record = view.product(ordinal).expect("the ordinal is the view's");
    let attributes = view.attributes(ordinal).expect("a record per product");
    let runs = view.block(ordinal).runs();
    let price = |price: &crate::index::layout::MarketPriceRecord| {
        (price.market.get(), price.price.get(), price.read_at_s.get())
    };
    ProductAnswer {
        id: view.id(ordinal).to_owned(),
        title: String::from_utf8(view.title_bytes(ordinal).to_vec()).expect("checked at open"),
        parent: view.parent(ordinal).map(|parent| parent.0),
        flags: record.flags,
        eco_grade: record.eco_grade,
        availability: record.availability,
        price: attributes.price.get(),
        masks: [attributes.tags.get(), attributes.assortment.get()],
        brand: attributes.brand.get(),
        category: attributes.category.get(),
        read_at_s: attributes.read_at_s.get(),
        extra_categories: view.extra_categories(ordinal).collect(),
        market_prices: view.market_prices(ordinal).iter().map(price).collect(),
        variants: view.variants(ordinal).iter().map(|variant| variant.get()).collect(),
        bundle: view.bundle(ordinal).is_some(),
        bundles_with: view.bundles_with(ordinal).map(|bundle| bundle.product.get()).collect(),
        runs: runs
            .map(|run| {
                let number = run.relation_type().map_or(0, RelationType::number);
                let links = run.relations().map(link).collect::<Vec<_>>();
                let by_type = RelationType::new(number).map(|known| view.block(ordinal).run(known));
                let again = by_type.map(|run| run.relations().map(link).collect::<Vec<_>>());
                assert_eq!(again.as_ref(), Some(&links), "a run is found by its type");
                (number, links)
            })
            .collect(),
        incoming: view
            .incoming(ordinal)
            .iter()
            .map(|relation| (relation.relation_type, relation.source.get()))
            .collect(),
    }
}

fn link(relation: Relation<'_>) -> LinkAnswer {
    let (_, _) = (relation.edge.origin(), relation.edge.stages());
    (relation.edge.as_bytes().to_vec(), relation.rare.map(|rare| rare.as_bytes().to_vec()))
}

fn bundle_answer(view: &View<'_>, bundle: &crate::index::layout::BundleRecord) -> BundleAnswer {
    let options = view.options(bundle).iter().map(|option| OptionAnswer {
        name: view.option_name(option).to_owned(),
        rule: (option.required.get(), option.min_selections.get(), option.max_selections.get()),
        selections: view
            .selections(option)
            .iter()
            .map(|s| (s.product.get(), s.quantity.get().to_bits(), s.is_default.get()))
            .collect(),
    });
    BundleAnswer { product: bundle.product.get(), options: options.collect() }
}

impl Model {
    /// What [`read`] must find, by naive loops over the model.
    pub(in super::super) fn answers(&self) -> Answers {
        let mut meta = self.meta.clone();
        meta.id_rule = u8::from(self.rule == IdRule::CaseFolded);
        meta.relation_count = self.relations.values().map(|links| links.len() as u64).sum();
        for declared in &mut meta.relation_types {
            let of_type =
                self.relations.iter().filter(|((_, number), _)| *number == declared.number);
            declared.relation_count = of_type.map(|(_, links)| links.len() as u64).sum();
        }
        for (bit, market) in meta.markets.iter_mut().enumerate() {
            let listed = self.products.iter().filter(|product| product.assortment & 1 << bit != 0);
            market.product_count = listed.count() as u64;
        }
        Answers {
            meta,
            products: (0..).zip(&self.products).map(|(at, _)| self.product_answer(at)).collect(),
            aliases: self.aliases.clone(),
            bundles: self.bundles.iter().map(bundle_expected).collect(),
            popular: (0..self.meta.categories.len())
                .map(|category| Some(self.meta.categories[category].id.as_str()))
                .chain([None])
                .map(|category| self.popular_in(category))
                .collect(),
        }
    }

    /// The best sellers of a category, by its path.
    fn popular_in(&self, category: Option<&str>) -> Vec<u32> {
        let path = |category: &u32| self.meta.categories[*category as usize].id.as_str();
        let below = |path: &str, above: &str| {
            path == above || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
        };
        let within = |product: &Product| {
            let mut own = product.category.iter().chain(&product.extra_categories).map(path);
            category.is_none_or(|category| own.any(|path| below(path, category)))
        };
        let listed = (0..).zip(&self.products).filter(|(_, p)| !p.hidden && within(p));
        let listed = listed.filter_map(|(at, product)| Some((product.popularity?, at)));
        let mut listed: Vec<(f64, u32)> = listed.collect();
        listed.sort_by(|a, b| b.0.partial_cmp(&a.0).expect("no NaN").then(a.1.cmp(&b.1)));
        listed.into_iter().map(|(_, ordinal)| ordinal).take(POPULAR_MAX).collect()
    }

    fn product_answer(&self, ordinal: u32) -> ProductAnswer {
        let product = &self.products[ordinal as usize];
        let variants = self.variants_of(ordinal);
        let prices = self.prices.iter().filter(|price| price.product == ordinal);
        let market_prices: Vec<_> =
            prices.map(|price| (price.market, price.price, price.read_at_s)).collect();
        let flag = |flag: u8, set: bool| if set { flag } else { 0 };
        let holds = |bundle: &&crate::index::BundleDraft| {
            let mut selections = bundle.options.iter().flat_map(|option| &option.selections);
            selections.any(|selection| selection.product == ordinal)
        };
        ProductAnswer {
            id: product.id.clone(),
            title: product.title.clone(),
            parent: product.parent,
            flags: flag(FLAG_HIDDEN, product.hidden)
                | flag(FLAG_PARENT, !variants.is_empty())
                | flag(FLAG_EXTRA_CATEGORIES, !product.extra_categories.is_empty())
                | flag(FLAG_MARKET_PRICES, !market_prices.is_empty()),
            eco_grade: product.eco_grade,
            availability: product.availability,
            price: product.price.unwrap_or(NO_PRICE),
            masks: [product.tags, product.assortment],
            brand: product.brand.unwrap_or(NONE),
            category: product.category.unwrap_or(NONE),
            read_at_s: product.read_at_s,
            extra_categories: product.extra_categories.clone(),
            market_prices,
            variants,
            bundle: self.bundles.iter().any(|bundle| bundle.product == ordinal),
            bundles_with: self.bundles.iter().filter(holds).map(|bundle| bundle.product).collect(),
            runs: self
                .relations
                .iter()
                .filter(|((source, _), _)| *source == ordinal)
                .map(|((_, number), links)| (*number, links.iter().map(link_expected).collect()))
                .collect(),
            incoming: self.incoming_of(ordinal),
        }
    }

    fn variants_of(&self, parent: u32) -> Vec<u32> {
        let mut variants: Vec<_> = (0..)
            .zip(&self.products)
            .filter(|(_, product)| product.parent == Some(parent))
            .map(|(variant, product)| (product.variant_position, variant))
            .collect();
        variants.sort_unstable();
        variants.into_iter().map(|(_, variant)| variant).collect()
    }

    fn incoming_of(&self, target: u32) -> Vec<(u8, u32)> {
        let reverse = |number: u8| {
            self.meta.relation_types.iter().any(|t| t.number == number && t.reverse == 1)
        };
        let mut incoming: Vec<_> = self
            .relations
            .iter()
            .filter(|((_, number), links)| {
                reverse(*number) && links.iter().any(|link| link.edge.target.get() == target)
            })
            .map(|((source, number), _)| (*number, *source))
            .collect();
        incoming.sort_unstable();
        incoming
    }
}

fn link_expected(link: &Link) -> LinkAnswer {
    let mut edge: Edge = link.edge;
    if link.rare.is_some() {
        edge.meta.set(edge.meta.get() | META_RARE);
    }
    let rare = link.rare.as_ref().map(RareRecord::as_bytes);
    (edge.as_bytes().to_vec(), rare.map(<[u8]>::to_vec))
}

fn bundle_expected(bundle: &crate::index::BundleDraft) -> BundleAnswer {
    let options = bundle.options.iter().map(|option| OptionAnswer {
        name: option.name.clone(),
        rule: (u32::from(option.required), option.min_selections, option.max_selections),
        selections: option
            .selections
            .iter()
            .map(|s| (s.product, s.quantity.to_bits(), u32::from(s.is_default)))
            .collect(),
    });
    BundleAnswer { product: bundle.product, options: options.collect() }
}
