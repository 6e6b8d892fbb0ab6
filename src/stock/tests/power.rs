//! Power cuts at every step of lives of the whole room: writer, state, journal, checkpoints.
//!
//! Goal: whatever the disk kept, a restart knows every batch, resync and block that was acknowledged
//! or shown to lookups, and at most the one more that was under way, whole. Method: commands one by
//! one over a simulated disk; each is a moment with the words of all that is known then. The same
//! test over a disk whose syncs are none, and with answers or views told when the write begins, must
//! find violations: else it proves nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use super::{
    order::{NOW_S, says, wait},
    shop::shop,
};
use crate::stock::{
    BlockDraft, Reply, Stock, StockError, StockOptions, StockView, UnblockDraft, UpdateDraft,
    durable::replayed,
    journal::{
        Journal,
        tests::{
            Numbers, is_full_tier,
            sim::{Durable, Image, Lie, Sim},
        },
    },
    log::{Log, LogError},
    reads,
    state::State,
};

/// When answers and views were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    AsTheyWere,
    /// As a writer does that acknowledges before the sync.
    AnswersFirst,
    /// As one does that publishes the view before the journal has it.
    ViewsFirst,
}

/// What happened, each with the number of the command and the steps of the disk until then.
#[derive(Debug, Default)]
struct Notes {
    begun: Vec<(usize, usize)>,
    shown: Vec<(usize, usize)>,
    answered: Vec<(usize, usize)>,
    /// Entries by the command that wrote them.
    entries: Vec<(usize, Vec<u8>)>,
}

/// A life that is over.
struct Life {
    sim: Sim,
    notes: Notes,
    /// What was known after so many commands.
    known: Vec<Vec<String>>,
}

/// What the writer, its journal and its callers share.
#[derive(Clone)]
struct Desk {
    sim: Sim,
    notes: Arc<Mutex<Notes>>,
    command: Arc<AtomicUsize>,
}

impl Desk {
    fn now(&self) -> (usize, usize) {
        (self.command.load(Ordering::Relaxed), self.sim.op_count())
    }

    /// Sends a command and waits; the answer is noted on the writer's thread.
    fn carry_out<T: Send + 'static>(&self, send: impl FnOnce(Reply<T>)) {
        let desk = self.clone();
        let answer = wait(|reply: Reply<T>| {
            send(Box::new(move |answer: Result<T, StockError>| {
                desk.notes.lock().unwrap().answered.push(desk.now());
                reply(answer);
            }));
        });
        assert!(answer.is_ok());
    }
}

/// The journal, with notes of what it is asked.
struct Noted {
    journal: Journal,
    desk: Desk,
}

impl Log for Noted {
    fn append(&mut self, entries: &[&[u8]]) -> Result<(), LogError> {
        let (command, at) = self.desk.now();
        let mut notes = self.desk.notes.lock().unwrap();
        notes.begun.push((command, at));
        notes.entries.extend(entries.iter().map(|entry| (command, entry.to_vec())));
        drop(notes);
        Log::append(&mut self.journal, entries)
    }

    fn is_broken(&self) -> bool {
        Log::is_broken(&self.journal)
    }

    fn repair(&mut self) -> Result<(), LogError> {
        Log::repair(&mut self.journal)
    }

    fn bytes_since_checkpoint(&self) -> u64 {
        Log::bytes_since_checkpoint(&self.journal)
    }

    fn checkpoint(&mut self, pieces: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(), LogError> {
        Log::checkpoint(&mut self.journal, pieces)
    }
}

impl Life {
    fn draw(seed: u64, lie: Lie, command_count: usize) -> Self {
        let sim = Sim::new(Image::new(), lie);
        let (notes, command) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let desk = Desk { sim: sim.clone(), notes, command };
        let (journal, state) = replayed(Box::new(sim.clone())).unwrap();
        let publisher = desk.clone();
        let publish = move |_: &Arc<StockView>| {
            publisher.notes.lock().unwrap().shown.push(publisher.now());
        };
        let clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(NOW_S));
        // A checkpoint every few commands.
        let options = StockOptions { clock, checkpoint_bytes: 600, ..StockOptions::default() };
        let log = Noted { journal, desk: desk.clone() };
        let (stock, thread) = Stock::start(log, state, options, publish).unwrap();
        stock.attach(shop("a alias=old\nb\nc").catalog(), Box::new(|_| {})).unwrap();
        wait(|reply| stock.blocks(String::new(), 1, reply)).unwrap();
        let mut numbers = Numbers(seed);
        for command in 1..=command_count {
            desk.command.store(command, Ordering::Relaxed);
            act(&desk, &stock, &mut numbers, u64::try_from(command).unwrap());
        }
        stock.stop();
        thread.join().unwrap();
        let notes = std::mem::take(&mut *desk.notes.lock().unwrap());
        let mut state = State::default();
        let mut known = vec![words(&state)];
        for command in 1..=command_count {
            for (_, entry) in notes.entries.iter().filter(|(of, _)| *of == command) {
                state.replay(entry).unwrap();
            }
            known.push(words(&state));
        }
        Self { sim, notes, known }
    }

    /// The command up to which everything was told by a step of the disk.
    fn told_by(&self, step: usize, told: Told) -> usize {
        let Notes { begun, shown, answered, .. } = &self.notes;
        let answered = if told == Told::AnswersFirst { begun } else { answered };
        let shown = if told == Told::ViewsFirst { begun } else { shown };
        let all = answered.iter().chain(shown).filter(|(_, at)| *at <= step);
        all.map(|(command, _)| *command).max().unwrap_or(0)
    }
}

