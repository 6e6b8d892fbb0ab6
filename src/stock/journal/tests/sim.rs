//! A directory in memory that fails where a test says, and knows what a power cut would leave.
//!
//! Every step that changes something is kept in a list. [`Durable`] follows that list and knows of
//! each file what is on the disk for certain, and what the disk may have kept or not: writes since
//! the last sync in sectors of 512 bytes, lengths, cuts, names. After a failed sync the bytes are in
//! the page cache but no later sync brings them to the disk, as on Linux.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use super::Numbers;
use crate::stock::journal::{Sink, Source, Storage};

const SECTOR_BYTES: usize = 512;

/// The files of a directory.
pub(in crate::stock) type Image = BTreeMap<String, Vec<u8>>;

/// A step that changed something.
#[derive(Clone, Debug)]
pub(in crate::stock) enum Op {
    Write { file: usize, offset: usize, bytes: Vec<u8> },
    Cut { file: usize, len: usize },
    Sync { file: usize },
    FailedSync { file: usize },
    Link { name: String, file: usize },
    Rename { from: String, to: String, file: usize },
    Remove { name: String },
    SyncDir,
}

/// A sync that is none: the mutants that the power cut test must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stock) enum Lie {
    Nothing,
    /// Files are never synced.
    FileSyncs,
    /// A file is synced when the next step on it begins: acknowledged before the sync.
    LateFileSyncs,
    /// Names are never synced.
    NameSyncs,
}

/// A step that fails.
#[derive(Clone, Copy, Debug)]
pub(in crate::stock) struct Fault {
    /// Counted over all steps, those that read included.
    pub(in crate::stock) step: usize,
    pub(in crate::stock) is_for_ever: bool,
    /// The step is done (a write half) before the error is told.
    pub(in crate::stock) is_done: bool,
    pub(in crate::stock) kind: io::ErrorKind,
}

#[derive(Debug)]
struct World {
    start: Image,
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, usize>,
    ops: Vec<Op>,
    steps: usize,
    fault: Option<Fault>,
    lie: Lie,
    late: Option<usize>,
}

/// The directory. Clones are the same one.
#[derive(Clone)]
pub(in crate::stock) struct Sim(Arc<Mutex<World>>);

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

impl Sim {
    pub(in crate::stock) fn new(start: Image, lie: Lie) -> Self {
        let names = start.keys().cloned().zip(0..).collect();
        let files = start.values().cloned().collect();
        let (ops, steps, fault, late) = (Vec::new(), 0, None, None);
        Self(Arc::new(Mutex::new(World { start, files, names, ops, steps, fault, lie, late })))
    }

    pub(in crate::stock) fn empty() -> Self {
        Self::new(Image::new(), Lie::Nothing)
    }

    pub(in crate::stock) fn image(&self) -> Image {
        let world = self.world();
        world.names.iter().map(|(name, file)| (name.clone(), world.files[*file].clone())).collect()
    }

    pub(in crate::stock) fn start(&self) -> Image {
        self.world().start.clone()
    }

    pub(in crate::stock) fn ops(&self) -> Vec<Op> {
        self.world().ops.clone()
    }

    pub(in crate::stock) fn op_count(&self) -> usize {
        self.world().ops.len()
    }

    pub(in crate::stock) fn steps(&self) -> usize {
        self.world().steps
    }

    pub(in crate::stock) fn set_fault(&self, fault: Option<Fault>) {
        self.world().fault = fault;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Counts a step and does it; where it is to fail, `half` instead or nothing.
    fn step<T>(
        &self,
        half: impl FnOnce(&mut World),
        whole: impl FnOnce(&mut World) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut world = self.world();
        let number = world.steps;
        world.steps += 1;
        let fault = world
            .fault
            .filter(|fault| number == fault.step || fault.is_for_ever && number > fault.step);
        match fault {
            None => whole(&mut world),
            Some(fault) => {
                if fault.is_done {
                    half(&mut world);
                }
                Err(fault.kind.into())
            }
        }
    }
}

impl World {
    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, file: usize, bytes: &[u8]) {
        if self.late == Some(file) {
            self.late = None;
            self.ops.push(Op::Sync { file });
        }
        let offset = self.files[file].len();
        self.files[file].extend_from_slice(bytes);
        self.ops.push(Op::Write { file, offset, bytes: bytes.to_vec() });
    }

