//! Spans of sampled calls, sent by OTLP over gRPC: attributes as OpenTelemetry has them for RPC servers.
//!
//! A call that has ended is put into a bounded queue; a thread with a runtime of its own makes spans of
//! what waits there and sends them in batches. Invariants: a call never waits for the collector, nor does
//! the end of the program for longer than [`SPANS_FLUSH_WAIT`]; whatever the collector does not get is
//! counted, and what it did not take in that last wait is said in the log.

use std::{
    fmt, io,
    str::FromStr,
    thread,
    time::{Duration, Instant, SystemTime},
};

use hyper::Uri;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{IdGenerator as _, RandomIdGenerator, SpanData, SpanExporter as _},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::{
    CODE_NAMES, Metrics, TraceParent, TracedCall,
    calls::{OTHER, name},
};
use crate::model::limits::{
    SPANS_BATCH_MAX, SPANS_EXPORT_WAIT, SPANS_FLUSH_WAIT, SPANS_GATHER_WAIT, SPANS_WAITING_MAX,
};

/// The codes that are errors of a server, by OpenTelemetry's conventions for gRPC: the others are what the
/// caller did.
const ERRORS: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

/// A collector that stays down is complained of this often.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// What is known of a caller's trace.
pub type Caller = Option<TraceParent>;

/// The URL of a collector: `http://`, a host, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorUrl(String);

impl FromStr for CollectorUrl {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let is_good = text.parse::<Uri>().is_ok_and(|url| {
            url.scheme_str() == Some("http")
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
        });
        is_good.then(|| Self(text.to_owned())).ok_or_else(|| TraceError::Url(text.to_owned()))
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Give the address of a collector that is near; it can speak TLS to others.
    #[error(
        "expected the URL of a collector that takes OTLP over gRPC in the clear, such as \
         http://127.0.0.1:4317, found {0:?}"
    )]
    Url(String),
    /// An environment variable `OTEL_EXPORTER_OTLP_...` asks for what this build cannot do: unset it.
    #[error("the exporter refuses its settings: {0}")]
    Settings(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The system is out of threads or descriptors.
    #[error("the system refuses a thread or its runtime")]
    Thread(#[source] io::Error),
}

/// A call with its caller's trace, and when it ended.
#[derive(Debug)]
struct Waiting {
    caller: Caller,
    call: TracedCall,
    end: SystemTime,
}

/// Where sampled calls go; nowhere by default. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Queue>);

#[derive(Clone, Debug)]
struct Queue {
    waiting: mpsc::Sender<Waiting>,
    metrics: Metrics,
}

impl Traces {
    /// The trace that the header `traceparent` names; it is looked at only if spans are sent.
    #[inline]
    pub fn caller<'h>(&self, header: impl FnOnce() -> Option<&'h [u8]>) -> Caller {
        self.0.as_ref().and_then(|_| header()).and_then(TraceParent::parse)
    }

    /// Is a call of this caller to be added, which is in the access log or not?
    #[must_use]
    #[inline]
    pub fn takes(&self, caller: Caller, is_logged: bool) -> bool {
        self.0.is_some() && TraceParent::is_exported(caller, is_logged)
    }

    /// Adds a call that has just ended.
    pub fn add(&self, caller: Caller, call: TracedCall) {
        let Some(queue) = &self.0 else { return };
        let waiting = Waiting { caller, call, end: SystemTime::now() };
        if queue.waiting.try_send(waiting).is_err() {
            queue.metrics.spans_dropped(1);
        }
    }
}

