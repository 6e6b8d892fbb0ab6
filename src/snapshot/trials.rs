//! Which snapshots ended the process at their first use, remembered over starts.
//!
//! Before a snapshot is mapped its id is written down as *trying*, be it to go live or because an operator
//! has it checked; when it was live for the span, or is not wanted any more, or the server is told to end,
//! the id is taken away. A start that finds an id counts it: the process died while it was being tried. Two
//! such starts quarantine the snapshot.
//!
//! A disk that takes no write stops no server: the log says that nothing is remembered. A file that
//! cannot be read is named in the log and begins anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tracing::{debug, error, warn};

use super::Quarantine;
use crate::{
    model::limits::{TRIALS_BYTES_MAX, TRIALS_KEPT_MAX},
    store::SnapshotId,
};

/// Starts that find a snapshot still being tried before it is quarantined.
const ENDINGS_MAX: u32 = 2;

/// Its file in the state directory.
const FILE_NAME: &str = "trying.json";

/// The trials of one state directory; clones share them. The default remembers nothing.
#[derive(Clone, Debug, Default)]
pub struct Trials(Option<Arc<Mutex<State>>>);

/// A snapshot that is being tried, until this is dropped or it went live.
#[derive(Debug)]
#[must_use = "what is dropped is not tried any more"]
pub(crate) struct Trial {
    trials: Trials,
    id: SnapshotId,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    quarantine: Quarantine,
    span: Duration,
    kept: Kept,
    /// What is tried now, each as many times as somebody tries it: the watcher and operators' checks.
    tried: Vec<SnapshotId>,
    /// The snapshot that is live and in its span, which ends then.
    live: Option<(SnapshotId, Instant)>,
    /// The server was told to end: its death is nobody's fault.
    is_over: bool,
    /// The log was told that the disk takes no write.
    is_told: bool,
}

/// What stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Snapshots that are being tried now.
    trying: Vec<String>,
    /// How many starts found a snapshot still being tried.
    endings: BTreeMap<String, u32>,
}

impl Trials {
    /// Reads what the process before left behind, counts it, and quarantines what ended it twice.
    #[must_use]
    pub fn open(state_dir: &Path, span: Duration) -> Self {
        let path = state_dir.join(FILE_NAME);
        let kept = read(&path).unwrap_or_else(|why| {
            let path = path.display();
            warn!(%path, why, "What was tried before cannot be read; it begins anew.");
            Kept::default()
        });
        let mut state = State {
            path,
            quarantine: Quarantine::of(state_dir),
            span,
            kept,
            tried: Vec::new(),
            live: None,
            is_over: false,
            is_told: false,
        };
        state.count();
        Self(Some(Arc::new(Mutex::new(state))))
    }

    /// Is this snapshot quarantined?
    pub(super) fn refuses(&self, id: SnapshotId) -> bool {
        self.state().is_some_and(|state| state.quarantine.holds(id))
    }

    /// This snapshot is used from here on. Durable when it returns, as far as the disk lets it.
    pub(crate) fn begin(&self, id: SnapshotId) -> Trial {
        self.change(|state| state.tried.push(id));
        Trial { trials: self.clone(), id }
    }

    /// When the span of what is live ends.
    pub(super) fn due(&self) -> Option<Instant> {
        self.state()?.live.map(|(_, due)| due)
    }

    /// What was live for its span has passed.
    pub(super) fn settle(&self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.change(|state| {
                if let Some((id, _)) = state.live.take() {
                    state.kept.endings.remove(&id.to_string());
                }
            });
        }
    }

    /// The server was told to end: what it still tries is not to blame for that.
    pub fn end(&self) {
        let Some(mut state) = self.state() else { return };
        state.is_over = true;
        state.live = None;
        state.tried.clear();
        if !std::mem::take(&mut state.kept.trying).is_empty() {
            // Not synced: it must outlive this process and no power cut, and a busy disk holds up an end.
            let written = serde_json::to_vec(&state.kept)
                .map_err(io::Error::from)
                .and_then(|bytes| write_whole(&state.path, &bytes));
            if let Err(error) = written {
                debug!(%error, "What was tried is not forgotten.");
            }
        }
    }

    fn state(&self) -> Option<MutexGuard<'_, State>> {
        self.0.as_deref().map(|state| state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is kept, and writes it down if that is another thing then.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let Some(mut state) = self.state() else { return };
        let before = state.kept.clone();
        change(&mut state);
        state.kept.trying = state.trying();
        if before != state.kept {
            state.write();
        }
    }
}

impl Trial {
    /// This snapshot is live from now on, and the one before is not.
    pub(super) fn went_live(self, now: Instant) {
        let id = self.id;
        self.trials.change(|state| state.live = Some((id, now + state.span)));
    }
}

/// It is refused, or not wanted any more, or only checked; or it is live, and goes on being tried as that.
impl Drop for Trial {
    fn drop(&mut self) {
        self.trials.change(|state| {
            if let Some(at) = state.tried.iter().position(|other| *other == self.id) {
                state.tried.swap_remove(at);
            }
        });
    }
}

impl State {
    /// What the file is to say of now, each once.
    fn trying(&self) -> Vec<String> {
        if self.is_over {
            return Vec::new();
        }
        let live = self.live.map(|(id, _)| id);
        let all = self.tried.iter().copied().chain(live).collect::<BTreeSet<_>>();
        all.into_iter().map(|id| id.to_string()).collect()
    }

    /// Counts what the process before still tried.
    fn count(&mut self) {
        let trying = std::mem::take(&mut self.kept.trying);
        if trying.is_empty() {
            return;
        }
        for id in trying {
            let Ok(snapshot_id) = id.parse::<SnapshotId>() else { continue };
            let endings = self.kept.endings.get(&id).copied().unwrap_or(0).saturating_add(1);
            warn!(%snapshot_id, endings, "The process before ended while it tried this snapshot.");
            self.kept.endings.insert(id.clone(), endings);
            if endings >= ENDINGS_MAX && self.quarantine(snapshot_id) {
                self.kept.endings.remove(&id);
            }
        }
        while self.kept.endings.len() > TRIALS_KEPT_MAX {
            self.kept.endings.pop_first();
        }
        self.write();
    }

    fn quarantine(&self, snapshot_id: SnapshotId) -> bool {
        match self.quarantine.add(snapshot_id) {
            Ok(()) => {
                error!(
                    %snapshot_id,
                    "Snapshot is quarantined: two processes ended while they tried it, and it is not \
                     taken any more. Find out why; then publish another one, or lift it by `kindred \
                     quarantine --lift`."
                );
                true
            }
            Err(error) => {
                error!(%snapshot_id, %error, "Snapshot should be quarantined and cannot be.");
                false
            }
        }
    }

    fn write(&mut self) {
        let written = serde_json::to_vec(&self.kept)
            .map_err(io::Error::from)
            .and_then(|bytes| write_durably(&self.path, &bytes));
        if let Err(error) = written
            && !std::mem::replace(&mut self.is_told, true)
        {
            let path = self.path.display();
            warn!(%path, %error, "Which snapshot is tried is not remembered: the disk takes no write.");
        }
    }
}

/// What a file says; nothing where there is none.
fn read(path: &Path) -> Result<Kept, String> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::default()),
        file => file.map_err(|error| error.to_string())?,
    };
    let mut bytes = Vec::new();
    file.take(TRIALS_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// The same, durable some time later.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("tmp");
    File::create(&temp)?.write_all(bytes)?;
    fs::rename(&temp, path)
}

/// Puts a file in its place whole, or leaves what was there. Durable when it returns.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("tmp");
    let mut file = File::create(&temp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temp, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}
