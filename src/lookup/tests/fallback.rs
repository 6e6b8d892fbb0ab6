//! Fallbacks: each step, their order, and what they leave alone.

use super::request::{ask, ids};

/// `id:step` of each pick.
#[track_caller]
fn check(shop: &str, request: &str, expected: &str) {
    let outcome = ask(shop, request);
    let picks = outcome.picks.iter().map(|pick| format!("{}:{}", pick.id, pick.fallback_step));
    assert_eq!(picks.collect::<Vec<_>>().join(" "), expected, "{request}");
    let added = outcome.picks.iter().filter(|pick| pick.fallback_step > 0).count();
    assert_eq!(outcome.report.added_by_fallback as usize, added);
}

#[test]
fn another_type_fills_what_is_missing() {
    let shop = "a cross_sell b 90\n a up_sell b 80, c 70, d 60\n a related e 9";
    check(shop, "cross_sell: a then=up_sell,related", "b:0 c:1 d:1 e:2");
    check(shop, "cross_sell: a then=up_sell,related max=3", "b:0 c:1 d:1");
    check(shop, "cross_sell: a then=up_sell,related max=1", "b:0");
    check(shop, "spare_part: a then=related", "e:1");
    check(shop, "cross_sell: a then=", "b:0");
    // With several known products by sums.
    let shop = "a up_sell c 70, d 60\n b up_sell d 20";
    check(shop, "cross_sell: a b then=up_sell", "d:1 c:1");
}

#[test]
fn minimum_boosts_and_caps_do_not_count_in_fallbacks() {
    let shop = "a up_sell b 80 given, c 70 given\n ? boost 9000 products=c";
    check(shop, "cross_sell: a min=1 then=up_sell", "b:1 c:1");
    // Rules that hide do, and diversity.
    check("a up_sell b 80, c 70\n ? hide products=b", "cross_sell: a then=up_sell", "c:1");
    let shop = "b brand x\n c brand x\n a cross_sell b 9\n a up_sell c 9";
    check(shop, "cross_sell: a then=up_sell most=1/0/0", "b:0");
}

#[test]
fn best_sellers_of_the_seeds_category_fill_in() {
    let shop = "a category P/Q\n b category P/Q\n c category P\n d category P/Q/R\n\
                a popularity 9\n b popularity 1\n c popularity 7\n d popularity 5";
    check(shop, "cross_sell: a then=category", "d:1 b:1");
    let outcome = ask(shop, "cross_sell: a then=category");
    let pick = &outcome.picks[0];
    // The second of the list, after the seed itself.
    assert_eq!((pick.score, pick.origin, pick.relation_type), (64_461, 5, 0));
    assert_eq!((pick.quantity, pick.seeds.as_slice()), (0.0, [0].as_slice()));
    assert_eq!(outcome.report.removed_same_variant_group, 1);
    check("a popularity 1\n b popularity 2", "cross_sell: a then=category", "");
}

#[test]
fn best_sellers_by_name_need_no_seed() {
    let shop = "a category P/Q\n b category P\n c\n a popularity 5\n b popularity 3\n\
                c popularity 9";
    check(shop, "cross_sell: then=#P", "a:1 b:1");
    check(shop, "cross_sell: then=#*", "c:1 a:1 b:1");
    check(shop, "cross_sell: then=#Nowhere,#P/Q", "a:2");
    check(shop, "cross_sell: b then=#*", "c:1 a:1");
    assert!(ask(shop, "cross_sell: b then=#*").picks[0].seeds.is_empty());
    // Conditions on a seed hold: there is none.
    check(shop, "cross_sell: b then=#* brand=same", "c:1 a:1");
    check(shop, "cross_sell: b then=category brand=same", "");
}

