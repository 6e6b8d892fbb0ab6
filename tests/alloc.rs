//! Goal: a lookup allocates nothing, its answer and that of a page nothing but their reply. Method:
//! an allocator that counts what its own thread asks for, a warm-up with the largest requests, then
//! every kind of request in turn.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "alloc/damaged.rs"]
mod damaged;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
};

use kindred::{
    compile::{self, Output},
    graph::{GraphBuilder, MemoryStore},
    index::{Catalog, Role},
    lookup::{
        Context, Page, Plan, Query, QuerySeed, Repeats, Scene, ScoreThreshold, Scratch, answer,
    },
    model::{
        config::CatalogConfig,
        record::{
            AliasRecord, FileInfo, Location, ProductRecord, Record, RecordSink as _, RelationRecord,
        },
        relation::{Origin, RelationType},
    },
    pb::{
        BatchGetRecommendationsRequest, GetRecommendationsRequest, LookupSpec, RecommendationView,
        Seed, Slot, seed::Target,
    },
    policy::Policy,
    service::{batch_get_recommendations, get_recommendations},
    snapshot::{Moment, Snapshot},
    stock::StockView,
    store::{MAIN_TRACK, Note, Publish, Store},
};

/// The system's allocator, with a count a thread: the test harness has threads of its own.
struct Counting;

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { calls: 0, bytes: 0 }) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    /// To allocate or to grow.
    calls: usize,
    bytes: usize,
}

fn count(bytes: usize) {
    let Count { calls, bytes: before } = COUNT.get();
    COUNT.set(Count { calls: calls + 1, bytes: before + bytes });
    LARGEST.set(LARGEST.get().max(bytes));
}

// SAFETY: every method hands its arguments on to `System` as they are, and counting allocates
// nothing: the cell is constant and needs no drop.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the promises of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the work allocates on this thread.
fn allocated<T>(work: impl FnOnce() -> T) -> (T, Count) {
    COUNT.set(Count { calls: 0, bytes: 0 });
    let done = work();
    (done, COUNT.get())
}

/// The largest piece that the work asks for on this thread.
fn largest<T>(work: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let done = work();
    (done, LARGEST.get())
}

const NOTHING: Count = Count { calls: 0, bytes: 0 };

/// 60 products `p00`..., each related to the 40 after it by two types; `p01` is a variant of `p00`,
/// `p02` of `p01`; `alias` is `p03`.
fn shop(dir: &tempfile::TempDir) -> Snapshot {
    let id = |product: u32| format!("p{:02}", product % 60);
    let mut builder = GraphBuilder::new(CatalogConfig::default(), MemoryStore::default());
    let file = builder.open_file(FileInfo { name: "shop".to_owned(), modified_s: None });
    let at = Location { file, line: 1 };
    for product in 0..60 {
        let parent = (1..=2).contains(&product).then(|| id(product - 1));
        let title = format!("Product {product}");
        let row = ProductRecord {
            id: &id(product),
            parent: parent.as_deref(),
            title: Some(&title),
            brand: Some("acme"),
            ..ProductRecord::default()
        };
        builder.record(at, Record::Product(row));
        for step in 1..=40 {
            let code = if step % 2 == 0 { "cross_sell" } else { "up_sell" };
            let (source, target) = (id(product), id(product + step));
            let row = RelationRecord::new(&source, code, &target, Origin::Imported);
            let quantity = (step % 3 == 0).then_some(2.0);
            let score = (step % 4 == 0).then_some(0.5);
            builder.record(at, Record::Relation(RelationRecord { quantity, score, ..row }));
        }
    }
    builder.record(at, Record::Alias(AliasRecord { alias: "alias", product: "p03" }));
    let graph = builder.finish().unwrap();

    let store = Store::create(dir.path()).unwrap();
    let staged = store.stage(Role::Catalog).unwrap();
    let places = store.stage(Role::Provenance).unwrap();
    let output = |staged: &kindred::store::StagedBlob| staged.file().try_clone().unwrap();
    let catalog = Output { file: output(&staged), path: staged.path() };
    let provenance = Output { file: output(&places), path: places.path() };
    drop(compile::write_catalog(&graph, catalog, provenance).unwrap());
    let catalog = Catalog::open(staged.path(), None).unwrap();
    let blob = staged.commit(catalog.blob().hash(), catalog.blob().size_bytes()).unwrap();
    let note = Note {
        actor: String::new(),
        reason: String::new(),
        created_at: "2026-01-01T00:00:00Z".to_owned(),
    };
    let (blobs, guard) = (&[blob], &|_: Option<&_>| Ok(()));
    let publish = Publish { blobs, guard, since: None, over_rollback: false, note };
    let published = store.track(MAIN_TRACK).unwrap().publish(&publish).unwrap();
    Snapshot::load(&store, &published.into_manifest()).unwrap()
}

