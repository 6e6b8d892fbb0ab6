//! The machine of a measurement, without which its numbers mean nothing.

use std::{fs, thread};

use serde::Serialize;

/// The machine that asked. The server may run on another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// CPUs that this process may use.
    pub cpus: usize,
    /// As the processor names itself; empty if it does not.
    pub cpu_model: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Load average of a minute, five and fifteen.
    pub load_average: [f64; 3],
    /// Memory that programs can get, in bytes.
    pub memory_available_bytes: u64,
    /// Files held in memory, in bytes.
    pub page_cache_bytes: u64,
}

impl Machine {
    /// The machine as it is now. What the system does not tell is empty or zero.
    #[must_use]
    pub fn now() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = read("/proc/meminfo");
        Self {
            cpus: thread::available_parallelism().map_or(0, usize::from),
            cpu_model: cpu_model(&read("/proc/cpuinfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: load_average(&read("/proc/loadavg")),
            memory_available_bytes: memory_bytes(&memory, "MemAvailable"),
            page_cache_bytes: memory_bytes(&memory, "Cached"),
        }
    }
}

/// The value of the first line `name : value`.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
}

pub(super) fn cpu_model(text: &str) -> String {
    // x86 says the first, some of the others the second.
    let found = value(text, "model name").or_else(|| value(text, "Model"));
    found.unwrap_or_default().to_owned()
}

pub(super) fn load_average(text: &str) -> [f64; 3] {
    let mut fields = text.split_whitespace().map(|field| field.parse().unwrap_or(0.0));
    [(); 3].map(|()| fields.next().unwrap_or(0.0))
}

pub(super) fn memory_bytes(text: &str, name: &str) -> u64 {
    let kib = value(text, name).and_then(|value| value.strip_suffix("kB")?.trim().parse().ok());
    kib.unwrap_or(0_u64).saturating_mul(1_024)
}
