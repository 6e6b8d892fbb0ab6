//! Goal: the handle keeps its promises: limits, refusals, restarts, catalogs that come and go.
//! Method: a writer on a tape, as in `order`.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use super::{
    order::{Desk, Tape, later, recall, says, wait},
    rig::view_table,
    shop::{shop, shop_with},
};
use crate::{
    model::{
        id::IdRule,
        limits::{
            ID_BYTES_MAX, PRODUCTS_FORGOTTEN_MIN, REPLACE_STREAMS_MAX, SEQUENCE_MAX,
            STOCK_LEFT_TO_REPLAY_BYTES, STOCK_QUEUE_MAX,
        },
    },
    stock::{
        BlockDraft, Stock, StockError, StockOptions, StockView, UnblockDraft, UpdateDraft,
        state::State,
    },
};

fn unblock(ids: &[&str]) -> UnblockDraft {
    let product_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    UnblockDraft { product_ids, ..UnblockDraft::default() }
}

#[test]
fn without_a_catalog_readings_are_refused_and_recalls_are_not() {
    let desk = Desk::start(&shop("a"), Tape::default(), State::default(), u64::MAX);
    assert_eq!(desk.batch("pos", 1, vec![says("a", 5)]), Err(StockError::NoCatalog));
    let stream = desk.stock.replace("pos".to_owned(), 1).unwrap();
    assert_eq!(wait(|reply| stream.commit(reply)), Err(StockError::NoCatalog));
    let effective = |reply| {
        desk.stock.effective(vec!["a".to_owned()], String::new(), String::new(), reply);
    };
    assert_eq!(wait(effective), Err(StockError::NoCatalog));
    let done = wait(|reply| desk.stock.block(recall(&["a"]), reply)).unwrap();
    assert_eq!((done.blocked, done.missing.len()), (1, 0));
    assert_eq!(desk.view().blocks_digest(), done.blocks_digest);
    assert_eq!(desk.view().catalog(), None);
    let limited = BlockDraft { market_ids: vec!["us".to_owned()], ..recall(&["a"]) };
    assert_eq!(wait(|reply| desk.stock.block(limited, reply)), Err(StockError::NoCatalog));
    // The recall reaches the catalog that comes.
    let view = desk.attach(&desk.catalog);
    assert_eq!(view.blocks(crate::index::Ordinal(0)).len(), 1);
    assert_eq!(view.catalog(), Some(desk.catalog.blob().hash()));
}

#[test]
fn a_batch_answers_with_all_that_came_of_it() {
    let desk = Desk::open(&shop("a\nb"));
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    let stale = UpdateDraft { event_us: Some(1), ..says("a", 1) };
    let updates = vec![says("b", 5), stale, says("new", 5), says("b", 9), says("new", 2)];
    let done = desk.batch("pos", 4, updates).unwrap();
    assert_eq!((done.applied, done.stale, done.gap), (3, 1, 2));
    assert_eq!(done.missing, ["new"]);
    assert_eq!(done.rejected.iter().map(|rejected| rejected.index).collect::<Vec<_>>(), [3]);
    assert_eq!((done.position.sequence, done.position.applied_beyond_gap), (1, 1));
    assert_eq!(done.position, desk.view().positions()[0]);
    let position = &done.position;
    assert_eq!((position.received_s, position.event_us_max), (1_000, 1_000_000));
}

#[test]
fn a_wrong_frame_is_refused_before_it_is_queued() {
    let desk = Desk::open(&shop("a"));
    let field = |refused: StockError| {
        let StockError::Invalid { field, .. } = &refused else { panic!("{refused:?}") };
        field.clone()
    };
    for (source, sequence, updates, expected) in [
        ("", 1, vec![says("a", 5)], "source_id"),
        ("pos", 0, vec![says("a", 5)], "sequence"),
        ("pos", SEQUENCE_MAX + 1, vec![says("a", 5)], "sequence"),
        ("pos", 1, Vec::new(), "updates"),
    ] {
        let refused = desk.batch(source, sequence, updates).unwrap_err();
        assert_eq!(field(refused), expected);
    }
    assert_eq!(desk.tape.told(), ["refuse"; 4]);
    for (source, sequence, expected) in
        [("", 1, "source_id"), ("pos", 0, "sequence"), ("pos", u64::MAX, "sequence")]
    {
        let refused = desk.stock.replace(source.to_owned(), sequence).unwrap_err();
        assert_eq!(field(refused), expected);
    }
    assert_eq!(desk.stock.resyncs_open(), 0);
    desk.batch("pos", SEQUENCE_MAX, vec![says("a", 5)]).unwrap();
    desk.stock.replace("pos".to_owned(), SEQUENCE_MAX).unwrap();
}

