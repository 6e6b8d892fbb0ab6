//! Printing for people and pipes.

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

/// Prints a line to standard output.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}
pub(super) use outln;

/// Prints a line to standard output. `kindred lookup … | head` closes it early: nobody is left to
/// print for, and the command goes on to its own end and exit code. Any other failure is said, and
/// the command fails.
pub(super) fn line(text: fmt::Arguments<'_>) {
    if let Err(error) = try_line(text)
        && error.kind() != io::ErrorKind::BrokenPipe
        && !HAS_FAILED.swap(true, Ordering::Relaxed)
    {
        eprintln!("error: cannot print: {error}");
    }
}

/// Could some line not be printed, though someone may be reading?
pub(super) fn has_failed() -> bool {
    HAS_FAILED.load(Ordering::Relaxed)
}

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Prints a line if anyone reads it: a server lives on when nobody does.
pub(super) fn try_line(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", clean(&text.to_string()))?;
    stdout.flush()
}

/// A text without what moves cursors and renames windows: ids and reasons come from outside.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let is_harmful = |char: char| char.is_control() && char != '\n';
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let escape = |char: char| {
        if is_harmful(char) { char.escape_debug().to_string() } else { char.to_string() }
    };
    Cow::Owned(text.chars().map(escape).collect())
}
