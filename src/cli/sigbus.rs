//! How the server ends when a mapped file fails under it (SIGBUS): one line that says what happened and
//! what to do, and exit code 135.
//!
//! There is no way on: the bytes that a request is reading are gone. The handler runs on the alternate
//! stack that the standard library gives each thread, and does nothing but write a line and end the
//! process, by calls that a signal may interrupt anything for.

#![allow(unsafe_code, reason = "a signal handler is set, and its argument read, by unsafe calls")]

use std::{
    io, mem, ptr,
    sync::atomic::{AtomicU8, AtomicUsize, Ordering, fence},
};

use libc::{c_int, c_void, siginfo_t};

/// 128 and the number of the signal, as a shell would say it.
const EXIT_CODE: c_int = 128 + libc::SIGBUS;

/// Bytes of a line; the rest is cut off.
const LINE_BYTES: usize = 1_024;

/// Bytes of a snapshot's id that are kept.
const ID_BYTES: usize = 64;

static LIVE: LiveId = LiveId::new();

/// Handles SIGBUS from now on.
pub(super) fn install() -> io::Result<()> {
    // SAFETY: the all-zero pattern is a value of this plain C struct: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = end;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` is whole (set above), and its handler only does what a handler may.
    let done = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Names the snapshot that is live from now on, for the line.
pub(super) fn live_is(id: &str) {
    LIVE.set(id.as_bytes());
}

extern "C" fn end(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel hands a handler with SA_SIGINFO (set in `install`) a whole `siginfo_t`.
    let info = unsafe { &*info };
    // SAFETY: the field is there for SIGBUS, the only signal this is installed for; where a process
    // sent it, it holds another number, and `line` does not show it.
    let address = unsafe { info.si_addr() };
    let line = Line::of(info.si_code, address.addr(), &LIVE);
    let text = line.as_slice();
    // SAFETY: pointer and length are those of one slice. Nobody is left to hear of a failure.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    // SAFETY: it ends the process, and runs nothing of it.
    unsafe { libc::_exit(EXIT_CODE) }
}

/// The id of what is live, readable from a handler that interrupted anything, its writing too.
struct LiveId {
    /// Odd while it is written.
    version: AtomicUsize,
    len: AtomicUsize,
    bytes: [AtomicU8; ID_BYTES],
}

impl LiveId {
    const fn new() -> Self {
        let bytes = [const { AtomicU8::new(0) }; ID_BYTES];
        Self { version: AtomicUsize::new(0), len: AtomicUsize::new(0), bytes }
    }

    /// One thread at a time writes: the watcher's.
    fn set(&self, id: &[u8]) {
        self.version.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        self.len.store(id.len().min(ID_BYTES), Ordering::Relaxed);
        for (to, byte) in self.bytes.iter().zip(id) {
            to.store(*byte, Ordering::Relaxed);
        }
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Copies the id out; nothing where it is being written.
    fn read(&self, into: &mut [u8; ID_BYTES]) -> usize {
        let before = self.version.load(Ordering::Acquire);
        for (to, from) in into.iter_mut().zip(&self.bytes) {
            *to = from.load(Ordering::Relaxed);
        }
        let len = self.len.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_whole = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        if is_whole { len } else { 0 }
    }
}

/// A line in memory of its own: a handler must not allocate.
struct Line {
    bytes: [u8; LINE_BYTES],
    len: usize,
}

impl Line {
    fn of(code: c_int, address: usize, live: &LiveId) -> Self {
        let mut line = Self { bytes: [0; LINE_BYTES], len: 0 };
        if code <= 0 {
            line.push(b"error: SIGBUS was sent by another process");
        } else {
            line.push(b"error: SIGBUS at address ");
            line.push_hex(address);
            line.push(if matches!(code, libc::BUS_MCEERR_AR | libc::BUS_MCEERR_AO) {
                b": the machine's memory failed"
            } else {
                b": a mapped file was cut short or changed under the server, or its disk failed"
            });
        }
        let mut id = [0; ID_BYTES];
        let len = live.read(&mut id);
        if len > 0 {
            line.push(b"; snapshot ");
            line.push(id.get(..len).unwrap_or_default());
            line.push(b" was live");
        }
        line.push(
            b". Expected that nothing writes to files of a store. Check it by `kindred verify`, and \
              the disk; start again: where the newest snapshot is damaged, the one before it serves. \
              `--load copy` keeps files out of it.\n",
        );
        line
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        for (to, byte) in room.iter_mut().zip(text) {
            *to = *byte;
            self.len += 1;
        }
    }

    fn push_hex(&mut self, number: usize) {
        self.push(b"0x");
        for shift in (0..usize::BITS).step_by(4).rev() {
            let digit = number >> shift & 0xf;
            // Without zeros in front, but for the last digit.
            if number >> shift != 0 || shift == 0 {
                self.push(b"0123456789abcdef".get(digit..=digit).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: c_int, address: usize, id: &str) -> String {
        let live = LiveId::new();
        live.set(id.as_bytes());
        let line = Line::of(code, address, &live);
        let text = str::from_utf8(line.as_slice()).unwrap().to_owned();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.ends_with(".\n"), "{text}");
        text
    }

    #[test]
    fn the_line_says_where_what_and_which_snapshot() {
        let cut = said(libc::BUS_ADRERR, 0x7f00_dead_b000, "ab12");
        assert!(
            cut.starts_with("error: SIGBUS at address 0x7f00deadb000: a mapped file was cut short")
        );
        assert!(
            cut.contains("; snapshot ab12 was live. ") && cut.contains("kindred verify"),
            "{cut}"
        );
        assert!(said(libc::BUS_ADRERR, 0, "").contains("at address 0x0: "));
        assert!(!said(libc::BUS_ADRERR, 0, "").contains("was live"));
        assert!(said(libc::BUS_MCEERR_AR, 1, "").contains("at address 0x1: the machine's memory"));
        // Its number is no address then.
        let sent = said(libc::SI_USER, 0x7f00, "");
        assert!(sent.contains("sent by another process") && !sent.contains("0x"), "{sent}");
    }

    #[test]
    fn a_longer_id_or_a_half_written_one_is_no_trouble() {
        let long = said(libc::BUS_ADRERR, 1, &"x".repeat(2_000));
        assert!(long.contains(&format!("snapshot {} was", "x".repeat(ID_BYTES))));
        let live = LiveId::new();
        live.set(b"ab12");
        live.version.fetch_add(1, Ordering::Relaxed);
        let line = Line::of(libc::BUS_ADRERR, 1, &live);
        assert!(!str::from_utf8(line.as_slice()).unwrap().contains("was live"));
    }
}