#[test]
fn one_command_too_many_is_refused_at_once() {
    let desk = Desk::open(&shop("a"));
    let gate = desk.hold();
    let send = |sequence| {
        later(|reply| desk.stock.batch("pos".to_owned(), sequence, vec![says("a", 5)], reply))
    };
    let waiting = (1..).take(STOCK_QUEUE_MAX).map(send).collect::<Vec<_>>();
    assert_eq!(send(9_999).recv().unwrap(), Err(StockError::Busy));
    drop(gate);
    for answer in waiting {
        answer.recv().unwrap().unwrap();
    }
    send(9_999).recv().unwrap().unwrap();
}

#[test]
fn one_stream_too_many_is_refused_until_another_ends() {
    let desk = Desk::open(&shop("a"));
    let open = || desk.stock.replace("pos".to_owned(), 1);
    let mut streams = (0..REPLACE_STREAMS_MAX).map(|_| open().unwrap()).collect::<Vec<_>>();
    assert_eq!(open().unwrap_err(), StockError::TooManyStreams);
    // A client that went away, and one that came to its end.
    drop(streams.pop());
    streams.push(open().unwrap());
    let done = wait(|reply| streams.pop().unwrap().commit(reply)).unwrap();
    assert_eq!((done.position.sequence, done.applied, done.removed), (1, 0, 0));
    open().unwrap();
}

/// The seat of a resync was once free when it was queued, so that any number of them, of two million
/// updates each, waited for a slow disk.
#[test]
fn a_resync_has_its_seat_until_it_is_answered() {
    let desk = Desk::open(&shop("a"));
    let gate = desk.hold();
    let open = || desk.stock.replace("pos".to_owned(), 1);
    let commit = |_| later(|reply| open().unwrap().commit(reply));
    let waiting = (0..REPLACE_STREAMS_MAX).map(commit).collect::<Vec<_>>();
    assert_eq!(open().unwrap_err(), StockError::TooManyStreams);
    drop(gate);
    for answer in waiting {
        answer.recv().unwrap().unwrap();
    }
    assert_eq!(desk.stock.resyncs_open(), 0);
    // One that is refused has none either.
    let stream = open().unwrap();
    let stock = desk.stock.clone();
    desk.stop();
    assert_eq!(wait(|reply| stream.commit(reply)), Err(StockError::Closed));
    assert_eq!(stock.resyncs_open(), 0);
}

#[test]
fn a_rejected_update_of_a_resync_takes_nothing_back_now_and_after_a_restart() {
    let shop = shop_with(IdRule::CaseFolded, "lamp alias=old\nb\nc");
    let desk = Desk::open(&shop);
    let said = vec![says("old", 5), says("b", 5), says("c", 5), says("new", 5)];
    desk.batch("pos", 1, said).unwrap();
    desk.batch("wms", 1, vec![says("b", 1)]).unwrap();
    let late = |id: &str| UpdateDraft { event_us: Some(i64::MAX), ..says(id, 1) };
    let mut stream = desk.stock.replace("pos".to_owned(), 2).unwrap();
    // By another id of the product; of a product that only the source knows; of none at all.
    stream.push(vec![late("LAMP"), late("new"), late(""), says("b", 2), late("nobody")]).unwrap();
    let done = wait(|reply| stream.commit(reply)).unwrap();
    assert_eq!((done.applied, done.removed, done.rejected_count), (1, 1, 4));
    let page = wait(|reply| desk.stock.readings(Some("pos".into()), String::new(), 9, reply));
    let ids = page.unwrap().readings.into_iter().map(|one| one.product_id).collect::<Vec<_>>();
    assert_eq!(ids, ["old", "b", "new"]);
    let mut state = State::default();
    for entry in &desk.tape.kept.lock().unwrap().entries {
        state.replay(entry).unwrap();
    }
    let again = Desk::start(&shop, Tape::default(), state, u64::MAX);
    again.attach(&again.catalog);
    assert_eq!(again.table(), desk.table());
}

