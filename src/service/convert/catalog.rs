//! What a catalog and its policy declare, for the wire.

use super::data_version;
use crate::{
    lookup::{Interval, Scene},
    model::id::IdRule,
    pb,
    service::present::Present,
};

/// What the catalog declares, for the wire.
pub(in crate::service) fn description(present: &Present<'_>) -> pb::DescribeCatalogResponse {
    let Scene { view, policy, .. } = &present.scene;
    let meta = view.meta();
    let inventory = |index: usize| meta.inventories.get(index).map(ToString::to_string);
    pb::DescribeCatalogResponse {
        relation_types: meta
            .relation_types
            .iter()
            .map(|declared| pb::RelationTypeInfo {
                relation_type: i32::from(declared.number),
                code: declared.code.to_string(),
                display_name: declared.display_name.to_string(),
                two_way: declared.two_way == 1,
                relation_count: declared.relation_count.to_native(),
                reverse: declared.reverse == 1,
            })
            .collect(),
        markets: meta
            .markets
            .iter()
            .map(|market| pb::MarketInfo {
                market_id: market.id.to_string(),
                currency_code: market.currency.to_string(),
                default_inventory_id: inventory(market.default_inventory.to_native() as usize)
                    .unwrap_or_default(),
                product_count: market.product_count.to_native(),
            })
            .collect(),
        placement_ids: policy.placement_ids().map(ToOwned::to_owned).collect(),
        inventory_ids: meta.inventories.iter().map(ToString::to_string).collect(),
        data_version: Some(data_version(present, Interval::UNBOUNDED)),
        product_ids_case_folded: view.id_rule() == IdRule::CaseFolded,
    }
}
