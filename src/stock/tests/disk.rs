//! A directory whose disk is full, read-only or broken while a test says so. Reads always go on.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::stock::{
    Publisher, Stock, StockOptions,
    durable::replayed,
    journal::{LocalStorage, Sink, Source, Storage},
};

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Half of what is written has room.
    Full,
    /// It was mounted anew, for reading only, under open files.
    ReadOnly,
    /// It takes bytes and fails to keep them.
    Sync,
}

impl Fault {
    /// The error that Linux has for it: `ENOSPC`, `EROFS`, `EIO`.
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Full => 28,
            Self::ReadOnly => 30,
            Self::Sync => 5,
        })
    }
}

/// The directory. Clones are the same one; it is gone with the last.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    dir: Arc<tempfile::TempDir>,
    local: Arc<LocalStorage>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let local = LocalStorage::create(dir.path()).unwrap();
        Self { dir: Arc::new(dir), local: Arc::new(local), fault: Arc::default() }
    }

    /// Fails from now on, or works.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// A stock writer whose journal is here.
    pub(crate) fn stock(&self, publisher: impl Publisher + 'static) -> Stock {
        let (journal, state) = replayed(Box::new(self.clone())).unwrap();
        Stock::start(journal, state, StockOptions::default(), publisher).unwrap().0
    }

    /// Refuses a step that one of these faults is about.
    fn check(&self, faults: &[Fault]) -> io::Result<()> {
        let fault = *self.fault.lock().unwrap();
        fault.filter(|fault| faults.contains(fault)).map_or(Ok(()), |fault| Err(fault.error()))
    }
}

impl Storage for Disk {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        self.local.names(each)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        self.local.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Sink>> {
        self.check(&[Fault::ReadOnly])?;
        Ok(Box::new(DiskFile { disk: self.clone(), file: self.local.create(name)? }))
    }

    fn cut(&self, name: &str, len_bytes: u64) -> io::Result<()> {
        self.check(&[Fault::ReadOnly])?;
        self.local.cut(name, len_bytes)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.check(&[Fault::ReadOnly])?;
        self.local.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check(&[Fault::ReadOnly])?;
        self.local.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.check(&[Fault::Sync])?;
        self.local.sync_dir()
    }
}

#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    file: Box<dyn Sink>,
}

impl Sink for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.check(&[Fault::ReadOnly])?;
        let full = self.disk.check(&[Fault::Full]);
        let room = if full.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.file.write(&bytes[..room])?;
        full
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.check(&[Fault::Sync])?;
        self.file.sync_data()
    }
}
