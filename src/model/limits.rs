//! Every bound on counts, with its reason, and the byte limits computed from them.

mod load;
mod peer;
mod snapshots;
mod stock_wire;
mod telemetry;

pub use load::{
    LOAD_CONNECTIONS_MAX, LOAD_FILE_BYTES_MAX, LOAD_IN_FLIGHT_MAX, LOAD_LATENCY_US_MAX,
    LOAD_PRODUCTS_MAX, LOAD_RATE_MAX, LOAD_RATES_MAX, LOAD_SECONDS_MAX, LOAD_STOCK_BATCH,
    LOAD_THREADS_MAX,
};
pub use peer::{
    DELIVERY_WAIT_S, FRAME_CHARGE_BYTES, HEALTH_WATCH_S, HELD_BYTES_PER_CONNECTION_MAX,
    HELD_BYTES_PER_FEEDER_MAX, HELD_BYTES_PER_LISTENER_MAX, HELD_LARGE_BYTES, HELD_SMALL_BYTES,
    REFLECTION_SILENCE_S, REFLECTION_STREAM_S, REFLECTION_STREAMS_MAX, REQUEST_EARNS_BYTES,
    REQUEST_WAIT_S, SPARE_FRAMES_MAX, SPARE_FRAMES_PER_S,
};
pub use snapshots::{
    DIFF_LISTS_MAX, DIFF_PRODUCTS_MAX, DIFF_TOP_DEFAULT, DIFF_TOP_MAX, GOLDEN_BYTES_MAX,
    GOLDEN_LOOKUPS_MAX, GOLDEN_SHOWN_MAX, SHRINK_RATIO_DEFAULT, SNAPSHOT_CALLS_MAX,
    SNAPSHOT_CHANGES_MAX, SNAPSHOT_FOLLOW_S, SNAPSHOT_PAGE_DEFAULT, SNAPSHOT_PAGE_MAX,
    SNAPSHOT_WATCH_S, SNAPSHOT_WATCHES_MAX, SNAPSHOTS_REMEMBERED_MAX,
};
pub use stock_wire::{STOCK_REQUEST_BYTES_MAX, STOCK_RESPONSE_BYTES_MAX};
pub use telemetry::{
    REQUEST_ID_BYTES_MAX, SLOT_SERIES_MAX, SPANS_BATCH_MAX, SPANS_EXPORT_WAIT, SPANS_FLUSH_WAIT,
    SPANS_GATHER_WAIT, SPANS_WAITING_MAX, WEB_CALL_WAIT, WEB_CONNECTIONS_MAX, WEB_HEAD_WAIT,
};
mod wire;

pub use wire::{
    BUNDLES_RESPONSE_BYTES_MAX, CATALOG_RESPONSE_BYTES_MAX, EXPLAIN_REQUEST_BYTES_MAX,
    EXPLAIN_RESPONSE_BYTES_MAX, EXPLANATION_BYTES_MAX, LOOKUP_REQUEST_BYTES_MAX,
    LOOKUP_RESPONSE_BYTES_MAX, PAGE_REQUEST_BYTES_MAX, PAGE_RESPONSE_BYTES_MAX,
    RELATIONS_RESPONSE_BYTES_MAX, REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX,
};

/// Longest product id, category id segment, brand, market, inventory or tag id. Magento stops at
/// 64, UUIDs take 36, Shopify GIDs about 45: 128 holds all with room.
pub const ID_BYTES_MAX: usize = 128;

/// Longest category id (a full path joined by `/`).
pub const CATEGORY_PATH_BYTES_MAX: usize = 1024;

/// Deepest category path.
pub const CATEGORY_DEPTH_MAX: usize = 16;

/// Longest title kept; a longer one is cut at a character and reported.
pub const TITLE_BYTES_MAX: usize = 1024;

/// Seeds that count in one request: a large cart.
pub const SEEDS_MAX: usize = 50;

/// Exclusions that count in one request: what a page and a long cart show.
pub const EXCLUSIONS_MAX: usize = 500;

/// Largest `max_results`.
pub const RESULTS_MAX: usize = 100;

