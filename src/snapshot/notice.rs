//! Noticing that a track changed, by the time its directory was last written.
//!
//! The system could tell of it (inotify), but to give such a watch back takes the kernel seconds while
//! every core is busy, and the process does not end before; one `stat` now and then costs nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How often the directory's time is looked at.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What is known of a directory's time.
#[derive(Debug)]
pub(super) struct Notice {
    dir: PathBuf,
    modified: Option<SystemTime>,
    /// Say once more that it changed: what was written in the same tick of the file system's clock
    /// as the change that was seen does not move the time again.
    is_again: bool,
}

impl Notice {
    /// Begins with the time of now.
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), modified: modified(dir), is_again: true }
    }

    /// Whether something may have been written into the directory since it was asked last. A directory
    /// that cannot be looked at is one that changed when it goes and when it comes.
    pub(super) fn is_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.modified, modified(&self.dir));
        let is_moved = self.modified != before;
        std::mem::replace(&mut self.is_again, is_moved) || is_moved
    }
}

fn modified(dir: &Path) -> Option<SystemTime> {
    fs::metadata(dir).and_then(|metadata| metadata.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_of_twice_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::open(dir.path()).unwrap().set_modified(time).unwrap();
        };
        at(1);
        let mut notice = Notice::new(dir.path());
        let mut told = |seconds| {
            at(seconds);
            notice.is_changed()
        };
        // The first one: what was written in the tick in which it began.
        assert_eq!([1, 1, 1].map(&mut told), [true, false, false]);
        assert_eq!([2, 2, 2].map(&mut told), [true, true, false]);
        assert_eq!([3, 4, 4, 4].map(&mut told), [true, true, true, false]);
        // A clock that was set back is a change, too.
        assert_eq!([2, 2, 2].map(&mut told), [true, true, false]);
    }

    #[test]
    fn a_directory_that_comes_later_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let track = dir.path().join("track");
        let mut notice = Notice::new(&track);
        assert_eq!([(); 2].map(|()| notice.is_changed()), [true, false]);
        fs::create_dir(&track).unwrap();
        assert_eq!([(); 3].map(|()| notice.is_changed()), [true, true, false]);
        fs::File::create(track.join("manifest")).unwrap();
        fs::remove_dir_all(&track).unwrap();
        assert_eq!([(); 3].map(|()| notice.is_changed()), [true, true, false]);
    }
}
