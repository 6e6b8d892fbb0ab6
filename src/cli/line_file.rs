//! Files of which each line is one thing: ids, recorded requests, lists.

use std::{fs, io::Read as _, path::Path};

use anyhow::{Context as _, bail};

use crate::model::limits::{LOAD_FILE_BYTES_MAX, LOAD_PRODUCTS_MAX};

/// A whole file, or standard input for `-`.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let (at, mut text) = (path.display(), String::new());
    let most = LOAD_FILE_BYTES_MAX + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        let file = fs::File::open(path).with_context(|| format!("cannot open {at}"))?;
        file.take(most).read_to_string(&mut text)
    };
    let length = read.with_context(|| format!("cannot read {at}"))?;
    if length as u64 > LOAD_FILE_BYTES_MAX {
        bail!("{at} has more than {LOAD_FILE_BYTES_MAX} bytes; a part of it is as good");
    }
    Ok(text)
}

/// Lines that hold something, with their numbers.
pub(super) fn lines(text: &str) -> anyhow::Result<Vec<(usize, &str)>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let lines = lines.take(LOAD_PRODUCTS_MAX + 1).collect::<Vec<_>>();
    if lines.len() > LOAD_PRODUCTS_MAX {
        bail!("expected at most {LOAD_PRODUCTS_MAX} lines; a part of them is as good");
    }
    Ok(lines)
}