/// `max_results` when the request says zero.
pub const RESULTS_DEFAULT: usize = 10;

/// Distinct relation types in one request. The catalog may declare more; a page never asks so many.
pub const RELATION_TYPES_PER_REQUEST_MAX: usize = 32;

/// Relations of one product and type kept by the compiler, best first. It bounds the work of one
/// lookup; the longest hand-made lists in the sample catalogs hold 30.
pub const RELATIONS_PER_TYPE_MAX: usize = 1_000;

/// Products that a lookup with one seed looks at, best first: two full lists. A hundred results and
/// five hundred exclusions fit in many times over.
pub const CANDIDATES_MAX: usize = 2 * RELATIONS_PER_TYPE_MAX;

/// Products that a lookup with several seeds weighs of each, best first.
pub const CANDIDATES_PER_SEED_MAX: usize = 256;

/// Products in the list of best sellers of a category, or of the whole catalog. A fallback shows a
/// hundred at most; what is sold out, filtered away or excluded above them fits in many times over.
pub const POPULAR_MAX: usize = 1_000;

/// Steps from a variant to its ancestors that lookups follow. Akeneo nests two.
pub const VARIANT_DEPTH_MAX: usize = 4;

/// Leaves of one variant group among which lookups look for one that can be bought.
pub const LEAVES_MAX: usize = 256;

/// Leaves of a variant group whose relations a fallback tries: more than a page has room for.
pub const SIBLINGS_MAX: usize = 64;

/// Bundles around one product that one call looks at: twenty are shown at most, and a screw may be
/// part of thousands.
pub const BUNDLES_EXAMINED_MAX: usize = 1_000;

/// Markets of a catalog: the width of the assortment mask.
pub const MARKETS_MAX: usize = 64;

/// Tags of a catalog: the width of the tag mask.
pub const TAGS_MAX: usize = 64;

/// Inventories of a catalog.
pub const INVENTORIES_MAX: usize = 1_024;

/// Further categories of one product beside its primary one.
pub const EXTRA_CATEGORIES_MAX: usize = 32;

/// Products of a catalog, and products and aliases together: both are numbered in 32 bits, and the last
/// value means none.
pub const PRODUCTS_MAX: usize = u32::MAX as usize - 1;

/// Options of one bundle.
pub const BUNDLE_OPTIONS_MAX: usize = 64;

/// Selections of one bundle, over all its options.
pub const BUNDLE_SELECTIONS_MAX: usize = 1_000;

/// Bytes of all joins of a mapping, which are held in memory while its tables are read. With the largest
/// item of JSON beside them an importer stays below 256 MiB.
pub const JOIN_BYTES_MAX: usize = 100 << 20;

/// What an entry of a join takes beside its texts: two allocations and its place in a tree.
pub const JOIN_ENTRY_BYTES: usize = 112;

/// Longest row of a table, over all its cells. A row beyond it is no row of a product table.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Columns of a table of our own, and keys of one object of it.
pub const COLUMNS_MAX: usize = 1_024;

/// Longest record in a file of kept records: a row's text and the lengths of its parts, many times
/// over. A reader takes no longer length at its word.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Longest name of a source that is kept in a cache: as a directory, each byte may take three.
pub const SOURCE_NAME_BYTES_MAX: usize = 64;

/// Bytes of a small file of a cache: some entries with their catalogs, and the names of all files
/// below an input.
pub const CACHE_FILE_BYTES_MAX: usize = 32 << 20;

/// Entries that a cache keeps of a source: each is all that the source said, so disk grows by them. A
/// rollback over more changes finds no records, and says so.
pub const CACHE_ENTRIES_MAX: usize = 8;

/// Catalogs that an entry of a cache remembers to be part of: a year of nights in which other sources
/// changed.
pub const CACHE_CATALOGS_MAX: usize = 400;

/// Columns of another system's table: a PIM writes one for each attribute, locale and channel.
pub const EXPORT_COLUMNS_MAX: usize = 8_192;

/// Largest item of a JSON document: a product with all its texts. Beyond it something is no list of
/// products.
pub const JSON_ITEM_BYTES_MAX: usize = 16 << 20;

