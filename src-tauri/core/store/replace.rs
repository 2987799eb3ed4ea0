//! One file in the place of another, system call by system call: never half, never neither.
//!
//! The new text goes to a temporary file in the same folder, is flushed, and takes the old one's place in one call. Where the
//! text was made from an older one ([`exchange`]), the two change places and what came out is looked at: if somebody else has
//! written meanwhile, they change back and nobody's work is lost. Mode, owner and attributes of a file that is there are kept.
//! [`super::files`] is the door to this; nothing else calls it.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use zeroize::Zeroizing;

use super::steps::step;

/// The longest way through symbolic links that is followed, as in Linux.
const LINKS: usize = 40;

/// What stands in the name of every temporary file, before the process ID.
const MARK: &str = ".stagedoor-";

/// Where the bytes really go: the end of a chain of symbolic links, also when nothing is there yet.
pub(super) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut here = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&here) {
            Ok(next) => here = here.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)),
            Err(_) => return Ok(here),
        }
    }
    #[cfg(unix)]
    return Err(rustix::io::Errno::LOOP.into());
    #[cfg(not(unix))]
    Err(io::Error::other("too many symbolic links"))
}

/// Opens a regular file for reading. What is none is an error and not waited for: a named pipe would keep whoever opens it for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    match options.open(path) {
        Ok(file) => file.metadata().and_then(regular).map(|_| file),
        // A socket cannot even be opened.
        Err(error) => Err(fs::metadata(path).and_then(regular).err().filter(|why| why.kind() == io::ErrorKind::InvalidInput).unwrap_or(error)),
    }
}

/// Reads a regular file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.read_to_end(&mut bytes).map(|_| bytes)
}

/// Refuses what is no file, in the words that a person has for it.
fn regular(metadata: Metadata) -> io::Result<Metadata> {
    if metadata.is_file() {
        return Ok(metadata);
    }
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    #[cfg(unix)]
    let what = {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            "a named pipe"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        }
    };
    #[cfg(not(unix))]
    let what = "something else";
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file")))
}

/// The folder of a file that was [`follow`]ed.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Replaces whatever is there, mode 0600.
pub(super) fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = follow(path)?;
    let folder = folder_of(&target);
    create_folders(folder)?;
    let temporary = Temporary::beside(&target, folder)?;
    temporary.or_away(|temporary| {
        temporary.fill(write, None)?;
        fs::rename(&temporary.path, &target)
    })?;
    sync_folder(folder);
    Ok(())
}

