//! Telling the processor which cache line is needed soon.

#![allow(unsafe_code, reason = "the prefetch instruction is an unsafe intrinsic")]

/// Asks for the cache line of this value. A hint: it reads nothing and cannot fault.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let pointer = std::ptr::from_ref(value).cast::<i8>();
        // SAFETY: prefetching is a hint for any address, and this one comes from a live reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(pointer) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
