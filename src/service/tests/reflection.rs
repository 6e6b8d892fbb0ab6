//! Both versions of reflection describe every service, and their streams have bounds.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status, Streaming, service::Routes, transport::Channel};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, ServerReflectionResponse,
        server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest,
    },
    v1alpha::server_reflection_request::MessageRequest as Alpha,
};

use super::{
    PATIENCE, Server, block_on, channel, options,
    peer::{HEADERS, Peer, RST_STREAM, call_headers},
    spawn,
};
use crate::{
    model::limits::REFLECTION_STREAMS_MAX,
    service::{
        DrainReport, Health, Stop,
        reflection::{self, Bounds, Patience},
    },
};

const INFO: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

type Report = Receiver<io::Result<DrainReport>>;

macro_rules! reflection_tests {
    ($version:ident, $described:ident, $listed:ident) => {
        async fn $version(
            channel: Channel,
            question: tonic_reflection::pb::$version::server_reflection_request::MessageRequest,
        ) -> Result<
            tonic_reflection::pb::$version::server_reflection_response::MessageResponse,
            Status,
        > {
            use tonic_reflection::pb::$version::{
                ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            };
            let request =
                ServerReflectionRequest { host: String::new(), message_request: Some(question) };
            let mut answers = ServerReflectionClient::new(channel)
                .server_reflection_info(tokio_stream::once(request))
                .await?
                .into_inner();
            Ok(answers.next().await.unwrap()?.message_response.unwrap())
        }

        #[test]
        fn $described() {
            use tonic_reflection::pb::$version::{
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let server = Server::start(options(1));
            let check = |question: MessageRequest, file: Result<&str, Code>| {
                let found =
                    block_on(async { $version(server.channel().await, question.clone()).await });
                let name = found.map_err(|status| status.code()).map(|answer| {
                    let MessageResponse::FileDescriptorResponse(files) = answer else {
                        panic!("{answer:?}")
                    };
                    let file = files.file_descriptor_proto.first().unwrap();
                    prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap().name.unwrap()
                });
                assert_eq!(name.as_deref().map_err(|code| *code), file, "{question:?}");
            };
            let service = "kindred/v1/recommendation_service.proto";
            for (symbol, file) in [
                ("kindred.v1.RecommendationService", Ok(service)),
                ("kindred.v1.RecommendationService.GetRecommendations", Ok(service)),
                ("kindred.v1.RecommendationService.ListRelations", Ok(service)),
                ("kindred.v1.GetRecommendationsRequest", Ok(service)),
                ("kindred.v1.Seed", Ok("kindred/v1/types.proto")),
                ("grpc.health.v1.Health", Ok("health.proto")),
                ("grpc.health.v1.Health.Check", Ok("health.proto")),
                ("grpc.reflection.v1.ServerReflection", Ok("reflection_v1.proto")),
                ("grpc.reflection.v1alpha.ServerReflection", Ok("reflection_v1alpha.proto")),
                ("google.rpc.BadRequest", Ok("error_details.proto")),
                ("kindred.v1.Unheard", Err(Code::NotFound)),
            ] {
                check(MessageRequest::FileContainingSymbol(symbol.to_owned()), file);
            }
            let timestamp = "google/protobuf/timestamp.proto";
            check(MessageRequest::FileByFilename(timestamp.to_owned()), Ok(timestamp));
            server.drained();
        }

        #[test]
        fn $listed() {
            use tonic_reflection::pb::$version::{
                server_reflection_request::MessageRequest,
                server_reflection_response::MessageResponse,
            };
            let server = Server::start(options(1));
            let question = MessageRequest::ListServices(String::new());
            let answer =
                block_on(async { $version(server.channel().await, question).await.unwrap() });
            let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
            let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
            names.sort();
            let expected = [
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
                "kindred.v1.AvailabilityService",
                "kindred.v1.RecommendationService",
                "kindred.v1.SnapshotService",
            ];
            assert_eq!(names, expected);
            server.drained();
        }
    };
}

reflection_tests!(v1, reflection_v1_finds_each_symbol, reflection_v1_lists_each_service_once);
reflection_tests!(
    v1alpha,
    reflection_v1alpha_finds_each_symbol,
    reflection_v1alpha_lists_each_service_once
);

/// A stream of `v1` that is open.
struct Talk {
    asked: mpsc::Sender<ServerReflectionRequest>,
    answers: Streaming<ServerReflectionResponse>,
}

impl Talk {
    async fn open(channel: Channel) -> Result<Self, Status> {
        let (asked, questions) = mpsc::channel(1);
        let questions = ReceiverStream::new(questions);
        let answers =
            ServerReflectionClient::new(channel).server_reflection_info(questions).await?;
        Ok(Self { asked, answers: answers.into_inner() })
    }

    async fn ask(&mut self) -> Result<(), Status> {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        let question = ServerReflectionRequest { host: String::new(), message_request };
        // The stream may have ended already; its answers say why.
        self.asked.send(question).await.ok();
        self.answers.message().await?.map(drop).ok_or_else(|| Status::ok("it ended"))
    }
}

/// A server whose streams last so long.
fn patient(silence: Duration, whole: Duration) -> (SocketAddr, Stop, Report) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let (health, stop) = (Health::new(), Stop::new());
    let bounds = Bounds::new(&health, Patience { silence, whole });
    let routes = Routes::new(bounds.around(reflection::v1()));
    let report = spawn(listener, routes, &health, options(1), &stop);
    (addr, stop, report)
}

