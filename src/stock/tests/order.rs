//! Goal: journal, sync, view, answer, in this order and no other; what the journal refuses counts
//! for nothing. Method: a log, a publisher and answers that write into one diary, on the writer's
//! thread; the diary is compared as a whole, so that any two steps swapped turn a test red.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
    time::{Duration, UNIX_EPOCH},
};

use super::{rig::view_table, shop::Shop};
use crate::{
    index::Catalog,
    model::limits::STOCK_QUEUE_MAX,
    stock::{
        BatchDone, BlockDraft, JournalState, Reply, Stock, StockError, StockOptions, StockView,
        UpdateDraft,
        log::{Log, LogError},
        state::State,
    },
};

pub(super) const NOW_S: u64 = 1_000;

/// What happened, in order.
pub(super) type Diary = Arc<Mutex<Vec<String>>>;

/// A log that keeps everything and does as it is told.
#[derive(Clone, Default)]
pub(super) struct Tape {
    pub(super) diary: Diary,
    pub(super) kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
pub(super) struct Kept {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) bytes: u64,
    pub(super) is_broken: bool,
    /// What the next calls to append, repair and checkpoint answer.
    pub(super) appends: Vec<Result<(), LogError>>,
    pub(super) repairs: Vec<Result<(), LogError>>,
    pub(super) checkpoints: Vec<Result<(), LogError>>,
}

fn next(answers: &mut Vec<Result<(), LogError>>) -> Result<(), LogError> {
    if answers.is_empty() { Ok(()) } else { answers.remove(0) }
}

impl Tape {
    pub(super) fn note(&self, words: impl Into<String>) {
        self.diary.lock().unwrap().push(words.into());
    }

    /// The diary so far; it begins anew.
    pub(super) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.diary.lock().unwrap())
    }
}

impl Log for Tape {
    fn append(&mut self, entries: &[&[u8]]) -> Result<(), LogError> {
        let mut kept = self.kept.lock().unwrap();
        let answer = next(&mut kept.appends);
        let outcome = if answer.is_ok() { "sync" } else { "fail" };
        self.note(format!("{outcome} {}", entries.len()));
        if answer.is_ok() {
            kept.bytes += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
            kept.entries.extend(entries.iter().map(|entry| entry.to_vec()));
        }
        kept.is_broken = answer.is_err();
        answer
    }

    fn is_broken(&self) -> bool {
        self.kept.lock().unwrap().is_broken
    }

    fn repair(&mut self) -> Result<(), LogError> {
        self.note("repair");
        let mut kept = self.kept.lock().unwrap();
        let answer = next(&mut kept.repairs);
        kept.is_broken = answer.is_err();
        answer
    }

    fn bytes_since_checkpoint(&self) -> u64 {
        self.kept.lock().unwrap().bytes
    }

    fn checkpoint(&mut self, pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError> {
        self.note("checkpoint");
        let mut kept = self.kept.lock().unwrap();
        let answer = next(&mut kept.checkpoints);
        kept.is_broken = answer.is_err();
        answer?;
        kept.pieces = pieces.collect();
        kept.entries.clear();
        kept.bytes = 0;
        Ok(())
    }
}

/// A writer with a tape, and the views it published.
pub(super) struct Desk {
    pub(super) stock: Stock,
    pub(super) tape: Tape,
    pub(super) thread: JoinHandle<()>,
    pub(super) views: Arc<Mutex<Vec<Arc<StockView>>>>,
    pub(super) catalog: Arc<Catalog>,
    /// What the writer says of its log.
    journal: JournalState,
}

impl Desk {
    pub(super) fn open(shop: &Shop) -> Self {
        let desk = Self::start(shop, Tape::default(), State::default(), u64::MAX);
        desk.attach(&desk.catalog);
        desk.tape.told();
        desk
    }

    pub(super) fn start(shop: &Shop, tape: Tape, state: State, checkpoint_bytes: u64) -> Self {
        let views = Arc::<Mutex<Vec<Arc<StockView>>>>::default();
        let (seen, diary) = (Arc::clone(&views), tape.clone());
        let publish = move |view: &Arc<StockView>| {
            diary.note("publish");
            seen.lock().unwrap().push(Arc::clone(view));
        };
        let clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(NOW_S));
        let journal = JournalState::default();
        let options = StockOptions { clock, checkpoint_bytes, journal: journal.clone() };
        let (stock, thread) = Stock::start(tape.clone(), state, options, publish).unwrap();
        Self { stock, tape, thread, views, catalog: shop.catalog(), journal }
    }

