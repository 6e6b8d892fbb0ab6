//! Goal: the catalog says what the graph says, where each relation was read, and nothing of the order
//! of rows. Method: graphs of a few records, compiled into files and opened as a server would.

mod blobs;
mod compare;
mod guards;
mod report;
mod shown;

use std::fs;

use tempfile::NamedTempFile;

use super::*;
use crate::{
    graph::{GraphBuilder, MemoryRuns, MemoryStore},
    index::{Catalog, Dropped, Ordinal, Provenance, UnverifiedBlob, View},
    model::{
        config::{CatalogConfig, Market},
        currency::Currency,
        record::{FileInfo, Location, ProductRecord, Record, RecordSink as _, RelationRecord},
        relation::{Origin, RelationType},
    },
};

/// Markets `eu` in euros (default) and `uk` in pounds.
fn config() -> CatalogConfig {
    let market = |id: &str, code| Market {
        id: id.to_owned(),
        currency: Currency::parse(code).unwrap(),
        default_inventory: 0,
    };
    CatalogConfig {
        markets: vec![market("eu", "EUR"), market("uk", "GBP")],
        ..CatalogConfig::default()
    }
}

fn product(id: &str) -> Record<'_> {
    Record::Product(ProductRecord { id, ..ProductRecord::default() })
}

fn link<'a>(source: &'a str, relation_type: &'a str, target: &'a str) -> RelationRecord<'a> {
    RelationRecord::new(source, relation_type, target, Origin::Imported)
}

/// Products `a` to `f` and these relations.
fn shop<'a>(relations: &[RelationRecord<'a>]) -> Vec<Record<'a>> {
    let mut records = ["a", "b", "c", "d", "e", "f"].map(product).to_vec();
    records.extend(relations.iter().cloned().map(Record::Relation));
    records
}

/// A graph of files, whose names are those of their sources, too.
fn graph_of(config: CatalogConfig, files: &[(&str, &[Record<'_>])]) -> Graph<MemoryRuns> {
    let mut builder = GraphBuilder::new(config, MemoryStore::with_chunk_edges(3));
    for (name, records) in files {
        builder.begin_source(name);
        let info = FileInfo { name: format!("{name}.csv"), modified_s: Some(1_700_000_000) };
        let file = builder.open_file(info);
        for (line, record) in (1..).zip(*records) {
            builder.record(Location { file, line }, record.clone());
        }
    }
    builder.finish().unwrap()
}

fn graph(records: &[Record<'_>]) -> Graph<MemoryRuns> {
    graph_of(config(), &[("shop", records)])
}

/// Blobs in files that are gone already: the maps keep their bytes.
struct Compiled {
    catalog: Catalog,
    provenance: Provenance,
    dropped: Dropped,
    /// Of the three files.
    bytes: [Vec<u8>; 3],
}

fn compile<R: SortedRuns>(graph: &Graph<R>) -> Compiled {
    let files = [(); 3].map(|()| NamedTempFile::new().unwrap());
    let output = |index: usize| {
        let path: &Path = files[index].path();
        Output { file: files[index].reopen().unwrap(), path }
    };
    let pending = write_catalog(graph, output(0), output(1)).unwrap();
    let catalog = Catalog::open(files[0].path(), None).unwrap();
    let hash = catalog.blob().hash();
    pending.finish(hash).unwrap();
    let blob = UnverifiedBlob::open(files[1].path()).unwrap().verify(None).unwrap();
    let provenance = Provenance::from_blob(blob, &catalog.view(), hash).unwrap();
    write_dropped_relations(graph, output(2)).unwrap();
    let blob = UnverifiedBlob::open(files[2].path()).unwrap().verify(None).unwrap();
    let dropped = Dropped::from_blob(blob).unwrap();
    let bytes = files.each_ref().map(|file| fs::read(file.path()).unwrap());
    Compiled { catalog, provenance, dropped, bytes }
}

fn compiled(records: &[Record<'_>]) -> Compiled {
    compile(&graph(records))
}

fn find(view: &View<'_>, id: &str) -> Ordinal {
    view.find(id).expect(id)
}

/// `target score marks` of each relation of a product and type: `s` scored, `r` has a rare record,
/// `m` limited to markets, `v` reversed.
fn run_of(view: &View<'_>, source: &str, relation_type: RelationType) -> Vec<String> {
    use crate::index::layout::META_RARE;
    let run = view.block(find(view, source)).run(relation_type);
    let show = |edge: &Edge| {
        let marks =
            [(META_SCORED, 's'), (META_RARE, 'r'), (META_MARKETS, 'm'), (META_REVERSED, 'v')];
        let marks =
            marks.iter().filter(|(bit, _)| edge.meta.get() & bit != 0).map(|(_, mark)| mark);
        let target = view.id(Ordinal(edge.target.get()));
        format!("{target} {} {}", edge.score.get(), marks.collect::<String>()).trim_end().to_owned()
    };
    run.edges().iter().map(show).collect()
}
