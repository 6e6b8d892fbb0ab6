//! The process as the system sees it, by the names that every Prometheus client uses.

use std::{fs, time::Duration};

use rustix::{
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

/// What the system says; `None` where it says nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_fds: Option<u64>,
    pub(super) max_fds: Option<u64>,
    pub(super) cpu: Duration,
}

impl Process {
    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let fds = fs::read_dir("/proc/self/fd").ok();
        // The directory itself was open while it was counted.
        let open_fds =
            fds.and_then(|fds| u64::try_from(fds.count()).ok()).map(|n| n.saturating_sub(1));
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(spent.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(spent.tv_nsec).unwrap_or(0);
        Self {
            resident_bytes: resident_bytes(&status),
            open_fds,
            max_fds: getrlimit(Resource::Nofile).current,
            cpu: Duration::new(seconds, nanos),
        }
    }
}

/// The resident set in the text of `/proc/self/status`.
pub(super) fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    kibibytes.checked_mul(1024)
}