#[test]
fn relations_of_alternatives_fill_in() {
    let shop = "a alternative b 90, c 80 until=5\n b cross_sell x 50 x2\n c cross_sell y 60";
    check(shop, "cross_sell: a*3 then=alternatives", "y:1 x:1");
    check(shop, "cross_sell: a t=5 then=alternatives", "x:1");
    let pick = &ask(shop, "cross_sell: a*3 t=5 then=alternatives").picks[0];
    assert_eq!((pick.quantity, pick.seeds.as_slice(), pick.score), (2.0, [0].as_slice(), 50));
    check(&format!("{shop}\n ! remove a alternative c"), "cross_sell: a then=alternatives", "x:1");
    // The seed is never recommended, an alternative may be.
    let shop = "a alternative b 90\n b cross_sell a 50, x 40\n x alternative b 9";
    check(shop, "cross_sell: a x then=alternatives", "");
    check("a alternative b 9, c 8\n b cross_sell c 7", "cross_sell: a then=alternatives", "c:1");
}

#[test]
fn ten_alternatives_are_tried() {
    let links = (0..12).map(|rank| format!("b{rank:02} {}", 99 - rank)).collect::<Vec<_>>();
    let own = (0..12).map(|rank| format!("b{rank:02} cross_sell x{rank:02} 50\n"));
    let shop = format!("a alternative {}\n{}", links.join(", "), own.collect::<String>());
    let outcome = ask(&shop, "cross_sell: a max=100 then=alternatives");
    assert_eq!(ids(&outcome).last(), Some(&"x09"));
    // One that is not in force makes room for the next.
    let shop = format!("{shop} ! remove a * b00\n $ b01 blocked");
    let outcome = ask(&shop, "cross_sell: a max=100 then=alternatives");
    assert_eq!(ids(&outcome).last(), Some(&"x10"));
    assert_eq!(outcome.picks.len(), 10);
}

#[test]
fn relations_of_siblings_fill_in() {
    let shop = "v < p\n w < p\n u < p\n w cross_sell x 50\n u cross_sell y 60\n\
                p cross_sell z 40";
    check(shop, "cross_sell: v then=group max=1", "z:0");
    check(shop, "cross_sell: v then=group", "z:0 y:1 x:1");
    check(shop, "cross_sell: p then=group", "z:0 y:1 x:1");
    check("a\n b cross_sell c 9", "cross_sell: a then=group", "");
}

#[test]
fn steps_are_tried_while_the_list_is_short() {
    let shop = "a cross_sell b 90\n a up_sell c 80\n a popularity 3\n c popularity 2\n\
                d popularity 1\n e popularity 0";
    check(shop, "cross_sell: a then=up_sell,#* max=4", "b:0 c:1 d:2 e:2");
    let outcome = ask(shop, "cross_sell: a then=up_sell,#* max=9");
    assert_eq!((outcome.report.shortfall, outcome.report.added_by_fallback), (5, 3));
    // A pinned product counts for the length of the list.
    let shop = format!("{shop}\n ! pin a * e @1");
    check(&shop, "cross_sell: a then=up_sell,#* max=3", "e:0 b:0 c:1");
}

#[test]
fn category_seeds_are_their_best_sellers() {
    let shop = "b category P\n c category P/Q\n b popularity 1\n c popularity 2\n\
                b cross_sell x 50, c 40\n c cross_sell x 70";
    let outcome = ask(shop, "cross_sell: #P");
    // They may be recommended themselves.
    assert_eq!(ids(&outcome), ["x", "c"]);
    assert_eq!((outcome.picks[0].score, outcome.picks[0].seeds.as_slice()), (60, [0].as_slice()));
    assert_eq!(ask(shop, "cross_sell: #Nowhere b").missing, [0]);
    assert_eq!(ids(&ask(shop, "cross_sell: #P c")), ["x"], "but not as a seed of their own");
    let sellers = (0..12).map(|rank| {
        format!("b{rank:02} category P\n b{rank:02} popularity {}\n b{rank:02} cross_sell x{rank:02} 9\n", 99 - rank)
    });
    let outcome = ask(&sellers.collect::<String>(), "cross_sell: #P max=100");
    assert_eq!(outcome.picks.len(), 10);
}