#[test]
fn a_stream_of_reflection_that_asks_nothing_ends_and_one_that_asks_goes_on() {
    let silence = Duration::from_millis(500);
    let (addr, stop, report) = patient(silence, 10 * PATIENCE);
    block_on(async {
        let mut talk = Talk::open(channel(addr).await).await.unwrap();
        let begun = Instant::now();
        while begun.elapsed() < 2 * silence {
            talk.ask().await.unwrap();
        }
        let last = Instant::now();
        let ended = talk.answers.message().await.unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
        assert!(ended.message().contains("no question came for 500ms"), "{ended}");
        assert!(last.elapsed() >= silence * 9 / 10, "it ended after {:?}", last.elapsed());
    });
    // Nor does the peer's half of the stream stay open, whatever it does not say.
    let (mut peer, _) = Peer::connected(addr);
    peer.send(HEADERS, 4, 1, &call_headers(INFO));
    while peer.until(HEADERS).flags & 1 == 0 {}
    assert_eq!(peer.until(RST_STREAM).stream, 1);
    drop(peer);
    stop.drain();
    report.recv_timeout(PATIENCE).unwrap().unwrap();
}

#[test]
fn a_stream_of_reflection_that_asks_for_ever_ends_at_its_age() {
    let whole = Duration::from_millis(300);
    let (addr, stop, report) = patient(10 * PATIENCE, whole);
    let (begun, ended) = block_on(async {
        let mut talk = Talk::open(channel(addr).await).await.unwrap();
        let begun = Instant::now();
        loop {
            if let Err(ended) = talk.ask().await {
                break (begun, ended);
            }
        }
    });
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    assert!(ended.message().contains("300ms old"), "{ended}");
    assert!(begun.elapsed() >= whole * 9 / 10);
    stop.drain();
    report.recv_timeout(PATIENCE).unwrap().unwrap();
}

#[test]
fn there_are_so_many_streams_of_reflection_and_no_more() {
    let server = Server::start(options(1));
    block_on(async {
        let channel = server.channel().await;
        let mut talks = Vec::new();
        for _ in 0..REFLECTION_STREAMS_MAX {
            let mut talk = Talk::open(channel.clone()).await.unwrap();
            talk.ask().await.unwrap();
            talks.push(talk);
        }
        let refused = Talk::open(channel.clone()).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        let question = Alpha::ListServices(String::new());
        let refused = v1alpha(channel.clone(), question).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "both versions share the seats");
        talks[0].ask().await.unwrap();
        drop(talks.pop());
        while Talk::open(channel.clone()).await.is_err() {}
    });
    server.drained();
}

#[test]
fn a_drain_waits_for_no_stream_of_reflection() {
    let server = Server::start(options(1));
    let (stop, begun) = (server.stop.clone(), Instant::now());
    block_on(async {
        let mut talk = Talk::open(server.channel().await).await.unwrap();
        talk.ask().await.unwrap();
        stop.drain();
        let ended = talk.answers.message().await.unwrap_err();
        assert_eq!(ended.code(), Code::Unavailable, "{ended}");
        assert!(ended.message().contains("shutting down"), "{ended}");
    });
    server.ended();
    assert!(begun.elapsed() < PATIENCE / 2, "the drain took {:?}", begun.elapsed());
}
