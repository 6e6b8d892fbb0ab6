//! The page that a scrape reads.

use std::{
    fmt,
    sync::atomic::Ordering,
    time::{Duration, UNIX_EPOCH},
};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
        text::encode,
    },
    metrics::MetricType,
    registry::Registry,
};

use super::{
    Metrics, NO_SWAP, Observed, SnapshotRefusal,
    calls::{BOUNDS_US, CallSum},
    connections::{ConnectionCounts, ConnectionEnding, ListenerKind, SeatRefusal},
    names::{self, Kind, Metric},
    process::Process,
    slots::{DROP_REASONS, Outcome},
};

/// The page as it is now.
pub(super) fn write(metrics: &Metrics) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(metrics.clone()));
    let mut page = String::new();
    encode(&mut page, &registry)?;
    Ok(page)
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.calls(&mut page)?;
        self.slots(&mut page)?;
        self.snapshots(&mut page)?;
        self.connections_now(&mut page)?;
        self.process(&mut page)
    }
}

/// One series: the values of its labels, and its own.
type Series<'v, V, const N: usize> = ([&'v str; N], V);

struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn family<'v, V, const N: usize>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = Series<'v, V, N>>,
        write: impl Fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        let mut family = self.0.encode_descriptor(metric.family(), metric.help, None, kind)?;
        for (values, value) in series {
            let labels = metric.labels.iter().copied().zip(values).collect::<Vec<_>>();
            if labels.is_empty() {
                write(&mut family, &value)?;
            } else {
                write(&mut family.encode_family(&labels)?, &value)?;
            }
        }
        Ok(())
    }

    fn counter<'v, V: EncodeCounterValue, const N: usize>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = Series<'v, V, N>>,
    ) -> fmt::Result {
        self.family(metric, series, |out, value| {
            out.encode_counter::<NoLabelSet, V, f64>(value, None)
        })
    }

    fn gauge<'v, V: EncodeGaugeValue, const N: usize>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = Series<'v, V, N>>,
    ) -> fmt::Result {
        self.family(metric, series, |out, value| out.encode_gauge(value))
    }

    fn info<'v, const N: usize>(
        &mut self,
        metric: &Metric,
        series: impl IntoIterator<Item = [&'v str; N]>,
    ) -> fmt::Result {
        // The labels are those of the series.
        let more: [(&str, &str); 0] = [];
        let series = series.into_iter().map(|values| (values, ()));
        self.family(metric, series, |out, ()| out.encode_info(&more))
    }
}

