//! One run at one rate: threads that wait for the intended times, and loops that call.
//!
//! A thread that only sleeps until each intended time hands the number of the call to the event loop
//! of its share: the timers of an event loop are a millisecond coarse, a thread's sleep some fifty
//! microseconds. What is left of that is reported as the delay, so a slow asker cannot pass for a slow
//! server.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc as threads},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{timeout, timeout_at},
};
use tonic::Code;

use super::{
    asked::Asked,
    error::LoadError,
    feed,
    raw::Caller,
    report::RateReport,
    schedule::Schedule,
    tally::{Tally, Times},
};
use crate::client::{ClientError, Target};

/// How the calls are made.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Connections over which they are spread, one after the other; at least one counts.
    pub connections: usize,
    /// Threads that ask, each with its share of the connections; at least one counts.
    pub threads: usize,
    /// Most calls that wait for an answer at once.
    pub in_flight_max: usize,
    /// A call that has no answer by then is cancelled and counts as `DeadlineExceeded`.
    pub call_wait: Duration,
    /// Calls that could not be sent so long after the last intended start are given up.
    pub drain_wait: Duration,
}

/// A feed of stock beside the calls.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// Updates, and how many make a batch.
    pub schedule: Schedule,
    /// What picks products and states.
    pub seed: u64,
}

/// Before the first call, so that every thread is there in time.
const AHEAD: Duration = Duration::from_millis(20);

/// Puts one rate on a server, over connections of its own, and waits for its end. The feed goes to the
/// listener that takes stock.
///
/// # Errors
/// A connection or thread could not be had. What fails later is counted, not returned.
pub fn run(
    to: &Target,
    asked: &Arc<Asked>,
    schedule: Schedule,
    feed: Option<(&Target, Feed)>,
    options: Options,
) -> Result<RateReport, LoadError> {
    let count = options.threads.clamp(1, options.connections.max(1));
    let (ready, readies) = threads::channel();
    let mut workers = Vec::with_capacity(count);
    for place in 0..count {
        let (go, gone) = oneshot::channel();
        let worker = Worker {
            to: to.clone(),
            asked: Arc::clone(asked),
            schedule,
            options,
            share: Share { place, count },
        };
        let ready = ready.clone();
        let thread = thread::Builder::new().name("kindred-load".to_owned());
        workers.push((go, thread.spawn(move || worker.work(&ready, gone))?));
    }
    drop(ready);
    // Whoever cannot connect says so; the others end as nobody tells them to go.
    for _ in 0..count {
        readies.recv().map_err(|_| LoadError::Broken)??;
    }
    let feeder = feed.map(|(to, feed)| feed::Feeder::connect(to, asked, feed)).transpose()?;
    let begin = Instant::now() + AHEAD;
    let feeder = feeder.map(|feeder| {
        let thread = thread::Builder::new().name("kindred-feed".to_owned());
        thread.spawn(move || feeder.run(begin))
    });
    let feeder = feeder.transpose()?;
    let mut tally = Tally::default();
    let mut working = Vec::with_capacity(count);
    for (go, worker) in workers {
        go.send(begin).map_err(|_| LoadError::Broken)?;
        working.push(worker);
    }
    for worker in working {
        tally.add(&worker.join().map_err(|_| LoadError::Broken)??);
    }
    let mut report = RateReport::new(&schedule, &tally);
    if let Some(feeder) = feeder {
        report.stock = Some(feeder.join().map_err(|_| LoadError::Broken)?);
    }
    Ok(report)
}

/// Which of all there is is a thread's: every `count`-th, from `place` on.
#[derive(Clone, Copy, Debug)]
struct Share {
    place: usize,
    count: usize,
}

impl Share {
    /// Its numbers below `end`.
    fn of(self, end: usize) -> impl Iterator<Item = usize> {
        (self.place..end).step_by(self.count.max(1))
    }
}

/// What one thread asks.
struct Worker {
    to: Target,
    asked: Arc<Asked>,
    schedule: Schedule,
    options: Options,
    share: Share,
}

type Ready = threads::Sender<Result<(), ClientError>>;

