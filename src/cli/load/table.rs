//! The report of a run as lines of a terminal.

use std::fmt;

use crate::load::{FeedReport, LoadReport, Machine, RateReport};

const GIB: f64 = (1_u64 << 30) as f64;

/// A report, written as a table.
pub(super) struct Table<'a>(pub(super) &'a LoadReport);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        facts(self.0).iter().try_for_each(|(name, value)| writeln!(f, "{name:<10} {value}"))?;
        write!(
            f,
            "\n{:>8} {:>9} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}",
            "RATE/S",
            "ANSWERS/S",
            "OK",
            "FAILED",
            "UNSENT",
            "LATE",
            "P50",
            "P90",
            "P99",
            "P99.9",
            "MAX us",
            "SENT P99",
            "BYTES",
        )?;
        self.0.rates.iter().try_for_each(|rate| row(f, rate))?;
        self.0.rates.iter().try_for_each(|rate| notes(f, rate))
    }
}

/// What the numbers were taken with and against: name, value.
pub(super) fn facts(report: &LoadReport) -> Vec<(&'static str, String)> {
    let Machine { cpus, cpu_model, kernel, load_average: before, .. } = &report.machine_before;
    let after = report.machine_after.load_average;
    let load = |[one, five, fifteen]: [f64; 3]| format!("{one:.2} {five:.2} {fifteen:.2}");
    let available = report.machine_before.memory_available_bytes as f64 / GIB;
    let cached = report.machine_before.page_cache_bytes as f64 / GIB;
    let LoadReport { target, snapshot_id, asked, seed, connections, threads, .. } = report;
    let flight = report.in_flight_max;
    vec![
        ("server", format!("{target}, snapshot {snapshot_id}")),
        ("asked", format!("{asked} products or requests, seed {seed}")),
        (
            "calls",
            format!("{connections} connections, {threads} threads, at most {flight} in flight"),
        ),
        ("machine", format!("{cpus} cpus, {cpu_model}, Linux {kernel}")),
        ("load", format!("{} before, {} after", load(*before), load(after))),
        ("memory", format!("{available:.1} GiB available, {cached:.1} GiB of files cached")),
        ("kindred", format!("{}, {}", report.kindred_version, report.started_at)),
    ]
}

fn row(f: &mut fmt::Formatter<'_>, rate: &RateReport) -> fmt::Result {
    let time = rate.latency_us;
    write!(
        f,
        "\n{:>8} {:>9.0} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6.0}",
        rate.intended_per_s,
        rate.achieved_per_s,
        rate.ok,
        rate.errors.values().sum::<u64>(),
        rate.unsent,
        rate.late,
        time.p50,
        time.p90,
        time.p99,
        time.p99_9,
        time.max,
        rate.delay_us.p99,
        rate.answer_bytes.mean,
    )
}

/// What stands in no column.
fn notes(f: &mut fmt::Formatter<'_>, rate: &RateReport) -> fmt::Result {
    notes_of(rate).iter().try_for_each(|note| write!(f, "\n{}/s: {note}", rate.intended_per_s))
}

/// The same without the rate.
pub(super) fn notes_of(rate: &RateReport) -> Vec<String> {
    let mut notes = Vec::new();
    for (code, count) in &rate.errors {
        notes.push(format!("{count} calls failed: {code}"));
    }
    for (code, count) in &rate.warm_up_errors {
        notes.push(format!("{count} calls of the warm-up failed: {code}"));
    }
    if rate.empty > 0 {
        notes.push(format!("{} answers had no recommendation", rate.empty));
    }
    // One snapshot is what everybody expects.
    if rate.snapshots.len() > 1 {
        let answers = rate.snapshots.iter().map(|(id, count)| format!("{count} by {id}"));
        let answers = answers.collect::<Vec<_>>().join(", ");
        notes.push(format!("{} snapshots answered: {answers}", rate.snapshots.len()));
    }
    if let Some(FeedReport { intended_per_s, acked_per_s, acked, planned, ack_us, .. }) =
        &rate.stock
    {
        notes.push(format!(
            "stock: {acked_per_s:.0} of {intended_per_s} updates/s acknowledged, {acked} of {planned} \
             batches, p50 {} p99 {} max {} us",
            ack_us.p50, ack_us.p99, ack_us.max
        ));
    }
    notes
}