#[test]
fn a_resync_lets_go_of_products_that_nobody_speaks_of_any_more_and_so_does_a_replay() {
    let desk = Desk::open(&shop("a\nb"));
    let replace = |sequence, updates| {
        let mut stream = desk.stock.replace("pos".to_owned(), sequence).unwrap();
        stream.push(updates).unwrap();
        wait(|reply| stream.commit(reply)).unwrap()
    };
    let page =
        |token: &str, size| wait(|reply| desk.stock.readings(None, token.to_owned(), size, reply));
    let fresh = (0..=PRODUCTS_FORGOTTEN_MIN).map(|id| says(&format!("p{id}"), 5));
    replace(1, fresh.chain([says("b", 2)]).collect());
    let token = page("", 1).unwrap().next.unwrap();
    page(&token, 1).unwrap();
    replace(2, vec![says("b", 3), says("a", 5)]);
    // Nobody knows the product any more of which the token speaks.
    let forgotten = page(&token, 1);
    assert!(matches!(forgotten, Err(StockError::Invalid { .. })), "{forgotten:?}");
    desk.batch("pos", 3, vec![says("b", 4)]).unwrap();
    let listed = page("", 9).unwrap().readings.into_iter().map(|one| one.product_id);
    assert_eq!(listed.collect::<Vec<_>>(), ["b", "a"]);
    let mut state = State::default();
    for entry in &desk.tape.kept.lock().unwrap().entries {
        state.replay(entry).unwrap();
    }
    assert_eq!(state.products.len(), 2);
    let again = Desk::start(&shop("a\nb"), Tape::default(), state, u64::MAX);
    again.attach(&again.catalog);
    assert_eq!(again.table(), desk.table());
}

#[test]
fn a_stopped_writer_answers_everything_it_was_sent() {
    let desk = Desk::open(&shop("a"));
    let stock = desk.stock.clone();
    let gate = desk.hold();
    let before = later(|reply| stock.batch("pos".to_owned(), 1, vec![says("a", 5)], reply));
    stock.stop();
    let behind = later(|reply| stock.batch("pos".to_owned(), 2, vec![says("a", 5)], reply));
    drop(gate);
    let catalog = Arc::clone(&desk.catalog);
    let tape = desk.stop();
    assert_eq!(before.recv().unwrap().unwrap().applied, 1);
    assert_eq!(behind.recv().unwrap(), Err(StockError::Closed));
    let after = later(|reply| stock.batch("pos".to_owned(), 2, vec![says("a", 5)], reply));
    assert_eq!(after.recv().unwrap(), Err(StockError::Closed));
    assert_eq!(stock.attach(catalog, Box::new(|_| {})), Err(StockError::Closed));
    let told = tape.told();
    assert_eq!(told.iter().filter(|told| *told == "sync 1").count(), 1, "{told:?}");
}

#[test]
fn the_writer_ends_with_its_last_handle() {
    let Desk { stock, thread, tape, .. } = Desk::open(&shop("a"));
    drop(stock);
    thread.join().unwrap();
    assert_eq!(tape.told(), [""; 0]);
}

/// An end once synced all that was known, and waited half a minute for a busy disk.
#[test]
fn an_end_writes_a_checkpoint_only_where_much_is_to_be_replayed() {
    for (bytes, expected) in [
        (0, 0),
        (STOCK_LEFT_TO_REPLAY_BYTES - 1, 0),
        (STOCK_LEFT_TO_REPLAY_BYTES, 0),
        (STOCK_LEFT_TO_REPLAY_BYTES + 1, 1),
    ] {
        let desk = Desk::open(&shop("a"));
        desk.tape.kept.lock().unwrap().bytes = bytes;
        let told = desk.stop().told();
        assert_eq!(told, vec!["checkpoint"; expected], "{bytes} bytes");
    }
}

/// A process on the journal in a directory: what it does, and what is known at its end.
fn life(dir: &Path, act: impl FnOnce(&Stock)) -> Vec<String> {
    let catalog = shop("a\nb").catalog();
    let views = Arc::<Mutex<Option<Arc<StockView>>>>::default();
    let seen = Arc::clone(&views);
    let publish = move |view: &Arc<StockView>| *seen.lock().unwrap() = Some(Arc::clone(view));
    let (stock, thread) = Stock::open(dir, StockOptions::default(), publish).unwrap();
    stock.attach(Arc::clone(&catalog), Box::new(|_| {})).unwrap();
    act(&stock);
    stock.stop();
    thread.join().unwrap();
    let view = views.lock().unwrap().take().unwrap();
    view_table(&catalog, &view)
}

