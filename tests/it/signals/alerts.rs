//! Each alert: silent before its cause, firing after it.

use std::{
    fs::{File, Permissions},
    net::{SocketAddr, TcpStream},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    process::Command,
    sync::{Arc, mpsc},
    time::{Duration, Instant, SystemTime},
};

use kindred::{
    index::{BlobHash, Catalog, Role, UnverifiedBlob},
    pb::{Availability, Method},
    stock::{Stock, StockOptions, StockView, UpdateDraft},
    store::{BlobRef, Note, Publish, Rollback, Store},
};
use prost::Message as _;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{
    alerts,
    promql::{Scrape, Window, fires},
    scrape::Watched,
};
use crate::{
    calls::{CROSS_SELL, answer, asking, block_on, client, health},
    server::{eventually, serve},
    shop::{Shop, note, publish},
    stock::{batch, reading, send, stock},
};

/// Does this alert's condition hold over the two scrapes?
#[track_caller]
fn firing(alert: &str, before: &Scrape, now: &Scrape) -> bool {
    let (_, expr) =
        alerts().into_iter().find(|(name, _)| name == alert).expect("it is in the file");
    fires(&expr, &Window { before, now })
}

#[test]
fn down_fires_for_a_server_that_answers_no_scrape_and_where_there_is_none() {
    let watched = Watched::start(&published());
    let page = watched.scrape();
    assert!(!firing("KindredDown", &page, &page));
    assert!(firing("KindredDown", &page, &watched.killed()));
    assert!(firing("KindredDown", &page, &Scrape::of_nobody()));
}

/// The alert is silent, its cause is provoked twice, and it fires: a rate needs two sights of a series.
#[track_caller]
fn check(alert: &str, watched: &Watched, mut provoke: impl FnMut()) {
    let first = watched.scrape();
    let second = watched.scrape();
    assert!(!firing(alert, &first, &second), "{alert} fires without a cause");
    provoke();
    let third = watched.scrape();
    provoke();
    assert!(firing(alert, &third, &watched.scrape()), "{alert} is silent");
}

/// The listener that callers connect to.
const LOOKUP: [(&str, &str); 1] = [("listener", "lookup")];

/// A shop where `seed` leads to `target`, and `lone` to nothing.
fn shop() -> Shop {
    Shop::with(&[
        ("products.csv", "id\nseed\ntarget\nlone\n"),
        ("relations.csv", "source,type,target\nseed,cross_sell,target\n"),
    ])
}

fn published() -> Shop {
    let shop = shop();
    shop.published();
    shop
}

/// Puts bytes into a store as a catalog.
fn stage(store: &Store, bytes: &[u8]) -> BlobRef {
    let staged = store.stage(Role::Catalog).unwrap();
    std::io::Write::write_all(&mut staged.file(), bytes).unwrap();
    staged.commit(BlobHash::of(bytes), bytes.len() as u64).unwrap()
}

fn look_up(watched: &Watched, product: &str) {
    let ask = asking(&[CROSS_SELL], &[product]);
    block_on(async { answer(&mut client(watched.server.address).await, ask).await });
}

/// A shell that limits itself and becomes the server.
fn limited(shop: &Shop, limits: &str) -> Command {
    let serve = serve(shop, "state");
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\"")).arg(serve.get_program());
    shell.args(serve.get_args());
    let told = serve.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.envs(told).env("KINDRED_RUNTIMES", "1");
    shell
}

