//! Progress of a long read: a bar with rate and remaining time on a terminal, a plain line every few
//! seconds in logs, nothing for what is done at once.
//!
//! How far a file is read is asked of the system (`/proc/self/fdinfo`), so that importers need not
//! know, and a compressed file counts by the bytes that it has on the disk.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::model::{
    finding::FindingCode,
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// Records between two looks at the clock.
const RECORDS_PER_LOOK: u64 = 1 << 13;
const BAR_EVERY: Duration = Duration::from_millis(250);
const LINE_EVERY: Duration = Duration::from_secs(10);
/// So few that bar and text fit into 80 columns.
const BAR_CELLS: usize = 12;

/// Is a run so long that people want to see where it is?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    #[default]
    Quick,
    Long,
}

impl Pace {
    /// Says what begins now, if the run is long: a line, on a terminal and in logs.
    pub(super) fn say(self, step: &str) {
        if let Some(line) = self.line(step) {
            eprintln!("{line}");
        }
    }

    fn line(self, step: &str) -> Option<&str> {
        match (self, step) {
            (Self::Quick, _) => None,
            (Self::Long, "graph") => Some("sorting and checking relations"),
            (Self::Long, "write") => Some("writing the catalog"),
            (Self::Long, "verify") => Some("verifying it as a server would"),
            (Self::Long, "publish") => Some("comparing it with the one before, and publishing"),
            (Self::Long, step) => Some(step),
        }
    }
}

/// How far the inputs are read.
pub(super) struct Progress {
    is_terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
    records: u64,
    /// Bytes of every file below the inputs, and how many of them were read when last seen.
    files: BTreeMap<PathBuf, (u64, u64)>,
}

impl Progress {
    /// Over the files below these paths.
    pub(super) fn new<'p>(inputs: impl Iterator<Item = &'p Path>) -> Self {
        let mut files = BTreeMap::new();
        inputs.for_each(|path| collect(path, &mut files));
        let is_terminal = io::stderr().is_terminal();
        Self { is_terminal, begun: Instant::now(), shown: None, records: 0, files }
    }

    /// A sink that counts what goes on to another; `path` is what is read.
    pub(super) fn over<'s>(&'s mut self, path: &'s Path, sink: &'s mut dyn RecordSink) -> Over<'s> {
        Over { progress: self, path, sink }
    }

    /// The read is over; was it so long that anything was shown? Then the steps after it are, too.
    pub(super) fn end(&self) -> Pace {
        if self.shown.is_none() {
            return Pace::Quick;
        }
        let (records, seconds) = (self.records, self.begun.elapsed().as_secs());
        self.print(&format!("read {records} records in {seconds} s"));
        if self.is_terminal {
            eprintln!();
        }
        Pace::Long
    }

    fn count(&mut self) {
        self.records += 1;
        if self.records.is_multiple_of(RECORDS_PER_LOOK) {
            let every = if self.is_terminal { BAR_EVERY } else { LINE_EVERY };
            if self.shown.unwrap_or(self.begun).elapsed() >= every {
                self.shown = Some(Instant::now());
                self.look();
                let text = self.text(self.begun.elapsed());
                self.print(&text);
            }
        }
    }

    fn print(&self, text: &str) {
        let mut out = io::stderr().lock();
        // A bar stays on its line. Nobody is told of a terminal that is gone.
        let printed = match self.is_terminal {
            true => write!(out, "\r\x1b[K{text}"),
            false => writeln!(out, "{text}"),
        };
        drop(printed.and_then(|()| out.flush()));
    }

    fn text(&self, elapsed: Duration) -> String {
        let total = self.files.values().map(|(size, _)| size).sum::<u64>().max(1);
        let done = self.files.values().map(|(_, read)| read).sum::<u64>().min(total);
        let seconds = elapsed.as_millis().max(1);
        let rate = u128::from(self.records) * 1_000 / seconds;
        let mut text = format!("{} records, {rate}/s", self.records);
        if done > 0 {
            let left = seconds * u128::from(total - done) / u128::from(done) / 1_000;
            let left = format!("{}:{:02} left", left / 60, left % 60);
            let percent = u128::from(done) * 100 / u128::from(total);
            text = format!("{percent:>3} % of {} MiB, {text}, {left}", total >> 20);
        }
        if self.is_terminal {
            let cells = usize::try_from(u128::from(done) * BAR_CELLS as u128 / u128::from(total));
            let cells = cells.unwrap_or(BAR_CELLS);
            text = format!("[{:-<BAR_CELLS$}] {text}", "#".repeat(cells));
        }
        text
    }

    /// Asks the system how far each open file is read. What was open before and is not now is read.
    fn look(&mut self) {
        let mut open = BTreeMap::new();
        for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            let Some(path) = fs::read_link(entry.path()).ok() else { continue };
            if self.files.contains_key(&path) {
                let info = Path::new("/proc/self/fdinfo").join(entry.file_name());
                open.extend(fs::read_to_string(info).ok().and_then(|info| {
                    let position = info.lines().find_map(|line| line.strip_prefix("pos:"))?;
                    Some((path, position.trim().parse::<u64>().ok()?))
                }));
            }
        }
        for (path, (size, read)) in &mut self.files {
            match open.get(path) {
                Some(position) => *read = (*position).clamp(u64::from(*read > 0), *size),
                None if *read > 0 => *read = *size,
                None => {}
            }
        }
    }

    /// A file is begun: it counts as read when it is not open at the next look.
    fn begin(&mut self, path: &Path, name: &str) {
        for file in [path.join(name), path.to_owned()] {
            let file = fs::canonicalize(file).ok();
            if let Some((_, read)) = file.and_then(|file| self.files.get_mut(&file)) {
                *read = (*read).max(1);
                return;
            }
        }
    }
}

