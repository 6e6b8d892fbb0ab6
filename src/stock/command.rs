//! What travels from handles to the writer, each with the callback that takes its answer.

use std::sync::Arc;

use super::{
    BatchDone, BlockDone, BlockDraft, BlockPage, EffectiveList, ReadingPage, ReplaceDone,
    StockError, StockView, UnblockDone, UnblockDraft, UpdateDraft, seats::Seat,
};
use crate::index::Catalog;

/// Takes the answer of a command, on the writer's thread or, if the command cannot be queued, on the
/// caller's. It must be quick and must not block.
pub type Reply<T> = Box<dyn FnOnce(Result<T, StockError>) + Send>;

/// Runs on the writer's thread with the view over a catalog that was just attached.
pub type Attached = Box<dyn FnOnce(Arc<StockView>) + Send>;

pub(super) enum Command {
    Batch(BatchCommand),
    Replace(ReplaceCommand),
    Block { draft: BlockDraft, reply: Reply<BlockDone> },
    Unblock { draft: UnblockDraft, reply: Reply<UnblockDone> },
    Attach { catalog: Arc<Catalog>, then: Attached },
    Read(ReadCommand),
    Checkpoint { reply: Reply<()> },
    Stop,
}

pub(super) struct BatchCommand {
    pub(super) source_id: String,
    pub(super) sequence: u64,
    pub(super) updates: Vec<UpdateDraft>,
    pub(super) reply: Reply<BatchDone>,
}

pub(super) struct ReplaceCommand {
    /// Free before the answer: whoever was answered may begin the next one.
    pub(super) seat: Seat,
    pub(super) source_id: String,
    pub(super) sequence: u64,
    pub(super) updates: Vec<UpdateDraft>,
    pub(super) reply: Reply<ReplaceDone>,
}

pub(super) enum ReadCommand {
    Effective {
        product_ids: Vec<String>,
        inventory_id: String,
        market_id: String,
        reply: Reply<EffectiveList>,
    },
    Readings {
        source_id: Option<String>,
        page_token: String,
        page_size: usize,
        reply: Reply<ReadingPage>,
    },
    Blocks {
        page_token: String,
        page_size: usize,
        reply: Reply<BlockPage>,
    },
}

impl Command {
    /// Answers that it was not carried out. What waits for a catalog waits no more.
    pub(super) fn refuse(self, error: StockError) {
        match self {
            Self::Batch(command) => (command.reply)(Err(error)),
            Self::Replace(ReplaceCommand { seat, reply, .. }) => {
                drop(seat);
                reply(Err(error));
            }
            Self::Block { reply, .. } => reply(Err(error)),
            Self::Unblock { reply, .. } => reply(Err(error)),
            Self::Checkpoint { reply } => reply(Err(error)),
            Self::Read(ReadCommand::Effective { reply, .. }) => reply(Err(error)),
            Self::Read(ReadCommand::Readings { reply, .. }) => reply(Err(error)),
            Self::Read(ReadCommand::Blocks { reply, .. }) => reply(Err(error)),
            Self::Attach { .. } | Self::Stop => {}
        }
    }
}