#[test]
fn not_ready_fires_until_a_snapshot_is_live_and_readyz_agrees_with_health() {
    let shop = shop();
    shop.open();
    let mut watched = Watched::starting(serve(&shop, "state"));
    let page = watched.scrape();
    assert!(firing("KindredNotReady", &page, &page));
    assert_eq!(watched.ask("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(watched.ask("/readyz"), (503, "no snapshot is live yet\n".to_owned()));
    assert_eq!(block_on(health(watched.server.address)), ServingStatus::NotServing);
    shop.published();
    watched.server.log.until("Ready: health says SERVING.");
    let page = watched.scrape();
    assert!(!firing("KindredNotReady", &page, &page));
    assert_eq!(watched.ask("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(block_on(health(watched.server.address)), ServingStatus::Serving);
}

#[test]
fn snapshot_old_fires_for_one_whose_manifest_is_of_last_week() {
    let shop = published();
    let watched = Watched::start(&shop);
    let page = watched.scrape();
    assert!(!firing("KindredSnapshotOld", &page, &page));
    drop(watched);
    // The same catalog, published long ago elsewhere.
    let bytes = std::fs::read(shop.catalog_file()).unwrap();
    let elsewhere = Shop::new();
    let (store, track) = elsewhere.open();
    let blobs = [stage(&store, &bytes)];
    let note = Note { created_at: "2026-01-01T00:00:00Z".to_owned(), ..note() };
    let old = Publish { blobs: &blobs, guard: &|_| Ok(()), since: None, over_rollback: true, note };
    track.publish(&old).unwrap();
    let page = Watched::start(&elsewhere).scrape();
    assert!(firing("KindredSnapshotOld", &page, &page));
}

#[test]
fn snapshot_refused_fires_for_a_blob_that_is_none() {
    let shop = published();
    let mut watched = Watched::start(&shop);
    let before = watched.scrape();
    assert!(!firing("KindredSnapshotRefused", &before, &watched.scrape()));
    let (store, track) = shop.open();
    publish(&track, &[stage(&store, b"no catalog")]);
    watched.server.log.until("Snapshot is refused.");
    let now = eventually(
        || watched.scrape(),
        |now| now.value("kindred_snapshot_refused_total", &[("reason", "blob")]) > Some(0.0),
    );
    assert!(firing("KindredSnapshotRefused", &before, &now));
}

/// Its first scrape has the refusal already, so that no counter grows from then on.
#[test]
fn snapshot_behind_fires_for_a_refusal_at_the_start_until_what_is_named_is_live() {
    let shop = published();
    let (store, track) = shop.open();
    publish(&track, &[stage(&store, b"no catalog")]);
    let mut watched = Watched::start(&shop);
    let behind = |scrape: &Scrape| firing("KindredSnapshotBehind", scrape, scrape);
    let first = eventually(|| watched.scrape(), behind);
    assert!(!firing("KindredSnapshotRefused", &first, &watched.scrape()), "it saw no growth");
    // By a rollback, which names what serves already.
    let back = Rollback { to: Some(1), roles: &[], expected_active: None, note: note() };
    track.rollback(&back).unwrap();
    let now = eventually(|| watched.scrape(), |scrape| !behind(scrape));
    assert!(!firing("KindredSnapshotRefused", &first, &now));
    // Again, and by a publish.
    publish(&track, &[stage(&store, b"nor is this")]);
    eventually(|| watched.scrape(), behind);
    shop.write("products.csv", "id\nseed\ntarget\nother\n");
    let id = shop.published();
    assert!(watched.server.log.until("Snapshot is live.").contains(&id));
    eventually(|| watched.scrape(), |scrape| !behind(scrape));
}

/// Nothing is live, and it is not for want of a publish.
#[test]
fn snapshot_behind_fires_where_nothing_can_be_served() {
    let shop = shop();
    let (store, track) = shop.open();
    let watched = Watched::starting(serve(&shop, "state"));
    let behind = |scrape: &Scrape| firing("KindredSnapshotBehind", scrape, scrape);
    assert!(!behind(&watched.scrape()), "nothing was published");
    publish(&track, &[stage(&store, b"no catalog")]);
    eventually(|| watched.scrape(), behind);
}

/// As a disk at fault would: in place, below a mapping.
#[test]
fn catalog_spoiled_fires_for_bytes_that_changed_below_the_server() {
    let shop = published();
    let mut server = serve(&shop, "state");
    server.env("KINDRED_SCRUB_INTERVAL", "1");
    let mut watched = Watched::starting(server);
    watched.server.log.until("Ready: health says SERVING.");
    let before = watched.scrape();
    assert!(!firing("KindredCatalogSpoiled", &before, &watched.scrape()));
    let path = shop.catalog_file();
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(b"spoiled", file.metadata().unwrap().len() / 2).unwrap();
    watched.server.log.until("The live catalog has changed since it was verified");
    let now = eventually(
        || watched.scrape(),
        |now| now.value("kindred_catalog_spoiled_total", &[]) > Some(0.0),
    );
    assert!(firing("KindredCatalogSpoiled", &before, &now));
    // There is nothing else to serve: it goes on, and calls are answered.
    look_up(&watched, "seed");
    eventually(|| watched.scrape(), |now| firing("KindredSnapshotBehind", now, now));
}

#[test]
fn source_old_fires_for_a_source_whose_files_are_old() {
    let shop = shop();
    let age = |days: u64| {
        let at = SystemTime::now() - Duration::from_secs(days * 86_400);
        for table in ["products.csv", "relations.csv"] {
            let file = File::options().write(true).open(shop.table(table)).unwrap();
            file.set_modified(at).unwrap();
        }
        shop.published();
        Watched::start(&shop).scrape()
    };
    let page = age(1);
    assert!(!firing("KindredSourceOld", &page, &page));
    let page = age(4);
    assert!(firing("KindredSourceOld", &page, &page));
}

/// A batch that this server took so long ago, as its journal has it.
fn journal_batch(shop: &Shop, ago: Duration) {
    let blob = UnverifiedBlob::open(&shop.catalog_file()).unwrap().verify(None).unwrap();
    let catalog = Arc::new(Catalog::from_blob(blob).unwrap());
    let clock = Arc::new(move || SystemTime::now() - ago);
    let options = StockOptions { clock, ..StockOptions::default() };
    let dir = shop.path("state").join("stock");
    std::fs::create_dir_all(&dir).unwrap();
    let (stock, writer) = Stock::open(&dir, options, |_: &Arc<StockView>| {}).unwrap();
    stock.attach(catalog, Box::new(|_| {})).unwrap();
    let update = UpdateDraft {
        product_id: "target".to_owned(),
        availability: Availability::InStock.into(),
        event_us: Some(1_000_000),
        ..UpdateDraft::default()
    };
    let (sender, done) = mpsc::channel();
    let reply = Box::new(move |answer| sender.send(answer).unwrap());
    stock.batch("erp".to_owned(), 1, vec![update], reply);
    done.recv().unwrap().unwrap();
    stock.stop();
    writer.join().unwrap();
}

#[test]
fn stock_feed_silent_fires_until_the_feed_speaks() {
    let shop = published();
    journal_batch(&shop, Duration::from_secs(3_600));
    let watched = Watched::start(&shop);
    let page = watched.scrape();
    assert!(firing("KindredStockFeedSilent", &page, &page));
    block_on(async {
        let mut stock = stock(watched.server.address).await;
        let update = reading("target", Availability::LowStock, 1);
        send(&mut stock, batch("erp", 2, vec![update])).await;
    });
    let page = watched.scrape();
    assert!(!firing("KindredStockFeedSilent", &page, &page));
}

#[test]
fn stock_gap_fires_while_a_batch_is_missing() {
    let shop = published();
    let watched = Watched::start(&shop);
    let sent = |sequence: u64| {
        block_on(async {
            let mut stock = stock(watched.server.address).await;
            let at = i64::try_from(sequence).unwrap();
            let update = reading("target", Availability::LowStock, at);
            send(&mut stock, batch("erp", sequence, vec![update])).await;
        });
        let page = watched.scrape();
        firing("KindredStockGap", &page, &page)
    };
    assert!(!sent(1));
    assert!(sent(3), "the second is missing");
    assert!(!sent(2));
}

#[test]
fn journal_broken_fires_where_nothing_can_be_written() {
    let shop = published();
    let watched = Watched::start(&shop);
    let page = watched.scrape();
    assert!(!firing("KindredJournalBroken", &page, &page));
    drop(watched);
    // No file may grow; without the trap the signal would end the process.
    let watched = Watched::listening(limited(&shop, "trap '' XFSZ; ulimit -f 0"));
    block_on(async {
        let mut stock = stock(watched.server.address).await;
        let update = reading("target", Availability::LowStock, 1);
        let refused = stock.batch_update_availability(batch("erp", 1, vec![update])).await;
        assert!(refused.is_err(), "{refused:?}");
    });
    let page = watched.scrape();
    assert!(firing("KindredJournalBroken", &page, &page));
    look_up(&watched, "seed");
}

/// Askers that keep a server of one runtime busy: to find the best of all that these seeds lead to is more
/// work than to ask for it.
const ASKERS: usize = 32;
const SEEDS: usize = 50;
const TARGETS: usize = 100;

/// Lookups that come faster than they are answered, until one is refused for that.
async fn overload(address: SocketAddr) {
    let seeds = (0..SEEDS).map(|number| format!("seed{number}")).collect::<Vec<_>>();
    let seeds = seeds.iter().map(String::as_str).collect::<Vec<_>>();
    let mut ask = asking(&[CROSS_SELL], &seeds);
    ask.lookup.as_mut().unwrap().max_results = 1;
    let (shed, mut is_shed) = tokio::sync::mpsc::channel(ASKERS);
    for _ in 0..ASKERS {
        let (mut client, ask, shed) = (client(address).await, ask.clone(), shed.clone());
        tokio::spawn(async move {
            while !shed.is_closed() {
                match client.get_recommendations(ask.clone()).await {
                    Ok(_) => {}
                    // Whoever was told first is told enough.
                    Err(status) => drop(shed.try_send(status.code())),
                }
            }
        });
    }
    assert_eq!(is_shed.recv().await, Some(tonic::Code::ResourceExhausted));
}

#[test]
fn shedding_fires_when_lookups_come_faster_than_they_are_answered() {
    let targets = |seed: usize| {
        (0..TARGETS).map(move |target| format!("seed{seed},cross_sell,target{seed}-{target}\n"))
    };
    let relations = (0..SEEDS).flat_map(targets).collect::<String>();
    let ids = |seed: usize| (0..TARGETS).map(move |target| format!("target{seed}-{target}\n"));
    let seeds = (0..SEEDS).map(|number| format!("seed{number}\n"));
    let products = seeds.chain((0..SEEDS).flat_map(ids)).collect::<String>();
    let shop = Shop::with(&[
        ("products.csv", &format!("id\n{products}")),
        ("relations.csv", &format!("source,type,target\n{relations}")),
    ]);
    shop.published();
    let mut command = serve(&shop, "state");
    command.env("KINDRED_RUNTIMES", "1").env("KINDRED_SHED_AFTER_MS", "1");
    let watched = Watched::listening(command);
    check("KindredShedding", &watched, || block_on(overload(watched.server.address)));
}

#[test]
fn errors_fires_when_calls_are_refused_for_want_of_a_snapshot() {
    let shop = shop();
    shop.open();
    let watched = Watched::starting(serve(&shop, "state"));
    check("KindredErrors", &watched, || {
        let ask = async {
            client(watched.server.address).await.get_recommendations(asking(&[1], &["seed"])).await
        };
        assert_eq!(block_on(ask).unwrap_err().code(), tonic::Code::Unavailable);
    });
}

/// What callers do wrong is no error of the server's.
#[test]
fn errors_is_silent_when_callers_are_wrong() {
    let shop = published();
    let watched = Watched::start(&shop);
    let wrong = || {
        let ask = asking(&[CROSS_SELL], &[]);
        let ask = async { client(watched.server.address).await.get_recommendations(ask).await };
        assert_eq!(block_on(ask).unwrap_err().code(), tonic::Code::InvalidArgument);
        // What is no message at all is the caller's fault, too.
        assert_eq!(block_on(garbage(watched.server.address)), "3");
        look_up(&watched, "seed");
        watched.scrape()
    };
    let first = wrong();
    assert!(!firing("KindredErrors", &first, &wrong()));
}

/// The head of a lookup.
fn lookup_head(address: SocketAddr) -> http::Request<()> {
    let path = Method::GetRecommendations.path();
    http::Request::post(format!("http://{address}{path}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap()
}

/// The status of a call whose body cannot be read.
async fn garbage(address: SocketAddr) -> String {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(async { connection.await.ok() });
    let (answer, mut body) = sender.send_request(lookup_head(address), false).unwrap();
    body.send_data(bytes::Bytes::from_static(b"\0\0\0\0\x03\xff\xff\xff"), true).unwrap();
    let head = answer.await.unwrap();
    head.headers()["grpc-status"].to_str().unwrap().to_owned()
}

/// A lookup whose sender takes its time over the body, counted from when the server has the headers.
async fn slowly(address: SocketAddr, pause: Duration) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (sender, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut pings = connection.ping_pong().unwrap();
    let connection = tokio::spawn(async { connection.await.ok() });
    let mut sender = sender.ready().await.unwrap();
    let (answer, mut body) = sender.send_request(lookup_head(address), false).unwrap();
    // The first leaves with the headers, maybe ahead of them; the second is answered behind them.
    for _ in 0..2 {
        pings.ping(h2::Ping::opaque()).await.unwrap();
    }
    let taken = Instant::now();
    while taken.elapsed() < pause {
        tokio::task::yield_now().await;
    }
    let message = asking(&[CROSS_SELL], &["seed"]).encode_to_vec();
    let length = u32::try_from(message.len()).unwrap();
    #[expect(clippy::big_endian_bytes, reason = "gRPC puts the high byte first")]
    let frame = [&[0], &length.to_be_bytes()[..], &message].concat();
    body.send_data(frame.into(), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    connection.abort();
}

#[test]
fn slow_fires_when_lookups_take_long() {
    let shop = published();
    let watched = Watched::start(&shop);
    look_up(&watched, "seed");
    check("KindredSlow", &watched, || {
        block_on(slowly(watched.server.address, Duration::from_millis(30)));
    });
}

#[test]
fn empty_slots_fires_for_products_without_relations() {
    let shop = published();
    let watched = Watched::start(&shop);
    look_up(&watched, "seed");
    check("KindredEmptySlots", &watched, || look_up(&watched, "lone"));
}

#[test]
fn connections_and_descriptors_near_their_limits_fire_and_then_refusals() {
    let shop = published();
    // Half of so few descriptors are for connections.
    let watched = Watched::listening(limited(&shop, "ulimit -n 64"));
    let before = watched.scrape();
    let seats = before.value("kindred_connections_max", &LOOKUP).unwrap();
    assert!((seats - 32.0).abs() < 0.5, "{seats}");
    let alerts =
        ["KindredConnectionsNearCap", "KindredDescriptorsNearLimit", "KindredConnectionsRefused"];
    let firing = |now: &Scrape| alerts.map(|alert| firing(alert, &before, now));
    assert_eq!(firing(&watched.scrape()), [false; 3]);
    let connect = || TcpStream::connect(watched.server.address).unwrap();
    let mut peers = (0..31).map(|_| connect()).collect::<Vec<_>>();
    let open = |scrape: &Scrape| scrape.value("kindred_connections_open", &LOOKUP) >= Some(30.0);
    let near = eventually(|| watched.scrape(), open);
    assert_eq!(firing(&near), [true, true, false]);
    peers.extend((0..4).map(|_| connect()));
    let refused = eventually(
        || watched.scrape(),
        |now| {
            let labels = [("listener", "lookup"), ("reason", "full")];
            now.value("kindred_connections_refused_total", &labels) > Some(0.0)
        },
    );
    assert!(firing(&refused)[2]);
}

/// Whoever adds an alert shows that it fires.
#[test]
fn each_alert_has_its_test() {
    let source = super::source_file("tests/it/signals/alerts.rs");
    for (name, _) in alerts() {
        let tested = source.matches(&format!("\"{name}\"")).count();
        assert!(tested > 0, "no test provokes {name}");
    }
}
