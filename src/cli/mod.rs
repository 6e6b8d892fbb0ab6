//! The command line: parsing, printing, exit codes. The only room that names clap or anyhow.
//!
//! Exit codes: `exit.rs`.

#![allow(clippy::print_stderr, reason = "this room talks to people")]

mod admission;
mod ask;
mod block;
mod caller;
mod check;
mod compare;
mod compile;
mod demo;
mod documents;
mod exit;
mod explain;
mod from;
mod gc;
mod generate;
mod guards;
mod holders;
mod html;
mod inputs;
mod inspect;
mod line_file;
mod load;
mod lookup;
mod metrics_listener;
mod out;
mod overrides;
mod pipeline;
mod planes;
mod policy;
mod progress;
mod quarantine;
mod rate;
mod reading;
mod renew;
mod serve;
mod sigbus;
mod source;
mod stock;
mod track;
mod watch;
mod whole_file;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

use self::exit::{EXIT_CODES, EXIT_FINDINGS, EXIT_REFUSED, Failure, exit_code};
use crate::{
    snapshot::{Moment, Snapshot},
    stock::StockView,
    store::{MAIN_TRACK, Manifest, Note, Store, Track},
};

/// Which products belong with this one, here, now?
///
/// Without a command: the demo.
#[derive(Debug, Parser)]
#[command(name = "kindred", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compile the embedded demo catalog, serve it, print how to call it.
    Demo(Box<demo::DemoArgs>),
    /// Serve the current snapshot of a store over gRPC, and each newer one as it is published.
    Serve(Box<serve::ServeArgs>),
    /// Read tables, check them, write a snapshot and publish it.
    #[command(after_help = EXIT_CODES)]
    Compile(compile::CompileArgs),
    /// Read tables and say all that is wrong with them, without publishing: as text, JSON or a page.
    #[command(after_help = EXIT_CODES)]
    Check(check::CheckArgs),
    /// Hold, release and list the sources that compiles keep in a cache.
    Source(source::SourceArgs),
    /// Check, publish and show placements, stage policy and rules.
    Policy(policy::PolicyArgs),
    /// Add, remove, list and publish overrides: pins, hides, added and removed relations.
    Override(overrides::OverrideArgs),
    /// List what was published, rolled back, held and released, newest first.
    History(track::HistoryArgs),
    /// Make an earlier snapshot live again.
    Rollback(track::RollbackArgs),
    /// Keep live what is live, whatever is published.
    Hold(track::NoteArgs),
    /// End a hold: the newest publish becomes live, unless a guard refuses.
    #[command(after_help = EXIT_CODES)]
    Release(track::ReleaseArgs),
    /// Delete blobs that no snapshot needs which could go live again.
    Gc(gc::GcArgs),
    /// List the snapshots that ended a server twice at their first use, and let one be taken again.
    Quarantine(quarantine::QuarantineArgs),
    /// Show what changes between two snapshots.
    Diff(track::DiffArgs),
    /// Show what a blob or the current snapshot of a store holds.
    Inspect(inspect::InspectArgs),
    /// Check a blob or every blob of a store's current snapshot.
    Verify(inspect::InspectArgs),
    /// Show every list and bundle that holds a product.
    Where(holders::WhereArgs),
    /// Answer from a store without a server.
    Lookup(lookup::LookupArgs),
    /// Show why products are in an answer, and why others are not.
    Explain(explain::ExplainArgs),
    /// Hold the lists that a shop shows today against the answers of a server or a store.
    Compare(compare::CompareArgs),
    /// Send readings of stock and price to servers, or print what they were told.
    Stock(stock::StockArgs),
    /// Ask a server at given rates and show how long its answers take; write request files for ghz and
    /// h2load.
    #[command(after_help = EXIT_CODES)]
    Load(Box<load::LoadArgs>),
    /// Take products out of every answer at once, on every server: a recall.
    Block(block::BlockArgs),
    /// Allow blocked products again.
    Unblock(block::UnblockArgs),
    /// List the products that are blocked.
    Blocked(block::BlockedArgs),
    /// Write a seeded synthetic catalog as tables.
    Generate(generate::GenerateArgs),
}