#[test]
fn a_restart_knows_what_the_process_before_did_with_a_checkpoint_and_without() {
    let long_id = |number: usize| format!("{number:0width$}", width = ID_BYTES_MAX);
    let batch = |stock: &Stock, sequence, updates: Vec<UpdateDraft>| {
        wait(|reply| stock.batch("pos".to_owned(), sequence, updates, reply)).unwrap();
    };
    for (batches, is_long) in [(1, false), (40, true)] {
        let dir = tempfile::tempdir().unwrap();
        let known = life(dir.path(), |stock| {
            wait(|reply| stock.block(recall(&["b"]), reply)).unwrap();
            for sequence in 1..=batches {
                let others = (0..999).map(|number| says(&long_id(number), 5));
                batch(stock, sequence, others.chain([says("a", 2)]).collect());
            }
        });
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let checkpoints = names.filter(|name| name.to_str().unwrap().ends_with(".ckp")).count();
        assert_eq!(checkpoints > 0, is_long);
        // Any number of starts, with a little in each.
        let mut before = known;
        for sequence in batches + 1..batches + 4 {
            let again = life(dir.path(), |_| {});
            assert_eq!(again, before);
            before = life(dir.path(), |stock| batch(stock, sequence, vec![says("b", 3)]));
            assert_ne!(before, again, "it took a batch");
        }
    }
}

#[test]
fn a_checkpoint_is_written_when_the_journal_is_long_and_on_demand() {
    let desk = Desk::start(&shop("a"), Tape::default(), State::default(), 100);
    desk.attach(&desk.catalog);
    desk.tape.told();
    let mut checkpoints = 0;
    for sequence in 1..=10 {
        desk.batch("pos", sequence, vec![says("a", 5)]).unwrap();
        // A read behind it, so that the check of the length is over.
        wait(|reply| desk.stock.blocks(String::new(), 1, reply)).unwrap();
        checkpoints += desk.tape.told().iter().filter(|told| *told == "checkpoint").count();
        assert!(desk.tape.kept.lock().unwrap().bytes <= 100);
    }
    assert!((2..10).contains(&checkpoints), "{checkpoints}");
    wait(|reply| desk.stock.checkpoint(reply)).unwrap();
    assert_eq!(desk.tape.told(), ["checkpoint"]);
}

#[test]
fn a_checkpoint_that_fails_costs_nothing_but_room() {
    let desk = Desk::start(&shop("a"), Tape::default(), State::default(), 1);
    desk.attach(&desk.catalog);
    desk.tape.told();
    let failed = crate::stock::log::LogError { is_full: true, reason: "full".to_owned() };
    desk.tape.kept.lock().unwrap().checkpoints = vec![Err(failed)];
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    desk.batch("pos", 2, vec![says("a", 1)]).unwrap();
    wait(|reply| desk.stock.blocks(String::new(), 1, reply)).unwrap();
    let told = desk.tape.told();
    let told = told.iter().map(String::as_str).collect::<Vec<_>>();
    let first = ["sync 1", "publish", "ack", "checkpoint"];
    let second = ["repair", "sync 1", "publish", "ack", "checkpoint"];
    assert_eq!(told, [&first[..], &second[..]].concat());
}

#[test]
fn a_restart_from_checkpoint_and_journal_leads_to_the_same_view() {
    let shop = shop("a\nb\nc parent=b");
    let desk = Desk::open(&shop);
    desk.batch("pos", 1, vec![says("a", 5), says("new", 5)]).unwrap();
    desk.batch("pos", 3, vec![says("b", 2)]).unwrap();
    wait(|reply| desk.stock.block(recall(&["b"]), reply)).unwrap();
    wait(|reply| desk.stock.checkpoint(reply)).unwrap();
    desk.batch("wms", 7, vec![says("c", 5)]).unwrap();
    wait(|reply| desk.stock.block(recall(&["a"]), reply)).unwrap();
    wait(|reply| desk.stock.unblock(unblock(&["b"]), reply)).unwrap();
    let mut state = State::default();
    {
        let kept = desk.tape.kept.lock().unwrap();
        assert_eq!(kept.entries.len(), 3);
        kept.pieces.iter().for_each(|piece| state.take_piece(piece).unwrap());
        kept.entries.iter().for_each(|entry| state.replay(entry).unwrap());
    }
    let again = Desk::start(&shop, Tape::default(), state, u64::MAX);
    again.attach(&again.catalog);
    assert_eq!(again.table(), desk.table());
    // Nothing is applied twice, and nothing that was missing is lost.
    let done = again.batch("pos", 3, vec![says("b", 1)]).unwrap();
    assert_eq!(done.applied, 0);
    assert_eq!(again.batch("pos", 2, vec![says("b", 1)]).unwrap().position.sequence, 3);
}