    pub(super) fn attach(&self, catalog: &Arc<Catalog>) -> Arc<StockView> {
        let (sender, views) = mpsc::channel();
        let then = Box::new(move |view| sender.send(view).unwrap());
        self.stock.attach(Arc::clone(catalog), then).unwrap();
        let view = views.recv().unwrap();
        // Behind the publication that follows.
        wait(|reply| self.stock.blocks(String::new(), 1, reply)).unwrap();
        view
    }

    /// Sends a batch; its answer is noted as `ack` or as the error.
    pub(super) fn batch(
        &self,
        source: &str,
        sequence: u64,
        updates: Vec<UpdateDraft>,
    ) -> Result<BatchDone, StockError> {
        self.answer(|reply| self.stock.batch(source.to_owned(), sequence, updates, reply))
    }

    /// The answer of a command, noted in the diary when it comes.
    pub(super) fn answer<T: Send + 'static>(
        &self,
        send: impl FnOnce(Reply<T>),
    ) -> Result<T, StockError> {
        let tape = self.tape.clone();
        wait(|reply: Reply<T>| {
            send(Box::new(move |answer: Result<T, StockError>| {
                tape.note(if answer.is_ok() { "ack" } else { "refuse" });
                reply(answer);
            }));
        })
    }

    pub(super) fn view(&self) -> Arc<StockView> {
        Arc::clone(self.views.lock().unwrap().last().unwrap())
    }

    pub(super) fn table(&self) -> Vec<String> {
        view_table(&self.catalog, &self.view())
    }

    /// Holds the writer back until the sender is used or dropped; returns when it stands.
    pub(super) fn hold(&self) -> Sender<()> {
        let (open, gate) = mpsc::channel::<()>();
        let (stands, standing) = mpsc::channel();
        let then = Box::new(move |_| {
            stands.send(()).unwrap();
            gate.recv().ok();
        });
        self.stock.attach(Arc::clone(&self.catalog), then).unwrap();
        standing.recv().unwrap();
        open
    }

    pub(super) fn stop(self) -> Tape {
        self.stock.stop();
        self.thread.join().unwrap();
        self.tape
    }
}

/// Waits for the answer of a command.
pub(super) fn wait<T: Send + 'static>(send: impl FnOnce(Reply<T>)) -> Result<T, StockError> {
    let (sender, answers) = mpsc::channel();
    send(Box::new(move |answer| sender.send(answer).unwrap()));
    answers.recv().unwrap()
}

/// Sends without waiting.
pub(super) fn later<T: Send + 'static>(
    send: impl FnOnce(Reply<T>),
) -> Receiver<Result<T, StockError>> {
    let (sender, answers) = mpsc::channel();
    send(Box::new(move |answer| sender.send(answer).unwrap()));
    answers
}

pub(super) fn says(product: &str, availability: i32) -> UpdateDraft {
    let (product_id, event_us) = (product.to_owned(), Some(1_000_000));
    UpdateDraft { product_id, availability, event_us, ..UpdateDraft::default() }
}

pub(super) fn recall(ids: &[&str]) -> BlockDraft {
    let product_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    BlockDraft { product_ids, reason: "glass".to_owned(), ..BlockDraft::default() }
}

fn failed(is_full: bool) -> Result<(), LogError> {
    Err(LogError { is_full, reason: "the disk says no".to_owned() })
}

fn desk() -> Desk {
    Desk::open(&super::shop::shop("a\nb"))
}

#[test]
fn a_batch_is_durable_then_shown_then_acknowledged() {
    let desk = desk();
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    assert_eq!(desk.tape.told(), ["sync 1", "publish", "ack"]);
}

