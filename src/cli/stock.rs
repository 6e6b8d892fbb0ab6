//! `kindred stock push` and `kindred stock export`: readings of stock and price into servers, and
//! back out.

mod sold_out;
mod table;

use std::{cell::Cell, future::poll_fn, path::PathBuf, task::Poll};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

pub(super) use self::sold_out::sold_out;
use self::table::Row;
use super::{EXIT_FINDINGS, Failure, caller::CallerArgs, out::outln};
use crate::{
    client::Replica,
    model::limits::{FINDING_SAMPLES_MAX, UPDATES_PER_BATCH_MAX},
    pb,
};

#[derive(Debug, Args)]
pub(super) struct StockArgs {
    #[command(subcommand)]
    command: StockCommand,
}

#[derive(Debug, Subcommand)]
enum StockCommand {
    /// Send readings of stock and price to servers, in batches.
    Push(PushArgs),
    /// Print what sources have said to a server, as `push` reads it.
    Export(ExportArgs),
}

/// Servers on the command line.
#[derive(Debug, Args)]
pub(super) struct Servers {
    /// Servers, each of which gets everything: the admin listener of each as HOST:PORT, URL or unix:PATH.
    #[arg(
        long,
        env = "KINDRED_TO",
        value_name = "SERVER",
        value_delimiter = ',',
        num_args = 1..,
        default_value = "127.0.0.1:50051"
    )]
    to: Vec<String>,
    #[command(flatten)]
    caller: CallerArgs,
}

#[derive(Debug, Args)]
struct PushArgs {
    #[command(flatten)]
    servers: Servers,
    /// Whose readings these are: each source has a feed of its own.
    #[arg(long, value_name = "ID")]
    source: String,
    /// CSV (product_id, inventory_id, availability, available_quantity, price, currency, market_id,
    /// event_time) or JSON objects, one AvailabilityUpdate a line; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Sequence of the first batch in the feed; else each server's feed goes on where it stands.
    #[arg(long, value_name = "N")]
    sequence: Option<u64>,
    /// Replace all that the source has said before.
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Args)]
struct ExportArgs {
    /// The server's admin listener: HOST:PORT, URL or unix:PATH.
    #[arg(long, value_name = "SERVER", default_value = "127.0.0.1:50051")]
    from: String,
    #[command(flatten)]
    caller: CallerArgs,
    /// Only what this source has said.
    #[arg(long, value_name = "ID", default_value = "")]
    source: String,
    /// Print JSON, one AvailabilityUpdate a line.
    #[arg(long, conflicts_with = "since")]
    json: bool,
    /// Say since when each product is in its state, too, as `kindred check --stock` asks.
    #[arg(long)]
    since: bool,
}

pub(super) fn run(args: &StockArgs) -> anyhow::Result<()> {
    match &args.command {
        StockCommand::Push(args) => push(args),
        StockCommand::Export(args) => export(args),
    }
}

