//! A published catalog with a feed of stock over it, and the requests that are asked of it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use kindred::{
    client::Replica,
    index::{Catalog, Role},
    pb::{
        self, Availability, GetRecommendationsRequest, LookupSpec, ReplaceAvailabilityRequest,
        Seed, seed::Target,
    },
    store::{BlobRef, Store},
};

use crate::{
    child::Server,
    client::{Frames, Loop, frame},
    layout::{
        shape::Shape,
        sold_out::is_sold_out,
        support::{Random, publish},
    },
    peers::Peer,
};

/// The types of a shop, and the relations of each product over both.
const TYPES: [pb::RelationType; 2] = [pb::RelationType::CrossSell, pb::RelationType::Alternative];
const RELATIONS: u32 = 30;

/// Results that are asked for.
pub(crate) const RESULTS: i32 = 20;

/// Requests that are asked in turn.
const REQUESTS: u32 = 1 << 17;

/// Most updates of one message of a feed.
const UPDATES_PER_MESSAGE: usize = 10_000;

/// A catalog on disk and who serves it.
pub(crate) struct Shop {
    pub(crate) shape: Shape,
    /// Its size, for people and for file names.
    pub(crate) name: String,
    dir: PathBuf,
}

impl Shop {
    /// Publishes the catalog under this directory, if it is not there yet.
    pub(crate) fn new(dir: &Path, shape: Shape) -> Self {
        let id_bytes = (shape.id)(shape.products, 0).len();
        let name = format!("{}x{id_bytes}", shape.products);
        let shop = Self { shape, dir: dir.join(&name), name };
        let is_whole = shop.dir.join("whole");
        if !is_whole.exists() {
            let store = Store::create(&shop.store()).unwrap();
            publish(&store, |file, path| shape.write(file, path));
            std::fs::File::create(is_whole).unwrap();
        }
        shop
    }

    /// The id of an ordinal.
    pub(crate) fn id(&self, ordinal: u32) -> String {
        (self.shape.id)(self.shape.products, ordinal)
    }

    /// Ids of the targets of a product, type after type, best first.
    pub(crate) fn targets(&self, source: u32) -> impl Iterator<Item = String> {
        let products = self.shape.products;
        let target = move |relation| self.id((self.shape.target)(products, source, relation));
        (0..RELATIONS).map(target)
    }

    /// Puts the catalog into a store, or one with a relation less of each type, and publishes neither.
    pub(crate) fn stage(&self, store: &Store, is_other: bool) -> BlobRef {
        let staged = store.stage(Role::Catalog).unwrap();
        let per_type = self.shape.per_type - u32::from(is_other);
        let shape = Shape { per_type, ..self.shape };
        shape.write(staged.file().try_clone().unwrap(), staged.path()).unwrap();
        let (hash, size_bytes) = {
            let catalog = Catalog::open(staged.path(), None).unwrap();
            (catalog.blob().hash(), catalog.blob().size_bytes())
        };
        staged.commit(hash, size_bytes).unwrap()
    }

    /// Its store.
    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Starts the server that ships, and feeds it stock.
    pub(crate) fn kindred(&self, on: &Loop, runtimes: usize, cores: &[usize]) -> Server {
        let server = self.unfed(runtimes, cores, "state", &[]);
        self.feed(on, server.address);
        server
    }

    /// Starts the server that ships, with this state directory and these variables, and without stock.
    pub(crate) fn unfed(
        &self,
        runtimes: usize,
        cores: &[usize],
        state: &str,
        options: &[(&str, PathBuf)],
    ) -> Server {
        let state = self.dir.join(state);
        std::fs::remove_dir_all(&state).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
        command.arg("serve").arg("--store").arg(self.store()).arg("--state").arg(state);
        command.args(["--listen", "127.0.0.1:0", "--runtimes"]).arg(runtimes.to_string());
        command.env("KINDRED_LOG", "warn");
        // Stock comes in where lookups do.
        command.env("KINDRED_ADMIN_LISTEN", "same").env("KINDRED_INSECURE_ADMIN", "true");
        command.envs(options.iter().map(|(name, value)| (name, value)));
        Server::start(&mut command, cores)
    }

    /// Starts this program in another role; those with a catalog are fed stock.
    pub(crate) fn peer(&self, on: &Loop, role: Peer<'_>, cores: &[usize]) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let (name, path) = role.arguments();
        command.arg("--role").arg(name).arg(path);
        let server = Server::start(&mut command, cores);
        if role.has_catalog() {
            self.feed(on, server.address);
        }
        server
    }

    /// Every fifth product is sold out.
    fn feed(&self, on: &Loop, address: SocketAddr) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let event_time =
            Some(pb::Timestamp { seconds: i64::try_from(now.as_secs()).unwrap(), nanos: 0 });
        let update = |ordinal| pb::AvailabilityUpdate {
            product_id: self.id(ordinal),
            availability: Availability::OutOfStock.into(),
            event_time,
            ..pb::AvailabilityUpdate::default()
        };
        let out = (0..self.shape.products).filter(|ordinal| is_sold_out(*ordinal));
        let out = out.map(update).collect::<Vec<_>>();
        let part = |updates: &[pb::AvailabilityUpdate]| ReplaceAvailabilityRequest {
            source_id: "warehouse".to_owned(),
            sequence: 1,
            updates: updates.to_vec(),
            end: false,
        };
        let parts = out.chunks(UPDATES_PER_MESSAGE).map(part).collect();
        on.run(async {
            let mut replica = Replica::connect(address.to_string().as_str()).await.unwrap();
            replica.replace(parts).await.unwrap();
        });
    }

    /// Lookups of random products.
    pub(crate) fn requests(&self) -> Frames {
        let lookups = self.asked().into_iter().map(|ordinal| frame(&self.lookup(ordinal)));
        lookups.collect::<Rc<[Bytes]>>()
    }

    /// The products they are of.
    pub(crate) fn asked(&self) -> Vec<u32> {
        let mut random = Random(7);
        (0..REQUESTS).map(|_| random.below(self.shape.products)).collect()
    }

    /// A lookup of 20 results of both types for a stage.
    pub(crate) fn lookup(&self, ordinal: u32) -> GetRecommendationsRequest {
        let id = self.id(ordinal);
        GetRecommendationsRequest {
            lookup: Some(LookupSpec {
                relation_types: TYPES.map(i32::from).into(),
                max_results: RESULTS,
                ..LookupSpec::default()
            }),
            seeds: vec![Seed { target: Some(Target::ProductId(id)), quantity: 1.0 }],
            context: Some(pb::Context {
                stage: pb::ShoppingStage::Consideration.into(),
                ..pb::Context::default()
            }),
            ..GetRecommendationsRequest::default()
        }
    }
}
