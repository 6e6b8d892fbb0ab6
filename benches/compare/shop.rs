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
    pb::{
        self, Availability, GetRecommendationsRequest, LookupSpec, ReplaceAvailabilityRequest,
        Seed, seed::Target,
    },
    store::Store,
};

use crate::{
    catalog::{STAGE, Shape, TYPES},
    child::Server,
    client::{Frames, Loop, frame},
    peers::Role,
    support::Random,
};

/// Results that are asked for.
pub(crate) const RESULTS: i32 = 20;

/// Requests that are asked in turn.
const REQUESTS: u32 = 1 << 17;

/// Most updates of one message of a feed.
const UPDATES_PER_MESSAGE: usize = 10_000;

/// A catalog on disk and who serves it.
pub(crate) struct Shop {
    pub(crate) shape: Shape,
    dir: PathBuf,
}

impl Shop {
    /// Publishes the catalog under this directory, if it is not there yet.
    pub(crate) fn new(dir: &Path, shape: Shape) -> Self {
        let shop = Self { shape, dir: dir.join(shape.name()) };
        let is_whole = shop.dir.join("whole");
        if !is_whole.exists() {
            let store = Store::create(&shop.store()).unwrap();
            shape.publish(&store);
            std::fs::File::create(is_whole).unwrap();
        }
        shop
    }

    /// Its store.
    pub(crate) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Starts the server that ships, and feeds it stock.
    pub(crate) fn kindred(&self, on: &Loop, runtimes: usize, cores: &[usize]) -> Server {
        let state = self.dir.join("state");
        std::fs::remove_dir_all(&state).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
        command.arg("serve").arg("--store").arg(self.store()).arg("--state").arg(state);
        command.args(["--listen", "127.0.0.1:0", "--runtimes"]).arg(runtimes.to_string());
        command.env("KINDRED_LOG", "warn");
        let server = Server::start(&mut command, cores);
        self.feed(on, server.address);
        server
    }

    /// Starts this program in another role; those with a catalog are fed stock.
    pub(crate) fn peer(&self, on: &Loop, role: Role<'_>, cores: &[usize]) -> Server {
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
            product_id: self.shape.id(ordinal),
            availability: Availability::OutOfStock.into(),
            event_time,
            ..pb::AvailabilityUpdate::default()
        };
        let out = (0..self.shape.products).filter(|ordinal| Shape::is_out(*ordinal));
        let out = out.map(update).collect::<Vec<_>>();
        let part = |updates: &[pb::AvailabilityUpdate]| ReplaceAvailabilityRequest {
            source_id: "warehouse".to_owned(),
            sequence: 1,
            updates: updates.to_vec(),
            end: false,
        };
        let parts = out.chunks(UPDATES_PER_MESSAGE).map(part).collect();
        on.run(async {
            let mut replica = Replica::connect(&format!("http://{address}")).await.unwrap();
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
        let id = self.shape.id(ordinal);
        GetRecommendationsRequest {
            lookup: Some(LookupSpec {
                relation_types: TYPES.map(|one| i32::from(one.number())).into(),
                max_results: RESULTS,
                ..LookupSpec::default()
            }),
            seeds: vec![Seed { target: Some(Target::ProductId(id)), quantity: 1.0 }],
            context: Some(pb::Context { stage: STAGE as i32, ..pb::Context::default() }),
            ..GetRecommendationsRequest::default()
        }
    }
}
