//! Goal: entries and checkpoints come back as they were, and other bytes are refused in words.
//! Method: random entries; truncation at every byte, flips of every bit, random bytes.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::rig::{batch, block, parts, unblock};
use crate::{
    model::{
        currency::Currency,
        limits::{ID_BYTES_MAX, PRICE_MAX, STOCK_ENTRY_BYTES_MAX, UPDATES_PER_BATCH_MAX},
        relation::Availability,
    },
    stock::{
        entry::{Batch, Block, Entry, Part, PriceUpdate, UPDATES_PER_PART, Unblock, Update},
        state::{State, Touched},
    },
};

fn id() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zé]{1,6}", Just("x".repeat(ID_BYTES_MAX))]
}

fn place() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), select(&["main", "east", "ost-süd"][..]).prop_map_into()]
}

fn price() -> impl Strategy<Value = PriceUpdate> {
    let currency = select(&["EUR", "USD", "JPY"][..]);
    let price = prop_oneof![Just(0), Just(PRICE_MAX), 0..PRICE_MAX];
    (price, currency, place()).prop_map(|(price, currency, market)| PriceUpdate {
        price,
        currency: Currency::parse(currency).unwrap(),
        market,
    })
}

fn update() -> impl Strategy<Value = Update> {
    let state = option::of(select(&Availability::ALL[..]));
    let quantity = option::of(prop_oneof![Just(0.0), Just(f64::MAX), 0.0..1e6]);
    let event = prop_oneof![Just(0), Just(i64::MAX), 0..i64::MAX];
    let some = |update: &Update| update.rows() > 0;
    (id(), place(), state, quantity, option::of(price()), event)
        .prop_map(|(product, inventory, availability, quantity, price, event_us)| Update {
            product,
            inventory,
            availability,
            quantity,
            price,
            event_us,
        })
        .prop_filter("an update says something", some)
}

fn any_batch() -> impl Strategy<Value = Batch> {
    (id(), any::<u64>(), any::<i64>(), vec(update(), 0..8)).prop_map(
        |(source, sequence, received_s, updates)| Batch { source, sequence, received_s, updates },
    )
}

fn any_block() -> impl Strategy<Value = Block> {
    let markets = proptest::collection::btree_set(id(), 0..4);
    (vec(id(), 0..5), markets, ".{0,9}", ".{0,9}", any::<i64>(), any::<i64>()).prop_map(
        |(ids, markets, reason, actor, block_s, expire_s)| Block {
            ids,
            markets: markets.into_iter().collect(),
            reason,
            actor,
            block_s,
            expire_s,
        },
    )
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let part = (any::<u32>(), any::<bool>(), any_batch(), vec(id(), 0..3)).prop_map(
        |(part, is_last, batch, keeps)| Entry::Replace(Part { part, is_last, batch, keeps }),
    );
    let unblock = (vec(id(), 0..5), ".{0,9}", ".{0,9}", any::<i64>()).prop_map(
        |(ids, reason, actor, time_s)| Entry::Unblock(Unblock { ids, reason, actor, time_s }),
    );
    prop_oneof![
        any_batch().prop_map(Entry::Batch),
        part,
        any_block().prop_map(Entry::Block),
        unblock
    ]
}

fn samples() -> Vec<Entry> {
    let mut samples = vec![
        Entry::Batch(batch("pos 1: a 5 @10, b@east q=2 $us=300 @11, c $=1 @12")),
        block(&["a", "b"], &["eu", "us"], 1, 5),
        unblock(&["a"], 7),
    ];
    samples.extend(parts(&batch("wms 7: c 1 @20, b $us=300 @20, a 2 @3"), 2));
    if let Some(Entry::Replace(last)) = samples.last_mut() {
        last.keeps = vec!["b".to_owned(), "d".to_owned()];
    }
    samples
}

