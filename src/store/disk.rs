//! Every step on the file system that the store takes, behind a trait so that tests can fail one.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::SystemTime,
};

use crate::index::BlobHash;

/// The steps. Each is one action that happens or does not.
pub(super) trait Disk: fmt::Debug + Send + Sync {
    /// Makes one directory.
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().create(path)
    }

    /// Makes a file that must not exist, for this user only, and locks it as ours.
    fn create_new(&self, path: &Path) -> io::Result<File> {
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        // Where the file system has no locks, `is_abandoned` gets none either and says no.
        drop(file.try_lock());
        Ok(file)
    }

    /// Writes all bytes at the end of what was written.
    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Takes away everyone's right to write.
    fn make_read_only(&self, file: &File) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(0o444))
    }

    /// Brings a file's bytes and rights to the disk.
    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a file a second name, which must not exist.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    /// Gives a file a name in place of whatever has it; who holds that one open keeps it.
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// The hash of a regular file.
    fn hash(&self, path: &Path) -> io::Result<BlobHash> {
        self.size_bytes(path)?;
        BlobHash::of_reader(File::open(path)?)
    }

    /// Brings a directory's names to the disk.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Takes a name away.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Sets the time of a file's last change, which its owner may do to a read-only file too.
    fn touch(&self, path: &Path, time: SystemTime) -> io::Result<()> {
        File::open(path)?.set_modified(time)
    }

    /// The size of a regular file.
    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.is_file() { Ok(metadata.len()) } else { Err(not_regular()) }
    }

    /// Up to `limit_bytes` bytes from the start of a regular file.
    fn read(&self, path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
        // Asked before the open, which would wait for ever at a pipe.
        self.size_bytes(path)?;
        let mut bytes = Vec::new();
        File::open(path)?.take(limit_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Hands over each name in a directory that is text.
    fn names(&self, dir: &Path, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            if let Some(name) = entry?.file_name().to_str() {
                each(name);
            }
        }
        Ok(())
    }

    /// Was the file last changed before `time`, and does no process hold it?
    fn is_abandoned(&self, path: &Path, time: SystemTime) -> io::Result<bool> {
        self.size_bytes(path)?;
        let file = File::open(path)?;
        Ok(file.metadata()?.modified()? < time && file.try_lock().is_ok())
    }
}

/// The real file system.
#[derive(Debug)]
pub(super) struct LocalDisk;

impl Disk for LocalDisk {}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file")
}