/// Values in one item of a JSON document, at every depth. Parsed, each takes up to some 600 bytes, so
/// that the bytes alone would not bound the memory.
pub const JSON_VALUES_MAX: usize = 200_000;

/// Deepest nesting of a JSON document; what `serde_json` follows without a stack of its own.
pub const JSON_DEPTH_MAX: usize = 127;

/// Rows of a Parquet file for each of its bytes, beyond [`PARQUET_FREE_ROWS`]. Every row of a table of
/// ours has an id, and no packing puts sixteen into a byte.
pub const PARQUET_ROWS_PER_BYTE_MAX: u64 = 16;

/// Rows that any Parquet file may have, however small it is.
pub const PARQUET_FREE_ROWS: u64 = 1 << 20;

/// Items of lists in one column of one row group of a Parquet file: 128 MiB, if all stood in one row.
/// Programs write about a million rows a group.
pub const PARQUET_LIST_ITEMS_MAX: usize = 8 << 20;

/// How many times its own size a packed file may unpack to. Tables of empty cells reach some
/// hundred; deflate alone could reach a thousand, Zstandard any number.
pub const EXPANSION_RATIO_MAX: u64 = 256;

/// Bytes that any packed file may unpack to, however small it is.
pub const EXPANSION_FREE_BYTES: u64 = 16 << 20;

/// Window of a Zstandard file: `zstd -20` takes 32 MiB.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 64 << 20;

/// Bytes taken from the standard input, which are kept in a temporary file.
pub const STDIN_BYTES_MAX: u64 = 64 << 30;

/// Files below one `--from` path.
pub const SOURCE_FILES_MAX: usize = 100_000;

/// Samples kept of each finding; the count goes on.
pub const FINDING_SAMPLES_MAX: usize = 10;

/// Refused relations kept in the `dropped` blob; beyond it only the counts go on.
pub const DROPPED_KEPT_MAX: usize = 1_000_000;

/// Page of `ListRelations` when the request says zero.
pub const PAGE_SIZE_DEFAULT: usize = 100;

/// Largest page of `ListRelations`.
pub const PAGE_SIZE_MAX: usize = 1_000;

/// Slots of one page call.
pub const SLOTS_MAX: usize = 16;

/// Longest id of a slot or placement.
pub const SLOT_ID_BYTES_MAX: usize = 128;

/// Longest channel of a context.
pub const CHANNEL_BYTES_MAX: usize = 128;

/// Longest visitor id of a context: a hash in hexadecimal digits, and some.
pub const VISITOR_BYTES_MAX: usize = 256;

/// Products that one Explain follows.
pub const TRACED_MAX: usize = 100;

/// Candidates that Explain lists of each slot when the request says zero.
pub const EXPLAINED_DEFAULT: usize = 50;

/// Most candidates that Explain lists of each slot, besides those traced.
pub const EXPLAINED_MAX: usize = 1_000;

/// Relations that Explain shows of one candidate: more say nothing new to a person.
pub const EXPLAINED_RELATIONS_MAX: usize = 8;

/// Products that Explain names of one rule.
pub const EXPLAINED_RULE_PRODUCTS_MAX: usize = 100;

/// Bundles of one answer when the request says zero.
pub const BUNDLES_DEFAULT: usize = 3;

/// Most bundles of one answer.
pub const BUNDLES_MAX: usize = 20;

/// Longest provenance of a relation on the wire; a longer one is cut at a character.
pub const PROVENANCE_BYTES_MAX: usize = 512;

/// Wrong fields that one refusal names. It travels in headers, as text and as details, and clients
/// take 16 KiB of headers.
pub const VIOLATIONS_MAX: usize = 16;

/// Bytes of a request's own text that a refusal repeats: a snapshot id and some.
pub const REFUSAL_QUOTE_BYTES_MAX: usize = 64;

/// Manifest file: a few blobs, a reason, an actor.
pub const MANIFEST_BYTES_MAX: usize = 64 << 10;