fn state() -> State {
    let mut state = State::default();
    for entry in samples().iter().filter(|entry| !matches!(entry, Entry::Unblock(_))) {
        state.apply(entry, &mut Touched::default()).unwrap();
    }
    state.apply(&Entry::Batch(batch("pos 5: a 1 @30")), &mut Touched::default()).unwrap();
    state
}

fn restored(pieces: &[Vec<u8>]) -> Result<State, String> {
    let mut state = State::default();
    for piece in pieces {
        state.take_piece(piece).map_err(|error| error.to_string())?;
    }
    Ok(state)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_entry_comes_back_as_it_was(entry in any_entry()) {
        prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
    }

    #[test]
    fn any_bytes_are_an_entry_or_an_error(
        kind in 0..7_u8,
        version in 0..3_u8,
        rest in vec(any::<u8>(), 0..200),
    ) {
        let bytes = [vec![version, kind], rest].concat();
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
        }
        drop(State::default().take_piece(&bytes));
    }
}

#[test]
fn a_cut_entry_is_refused_at_every_byte() {
    for entry in samples() {
        let bytes = entry.encode();
        for len in 0..bytes.len() {
            Entry::decode(&bytes[..len]).unwrap_err();
        }
        let longer = [bytes, vec![0]].concat();
        assert!(Entry::decode(&longer).unwrap_err().to_string().contains("expected the end"));
    }
}

#[test]
fn a_flipped_bit_never_panics_and_what_is_read_can_be_written() {
    for entry in samples() {
        let bytes = entry.encode();
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Entry::decode(&flipped) {
                assert_eq!(Entry::decode(&read.encode()).unwrap(), read);
                State::default().apply(&read, &mut Touched::default()).ok();
            }
        }
    }
}

