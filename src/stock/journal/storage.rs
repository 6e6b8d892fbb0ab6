//! Every step on the file system that the journal takes, behind traits so that tests can fail one,
//! and can rebuild what a power cut would have left.
//!
//! All names are those of files in one directory. Who uses the directory holds a lock on it: the
//! server takes that of its state directory, and the journal takes none of its own.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The steps on the directory. Each is one action that happens or does not.
pub(crate) trait Storage: fmt::Debug + Send {
    /// Where a name is, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Hands over each name that is text.
    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()>;

    /// Opens a regular file to read it.
    fn open(&self, name: &str) -> io::Result<Box<dyn Source>>;

    /// Makes a file that must not exist, for this user only, and opens it to append to it.
    fn create(&self, name: &str) -> io::Result<Box<dyn Sink>>;

    /// Cuts a file to a length. It is not on the disk before the file system likes.
    fn cut(&self, name: &str, len_bytes: u64) -> io::Result<()>;

    /// Gives a file another name in place of whatever has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a name away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Brings the directory's names to the disk.
    fn sync_dir(&self) -> io::Result<()>;
}

/// A file that is read.
pub(crate) trait Source: fmt::Debug + Send {
    /// Its length.
    fn len_bytes(&self) -> io::Result<u64>;

    /// Fills all of `bytes` from an offset on.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A file that grows.
pub(crate) trait Sink: fmt::Debug + Send {
    /// Appends all bytes. After an error any part of them may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings the bytes and the length to the disk.
    fn sync_data(&mut self) -> io::Result<()>;
}

/// A directory of the real file system.
#[derive(Debug)]
pub(crate) struct LocalStorage {
    dir: PathBuf,
}

impl LocalStorage {
    /// Takes a directory, which is made for this user only where it is missing.
    ///
    /// # Errors
    ///
    /// The directory or its parent cannot be made, opened or synced.
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        if !dir.is_dir() {
            DirBuilder::new().mode(0o700).create(dir)?;
        }
        // Also where it was there: who made it may not have lived to do this.
        if let Some(parent) = dir.parent() {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { dir: dir.to_owned() })
    }
}

impl Storage for LocalStorage {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            if let Some(name) = entry?.file_name().to_str() {
                each(name);
            }
        }
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        let path = self.path(name);
        // Asked before the open, which would wait for ever at a pipe.
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "expected a regular file"));
        }
        Ok(Box::new(File::open(path)?))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Sink>> {
        let mut options = OpenOptions::new();
        let file = options.append(true).create_new(true).mode(0o600).open(self.path(name))?;
        Ok(Box::new(file))
    }

    fn cut(&self, name: &str, len_bytes: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.path(name))?.set_len(len_bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

impl Source for File {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }
}

impl Sink for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // Goes on after a short write and after a signal.
        self.write_all(bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        Self::sync_data(self)
    }
}
