//! A server in a process of its own, on cores of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server that prints `listening on ADDR`, pinned to these cores, and waits for that.
    pub(crate) fn start(command: &mut Command, cores: &[usize]) -> Self {
        let mut child = spawn(command.stdout(Stdio::piped()), cores);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server ended before it listened").unwrap();
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.parse().unwrap();
            }
        };
        // Nobody reads on; what little else it prints fits the pipe.
        std::mem::forget(lines);
        Self { child, address }
    }

    /// One without such a line: it listens where it was told to.
    pub(crate) fn start_at(command: &mut Command, address: SocketAddr, cores: &[usize]) -> Self {
        let child = spawn(command.stdout(Stdio::null()), cores);
        for _ in 0..200 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, address }
    }

    /// What its threads have spent so far, user and kernel together.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let spent = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(spent.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts a process on these cores: it inherits them, so that all its threads have them.
fn spawn(command: &mut Command, cores: &[usize]) -> Child {
    let own = sched_getaffinity(None).unwrap();
    pin(cores);
    let child = command.spawn().unwrap();
    sched_setaffinity(None, &own).unwrap();
    child
}

/// The most memory a process has held, files mapped included; nothing once it has ended.
pub(crate) fn resident_bytes(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// Cores for servers and for the asker: apart where there are two, else all.
pub(crate) struct Cores {
    pub(crate) server: Vec<usize>,
    pub(crate) asker: Vec<usize>,
    pub(crate) all: Vec<usize>,
}

impl Cores {
    pub(crate) fn of_machine() -> Self {
        let allowed = sched_getaffinity(None).unwrap();
        let all = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect::<Vec<_>>();
        let (server, asker) = match all.as_slice() {
            [one] => (vec![*one], vec![*one]),
            [first, .., last] => (vec![*first], vec![*last]),
            [] => (Vec::new(), Vec::new()),
        };
        Self { server, asker, all }
    }
}

/// Pins the calling thread, and whatever it starts.
pub(crate) fn pin(cores: &[usize]) {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).unwrap();
}