    fn sync(&mut self, file: usize) {
        match self.lie {
            Lie::Nothing | Lie::NameSyncs => self.ops.push(Op::Sync { file }),
            Lie::FileSyncs => {}
            Lie::LateFileSyncs => self.late = Some(file),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.find(from)?;
        self.names.remove(from);
        self.names.insert(to.to_owned(), file);
        self.ops.push(Op::Rename { from: from.to_owned(), to: to.to_owned(), file });
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.find(name)?;
        self.names.remove(name);
        self.ops.push(Op::Remove { name: name.to_owned() });
        Ok(())
    }

    fn cut(&mut self, name: &str, len_bytes: u64) -> io::Result<()> {
        let file = self.find(name)?;
        let len = usize::try_from(len_bytes).unwrap();
        self.files[file].resize(len, 0);
        self.ops.push(Op::Cut { file, len });
        Ok(())
    }

    fn create(&mut self, name: &str) -> io::Result<usize> {
        if self.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = self.files.len();
        self.files.push(Vec::new());
        self.names.insert(name.to_owned(), file);
        self.ops.push(Op::Link { name: name.to_owned(), file });
        Ok(file)
    }

    fn sync_dir(&mut self) {
        if self.lie != Lie::NameSyncs {
            self.ops.push(Op::SyncDir);
        }
    }
}

impl Storage for Sim {
    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("sim").join(name)
    }

