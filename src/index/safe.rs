//! Whether a file may be mapped: who else could change it while it is read?
//!
//! A file is opened once, without following a link and without waiting for anyone, and every question
//! is asked of what was opened, so that nothing can take its place between question and use. A map
//! shows what others write into the file later, and ends the process where they cut it short; a copy
//! shows neither. So what is no regular file is refused, and what others could write is not mapped.

use std::{fs::File, path::Path};

use rustix::{
    fs::{FileType, Mode, OFlags, fstat, fstatfs, open},
    io::Errno,
    process::geteuid,
};

use super::error::Fault;

/// Rights of group and others to write.
const OTHERS_WRITE: u32 = 0o022;

/// File systems on which another machine, or a program in between, changes files unseen, and where a
/// failing network ends a process that reads a map. By the number that `statfs` gives.
const UNMAPPABLE: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xfe53_4d42, "SMB2"),
    (0xff53_4d42, "CIFS"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x5346_414f, "AFS"),
    (0x786f_4256, "a shared folder of VirtualBox"),
];

/// Why a file is not read as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsafeFile {
    /// No file of bytes. Whatever the way of loading, it is refused.
    #[error("expected a regular file, found {found}; publish with `kindred compile`")]
    NotRegular {
        /// What it is instead.
        found: &'static str,
    },
    /// Someone else's file, who may change it at any time.
    #[error(
        "expected the owner root or user {expected}, found user {found}; give it to that user, or \
         load it by `--load copy`"
    )]
    Owner {
        /// The effective user of this process.
        expected: u32,
        /// The file's owner.
        found: u32,
    },
    /// A file that others may write.
    #[error(
        "expected that only the owner may write, found mode {found:04o}; `chmod go-w` it, or load it \
         by `--load copy`"
    )]
    Mode {
        /// Its rights.
        found: u32,
    },
    /// A file that another machine may change, or that may vanish with a network.
    #[error("expected a local file system, found {found}; move the store, or use `--load copy`")]
    FileSystem {
        /// Its name.
        found: &'static str,
    },
}

/// A regular file, open for reading.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) size_bytes: u64,
    /// What speaks against mapping it.
    pub(super) unmappable: Option<UnsafeFile>,
}

/// Opens a regular file that is no link.
pub(super) fn open_regular(path: &Path) -> Result<Opened, Fault> {
    // A pipe that nobody writes to would otherwise be waited for.
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match open(path, how, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::LOOP) => return Err(not_regular("a symbolic link")),
        Err(Errno::NXIO) => return Err(not_regular("a socket or a device")),
        Err(errno) => return Err(Fault::io("open it")(errno.into())),
    };
    let stat = fstat(&file).map_err(|errno| Fault::io("read its metadata")(errno.into()))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(not_regular(name_of(kind)));
    }
    let system =
        fstatfs(&file).map_err(|errno| Fault::io("ask for its file system")(errno.into()))?;
    let facts = Facts {
        owner: stat.st_uid,
        mode: stat.st_mode & 0o7777,
        system: u64::try_from(system.f_type).unwrap_or_default(),
    };
    let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
    let unmappable = facts.against_mapping(geteuid().as_raw());
    Ok(Opened { file: File::from(file), size_bytes, unmappable })
}

/// What is asked of a regular file.
#[derive(Clone, Copy, Debug)]
struct Facts {
    owner: u32,
    mode: u32,
    system: u64,
}

impl Facts {
    fn against_mapping(self, user: u32) -> Option<UnsafeFile> {
        let Self { owner, mode, system } = self;
        if owner != 0 && owner != user {
            return Some(UnsafeFile::Owner { expected: user, found: owner });
        }
        if mode & OTHERS_WRITE != 0 {
            return Some(UnsafeFile::Mode { found: mode });
        }
        let known = UNMAPPABLE.iter().find(|(number, _)| *number == system);
        known.map(|(_, found)| UnsafeFile::FileSystem { found })
    }
}

fn not_regular(found: &'static str) -> Fault {
    Fault::UnsafeFile { why: UnsafeFile::NotRegular { found } }
}

fn name_of(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a directory",
        FileType::Fifo => "a pipe",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Socket => "a socket",
        FileType::Symlink => "a symbolic link",
        FileType::RegularFile | FileType::Unknown => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A local file system.
    const EXT4: u64 = 0xef53;

    #[track_caller]
    fn check(owner: u32, mode: u32, system: u64, expected: Option<&str>) {
        let found = Facts { owner, mode, system }.against_mapping(1_000);
        let said = found.map(|why| why.to_string());
        match (&said, expected) {
            (None, None) => {}
            (Some(said), Some(expected)) if said.contains(expected) => {}
            _ => panic!("expected {expected:?}, found {said:?}"),
        }
    }

    #[test]
    fn only_what_nobody_else_can_change_is_mapped() {
        for mode in [0o444, 0o644, 0o600, 0o755, 0o4444] {
            check(1_000, mode, EXT4, None);
            check(0, mode, EXT4, None);
        }
        check(1_001, 0o444, EXT4, Some("expected the owner root or user 1000, found user 1001"));
        for (mode, shown) in [(0o664, "0664"), (0o646, "0646"), (0o422, "0422"), (0o1666, "1666")] {
            check(1_000, mode, EXT4, Some(&format!("found mode {shown}")));
            check(0, mode, EXT4, Some(&format!("found mode {shown}")));
        }
    }

    #[test]
    fn files_of_other_machines_are_not_mapped() {
        for (number, name) in UNMAPPABLE {
            check(1_000, 0o444, number, Some(&format!("found {name}; move the store")));
        }
        // tmpfs, overlayfs, xfs, btrfs, zfs.
        for local in [0x0102_1994, 0x794c_7630, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1] {
            check(1_000, 0o444, local, None);
        }
    }
}
