//! `kindred stock push` and `export`: what one server exports, another one takes.

use std::path::Path;

use crate::{
    command::{Run, kindred},
    server::Server,
    shop::Shop,
};

fn push(to: &str, file: &Path, options: &[&str]) -> Run {
    let file = file.to_str().unwrap();
    let args = ["stock", "push", "--to", to, "--source", "erp", "--file", file];
    kindred(args.iter().chain(options))
}

fn export(from: &str, options: &[&str]) -> String {
    kindred(["stock", "export", "--from", from].iter().chain(options)).succeeded().out
}

#[test]
fn every_server_gets_every_row_and_exports_it_again() {
    let shops = [Shop::demo(), Shop::demo(), Shop::demo()];
    let servers = shops.each_ref().map(Server::start);
    let addresses = servers.each_ref().map(|server| server.address.to_string());
    let read_at = crate::stock::time(0);
    let at = jiff::Timestamp::new(read_at.seconds, 1_000).unwrap();
    let table = format!(
        "product_id,inventory_id,availability,available_quantity,price,currency,market_id,event_time\n\
         toy-car,,out_of_stock,,,,,{at}\ntoy-bear,berlin,low_stock,2.5,,,,{at}\n\
         toy-bear,,,,19.99,EUR,de,{at}\nnot-yet,,backorder,,,,,{at}\n"
    );
    shops[0].write("stock.csv", format!("{table}toy-car,mars,in_stock,,,,,{at}\n"));
    let run = push(&addresses[..2].join(","), &shops[0].table("stock.csv"), &[]).ended(2);
    let run = run.complained(&["1 rows were rejected; the others count"]);
    let told = "erp is at 1: 4 applied, 0 stale, 1 missing, 1 rejected, gap 0";
    assert_eq!(run.out.matches(told).count(), 2, "{}", run.out);
    assert_eq!(run.out.matches("line 6 was rejected: inventory_id").count(), 2, "{}", run.out);
    for address in &addresses[..2] {
        let exported = export(address, &[]);
        let sorted = |text: &str| {
            let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&exported), sorted(&table));
        assert_eq!(export(address, &["--source", "wms"]).lines().count(), 1);
    }
    // Since when, too, and that is no reading to send.
    let since = export(&addresses[0], &["--since"]);
    assert!(since.starts_with("product_id,") && since.contains(",event_time,since_time\n"));
    assert!(since.contains(&format!("\ntoy-car,,out_of_stock,,,,,{at},{at}\n")), "{since}");
    assert!(since.contains(&format!("\ntoy-bear,,,,19.99,EUR,de,{at},\n")), "{since}");
    shops[0].write("since.csv", &since);
    let run = push(&addresses[1], &shops[0].table("since.csv"), &[]).succeeded();
    assert!(run.out.contains("4 applied, 0 stale"), "{}", run.out);
    // The third one takes what the first one gives, as JSON.
    let json = export(&addresses[0], &["--json"]);
    shops[0].write("stock.ndjson", &json);
    let file = shops[0].table("stock.ndjson");
    push(&addresses[2], &file, &["--replace", "--sequence", "9"]).succeeded();
    assert_eq!(export(&addresses[2], &["--json"]), json);
    let run = push(&addresses[2], &file, &[]).succeeded();
    // Of one source's readings of one instant the later sequence counts.
    assert!(run.out.contains("erp is at 10: 4 applied, 0 stale"), "{}", run.out);
}

#[test]
fn a_file_that_cannot_be_read_sends_nothing() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    shop.write(
        "stock.csv",
        "product_id,availability,event_time\ntoy-car,sold,2026-01-01T00:00:00Z\n",
    );
    let run = push(&to, &shop.table("stock.csv"), &[]).ended(1);
    run.complained(&["stock.csv", "line 2", "availability: expected one of"]);
    assert_eq!(export(&to, &[]).lines().count(), 1);
}

#[test]
fn a_feed_with_a_gap_is_not_gone_on_with_blindly() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let time = crate::stock::time(0);
    let at = jiff::Timestamp::new(time.seconds, 0).unwrap();
    shop.write(
        "stock.csv",
        format!("product_id,availability,event_time\ntoy-car,low_stock,{at}\n"),
    );
    let file = shop.table("stock.csv");
    let run = push(&to, &file, &["--sequence", "5"]).succeeded();
    assert!(run.out.contains("erp is at 0: 1 applied, 0 stale, 0 missing, 0 rejected, gap 4"));
    push(&to, &file, &[]).ended(1).complained(&[&to, "misses a batch after 0", "--replace"]);
    push(&to, &file, &["--replace", "--sequence", "5"]).succeeded();
    assert!(push(&to, &file, &[]).succeeded().out.contains("erp is at 6"));
}

#[test]
fn a_batch_that_the_server_knows_already_is_not_taken_for_applied() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let time = crate::stock::time(0);
    let at = jiff::Timestamp::new(time.seconds, 0).unwrap();
    let row = |id: &str| format!("product_id,availability,event_time\n{id},out_of_stock,{at}\n");
    shop.write("stock.csv", row("toy-car"));
    push(&to, &shop.table("stock.csv"), &["--sequence", "1"]).succeeded();
    shop.write("stock.csv", row("toy-bear"));
    let run = push(&to, &shop.table("stock.csv"), &["--sequence", "1"]).ended(1);
    run.complained(&["knows batch 1 of erp already and ignored this one", "Push again"]);
    assert!(!export(&to, &[]).contains("toy-bear"));
}

#[test]
fn a_file_without_rows_takes_back_all_that_its_source_said() {
    let shop = Shop::demo();
    let server = Server::start(&shop);
    let to = server.address.to_string();
    let header = "product_id,availability,event_time\n";
    let at = jiff::Timestamp::new(crate::stock::time(0).seconds, 0).unwrap();
    shop.write("stock.csv", format!("{header}toy-car,low_stock,{at}\ntoy-bear,low_stock,{at}\n"));
    let file = shop.table("stock.csv");
    // A source that said nothing yet begins with its first sequence.
    let run = push(&to, &file, &["--replace"]).succeeded();
    assert!(run.out.contains("erp is at 1: 2 applied, 0 removed, 0 rejected"), "{}", run.out);
    shop.write("stock.csv", header);
    let run = push(&to, &file, &["--replace"]).succeeded();
    assert!(run.out.contains("erp is at 1: 0 applied, 2 removed, 0 rejected"), "{}", run.out);
    assert_eq!(export(&to, &[]).lines().count(), 1);
}

#[test]
fn a_generated_feed_of_a_generated_shop_is_taken_whole() {
    let shop = Shop::new();
    let generated = shop.path("generated");
    let out = generated.to_str().unwrap();
    let sizes = ["--products", "300", "--relations", "3", "--id-bytes", "36"];
    let trade = ["--stock", "--orders", "20", "--out", out];
    let run = kindred(["generate"].iter().chain(&sizes).chain(&trade)).succeeded();
    let told = "wrote 300 products and 900 relations, 300 readings of stock, ";
    assert!(run.out.starts_with(told), "{}", run.out);
    let store = shop.store_dir();
    kindred(["compile", "--strict", "--from", out, "--store", store.to_str().unwrap()]).succeeded();
    let server = Server::start(&shop);
    let run = push(&server.address.to_string(), &generated.join("stock.csv"), &[]).succeeded();
    assert!(run.out.contains("300 applied, 0 stale, 0 missing, 0 rejected"), "{}", run.out);
}
