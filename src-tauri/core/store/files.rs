//! Files as they must be written: whole or not at all, for their owner only, through symbolic links.
//!
//! The one door to writing files. A new text goes to a temporary file in the same folder, is flushed to the disk and
//! takes the old one's place in one call (`replace`); whatever fails on the way, a full disk above all, leaves the old file as
//! it was. A person's own files are changed under a [`Lock`], and only if they still are what was read.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::replace::{self, create_folders, folder_of, follow};
use crate::error::{Code, Error, Result};

/// Reads a file. `None` when there is none; an error with a hint when it is a folder or unreadable.
pub fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    match replace::read(path) {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot_read(path, &error)),
    }
}

/// Reads a text file. `None` when there is none; an error with a hint when it is a folder, unreadable or not UTF-8.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    let bytes = match replace::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(cannot_read(path, &error)),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|byte| *byte == b'\n').count();
        let mut bytes = error.into_bytes();
        zeroize::Zeroize::zeroize(&mut bytes);
        Error::new(Code::File, format!("{} is not UTF-8 text (line {line})", path.display()), "Open it in an editor and save it as UTF-8; nothing was changed")
    })
}

/// Reads a file whose reader has words of their own for what is wrong with it. Never waits, whatever lies there.
pub(crate) fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    replace::read(path)
}

/// As [`read_plain`], to be read in parts.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    replace::open(path)
}

fn cannot_read(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::IsADirectory => "There is a folder where a file should be; move it away",
        io::ErrorKind::PermissionDenied => "Check who owns the file and its folder, and its mode",
        io::ErrorKind::NotADirectory => "One of the folders on the way to it is a file; move that file away",
        _ => return Error::file("read", path, error),
    };
    Error::new(Code::File, format!("Could not read {}: {error}", path.display()), hint)
}

/// Replaces the file as a whole, mode 0600; creates it and its parents (0700) where they are missing. A symbolic link is
/// followed, not replaced. On any failure the old file is untouched and nothing is left behind.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    replace::replace(path, |file| file.write_all(bytes)).map_err(|error| Error::file("write", path, &error))
}

/// Replaces a person's own file if it still holds `expected` (`None`: if there still is none): then `true`. Mode, owner and
/// attributes stay as they are; a new file has mode 0600. A symbolic link is followed.
pub(crate) fn exchange(path: &Path, expected: Option<&[u8]>, next: &[u8]) -> Result<bool> {
    replace::exchange(path, expected, next).map_err(|error| Error::file("write", path, &error))
}

/// Removes a person's own file if it still holds `expected`: then `true`. A symbolic link to it stays.
pub(crate) fn take_away(path: &Path, expected: &[u8]) -> Result<bool> {
    replace::take_away(path, expected).map_err(|error| Error::file("remove", path, &error))
}

/// Removes what killed processes left of their writing in a folder of our own.
pub(crate) fn sweep(folder: &Path) {
    replace::sweep(folder, None);
}

/// Makes sure that the folder exists and is only for its owner (0700).
pub fn private_folder(path: &Path) -> Result<()> {
    create_folders(path).and_then(|()| owner_only(path)).map_err(|error| Error::file("make the private folder", path, &error))
}

/// Lets nobody but its owner at a file (0600) or a folder (0700) that is there.
pub fn make_private(path: &Path) -> Result<()> {
    #[cfg(unix)]
    let done = fs::metadata(path).and_then(|found| {
        let mode = if found.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
    });
    #[cfg(not(unix))]
    let done = path.metadata().map(|_| ());
    done.map_err(|error| Error::file("change the mode of", path, &error))
}

/// Removes a file; that it is not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Takes a file that is there away from everybody but its owner (0600).
pub fn only_for_its_owner(path: &Path) -> Result<()> {
    if !readable_by_others(path) {
        return Ok(());
    }
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(|error| Error::file("make private", path, &error))?;
    Ok(())
}

/// Whether others than the owner can read the file. Always false where modes do not exist.
pub fn readable_by_others(path: &Path) -> bool {
    #[cfg(unix)]
    return fs::metadata(path).is_ok_and(|meta| std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0);
    #[cfg(not(unix))]
    return {
        let _ = path;
        false
    };
}

/// How long another program's lock is waited for. Ours are held for a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps other Stagedoor processes from editing these files while it lives. Best effort: where folders cannot be locked, or
/// somebody else does not let go of them, there is no lock, and the comparison at each write still holds.
pub(crate) struct Lock {
    folders: Vec<File>,
}

impl Lock {
    /// Locks the folders in which the files really lie, and clears away what killed processes left of writing them. Blocks for two
    /// seconds at most.
    pub(crate) fn of(paths: &[&Path]) -> Self {
        Self::within(paths, PATIENCE)
    }

