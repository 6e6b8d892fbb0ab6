//! Promises of loading and swapping.