    fn names(&self, each: &mut dyn FnMut(&str)) -> io::Result<()> {
        let names: Vec<String> =
            self.step(|_| (), |world| Ok(world.names.keys().cloned().collect()))?;
        names.iter().for_each(|name| each(name));
        Ok(())
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        let file = self.step(|_| (), |world| world.find(name))?;
        Ok(Box::new(SimFile { sim: self.clone(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Sink>> {
        let half = |world: &mut World| drop(world.create(name));
        let file = self.step(half, |world| world.create(name))?;
        Ok(Box::new(SimFile { sim: self.clone(), file }))
    }

    fn cut(&self, name: &str, len_bytes: u64) -> io::Result<()> {
        self.step(|world| drop(world.cut(name, len_bytes)), |world| world.cut(name, len_bytes))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step(|world| drop(world.rename(from, to)), |world| world.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step(|world| drop(world.remove(name)), |world| world.remove(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        let whole = |world: &mut World| {
            world.sync_dir();
            Ok(())
        };
        self.step(World::sync_dir, whole)
    }
}

#[derive(Debug)]
struct SimFile {
    sim: Sim,
    file: usize,
}

impl Source for SimFile {
    fn len_bytes(&self) -> io::Result<u64> {
        self.sim.step(|_| (), |world| Ok(world.files[self.file].len() as u64))
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.sim.step(
            |_| (),
            |world| {
                let found = world.files[self.file].get(offset..offset + bytes.len());
                bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            },
        )
    }
}

impl Sink for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let half = |world: &mut World| world.write(self.file, &bytes[..bytes.len() / 2]);
        let whole = |world: &mut World| {
            world.write(self.file, bytes);
            Ok(())
        };
        self.sim.step(half, whole)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let half = |world: &mut World| world.ops.push(Op::FailedSync { file: self.file });
        let whole = |world: &mut World| {
            world.sync(self.file);
            Ok(())
        };
        self.sim.step(half, whole)
    }
}

/// What is on the disk for certain, and what may be.
#[derive(Debug)]
pub(in crate::stock) struct Durable {
    files: Vec<DurableFile>,
    names: BTreeMap<String, usize>,
    unsynced_names: Vec<Op>,
}

#[derive(Debug, Default)]
struct DurableFile {
    base: Vec<u8>,
    /// With each: was a sync of it failed, so that no later one helps?
    unsynced: Vec<(Op, bool)>,
}

impl Durable {
    pub(in crate::stock) fn new(start: &Image) -> Self {
        let file = |bytes: &Vec<u8>| DurableFile { base: bytes.clone(), unsynced: Vec::new() };
        Self {
            files: start.values().map(file).collect(),
            names: start.keys().cloned().zip(0..).collect(),
            unsynced_names: Vec::new(),
        }
    }

    pub(in crate::stock) fn apply(&mut self, op: &Op) {
        match op {
            Op::Write { file, .. } | Op::Cut { file, .. } => {
                self.files[*file].unsynced.push((op.clone(), false));
            }
            Op::Sync { file } => self.files[*file].sync(),
            Op::FailedSync { file } => {
                self.files[*file].unsynced.iter_mut().for_each(|(_, is_lost)| *is_lost = true);
            }
            Op::Link { file, .. } => {
                assert_eq!(*file, self.files.len());
                self.files.push(DurableFile::default());
                self.unsynced_names.push(op.clone());
            }
            Op::Rename { .. } | Op::Remove { .. } => self.unsynced_names.push(op.clone()),
            Op::SyncDir => {
                for op in std::mem::take(&mut self.unsynced_names) {
                    apply_name(&mut self.names, &op);
                }
            }
        }
    }

    /// One of the directories that a power cut may leave.
    pub(in crate::stock) fn image(&self, numbers: &mut Numbers) -> Image {
        let mut names = self.names.clone();
        let kept_percent = [0, 50, 100][numbers.below(3)];
        for op in &self.unsynced_names {
            if numbers.percent(kept_percent) {
                apply_name(&mut names, op);
            }
        }
        let kept = names.into_iter();
        kept.map(|(name, file)| (name, self.files[file].image(numbers))).collect()
    }
}

fn apply_name(names: &mut BTreeMap<String, usize>, op: &Op) {
    match op {
        Op::Link { name, file } => drop(names.insert(name.clone(), *file)),
        Op::Rename { from, to, file } => {
            if names.get(from) == Some(file) {
                names.remove(from);
            }
            names.insert(to.clone(), *file);
        }
        Op::Remove { name } => drop(names.remove(name)),
        Op::Write { .. }
        | Op::Cut { .. }
        | Op::Sync { .. }
        | Op::FailedSync { .. }
        | Op::SyncDir => {
            panic!("{op:?} is not about a name")
        }
    }
}

impl DurableFile {
    fn sync(&mut self) {
        for (op, is_lost) in std::mem::take(&mut self.unsynced) {
            if is_lost {
                self.unsynced.push((op, true));
            } else if let Op::Write { offset, bytes, .. } = op {
                put(&mut self.base, offset, &bytes);
            } else if let Op::Cut { len, .. } = op {
                self.base.truncate(len);
                for (op, _) in &mut self.unsynced {
                    if let Op::Write { offset, bytes, .. } = op {
                        bytes.truncate(len.saturating_sub(*offset));
                    }
                }
            }
        }
    }

    fn image(&self, numbers: &mut Numbers) -> Vec<u8> {
        let mut found = self.base.clone();
        let kept_percent = [0, 20, 50, 80, 100][numbers.below(5)];
        for (op, _) in &self.unsynced {
            if let Op::Cut { len, .. } = op
                && numbers.percent(kept_percent)
            {
                found.truncate(*len);
            }
            let Op::Write { offset, bytes, .. } = op else { continue };
            // The length may come to the disk without the bytes.
            if !bytes.is_empty() && numbers.percent(kept_percent) {
                put(&mut found, offset + bytes.len(), &[]);
            }
            let mut at = 0;
            while at < bytes.len() {
                let room = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
                let end = bytes.len().min(at + room);
                if numbers.percent(kept_percent) {
                    put(&mut found, offset + at, &bytes[at..end]);
                }
                at = end;
            }
        }
        found
    }
}

/// Writes bytes at an offset, with zeros up to there.
fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    into.resize(into.len().max(end), 0);
    into[offset..end].copy_from_slice(bytes);
}
