//! Printing for people and pipes: a reader that goes away early ends the command quietly.

use std::{
    fmt,
    io::{self, Write as _},
    process,
};

/// Prints a line to standard output.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::out::line(format_args!($($text)*)) };
}
pub(super) use outln;

/// Prints a line to standard output. `kindred lookup … | head` closes it early: then there is
/// nobody left to print for, and the command ends as if it had printed all.
pub(super) fn line(text: fmt::Arguments<'_>) {
    if let Err(error) = try_line(text) {
        let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
        if !is_closed {
            eprintln!("error: cannot print: {error}");
        }
        process::exit(i32::from(!is_closed));
    }
}

/// Prints a line if anyone reads it: a server lives on when nobody does.
pub(super) fn try_line(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}
