//! What the processor does and safe Rust has no word for: asking for a cache line that is needed
//! soon, and comparing sixteen bytes at once.

#![allow(unsafe_code, reason = "both are instructions behind unsafe functions")]

/// Asks for the cache line of this value. A hint: it reads nothing and cannot fault. Into the second cache:
/// the first one has few lines on their way at a time, and asking for one more waits.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        let pointer = std::ptr::from_ref(value).cast::<i8>();
        // SAFETY: prefetching is a hint for any address, and this one comes from a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(pointer) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// A bit for each byte that is this one, the first byte's lowest.
#[inline]
pub(super) fn equal_bytes(bytes: &[u8; 16], wanted: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is a part of x86-64, so every processor that runs this has it.
    let equal = unsafe { equal_bytes_sse2(bytes, wanted) };
    #[cfg(not(target_arch = "x86_64"))]
    let equal = bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(*byte == wanted));
    equal
}

/// Arithmetic on words does the same in some fifteen instructions, all of which wait for the bytes;
/// with them half as many lookups overlap in the processor.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn equal_bytes_sse2(bytes: &[u8; 16], wanted: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let [low, high]: [i64; 2] = zerocopy::transmute!(*bytes);
    let equal = _mm_cmpeq_epi8(_mm_set_epi64x(high, low), _mm_set1_epi8(wanted.cast_signed()));
    _mm_movemask_epi8(equal).cast_unsigned()
}