    fn within(paths: &[&Path], patience: Duration) -> Self {
        let end = Instant::now() + patience;
        let targets: Vec<PathBuf> = paths.iter().filter_map(|path| follow(path).ok()).collect();
        // In one order for everybody, each once, so that nobody waits for another in a circle.
        let mut folders: Vec<PathBuf> = targets.iter().filter_map(|target| fs::canonicalize(folder_of(target)).ok()).collect();
        folders.sort();
        folders.dedup();
        let locked: Vec<File> =
            folders.iter().filter(|folder| folder.is_dir()).filter_map(|folder| File::open(folder).ok().filter(|folder| locks(folder, end))).collect();
        let lock = Self { folders: locked };
        if lock.folders.len() == folders.len() {
            for target in &targets {
                replace::sweep(folder_of(target), target.file_name().and_then(|name| name.to_str()));
            }
        }
        lock
    }
}

/// Whether it could be locked before `end`.
fn locks(folder: &File, end: Instant) -> bool {
    loop {
        match folder.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return false,
        }
    }
}

fn owner_only(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    #[cfg(not(unix))]
    return path.metadata().map(|_| ());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn creates_parents_and_is_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/.aws/config");
        assert_eq!(read_text(&path).unwrap(), None);
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(names(path.parent().unwrap()), ["config"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    #[cfg(unix)]
    fn follows_links_even_to_nowhere() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("dotfiles")).unwrap();
        std::os::unix::fs::symlink("dotfiles/aws", home.path().join("config")).unwrap();
        for text in ["first", "second"] {
            write_atomic(&home.path().join("config"), text.as_bytes()).unwrap();
            assert!(home.path().join("config").is_symlink());
            assert_eq!(read_text(&home.path().join("dotfiles/aws")).unwrap().as_deref(), Some(text));
        }
        std::os::unix::fs::symlink("round", home.path().join("round")).unwrap();
        assert_eq!(write_atomic(&home.path().join("round"), b"x").unwrap_err().code, Code::File);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_loses_nothing() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        write_atomic(&path, b"[default]\n").unwrap();
        let error = replace::replace(&path, |file| {
            file.write_all(b"[def")?;
            fs::OpenOptions::new().write(true).open("/dev/full")?.write_all(b"ault]\n")
        })
        .unwrap_err();
        let error = Error::file("write", &path, &error);
        assert_eq!((error.code, error.hint.contains("disk space")), (Code::File, true));
        assert_eq!(read_text(&path).unwrap().as_deref(), Some("[default]\n"));
        assert_eq!(names(home.path()), ["config"]);
    }

    #[test]
    fn says_what_is_wrong_with_a_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = read_text(home.path()).unwrap_err();
        assert!(folder.hint.contains("folder"), "{folder:?}");
        let path = home.path().join("config");
        write_atomic(&path, b"[default]\nregion = \xff\n").unwrap();
        let error = read_text(&path).unwrap_err();
        assert!(error.message.contains("UTF-8") && error.message.contains("line 2") && error.hint.contains("UTF-8"), "{error:?}");
        assert_eq!(write_atomic(&path.join("below"), b"x").unwrap_err().code, Code::File);
    }

    #[test]
    fn a_lock_that_nobody_lets_go_of_is_not_waited_for_for_ever() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        let other = File::open(home.path()).unwrap();
        other.lock().unwrap();
        assert!(Lock::within(&[&path], Duration::from_millis(20)).folders.is_empty());
        drop(other);
        assert_eq!(Lock::within(&[&path], PATIENCE).folders.len(), 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_file_is_refused_at_once() {
        use rustix::fs::{CWD, Mode, mkfifoat};
        let home = tempfile::tempdir().unwrap();
        let (pipe, socket, circle) = (home.path().join("pipe"), home.path().join("socket"), home.path().join("circle"));
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&pipe, home.path().join("link")).unwrap();
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        let what = [("pipe", "a named pipe"), ("link", "a named pipe"), ("socket", "a socket")].map(|(name, what)| (home.path().join(name), what));
        for (path, what) in what.into_iter().chain([(PathBuf::from("/dev/null"), "a device")]) {
            let written = if path.starts_with(home.path()) { exchange(&path, Some(b""), b"x").unwrap_err() } else { read_text(&path).unwrap_err() };
            for error in [read(&path).unwrap_err(), read_text(&path).unwrap_err(), written] {
                assert!(error.message.contains(&format!("it is {what}, not a file")) && error.hint.contains("regular file"), "{error:?}");
            }
        }
        for error in [read(&circle).unwrap_err(), write_atomic(&circle, b"x").unwrap_err(), exchange(&circle, None, b"x").unwrap_err()] {
            assert!(error.hint.contains("in a circle"), "{error:?}");
        }
        assert_eq!(names(home.path()), ["circle", "link", "pipe", "socket"]);
    }

    #[test]
    fn private_folders_are_private() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("run/stagedoor");
        private_folder(&folder).unwrap();
        private_folder(&folder).unwrap();
        assert!(folder.is_dir() && !readable_by_others(&folder));
        remove(&folder.join("absent")).unwrap();
    }
}
