//! The other way in which a file is written: whole lines are added at its end, for its owner only.
//!
//! No symbolic link is followed, and nothing but a plain file is written to. A line that a crash or a power cut tore stays where it
//! is, and what comes next begins on a line of its own. What could not be written whole is taken back, so that it can be tried again.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Adds whole lines, each with its end, and makes sure that they are on the disk.
pub(crate) fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = open(path, &mut options)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let length = file.metadata()?.len();
    let written = end_torn_line(&mut file, length).and_then(|()| file.write_all(lines)).and_then(|()| file.sync_data());
    if written.is_err() {
        // The first failure is the one to report.
        let _ = file.set_len(length);
    }
    written
}

/// Opens a plain file for reading, by the same rules.
pub(crate) fn read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

fn end_torn_line(file: &mut File, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // A pipe that somebody put there must not hold us up either.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, i32::try_from(flags).unwrap_or_default());
    }
    // FILE_FLAG_OPEN_REPARSE_POINT: the link itself, which is then no plain file.
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::custom_flags(options, 0x0020_0000);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file")) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_are_added_and_a_torn_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        append(&path, b"one\n").unwrap();
        append(&path, b"two\nthr").unwrap();
        append(&path, b"four\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthr\nfour\n");
    }

    #[test]
    #[cfg(unix)]
    fn it_is_for_its_owner_even_where_it_was_opened_up() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        append(&path, b"one\n").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        append(&path, b"two\n").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    #[cfg(unix)]
    fn links_pipes_and_folders_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::File::create(&target).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(append(&link, b"x\n").is_err() && read(&link).is_err());
        assert_eq!(target.metadata().unwrap().len(), 0);
        assert!(append(folder.path(), b"x\n").is_err());
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(append(&pipe, b"x\n").is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_device_that_is_full_is_no_plain_file() {
        assert!(append(Path::new("/dev/full"), b"x\n").is_err());
    }
}
