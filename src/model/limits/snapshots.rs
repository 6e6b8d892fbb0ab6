//! Bounds of `SnapshotService` and of golden lookups.

/// Calls of `SnapshotService` that work at once: each may map and read a whole catalog. People and jobs
/// make them, one at a time.
pub const SNAPSHOT_CALLS_MAX: usize = 4;

/// Changes at once, apart from what only reads, so that who compares catalogs keeps no operator from a
/// rollback. One decides at a time anyway; another one is told so by the store.
pub const SNAPSHOT_CHANGES_MAX: usize = 2;

/// Streams of `WatchActiveSnapshot` at once: the caches in front of one replica.
pub const SNAPSHOT_WATCHES_MAX: usize = 64;

/// Seconds after which such a stream ends, so that its client meets new replicas.
pub const SNAPSHOT_WATCH_S: u64 = 3_600;

/// Seconds that a change is waited for on this replica. A load that is paced may take longer, and goes
/// on by itself.
pub const SNAPSHOT_FOLLOW_S: u64 = 30;

/// Page of `ListSnapshots` when the request says zero.
pub const SNAPSHOT_PAGE_DEFAULT: usize = 20;

/// Largest page of `ListSnapshots`: a file is looked into for each.
pub const SNAPSHOT_PAGE_MAX: usize = 100;

/// Snapshots of which a replica remembers when they went live, or why they were refused.
pub const SNAPSHOTS_REMEMBERED_MAX: usize = 256;

/// Products that a `DiffSnapshots` may name.
pub const DIFF_PRODUCTS_MAX: usize = 100;

/// Lists that a `DiffSnapshots` shows.
pub const DIFF_LISTS_MAX: usize = 100;

/// `top_k` when the request says zero, and the most.
pub const DIFF_TOP_DEFAULT: usize = 10;
/// More than a page ever shows.
pub const DIFF_TOP_MAX: usize = 100;

/// `max_shrink_ratio` when the request says zero.
pub const SHRINK_RATIO_DEFAULT: f64 = 0.2;

/// Bytes of a file of golden lookups, and lookups in it: they are asked between two snapshots, and a
/// hundred lookups that matter are many.
pub const GOLDEN_BYTES_MAX: u64 = 1 << 20;
/// See [`GOLDEN_BYTES_MAX`].
pub const GOLDEN_LOOKUPS_MAX: usize = 1_000;

/// Differences of golden lookups that a refusal names.
pub const GOLDEN_SHOWN_MAX: usize = 3;
