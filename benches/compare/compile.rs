//! Goal 11: compiling from tables, with what it read and wrote on this disk.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{Run, duel::Spread, figure::Figure};

const MINUTE: f64 = 60.0;

/// Minutes to compile 300 million relations, from CSV. It takes minutes and tens of gigabytes of
/// disk, so it is measured by name only: `--full --only 11`.
pub(crate) fn goals(run: &Run) -> Vec<Figure> {
    let csv =
        Figure::less("11a", "minutes to compile 300 M relations from CSV").floor(8.0).aim(5.0);
    let parquet =
        Figure::less("11b", "minutes to compile 300 M relations from Parquet").floor(5.0).aim(3.0);
    if !(run.is_full && run.only.iter().any(|goal| goal == "11")) {
        return vec![csv, parquet.note("--full --only 11")];
    }
    let tables = run.dir.join("tables");
    if !tables.join("whole").exists() {
        let mut generate = Command::new(env!("CARGO_BIN_EXE_kindred"));
        generate.args(["generate", "--products", "10000000", "--relations", "30", "--out"]);
        assert!(generate.arg(&tables).status().unwrap().success());
        fs::File::create(tables.join("whole")).unwrap();
    }
    let (took, peak_bytes) = compile(run, &tables);
    let minutes = took.as_secs_f64() / MINUTE;
    let note = format!("peak {:.2} GiB resident", peak_bytes as f64 / f64::from(1 << 30));
    vec![
        csv.measured(Spread::of([minutes])).note(note),
        parquet.note("no tool here writes such tables"),
    ]
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
