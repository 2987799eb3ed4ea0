//! To be swapped for `files.rs`: the least that writes a file whole or not at all, mode 0600 in a 0700 folder.

use std::{fs, io::Write, path::Path};

use crate::error::{Error, Result};

/// Replaces `path` by `bytes`.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let attempt = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        builder.create(folder)?;
        let scratch = path.with_extension("writing");
        let mut file = options.open(&scratch)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&scratch, path)
    };
    attempt().map_err(|error| Error::file("write", path, &error))
}