#[test]
fn numbers_that_the_state_does_not_know_are_refused_by_name() {
    let refused = |edit: fn(&mut Update), reason: &str| {
        let mut batch = batch("pos 1: a 5 q=1 $=1 @10");
        edit(&mut batch.updates[0]);
        let error = Entry::decode(&Entry::Batch(batch).encode()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(error.starts_with("entry of the stock journal, byte "), "{error}");
    };
    refused(|update| update.quantity = Some(-1.0), "quantity -1 is no number of units");
    refused(|update| update.quantity = Some(f64::NAN), "quantity NaN");
    refused(|update| update.price.as_mut().unwrap().price = -1, "price -1 is outside");
    refused(|update| update.price.as_mut().unwrap().price = PRICE_MAX + 1, "is outside 0 to");
    refused(|update| update.event_us = -1, "event time -1 is before 1970");
    refused(|update| update.product.clear(), "expected an id, found an empty one");
    refused(|update| update.product = "x".repeat(129), "an id has 129 bytes");
    let mut markets = block(&["a"], &["us", "eu"], 1, 2);
    assert!(Entry::decode(&markets.encode()).unwrap_err().to_string().contains("sorted"));
    if let Entry::Block(block) = &mut markets {
        block.markets.clear();
        block.reason = "x".repeat(2_049);
    }
    assert!(Entry::decode(&markets.encode()).unwrap_err().to_string().contains("note of 2049"));
    assert!(Entry::decode(&[2, 1]).unwrap_err().to_string().contains("layout 2, this version"));
    assert!(Entry::decode(&[1, 9]).unwrap_err().to_string().contains("kind 9 is unknown"));
}

#[test]
fn the_longest_entries_fit_the_journal() {
    let id = |number: usize| format!("{number:0>width$}", width = ID_BYTES_MAX);
    let update = |number: usize, place: &dyn Fn(usize) -> String| Update {
        product: id(number),
        inventory: place(2 * number),
        availability: Some(Availability::OutOfStock),
        quantity: Some(1.0),
        price: Some(PriceUpdate {
            price: 1,
            currency: Currency::EUR,
            market: place(2 * number + 1),
        }),
        event_us: 1,
    };
    let batch = |count: usize, place: &dyn Fn(usize) -> String| Batch {
        source: id(0),
        sequence: 1,
        received_s: 1,
        updates: (0..count).map(|number| update(number, place)).collect(),
    };
    // A batch was checked against a catalog, which has so many places and no more.
    let known = |number: usize| id(number % 1_088);
    let entry = Entry::Batch(batch(UPDATES_PER_BATCH_MAX, &known));
    assert!(entry.encode().len() <= STOCK_ENTRY_BYTES_MAX);
    let part = |updates, kept| Part {
        part: 0,
        is_last: true,
        batch: batch(updates, &id),
        keeps: (0..kept).map(id).collect(),
    };
    for (updates, kept) in [(UPDATES_PER_PART, 0), (0, UPDATES_PER_PART)] {
        let entry = Entry::Replace(part(updates, kept));
        let bytes = entry.encode();
        assert!(bytes.len() <= STOCK_ENTRY_BYTES_MAX, "{}", bytes.len());
        assert_eq!(Entry::decode(&bytes).unwrap(), entry);
    }
    let ids = (0..10_000).map(id).collect::<Vec<_>>();
    let ids = ids.iter().map(String::as_str).collect::<Vec<_>>();
    assert!(block(&ids, &[], 1, 2).encode().len() <= STOCK_ENTRY_BYTES_MAX);
}

#[test]
fn a_checkpoint_gives_the_same_state() {
    let state = state();
    let pieces = state.pieces().collect::<Vec<_>>();
    let back = restored(&pieces).unwrap();
    assert_eq!(back.pieces().collect::<Vec<_>>(), pieces);
    assert_eq!(back.feeds, state.feeds);
    assert_eq!(back.blocks, state.blocks);
    assert_eq!(back.reading_count(), state.reading_count());
    assert_eq!(back.readings(0), state.readings(0));
    assert!(State::default().pieces().all(|piece| piece.len() < 16), "an empty state is small");
}

#[test]
fn a_large_state_is_cut_into_pieces_that_fit_the_journal() {
    let mut state = State::default();
    for sequence in 1..=4 {
        let updates = (0..10_000).map(|number| Update {
            product: format!("{number:0>width$}", width = ID_BYTES_MAX),
            inventory: String::new(),
            availability: Some(Availability::OutOfStock),
            quantity: Some(2.0),
            price: None,
            event_us: sequence,
        });
        let source = format!("s{sequence}");
        let updates = updates.collect();
        let batch = Batch { source, sequence: 1, received_s: 1, updates };
        state.apply(&Entry::Batch(batch), &mut Touched::default()).unwrap();
    }
    // One product with more rows than one element holds.
    for inventory in 0..20_000 {
        let batch = batch(&format!("one {}: a@i{inventory} 5 @1", inventory + 1));
        state.apply(&Entry::Batch(batch), &mut Touched::default()).unwrap();
    }
    let pieces = state.pieces().collect::<Vec<_>>();
    assert!(pieces.len() > 4);
    assert!(pieces.iter().all(|piece| piece.len() <= STOCK_ENTRY_BYTES_MAX / 2));
    let back = restored(&pieces).unwrap();
    assert!(back.pieces().eq(pieces));
    assert_eq!(back.reading_count(), 60_000);
}

#[test]
fn a_cut_or_flipped_piece_never_panics() {
    for piece in state().pieces() {
        for len in 0..piece.len() {
            restored(&[piece[..len].to_vec()]).ok();
        }
        for bit in 0..8 * piece.len() {
            let mut flipped = piece.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            restored(&[flipped]).ok();
        }
    }
    let error = restored(&[vec![1, 4, 1, 0, b'a', 0, 0, 0, 0, 0, 0, 0, 0]]).unwrap_err();
    assert!(error.contains("at least one"), "{error}");
    let error = restored(&[vec![1, 9, 0]]).unwrap_err();
    assert!(error.contains("kind 9 is unknown"), "{error}");
}
