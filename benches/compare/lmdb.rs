//! LMDB behind the same service: a precomputed answer a product, which stock tonic reads and passes on.
//! The binding is the one whose `open` is no unsafe function.

use std::{fs, path::Path};

use bytes::Bytes;
use kindred::pb::{EncodedResponse, GetRecommendationsRequest, seed::Target};
use lmdb::{Database, DatabaseFlags, Environment, Transaction as _, WriteFlags};

use crate::{
    Run,
    client::Connections,
    duel::per_core,
    figure::Figure,
    peers::Peer,
    request_path::{cpu_us, grpc_duel},
    shop::Shop,
};

/// Address space for answers; the file grows as it is filled.
const MAP_BYTES: usize = 16 << 30;

/// Calls per core against it. No goal asks for a ratio.
pub(crate) fn goal(run: &Run, shop: &Shop, figure: Figure) -> Figure {
    let on = &run.asker;
    let frames = shop.requests();
    let kindred = shop.kindred(on, 1, &run.cores.server);
    let reply =
        Connections::open(on, kindred.address, (1, 1), frames.clone()).answer(on, &frames[0]);
    let dir = run.dir.join("lmdb");
    fill(&dir, shop, &reply);
    let lmdb = shop.peer(on, Peer::Lmdb(&dir), &run.cores.server);
    let bursts = grpc_duel(run, &[&kindred, &lmdb], (10, 10), &frames);
    let note =
        format!("CPU us a call: {:.1} ours, {:.1} LMDB", cpu_us(&bursts[0]), cpu_us(&bursts[1]));
    figure.measured(per_core(&bursts[0], &bursts[1])).note(note)
}

/// Gives every product the same answer.
fn fill(dir: &Path, shop: &Shop, answer: &Bytes) {
    fs::remove_dir_all(dir).ok();
    fs::create_dir_all(dir).unwrap();
    let environment = environment(dir);
    let database = environment.create_db(None, DatabaseFlags::empty()).unwrap();
    let mut writing = environment.begin_rw_txn().unwrap();
    // Ids ascend with ordinals.
    for ordinal in 0..shop.shape.products {
        writing.put(database, &shop.id(ordinal), answer, WriteFlags::APPEND).unwrap();
    }
    writing.commit().unwrap();
}

fn environment(dir: &Path) -> Environment {
    Environment::new().set_map_size(MAP_BYTES).open(dir).unwrap()
}

/// Answers by product.
pub(crate) struct Answers {
    environment: Environment,
    database: Database,
}

impl Answers {
    /// Opens a directory that was filled.
    pub(crate) fn open(dir: &Path) -> Self {
        let environment = environment(dir);
        let database = environment.open_db(None).unwrap();
        Self { environment, database }
    }

    /// The answer for a request's product.
    pub(crate) fn of(&self, request: &GetRecommendationsRequest) -> EncodedResponse {
        let Some(Target::ProductId(id)) = &request.seeds[0].target else { unreachable!() };
        let reading = self.environment.begin_ro_txn().unwrap();
        EncodedResponse::of(reading.get(self.database, id).unwrap())
    }
}
