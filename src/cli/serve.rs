//! `kindred serve`: a store, a listener, signals.

use std::{
    fs::{self, File, TryLockError},
    io, mem,
    num::{NonZeroU64, NonZeroUsize},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, error, info, warn};

use super::{
    StoreArgs,
    admission::{self, AdmissionArgs},
    metrics_listener::MetricsArgs,
    open_track,
    out::try_line,
    planes::{Bound, Home, PlaneArgs, Planes},
    rate::bytes_per_s,
    sigbus,
};
use crate::{
    index::Loading,
    service::{
        Access, Address, Availabilities, DrainReport, Health, Listener, Observer, Readiness,
        Recommendations, ServeOptions, Services, SnapshotNews, Stop, routes, serve,
    },
    snapshot::{Event, Live, LivePublisher, WatchOptions, Watcher},
    stock::{JournalState, Publisher as _, Stock, StockOptions, StockView},
    telemetry::Metrics,
};

/// Connections at once to an admin listener of its own.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Of these, so many from one address: who has no credentials must not hold them all.
const ADMIN_CONNECTIONS_PER_PEER: usize = 16;

/// How long the end of the process waits for the stock's writer: what it has acknowledged is durable already,
/// and its checkpoint only makes the next start quick.
const STOCK_END_WAIT: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// This replica's own directory; one server at a time may use it. Made if absent.
    #[arg(long, env = "KINDRED_STATE", value_name = "DIR")]
    state: PathBuf,
    #[command(flatten)]
    listen: ListenArgs,
}

/// How to listen and how to end.
#[derive(Clone, Debug, Args)]
pub(super) struct ListenArgs {
    /// Where lookups are served: ADDR:PORT, port 0 taking a free one, or `unix:PATH`.
    #[arg(long, env = "KINDRED_LISTEN", value_name = "WHERE", default_value = "127.0.0.1:50051")]
    listen: Address,
    #[command(flatten)]
    planes: PlaneArgs,
    /// Runtime threads; else one a core.
    #[arg(long, env = "KINDRED_RUNTIMES", value_name = "N")]
    runtimes: Option<NonZeroUsize>,
    /// Look for a newer snapshot this often, in milliseconds, also where the time of the store's
    /// directory tells of nothing.
    #[arg(long, env = "KINDRED_POLL_MS", value_name = "MS", default_value_t = 2_000)]
    poll_ms: u64,
    /// After SIGTERM, accept this long while health says NOT_SERVING, in milliseconds.
    #[arg(long, env = "KINDRED_DRAIN_DELAY_MS", value_name = "MS", default_value_t = 0)]
    drain_delay_ms: u64,
    /// Then wait this long for open calls, in milliseconds.
    #[arg(long, env = "KINDRED_DRAIN_WAIT_MS", value_name = "MS", default_value_t = 20_000)]
    drain_wait_ms: u64,
    /// Ask a connection to end at this age, in seconds, a tenth more or less, so that clients find new
    /// replicas; its open calls go on. 0 never.
    #[arg(long, env = "KINDRED_CONNECTION_AGE", value_name = "SECONDS", default_value_t = 1_800)]
    connection_age: u64,
    /// Health says NOT_SERVING until each feed of stock that has readings, or a first one, was heard
    /// of within so many seconds.
    #[arg(long, env = "KINDRED_READY_STOCK_AGE", value_name = "SECONDS")]
    ready_stock_age: Option<u64>,
    /// Do not serve reflection.
    #[arg(long, env = "KINDRED_NO_REFLECTION")]
    no_reflection: bool,
    #[command(flatten)]
    metrics: MetricsArgs,
    #[command(flatten)]
    admission: AdmissionArgs,
    #[command(flatten)]
    memory: MemoryArgs,
}

