//! A running program with metrics, and what it says.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::Command,
};

use super::promql::Scrape;
use crate::{
    server::{PATIENCE, Server, serve},
    shop::Shop,
};

/// A server with metrics.
pub(crate) struct Watched {
    pub(crate) server: Server,
    pub(crate) web: SocketAddr,
}

impl Watched {
    /// Serves the shop's store, and waits until it does.
    pub(crate) fn start(shop: &Shop) -> Self {
        Self::listening(serve(shop, "state"))
    }

    /// The same by a command of the test's.
    pub(crate) fn listening(mut command: Command) -> Self {
        command.env("KINDRED_METRICS_LISTEN", "127.0.0.1:0");
        let server = Server::listening(&mut command);
        let line = server.log.read.iter().find(|line| line.contains("metrics_address="));
        let web = web_address(line.expect("the log names the address"));
        Self { server, web }
    }

    /// Starts without waiting for a snapshot.
    pub(crate) fn starting(mut command: Command) -> Self {
        command.env("KINDRED_METRICS_LISTEN", "127.0.0.1:0");
        let mut server = Server::spawn(&mut command);
        let web = web_address(&server.log.until("metrics_address="));
        let line = server.log.until("Starting");
        let address = line.split(' ').find_map(|field| field.strip_prefix("address="));
        server.address = address.expect("the log names the address").parse().unwrap();
        Self { server, web }
    }

    pub(crate) fn scrape(&self) -> Scrape {
        let (status, page) = self.ask("/metrics");
        assert_eq!(status, 200, "{page}");
        Scrape::parse(&page)
    }

    /// Ends the server at once; what Prometheus notes of it then.
    pub(crate) fn killed(self) -> Scrape {
        let Self { server, web } = self;
        drop(server);
        assert!(TcpStream::connect(web).is_err(), "somebody answers on {web}");
        Scrape::unanswered()
    }

    /// Status and body.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.web).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: kindred\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

fn web_address(line: &str) -> SocketAddr {
    let field = line.split(' ').find_map(|field| field.strip_prefix("metrics_address="));
    field.unwrap().parse().unwrap()
}
