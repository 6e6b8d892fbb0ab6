//! The one thread that owns journal, state and views.
//!
//! The order is a promise: an entry is durable before the state knows it, the view that shows it is
//! published before it is acknowledged. What the journal refuses counts for nothing, and reads go on.

mod resync;

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::UNIX_EPOCH,
};

use hashbrown::HashSet;
use tracing::{error, info, warn};

use super::{
    BatchDone, BlockDone, BlockDraft, Publisher, Rejected, StockError, StockOptions, StockView,
    UnblockDone, UnblockDraft, check,
    command::{Attached, BatchCommand, Command, ReadCommand, Reply},
    entry::{Batch, Block, Entry, Unblock},
    feeds::{Admission, Feeds},
    log::{Log, LogError},
    projection::Projection,
    reads,
    state::{Outcome, State, Touched},
};
use crate::{
    index::Catalog,
    model::limits::{
        BLOCKS_PER_CALL_MAX, STOCK_GROUP_BYTES_MAX, STOCK_LEFT_TO_REPLAY_BYTES, STOCK_QUEUE_MAX,
    },
};

/// Owner of all that stock is.
pub(super) struct Writer {
    log: Box<dyn Log>,
    /// Bytes of log at which the next checkpoint is due.
    checkpoint_at: u64,
    state: State,
    projection: Option<Projection>,
    options: StockOptions,
    publisher: Box<dyn Publisher>,
}

/// Batches that become durable by one sync.
struct Group {
    /// The feeds as they will be.
    feeds: Feeds,
    rows: usize,
    entries: Vec<Vec<u8>>,
    bytes: usize,
    batches: Vec<Planned>,
}

/// A batch that was checked.
struct Planned {
    /// `None` if it was applied before, or is by a batch before it in the group.
    entry: Option<Entry>,
    source_id: String,
    missing: Vec<String>,
    rejected: Vec<Rejected>,
    reply: Reply<BatchDone>,
}

impl Writer {
    pub(super) fn new(
        log: Box<dyn Log>,
        mut state: State,
        options: StockOptions,
        publisher: Box<dyn Publisher>,
    ) -> Self {
        state.forget_pending();
        let checkpoint_at = options.checkpoint_bytes;
        options.journal.set_broken(log.is_broken());
        Self { log, checkpoint_at, state, projection: None, options, publisher }
    }

    /// Carries out commands until it is told to stop or no handle is left.
    pub(super) fn run(&mut self, inbox: &Receiver<Command>) {
        self.publish();
        let mut next = inbox.recv().ok();
        while let Some(command) = next.take() {
            if matches!(command, Command::Stop) {
                break;
            }
            next = self.carry_on(command, inbox);
            self.checkpoint_if_due();
            next = next.or_else(|| inbox.recv().ok());
        }
        if self.log.bytes_since_checkpoint() > STOCK_LEFT_TO_REPLAY_BYTES
            && let Err(reason) = self.checkpoint()
        {
            warn!(%reason, "No checkpoint at the end: the next start replays the journal.");
        }
        while let Ok(command) = inbox.try_recv() {
            command.refuse(StockError::Closed);
        }
    }

    /// Carries out a command; gives back one that was taken from the inbox beside it.
    fn carry_on(&mut self, command: Command, inbox: &Receiver<Command>) -> Option<Command> {
        match command {
            Command::Batch(first) => return self.batches(first, inbox),
            Command::Replace(command) => self.replace(command),
            Command::Block { draft, reply } => self.answer(reply, |writer| writer.block(draft)),
            Command::Unblock { draft, reply } => self.answer(reply, |writer| writer.unblock(draft)),
            Command::Attach { catalog, then } => self.attach(catalog, then),
            Command::Read(read) => self.read(read),
            Command::Checkpoint { reply } => self.answer(reply, Self::checkpoint),
            Command::Stop => {}
        }
        None
    }

    fn answer<T>(
        &mut self,
        reply: Reply<T>,
        carry_out: impl FnOnce(&mut Self) -> Result<T, StockError>,
    ) {
        let answer = carry_out(self);
        reply(answer);
    }

