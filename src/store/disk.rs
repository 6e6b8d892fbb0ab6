//! Every step on the file system that the store takes, behind a trait so that tests can fail one.

use std::{
    fmt,
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use rustix::fs::{Mode, OFlags, open};

use crate::{index::BlobHash, model::limits::STORE_LOCK_WAIT_S};

/// Between two tries for a lock.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The steps. Each is one action that happens or does not.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Makes one directory.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a file that must not exist, for this user only, and locks it as ours.
    fn create_new(&self, path: &Path) -> io::Result<File>;

    /// Writes all bytes at the end of what was written.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()>;

    /// Takes away everyone's right to write.
    fn make_read_only(&self, file: &File) -> io::Result<()>;

    /// Brings a file's bytes and rights to the disk.
    fn sync_file(&self, file: &File) -> io::Result<()>;

    /// Gives a file a second name, which must not exist.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a name in place of whatever has it; who holds that one open keeps it.
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// The hash of a regular file.
    fn hash(&self, path: &Path) -> io::Result<BlobHash>;

    /// Brings a directory's names to the disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Sets the time of a file's last change, which its owner may do to a read-only file too.
    fn touch(&self, path: &Path, time: SystemTime) -> io::Result<()>;

    /// The time of a regular file's last change.
    fn modified(&self, path: &Path) -> io::Result<SystemTime>;

    /// The size of a regular file.
    fn size_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Up to `limit_bytes` bytes from the start of a regular file.
    fn read(&self, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>>;

    /// Hands over each name in a directory that is text.
    fn names(&self, dir: &Path, each: &mut dyn FnMut(&str)) -> io::Result<()>;

    /// Was the file last changed before `time`, and does no process hold it?
    fn is_abandoned(&self, path: &Path, time: SystemTime) -> io::Result<bool>;

    /// Waits until a directory is ours as asked for, as long as the answer is held. Nothing, where the
    /// file system has no locks.
    fn lock(&self, dir: &Path, share: Share) -> io::Result<Option<File>>;
}

/// Who else may have a lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// All who share it, too.
    Shared,
    /// Nobody.
    Alone,
}

/// The real file system.
#[derive(Debug)]
pub(super) struct LocalDisk;

impl Disk for LocalDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().create(path)
    }

    fn create_new(&self, path: &Path) -> io::Result<File> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        // Where the file system has no locks, `is_abandoned` gets none either and says no.
        drop(file.try_lock());
        Ok(file)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn make_read_only(&self, file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(0o444))
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hash(&self, path: &Path) -> io::Result<BlobHash> {
        BlobHash::of_reader(open_regular(path)?.0)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn touch(&self, path: &Path, time: SystemTime) -> io::Result<()> {
        open_regular(path)?.0.set_modified(time)
    }

    fn modified(&self, path: &Path) -> io::Result<SystemTime> {
        open_regular(path)?.1.modified()
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_file() { Ok(metadata.len()) } else { Err(not_regular()) }
    }

    fn read(&self, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open_regular(path)?.0.take(limit_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn names(&self, dir: &Path, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            if let Some(name) = entry?.file_name().to_str() {
                each(name);
            }
        }
        Ok(())
    }

    fn is_abandoned(&self, path: &Path, time: SystemTime) -> io::Result<bool> {
        let (file, metadata) = open_regular(path)?;
        Ok(metadata.modified()? < time && file.try_lock().is_ok())
    }

    fn lock(&self, dir: &Path, share: Share) -> io::Result<Option<File>> {
        lock_within(dir, share, Duration::from_secs(STORE_LOCK_WAIT_S))
    }
}

/// Locks a directory, or gives up after so long.
pub(super) fn lock_within(dir: &Path, share: Share, wait: Duration) -> io::Result<Option<File>> {
    let (file, begin) = (File::open(dir)?, Instant::now());
    loop {
        let locked = match share {
            Share::Shared => file.try_lock_shared(),
            Share::Alone => file.try_lock(),
        };
        match locked {
            Ok(()) => return Ok(Some(file)),
            // Some file systems have none, and say so in many ways.
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if begin.elapsed() < wait => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let held =
                    "another publish or gc has held its lock for too long: see whether it hangs";
                return Err(io::Error::new(io::ErrorKind::TimedOut, held));
            }
        }
    }
}

/// Opens a regular file that is no link, and never waits, as an open of a pipe would.
fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::from(open(path, how, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(not_regular()) }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file")
}
