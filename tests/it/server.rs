//! The built program as a server: its address, its log, its end.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use crate::{command::program, shop::Shop};

/// Longer than any event takes on a busy machine; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; ended with the test.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) out: Lines,
    pub(crate) log: Lines,
}

impl Server {
    /// Serves the shop's store, and waits until it does.
    pub(crate) fn start(shop: &Shop) -> Self {
        Self::listening(&mut serve(shop, "state"))
    }

    /// Serves the shop's store, which may hold nothing yet: waits for the port only.
    pub(crate) fn starting(shop: &Shop) -> Self {
        let mut server = Self::spawn(&mut serve(shop, "state"));
        let line = server.log.until("Starting");
        let address = line.split(' ').find_map(|field| field.strip_prefix("address="));
        server.address = address.expect("the log names the address").parse().unwrap();
        server
    }

    /// Starts a command that serves, and waits for the line that says where. What the log said up
    /// to then is read.
    pub(crate) fn listening(command: &mut Command) -> Self {
        let mut server = Self::spawn(command);
        let line = server.out.until("listening on ");
        server.address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        server.log.until("Snapshot is live.");
        server
    }

    /// Starts a command that goes on until it is killed.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let log = Lines::of(child.stderr.take().unwrap());
        Self { child, address: SocketAddr::from(([0; 4], 0)), out, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Asks it to end, and waits until it has; its exit code.
    pub(crate) fn ended(self) -> Option<i32> {
        self.ended_saying().0
    }

    /// The same with what it had to say.
    pub(crate) fn ended_saying(mut self) -> (Option<i32>, Vec<String>) {
        self.signal("TERM");
        let log = self.log.until_end().to_vec();
        (self.child.wait().unwrap().code(), log)
    }

    /// Waits until it has ended by itself; its exit code.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        self.log.until_end();
        self.child.wait().unwrap().code()
    }

    /// The files of snapshots that it has mapped, once for each mapping.
    pub(crate) fn mapped_blobs(&self) -> Vec<String> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid())).unwrap();
        let blobs = maps.lines().filter(|line| line.contains(".kdx"));
        blobs.map(|line| line.rsplit('/').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to do.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// `kindred serve` on the shop's store and a free port.
pub(crate) fn serve(shop: &Shop, state: &str) -> Command {
    let mut command = program();
    command.arg("serve").env("KINDRED_LISTEN", "127.0.0.1:0");
    // Most tests feed stock where they look up; `planes` has tests of the listeners apart.
    command.env("KINDRED_ADMIN_LISTEN", "same").env("KINDRED_INSECURE_ADMIN", "true");
    // And many ask for more than a busy machine gives in time, where no call may fail.
    command.env("KINDRED_SHED_AFTER_MS", "0");
    command.arg("--store").arg(shop.store_dir()).arg("--state").arg(shop.path(state));
    command
}

/// Lines that a program writes, as they come.
pub(crate) struct Lines {
    lines: Receiver<String>,
    /// What was read so far.
    pub(crate) read: Vec<String>,
}

impl Lines {
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        Self { lines, read: Vec::new() }
    }

    /// Waits for the next line that holds this text; lines before it are read, too.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let Ok(line) = line else {
                panic!("{line:?} before a line with {text:?}; read:\n{}", self.read.join("\n"));
            };
            self.read.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Reads to the end, which comes with the end of the program.
    #[track_caller]
    pub(crate) fn until_end(&mut self) -> &[String] {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.read.push(line),
                Err(RecvTimeoutError::Disconnected) => return &self.read,
                Err(RecvTimeoutError::Timeout) => panic!("no end; {}", self.read.join("\n")),
            }
        }
    }

    /// The lines that come until nothing more comes for so long. A hundred are too many.
    pub(crate) fn until_quiet(&self, quiet: Duration) -> Vec<String> {
        let lines = std::iter::from_fn(|| self.lines.recv_timeout(quiet).ok());
        lines.take(100).collect()
    }
}

/// Asks until the answer is right, for what nothing tells of.
#[track_caller]
pub(crate) fn eventually<T: std::fmt::Debug>(
    mut ask: impl FnMut() -> T,
    is_right: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if is_right(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {answer:?}");
        thread::yield_now();
    }
}
