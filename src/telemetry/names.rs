//! The one table of metrics: every name, its labels, what it says.
//!
//! Alerts, the dashboard, the runbook and README name only what stands here; a test reads them.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Buckets, a sum and a count.
    Histogram,
    /// Always 1: the labels are what it says. Its name ends in `_info`.
    Info,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, as it is asked for; a histogram's without `_bucket`, `_sum` and `_count`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels, but for `le`.
    pub labels: &'static [&'static str],
    /// What it says, without a full stop.
    pub help: &'static str,
}

/// A metric of the table.
macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal $labels:tt $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric =
                Metric { name: $name, kind: Kind::$kind, labels: &$labels, help: $help };
        )*
        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    CALLS = Histogram "rpc_server_call_duration_seconds"
        ["rpc_system_name", "rpc_method", "rpc_response_status_code"]
        "Time from the headers of a call to the end of its answer";
    SHED = Counter "kindred_shed_total" []
        "Calls refused because the server had too much to do";
    SPANS_DROPPED = Counter "kindred_trace_spans_dropped_total" []
        "Spans of sampled calls that the collector does not have: it was down, slow, or too many waited";
    SLOTS = Counter "kindred_slots_total" ["placement", "market", "outcome"]
        "Slots answered; no placement is an ad hoc lookup";
    FALLBACK = Counter "kindred_fallback_items_total" []
        "Products in answers that a fallback step brought";
    DROPPED = Counter "kindred_candidates_dropped_total" ["reason"]
        "Candidates that answers left out, by the first reason";
    READY = Gauge "kindred_ready" []
        "1 while health says SERVING, else 0";
    SNAPSHOT_INFO = Info "kindred_snapshot_info" ["snapshot_id"]
        "The snapshot that is live";
    SNAPSHOT_AGE = Gauge "kindred_snapshot_age_seconds" []
        "Time since the manifest of the live snapshot was written";
    SNAPSHOT_SWAP = Gauge "kindred_snapshot_swap_seconds" []
        "Time that the live snapshot took from the first look at it until it was live";
    SNAPSHOT_REFUSED = Counter "kindred_snapshot_refused_total" ["reason"]
        "Times that a snapshot was refused and the one before kept";
    SNAPSHOT_BEHIND = Gauge "kindred_snapshot_behind" []
        "1 while what the track names to be live was refused, is quarantined or cannot be read, else 0";
    CATALOG_SPOILED = Counter "kindred_catalog_spoiled_total" []
        "Times that a live catalog was found to have changed since it was verified";
    SOURCE_AGE = Gauge "kindred_source_age_seconds" ["source"]
        "Time since the newest file of a source of the live snapshot was written";
    FEED_AGE = Gauge "kindred_stock_feed_age_seconds" ["feed"]
        "Time since a batch of this feed of stock was last taken";
    FEED_GAP = Gauge "kindred_stock_feed_batches_beyond_gap" ["feed"]
        "Batches of this feed that were applied behind one that is missing";
    JOURNAL = Gauge "kindred_stock_journal_writable" []
        "1 while the stock journal takes writes, else 0";
    CONNECTIONS_OPEN = Gauge "kindred_connections_open" ["listener"]
        "Connections that are open";
    CONNECTIONS_MAX = Gauge "kindred_connections_max" ["listener"]
        "Connections that may be open";
    CONNECTIONS_ACCEPTED = Counter "kindred_connections_accepted_total" ["listener"]
        "Connections that were served";
    CONNECTIONS_REFUSED = Counter "kindred_connections_refused_total" ["listener", "reason"]
        "Connections that were closed at once: as many as may be were open, in all or of one peer";
    CONNECTIONS_ENDED = Counter "kindred_connections_ended_total" ["listener", "ending"]
        "Connections that ended, by how";
    BUILD_INFO = Info "kindred_build_info" ["version"]
        "The version of the program";
    PROCESS_MEMORY = Gauge "process_resident_memory_bytes" []
        "Resident memory, mapped catalogs included";
    PROCESS_FDS = Gauge "process_open_fds" []
        "Open file descriptors";
    PROCESS_FDS_MAX = Gauge "process_max_fds" []
        "File descriptors that may be open";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the process began, in seconds since 1970";
    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "Processor time that was spent";
}

impl Metric {
    /// The name of its family, which OpenMetrics has without the end that its kind gives.
    #[must_use]
    pub fn family(&self) -> &'static str {
        let end = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.name.strip_suffix(end).unwrap_or(self.name)
    }
}
