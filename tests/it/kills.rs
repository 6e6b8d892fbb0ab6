//! Goal: what was acknowledged is there after a kill -9 at any moment. Method: a writer that keeps a
//! plain map of what it was told is durable, a server that is killed while it writes, and after each
//! start everything that the server lists against that map. Of the one call that was under way
//! nobody knows: it counts wholly or not at all, and is sent again.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use kindred::pb::{self, Availability};
use tonic::Status;

use crate::{
    calls::{block_on, endlessly},
    server::{Server, eventually},
    shop::Shop,
    stock::{Stock, batch, stock, time},
};

/// What the writer asks.
#[derive(Clone, Debug)]
enum Call {
    Batch(pb::BatchUpdateAvailabilityRequest),
    Block(pb::BlockProductsRequest),
    Unblock(pb::UnblockProductsRequest),
}

/// What a server must list.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    /// State, quantity and time by product.
    readings: BTreeMap<String, (i32, Option<f64>, pb::Timestamp)>,
    /// Reasons by product.
    blocks: BTreeMap<String, String>,
}

impl Model {
    fn apply(&mut self, call: &Call) {
        match call {
            Call::Batch(batch) => {
                for update in &batch.updates {
                    let at = update.event_time.unwrap();
                    let said = (update.availability, update.available_quantity, at);
                    self.readings.insert(update.product_id.clone(), said);
                }
            }
            Call::Block(block) => {
                let ids = block.product_ids.iter();
                self.blocks.extend(ids.map(|id| (id.clone(), block.reason.clone())));
            }
            Call::Unblock(unblock) => {
                self.blocks.retain(|id, _| !unblock.product_ids.contains(id));
            }
        }
    }

    /// What a server lists.
    async fn of(stock: &mut Stock) -> Self {
        let mut model = Self::default();
        for state in crate::stock::listed(stock, "").await {
            let at = state.event_time.unwrap();
            let said = (state.availability, state.available_quantity, at);
            model.readings.insert(state.product_id, said);
        }
        let all = pb::ListBlockedProductsRequest { page_size: 1_000, ..Default::default() };
        let blocked = stock.list_blocked_products(all).await.unwrap().into_inner();
        assert_eq!(blocked.next_page_token, "");
        let blocks = blocked.products.into_iter().map(|one| (one.product_id, one.reason));
        model.blocks.extend(blocks);
        model
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The writer: it knows what is durable, and what it does not know.
struct Writer {
    dice: Dice,
    sequence: u64,
    calls: i64,
    acknowledged: Model,
    under_way: Option<Call>,
}

impl Writer {
    fn next(&mut self) -> Call {
        self.calls += 1;
        let product = |dice: &mut Dice| format!("product-{}", dice.below(60));
        match self.dice.below(8) {
            0 => Call::Block(pb::BlockProductsRequest {
                product_ids: (0..3).map(|_| product(&mut self.dice)).collect(),
                reason: format!("recall {}", self.calls),
                ..Default::default()
            }),
            1 => Call::Unblock(pb::UnblockProductsRequest {
                product_ids: vec![product(&mut self.dice)],
                ..Default::default()
            }),
            _ => {
                self.sequence += 1;
                // Each product once: of two readings of one instant the order would decide.
                let updates = (0..1 + self.dice.below(20)).map(|_| pb::AvailabilityUpdate {
                    product_id: product(&mut self.dice),
                    availability: 1 + i32::try_from(self.dice.below(6)).unwrap(),
                    available_quantity: Some(self.calls as f64),
                    event_time: Some(time(self.calls)),
                    ..Default::default()
                });
                let updates = updates.map(|update| (update.product_id.clone(), update));
                let updates = updates.collect::<BTreeMap<_, _>>().into_values().collect();
                Call::Batch(batch("erp", self.sequence, updates))
            }
        }
    }

    /// Writes until the server is gone.
    async fn write(&mut self, address: SocketAddr, acknowledged: &AtomicU64) {
        let mut stock = stock(address).await;
        loop {
            let call = self.under_way.clone().unwrap_or_else(|| self.next());
            self.under_way = Some(call.clone());
            if send(&mut stock, &call).await.is_err() {
                return;
            }
            self.under_way = None;
            self.acknowledged.apply(&call);
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything that was acknowledged is listed, and nothing else but what was under way.
    fn check(&self, listed: &Model, kill: u64) {
        let mut with_more = self.acknowledged.clone();
        self.under_way.iter().for_each(|call| with_more.apply(call));
        let is_right = *listed == self.acknowledged || *listed == with_more;
        let (expected, under_way) = (&self.acknowledged, &self.under_way);
        assert!(is_right, "kill {kill}: {listed:?} is not {expected:?} with {under_way:?}");
    }
}

async fn send(stock: &mut Stock, call: &Call) -> Result<(), Status> {
    match call.clone() {
        Call::Batch(batch) => stock.batch_update_availability(batch).await.map(drop),
        Call::Block(block) => stock.block_products(block).await.map(drop),
        Call::Unblock(unblock) => stock.unblock_products(unblock).await.map(drop),
    }
}

#[test]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = if std::env::var_os("KINDRED_FULL").is_some() { 200 } else { 20 };
    let shop = Shop::demo();
    let mut writer = Writer {
        dice: Dice(0x9e37_79b9_7f4a_7c15),
        sequence: 0,
        calls: 0,
        acknowledged: Model::default(),
        under_way: None,
    };
    for kill in 0..kills {
        let server = Server::start(&shop);
        let address = server.address;
        let listed = block_on(async { Model::of(&mut stock(address).await).await });
        writer.check(&listed, kill);
        let (acknowledged, enough) = (AtomicU64::new(0), 1 + writer.dice.below(25));
        thread::scope(|scope| {
            let writing = scope.spawn(|| endlessly(writer.write(address, &acknowledged)));
            eventually(|| acknowledged.load(Ordering::Relaxed), |count| *count >= enough);
            // Ends it by SIGKILL, wherever it stands.
            drop(server);
            writing.join().expect("the writer ends with the server");
        });
    }
    let server = Server::start(&shop);
    let listed = block_on(async { Model::of(&mut stock(server.address).await).await });
    writer.check(&listed, kills);
    assert!(listed.readings.len() > 30 && !listed.blocks.is_empty(), "{listed:?}");
}

#[test]
fn a_damaged_journal_is_refused_by_name_and_left_as_it_is() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    block_on(async {
        let mut stock = stock(server.address).await;
        for sequence in 1..=3 {
            let update = crate::stock::reading("toy-car", Availability::LowStock, 1);
            crate::stock::send(&mut stock, batch("erp", sequence, vec![update])).await;
        }
    });
    drop(server);
    let dir = shop.path("state").join("stock");
    let logs = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let mut logs = logs.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let log = logs.next().unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    // Inside the first record, behind which acknowledged ones stand.
    let middle = bytes.len() / 3;
    bytes[middle] ^= 1;
    crate::shop::write(&log, &bytes);
    let store = shop.store_dir();
    let state = shop.path("state");
    let run = crate::command::kindred([
        "serve".as_ref(),
        "--listen".as_ref(),
        "127.0.0.1:0".as_ref(),
        "--store".as_ref(),
        store.as_os_str(),
        "--state".as_ref(),
        state.as_os_str(),
    ]);
    run.ended(1).complained(&["is damaged at byte", "move it away to start empty"]);
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
}
