//! `ListRelations`: its wrong fields, its pages and their tokens.

use kindred::pb;

use crate::{
    calls::{ACCESSORY, CROSS_SELL, Client, block_on, client, listing, relations},
    requests::{fields, serving, shop},
    server::Server,
};

/// As [`wrong`], of a listing.
async fn wrong_listing(
    client: &mut Client,
    change: impl FnOnce(&mut pb::ListRelationsRequest),
) -> Vec<String> {
    let mut request = listing("p000");
    change(&mut request);
    fields(&client.list_relations(request).await.unwrap_err())
}

#[test]
fn each_wrong_field_of_a_listing_is_named_by_its_path() {
    serving(async |mut client| {
        let client = &mut client;
        for id in ["", &"x".repeat(129)] {
            let found = wrong_listing(client, |request| request.product_id = id.to_owned()).await;
            assert_eq!(found, ["product_id"]);
        }
        let found = wrong_listing(client, |request| request.relation_types = vec![1, 10]).await;
        assert_eq!(found, ["relation_types[1]"]);
        let found = wrong_listing(client, |request| request.page_size = -1).await;
        assert_eq!(found, ["page_size"]);
        for token in ["7", "-", "nonsense", "a-b-c", "\u{e4}"] {
            let found =
                wrong_listing(client, |request| request.page_token = token.to_owned()).await;
            assert_eq!(found, ["page_token"], "{token:?}");
        }
        // Cross-sell is not declared `reverse`, accessory is.
        let found = wrong_listing(client, |request| {
            (request.incoming, request.relation_types) = (true, vec![ACCESSORY, CROSS_SELL]);
        });
        assert_eq!(found.await, ["relation_types[1]"]);
    });
}

#[test]
fn a_page_token_counts_for_its_snapshot_and_request_only() {
    let shop = shop();
    let mut server = Server::start(&shop);
    block_on(async {
        let mut client = client(server.address).await;
        let asked = pb::ListRelationsRequest { page_size: 10, ..listing("p000") };
        let first = client.list_relations(asked.clone()).await.unwrap().into_inner();
        assert_eq!(first.relations.len(), 10);
        let next = pb::ListRelationsRequest { page_token: first.next_page_token, ..asked };
        // The size of the page may change on the way.
        for page_size in [10, 20] {
            let next = pb::ListRelationsRequest { page_size, ..next.clone() };
            let page = client.list_relations(next).await.unwrap().into_inner();
            assert_eq!(page.relations[0].target_product_id, "p011");
        }
        let of_another = [
            pb::ListRelationsRequest { product_id: "p001".to_owned(), ..next.clone() },
            pb::ListRelationsRequest { relation_types: vec![ACCESSORY], ..next.clone() },
            pb::ListRelationsRequest { incoming: true, ..next.clone() },
        ];
        for request in of_another {
            let refused = client.list_relations(request).await.unwrap_err();
            assert_eq!(fields(&refused), ["page_token"]);
        }
        shop.write("products.csv", "id\np000\np001\n");
        let id = shop.published();
        assert!(server.log.until("Snapshot is live.").contains(&id));
        let refused = client.list_relations(next).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);
        assert!(refused.message().contains(&id), "{refused}");
    });
}

#[test]
fn pages_of_a_long_list_give_each_relation_once() {
    serving(async |mut client| {
        let cross_sell = (1..1_000).map(|number| (CROSS_SELL, format!("p{number:03}")));
        let accessory = (801..1_000).map(|number| (ACCESSORY, format!("p{number:03}")));
        let expected = cross_sell.chain(accessory).collect::<Vec<_>>();
        for page_size in [0, 7, 100, 999, 1_000, 5_000] {
            let request = pb::ListRelationsRequest { page_size, ..listing("p000") };
            let first = client.list_relations(request.clone()).await.unwrap().into_inner();
            let expected_len = match page_size {
                0 => 100,
                5_000 => 1_000,
                asked => usize::try_from(asked).unwrap(),
            };
            assert_eq!(first.relations.len(), expected_len);
            let all = relations(&mut client, request).await.unwrap().into_iter();
            let all = all.map(|one| (one.relation_type, one.target_product_id));
            assert_eq!(all.collect::<Vec<_>>(), expected, "pages of {page_size}");
        }
        let incoming =
            pb::ListRelationsRequest { incoming: true, page_size: 64, ..listing("p000") };
        let all = relations(&mut client, incoming).await.unwrap().into_iter();
        let sources = all.map(|one| one.source_product_id).collect::<Vec<_>>();
        let expected = (1..1_000).map(|number| format!("p{number:03}")).collect::<Vec<_>>();
        assert_eq!(sources, expected);
    });
}
