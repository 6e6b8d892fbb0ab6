//! A client made of raw frames. Its headers are literals that no table keeps; it decodes none.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// POST, http, `/`: the shortest request, from the static table.
pub(crate) const SHORT: [u8; 3] = [0x83, 0x86, 0x84];

pub(crate) const GET: &str = "/kindred.v1.RecommendationService/GetRecommendations";
pub(crate) const BATCH_GET: &str = "/kindred.v1.RecommendationService/BatchGetRecommendations";

/// One frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

/// The bytes of one frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

/// Headers as literals.
pub(crate) fn literals(headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in headers {
        bytes.push(0);
        string(&mut bytes, name.as_bytes());
        string(&mut bytes, value);
    }
    bytes
}

/// Length in seven bits and more, then the text (RFC 7541, 5.1 and 5.2).
fn string(bytes: &mut Vec<u8>, text: &[u8]) {
    match text.len().checked_sub(127) {
        None => bytes.push(u8::try_from(text.len()).unwrap()),
        Some(mut rest) => {
            bytes.push(127);
            while rest >= 128 {
                bytes.push(u8::try_from(rest % 128 + 128).unwrap());
                rest /= 128;
            }
            bytes.push(u8::try_from(rest).unwrap());
        }
    }
    bytes.extend(text);
}

/// What every call says, and further headers.
pub(crate) fn call_headers(path: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let all = [
        (":method", &b"POST"[..]),
        (":scheme", b"http"),
        (":path", path.as_bytes()),
        (":authority", b"kindred"),
        ("content-type", b"application/grpc"),
        ("te", b"trailers"),
    ];
    literals(&[&all[..], more].concat())
}

/// A message as it stands in the body of a call.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flag], &len[..], message].concat()
}

/// How a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    /// The code of the last GOAWAY.
    pub(crate) goaway: Option<u32>,
    /// RST_STREAM frames that came.
    pub(crate) resets: usize,
    /// The server closed it.
    pub(crate) is_closed: bool,
}

/// A peer that says only what it is told to.
#[derive(Debug)]
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// Connects and says nothing.
    pub(crate) fn silent(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Connects and sends preface and settings, with these entries.
    pub(crate) fn connected(address: SocketAddr, settings: &[u8]) -> io::Result<Self> {
        let mut raw = Self::silent(address)?;
        raw.write(&[&PREFACE[..], &frame(SETTINGS, 0, 0, settings)].concat())?;
        Ok(raw)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub(crate) fn other(&self) -> Self {
        Self(self.0.try_clone().unwrap())
    }

    pub(crate) fn close(&self) {
        // It may be closed already.
        self.0.shutdown(Shutdown::Both).ok();
    }

    /// The next frame.
    pub(crate) fn next(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head)?;
        let [a, b, c, kind, ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload)?;
        Ok(Frame { kind, payload })
    }

    /// Reads and throws away until the end, or for so long.
    pub(crate) fn read_to_end(&mut self, patience: Duration) -> End {
        let (mut end, deadline) = (End::default(), Instant::now() + patience);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return end;
            }
            self.0.set_read_timeout(Some(left)).unwrap();
            match self.next() {
                Ok(frame) if frame.kind == GOAWAY => {
                    let code = frame.payload.get(4..8).map(|code| code.try_into().unwrap());
                    end.goaway = code.map(u32::from_be_bytes);
                }
                Ok(frame) => end.resets += usize::from(frame.kind == RST_STREAM),
                Err(error) => {
                    let is_over =
                        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    end.is_closed = !is_over;
                    return end;
                }
            }
        }
    }
}
