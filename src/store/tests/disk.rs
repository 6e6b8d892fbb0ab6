//! A file system that fails where a test says, and keeps a list of what was done.

use std::{
    fmt,
    fs::{File, TryLockError},
    io,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
    time::SystemTime,
};

use crate::index::BlobHash;
use crate::store::disk::{Disk, LocalDisk, Share};

/// What happens at the step that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// An error, after which the disk works again.
    Once,
    /// The process dies: nothing is done any more.
    Crash,
}

type Hook = Box<dyn FnOnce() + Send>;

/// The real file system, but without real syncs.
#[derive(Default)]
pub(super) struct TestDisk {
    done: Mutex<Vec<String>>,
    count: AtomicUsize,
    fails_at: Option<(usize, Failure)>,
    /// Every name is taken.
    all_taken: bool,
    before_manifest: Mutex<Option<Hook>>,
    before_step: Mutex<Option<(usize, Hook)>>,
    /// Is told before a lock is waited for.
    waits: Option<Sender<()>>,
    has_no_locks: bool,
}

impl TestDisk {
    pub(super) fn failing(at: usize, failure: Failure) -> Self {
        Self { fails_at: Some((at, failure)), ..Self::default() }
    }

    pub(super) fn full_of_names() -> Self {
        Self { all_taken: true, ..Self::default() }
    }

    /// Does something just before the next manifest gets its name.
    pub(super) fn before_manifest(&self, hook: impl FnOnce() + Send + 'static) {
        *self.before_manifest.lock().unwrap() = Some(Box::new(hook));
    }

    /// Does something just before the step of this number.
    pub(super) fn before_step(at: usize, hook: impl FnOnce() + Send + 'static) -> Self {
        let before_step = Mutex::new(Some((at, Box::new(hook) as Hook)));
        Self { before_step, ..Self::default() }
    }

    /// Tells when it waits for a lock that someone else has.
    pub(super) fn telling(waits: Sender<()>) -> Self {
        Self { waits: Some(waits), ..Self::default() }
    }

    pub(super) fn without_locks(self) -> Self {
        Self { has_no_locks: true, ..self }
    }

    pub(super) fn steps(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// What was done since the last call, with temporary files as `tmp` and blobs by role.
    pub(super) fn take_done(&self) -> Vec<String> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }

    fn step(&self, action: &str, path: &Path) -> io::Result<()> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let hook = self.before_step.lock().unwrap().take_if(|(at, _)| *at == number);
        hook.into_iter().for_each(|(_, hook)| hook());
        let fails = self.fails_at.is_some_and(|(at, failure)| match failure {
            Failure::Once => number == at,
            Failure::Crash => number >= at,
        });
        if fails {
            return Err(io::Error::other("this step fails"));
        }
        let name = path.file_name().unwrap_or_default().to_str().unwrap();
        let name = match name.split_once('.') {
            _ if name.starts_with("tmp-") => "tmp",
            Some((hash, rest)) if hash.len() == 64 => rest,
            _ => name.trim_start_matches('0'),
        };
        self.done.lock().unwrap().push(format!("{action} {name}").trim_end().to_owned());
        Ok(())
    }
}

impl fmt::Debug for TestDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestDisk")
    }
}

impl Disk for TestDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step("create_dir", path)?;
        LocalDisk.create_dir(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<File> {
        self.step("create", path)?;
        LocalDisk.create_new(path)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        let step = self.step("write", Path::new(""));
        let half = if step.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        LocalDisk.write(file, half)?;
        step
    }

    fn make_read_only(&self, file: &File) -> io::Result<()> {
        self.step("make_read_only", Path::new(""))?;
        LocalDisk.make_read_only(file)
    }

    fn sync_file(&self, _: &File) -> io::Result<()> {
        self.step("sync_file", Path::new(""))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if to.extension().is_some_and(|extension| extension == "json") {
            let hook = self.before_manifest.lock().unwrap().take();
            hook.into_iter().for_each(|hook| hook());
        }
        if self.all_taken {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.step("link", to)?;
        LocalDisk.link(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step("sync_dir", path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path)?;
        LocalDisk.remove(path)
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("replace", to)?;
        LocalDisk.replace(from, to)
    }

    fn hash(&self, path: &Path) -> io::Result<BlobHash> {
        self.step("hash", path)?;
        LocalDisk.hash(path)
    }

    fn touch(&self, path: &Path, time: SystemTime) -> io::Result<()> {
        self.step("touch", path)?;
        LocalDisk.touch(path, time)
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        self.step("modified", path)?;
        LocalDisk.modified(path)
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        self.step("size", path)?;
        LocalDisk.size_bytes(path)
    }

    fn read(&self, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
        self.step("read", path)?;
        LocalDisk.read(path, limit_bytes)
    }

    fn names(&self, dir: &Path, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        self.step("names", dir)?;
        LocalDisk.names(dir, each)
    }

    fn is_abandoned(&self, path: &Path, time: SystemTime) -> io::Result<bool> {
        self.step("is_abandoned", path)?;
        LocalDisk.is_abandoned(path, time)
    }

    fn lock(&self, dir: &Path, share: Share) -> io::Result<Option<File>> {
        self.step("lock", dir)?;
        if self.has_no_locks {
            return Ok(None);
        }
        let file = File::open(dir)?;
        let tried = match share {
            Share::Shared => file.try_lock_shared(),
            Share::Alone => file.try_lock(),
        };
        match (tried, &self.waits) {
            (Ok(()), _) => return Ok(Some(file)),
            (Err(TryLockError::WouldBlock), Some(waits)) => waits.send(()).unwrap(),
            (Err(error), _) => panic!("{error}"),
        }
        LocalDisk.lock(dir, share)
    }
}