/// Longest reason or actor of a manifest: a paragraph. Three such texts, every character escaped to
/// six, leave room in the manifest for its blobs.
pub const MANIFEST_TEXT_BYTES_MAX: usize = 2 << 10;

/// Manifests read by one walk down a track: years of nightly publishes with pins between them.
pub const MANIFESTS_WALKED_MAX: usize = 10_000;

/// Quarantined snapshots that are listed. Each took two crashes of a server.
pub const QUARANTINED_LISTED_MAX: usize = 1_000;

/// Snapshots of which a server remembers that they ended it once; more than a track tries in a night.
pub const TRIALS_KEPT_MAX: usize = 64;

/// Bytes of the file that remembers them, many times over.
pub const TRIALS_BYTES_MAX: u64 = 64 << 10;

/// Attempts of one write to the store. Each lost one is another writer's success, so that only a
/// broken store comes this far.
pub const STORE_ATTEMPTS_MAX: usize = 1_000;

/// Seconds for which a writer waits for a clean-up, or that for writers: each is done within the syncs of
/// one manifest, or the removal of a few hundred files.
pub const STORE_LOCK_WAIT_S: u64 = 60;

/// Names that a store remembers of the blobs it collected, for the error of whoever asks for one: a
/// decade of nightly publishes.
pub const COLLECTED_NAMES_MAX: usize = 10_000;

/// The file of those names: each has a hash of 64 digits, a role and an end.
pub const COLLECTED_BYTES_MAX: usize = 100 * COLLECTED_NAMES_MAX;

/// Seconds after which a temporary file that nobody writes is removed: no writer pauses so long.
pub const STALE_TEMP_AGE_S: u64 = 3_600;

/// `catalog.toml`.
pub const CONFIG_BYTES_MAX: usize = 1 << 20;

/// Updates of one `BatchUpdateAvailability`.
pub const UPDATES_PER_BATCH_MAX: usize = 10_000;

/// Updates of one `ReplaceAvailability` stream, over all its messages: two readings of each product
/// of a catalog of a million.
pub const REPLACE_UPDATES_MAX: usize = 2_000_000;

/// `ReplaceAvailability` streams that are open or not answered yet: each is buffered until then.
pub const REPLACE_STREAMS_MAX: usize = 4;

/// Rejected updates of one `ReplaceAvailability` that its answer names; the count goes on.
pub const REJECTIONS_MAX: usize = UPDATES_PER_BATCH_MAX;

/// Sources that may feed stock: each stands in every answer.
pub const FEEDS_MAX: usize = 64;

/// Largest sequence of a feed: counters do not get there, and a negative number that lost its sign
/// does not end a feed for good.
pub const SEQUENCE_MAX: u64 = (1 << 63) - 1;

/// Runs of sequences that one feed holds beyond a gap. A feed with more gaps has lost its way.
pub const FEED_GAPS_MAX: usize = 1_024;

/// Stock and price readings kept over all sources: 16 places for each product of a catalog of two
/// million, some 3 GB of memory.
pub const READINGS_MAX: usize = 32_000_000;

/// Products without readings that may be remembered beside as many others: fewer are not worth the
/// work of forgetting them.
pub const PRODUCTS_FORGOTTEN_MIN: usize = 100_000;

/// How far in the future an event time may lie: clocks of shops differ, but not by more.
pub const FUTURE_SKEW_S: i64 = 600;

/// Largest price of an update in minor units: sums of bundles stay far from the end of 64 bits.
pub const PRICE_MAX: i64 = 1_000_000_000_000_000;

/// Products that one call blocks or unblocks.
pub const BLOCKS_PER_CALL_MAX: usize = 10_000;

/// Blocks that stand at once. A recall names some; a tenth of a catalog of a million is no recall.
pub const BLOCKS_MAX: usize = 100_000;

/// Blocks of one id that differ in their markets or their end, of which none covers another: some
/// recalls at once. Lookups look at each.
pub const BLOCKS_PER_PRODUCT_MAX: usize = 16;

/// Longest reason or actor of a block: a paragraph.
pub const BLOCK_TEXT_BYTES_MAX: usize = 2 << 10;

