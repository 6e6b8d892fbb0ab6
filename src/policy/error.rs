//! What is wrong with a policy or with overrides: each fault with its place, all at once.

use std::fmt;

use crate::model::{limits::POLICY_FAULTS_MAX, text::Place};

/// Why a document is refused: its faults in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors {
    file: String,
    errors: Vec<PolicyError>,
    further: usize,
}

impl PolicyErrors {
    /// The name of the document.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The faults, at most [`POLICY_FAULTS_MAX`]; at least one.
    #[must_use]
    pub fn errors(&self) -> &[PolicyError] {
        &self.errors
    }

    /// How many more there are.
    #[must_use]
    pub const fn further(&self) -> usize {
        self.further
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{error}", self.file)?;
        }
        if self.further > 0 {
            write!(f, "\n{}: {} more of them", self.file, self.further)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyErrors {}

/// One fault of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Where it stands; line 0 if it was given by hand and stands in no file.
    pub place: Place,
    /// The key or column it is about, empty if none: `placements[0].mix[1].weight`.
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.line > 0 {
            write!(f, "{}:", self.place)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", self.path)?;
        }
        write!(f, " {}", self.fault)
    }
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is no TOML or no table: mend the line.
    #[error("{0}")]
    Syntax(String),
    /// The text is too long: split nothing, look whether it is the right file.
    #[error("expected at most {bytes_max} bytes, found {found}")]
    TooLong {
        /// The limit.
        bytes_max: usize,
        /// Its length.
        found: usize,
    },
    /// A key or column that means nothing: look for a slip of the pen.
    #[error("expected {expected}, found `{found}`")]
    UnknownKey {
        /// The keys that mean something here.
        expected: String,
        /// The key.
        found: String,
    },
    /// A key, column or cell without which the rest means nothing: add it.
    #[error("expected {expected}, found none")]
    Missing {
        /// What is missing.
        expected: String,
    },
    /// A value of another kind, such as a text instead of a number.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The kind that stands here.
        expected: &'static str,
        /// The kind that was found.
        found: &'static str,
    },
    /// A number out of its range, a word that is none of those known, a text that cannot be read.
    #[error("expected {expected}, found `{found}`")]
    BadValue {
        /// What may stand here.
        expected: String,
        /// What stands here.
        found: String,
    },
    /// The same thing twice: remove one.
    #[error("expected each {noun} once, found `{found}` again; it stands in line {first}, too")]
    Duplicate {
        /// What it is.
        noun: &'static str,
        /// Its name.
        found: String,
        /// Where it stands first.
        first: u32,
    },
    /// More than a limit allows.
    #[error("expected at most {max} {noun}, found more")]
    TooMany {
        /// The limit.
        max: usize,
        /// What there are too many of.
        noun: &'static str,
    },
    /// A window that ends before it begins, so that nothing is ever in it.
    #[error("expected an end after {from}, found {to}")]
    EmptyWindow {
        /// Its begin.
        from: String,
        /// Its end.
        to: String,
    },
    /// Two values that cannot stand together.
    #[error("expected {expected}, found {found}")]
    Conflict {
        /// What may stand here.
        expected: String,
        /// What stands here.
        found: String,
    },
    /// A chain of fallbacks that comes back to where it was: take one step out.
    #[error("expected a fallback chain that ends, found `{0}`")]
    FallbackCycle(String),
    /// A placement that the policy does not have, or a type, market or product that the catalog
    /// does not have.
    #[error("expected {noun} of {of}, found `{found}`")]
    UnknownName {
        /// What is named.
        noun: &'static str,
        /// Where it should be known: the policy, the catalog.
        of: &'static str,
        /// The name.
        found: String,
    },
}

/// Gathers faults.
#[derive(Debug, Default)]
pub(super) struct Faults {
    errors: Vec<PolicyError>,
    further: usize,
}

impl Faults {
    /// Keeps one more.
    pub(super) fn add(&mut self, place: Place, path: String, fault: Fault) {
        if self.errors.len() < POLICY_FAULTS_MAX {
            self.errors.push(PolicyError { place, path, fault });
        } else {
            self.further += 1;
        }
    }

    /// Is there any?
    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The value, unless there were faults.
    pub(super) fn finish<T>(mut self, file: &str, value: T) -> Result<T, PolicyErrors> {
        if self.errors.is_empty() {
            return Ok(value);
        }
        self.errors
            .sort_by(|left, right| (left.place, &left.path).cmp(&(right.place, &right.path)));
        Err(PolicyErrors { file: file.to_owned(), errors: self.errors, further: self.further })
    }
}
