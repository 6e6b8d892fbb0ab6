//! Every hostile input gets an error or a finding with file, line and field; every table gives the
//! records it says. Files are written to a directory of their own and read through [`super::format`].

mod akeneo;
mod bounds;
mod catalog_toml;
mod deltas;
mod detect;
mod golden;
mod hostile;
mod hostile_set;
mod json;
mod kindred;
mod magento;
mod magento_rest;
mod mapping;
#[cfg(feature = "parquet")]
mod parquet;
mod properties;
mod ranked;
mod salsify;
mod shopify;
mod shopware;
mod sink;
mod unpack;
mod woocommerce;

use std::{fs, io::Write};

use tempfile::TempDir;

use self::sink::Collected;
use super::{SourceError, format};

/// A directory with these files.
fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().write_all(bytes).unwrap();
    }
    directory
}

/// Reads these files as a directory.
fn read(format_name: &str, files: &[(&str, &[u8])]) -> Collected {
    let directory = directory(files);
    let mut collected = Collected::default();
    format(format_name).unwrap().read(directory.path(), &mut collected).unwrap();
    collected
}

/// Reads these files and expects an error with this text, `DIR` for the directory.
#[track_caller]
fn refused(format_name: &str, files: &[(&str, &[u8])], expected: &str) -> SourceError {
    let directory = directory(files);
    let result = format(format_name).unwrap().read(directory.path(), &mut Collected::default());
    let error = result.unwrap_err();
    let text = error.to_string().replace(directory.path().to_str().unwrap(), "DIR");
    assert_eq!(text, expected);
    error
}

#[test]
fn formats_are_found_by_name() {
    assert_eq!(format("akeneo").unwrap().name, "akeneo");
    assert_eq!(format("kindred").unwrap().name, "kindred");
    assert_eq!(format("magento").unwrap().name, "magento");
    for name in ["mapping", "salsify", "wisepim"] {
        assert_eq!(format(name).unwrap().name, name);
    }
    assert!(format("").is_none());
    assert!(format("oracle").is_none());
}
