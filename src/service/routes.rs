//! Which services one listener offers.

use tonic::service::Routes;

use super::{
    Health, Snapshots,
    reflection::{self, Bounds, Patience},
};
use crate::{
    model::limits,
    pb::server::{
        availability_service_server::{AvailabilityService, AvailabilityServiceServer},
        recommendation_service_server::{RecommendationService, RecommendationServiceServer},
        snapshot_service_server::SnapshotServiceServer,
    },
};

/// Lookups, stock, health, snapshots where there is a store behind them, and reflection when asked for,
/// with their byte limits.
pub fn routes(
    recommendation: impl RecommendationService,
    availability: impl AvailabilityService,
    snapshots: Option<Snapshots>,
    health: &Health,
    reflection: bool,
) -> Routes {
    let recommendation = RecommendationServiceServer::new(recommendation)
        .max_decoding_message_size(limits::REQUEST_BYTES_MAX)
        .max_encoding_message_size(limits::RESPONSE_BYTES_MAX);
    let availability = AvailabilityServiceServer::new(availability)
        .max_decoding_message_size(limits::STOCK_REQUEST_BYTES_MAX)
        .max_encoding_message_size(limits::STOCK_RESPONSE_BYTES_MAX);
    let routes =
        Routes::new(recommendation).add_service(availability).add_service(health.service());
    let routes = match snapshots {
        Some(snapshots) => routes.add_service(
            SnapshotServiceServer::new(snapshots)
                .max_decoding_message_size(limits::REQUEST_BYTES_MAX)
                .max_encoding_message_size(limits::RESPONSE_BYTES_MAX),
        ),
        None => routes,
    };
    let routes = if reflection {
        let bounds = Bounds::new(health, Patience::default());
        let (v1, v1alpha) = (reflection::v1(), reflection::v1alpha());
        routes.add_service(bounds.around(v1)).add_service(bounds.around(v1alpha))
    } else {
        routes
    };
    routes.prepare()
}
