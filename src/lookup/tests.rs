//! Promises of lookup, on small catalogs written in place.
