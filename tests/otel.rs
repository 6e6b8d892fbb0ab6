//! Goal: spans of sampled calls reach a collector, those of others do not, and a collector that is gone
//! holds up nothing. Method: the built program serves its demo; a collector in this process takes what
//! OTLP brings, in order, so that what came before the span of a later call never comes.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use kindred::{
    model::limits::{SPANS_BATCH_MAX, SPANS_EXPORT_WAIT, SPANS_WAITING_MAX},
    pb::{
        GetRecommendationsRequest, LookupSpec, Seed,
        recommendation_service_client::RecommendationServiceClient, seed::Target,
    },
    telemetry::{Exporter, Metrics, TraceParent, TracedCall, Traces},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, Status as SpanStatus, span::SpanKind, status::StatusCode},
};
use tempfile::TempDir;
use tonic::{
    Code, Request, Response, Status,
    metadata::{MetadataMap, MetadataValue},
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};

/// How long anything may take that should come.
const PATIENCE: Duration = Duration::from_secs(60);

const METHOD: &str = "kindred.v1.RecommendationService/GetRecommendations";

/// The caller's span.
const SPAN_ID: &str = "00f067aa0ba902b7";

/// A message to the collector, and its headers.
type Taken = (MetadataMap, ExportTraceServiceRequest);

/// Takes spans in threads of its own.
struct Collector {
    address: SocketAddr,
    taken: mpsc::Receiver<Taken>,
    waiting: Vec<Span>,
    last: Option<Taken>,
}

struct Taker(mpsc::Sender<Taken>);

#[tonic::async_trait]
impl TraceService for Taker {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (headers, _, message) = request.into_parts();
        self.0.send((headers, message)).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

impl Collector {
    fn start() -> Self {
        let runtime = runtime();
        let listen = async { TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))) };
        let incoming = runtime.block_on(listen).expect("a free port");
        let address = incoming.local_addr().expect("an address");
        let (sender, taken) = mpsc::channel();
        let service = TraceServiceServer::new(Taker(sender));
        let serve = Server::builder().add_service(service).serve_with_incoming(incoming);
        thread::spawn(move || runtime.block_on(serve));
        Self { address, taken, waiting: Vec::new(), last: None }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next span, in the order in which calls ended.
    #[track_caller]
    fn span(&mut self) -> Span {
        while self.waiting.is_empty() {
            let taken = self.taken.recv_timeout(PATIENCE).expect("the collector gets spans");
            let scopes = taken.1.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
            self.waiting.extend(scopes.flat_map(|scope| scope.spans.clone()));
            self.last = Some(taken);
        }
        self.waiting.remove(0)
    }
}

/// The demo, served by the built program.
struct Demo {
    child: Child,
    out: BufReader<ChildStdout>,
    address: SocketAddr,
    _home: TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Demo {
    fn command(home: &TempDir, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
        command.args(["demo", "--listen", "127.0.0.1:0", "--store"]).arg(home.path().join("store"));
        command.arg("--state").arg(home.path().join("state")).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=shop");
        command
    }

    fn start(arguments: &[&str]) -> Self {
        let home = TempDir::new().expect("a directory");
        let mut child = Self::command(&home, arguments).spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        while !line.starts_with("listening on ") {
            line.clear();
            let count = out.read_line(&mut line).expect("its output can be read");
            assert!(count > 0, "the demo ended before it listened");
        }
        let address = line.trim().trim_start_matches("listening on ").parse().expect("an address");
        Self { child, out, address, _home: home }
    }

    /// Asks for a product with this `traceparent` and request id.
    fn call(&self, traceparent: Option<&str>, request_id: &str, seeds: &[&str]) -> Code {
        runtime().block_on(async {
            let seeds = seeds.iter().map(|id| Seed {
                target: Some(Target::ProductId((*id).to_owned())),
                ..Seed::default()
            });
            let mut request = Request::new(GetRecommendationsRequest {
                lookup: Some(LookupSpec { relation_types: vec![1], ..LookupSpec::default() }),
                seeds: seeds.collect(),
                ..GetRecommendationsRequest::default()
            });
            for (name, value) in [("traceparent", traceparent), ("x-request-id", Some(request_id))]
            {
                let value = value.map(|value| MetadataValue::try_from(value).expect("a header"));
                value.map(|value| request.metadata_mut().insert(name, value));
            }
            let answer = self.client().await.get_recommendations(request).await;
            answer.map_or_else(|status| status.code(), |_| Code::Ok)
        })
    }

    async fn client(&self) -> RecommendationServiceClient<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("a URL");
        let channel = endpoint.timeout(PATIENCE).connect().await.expect("the demo listens");
        RecommendationServiceClient::new(channel)
    }