/// How catalogs come into memory and stay there.
#[derive(Clone, Debug, Args)]
struct MemoryArgs {
    /// Read the files of a new snapshot at most this fast while another one is served, such as
    /// `200MiB/s`; else as fast as answering leaves room for. The first one is never held up.
    #[arg(long, env = "KINDRED_LOAD_RATE", value_name = "RATE", value_parser = bytes_per_s)]
    load_rate: Option<NonZeroU64>,
    /// How files of snapshots come into memory: `mmap` refuses a file that others could change, `copy`
    /// needs no trust in files at the price of memory of its own, `auto` maps what is safe and copies
    /// the rest.
    #[arg(long, env = "KINDRED_LOAD", value_name = "HOW", default_value = "auto")]
    load: LoadArg,
    /// Lock catalogs in memory. While one replaces another both are: the limit of locked memory
    /// (`ulimit -l`) must hold two. One that cannot be locked is served unlocked, and the log says so.
    #[arg(long, env = "KINDRED_MLOCK")]
    mlock: bool,
    /// Read a byte of each page of the live catalog this often, in seconds, so that the system does
    /// not take back what was idle for long; 0 never.
    #[arg(long, env = "KINDRED_TOUCH_INTERVAL", value_name = "SECONDS", default_value_t = 60)]
    touch_interval: u64,
    /// Hold every byte of the live catalog against its checksums this often, in seconds, at most
    /// 64 MiB/s; what a disk or another program changed is replaced by what the store has, or by the
    /// snapshot before. 0 never.
    #[arg(long, env = "KINDRED_SCRUB_INTERVAL", value_name = "SECONDS", default_value_t = 600)]
    scrub_interval: u64,
}

/// [`Loading`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LoadArg {
    /// Map what nobody else can change, copy the rest and say so.
    Auto,
    /// Map, or refuse.
    Mmap,
    /// Copy everything.
    Copy,
}

impl From<LoadArg> for Loading {
    fn from(arg: LoadArg) -> Self {
        match arg {
            LoadArg::Auto => Self::Auto,
            LoadArg::Mmap => Self::Mmap,
            LoadArg::Copy => Self::Copy,
        }
    }
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    let home = Home::State(&args.state);
    serve_store(&args.store.store, &args.state, home, &args.listen, |_| {})
}

/// Serves until a signal says stop. `on_serving` runs once, after `listening on ADDR` was printed.
pub(super) fn serve_store(
    store_dir: &Path,
    state_dir: &Path,
    home: Home<'_>,
    args: &ListenArgs,
    on_serving: impl Fn(&Address) + Send + 'static,
) -> anyhow::Result<()> {
    sigbus::install().context("cannot handle SIGBUS")?;
    let (store, track) = open_track(store_dir)?;
    let lock = lock_state(state_dir)?;
    let (health, stop, live) = (Health::new(), Stop::new(), Live::default());
    let stock_age = args.ready_stock_age.map(Duration::from_secs);
    let readiness = Arc::new(Readiness::new(health.clone(), stock_age));
    let gate = args.admission.gate(state_dir)?;
    let news = SnapshotNews::new();
    let (metrics, journal) = (Metrics::new(args.options().runtimes), JournalState::default());
    let observer = Observer::new(metrics.clone(), &live, &health, journal.clone());
    let _web = args.metrics.serve(&metrics, &readiness)?;
    let (traces, exporter) = args.metrics.traces(&metrics)?;
    let (stock, writer) = open_stock(state_dir, &live, &readiness, &news, journal)?;
    let Planes { lookup, admin, renewer: _renewer } = args.planes.bind(&args.listen, home)?;
    let recommendations = Recommendations::new(Live::clone(&live));
    let availabilities = Availabilities::new(stock.clone(), Live::clone(&live));
    let followed = (&store, &track, &live);
    let snapshots =
        admission::snapshots(followed, state_dir, &gate, &health, &news, args.memory.load.into());
    // Each listener has its own, with bounds of its own: what peers of one take up is not the other's.
    let services = |access: Access| {
        let (hot, stock, snapshots) =
            (recommendations.clone(), availabilities.clone(), snapshots.clone());
        let routes = routes(hot, stock, Some(snapshots), &health, !args.no_reflection);
        Services::new(routes, recommendations.clone())
            .measured(metrics.clone(), args.metrics.access_log())
            .traced(traces.clone())
            .for_those(access)
    };

    // Before anything is announced: who reads `listening on` may send a signal at once.
    let signals = Signals::listen()?;
    let (address, admin_address) = (lookup.address, admin.as_ref().map(|one| one.address.clone()));
    info!(%address, store = %store_dir.display(), "Starting; not serving before a snapshot is live.");
    let announce = announcing(address, admin_address, on_serving);
    let (watched, told) = (Live::clone(&live), news.clone());
    let on_event = move |event: Event<'_>| {
        told.hear(&event);
        observer.hear(&event);
        if let Event::Live(snapshot) = event {
            sigbus::live_is(snapshot.id());
            let moment = watched.load().expect("a snapshot is live");
            readiness.snapshot_is_live(moment.stock.positions());
            announce();
        }
    };
    let (trials, watching) = (gate.trials.clone(), args.watching());
    let watcher = Watcher::spawn(store, track, live, stock.clone(), watching, gate, on_event)
        .context("cannot start the watcher")?;
    news.looks_by(watcher.retry());
    // Who is told to end, and killed on the way, was not ended by its snapshot.
    let tried = trials.clone();
    signals.handle(stop.clone(), watcher.retry(), move || tried.end())?;
    let admin = admin.map(|admin| {
        let Bound { listener, access, .. } = admin;
        serve_admin(listener, services(access), &health, args.options(), &stop)
    });
    let admin = admin.transpose().context("cannot start the admin listener")?;
    let services = services(lookup.access).shed_after(args.planes.shed_after());
    let served = serve(lookup.listener, services, &health, &args.options(), &stop);
    // Both end by the same signal; only if lookups cannot be served is there none.
    stop.drain();
    let administered = admin.map_or(Ok(()), end_admin);
    let report = served.context("cannot serve")?;
    drop(watcher);
    // Once more: the process may end before the thread of the signals came to it.
    trials.end();
    if !end_stock(&stock, writer, STOCK_END_WAIT) {
        // The system frees it with the last thread: nobody else may write there before.
        mem::forget(lock);
    }
    // Every call has ended; the collector has a bounded time to take the last.
    drop(exporter);
    info!(drained = report.drained, cut = report.cut, took = ?report.took, "Drained; good bye.");
    administered
}

