//! Goal: the promises of the rim hold against real sockets. Method: a server on port 0 with a test
//! double behind the generated stub; tonic's own client where the peer behaves, raw frames where
//! it does not. Every wait is for an event, under [`PATIENCE`].

#![expect(clippy::big_endian_bytes, reason = "HTTP/2 puts the high byte first")]

use std::{
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use prost::Message as _;
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tonic::{
    Code, Request, Response, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use super::{
    AccessLog, Availabilities, DrainReport, Health, ServeOptions, Services, Stop, connection,
    routes, serve,
};
use crate::{
    pb::{
        self, EncodedResponse, recommendation_service_client::RecommendationServiceClient,
        server::recommendation_service_server::RecommendationService,
    },
    snapshot::Live,
    stock::{Stock, StockView},
    telemetry::Metrics,
};

mod availability;
mod budget;
mod bundles;
mod convert;
mod cuts;
mod disk;
mod drain;
mod explain;
mod golden;
mod health;
mod hot;
mod limits;
mod listing;
mod measure;
mod moment;
mod pages;
mod peer;
mod readiness;
mod reflection;
mod reply;
mod resync;
mod serving;
mod settings;
mod shed;
mod snapshots;
mod status;
mod stock_limits;
mod web;
mod world;

/// Longer than any event takes on a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a drain may take beyond its deadline on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// How long a call that asks for work keeps its thread.
const WORK: Duration = Duration::from_millis(30);

/// Answers with the name of its thread, or misbehaves as the snapshot id asks.
struct Double {
    started: UnboundedSender<()>,
    release: Arc<Semaphore>,
    unblock: Mutex<mpsc::Receiver<()>>,
}

#[tonic::async_trait]
impl RecommendationService for Double {
    async fn get_recommendations(
        &self,
        request: Request<pb::GetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        match request.get_ref().snapshot_id.as_str() {
            "panic" => panic!("the handler panics, as the test asked"),
            "wait" => {
                self.started.send(()).unwrap();
                self.release.acquire().await.unwrap().forget();
            }
            "block" => {
                self.started.send(()).unwrap();
                self.unblock.lock().unwrap().recv().ok();
            }
            "work" => {
                let begin = Instant::now();
                while begin.elapsed() < WORK {
                    std::hint::spin_loop();
                }
            }
            "large" => {
                let id = "x".repeat(1 << 20);
                let answer = pb::GetRecommendationsResponse {
                    missing_product_ids: vec![id],
                    ..<_>::default()
                };
                return Ok(Response::new(EncodedResponse::of(&answer.encode_to_vec())));
            }
            _ => {}
        }
        let product = thread::current().name().unwrap_or_default().to_owned();
        let answer =
            pb::GetRecommendationsResponse { missing_product_ids: vec![product], ..<_>::default() };
        Ok(Response::new(EncodedResponse::of(&answer.encode_to_vec())))
    }

    async fn batch_get_recommendations(
        &self,
        _: Request<pb::BatchGetRecommendationsRequest>,
    ) -> Result<Response<EncodedResponse>, Status> {
        Err(Status::unimplemented("the double has no pages"))
    }

    async fn get_bundles(
        &self,
        _: Request<pb::GetBundlesRequest>,
    ) -> Result<Response<pb::GetBundlesResponse>, Status> {
        Err(Status::unimplemented("the double has no bundles"))
    }

    async fn explain_recommendations(
        &self,
        _: Request<pb::ExplainRecommendationsRequest>,
    ) -> Result<Response<pb::ExplainRecommendationsResponse>, Status> {
        Err(Status::unimplemented("the double explains nothing"))
    }

    async fn list_relations(
        &self,
        _: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        Err(Status::unimplemented("the double has no relations"))
    }

    async fn describe_catalog(
        &self,
        _: Request<pb::DescribeCatalogRequest>,
    ) -> Result<Response<pb::DescribeCatalogResponse>, Status> {
        Err(Status::unimplemented("the double has no catalog"))
    }
}

/// A server under test.
struct Server {
    addr: SocketAddr,
    health: Health,
    stop: Stop,
    stock: Stock,
    started: UnboundedReceiver<()>,
    release: Arc<Semaphore>,
    unblock: mpsc::Sender<()>,
    report: mpsc::Receiver<io::Result<DrainReport>>,
}

impl Server {
    fn start(options: ServeOptions) -> Self {
        Self::told(options, None, Metrics::default())
    }

    /// Sheds after so long, and counts here.
    fn told(options: ServeOptions, shed_after: Option<Duration>, metrics: Metrics) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (health, stop) = (Health::new(), Stop::new());
        let release = Arc::new(Semaphore::new(0));
        let (started_tx, started) = unbounded_channel();
        let (unblock, unblock_rx) = mpsc::channel();
        let double = Double {
            started: started_tx,
            release: Arc::clone(&release),
            unblock: Mutex::new(unblock_rx),
        };
        let (stock, _) = Stock::in_memory(|_: &Arc<StockView>| {}).unwrap();
        let availability = Availabilities::new(stock.clone(), Live::default());
        let routes = routes(double, availability, None, &health, true);
        let services = Services::from(routes).shed_after(shed_after);
        let services = services.measured(metrics, AccessLog::default());
        let report = spawn(listener, services, &health, options, &stop);
        Self { addr, health, stop, stock, started, release, unblock, report }
    }

    /// Waits for the end, which the test has asked for.
    fn ended(self) -> DrainReport {
        self.report.recv_timeout(PATIENCE).expect("the server ends").unwrap()
    }

    fn drained(self) -> DrainReport {
        self.stop.drain();
        self.ended()
    }

    async fn channel(&self) -> Channel {
        channel(self.addr).await
    }

    async fn client(&self) -> RecommendationServiceClient<Channel> {
        RecommendationServiceClient::new(self.channel().await)
    }

    async fn watch(&self, name: &str) -> Streaming<HealthCheckResponse> {
        let request = HealthCheckRequest { service: name.to_owned() };
        HealthClient::new(self.channel().await).watch(request).await.unwrap().into_inner()
    }
}

/// Serves on a thread of its own, and tells how that ended.
fn spawn(
    listener: TcpListener,
    services: impl Into<Services>,
    health: &Health,
    options: ServeOptions,
    stop: &Stop,
) -> mpsc::Receiver<io::Result<DrainReport>> {
    let (report_tx, report) = mpsc::channel();
    let (health, stop, services) = (health.clone(), stop.clone(), services.into());
    thread::spawn(move || report_tx.send(serve(listener, services, &health, &options, &stop)));
    report
}

async fn channel(addr: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{addr}")).unwrap();
    endpoint.timeout(PATIENCE).connect().await.unwrap()
}

fn options(runtimes: usize) -> ServeOptions {
    ServeOptions {
        runtimes: NonZeroUsize::new(runtimes).unwrap(),
        preface_wait: PATIENCE,
        drain_wait: PATIENCE,
        ..ServeOptions::default()
    }
}

fn asking(what: &str) -> pb::GetRecommendationsRequest {
    pb::GetRecommendationsRequest { snapshot_id: what.to_owned(), ..<_>::default() }
}

/// The name of the thread that answered.
async fn call(client: &mut RecommendationServiceClient<Channel>) -> String {
    let answer = client.get_recommendations(asking("")).await.unwrap().into_inner();
    answer.missing_product_ids.into_iter().next().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("in time") })
}

/// What a Check answers.
async fn check_health(server: &Server, name: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(server.channel().await).check(request).await;
    answer.map(|answer| answer.into_inner().status()).map_err(|status| status.code())
}
