//! Both versions of reflection describe every service.

use prost::Message as _;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status, transport::Channel};

use super::{Server, block_on, options};

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