#[test]
fn a_block_and_its_end_are_durable_then_shown_then_acknowledged() {
    let desk = desk();
    desk.answer(|reply| desk.stock.block(recall(&["a"]), reply)).unwrap();
    assert_eq!(desk.tape.told(), ["sync 1", "publish", "ack"]);
    let draft = || crate::stock::UnblockDraft {
        product_ids: vec!["a".to_owned()],
        ..crate::stock::UnblockDraft::default()
    };
    desk.answer(|reply| desk.stock.unblock(draft(), reply)).unwrap();
    assert_eq!(desk.tape.told(), ["sync 1", "publish", "ack"]);
    // Nothing stands any more, so that there is nothing to write.
    desk.answer(|reply| desk.stock.unblock(draft(), reply)).unwrap();
    assert_eq!(desk.tape.told(), ["ack"]);
}

#[test]
fn every_part_of_a_resync_is_durable_before_any_of_it_is_shown() {
    let desk = desk();
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    desk.tape.told();
    let mut stream = desk.stock.replace("pos".to_owned(), 2).unwrap();
    stream.push(vec![says("b", 5); 20_000]).unwrap();
    let done = desk.answer(|reply| stream.commit(reply)).unwrap();
    assert_eq!((done.applied, done.removed), (20_000, 1));
    assert_eq!(desk.tape.told(), ["sync 1", "sync 1", "sync 1", "publish", "ack"]);
}

#[test]
fn an_attached_catalog_is_swapped_in_before_its_view_is_published() {
    let desk = desk();
    let tape = desk.tape.clone();
    let other = super::shop::shop("a\nb\nc").catalog();
    let then = Box::new(move |_| tape.note("swap"));
    desk.stock.attach(other, then).unwrap();
    desk.answer(|reply| desk.stock.blocks(String::new(), 1, reply)).unwrap();
    assert_eq!(desk.tape.told(), ["swap", "publish", "ack"]);
}

#[test]
fn batches_that_wait_become_durable_by_one_sync_and_visible_by_one_view() {
    let desk = desk();
    let gate = desk.hold();
    desk.tape.told();
    let answers = (1..=3).map(|sequence| {
        let state = i32::try_from(sequence).unwrap();
        later(|reply| desk.stock.batch("pos".to_owned(), sequence, vec![says("a", state)], reply))
    });
    let answers = answers.collect::<Vec<_>>();
    // The same sequence again, in the same group: it is acknowledged with the first.
    let again = later(|reply| desk.stock.batch("pos".to_owned(), 2, vec![says("a", 6)], reply));
    drop(gate);
    for (sequence, answer) in (1..).zip(answers) {
        let done = answer.recv().unwrap().unwrap();
        assert_eq!((done.position.sequence, done.applied), (sequence, 1));
    }
    let again = again.recv().unwrap().unwrap();
    assert_eq!((again.position.sequence, again.applied, again.stale), (3, 0, 0));
    assert_eq!(desk.tape.told(), ["publish", "sync 3", "publish"]);
    assert!(desk.table()[0].contains("Backorder"), "{:?}", desk.table());
}

/// Asks for the list of blocks, and from the answer again, until nothing is left of the count.
fn ask_on_and_on(stock: Stock, tape: Tape, left: usize) {
    let again = stock.clone();
    let reply: Reply<_> = Box::new(move |_| {
        tape.note("read");
        if left > 0 {
            ask_on_and_on(again, tape, left - 1);
        }
    });
    stock.blocks(String::new(), 1, reply);
}

/// Reads were once answered before a batch became durable for as long as any came.
#[test]
fn a_batch_is_acknowledged_though_reads_never_end() {
    let desk = desk();
    let gate = desk.hold();
    desk.tape.told();
    let done = later(|reply| {
        let tape = desk.tape.clone();
        let reply: Reply<BatchDone> = Box::new(move |answer| {
            tape.note("ack");
            reply(answer);
        });
        desk.stock.batch("pos".to_owned(), 1, vec![says("a", 5)], reply);
    });
    let reads = 10 * STOCK_QUEUE_MAX;
    ask_on_and_on(desk.stock.clone(), desk.tape.clone(), reads);
    drop(gate);
    done.recv().unwrap().unwrap();
    let told = desk.stop().told();
    let before = told.iter().take_while(|what| *what != "ack").filter(|what| *what == "read");
    assert!(before.count() < STOCK_QUEUE_MAX, "{told:?}");
}

#[test]
fn a_batch_that_was_applied_before_needs_no_write() {
    let desk = desk();
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    desk.tape.told();
    let done = desk.batch("pos", 1, vec![says("a", 1)]).unwrap();
    assert_eq!((done.position.sequence, done.applied, done.stale, done.gap), (1, 0, 0, 0));
    assert_eq!(desk.tape.told(), ["ack"]);
}