/// Says, the first time that it is called, where is served.
fn announcing(
    lookups: Address,
    admin: Option<Address>,
    on_serving: impl Fn(&Address) + Send + 'static,
) -> impl Fn() + Send + 'static {
    let announced = AtomicBool::new(false);
    move || {
        if announced.swap(true, Ordering::Relaxed) {
            return;
        }
        // Nobody may be reading; the log says it, too.
        try_line(format_args!("listening on {lookups}")).ok();
        if let Some(admin) = &admin {
            try_line(format_args!("stock, blocks and snapshots on {admin}")).ok();
        }
        on_serving(&lookups);
        notify(NotifyState::Ready);
    }
}

/// Serves the admin listener on threads of its own, so that it answers also while lookups are overloaded.
fn serve_admin(
    listener: Listener,
    services: Services,
    health: &Health,
    options: ServeOptions,
    stop: &Stop,
) -> io::Result<thread::JoinHandle<io::Result<DrainReport>>> {
    // Few call it, and its descriptors are those that are kept for the rest.
    let connections_max = NonZeroUsize::new(ADMIN_CONNECTIONS_MAX);
    let most = NonZeroUsize::new(ADMIN_CONNECTIONS_PER_PEER).unwrap_or(NonZeroUsize::MIN);
    // Also where lookups have a proxy in front of them and no cap: operators come by themselves.
    let of_lookups = options.connections_per_peer;
    let connections_per_peer = Some(of_lookups.map_or(most, |count| count.min(most)));
    let runtimes = NonZeroUsize::MIN;
    let options = ServeOptions { runtimes, connections_max, connections_per_peer, ..options };
    let (health, stop) = (health.clone(), stop.clone());
    let work = move || {
        let _end = Drain(stop.clone());
        serve(listener, services, &health, &options, &stop)
    };
    thread::Builder::new().name("kindred-admin".to_owned()).spawn(work)
}

/// Drains when it is dropped, also by a panic: a server that cannot be told anything is not to go on as if it
/// could.
struct Drain(Stop);

impl Drop for Drain {
    fn drop(&mut self) {
        self.0.drain();
    }
}

fn end_admin(serving: thread::JoinHandle<io::Result<DrainReport>>) -> anyhow::Result<()> {
    let Ok(served) = serving.join() else {
        bail!("the admin listener ended by a fault of the program");
    };
    let report = served.context("cannot serve the admin listener")?;
    info!(drained = report.drained, cut = report.cut, "Admin drained.");
    Ok(())
}

impl ListenArgs {
    fn options(&self) -> ServeOptions {
        let defaults = ServeOptions::default();
        ServeOptions {
            runtimes: self.runtimes.unwrap_or(defaults.runtimes),
            connections_per_peer: self.planes.connections_per_peer(),
            drain_delay: Duration::from_millis(self.drain_delay_ms),
            drain_wait: Duration::from_millis(self.drain_wait_ms),
            connection_age: (self.connection_age > 0)
                .then(|| Duration::from_secs(self.connection_age)),
            ..defaults
        }
    }

