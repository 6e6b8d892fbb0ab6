//! Goal 11: compiling from tables, with what it read and wrote on this disk.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{Run, duel::Spread, figure::Figure};

#[path = "../support/parquet.rs"]
mod parquet;

const MINUTE: f64 = 60.0;

/// Minutes to compile 300 million relations, from CSV and from Parquet. It takes a quarter of an hour
/// and tens of gigabytes of disk, so it is measured by name only: `--full --only 11`.
pub(crate) fn goals(run: &Run) -> Vec<Figure> {
    let csv =
        Figure::less("11a", "minutes to compile 300 M relations from CSV").floor(8.0).aim(5.0);
    let parquet =
        Figure::less("11b", "minutes to compile 300 M relations from Parquet").floor(5.0).aim(3.0);
    if !(run.is_full && run.only.iter().any(|goal| goal == "11")) {
        return vec![csv, parquet.note("--full --only 11")];
    }
    let tables = once(run, "tables", |tables| {
        let mut generate = Command::new(env!("CARGO_BIN_EXE_kindred"));
        generate.args(["generate", "--products", "10000000", "--relations", "30", "--out"]);
        assert!(generate.arg(tables).status().unwrap().success());
    });
    let from_csv = measured(run, csv, &tables);
    let with_parquet = once(run, "parquet", |made| {
        fs::create_dir(made).unwrap();
        parquet::with_parquet(&tables, made);
    });
    vec![from_csv, measured(run, parquet, &with_parquet)]
}

/// Makes a directory, unless an earlier run made it whole.
fn once(run: &Run, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let (made, is_whole) = (run.dir.join(name), run.dir.join(format!("{name}.whole")));
    if !is_whole.exists() {
        fs::remove_dir_all(&made).ok();
        make(&made);
        File::create(is_whole).unwrap();
    }
    made
}

fn measured(run: &Run, figure: Figure, tables: &Path) -> Figure {
    let (took, peak_bytes) = compile(run, tables);
    let minutes = took.as_secs_f64() / MINUTE;
    let note = format!("peak {:.2} GiB resident", peak_bytes as f64 / f64::from(1 << 30));
    figure.measured(Spread::of([minutes])).note(note)
}

/// How long it took, and the most memory it held.
fn compile(run: &Run, tables: &Path) -> (Duration, u64) {
    let store = run.dir.join("compiled");
    fs::remove_dir_all(&store).ok();
    let mut compile = Command::new(env!("CARGO_BIN_EXE_kindred"));
    compile.arg("compile").arg("--from").arg(tables).arg("--store").arg(&store);
    crate::child::pin(&run.cores.all);
    let start = Instant::now();
    let mut child = compile.spawn().unwrap();
    crate::child::pin(&run.cores.asker);
    let mut peak_bytes = 0;
    let status = loop {
        peak_bytes = crate::child::resident_bytes(child.id()).unwrap_or(0).max(peak_bytes);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success());
    (start.elapsed(), peak_bytes)
}
