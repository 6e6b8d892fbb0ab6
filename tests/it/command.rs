//! The built program as a command that ends by itself.

use std::{ffi::OsStr, process::Command};

/// What a command said and how it ended.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program to its end. Whatever it is given, it does not panic.
#[track_caller]
pub(crate) fn kindred(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
    let output = program().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    let run =
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!run.err.contains("panicked"), "{}", run.err);
    run
}

/// The program, with nothing of this process's environment that could change what it does.
pub(crate) fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kindred"));
    program.env_clear().env("KINDRED_LOG", "info,kindred=debug").env("USER", "tester");
    program
}

impl Run {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        self.ended(0)
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    /// Checks that standard error holds each of these texts.
    #[track_caller]
    pub(crate) fn complained(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "expected {text:?} in:\n{}", self.err);
        }
        self
    }
}
