//! A client made of raw frames, for what a proper client would not do.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::{PATIENCE, connection};

/// One HTTP/2 frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;

/// A peer that speaks only the frames it is told to.
pub(super) struct Peer(pub(super) TcpStream);

impl Peer {
    /// Connects and says nothing.
    pub(super) fn silent(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Sends preface and settings, and waits until the server is at home.
    pub(super) fn connected(addr: SocketAddr) -> (Self, Frame) {
        let mut peer = Self::silent(addr);
        peer.0.write_all(connection::PREFACE).unwrap();
        peer.send(SETTINGS, 0, 0, &[]);
        let settings = peer.until(SETTINGS);
        (peer, settings)
    }

    pub(super) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload));
    }

    /// Sends frames that are made already.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next frame, or none at the end of the connection.
    pub(super) fn next(&mut self) -> Option<Frame> {
        match self.read() {
            Ok(frame) => frame,
            Err(error) => panic!("{error}"),
        }
    }

    /// The same of a connection that may end in a reset, as one does that had more to read.
    pub(super) fn next_or_reset(&mut self) -> Option<Frame> {
        match self.read() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("{error}"),
            Ok(frame) => frame,
        }
    }

    fn read(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.0.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        Ok(Some(Frame { kind: head[3], flags: head[4], stream, payload }))
    }

    pub(super) fn until(&mut self, kind: u8) -> Frame {
        self.until_any(&[kind])
    }

    /// The next frame of one of these types.
    pub(super) fn until_any(&mut self, kinds: &[u8]) -> Frame {
        while let Some(frame) = self.next() {
            if kinds.contains(&frame.kind) {
                return frame;
            }
        }
        panic!("the connection ended before a frame of type {kinds:?}");
    }

    /// The server has closed the connection.
    pub(super) fn assert_closed(mut self) {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(rest, b"", "the server said something to a silent peer"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        }
    }
}

/// The bytes of one frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a call, each as a literal that no table keeps.
pub(super) fn call_headers(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "kindred"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let literal = |(name, value)| [vec![0], text(name), text(value)].concat();
    headers.into_iter().flat_map(literal).collect()
}

/// A message as it stands in the body of a call.
pub(super) fn framed(message: &impl prost::Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &len[..], &bytes].concat()
}

/// Last stream id and error code.
pub(super) fn goaway(frame: &Frame) -> (u32, u32) {
    let word = |at: usize| u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap());
    (word(0), word(4))
}