#[test]
fn blocks_are_found_again_by_every_spelling() {
    let desk = Desk::open(&shop_with(IdRule::CaseFolded, "Lamp alias=old\nv parent=Lamp\nx"));
    let done = wait(|reply| desk.stock.block(recall(&["old", "LAMP", "new", "old"]), reply));
    let done = done.unwrap();
    assert_eq!((done.blocked, done.missing), (3, vec!["new".to_owned()]));
    // A variant is not its parent.
    let kept = wait(|reply| desk.stock.unblock(unblock(&["v"]), reply)).unwrap();
    assert_eq!((kept.unblocked, kept.blocks_digest), (0, done.blocks_digest));
    let lifted = wait(|reply| desk.stock.unblock(unblock(&["lamp"]), reply)).unwrap();
    assert_eq!(lifted.unblocked, 2);
    // One that the catalog does not know is found by its raw id alone.
    let kept = wait(|reply| desk.stock.unblock(unblock(&["NEW"]), reply)).unwrap();
    assert_eq!(kept.unblocked, 0);
    let lifted = wait(|reply| desk.stock.unblock(unblock(&["new"]), reply)).unwrap();
    assert_eq!((lifted.unblocked, lifted.blocks_digest), (1, 0));
}

#[test]
fn a_block_in_an_unknown_market_is_refused() {
    let desk = Desk::open(&shop("a"));
    let draft = BlockDraft { market_ids: vec!["us".into(), "mars".into()], ..recall(&["a"]) };
    let refused = wait(|reply| desk.stock.block(draft, reply)).unwrap_err();
    assert_eq!(refused.to_string(), "market_ids[1]: market \"mars\" is unknown");
    let draft = BlockDraft { market_ids: vec!["us".into(), "us".into()], ..recall(&["a"]) };
    wait(|reply| desk.stock.block(draft, reply)).unwrap();
    let page = wait(|reply| desk.stock.blocks(String::new(), 9, reply)).unwrap();
    assert_eq!(page.blocks[0].market_ids, ["us"]);
}

#[test]
fn no_update_falls_between_two_catalogs() {
    let desk = Desk::open(&shop("a"));
    let other = shop("a\nb").catalog();
    let gate = desk.hold();
    let first = later(|reply| desk.stock.batch("pos".to_owned(), 1, vec![says("b", 5)], reply));
    let swapped = later::<Arc<StockView>>(|reply| {
        let then = Box::new(move |view| reply(Ok(view)));
        desk.stock.attach(Arc::clone(&other), then).unwrap();
    });
    let second = later(|reply| desk.stock.batch("pos".to_owned(), 2, vec![says("a", 5)], reply));
    drop(gate);
    assert_eq!(first.recv().unwrap().unwrap().missing, ["b"]);
    let view = swapped.recv().unwrap().unwrap();
    assert_eq!(view.positions()[0].sequence, 1);
    assert!(view.reading(super::shop::ordinal(&other, "b"), 0).is_some());
    second.recv().unwrap().unwrap();
    let view = desk.view();
    assert_eq!(view.catalog(), Some(other.blob().hash()));
    let states = ["a", "b"].map(|id| view.reading(super::shop::ordinal(&other, id), 0).is_some());
    assert_eq!(states, [true, true]);
}

#[test]
fn the_same_catalog_again_keeps_its_view() {
    let desk = Desk::open(&shop("a"));
    desk.batch("pos", 1, vec![says("a", 5)]).unwrap();
    let before = desk.view();
    let again = desk.attach(&shop("a").catalog());
    assert!(before.shares_chunks(&again, None, crate::index::Ordinal(0)));
    let other = desk.attach(&shop("a\nb").catalog());
    assert!(!before.shares_chunks(&other, None, crate::index::Ordinal(0)));
}

#[test]
fn in_memory_everything_works_but_a_restart() {
    let (stock, thread) = Stock::in_memory(|_: &Arc<StockView>| {}).unwrap();
    stock.attach(shop("a").catalog(), Box::new(|_| {})).unwrap();
    wait(|reply| stock.batch("pos".to_owned(), 1, vec![says("a", 5)], reply)).unwrap();
    let ask = |reply| stock.effective(vec!["a".into()], "east".into(), String::new(), reply);
    let list = wait(ask).unwrap();
    assert_eq!((list.inventory_id.as_str(), list.market_id.as_str()), ("east", "eu"));
    assert_eq!((list.currency_code.as_str(), list.positions.len()), ("EUR", 1));
    assert_eq!(list.products[0].availability.as_ref().unwrap().value as u8, 5);
    stock.stop();
    thread.join().unwrap();
}