    /// Asks it to end; how long that took, and its log.
    fn ended(mut self) -> (Duration, String) {
        let begun = Instant::now();
        let kill = format!("kill -TERM {}", self.child.id());
        let killed = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(killed.success());
        // Both streams end with it; its log is short enough to wait in the pipe.
        let (mut rest, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).expect("its output is text");
        let stderr = self.child.stderr.as_mut().expect("its log is piped");
        stderr.read_to_string(&mut log).expect("its log is text");
        let status = self.child.wait().expect("it has ended");
        assert!(status.success(), "{status}: {log}");
        (begun.elapsed(), log)
    }
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let value = found.value.as_ref()?.value.as_ref()?;
    let Value::StringValue(text) = value else { return Some(format!("{value:?}")) };
    Some(text.clone())
}

fn parent(trace_id: u128, flags: &str) -> String {
    format!("00-{trace_id:032x}-{SPAN_ID}-{flags}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn trace_id(span: &Span) -> u128 {
    assert_eq!(span.trace_id.len(), 16);
    u128::from_str_radix(&hex(&span.trace_id), 16).expect("hex")
}

#[test]
fn the_span_of_a_sampled_call_is_a_part_of_its_callers_trace() {
    let mut collector = Collector::start();
    // No share is logged: the caller's flag alone decides.
    let demo = Demo::start(&["--otel-endpoint", &collector.url()]);
    assert_eq!(demo.call(Some(&parent(0xa1, "00")), "unsampled", &["toy-car"]), Code::Ok);
    assert_eq!(demo.call(None, "without", &["toy-car"]), Code::Ok);
    assert_eq!(demo.call(Some(&parent(0xa2, "01")), "page-1", &["toy-car"]), Code::Ok);
    let span = collector.span();
    assert_eq!(trace_id(&span), 0xa2, "the first that comes is the first sampled one: {span:?}");
    assert_eq!(hex(&span.parent_span_id), SPAN_ID);
    assert!(span.span_id.len() == 8 && span.span_id != span.parent_span_id, "{span:?}");
    assert_eq!((span.name.as_str(), span.kind()), (METHOD, SpanKind::Server));
    let took = span.end_time_unix_nano - span.start_time_unix_nano;
    assert!(took > 0 && took < 60_000_000_000, "{took} ns");
    assert!(span.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset));
    for (key, expected) in [
        ("rpc.system.name", Some("grpc")),
        ("rpc.method", Some(METHOD)),
        ("rpc.response.status_code", Some("OK")),
        ("kindred.request_id", Some("page-1")),
        ("network.peer.address", Some("127.0.0.1")),
        ("error.type", None),
    ] {
        assert_eq!(value(&span.attributes, key).as_deref(), expected, "{key}");
    }
    assert!(!format!("{span:?}").contains("toy-car"), "nothing of what was asked: {span:?}");
    let (headers, message) = collector.last.as_ref().expect("it has come");
    let resource = message.resource_spans[0].resource.as_ref().expect("a resource");
    assert_eq!(value(&resource.attributes, "service.name").as_deref(), Some("kindred"));
    let environment = value(&resource.attributes, "deployment.environment.name");
    assert_eq!(environment.as_deref(), Some("test"), "{resource:?}");
    assert_eq!(headers.get("x-tenant").expect("the header of the environment"), "shop");
}

#[test]
fn a_call_without_a_good_traceparent_is_exported_as_the_access_log_takes_it() {
    let mut collector = Collector::start();
    let demo = Demo::start(&["--otel-endpoint", &collector.url(), "--access-log", "1"]);
    assert_eq!(demo.call(Some(&parent(0xb1, "00")), "unsampled", &["toy-car"]), Code::Ok);
    assert_eq!(demo.call(None, "without", &["toy-car"]), Code::Ok);
    assert_eq!(demo.call(Some(&parent(0xb2, "0")), "malformed", &["toy-car"]), Code::Ok);
    assert_eq!(demo.call(Some(&parent(0xb3, "01")), "bad", &[]), Code::InvalidArgument);
    let [without, malformed, bad] = [(); 3].map(|()| collector.span());
    let id = |span: &Span| value(&span.attributes, "kindred.request_id").unwrap_or_default();
    assert_eq!([&without, &malformed, &bad].map(id), ["without", "malformed", "bad"]);
    for made in [&without, &malformed] {
        assert!(trace_id(made) > 0xffff && made.parent_span_id.is_empty(), "{made:?}");
    }
    assert_ne!(trace_id(&without), trace_id(&malformed));
    assert_eq!(trace_id(&bad), 0xb3);
    // What its caller did wrong is no error of the server.
    assert_eq!(
        value(&bad.attributes, "rpc.response.status_code").as_deref(),
        Some("INVALID_ARGUMENT")
    );
    assert!(bad.status.as_ref().is_none_or(|status| status.code() == StatusCode::Unset));
    // The last one is sent at the end, not a second later.
    assert_eq!(demo.call(Some(&parent(0xb4, "01")), "last", &["toy-car"]), Code::Ok);
    let (_, log) = demo.ended();
    assert_eq!(trace_id(&collector.span()), 0xb4);
    assert_eq!(log.matches("kindred::access").count(), 5, "{log}");
}

