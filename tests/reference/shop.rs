//! A world as the server has it: a compiled catalog, a bound policy, a view of stock.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, UNIX_EPOCH},
};

use kindred::{
    compile::{self, Output},
    graph::{GraphBuilder, MemoryStore},
    index::{Catalog, View},
    model::{
        config::{CatalogConfig, Market, TypeDeclaration, standard_declarations},
        currency::Currency,
        decimal::Decimal,
        id::IdRule,
        record::{
            AliasRecord, FileInfo, Location, PriceRecord, ProductMarketRecord, ProductRecord,
            Record, RecordSink as _, RelationRecord,
        },
        relation::{RelationType, StageMask},
    },
    policy::{Names, OverridesDoc, Policy, PolicyDoc},
    stock::{BlockDraft, Stock, StockError, StockOptions, StockView, UnblockDraft, UpdateDraft},
};
use tempfile::NamedTempFile;

use crate::{
    document,
    world::{Event, Product, Update, World},
};

/// The clock of the stock room: before the end of every block, and not long before any reading.
pub(crate) const CLOCK_S: u64 = 1_700_000_000;

fn config(world: &World) -> CatalogConfig {
    let market = |market: &crate::world::Market| Market {
        id: market.id.clone(),
        currency: Currency::parse(market.currency).unwrap(),
        default_inventory: market.default_inventory,
    };
    let own = world.own_types.iter().map(|(relation_type, code)| TypeDeclaration {
        relation_type: *relation_type,
        code: code.clone(),
        display_name: code.clone(),
        two_way: false,
        reverse: false,
        max_per_product: kindred::model::limits::RELATIONS_PER_TYPE_MAX,
        source_codes: Vec::new(),
    });
    CatalogConfig {
        id_rule: if world.is_folded { IdRule::CaseFolded } else { IdRule::Exact },
        markets: world.markets.iter().map(market).collect(),
        default_market: world.default_market,
        inventories: world.inventories.clone(),
        relation_types: standard_declarations().into_iter().chain(own).collect(),
        tags: world.tags.clone(),
        ..CatalogConfig::default()
    }
}

/// Writes the catalog's file and opens it as a server would.
pub(crate) fn catalog(world: &World) -> Arc<Catalog> {
    let config = config(world);
    let codes = config.relation_types.clone();
    let mut builder = GraphBuilder::new(config, MemoryStore::with_chunk_edges(64));
    let file = builder.open_file(FileInfo { name: "world".to_owned(), modified_s: None });
    let at = Location { file, line: 1 };
    for product in world.products.values() {
        builder.record(at, Record::Product(row(world, product)));
        for market in &world.markets {
            let listed = product.assortment.contains(&market.id);
            let price = product.market_prices.get(&market.id);
            let scale = Currency::parse(market.currency).unwrap().exponent();
            builder.record(
                at,
                Record::ProductMarket(ProductMarketRecord {
                    id: &product.id,
                    market: &market.id,
                    listed: Some(listed),
                    price: price.map(|(digits, _)| PriceRecord {
                        amount: Decimal { digits: *digits, scale },
                        currency: None,
                    }),
                    read_at_s: price.and_then(|(_, read_at_s)| *read_at_s),
                }),
            );
        }
        for (relation_type, list) in &product.lists {
            let declared = codes.iter().find(|one| one.relation_type == *relation_type);
            let code = &declared.unwrap().code;
            for (position, relation) in (1..).zip(list) {
                let target = &world.product(&relation.target).id;
                let stages = relation.stages.iter();
                builder.record(
                    at,
                    Record::Relation(RelationRecord {
                        position: Some(position),
                        score: relation.score,
                        quantity: relation.quantity,
                        two_way: Some(false),
                        valid_from_s: relation.window.from_s,
                        valid_to_s: relation.window.to_s,
                        stages: stages.fold(StageMask::EVERY, |all, stage| all.with(*stage)),
                        markets: relation.markets.iter().map(String::as_str).collect(),
                        ..RelationRecord::new(&product.id, code, target, relation.origin)
                    }),
                );
            }
        }
    }
    for (alias, product) in &world.aliases {
        let product = &world.product(product).id;
        builder.record(at, Record::Alias(AliasRecord { alias, product }));
    }
    let graph = builder.finish().unwrap();
    let files = [(); 2].map(|()| NamedTempFile::new().unwrap());
    let [catalog, places] =
        files.each_ref().map(|file| Output { file: file.reopen().unwrap(), path: file.path() });
    drop(compile::write_catalog(&graph, catalog, places).unwrap());
    // The file goes with its name; the map keeps the bytes.
    Arc::new(Catalog::open(files[0].path(), None).unwrap())
}

fn row<'a>(world: &'a World, product: &'a Product) -> ProductRecord<'a> {
    let currency = world.markets[world.default_market].currency;
    let scale = Currency::parse(currency).unwrap().exponent();
    let price = product.price.map(|digits| Decimal { digits, scale });
    let parent = product.parent.as_ref().map(|parent| world.product(parent).id.as_str());
    ProductRecord {
        id: &product.id,
        brand: product.brand.as_deref(),
        categories: product.categories.iter().map(String::as_str).collect(),
        price: price.map(|amount| PriceRecord { amount, currency: None }),
        availability: product.availability,
        read_at_s: product.read_at_s,
        parent,
        variant_position: product.variant_position,
        visibility: product.visibility,
        popularity: product.popularity,
        tags: product.tags.iter().map(String::as_str).collect(),
        eco_grade: product.eco_grade,
        ..ProductRecord::default()
    }
}