/// A store on the command line.
#[derive(Debug, Args)]
struct StoreArgs {
    /// The store's directory.
    #[arg(long, env = "KINDRED_STORE", value_name = "DIR")]
    store: PathBuf,
}

impl StoreArgs {
    fn track(&self) -> anyhow::Result<(Store, Track)> {
        open_track(&self.store)
    }

    /// Loads what is live, as a server would.
    fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let (store, track) = self.track()?;
        let current = current(&track, &self.store)?;
        Ok(Snapshot::load(&store, &current)?)
    }

    /// The same without any feed of stock, for commands that answer without a server.
    fn moment(&self) -> anyhow::Result<Moment> {
        let snapshot = Arc::new(self.snapshot()?);
        Ok(Moment { snapshot, stock: Arc::new(StockView::empty()) })
    }
}

fn open_track(dir: &Path) -> anyhow::Result<(Store, Track)> {
    let store = Store::open(dir)?;
    let track = store.track(MAIN_TRACK)?;
    Ok((store, track))
}

fn current(track: &Track, dir: &Path) -> anyhow::Result<Manifest> {
    track.current()?.with_context(|| {
        format!("{} holds no snapshot yet; publish one with `kindred compile`", dir.display())
    })
}

/// Runs the command line of this process.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match parse(args) {
        Ok(command) => command,
        Err(error) => {
            // A closed pipe is no reason to fail louder.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    start_logging();
    let done = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Compile(args) => compile::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Source(args) => source::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Override(args) => overrides::run(&args),
        Command::History(args) => track::history(&args),
        Command::Rollback(args) => track::rollback(&args),
        Command::Hold(args) => track::hold(&args),
        Command::Release(args) => track::release(&args),
        Command::Gc(args) => gc::run(&args),
        Command::Quarantine(args) => quarantine::run(&args),
        Command::Diff(args) => track::diff(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Verify(args) => inspect::verify(&args),
        Command::Where(args) => holders::run(&args),
        Command::Lookup(args) => lookup::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Stock(args) => stock::run(&args),
        Command::Block(args) => block::block(&args),
        Command::Unblock(args) => block::unblock(&args),
        Command::Blocked(args) => block::blocked(&args),
        Command::Generate(args) => generate::run(&args),
    };
    match done {
        Ok(()) if out::has_failed() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// The command of the arguments; without one, the demo with all its defaults.
fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let mut args = args.into_iter().collect::<Vec<_>>();
    if let Some(command) = Cli::try_parse_from(&args)?.command {
        return Ok(command);
    }
    args.push("demo".into());
    let command = Cli::try_parse_from(args)?.command;
    Ok(command.expect("`demo` is a command"))
}

/// Logs go to standard error; `KINDRED_LOG` filters them (`info` unless set).
fn start_logging() {
    let wanted = std::env::var("KINDRED_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        eprintln!("warning: KINDRED_LOG={wanted:?} is no filter ({error}); logging `info`");
        EnvFilter::new("info")
    });
    let subscriber = tracing_subscriber::fmt()
        // Else a line that nobody takes any more, as its reader has ended, is told of on the same standard error,
        // and that panics: the thread of the signals would end, and no signal would end the server.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .finish();
    if subscriber.try_init().is_err() {
        eprintln!("warning: logging was already set up");
    }
}

/// Says what failed, and why.
fn print_error(error: &anyhow::Error) {
    eprintln!("error: {}", out::clean(&causes(error)));
}

/// An error and its causes, each said once: most of ours repeat their cause in their own words.
fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        match (said.is_empty(), said.contains(&cause)) {
            (true, _) => cause,
            (false, true) => said,
            (false, false) => format!("{said}: {cause}"),
        }
    })
}

/// Who acts now, and why.
fn note(actor: Option<&str>, reason: &str) -> Note {
    let user = || std::env::var("USER").unwrap_or_else(|_| "kindred".to_owned());
    Note {
        actor: actor.map_or_else(user, ToOwned::to_owned),
        reason: reason.to_owned(),
        created_at: jiff::Timestamp::now().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, Command, parse};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_means_the_demo() {
        assert!(matches!(parse(["kindred".into()]), Ok(Command::Demo(_))));
        assert!(parse(["kindred".into(), "no-such-command".into()]).is_err());
    }
}
