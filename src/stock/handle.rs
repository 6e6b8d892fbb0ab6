//! The handle that callers have of the stock writer: it queues commands and never waits for the disk.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
    time::SystemTime,
};

use super::{
    BatchDone, BlockDone, BlockDraft, BlockPage, EffectiveList, ReadingPage, ReplaceDone,
    StockError, StockView, UnblockDone, UnblockDraft, UpdateDraft, check,
    command::{Attached, BatchCommand, Command, ReadCommand, ReplaceCommand, Reply},
    log::{Log, NoLog},
    seats::{Seat, Seats},
    state::State,
    writer::Writer,
};
use crate::{
    index::Catalog,
    model::limits::{REPLACE_STREAMS_MAX, STOCK_CHECKPOINT_BYTES, STOCK_QUEUE_MAX},
};

/// Tells the time; tests bring their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Takes each view, on the writer's thread, after what it shows is durable and before that is
/// acknowledged.
pub trait Publisher: Send {
    /// Shows the view to all lookups from now on. It is called for each group of commands and for
    /// each catalog attached; who pairs views with snapshots compares [`StockView::catalog`].
    fn publish(&mut self, view: &Arc<StockView>);
}

impl<F: FnMut(&Arc<StockView>) + Send> Publisher for F {
    fn publish(&mut self, view: &Arc<StockView>) {
        self(view);
    }
}

/// How the writer works.
#[derive(Clone)]
pub struct StockOptions {
    /// Tells the time: for event times in the future, and for blocks.
    pub clock: Clock,
    /// Write a checkpoint after this many bytes of journal.
    pub checkpoint_bytes: u64,
    /// Where the writer says whether its journal takes writes.
    pub journal: JournalState,
}

/// Whether a journal takes writes, for whoever watches it. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct JournalState {
    is_broken: Arc<AtomicBool>,
}

impl JournalState {
    /// Does it? A journal that was not opened yet does.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        !self.is_broken.load(Ordering::Relaxed)
    }

    pub(super) fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Relaxed);
    }
}

impl Default for StockOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemTime::now),
            checkpoint_bytes: STOCK_CHECKPOINT_BYTES,
            journal: JournalState::default(),
        }
    }
}

/// A handle of the stock writer. The writer ends when the last handle is dropped, or on
/// [`Stock::stop`].
///
/// Every command takes a callback for its answer, and every callback is called once; only one whose
/// command is queued in the moment in which the writer ends is dropped, which means the same as
/// [`StockError::Closed`].
#[derive(Clone)]
pub struct Stock {
    commands: SyncSender<Command>,
    resyncs: Seats,
}

/// A resync that comes piece by piece; nothing of it counts before [`ReplaceStream::commit`]. It has
/// one of few seats until it is dropped or answered.
#[derive(Debug)]
pub struct ReplaceStream {
    stock: Stock,
    seat: Seat,
    source_id: String,
    sequence: u64,
    updates: Vec<UpdateDraft>,
}