/// Commands that wait for the stock writer: two of each feed. One more is refused at once.
pub const STOCK_QUEUE_MAX: usize = 2 * FEEDS_MAX;

/// Bytes of entries that one write to the stock journal waits to collect.
pub const STOCK_GROUP_BYTES_MAX: usize = 256 << 10;

/// Bytes of the stock journal after which a checkpoint is written. The writer takes nothing else
/// meanwhile: 0.12 s at a million readings (`benches/stock.rs`).
pub const STOCK_CHECKPOINT_BYTES: u64 = 64 << 20;

/// Bytes of the stock journal that an end leaves to the next start to replay. A checkpoint is a sync of all
/// that is known, which a busy disk may hold up for half a minute, and nothing that was acknowledged needs
/// it; so few entries are replayed before the first snapshot is in memory.
pub const STOCK_LEFT_TO_REPLAY_BYTES: u64 = 4 << 20;

/// Largest entry of the stock journal, and largest piece of a checkpoint.
pub const STOCK_ENTRY_BYTES_MAX: usize = 4 << 20;

/// Text of a policy: thousands of placements, each a screen long.
pub const POLICY_BYTES_MAX: usize = 4 << 20;

/// Text of all overrides: half a million lines of 128 bytes, more than people write. It is parsed
/// anew with every publish of it, and that must stay far below a second.
pub const OVERRIDES_BYTES_MAX: usize = 64 << 20;

/// Placements of a policy: more named slots than the largest shops have, all channels counted.
pub const PLACEMENTS_MAX: usize = 1_000;

/// Rules of a policy. Lookups ask each whether it applies.
pub const RULES_MAX: usize = 1_000;

/// Names in one list of a rule: an assortment of a brand; lookups search it by halves.
pub const RULE_VALUES_MAX: usize = 10_000;

/// Steps of one fallback chain, those of placements it goes on with included.
pub const FALLBACK_STEPS_MAX: usize = 16;

/// Values in one list of a filter: a lookup compares a product with each of them.
pub const FILTER_VALUES_MAX: usize = 64;

/// Overrides of one source: lookups read them all. A list shows a hundred.
pub const OVERRIDES_PER_SOURCE_MAX: usize = 1_000;

/// Longest author or reason of an override: a few sentences.
pub const OVERRIDE_TEXT_BYTES_MAX: usize = 1 << 10;

/// Faults of a policy or of overrides that one refusal names; people mend no more at a time.
pub const POLICY_FAULTS_MAX: usize = 50;

/// Products of one `BatchGetAvailability`.
pub const STATES_PER_CALL_MAX: usize = 1_000;

/// Longest reason of a rejected update: some words, and 64 characters of what was sent, escaped.
pub const REJECTION_REASON_BYTES_MAX: usize = 1_024;

/// How long a `ReplaceAvailability` stream may be silent: it holds one of few places.
pub const REPLACE_SILENCE_S: u64 = 60;
/// How long a `ReplaceAvailability` stream may take as a whole: a resync of two million readings is
/// some hundred megabytes, and one that trickles holds its place no longer.
pub const REPLACE_STREAM_S: u64 = 600;

/// Longest payload of one record of the stock journal: a whole batch of updates, far over the
/// largest request. A reader takes no longer length at its word.
pub const JOURNAL_PAYLOAD_BYTES_MAX: usize = 4 << 20;

/// Segments and checkpoints in one journal. Each start of the server makes at most one, and a
/// checkpoint takes all before it away: so many mean that no checkpoint ever came through.
pub const JOURNAL_FILES_MAX: usize = 100_000;

/// Bytes that the journal gathers before it hands them to the file system, so that the memory of a
/// large group commit or checkpoint has a bound.
pub const JOURNAL_PIECE_BYTES: usize = 1 << 20;

/// Bytes that a reader of the journal asks for at once.
pub const JOURNAL_WINDOW_BYTES: usize = 256 << 10;

/// Tokens and certificates that a file of credentials may list: all of them are compared at each call that
/// brings a token, at some nanoseconds each.
pub const CREDENTIALS_MAX: usize = 256;