impl Servers {
    /// Does the same on all servers at once; a failure is said, and the others go on. A server that
    /// hangs must not delay a recall on the next.
    pub(super) fn each(
        &self,
        work: impl AsyncFn(&mut Replica) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let one = async |address: &str| {
            let mut replica = Replica::connect(self.caller.target(address)?).await?;
            work(&mut replica).await
        };
        let all = self.to.iter().map(|address| one(address)).collect();
        let done = runtime()?.block_on(join_all(all));
        let mut failed = Vec::new();
        for (address, done) in self.to.iter().zip(done) {
            if let Err(error) = done {
                eprintln!("error: {}", super::out::clean(&super::causes(&error)));
                failed.push(address.as_str());
            }
        }
        if !failed.is_empty() {
            let (count, all) = (failed.len(), self.to.len());
            bail!("{count} of {all} servers failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

/// Waits for all of some futures, polling each whenever one of them moves: they are few.
async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting =
        futures.into_iter().map(|future| (Box::pin(future), None)).collect::<Vec<_>>();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(found) => *output = Some(found),
                Poll::Pending => is_done = false,
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.context("cannot start the calls")
}

fn push(args: &PushArgs) -> anyhow::Result<()> {
    // Wholly, before anything is sent: a row that cannot be read must not leave half a feed behind.
    let rows = table::read(&args.file)?;
    let rejected = Cell::new(0);
    args.servers.each(async |replica| {
        let first = match args.sequence {
            Some(sequence) => sequence,
            None => next_sequence(replica, args).await?,
        };
        let found = if args.replace {
            replace(replica, args, first, &rows).await?
        } else {
            batches(replica, args, first, &rows).await?
        };
        rejected.set(rejected.get().max(found));
        Ok(())
    })?;
    if rejected.get() > 0 {
        let message = format!("{} rows were rejected; the others count", rejected.get());
        return Err(Failure { code: EXIT_FINDINGS, message }.into());
    }
    Ok(())
}

/// Where a server's feed goes on.
async fn next_sequence(replica: &mut Replica, args: &PushArgs) -> anyhow::Result<u64> {
    let position = replica.position(&args.source).await?;
    if position.applied_beyond_gap > 0 {
        // Sequences beyond the gap are taken: what is sent under them would be ignored.
        bail!(
            "{}: feed {} misses a batch after {}; name the --sequence, or --replace all with one",
            replica.address(),
            args.source,
            position.sequence
        );
    }
    // A resync stands for everything up to its sequence, and the feed goes on behind it.
    let next = position.sequence.checked_add(u64::from(!args.replace));
    Ok(next.context("the feed is at its end")?.max(1))
}

/// What became of the rows on one server.
#[derive(Default)]
struct Tally {
    applied: u64,
    stale: u64,
    missing: usize,
    rejected: usize,
    gap: u64,
}

impl Tally {
    /// Counts what was rejected of rows from this one on, and shows the first of them.
    fn rejected(&mut self, address: &str, rows: &[Row], from: usize, all: &[pb::RejectedUpdate]) {
        for one in all {
            self.rejected += 1;
            if self.rejected <= FINDING_SAMPLES_MAX {
                let line = rows.get(from + one.index as usize).map_or(0, |row| row.line);
                outln!("{address}: line {line} was rejected: {}", one.reason);
            }
        }
    }
}

/// Sends batch after batch; says how many rows were rejected.
async fn batches(
    replica: &mut Replica,
    args: &PushArgs,
    first: u64,
    rows: &[Row],
) -> anyhow::Result<usize> {
    let address = replica.address().to_owned();
    let (mut tally, mut position) = (Tally::default(), pb::FeedPosition::default());
    for ((sequence, part), from) in
        (first..).zip(rows.chunks(UPDATES_PER_BATCH_MAX)).zip((0..).step_by(UPDATES_PER_BATCH_MAX))
    {
        let updates = part.iter().map(|row| row.update.clone()).collect();
        let source_id = args.source.clone();
        let request = pb::BatchUpdateAvailabilityRequest { source_id, sequence, updates };
        let done = replica.batch(request).await.with_context(|| {
            format!("batch {sequence} and those behind it did not go to {address}")
        })?;
        let counted = done.applied as usize + done.stale as usize + done.rejected.len();
        if counted == 0 {
            // The server has heard another batch under this sequence and ignored this one.
            bail!(
                "{address} knows batch {sequence} of {} already and ignored this one: does \
                 somebody else push as this source? Push again",
                args.source
            );
        }
        tally.applied += u64::from(done.applied);
        tally.stale += u64::from(done.stale);
        tally.missing += done.missing_product_ids.len();
        tally.gap += done.gap;
        tally.rejected(&address, rows, from, &done.rejected);
        position = done.position.unwrap_or_default();
    }
    let Tally { applied, stale, missing, rejected, gap } = tally;
    let (source, sequence) = (&args.source, position.sequence);
    outln!(
        "{address}: {source} is at {sequence}: {applied} applied, {stale} stale, {missing} missing, \
         {rejected} rejected, gap {gap}"
    );
    Ok(rejected)
}

/// Sends a resync; says how many rows were rejected.
async fn replace(
    replica: &mut Replica,
    args: &PushArgs,
    sequence: u64,
    rows: &[Row],
) -> anyhow::Result<usize> {
    let mut parts = rows
        .chunks(UPDATES_PER_BATCH_MAX)
        .map(|part| pb::ReplaceAvailabilityRequest {
            updates: part.iter().map(|row| row.update.clone()).collect(),
            ..Default::default()
        })
        .collect::<Vec<_>>();
    // A source that has nothing to say takes everything back.
    if parts.is_empty() {
        parts.push(pb::ReplaceAvailabilityRequest::default());
    }
    if let Some(part) = parts.first_mut() {
        (part.source_id, part.sequence) = (args.source.clone(), sequence);
    }
    let address = replica.address().to_owned();
    let done = replica.replace(parts).await?;
    let mut tally = Tally::default();
    tally.rejected(&address, rows, 0, &done.rejected);
    let (source, position) = (&args.source, done.position.unwrap_or_default().sequence);
    // The answer names the first of them only.
    let (applied, removed, rejected) = (done.applied, done.removed, done.rejected_count);
    outln!(
        "{address}: {source} is at {position}: {applied} applied, {removed} removed, {rejected} \
         rejected"
    );
    Ok(usize::try_from(rejected).unwrap_or(usize::MAX))
}

fn export(args: &ExportArgs) -> anyhow::Result<()> {
    match (args.json, args.since) {
        (true, _) => {}
        (false, true) => outln!("{},{}", table::HEADER, table::SINCE),
        (false, false) => outln!("{}", table::HEADER),
    }
    let mut failed = None;
    let target = args.caller.target(&args.from)?;
    runtime()?.block_on(async {
        let mut replica = Replica::connect(target).await?;
        replica
            .readings(&args.source, |state| {
                let since = state.since_time;
                for update in table::updates(state) {
                    let line = table::line(&update, args.json).and_then(|line| match args.since {
                        true => {
                            Ok(format!("{line},{}", table::since_cell(&update, since.as_ref())?))
                        }
                        false => Ok(line),
                    });
                    match line {
                        Ok(line) => outln!("{line}"),
                        Err(error) => failed = failed.take().or(Some(error)),
                    }
                }
            })
            .await
    })?;
    failed.map_or(Ok(()), Err)
}
