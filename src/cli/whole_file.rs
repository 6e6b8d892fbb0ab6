//! A file for people and scripts that is there whole or not at all.

use std::{fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::Context as _;
use tempfile::NamedTempFile;

/// A file that is written beside its name first, so that no reader sees half of it.
pub(super) struct WholeFile<'a> {
    /// `the report`, for errors.
    what: &'static str,
    path: &'a Path,
    file: NamedTempFile,
}

impl<'a> WholeFile<'a> {
    /// Opens it, so that a file that cannot be written is known before the work is done.
    pub(super) fn create(what: &'static str, path: &'a Path) -> anyhow::Result<Self> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let file = NamedTempFile::new_in(dir.unwrap_or(Path::new(".")));
        Ok(Self { what, path, file: file.with_context(|| cannot_write(what, path))? })
    }

    /// Writes it and gives it its name.
    pub(super) fn put(mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let context = || cannot_write(self.what, self.path);
        self.file.write_all(bytes).with_context(context)?;
        // A temporary file is its owner's alone; this one is for everyone.
        let everyone = Permissions::from_mode(0o644);
        self.file.as_file().set_permissions(everyone).with_context(context)?;
        self.file.persist(self.path).with_context(context)?;
        Ok(())
    }
}

fn cannot_write(what: &str, path: &Path) -> String {
    format!("cannot write {what} to {}", path.display())
}