const TYPES: [RelationType; 3] =
    [RelationType::CROSS_SELL, RelationType::UP_SELL, RelationType::RELATED];

/// One request of each kind, the largest first.
fn requests() -> Vec<GetRecommendationsRequest> {
    let request = |types: usize, seeds: &[&str], exclude: &[&str]| GetRecommendationsRequest {
        lookup: Some(LookupSpec {
            relation_types: TYPES[..types].iter().map(|one| i32::from(one.number())).collect(),
            max_results: 100,
            ..LookupSpec::default()
        }),
        seeds: seeds
            .iter()
            .map(|id| Seed { target: Some(Target::ProductId((*id).to_owned())), quantity: 3.0 })
            .collect(),
        exclude_product_ids: exclude.iter().map(|id| (*id).to_owned()).collect(),
        view: RecommendationView::Full.into(),
        ..GetRecommendationsRequest::default()
    };
    let every = (0..50).map(|product| format!("p{product:02}")).collect::<Vec<_>>();
    let every = every.iter().map(String::as_str).collect::<Vec<_>>();
    let mut all = vec![
        request(3, &every, &every[..49]),
        request(1, &["p10"], &[]),
        request(2, &["p10"], &[]),
        request(2, &["alias"], &["p11", "p12", "nobody"]),
        request(2, &["p02"], &["p11"]),
        request(3, &["p02", "p10", "p10", "p20"], &[]),
        request(1, &["nobody", "p10", "none"], &[]),
        request(1, &["nobody"], &[]),
    ];
    let small =
        LookupSpec { max_results: 3, min_score: Some(0.5), ..all[2].lookup.clone().unwrap() };
    all.push(GetRecommendationsRequest { lookup: Some(small), ..all[2].clone() });
    for view in [RecommendationView::Id, RecommendationView::Basic, RecommendationView::Unspecified]
    {
        all.push(GetRecommendationsRequest { view: view.into(), ..all[5].clone() });
    }
    all
}

#[test]
fn a_lookup_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop(&dir);
    let (policy, stock) = (Policy::default(), StockView::empty());
    let scene = Scene { view: snapshot.catalog().view(), policy: &policy, stock: &stock };
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let requests = requests();
    for (index, request) in requests.iter().chain(&requests).enumerate() {
        let lookup = request.lookup.as_ref().unwrap();
        let (visitor, at_s) = ("", 0);
        let context =
            Context { market: 0, inventory: 0, stage: None, visitor, at_s, is_as_of: false };
        let work = || {
            let types = lookup.relation_types.iter().copied().filter_map(RelationType::from_wire);
            let seeds = request.seeds.iter().map(|seed| {
                let Some(Target::ProductId(id)) = &seed.target else { panic!("{seed:?}") };
                QuerySeed::product(id, seed.quantity)
            });
            let mut query = Query::new(types, seeds).with_max_results(100);
            query.exclude = &request.exclude_product_ids;
            query.min_score = lookup.min_score.and_then(ScoreThreshold::new);
            let plan = Plan::new(&scene, &context, &query).unwrap();
            page.begin(&scene, [], Repeats::Refused);
            let answer = answer(&scene, &context, &query, &plan, &mut page, &mut scratch);
            (answer.picks.len(), answer.missing)
        };
        let ((picks, missing), count) = allocated(work);
        assert!(picks > 0 || missing > 0, "{request:?}");
        // The first round warms up, as the first requests of a server do.
        if index >= requests.len() {
            assert_eq!(count, NOTHING, "{request:?}");
        }
    }
}