#[test]
fn a_collector_that_is_down_or_silent_holds_up_no_call_and_no_drain() {
    // Nobody listens at the first; the second takes connections and says nothing.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let down = free.local_addr().expect("an address");
    drop(free);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_address = silent.local_addr().expect("an address");
    for (address, complaint) in [
        (down, "The collector does not take spans; they are dropped."),
        (silent_address, "The collector took too long; the last spans are lost."),
    ] {
        let demo = Demo::start(&["--otel-endpoint", &format!("http://{address}")]);
        let begun = Instant::now();
        for number in 1..=200 {
            assert_eq!(demo.call(Some(&parent(number, "01")), "page", &["toy-car"]), Code::Ok);
        }
        assert!(begun.elapsed() < PATIENCE, "200 calls took {:?}", begun.elapsed());
        let (took, log) = demo.ended();
        assert!(log.contains("Drained; good bye."), "{log}");
        assert!(log.contains(complaint), "{log}");
        assert!(took < Duration::from_secs(10), "the end took {took:?}");
    }
}

/// So many calls of one trace, added to what sends spans.
fn add(traces: &Traces, count: usize) {
    let caller = TraceParent::parse(parent(0xc1, "01").as_bytes());
    for number in 0..count {
        let call = TracedCall {
            method: None,
            code: 13,
            took: Duration::from_micros(40),
            request_id: number.to_string(),
            peer: None,
        };
        assert!(traces.takes(caller, false), "its caller wants it");
        traces.add(caller, call);
    }
}

fn dropped(metrics: &Metrics) -> usize {
    let page = metrics.scrape().expect("a page");
    let series =
        |line: &str| Some(line.strip_prefix("kindred_trace_spans_dropped_total ")?.parse());
    page.lines().find_map(series).expect("the series").expect("a count")
}

#[test]
fn spans_beyond_the_queue_are_dropped_and_counted_and_no_others() {
    let mut collector = Collector::start();
    let metrics = Metrics::default();
    let url = collector.url().parse().expect("a URL");
    let (traces, exporter) = Exporter::start(&url, &metrics).expect("it starts");
    add(&traces, SPANS_WAITING_MAX);
    drop(exporter);
    for number in 0..SPANS_WAITING_MAX {
        let span = collector.span();
        assert_eq!(value(&span.attributes, "kindred.request_id"), Some(number.to_string()));
        // Nobody knows the method, and the fault is the server's.
        assert_eq!(span.name, "grpc");
        assert_eq!(value(&span.attributes, "rpc.method").as_deref(), Some("_OTHER"));
        assert_eq!(value(&span.attributes, "error.type").as_deref(), Some("INTERNAL"));
        assert_eq!(span.status.as_ref().map(SpanStatus::code), Some(StatusCode::Error));
    }
    assert_eq!(dropped(&metrics), 0);
    // What comes after the end is dropped, too.
    add(&traces, 1);
    assert_eq!(dropped(&metrics), 1);

    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let metrics = Metrics::default();
    let url = url.parse().expect("a URL");
    let (traces, exporter) = Exporter::start(&url, &metrics).expect("it starts");
    let begun = Instant::now();
    // One batch may be on its way.
    let most = SPANS_WAITING_MAX + SPANS_BATCH_MAX;
    add(&traces, most + 1_000);
    assert!(begun.elapsed() < SPANS_EXPORT_WAIT, "nobody waits: {:?}", begun.elapsed());
    let count = dropped(&metrics);
    assert!((1_000..=1_000 + SPANS_BATCH_MAX).contains(&count), "{count} were dropped");
    drop(exporter);

    drop(silent);
    let metrics = Metrics::default();
    let (traces, exporter) = Exporter::start(&url, &metrics).expect("it starts");
    add(&traces, 10);
    drop(exporter);
    assert_eq!(dropped(&metrics), 10, "nobody listens any more");
}

#[test]
fn an_endpoint_that_cannot_be_meant_is_wrong_usage() {
    let home = TempDir::new().expect("a directory");
    for url in ["127.0.0.1:4317", "https://collector:4317", "http://collector/v1/traces", "http://"]
    {
        let mut command = Demo::command(&home, &["--otel-endpoint", url]);
        let run = command.output().expect("the program starts");
        let complaint = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{url}: {complaint}");
        assert!(complaint.contains("in the clear, such as"), "{url}: {complaint}");
    }
}
