//! Files that a server takes again when they change: certificates, and who may do what.
//!
//! A thread looks at their marks a few times a second, which finds also what is renamed into place by a
//! link further up, as secrets of orchestrators are. A file that is wrong changes nothing: what was read
//! before stays, and the log says why.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tracing::{error, info};

/// Look this often: a change is to be seen within a second.
const INTERVAL: Duration = Duration::from_millis(250);

/// Files that belong together, and what takes them again.
pub(super) struct Source {
    name: &'static str,
    paths: Vec<PathBuf>,
    /// As they were when they were last taken.
    seen: Vec<Option<Mark>>,
    /// As they were at the last look.
    last: Vec<Option<Mark>>,
    take: Box<dyn FnMut() -> anyhow::Result<()> + Send>,
}

/// Device, inode, length and time of change.
type Mark = (u64, u64, u64, i64, i64);

impl Source {
    /// Taken already, as they were before that.
    pub(super) fn new(
        name: &'static str,
        (paths, seen): (Vec<PathBuf>, Marks),
        take: impl FnMut() -> anyhow::Result<()> + Send + 'static,
    ) -> Self {
        Self { name, paths, last: seen.0.clone(), seen: seen.0, take: Box::new(take) }
    }

    /// Takes the files if one of them is another one.
    fn look(&mut self) {
        let found = self.paths.iter().map(|path| mark(path)).collect::<Vec<_>>();
        // What changed since the last look may still be being written.
        let is_settled = std::mem::replace(&mut self.last, found) == self.last;
        if !is_settled || self.last == self.seen {
            return;
        }
        // Also after a failure: it is said once, and the next change is looked at again.
        self.seen.clone_from(&self.last);
        match (self.take)() {
            Ok(()) => info!(what = self.name, "Changed files are taken."),
            Err(error) => {
                let error = super::causes(&error);
                error!(
                    what = self.name,
                    error, "Changed files are refused; what was read before stays."
                );
            }
        }
    }
}

/// Files as they are at a moment. Looked at before they are read, so that no change falls between.
pub(super) struct Marks(Vec<Option<Mark>>);

impl Marks {
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        Self(paths.iter().map(|path| mark(path)).collect())
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// The thread that looks; it ends once this is dropped.
pub(super) struct Renewer(Arc<AtomicBool>);

impl Renewer {
    /// Looks at these from now on; without any there is no thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn spawn(mut sources: Vec<Source>) -> std::io::Result<Self> {
        let is_ended = Arc::<AtomicBool>::default();
        if !sources.is_empty() {
            let is_ended = Arc::clone(&is_ended);
            let look = move || {
                while !is_ended.load(Ordering::Relaxed) {
                    sources.iter_mut().for_each(Source::look);
                    thread::sleep(INTERVAL);
                }
            };
            thread::Builder::new().name("kindred-renew".to_owned()).spawn(look)?;
        }
        Ok(Self(is_ended))
    }
}

impl Drop for Renewer {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use super::Source;

    #[test]
    fn a_file_is_taken_once_for_each_change_also_after_one_that_was_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.toml");
        fs::File::create(&path).unwrap();
        let taken = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&taken);
        let paths = vec![path.clone()];
        let marks = super::Marks::of(&paths);
        let mut source = Source::new("tokens", (paths, marks), move || {
            let before = count.fetch_add(1, Ordering::Relaxed);
            anyhow::ensure!(before != 0, "the first change is a bad one");
            Ok(())
        });
        let mut look = |expected| {
            (0..3).for_each(|_| source.look());
            assert_eq!(taken.load(Ordering::Relaxed), expected);
        };
        look(0);
        for (changes, text) in (1..).zip(["a", "ab", "abc"]) {
            let next = dir.path().join("next");
            fs::File::create(&next).unwrap();
            fs::File::options()
                .append(true)
                .open(&next)
                .map(|mut file| {
                    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
                })
                .unwrap();
            fs::rename(&next, &path).unwrap();
            look(changes);
        }
        fs::remove_file(&path).unwrap();
        look(4);
    }
}
