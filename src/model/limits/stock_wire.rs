//! Byte limits of the messages of `AvailabilityService`, computed from the limits on counts.

use super::{
    BLOCK_TEXT_BYTES_MAX, BLOCKS_PER_CALL_MAX, FEEDS_MAX, ID_BYTES_MAX, MARKETS_MAX, PAGE_SIZE_MAX,
    REJECTION_REASON_BYTES_MAX, REJECTIONS_MAX, STATES_PER_CALL_MAX, UPDATES_PER_BATCH_MAX,
};

/// Tag and value of a small number, of one of 32 bits, of one of 64, of a double.
const SMALL: usize = 2;
const INT_32: usize = 6;
const INT_64: usize = 11;
const DOUBLE: usize = 9;
/// Tag and length of a text or message below 256 MiB.
const HEAD: usize = 5;
const ID: usize = HEAD + ID_BYTES_MAX;
const CURRENCY: usize = HEAD + 3;
const TIMESTAMP: usize = HEAD + INT_64 + INT_32;
/// A page token is the hexadecimal form of at most four ids and their lengths.
const TOKEN: usize = HEAD + 2 * 4 * (ID_BYTES_MAX + 8);

const UPDATE: usize = HEAD + 3 * ID + SMALL + DOUBLE + INT_64 + CURRENCY + TIMESTAMP;
const BATCH_REQUEST: usize = ID + INT_64 + UPDATES_PER_BATCH_MAX * UPDATE;
/// A message of `ReplaceAvailability` holds as many updates as a batch, and may be the end.
const REPLACE_REQUEST: usize = BATCH_REQUEST + SMALL;
const BLOCK_REQUEST: usize =
    BLOCKS_PER_CALL_MAX * ID + MARKETS_MAX * ID + 2 * (HEAD + BLOCK_TEXT_BYTES_MAX) + TIMESTAMP;
const STATES_REQUEST: usize = STATES_PER_CALL_MAX * ID + 2 * ID;

/// Largest request of `AvailabilityService` that is read: the largest legal one and an eighth, so
/// that a list over its limit is refused with words.
pub const STOCK_REQUEST_BYTES_MAX: usize =
    largest(REPLACE_REQUEST, largest(BLOCK_REQUEST, STATES_REQUEST)) / 8 * 9;

const POSITION: usize = HEAD + ID + INT_64 + INT_32;
const DATA_VERSION: usize = HEAD + ID + FEEDS_MAX * POSITION + 2 * TIMESTAMP + DOUBLE;
const STATE: usize = HEAD + 4 * ID + SMALL + DOUBLE + INT_64 + CURRENCY + 4 * TIMESTAMP;
const REJECTION: usize = HEAD + INT_32 + HEAD + REJECTION_REASON_BYTES_MAX;
const BATCH_RESPONSE: usize =
    POSITION + 2 * INT_64 + UPDATES_PER_BATCH_MAX * ID + REJECTIONS_MAX * REJECTION + INT_64;
const REPLACE_RESPONSE: usize = POSITION + 3 * INT_64 + REJECTIONS_MAX * REJECTION;
const STATES_RESPONSE: usize =
    PAGE_SIZE_MAX * STATE + STATES_PER_CALL_MAX * ID + TOKEN + DATA_VERSION;
const BLOCK_RESPONSE: usize = INT_32 + BLOCKS_PER_CALL_MAX * ID + DOUBLE;
const BLOCKED: usize =
    HEAD + ID + MARKETS_MAX * ID + 2 * (HEAD + BLOCK_TEXT_BYTES_MAX) + 2 * TIMESTAMP;
const BLOCKS_RESPONSE: usize = PAGE_SIZE_MAX * BLOCKED + TOKEN;

/// Largest answer of `AvailabilityService`.
pub const STOCK_RESPONSE_BYTES_MAX: usize = largest(
    largest(BATCH_RESPONSE, largest(REPLACE_RESPONSE, STATES_RESPONSE)),
    largest(BLOCK_RESPONSE, BLOCKS_RESPONSE),
);

const fn largest(left: usize, right: usize) -> usize {
    if left > right { left } else { right }
}
