//! What the system says of a process.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// The unit of `/proc/PID/stat`: Linux has told user space a hundred a second for as long as there
/// is a `/proc`.
const TICKS_PER_S: f64 = 100.0;

const MIB: f64 = (1 << 20) as f64;

/// Memory that the process holds itself, in MiB. Pages of the mapped catalog are not counted: they
/// come with reading, and the system takes them back.
pub(crate) fn own_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib = line.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap();
    kib * 1024.0 / MIB
}

/// Seconds of processor that it has used.
pub(crate) fn cpu_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name may hold spaces; it ends with the last bracket. Then state is field 3.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields = fields.split(' ').collect::<Vec<_>>();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
    (ticks(14) + ticks(15)) / TICKS_PER_S
}

/// Part of a core that it used while this was done.
pub(crate) fn cores_during<T>(pid: u32, work: impl FnOnce() -> T) -> (f64, T) {
    let (begun, before) = (Instant::now(), cpu_s(pid));
    let done = work();
    ((cpu_s(pid) - before) / begun.elapsed().as_secs_f64(), done)
}

/// Waits, without an event to wait for: a rate is measured over time.
pub(crate) fn pass(span: Duration) {
    thread::park_timeout(span);
    let end = Instant::now() + span;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        thread::park_timeout(left);
    }
}
