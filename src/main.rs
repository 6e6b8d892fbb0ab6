//! The `kindred` binary.
fn main() {}
