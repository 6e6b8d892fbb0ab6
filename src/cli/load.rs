//! `kindred load`: how long a server's answers take at given rates, and request files of other tools.

mod asked;
mod files;
mod page;
mod table;

use std::{num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use anyhow::bail;
use clap::{Args, Subcommand};

use self::asked::AskedArgs;
use super::{out::outln, stock::runtime, whole_file::WholeFile};
use crate::{
    client::Replica,
    load::{self, Feed, LoadReport, Machine, Options, Schedule},
    model::limits::{
        LOAD_CONNECTIONS_MAX, LOAD_IN_FLIGHT_MAX, LOAD_RATE_MAX, LOAD_RATES_MAX, LOAD_SECONDS_MAX,
        LOAD_STOCK_BATCH, LOAD_THREADS_MAX, UPDATES_PER_BATCH_MAX,
    },
};

/// Calls that could not be sent so long after the last intended start are given up.
const DRAIN_WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct LoadArgs {
    #[command(subcommand)]
    command: Option<LoadCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// Write the requests of a run as files for ghz and h2load, and print how to use them.
    Files(files::FilesArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    asked: AskedArgs,
    /// Calls a second, one rate after the other. Each call starts at its own time, whatever became of
    /// the calls before, and its latency counts from then.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        num_args = 1..,
        default_values = ["1000", "5000", "10000"],
    )]
    rate: Vec<NonZeroU32>,
    /// Measure each rate for so long.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    seconds: NonZeroU32,
    /// Before that, call at the same rate for so long without measuring.
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    warm_up: u32,
    /// Connections over which the calls are spread.
    #[arg(long, value_name = "N", default_value_t = 10)]
    connections: usize,
    /// Threads that call, each with its share of the connections: more of them where the calls are sent
    /// late and cores are free.
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Most calls that wait for an answer at once. A call beyond is held up, counted as late, and
    /// measured from its intended start all the same.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    in_flight: usize,
    /// A call without an answer by then has failed, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "10000")]
    deadline_ms: NonZeroU32,
    /// Feed so many updates of stock a second meanwhile, as the source `load`. One product in five is
    /// said to be sold out. All is taken back at the end.
    #[arg(long, value_name = "N", requires = "yes_change_stock")]
    stock_rate: Option<NonZeroU32>,
    /// The listener that takes them, where it is another one.
    #[arg(long, value_name = "SERVER", requires = "stock_rate")]
    stock_to: Option<String>,
    /// Updates of a batch; the next one goes when it is acknowledged.
    #[arg(long, value_name = "N", default_value_t = LOAD_STOCK_BATCH, requires = "stock_rate")]
    stock_batch: NonZeroU32,
    /// Yes, this is a test server: its stock may be changed.
    #[arg(long)]
    yes_change_stock: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Write the report as one HTML page, too.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(super) fn run(args: &LoadArgs) -> anyhow::Result<()> {
    match &args.command {
        Some(LoadCommand::Files(args)) => files::run(args),
        None => measure(&args.run),
    }
}

fn measure(args: &RunArgs) -> anyhow::Result<()> {
    let options = args.options()?;
    let page = args.html.as_deref().map(|path| WholeFile::create("the page", path)).transpose()?;
    let report = report(args, options)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        outln!("{}", table::Table(&report));
    }
    if let Some(file) = page {
        file.put(page::page(&report).as_bytes())?;
    }
    if !report.failures.is_empty() {
        bail!("{}", report.failures.join("; "));
    }
    Ok(())
}

impl RunArgs {
    /// How the calls are made, if all of it is within bounds.
    fn options(&self) -> anyhow::Result<Options> {
        let within = |flag: &str, found: u64, most: u64| {
            if found == 0 || found > most {
                bail!("--{flag}: expected 1 to {most}, found {found}");
            }
            Ok(())
        };
        for rate in self.rate.iter().chain(&self.stock_rate) {
            within("rate", u64::from(rate.get()), u64::from(LOAD_RATE_MAX))?;
        }
        let batch = u64::from(self.stock_batch.get());
        within("stock-batch", batch, UPDATES_PER_BATCH_MAX as u64)?;
        within("rate", self.rate.len() as u64, LOAD_RATES_MAX as u64)?;
        within("seconds", u64::from(self.seconds.get()), u64::from(LOAD_SECONDS_MAX))?;
        within("warm-up", u64::from(self.warm_up.max(1)), u64::from(LOAD_SECONDS_MAX))?;
        within("connections", self.connections as u64, LOAD_CONNECTIONS_MAX as u64)?;
        within("threads", self.threads as u64, LOAD_THREADS_MAX as u64)?;
        within("in-flight", self.in_flight as u64, LOAD_IN_FLIGHT_MAX as u64)?;
        Ok(Options {
            connections: self.connections,
            // A thread without a connection has nothing to do.
            threads: self.threads.min(self.connections),
            in_flight_max: self.in_flight,
            call_wait: Duration::from_millis(u64::from(self.deadline_ms.get())),
            drain_wait: DRAIN_WAIT,
        })
    }

    fn schedule(&self, units_per_s: NonZeroU32, units_per_call: NonZeroU32) -> Schedule {
        let (warm_up_s, measured_s) = (self.warm_up, self.seconds.get());
        Schedule { units_per_s, units_per_call, warm_up_s, measured_s }
    }
}

/// Runs one rate after the other.
fn report(args: &RunArgs, options: Options) -> anyhow::Result<LoadReport> {
    let to = &args.asked.to;
    let target = args.asked.caller.target(to)?;
    let stock_to = match &args.stock_to {
        Some(to) => args.asked.caller.target(to)?,
        None => target.clone(),
    };
    let snapshot_id = runtime()?.block_on(async {
        let catalog = Replica::connect(target.clone()).await?.catalog().await?;
        anyhow::Ok(catalog.data_version.unwrap_or_default().snapshot_id)
    })?;
    let asked = Arc::new(args.asked.read()?);
    let machine_before = Machine::now();
    let started_at = jiff::Timestamp::now().to_string();
    let batch = args.stock_batch;
    let feed = args
        .stock_rate
        .map(|rate| Feed { schedule: args.schedule(rate, batch), seed: args.asked.seed });
    let mut rates = Vec::with_capacity(args.rate.len());
    for rate in &args.rate {
        let schedule = args.schedule(*rate, NonZeroU32::MIN);
        let (warm_up, seconds) = (schedule.warm_up_s, schedule.measured_s);
        eprintln!("{rate} calls a second: {warm_up} s to warm up, {seconds} s measured");
        rates.push(load::run(
            &target,
            &asked,
            schedule,
            feed.map(|feed| (&stock_to, feed)),
            options,
        )?);
    }
    let mut failures = rates.iter().flat_map(load::RateReport::failures).collect::<Vec<_>>();
    if feed.is_some()
        && let Err(error) = runtime()?.block_on(load::retire(stock_to))
    {
        let source = load::SOURCE;
        failures.push(format!("the stock of source {source} could not be taken back: {error}"));
    }
    Ok(LoadReport {
        kindred_version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        target: to.clone(),
        snapshot_id,
        asked: asked.count(),
        seed: args.asked.seed,
        connections: options.connections,
        threads: options.threads,
        in_flight_max: options.in_flight_max,
        machine_before,
        machine_after: Machine::now(),
        rates,
        failures,
    })
}