/// What a server without feeds answers from.
fn moment(dir: &tempfile::TempDir) -> Moment {
    Moment { snapshot: Arc::new(shop(dir)), stock: Arc::new(StockView::empty()) }
}

#[test]
fn an_answer_allocates_its_reply_in_its_right_size() {
    let dir = tempfile::tempdir().unwrap();
    let moment = moment(&dir);
    let requests = requests();
    for (index, request) in requests.iter().chain(&requests).enumerate() {
        let (reply, count) = allocated(|| get_recommendations(&moment, request).unwrap());
        if index >= requests.len() {
            assert_eq!(count, Count { calls: 1, bytes: reply.into_frame().len() }, "{request:?}");
        }
    }
}

/// One page of each kind, the largest first: all single requests as slots of one page, with seeds of
/// their own or with those of the page.
fn pages() -> Vec<BatchGetRecommendationsRequest> {
    let requests = requests();
    let slots = |are_own: bool| {
        let slots = requests.iter().enumerate().map(|(index, request)| Slot {
            slot_id: format!("slot-{index}"),
            lookup: request.lookup.clone(),
            seeds: if are_own { request.seeds.clone() } else { Vec::new() },
        });
        slots.collect::<Vec<_>>()
    };
    let page =
        |are_own: bool, seeds: &[Seed], allow_duplicates: bool| BatchGetRecommendationsRequest {
            slots: slots(are_own),
            seeds: seeds.to_vec(),
            exclude_product_ids: vec!["p59".to_owned()],
            allow_duplicates,
            view: RecommendationView::Full.into(),
            ..BatchGetRecommendationsRequest::default()
        };
    vec![
        page(true, &requests[0].seeds, true),
        page(true, &[], false),
        page(false, &requests[1].seeds, true),
        page(false, &requests[5].seeds, false),
        page(false, &requests[6].seeds, false),
    ]
}

#[test]
fn a_page_allocates_its_reply_in_its_right_size() {
    let dir = tempfile::tempdir().unwrap();
    let moment = moment(&dir);
    let pages = pages();
    for (index, page) in pages.iter().chain(&pages).enumerate() {
        let (reply, count) = allocated(|| batch_get_recommendations(&moment, page).unwrap());
        let shown = reply.decoded_page().unwrap();
        let count_shown = shown.results.iter().map(|one| one.recommendations.len()).sum::<usize>();
        assert!(count_shown > 0 && shown.results.iter().all(|one| one.error.is_none()));
        if index >= pages.len() {
            assert_eq!(count, Count { calls: 1, bytes: reply.into_frame().len() }, "{page:?}");
        }
    }
}

#[test]
fn the_counter_counts() {
    let (_, count) = allocated(|| vec![0_u8; 100]);
    assert_eq!(count, Count { calls: 1, bytes: 100 });
    let (_, bytes) = largest(|| (vec![0_u8; 100], vec![0_u8; 90]));
    assert_eq!(bytes, 100);
    let (_, count) = allocated(|| std::hint::black_box(1));
    assert_eq!(count, NOTHING);
    let elsewhere = std::thread::spawn(|| allocated(|| vec![0_u8; 100]).1);
    assert_eq!(elsewhere.join().unwrap(), Count { calls: 1, bytes: 100 });
}
