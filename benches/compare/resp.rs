//! Redis's protocol as far as the comparison needs it, without pipelining: each connection has one
//! call on its way.

use std::{
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::{Done, Loop};

/// A command of these words.
pub(crate) fn command<const N: usize>(words: [&[u8]; N]) -> Bytes {
    let mut bytes = format!("*{N}\r\n").into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.into()
}

/// One connection and the bytes of an answer that has begun.
struct Client {
    stream: TcpStream,
    buffer: BytesMut,
}

/// Open connections to one Redis.
pub(crate) struct Clients {
    clients: Vec<Client>,
    commands: Rc<[Bytes]>,
    next: usize,
}

impl Clients {
    pub(crate) fn open(
        on: &Loop,
        address: SocketAddr,
        count: usize,
        commands: Rc<[Bytes]>,
    ) -> Self {
        let clients = on.run(async {
            let mut clients = Vec::with_capacity(count);
            for _ in 0..count {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                clients.push(Client { stream, buffer: BytesMut::with_capacity(1 << 16) });
            }
            clients
        });
        Self { clients, commands, next: 0 }
    }

    /// Sends all commands over one connection, a thousand at a time, and gives the last answer.
    pub(crate) fn fill(
        on: &Loop,
        address: SocketAddr,
        commands: impl Iterator<Item = Bytes>,
    ) -> Bytes {
        on.run(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut client = Client { stream, buffer: BytesMut::new() };
            let (mut sent, mut batch, mut last) = (0, BytesMut::new(), Bytes::new());
            let mut commands = commands.peekable();
            while let Some(command) = commands.next() {
                batch.extend_from_slice(&command);
                sent += 1;
                if sent == 1_000 || commands.peek().is_none() {
                    client.stream.write_all(&batch).await.unwrap();
                    batch.clear();
                    for _ in 0..sent {
                        last = client.answer().await;
                    }
                    sent = 0;
                }
            }
            last
        })
    }

    /// Asks for so long on all connections.
    pub(crate) fn burst(&mut self, on: &Loop, length: Duration) -> Done {
        let start = Instant::now();
        let end = start + length;
        let lanes = self.clients.len();
        let (mut done, mut asked) = (Done::default(), 0);
        on.run(async {
            let mut running = Vec::with_capacity(lanes);
            for (lane, mut client) in self.clients.drain(..).enumerate() {
                let (commands, first) = (Rc::clone(&self.commands), self.next + lane);
                running.push(tokio::task::spawn_local(async move {
                    let (mut calls, mut bytes, mut next) = (0, 0, first);
                    while Instant::now() < end {
                        let command = &commands[next % commands.len()];
                        client.stream.write_all(command).await.unwrap();
                        bytes += client.answer().await.len() as u64;
                        calls += 1;
                        next += lanes;
                    }
                    (client, calls, bytes)
                }));
            }
            for lane in running {
                let (client, calls, bytes) = lane.await.unwrap();
                self.clients.push(client);
                done.calls += calls;
                done.bytes += bytes;
                asked = asked.max(calls);
            }
        });
        done.took = start.elapsed();
        self.next += usize::try_from(asked).unwrap() * lanes;
        done
    }
}

impl Client {
    /// Reads one whole answer.
    async fn answer(&mut self) -> Bytes {
        loop {
            if let Some(length) = whole(&self.buffer) {
                assert_ne!(self.buffer[0], b'-', "{:?}", self.buffer);
                return self.buffer.split_to(length).freeze();
            }
            let read = self.stream.read_buf(&mut self.buffer).await.unwrap();
            assert_ne!(read, 0, "Redis closed the connection");
        }
    }
}

/// The length of the answer that the bytes begin with, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|end| end == b"\r\n")?;
    let number = || str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    let mut length = line + 2;
    match bytes[0] {
        b'$' => {
            // A nil has no bytes and no line end of its own.
            length += usize::try_from(number()?).map_or(0, |payload| payload + 2);
            (bytes.len() >= length).then_some(length)
        }
        b'*' => {
            for _ in 0..number()? {
                length += whole(bytes.get(length..)?)?;
            }
            Some(length)
        }
        _ => Some(length),
    }
}