/// Replaces the file if it still holds `expected` (`None`: if there still is none). `false`: it does not, and it is as it was.
pub(super) fn exchange(path: &Path, expected: Option<&[u8]>, next: &[u8]) -> io::Result<bool> {
    let target = step("readlink", || follow(path))?;
    let folder = folder_of(&target);
    step("mkdir", || create_folders(folder))?;
    let old = step("stat", || match fs::metadata(&target) {
        Ok(metadata) => regular(metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    })?;
    let temporary = step("open", || Temporary::beside(&target, folder))?;
    let done = temporary.or_away(|temporary| {
        // In two parts, so that a test can end between them.
        let (first, second) = next.split_at(next.len() / 2);
        let write = |file: &mut File| {
            step("write", || file.write_all(first))?;
            step("write", || file.write_all(second))
        };
        temporary.fill(write, old.as_ref().map(|old| (target.as_path(), old)))?;
        if !step("read", || holds(&target, expected))? {
            return Ok(false);
        }
        match expected {
            Some(expected) => change_places(&temporary.path, &target, expected, next),
            None => put_where_nothing_is(&temporary.path, &target),
        }
    })?;
    // Whatever lies there now is not the file: our text that was not wanted, or the old one.
    let _ = step("unlink", || fs::remove_file(&temporary.path));
    if done {
        let _ = step("fsync folder", || {
            sync_folder(folder);
            Ok(())
        });
    }
    Ok(done)
}

/// Removes the file at the end of the links if it still holds `expected`.
pub(super) fn take_away(path: &Path, expected: &[u8]) -> io::Result<bool> {
    let target = step("readlink", || follow(path))?;
    if !step("read", || holds(&target, Some(expected)))? {
        return Ok(false);
    }
    step("unlink", || fs::remove_file(&target))?;
    let _ = step("fsync folder", || {
        sync_folder(folder_of(&target));
        Ok(())
    });
    Ok(true)
}

/// Removes temporary files that were left in a folder: those of files named `name`, or all whose process is gone.
pub(super) fn sweep(folder: &Path, name: Option<&str>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let found = entry.file_name();
        let Some((of, rest)) = found.to_str().and_then(|found| found.strip_prefix('.')?.split_once(MARK)) else { continue };
        let left = match name {
            Some(name) => of == name,
            None => rest.split('-').next().and_then(|pid| pid.parse().ok()).is_some_and(is_gone),
        };
        if left {
            // One that cannot be removed now is tried again at the next write.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(unix)]
fn is_gone(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid).is_none_or(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_gone(_pid: i32) -> bool {
    false
}

pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file beside the one that it shall become.
struct Temporary {
    file: std::cell::RefCell<Option<File>>,
    path: PathBuf,
}

impl Temporary {
    fn beside(target: &Path, folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = target.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?.to_string_lossy().into_owned();
        loop {
            let path = folder.join(format!(".{name}{MARK}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            match options.open(&path) {
                Ok(file) => return Ok(Self { file: Some(file).into(), path }),
                // Left by a process that was killed and had the same ID.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Does something with it; whatever fails, it is gone.
    fn or_away<T>(&self, act: impl FnOnce(&Self) -> io::Result<T>) -> io::Result<T> {
        // The first failure is the one to report.
        act(self).inspect_err(|_| drop(fs::remove_file(&self.path)))
    }

    /// Writes, takes over what the old file looks like from outside, flushes and closes.
    fn fill(&self, write: impl FnOnce(&mut File) -> io::Result<()>, old: Option<(&Path, &Metadata)>) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        write(&mut file)?;
        if let Some((target, old)) = old {
            step("chmod", || look_like(&file, target, old))?;
        }
        step("fsync", || file.sync_all())
    }
}

/// Owner, mode and attributes as the old file has them, as far as this user may set them. The mode comes last: it counts.
#[cfg(unix)]
fn look_like(file: &File, target: &Path, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) && fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
        let _ = fchown(file, None, Some(old.gid()));
    }
    copy_attributes(file, target);
    file.set_permissions(fs::Permissions::from_mode(old.permissions().mode() & 0o777))
}

#[cfg(not(unix))]
fn look_like(_file: &File, _target: &Path, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Access lists, labels and a person's own attributes. Best effort: not every file system has them.
#[cfg(target_os = "linux")]
fn copy_attributes(file: &File, target: &Path) {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
    let Ok(old) = open(target) else { return };
    let mut names = [0_u8; 4096];
    let Ok(length) = flistxattr(&old, &mut names[..]) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = [0_u8; 4096];
        if let Ok(length) = fgetxattr(&old, name, &mut value[..]) {
            let _ = fsetxattr(file, name, &value[..length], XattrFlags::empty());
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn copy_attributes(_file: &File, _target: &Path) {}

/// Whether the file holds exactly this; `None`: is not there.
fn holds(path: &Path, expected: Option<&[u8]>) -> io::Result<bool> {
    match read(path).map(Zeroizing::new) {
        Ok(bytes) => Ok(expected == Some(&bytes[..])),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(expected.is_none()),
        Err(error) => Err(error),
    }
}

/// The two files change places; if what comes out is not `expected`, they change back. Afterwards `temporary` may be removed.
#[cfg(target_os = "linux")]
fn change_places(temporary: &Path, target: &Path, expected: &[u8], next: &[u8]) -> io::Result<bool> {
    use rustix::{
        fs::{CWD, RenameFlags, renameat_with},
        io::Errno,
    };
    let exchange = || renameat_with(CWD, temporary, CWD, target, RenameFlags::EXCHANGE).map_err(io::Error::from);
    match step("exchange", exchange) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        // A file system that cannot do it: then the look just before has to do.
        Err(error) if [Errno::INVAL, Errno::NOSYS].map(|errno| Some(errno.raw_os_error())).contains(&error.raw_os_error()) => {
            return step("rename", || fs::rename(temporary, target)).map(|()| true);
        }
        Err(error) => return Err(error),
    }
    // What lies beside now is the file of before. If it is not what it should be, somebody wrote it meanwhile, and it goes back.
    let seen = step("read displaced", || holds(temporary, Some(expected)));
    if matches!(seen, Ok(true)) {
        return seen;
    }
    match step("exchange back", exchange) {
        // Somebody replaced even ours in that moment: the newest one stays.
        Ok(()) if !holds(temporary, Some(next)).unwrap_or(true) => drop(exchange()),
        Ok(()) => {}
        Err(_) => fs::rename(temporary, target)?,
    }
    seen
}

#[cfg(not(target_os = "linux"))]
fn change_places(temporary: &Path, target: &Path, _expected: &[u8], _next: &[u8]) -> io::Result<bool> {
    step("rename", || fs::rename(temporary, target)).map(|()| true)
}

/// A file where none was; `false`: there is one by now. Linking fails where a name is taken, everywhere.
fn put_where_nothing_is(temporary: &Path, target: &Path) -> io::Result<bool> {
    match step("link", || fs::hard_link(temporary, target)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // A file system without links.
        Err(_) => step("rename", || fs::rename(temporary, target)).map(|()| true),
    }
}

/// Makes the rename itself survive a power cut. The file is complete either way, so a failure here is none.
fn sync_folder(folder: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}