impl Stock {
    /// A writer that keeps nothing over a restart: for demos, tests and benches.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn in_memory(
        publisher: impl Publisher + 'static,
    ) -> Result<(Self, JoinHandle<()>), StockError> {
        Self::start(NoLog, State::default(), StockOptions::default(), publisher)
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Stock::in_memory`].
    pub fn in_memory_with(
        options: StockOptions,
        publisher: impl Publisher + 'static,
    ) -> Result<(Self, JoinHandle<()>), StockError> {
        Self::start(NoLog, State::default(), options, publisher)
    }

    /// Starts the writer's thread on what a log held.
    pub(super) fn start(
        log: impl Log + 'static,
        state: State,
        options: StockOptions,
        publisher: impl Publisher + 'static,
    ) -> Result<(Self, JoinHandle<()>), StockError> {
        let (commands, inbox) = mpsc::sync_channel(STOCK_QUEUE_MAX);
        let mut writer = Writer::new(Box::new(log), state, options, Box::new(publisher));
        let thread = thread::Builder::new()
            .name("kindred-stock".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(|error| StockError::NoThread { reason: error.to_string() })?;
        Ok((Self { commands, resyncs: Seats::new(REPLACE_STREAMS_MAX) }, thread))
    }

    /// Applies readings of a source under their sequence in its feed. The answer comes when they are
    /// durable and every later lookup sees them.
    pub fn batch(
        &self,
        source_id: String,
        sequence: u64,
        updates: Vec<UpdateDraft>,
        reply: Reply<BatchDone>,
    ) {
        match check::batch(&source_id, sequence, &updates) {
            Ok(()) => {
                self.send(Command::Batch(BatchCommand { source_id, sequence, updates, reply }));
            }
            Err(error) => reply(Err(error)),
        }
    }

    /// Begins to replace all that a source has said up to a sequence.
    ///
    /// # Errors
    /// The source is no id, the sequence is none of a feed, or too many resyncs are open or not answered yet.
    pub fn replace(&self, source_id: String, sequence: u64) -> Result<ReplaceStream, StockError> {
        check::feed(&source_id, sequence)?;
        let seat = self.resyncs.take().ok_or(StockError::TooManyStreams)?;
        Ok(ReplaceStream { stock: self.clone(), seat, source_id, sequence, updates: Vec::new() })
    }

    /// Resyncs that have a seat now.
    #[cfg(test)]
    pub(crate) fn resyncs_open(&self) -> usize {
        self.resyncs.taken()
    }

    /// Takes products out of every answer. The answer comes when that is durable and every later
    /// lookup obeys.
    pub fn block(&self, draft: BlockDraft, reply: Reply<BlockDone>) {
        self.send(Command::Block { draft, reply });
    }

    /// Allows products again.
    pub fn unblock(&self, draft: UnblockDraft, reply: Reply<UnblockDone>) {
        self.send(Command::Unblock { draft, reply });
    }

    /// Makes a catalog the one that views speak of. `then` runs on the writer's thread with the view
    /// over it, so that no update falls between the two: it swaps the pair in. Waits for room in the
    /// queue.
    ///
    /// # Errors
    /// The writer has ended.
    pub fn attach(&self, catalog: Arc<Catalog>, then: Attached) -> Result<(), StockError> {
        let command = Command::Attach { catalog, then };
        self.commands.send(command).map_err(|_| StockError::Closed)
    }

    /// What holds for products in an inventory and a market; empty means the default ones.
    pub fn effective(
        &self,
        product_ids: Vec<String>,
        inventory_id: String,
        market_id: String,
        reply: Reply<EffectiveList>,
    ) {
        self.send(Command::Read(ReadCommand::Effective {
            product_ids,
            inventory_id,
            market_id,
            reply,
        }));
    }

    /// Every reading, or those of one source, page by page; the first page has an empty token.
    pub fn readings(
        &self,
        source_id: Option<String>,
        page_token: String,
        page_size: usize,
        reply: Reply<ReadingPage>,
    ) {
        let read = ReadCommand::Readings { source_id, page_token, page_size, reply };
        self.send(Command::Read(read));
    }

    /// The blocks that stand, page by page; the first page has an empty token.
    pub fn blocks(&self, page_token: String, page_size: usize, reply: Reply<BlockPage>) {
        self.send(Command::Read(ReadCommand::Blocks { page_token, page_size, reply }));
    }

    /// Writes a checkpoint now, so that the next start replays nothing.
    pub fn checkpoint(&self, reply: Reply<()>) {
        self.send(Command::Checkpoint { reply });
    }

    /// Ends the writer behind the commands that are queued, with a checkpoint where a restart would replay
    /// much ([`STOCK_LEFT_TO_REPLAY_BYTES`](crate::model::limits::STOCK_LEFT_TO_REPLAY_BYTES)). Waits for room in the queue.
    pub fn stop(&self) {
        if self.commands.send(Command::Stop).is_err() {
            tracing::debug!("The stock writer has ended already.");
        }
    }

    fn send(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(command)) => command.refuse(StockError::Busy),
            Err(TrySendError::Disconnected(command)) => command.refuse(StockError::Closed),
        }
    }
}

impl ReplaceStream {
    /// Takes the next updates.
    ///
    /// # Errors
    /// The stream is too long.
    pub fn push(&mut self, updates: Vec<UpdateDraft>) -> Result<(), StockError> {
        check::replace_len(self.updates.len() + updates.len())?;
        self.updates.extend(updates);
        Ok(())
    }

    /// Makes all of it count at once.
    pub fn commit(self, reply: Reply<ReplaceDone>) {
        let Self { stock, seat, source_id, sequence, updates } = self;
        let command = ReplaceCommand { seat, source_id, sequence, updates, reply };
        stock.send(Command::Replace(command));
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stock").finish_non_exhaustive()
    }
}

impl fmt::Debug for StockOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.checkpoint_bytes;
        f.debug_struct("StockOptions").field("checkpoint_bytes", &bytes).finish_non_exhaustive()
    }
}
