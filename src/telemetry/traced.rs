//! A call as a trace has it: which trace it belongs to, and what its span says.
//!
//! Nothing of what was asked is in it, and no library of traces is named here.

use std::{net::IpAddr, time::Duration};

use super::Code;
use crate::{model::hex, pb::Method};

/// Bytes of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// The bit of its flags that says that the caller's part of the trace is kept.
const SAMPLED: u8 = 1;

/// The trace of a caller, and its span there: the header `traceparent` of W3C Trace Context, version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// Never all zeros.
    trace_id: [u8; 16],
    /// Never all zeros.
    span_id: [u8; 8],
    is_sampled: bool,
}

impl TraceParent {
    /// The value of the header. `None` if it is another version, or none at all: what is not understood
    /// is as if it had not been sent.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        if value.len() != LENGTH {
            return None;
        }
        let rest = str::from_utf8(value).ok()?.strip_prefix("00-")?;
        let (trace_id, rest) = rest.split_once('-')?;
        let (span_id, flags) = rest.split_once('-')?;
        let (trace_id, span_id) = (hex::parse(trace_id)?, hex::parse(span_id)?);
        let [flags] = hex::parse(flags)?;
        let is_some = trace_id != [0; 16] && span_id != [0; 8];
        is_some.then_some(Self { trace_id, span_id, is_sampled: flags & SAMPLED != 0 })
    }

    /// The number of the trace.
    #[must_use]
    pub const fn trace_id(self) -> [u8; 16] {
        self.trace_id
    }

    /// The number of the caller's span.
    #[must_use]
    pub const fn span_id(self) -> [u8; 8] {
        self.span_id
    }

    /// Is a span of this call exported? Its caller says, else whether it is in the access log.
    #[must_use]
    pub fn is_exported(caller: Option<Self>, is_logged: bool) -> bool {
        caller.map_or(is_logged, |caller| caller.is_sampled)
    }
}

/// A sampled call that has just ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedCall {
    /// `None` for a method that nobody knows.
    pub method: Option<Method>,
    /// How it ended.
    pub code: Code,
    /// How long it took.
    pub took: Duration,
    /// The caller's, or a made one: that of the access log.
    pub request_id: String,
    /// Who called, unless over a Unix socket.
    pub peer: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TraceParent;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(value: &str) -> Option<TraceParent> {
        TraceParent::parse(value.as_bytes())
    }

    fn hex_of(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_traceparent_is_read_as_w3c_writes_it() {
        let parent = parse(SAMPLED).unwrap();
        let trace_id = [
            0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e,
            0x47, 0x36,
        ];
        assert_eq!(parent.trace_id(), trace_id);
        assert_eq!(parent.span_id(), [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        for (flags, is_sampled) in
            [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true), ("fe", false)]
        {
            let (rest, _) = SAMPLED.rsplit_once('-').unwrap();
            let parent = parse(&format!("{rest}-{flags}")).unwrap();
            assert_eq!(parent.is_sampled, is_sampled, "{flags}");
        }
    }

    #[test]
    fn a_malformed_traceparent_is_ignored() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let next_version = SAMPLED.replacen("00", "01", 1);
        let longer = format!("{SAMPLED}-00");
        let upper = SAMPLED.to_uppercase();
        for value in ["", "00", zero_trace, zero_span, &next_version, &longer, &upper] {
            assert_eq!(parse(value), None, "{value}");
        }
        for length in 0..SAMPLED.len() {
            let cut = &SAMPLED.as_bytes()[..length];
            assert_eq!(TraceParent::parse(cut), None, "{length} bytes of it");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_what_is_read(trace_id: [u8; 16], span_id: [u8; 8], flags: u8) {
            let text = format!("00-{}-{}-{flags:02x}", hex_of(&trace_id), hex_of(&span_id));
            let expected = TraceParent { trace_id, span_id, is_sampled: flags % 2 == 1 };
            let is_some = trace_id != [0; 16] && span_id != [0; 8];
            prop_assert_eq!(parse(&text), is_some.then_some(expected));
        }

        /// A byte that is exchanged for one that is no digit, or a bar that is exchanged, spoils it.
        #[test]
        fn one_wrong_byte_spoils_it(at in 0..SAMPLED.len(), byte: u8) {
            let mut value = SAMPLED.as_bytes().to_vec();
            let right = value[at];
            value[at] = byte;
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let is_good = byte == right || at >= 2 && is_digit(right) && is_digit(byte);
            prop_assert_eq!(TraceParent::parse(&value).is_some(), is_good);
        }

        #[test]
        fn other_bytes_are_ignored(value: Vec<u8>) {
            prop_assert_eq!(TraceParent::parse(&value), None);
        }
    }

    #[test]
    fn the_callers_flag_decides_and_else_the_share_of_the_log() {
        let sampled = parse(SAMPLED);
        let unsampled = parse(&SAMPLED.replace("-01", "-00"));
        assert!(sampled.is_some() && unsampled.is_some());
        for (caller, is_logged, is_exported) in [
            (sampled, false, true),
            (sampled, true, true),
            (unsampled, false, false),
            (unsampled, true, false),
            (None, false, false),
            (None, true, true),
        ] {
            let found = TraceParent::is_exported(caller, is_logged);
            assert_eq!(found, is_exported, "{caller:?}, logged: {is_logged}");
        }
    }
}