/// Sends spans until it is dropped, which waits a bounded time for the last ones.
#[derive(Debug)]
pub struct Exporter {
    /// Dropping it is the word to end.
    end: Option<watch::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Exporter {
    /// Sends what is added to the traces to this collector, which need not be there yet.
    ///
    /// # Errors
    /// The settings of the environment do not fit, or the system refuses a thread.
    pub fn start(
        collector: &CollectorUrl,
        metrics: &Metrics,
    ) -> Result<(Traces, Self), TraceError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(TraceError::Thread)?;
        let exporter = exporter(collector, &runtime)?;
        let (waiting, queue) = mpsc::channel(SPANS_WAITING_MAX);
        let (end, ending) = watch::channel(());
        let sending = Sending {
            exporter,
            ids: RandomIdGenerator::default(),
            scope: InstrumentationScope::builder("kindred")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
            metrics: metrics.clone(),
            complained: None,
        };
        let work = move || {
            runtime.block_on(send_until(ending, queue, sending));
            // A name that is being looked up must not hold up the end.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("kindred-spans".to_owned()).spawn(work);
        let thread = Some(thread.map_err(TraceError::Thread)?);
        let traces = Traces(Some(Queue { waiting, metrics: metrics.clone() }));
        Ok((traces, Self { end: Some(end), thread }))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.end.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        if ended.is_some_and(|ended| ended.is_err()) {
            tracing::error!("The thread that sends spans ended by a fault of the program.");
        }
    }
}

/// What speaks OTLP. It connects when it first sends, on this runtime.
fn exporter(collector: &CollectorUrl, runtime: &Runtime) -> Result<OtlpExporter, TraceError> {
    let _context = runtime.enter();
    let builder = OtlpExporter::builder().with_tonic();
    let builder = builder.with_endpoint(collector.0.as_str()).with_timeout(SPANS_EXPORT_WAIT);
    let mut exporter = builder.build().map_err(TraceError::Settings)?;
    let ours = [
        KeyValue::new("service.name", "kindred"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    // The environment, `OTEL_RESOURCE_ATTRIBUTES`, has the last word.
    let resource = Resource::builder_empty()
        .with_attributes(ours)
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()))
        .build();
    exporter.set_resource(&resource);
    Ok(exporter)
}

/// Sends all that comes until the end, and then what waits, for a bounded time.
async fn send_until(
    mut end: watch::Receiver<()>,
    queue: mpsc::Receiver<Waiting>,
    mut sending: Sending,
) {
    let mut over = end.clone();
    let too_late = async move {
        // Nothing is ever sent: it changes by being closed.
        over.changed().await.ok();
        sleep(SPANS_FLUSH_WAIT).await;
    };
    tokio::select! {
        () = sending.run(&mut end, queue) => {}
        () = too_late => tracing::warn!("The collector took too long; the last spans are lost."),
    }
}

/// The end of the queue where spans come out.
#[derive(Debug)]
struct Sending {
    exporter: OtlpExporter,
    ids: RandomIdGenerator,
    scope: InstrumentationScope,
    metrics: Metrics,
    complained: Option<Instant>,
}

impl Sending {
    async fn run(&mut self, end: &mut watch::Receiver<()>, mut queue: mpsc::Receiver<Waiting>) {
        let mut is_more = true;
        while is_more {
            let mut batch = Vec::new();
            is_more = gather(end, &mut queue, &mut batch).await;
            if !batch.is_empty() {
                self.send(batch).await;
            }
        }
    }

    async fn send(&mut self, batch: Vec<Waiting>) {
        let count = batch.len();
        let spans = batch.into_iter().map(|waiting| self.span(waiting)).collect();
        let sent = timeout(SPANS_EXPORT_WAIT, self.exporter.export(spans)).await;
        let error = match sent {
            Ok(Ok(())) => {
                self.complained = None;
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", SPANS_EXPORT_WAIT.as_secs()),
        };
        self.metrics.spans_dropped(count);
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL) {
            self.complained = Some(Instant::now());
            tracing::warn!(error, count, "The collector does not take spans; they are dropped.");
        }
    }

    fn span(&self, waiting: Waiting) -> SpanData {
        let Waiting { caller, call, end } = waiting;
        let (trace_id, parent_span_id) = caller.map_or_else(
            || (self.ids.new_trace_id(), SpanId::INVALID),
            |caller| (TraceId::from_bytes(caller.trace_id()), SpanId::from_bytes(caller.span_id())),
        );
        let (flags, state) = (TraceFlags::SAMPLED, TraceState::NONE);
        let span_id = self.ids.new_span_id();
        let method = call.method.map(name);
        let code = CODE_NAMES.get(call.code).copied().unwrap_or("UNKNOWN");
        let is_error = ERRORS.contains(&code);
        let mut attributes = vec![
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method.unwrap_or(OTHER)),
            KeyValue::new("rpc.response.status_code", code),
            KeyValue::new("kindred.request_id", call.request_id),
        ];
        attributes.extend(is_error.then(|| KeyValue::new("error.type", code)));
        let peer = call.peer.map(|peer| KeyValue::new("network.peer.address", peer.to_string()));
        attributes.extend(peer);
        SpanData {
            span_context: SpanContext::new(trace_id, span_id, flags, false, state),
            parent_span_id,
            parent_span_is_remote: caller.is_some(),
            span_kind: SpanKind::Server,
            name: method.unwrap_or("grpc").into(),
            start_time: end.checked_sub(call.took).unwrap_or(end),
            end_time: end,
            attributes,
            dropped_attributes_count: 0,
            events: <_>::default(),
            links: <_>::default(),
            status: if is_error { Status::error(code) } else { Status::Unset },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// Takes what comes until it fills a batch, waited long enough, or the end has come. Is there more to come?
async fn gather(
    end: &mut watch::Receiver<()>,
    queue: &mut mpsc::Receiver<Waiting>,
    batch: &mut Vec<Waiting>,
) -> bool {
    let filled = async {
        while batch.len() < SPANS_BATCH_MAX {
            let room = SPANS_BATCH_MAX - batch.len();
            if queue.recv_many(batch, room).await == 0 {
                return false;
            }
        }
        true
    };
    tokio::select! {
        biased;
        is_more = filled => is_more,
        _ = end.changed() => {
            queue.close();
            true
        }
        () = sleep(SPANS_GATHER_WAIT) => true,
    }
}