#[test]
fn a_batch_of_rejected_updates_is_a_batch_all_the_same() {
    let desk = desk();
    let done = desk.batch("pos", 1, vec![says("a", 9)]).unwrap();
    assert_eq!((done.position.sequence, done.rejected.len()), (1, 1));
    assert_eq!(desk.tape.told(), ["sync 1", "publish", "ack"]);
}

#[test]
fn what_the_journal_refuses_counts_for_nothing_and_reads_go_on() {
    for is_full in [true, false] {
        let desk = desk();
        desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
        let before = desk.table();
        desk.tape.told();
        desk.tape.kept.lock().unwrap().appends = vec![failed(is_full)];
        let refused = desk.batch("pos", 2, vec![says("a", 1)]).unwrap_err();
        match (is_full, &refused) {
            (true, StockError::Full { reason }) | (false, StockError::Broken { reason }) => {
                assert_eq!(reason, "the disk says no");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(desk.tape.told(), ["fail 1", "refuse"]);
        assert!(!desk.journal.is_writable());
        assert_eq!(desk.table(), before);
        wait(|reply| desk.stock.readings(None, String::new(), 1, reply)).unwrap();
        // A batch that is durable already is acknowledged all the same.
        desk.batch("pos", 1, vec![says("a", 1)]).unwrap();
        // The next write repairs first; while that fails nothing is written.
        desk.tape.kept.lock().unwrap().repairs = vec![failed(true)];
        desk.batch("pos", 2, vec![says("a", 1)]).unwrap_err();
        assert!(!desk.journal.is_writable());
        desk.batch("pos", 2, vec![says("a", 2)]).unwrap();
        assert!(desk.journal.is_writable());
        let expected = ["ack", "repair", "refuse", "repair", "sync 1", "publish", "ack"];
        assert_eq!(desk.tape.told(), expected);
        assert_eq!(desk.view().positions()[0].sequence, 2);
    }
}

#[test]
fn every_batch_of_a_group_that_fails_is_refused() {
    let desk = desk();
    let gate = desk.hold();
    desk.tape.kept.lock().unwrap().appends = vec![failed(false)];
    let send = |sequence| {
        later(|reply| desk.stock.batch("pos".to_owned(), sequence, vec![says("a", 5)], reply))
    };
    // The repeat must not be acknowledged: what it repeats is not durable.
    let answers = [send(1), send(2), send(2)];
    drop(gate);
    for answer in answers {
        assert!(matches!(answer.recv().unwrap(), Err(StockError::Broken { .. })));
    }
    assert!(desk.view().positions().is_empty());
    assert_eq!(desk.batch("pos", 2, vec![says("a", 5)]).unwrap().gap, 1);
}

#[test]
fn a_block_that_the_journal_refuses_does_not_stand() {
    let desk = desk();
    desk.tape.kept.lock().unwrap().appends = vec![failed(true)];
    let refused = desk.answer(|reply| desk.stock.block(recall(&["a"]), reply));
    assert!(matches!(refused, Err(StockError::Full { .. })));
    assert_eq!(desk.view().blocks_digest(), 0);
    desk.answer(|reply| desk.stock.block(recall(&["a"]), reply)).unwrap();
    assert_ne!(desk.view().blocks_digest(), 0);
}

#[test]
fn a_resync_whose_middle_the_journal_refuses_counts_for_nothing_now_and_after_a_restart() {
    let shop = super::shop::shop("a\nb");
    let desk = Desk::open(&shop);
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    let before = desk.table();
    desk.tape.kept.lock().unwrap().appends = vec![Ok(()), failed(true)];
    let mut stream = desk.stock.replace("pos".to_owned(), 2).unwrap();
    stream.push(vec![says("b", 5); 20_000]).unwrap();
    wait(|reply| stream.commit(reply)).unwrap_err();
    assert_eq!(desk.table(), before);
    let mut state = State::default();
    for entry in &desk.tape.kept.lock().unwrap().entries {
        state.replay(entry).unwrap();
    }
    let again = Desk::start(&shop, Tape::default(), state, u64::MAX);
    again.attach(&again.catalog);
    assert_eq!(again.table(), before);
}