impl Metrics {
    fn calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let bounds = BOUNDS_US.map(|bound| Duration::from_micros(bound).as_secs_f64());
        let sums = self.0.calls.sums().map(|sum| (["grpc", sum.method, sum.code], sum));
        page.family(&names::CALLS, sums, |out, sum: &CallSum| {
            let bounds = bounds.into_iter().chain([f64::INFINITY]);
            let buckets = bounds.zip(sum.buckets).collect::<Vec<_>>();
            let seconds = Duration::from_nanos(sum.sum_ns).as_secs_f64();
            out.encode_histogram::<NoLabelSet>(seconds, sum.count, &buckets, None)
        })?;
        page.counter(&names::SHED, [([], self.0.shed.load(Ordering::Relaxed))])?;
        let spans_dropped = self.0.spans_dropped.load(Ordering::Relaxed);
        page.counter(&names::SPANS_DROPPED, [([], spans_dropped)])
    }

    fn slots(&self, page: &mut Page<'_>) -> fmt::Result {
        let slots = self.0.slots.outcomes();
        let series = slots.iter().flat_map(|(placement, market, counts)| {
            let labels =
                Outcome::ALL.map(|outcome| [placement.as_str(), market.as_str(), outcome.label()]);
            labels.into_iter().zip(*counts)
        });
        page.counter(&names::SLOTS, series)?;
        page.counter(&names::FALLBACK, [([], self.0.slots.fallback_items())])?;
        let dropped = DROP_REASONS.map(|reason| [reason]).into_iter().zip(self.0.slots.dropped());
        page.counter(&names::DROPPED, dropped)
    }

    fn snapshots(&self, page: &mut Page<'_>) -> fmt::Result {
        let observed = self.0.observe.get().map(|observe| observe());
        let Observed { is_ready, snapshot, feeds, is_journal_writable, now_s } =
            observed.clone().unwrap_or_default();
        let known = observed.is_some();
        page.gauge(&names::READY, known.then_some(([], u64::from(is_ready))))?;
        page.info(&names::SNAPSHOT_INFO, snapshot.iter().map(|live| [live.id.as_str()]))?;
        let created_s = snapshot.iter().filter_map(|live| live.created_s);
        page.gauge(&names::SNAPSHOT_AGE, created_s.map(|at_s| ([], age(now_s, at_s))))?;
        let swap_ns = Some(self.0.swap_ns.load(Ordering::Relaxed)).filter(|ns| *ns != NO_SWAP);
        let swap = swap_ns.map(|ns| ([], Duration::from_nanos(ns).as_secs_f64()));
        page.gauge(&names::SNAPSHOT_SWAP, swap)?;
        let refused = SnapshotRefusal::ALL.iter().zip(&self.0.refused);
        let refused = refused.map(|(why, count)| ([why.label()], count.load(Ordering::Relaxed)));
        page.counter(&names::SNAPSHOT_REFUSED, refused)?;
        let is_behind = self.0.is_behind.load(Ordering::Relaxed);
        page.gauge(&names::SNAPSHOT_BEHIND, [([], u64::from(is_behind))])?;
        let spoiled = self.0.spoiled.load(Ordering::Relaxed);
        page.counter(&names::CATALOG_SPOILED, [([], spoiled)])?;
        let sources = snapshot.iter().flat_map(|live| &live.sources);
        let sources = sources.map(|one| ([one.name.as_str()], age(now_s, one.confirmed_s)));
        page.gauge(&names::SOURCE_AGE, sources)?;
        let ages = feeds.iter().map(|feed| ([feed.source.as_str()], age(now_s, feed.received_s)));
        page.gauge(&names::FEED_AGE, ages)?;
        let gaps = feeds.iter().map(|feed| ([feed.source.as_str()], u64::from(feed.beyond_gap)));
        page.gauge(&names::FEED_GAP, gaps)?;
        page.gauge(&names::JOURNAL, known.then_some(([], u64::from(is_journal_writable))))
    }

    fn connections_now(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = ListenerKind::ALL.map(|of| (of.label(), self.connections(of).counts()));
        // A server may have one listener for everything.
        let counts = all.iter().filter(|(_, counts)| counts.max > 0);
        let gauge = |value: fn(&ConnectionCounts) -> u64| {
            counts.clone().map(move |(listener, counts)| ([*listener], value(counts)))
        };
        page.gauge(&names::CONNECTIONS_OPEN, gauge(|counts| counts.open))?;
        page.gauge(&names::CONNECTIONS_MAX, gauge(|counts| counts.max))?;
        page.counter(&names::CONNECTIONS_ACCEPTED, gauge(|counts| counts.accepted))?;
        let refused = counts.clone().flat_map(|(listener, counts)| {
            let labels = SeatRefusal::ALL.map(|why| [*listener, why.label()]);
            labels.into_iter().zip(counts.refused)
        });
        page.counter(&names::CONNECTIONS_REFUSED, refused)?;
        let ended = counts.clone().flat_map(|(listener, counts)| {
            let labels = ConnectionEnding::ALL.map(|how| [*listener, how.label()]);
            labels.into_iter().zip(counts.ended)
        });
        page.counter(&names::CONNECTIONS_ENDED, ended)
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        page.info(&names::BUILD_INFO, [[env!("CARGO_PKG_VERSION")]])?;
        let Process { resident_bytes, open_fds, max_fds, cpu } = Process::now();
        page.gauge(&names::PROCESS_MEMORY, resident_bytes.map(|bytes| ([], bytes)))?;
        page.gauge(&names::PROCESS_FDS, open_fds.map(|count| ([], count)))?;
        page.gauge(&names::PROCESS_FDS_MAX, max_fds.map(|count| ([], count)))?;
        let start = self.0.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.gauge(&names::PROCESS_START, [([], start.as_secs_f64())])?;
        page.counter(&names::PROCESS_CPU, [([], cpu.as_secs_f64())])
    }
}

/// Seconds since an instant; none since one that is still to come.
fn age(now_s: i64, at_s: i64) -> i64 {
    now_s.saturating_sub(at_s).max(0)
}