/// The sizes of a file or of all files below a directory. What cannot be looked at is not counted:
/// who reads it will say so.
fn collect(path: &Path, files: &mut BTreeMap<PathBuf, (u64, u64)>) {
    let Ok(path) = fs::canonicalize(path) else { return };
    let Ok(known) = fs::metadata(&path) else { return };
    if known.is_file() {
        files.insert(path, (known.len(), 0));
    } else if known.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                collect(&entry.path(), files);
            }
        }
    }
}

/// Counts records on their way.
pub(super) struct Over<'s> {
    progress: &'s mut Progress,
    path: &'s Path,
    sink: &'s mut dyn RecordSink,
}

impl RecordSink for Over<'_> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.progress.begin(self.path, &file.name);
        self.sink.open_file(file)
    }

    fn record(&mut self, at: Location, record: Record<'_>) {
        self.progress.count();
        self.sink.record(at, record);
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.sink.finding(code, at, field, message);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        path::Path,
        time::Duration,
    };

    use super::{Instant, LINE_EVERY, Pace, Progress, RECORDS_PER_LOOK};

    #[test]
    fn what_is_done_at_once_shows_nothing_and_what_takes_long_does() {
        let mut progress = Progress::new(std::iter::empty());
        progress.is_terminal = false;
        (0..2 * RECORDS_PER_LOOK).for_each(|_| progress.count());
        assert!(progress.shown.is_none());
        assert_eq!(progress.end(), Pace::Quick);
        assert_eq!(progress.end().line("write"), None);
        progress.begun = Instant::now().checked_sub(LINE_EVERY).unwrap();
        (1..RECORDS_PER_LOOK).for_each(|_| progress.count());
        assert!(progress.shown.is_none(), "the clock is not asked for each record");
        progress.count();
        let first = progress.shown.unwrap();
        (0..RECORDS_PER_LOOK).for_each(|_| progress.count());
        assert_eq!(progress.shown, Some(first), "one line every ten seconds");
        // What comes after a long read may take long, too.
        let said = ["graph", "write", "verify", "publish"].map(|step| progress.end().line(step));
        assert!(said.iter().all(|line| line.is_some_and(|line| line.contains("ing "))), "{said:?}");
    }

    #[test]
    fn a_bar_knows_how_far_files_are_read_and_how_long_the_rest_takes() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("a.csv"), dir.path().join("b.csv"));
        fs::File::create(&first).unwrap().write_all(&vec![b'x'; 3 << 20]).unwrap();
        fs::File::create(&second).unwrap().write_all(&vec![b'x'; 1 << 20]).unwrap();
        let mut progress = Progress::new([dir.path()].into_iter());
        progress.is_terminal = false;
        progress.records = 900;
        let ten_seconds = Duration::from_secs(10);
        assert_eq!(progress.text(ten_seconds), "900 records, 90/s");

        progress.begin(dir.path(), "a.csv");
        let mut file = fs::File::open(&first).unwrap();
        file.read_exact(&mut vec![0; 1 << 20]).unwrap();
        progress.look();
        let text = progress.text(ten_seconds);
        assert_eq!(text, " 25 % of 4 MiB, 900 records, 90/s, 0:30 left");
        drop(file);
        progress.look();
        progress.is_terminal = true;
        let text = progress.text(ten_seconds);
        assert_eq!(text, "[#########---]  75 % of 4 MiB, 900 records, 90/s, 0:03 left");
        // A single file, too, and one that is not there.
        let mut progress = Progress::new([second.as_path(), Path::new("/nowhere")].into_iter());
        progress.begin(&second, "b.csv");
        progress.look();
        assert!(progress.text(ten_seconds).contains("100 % of 1 MiB"));
    }
}
