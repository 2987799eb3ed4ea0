//! What cannot be read is set aside, not deleted: renamed beside itself, with the time in its name.
//!
//! A person (or a newer version that wrote it) may still want it. Only the last few are kept, so that a file that breaks
//! again and again does not fill the disk.

use std::{fs, io, path::Path};

use time::{OffsetDateTime, macros::format_description};

/// How many set-aside copies of one file are kept.
const KEPT: usize = 3;

/// Renames `path` to `path.set-aside-20261123T090000Z` and returns the new file name.
pub(crate) fn set_aside(path: &Path, now: OffsetDateTime) -> io::Result<String> {
    let stamp = now.to_utc().format(format_description!("[year][month][day]T[hour][minute][second]Z")).map_err(io::Error::other)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
    let prefix = format!("{name}.set-aside-");
    let aside = format!("{prefix}{stamp}");
    fs::rename(path, path.with_file_name(&aside))?;
    let mut older: Vec<_> = fs::read_dir(path.parent().unwrap_or(Path::new(".")))?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect();
    // The stamps sort as text.
    older.sort();
    for surplus in older.iter().rev().skip(KEPT) {
        fs::remove_file(surplus)?;
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn only_the_last_few_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.sealed");
        for day in 1..=5 {
            fs::File::create(&path).unwrap();
            let aside = set_aside(&path, datetime!(2026-11-23 09:00 UTC) + time::Duration::days(day)).unwrap();
            assert_eq!(aside, format!("sessions.sealed.set-aside-202611{}T090000Z", 23 + day));
        }
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [26, 27, 28].map(|day| format!("sessions.sealed.set-aside-202611{day}T090000Z")));
    }
}