    /// Collects batches that wait already, makes them durable by one sync, and acknowledges them.
    /// Gives back the command that ended the group.
    fn batches(&mut self, first: BatchCommand, inbox: &Receiver<Command>) -> Option<Command> {
        let mut group = Group {
            feeds: self.state.feeds.clone(),
            rows: 0,
            entries: Vec::new(),
            bytes: 0,
            batches: Vec::new(),
        };
        self.plan(first, &mut group);
        let mut next = None;
        // Reads and refused batches count, too: they add nothing to the group, and there may be no end
        // of them, while those who sent the batches wait.
        for _ in 1..STOCK_QUEUE_MAX {
            if group.bytes >= STOCK_GROUP_BYTES_MAX {
                break;
            }
            match inbox.try_recv() {
                Ok(Command::Batch(batch)) => self.plan(batch, &mut group),
                // Nothing of the group is acknowledged, so that a read may come before it.
                Ok(Command::Read(read)) => self.read(read),
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.commit(group);
        next
    }

    /// Checks a batch and adds it to the group, or refuses it.
    fn plan(&self, command: BatchCommand, group: &mut Group) {
        let BatchCommand { source_id, sequence, updates, reply } = command;
        let Some(projection) = &self.projection else {
            return reply(Err(StockError::NoCatalog));
        };
        let now_s = self.now_s();
        let checked = check::updates(updates, &projection.places, now_s);
        let (updates, rejected) = (checked.updates, checked.rejected);
        let rows = self.state.rows_added(&source_id, &updates);
        if let Err(error) = self.state.check_room(group.rows + rows) {
            return reply(Err(error));
        }
        let admission = match group.feeds.admit(&source_id, sequence) {
            Ok((_, admission)) => admission,
            Err(error) => return reply(Err(error)),
        };
        let mut planned = Planned { entry: None, source_id, missing: Vec::new(), rejected, reply };
        if matches!(admission, Admission::New { .. }) {
            let ids = updates.iter().map(|update| update.product.as_str());
            planned.missing = distinct(projection.missing(&self.state, ids));
            let source = planned.source_id.clone();
            let entry = Entry::Batch(Batch { source, sequence, received_s: now_s, updates });
            let bytes = entry.encode();
            group.rows += rows;
            group.bytes += bytes.len();
            group.entries.push(bytes);
            planned.entry = Some(entry);
        } else {
            planned.rejected.clear();
        }
        group.batches.push(planned);
    }

    /// Journal, then state, then view, then answers: in this order and no other.
    fn commit(&mut self, group: Group) {
        if let Err(error) = self.append(&group.entries) {
            for batch in group.batches {
                (batch.reply)(Err(error.clone()));
            }
            return;
        }
        let mut touched = Touched::default();
        let mut answers = Vec::with_capacity(group.batches.len());
        for batch in group.batches {
            let outcome = match &batch.entry {
                Some(entry) => self.state.apply(entry, &mut touched),
                None => Ok(Outcome::Repeated),
            };
            let answer = outcome.map(|outcome| {
                let source = self.state.feeds.find(&batch.source_id);
                let source = source.expect("the batch, or an earlier one, opened the feed");
                let position = self.state.feeds.get(source).to_position();
                let mut counts = (0, 0, 0);
                if let Outcome::Batch { applied, stale, gap } = outcome {
                    counts = (applied, stale, gap);
                }
                let (applied, stale, gap) = counts;
                let (missing, rejected) = (batch.missing, batch.rejected);
                BatchDone { position, applied, stale, missing, rejected, gap }
            });
            answers.push((batch.reply, answer));
        }
        if !group.entries.is_empty() {
            self.show(&touched);
        }
        for (reply, answer) in answers {
            reply(answer);
        }
    }

    fn block(&mut self, draft: BlockDraft) -> Result<BlockDone, StockError> {
        let now_s = self.now_s();
        check::block(&draft, now_s)?;
        if !draft.market_ids.is_empty() {
            let projection = self.projection.as_ref().ok_or(StockError::NoCatalog)?;
            check::block_markets(&draft.market_ids, &projection.places)?;
        }
        let mut markets = draft.market_ids;
        markets.sort_unstable();
        markets.dedup();
        let ids = distinct(draft.product_ids);
        let missing = self.projection.as_ref().map_or_else(Vec::new, |projection| {
            projection.missing(&self.state, ids.iter().map(String::as_str))
        });
        let blocked = u32::try_from(ids.len()).expect("a call has a limit");
        let block = Block {
            ids,
            markets,
            reason: draft.reason,
            actor: draft.actor,
            block_s: now_s,
            expire_s: draft.expire_s.unwrap_or(i64::MAX),
        };
        self.state.blocks.check(&block)?;
        self.carry_out(&[Entry::Block(block)])?;
        Ok(BlockDone { blocked, missing, blocks_digest: self.state.blocks.digest() })
    }

    fn unblock(&mut self, draft: UnblockDraft) -> Result<UnblockDone, StockError> {
        check::unblock(&draft)?;
        let ids = self.blocks_named(&draft.product_ids);
        let unblocked = u32::try_from(ids.len()).expect("blocks have a limit");
        let time_s = self.now_s();
        let entry = |ids: &[String]| {
            let (ids, reason, actor) = (ids.to_vec(), draft.reason.clone(), draft.actor.clone());
            Entry::Unblock(Unblock { ids, reason, actor, time_s })
        };
        let entries = ids.chunks(BLOCKS_PER_CALL_MAX).map(entry).collect::<Vec<_>>();
        if !entries.is_empty() {
            self.carry_out(&entries)?;
        }
        Ok(UnblockDone { unblocked, blocks_digest: self.state.blocks.digest() })
    }

    /// The ids of blocks by these ids, and by other ids of the same products.
    fn blocks_named(&self, product_ids: &[String]) -> Vec<String> {
        let raw = product_ids.iter().map(String::as_str).collect::<HashSet<_>>();
        let catalog = self.projection.as_ref().map(|projection| projection.catalog.view());
        let find = |id: &str| catalog.as_ref().and_then(|catalog| catalog.find(id));
        let products = raw.iter().filter_map(|id| find(id)).collect::<HashSet<_>>();
        let is_named = |id: &&str| {
            raw.contains(id) || find(id).is_some_and(|product| products.contains(&product))
        };
        let blocks = self.state.blocks.iter().map(|(id, _)| id);
        // One id may have several blocks.
        distinct(blocks.filter(is_named).map(str::to_owned).collect())
    }

    /// Journal, then state, then view.
    fn carry_out(&mut self, entries: &[Entry]) -> Result<(), StockError> {
        let bytes = entries.iter().map(Entry::encode).collect::<Vec<_>>();
        self.append(&bytes)?;
        let mut touched = Touched::default();
        for entry in entries {
            self.state.apply(entry, &mut touched)?;
        }
        self.show(&touched);
        Ok(())
    }

    fn attach(&mut self, catalog: Arc<Catalog>, then: Attached) {
        let hash = catalog.blob().hash();
        // What was found by bytes that had changed may be wrong, and is found anew.
        let is_same =
            |before: &Catalog| before.blob().hash() == hash && !before.blob().is_spoiled();
        match &mut self.projection {
            Some(same) if is_same(&same.catalog) => same.catalog = catalog,
            _ => self.projection = Some(Projection::new(catalog, &self.state)),
        }
        then(self.view());
        self.publish();
    }

    fn read(&self, read: ReadCommand) {
        match read {
            ReadCommand::Effective { product_ids, inventory_id, market_id, reply } => {
                reply(self.projection.as_ref().ok_or(StockError::NoCatalog).and_then(
                    |projection| {
                        let state = &self.state;
                        reads::effective(state, projection, product_ids, &inventory_id, &market_id)
                    },
                ));
            }
            ReadCommand::Readings { source_id, page_token, page_size, reply } => {
                let source_id = source_id.as_deref();
                reply(reads::readings(&self.state, source_id, &page_token, page_size));
            }
            ReadCommand::Blocks { page_token, page_size, reply } => {
                reply(reads::blocks(&self.state, &page_token, page_size, self.now_s()));
            }
        }
    }

    /// Makes entries durable, all of them or none.
    fn append(&mut self, entries: &[Vec<u8>]) -> Result<(), StockError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.repair_if_broken()?;
        let entries = entries.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let appended = self.log.append(&entries);
        self.options.journal.set_broken(self.log.is_broken());
        appended.map_err(|failed| {
            error!(reason = failed.reason, "The stock journal failed; nothing is acknowledged.");
            failed.into()
        })
    }

    fn repair_if_broken(&mut self) -> Result<(), StockError> {
        if self.log.is_broken() {
            self.log.repair()?;
            self.options.journal.set_broken(false);
            info!("The stock journal takes writes again.");
        }
        Ok(())
    }

    /// Brings the view up to date and publishes it.
    fn show(&mut self, touched: &Touched) {
        if let Some(projection) = &mut self.projection {
            projection.follow(&self.state, touched);
        }
        self.publish();
    }

    fn publish(&mut self) {
        let view = self.view();
        self.publisher.publish(&view);
    }

    fn view(&self) -> Arc<StockView> {
        Arc::new(match &self.projection {
            Some(projection) => projection.view().clone(),
            None => {
                let (positions, digest) =
                    (self.state.feeds.positions(), self.state.blocks.digest());
                StockView::of_no_catalog(positions, digest)
            }
        })
    }

    fn checkpoint_if_due(&mut self) {
        let bytes = self.log.bytes_since_checkpoint();
        if bytes <= self.checkpoint_at {
            return;
        }
        match self.checkpoint() {
            Ok(()) => self.checkpoint_at = self.options.checkpoint_bytes,
            Err(reason) => {
                warn!(%reason, "No checkpoint was written; the journal grows on.");
                self.checkpoint_at = bytes.saturating_add(self.options.checkpoint_bytes);
            }
        }
    }

    /// Writes the state in the place of the journal. Feeds wait meanwhile.
    fn checkpoint(&mut self) -> Result<(), StockError> {
        self.repair_if_broken()?;
        let written = self.log.checkpoint(&mut self.state.pieces());
        self.options.journal.set_broken(self.log.is_broken());
        Ok(written?)
    }

    fn now_s(&self) -> i64 {
        let since = (self.options.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }
}

impl From<LogError> for StockError {
    fn from(failed: LogError) -> Self {
        let reason = failed.reason;
        if failed.is_full { Self::Full { reason } } else { Self::Broken { reason } }
    }
}

/// Each id once, in the order of first mention.
fn distinct(ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}