/// One command by chance.
fn act(desk: &Desk, stock: &Stock, numbers: &mut Numbers, sequence: u64) {
    const IDS: [&str; 5] = ["a", "old", "b", "c", "new"];
    let ids = |numbers: &mut Numbers| {
        let count = 1 + numbers.below(3);
        (0..count).map(|_| IDS[numbers.below(5)].to_owned()).collect::<Vec<_>>()
    };
    let said = |numbers: &mut Numbers| {
        let update = |_| UpdateDraft {
            event_us: i64::try_from(numbers.below(1_000_000)).ok(),
            quantity: numbers.percent(50).then_some(2.0),
            // The seventh state is none.
            ..says(IDS[numbers.below(5)], 1 + i32::try_from(numbers.below(7)).unwrap())
        };
        (0..4).map(update).collect::<Vec<_>>()
    };
    let source = ["pos", "wms"][numbers.below(2)].to_owned();
    match numbers.below(10) {
        0 => {
            let mut stream = stock.replace(source, sequence).unwrap();
            stream.push(said(numbers)).unwrap();
            desk.carry_out(|reply| stream.commit(reply));
        }
        1 | 2 => {
            let market_ids = [vec![], vec!["eu".to_owned()], vec!["us".to_owned()]];
            let draft = BlockDraft {
                product_ids: ids(numbers),
                market_ids: market_ids[numbers.below(3)].clone(),
                reason: format!("the {sequence}th"),
                actor: String::new(),
                expire_s: numbers.percent(50).then_some(2_000),
            };
            desk.carry_out(|reply| stock.block(draft, reply));
        }
        3 => {
            let draft = UnblockDraft { product_ids: ids(numbers), ..UnblockDraft::default() };
            desk.carry_out(|reply| stock.unblock(draft, reply));
        }
        _ => {
            let updates = said(numbers);
            desk.carry_out(|reply| stock.batch(source, sequence, updates, reply));
        }
    }
}

/// All that is known: every reading, position and block, with its notes.
fn words(state: &State) -> Vec<String> {
    let page = reads::readings(state, None, "", usize::MAX).unwrap();
    let readings = page.readings.iter().map(|reading| format!("{reading:?}"));
    // A restart forgets the order of products that have no readings any more.
    let mut words = readings.collect::<Vec<_>>();
    words.sort();
    words.extend(page.positions.iter().map(|position| format!("{position:?}")));
    words.extend(state.blocks.iter().map(|(id, block)| format!("{id} {block:?}")));
    words.push(format!("{:#x}", page.blocks_digest));
    words
}

#[derive(Debug, Default)]
struct Tally {
    images: usize,
    checkpoints: usize,
    /// The command under way was there.
    ahead: usize,
    violations: Vec<String>,
}

/// Cuts the power after every step of lives until there are enough images.
fn cut_power(lie: Lie, told: Told, images_min: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in 0.. {
        if tally.images >= images_min {
            break;
        }
        let life = Life::draw(seed, lie, 30);
        let (mut numbers, mut durable) = (Numbers(seed ^ 0x5eed), Durable::new(&life.sim.start()));
        let ops = life.sim.ops();
        for step in 0..=ops.len() {
            let least = life.told_by(step, told);
            let image = durable.image(&mut numbers);
            tally.images += 1;
            tally.checkpoints += usize::from(image.keys().any(|name| name.ends_with(".ckp")));
            match check(image, &life.known, least) {
                Ok(found) => tally.ahead += usize::from(found > least),
                Err(why) => tally.violations.push(format!("seed {seed}, step {step}: {why}")),
            }
            if let Some(op) = ops.get(step) {
                durable.apply(op);
            }
        }
    }
    tally
}

/// The command up to which a restart knows everything: the least one or the next.
fn check(image: Image, known: &[Vec<String>], least: usize) -> Result<usize, String> {
    let replayed = replayed(Box::new(Sim::new(image, Lie::Nothing)));
    let (_, state) = replayed.map_err(|error| error.to_string())?;
    let found = words(&state);
    let mut moments = (least..known.len()).take(2);
    moments.find(|at| known[*at] == found).ok_or_else(|| {
        let nearest = known.iter().position(|known| *known == found);
        format!("{least} commands were told, known are those up to {nearest:?}")
    })
}

#[test]
fn a_power_cut_loses_no_reading_and_no_block_that_was_acknowledged_or_shown() {
    let images_min = if is_full_tier() { 20_000 } else { 3_000 };
    let tally = cut_power(Lie::Nothing, Told::AsTheyWere, images_min);
    let some = tally.violations.iter().take(5).collect::<Vec<_>>();
    assert!(some.is_empty(), "{} violations: {some:#?}", tally.violations.len());
    assert!(tally.images >= images_min && tally.checkpoints > images_min / 3, "{tally:?}");
    assert!(tally.ahead > images_min / 50, "writes under way are there now and then: {tally:?}");
}

#[test]
fn a_writer_that_answers_or_shows_too_soon_turns_the_test_red() {
    for (lie, told) in [
        (Lie::FileSyncs, Told::AsTheyWere),
        (Lie::LateFileSyncs, Told::AsTheyWere),
        (Lie::Nothing, Told::AnswersFirst),
        (Lie::Nothing, Told::ViewsFirst),
    ] {
        let tally = cut_power(lie, told, 300);
        let images = tally.images;
        assert!(!tally.violations.is_empty(), "{lie:?}, {told:?}: nothing found in {images}");
    }
}