    fn watching(&self) -> WatchOptions {
        let MemoryArgs { load_rate, load, mlock, touch_interval, scrub_interval } = self.memory;
        let seconds = |count| (count > 0).then(|| Duration::from_secs(count));
        WatchOptions {
            poll_interval: Duration::from_millis(self.poll_ms.max(1)),
            load_rate,
            loading: load.into(),
            is_locked: mlock,
            touch_interval: seconds(touch_interval),
            scrub_interval: seconds(scrub_interval),
        }
    }
}

/// Ends the stock writer. Whatever it has acknowledged is durable; its end only makes the next start quick.
/// Says whether it has ended: it may still write else, until the process ends.
fn end_stock(stock: &Stock, writer: thread::JoinHandle<()>, wait: Duration) -> bool {
    let (told, ended) = mpsc::channel();
    let stock = stock.clone();
    // On a thread, since a writer that waits for its disk takes no word either, once its queue is full.
    thread::spawn(move || {
        stock.stop();
        told.send(writer.join()).ok();
    });
    match ended.recv_timeout(wait) {
        Ok(Ok(())) => true,
        Ok(Err(_)) => {
            error!("The stock writer ended by a fault of the program.");
            true
        }
        Err(_) => {
            warn!(
                "The disk is slow: ending without a checkpoint of stock; the next start replays."
            );
            false
        }
    }
}

/// Starts the stock writer on the journal in the state directory.
fn open_stock(
    state_dir: &Path,
    live: &Live,
    readiness: &Arc<Readiness>,
    news: &SnapshotNews,
    journal: JournalState,
) -> anyhow::Result<(Stock, thread::JoinHandle<()>)> {
    let mut pairs = LivePublisher::new(Live::clone(live));
    let (readiness, news) = (Arc::clone(readiness), news.clone());
    let publisher = move |view: &Arc<StockView>| {
        pairs.publish(view);
        readiness.stock_changed(view.positions());
        news.stock_changed(view.blocks_digest());
    };
    let dir = state_dir.join("stock");
    let opened = Stock::open(&dir, StockOptions { journal, ..<_>::default() }, publisher);
    opened.with_context(|| format!("cannot serve with the stock in {}", dir.display()))
}

/// Tells the service manager, if one asked to be told.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "The service manager cannot be told.");
    }
}

/// Makes the state directory and takes it for this process.
fn lock_state(dir: &Path) -> anyhow::Result<File> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = dir.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    let lock = match lock {
        // A disk that takes no writes can be served from; a lock needs no write.
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(&path),
        lock => lock,
    };
    let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("another server uses {}; give each one its own --state", dir.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// The signals of this process, caught from the moment this exists.
struct Signals {
    runtime: tokio::runtime::Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listen = |kind| {
            let _context = runtime.enter();
            signal(kind).context("cannot handle signals")
        };
        let (terminate, interrupt) =
            (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let hangup = listen(SignalKind::hangup())?;
        Ok(Self { runtime, terminate, interrupt, hangup })
    }

    /// SIGTERM and SIGINT drain, a second one ends at once, SIGHUP looks for a snapshot.
    fn handle(
        self,
        stop: Stop,
        on_hangup: impl Fn() + Send + 'static,
        on_stop: impl Fn() + Send + 'static,
    ) -> anyhow::Result<()> {
        let Self { runtime, mut terminate, mut interrupt, mut hangup } = self;
        let wait = async move {
            let mut is_draining = false;
            loop {
                tokio::select! {
                    Some(()) = terminate.recv() => {}
                    Some(()) = interrupt.recv() => {}
                    Some(()) = hangup.recv() => {
                        info!("Hang-up: looking for a snapshot.");
                        on_hangup();
                        continue;
                    }
                    else => return,
                }
                if is_draining {
                    info!("Second signal: ending at once.");
                    stop.now();
                } else {
                    info!("Draining; a second signal ends at once.");
                    notify(NotifyState::Stopping);
                    stop.drain();
                    on_stop();
                }
                is_draining = true;
            }
        };
        let run = move || runtime.block_on(wait);
        thread::Builder::new().name("kindred-signals".to_owned()).spawn(run)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that hangs held the end of the process up for as long as it hung.
    #[test]
    fn the_end_waits_for_the_stock_writer_no_longer_than_it_is_told() {
        let (stock, writer) = Stock::in_memory(|_: &Arc<StockView>| {}).unwrap();
        assert!(end_stock(&stock, writer, Duration::from_secs(60)), "it ends at once");
        let (hang, hung) = mpsc::channel::<()>();
        let writer = thread::spawn(move || {
            hung.recv().ok();
        });
        assert!(!end_stock(&stock, writer, Duration::from_millis(10)));
        drop(hang);
    }
}
