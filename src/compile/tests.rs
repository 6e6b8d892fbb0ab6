//! Promises of compile.