impl Worker {
    /// Connects, says so, waits for the beginning, and asks.
    fn work(self, ready: &Ready, go: oneshot::Receiver<Instant>) -> Result<Tally, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut callers = Vec::new();
            for _ in self.share.of(self.options.connections.max(1)) {
                match Caller::connect(&self.to).await {
                    Ok(caller) => callers.push(caller),
                    Err(error) => {
                        // The run may have ended for another one's failure.
                        drop(ready.send(Err(error.clone())));
                        return Err(error.into());
                    }
                }
            }
            drop(ready.send(Ok(())));
            match go.await {
                Ok(begin) => self.ask(begin, &callers).await,
                Err(_) => Ok(Tally::default()),
            }
        })
    }

    /// Makes the calls of its share, each as soon as its time has come.
    async fn ask(&self, begin: Instant, callers: &[Caller]) -> Result<Tally, LoadError> {
        let bound = (self.options.in_flight_max / self.share.count).max(1);
        let (due, mut coming) = mpsc::channel(bound);
        let (schedule, share) = (self.schedule, self.share);
        let pacer = thread::Builder::new().name("kindred-pace".to_owned());
        let pacer = pacer.spawn(move || pace(begin, schedule, share, &due))?;
        let end = begin + self.schedule.start(self.schedule.calls()) + self.options.drain_wait;
        let permits = Arc::new(Semaphore::new(bound));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut callers = callers.iter().cycle();
        while let Some(number) = coming.recv().await {
            let permit = if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
                permit
            } else {
                locked(&tally).late += u64::from(self.schedule.is_measured(number));
                match timeout_at(end.into(), Arc::clone(&permits).acquire_owned()).await {
                    Ok(Ok(permit)) => permit,
                    // The server is stuck: what is left counts as unsent.
                    Ok(Err(_)) | Err(_) => break,
                }
            };
            if Instant::now() > end {
                break;
            }
            let Some(caller) = callers.next() else { break };
            let call = Call {
                begin,
                number,
                schedule: self.schedule,
                wait: self.options.call_wait,
                asked: Arc::clone(&self.asked),
                tally: Arc::clone(&tally),
            };
            let caller = caller.clone();
            drop(tokio::spawn(async move {
                call.make(caller).await;
                drop(permit);
            }));
        }
        // The pacer ends when nobody takes what is due.
        drop(coming);
        let all = u32::try_from(bound).unwrap_or(u32::MAX);
        // Each call ends by its own deadline, so this does.
        drop(permits.acquire_many(all).await);
        pacer.join().map_err(|_| LoadError::Broken)?;
        Ok(std::mem::take(&mut *locked(&tally)))
    }
}

/// Hands over the number of each call of a share at its time, until nobody takes them.
fn pace(begin: Instant, schedule: Schedule, share: Share, due: &mpsc::Sender<u64>) {
    let calls = usize::try_from(schedule.calls()).unwrap_or(usize::MAX);
    for number in share.of(calls) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        sleep_until(begin + schedule.start(number));
        if due.blocking_send(number).is_err() {
            return;
        }
    }
}

/// Sleeps until then; not at all if it has passed.
pub(super) fn sleep_until(time: Instant) {
    let left = time.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        thread::sleep(left);
    }
}

/// One call of a run.
struct Call {
    begin: Instant,
    number: u64,
    schedule: Schedule,
    wait: Duration,
    asked: Arc<Asked>,
    tally: Arc<Mutex<Tally>>,
}

impl Call {
    async fn make(self, mut caller: Caller) {
        let request = self.asked.bytes(self.number);
        let sent = self.begin.elapsed();
        let answer = timeout(self.wait, caller.call(request)).await;
        let done = self.begin.elapsed();
        let answer = match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(status.code()),
            Err(_) => Err(Code::DeadlineExceeded),
        };
        let intended = self.schedule.start(self.number);
        let mut tally = locked(&self.tally);
        match (self.schedule.is_measured(self.number), answer) {
            (true, Ok(answer)) => tally.answered(Times { intended, sent, done }, &answer),
            (true, Err(code)) => tally.failed(code),
            (false, Ok(_)) => {}
            (false, Err(code)) => tally.failed_warming_up(code),
        }
    }
}

fn locked(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    // Counts of a call that broke off are still counts.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