/// Reads the policy and the overrides from their texts, and binds them to a catalog.
pub(crate) fn policy(world: &World, catalog: &Catalog) -> Policy {
    let policy = document::placements_toml(&world.policy);
    let policy = PolicyDoc::parse("placements.toml", &policy)
        .unwrap_or_else(|errors| panic!("{errors}\n{policy}"));
    let overrides = document::overrides_csv(&world.overrides);
    let overrides = OverridesDoc::parse("overrides.csv", &overrides)
        .unwrap_or_else(|errors| panic!("{errors}\n{overrides}"));
    // As a publish writes them: the same set, in the same order.
    let overrides = OverridesDoc::parse("overrides.csv", &overrides.to_csv()).unwrap();
    Policy::bind(&policy, Some(&overrides), &CatalogNames(catalog.view())).0
}

struct CatalogNames<'c>(View<'c>);

impl Names for CatalogNames<'_> {
    fn product(&self, id: &str) -> Option<u32> {
        self.0.find(id).map(|ordinal| ordinal.0)
    }

    fn relation_type(&self, code: &str) -> Option<RelationType> {
        let mut declared = self.0.meta().relation_types.iter();
        let found = declared.find(|declared| declared.code.as_str() == code)?;
        RelationType::new(found.number)
    }

    fn market(&self, id: &str) -> Option<u32> {
        self.0.market(id)
    }

    fn category(&self, id: &str) -> Option<u32> {
        self.0.category(id)
    }

    fn brand(&self, id: &str) -> Option<u32> {
        self.0.brand(id)
    }

    fn tag(&self, id: &str) -> Option<u32> {
        self.0.tag(id)
    }
}

/// The stock room in memory, and the last view that it published.
pub(crate) struct StockRoom {
    stock: Stock,
    published: Arc<Mutex<Arc<StockView>>>,
}

impl StockRoom {
    pub(crate) fn new() -> Self {
        let published = Arc::new(Mutex::new(Arc::new(StockView::empty())));
        let shown = Arc::clone(&published);
        let clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(CLOCK_S));
        let options = StockOptions { clock, ..StockOptions::default() };
        let publisher = move |view: &Arc<StockView>| *shown.lock().unwrap() = Arc::clone(view);
        let (stock, _) = Stock::in_memory_with(options, publisher).unwrap();
        Self { stock, published }
    }

    /// Makes a catalog the one that views speak of.
    pub(crate) fn attach(&self, catalog: &Arc<Catalog>) {
        let (sender, done) = mpsc::channel();
        let shown = Arc::clone(&self.published);
        let then = Box::new(move |view: Arc<StockView>| {
            *shown.lock().unwrap() = view;
            sender.send(()).unwrap();
        });
        self.stock.attach(Arc::clone(catalog), then).unwrap();
        done.recv().unwrap();
    }

    /// Tells everything that happened, and waits until it is seen.
    pub(crate) fn tell(&self, world: &World, history: &[Event]) {
        for event in history {
            match event.clone() {
                Event::Batch { source, sequence, updates } => {
                    let drafts = updates.iter().map(|update| draft(world, update)).collect();
                    wait(|reply| self.stock.batch(source, sequence, drafts, reply));
                }
                Event::Replace { source, sequence, updates } => {
                    let drafts = updates.iter().map(|update| draft(world, update)).collect();
                    let mut stream = self.stock.replace(source, sequence).unwrap();
                    stream.push(drafts).unwrap();
                    wait(|reply| stream.commit(reply));
                }
                Event::Block { ids, markets, expire_s } => {
                    let (reason, actor) = ("recall".to_owned(), String::new());
                    let draft = BlockDraft {
                        product_ids: ids,
                        market_ids: markets,
                        reason,
                        actor,
                        expire_s,
                    };
                    wait(|reply| self.stock.block(draft, reply));
                }
                Event::Unblock { ids } => {
                    let draft = UnblockDraft { product_ids: ids, ..UnblockDraft::default() };
                    wait(|reply| self.stock.unblock(draft, reply));
                }
            }
        }
    }

    pub(crate) fn view(&self) -> Arc<StockView> {
        Arc::clone(&self.published.lock().unwrap())
    }
}

fn wait<T: Send + 'static>(call: impl FnOnce(Box<dyn FnOnce(Result<T, StockError>) + Send>)) -> T {
    let (sender, answer) = mpsc::channel();
    call(Box::new(move |done| sender.send(done).unwrap()));
    answer.recv().unwrap().unwrap()
}

fn draft(world: &World, update: &Update) -> UpdateDraft {
    let currency_code = match (update.price, world.market(&update.market)) {
        (Some(_), Some(market)) => market.currency.to_owned(),
        _ => String::new(),
    };
    UpdateDraft {
        product_id: update.id.clone(),
        inventory_id: update.inventory.clone(),
        availability: update.availability.map_or(0, |state| state as i32),
        quantity: update.quantity,
        price: update.price,
        currency_code,
        market_id: update.market.clone(),
        event_us: Some(update.event_us),
    }
}
