//! Locks on the folders of the AWS files, and what killed processes left of writing files.
//!
//! Another program can hold those folders, so they are waited for where nobody else is held up. Whoever locks them clears them up; at
//! the start that happens beside the first requests. Our own folders nobody else has.

use super::Agent;
use crate::{
    error::{Code, Error, Result},
    store::{aws_files::edit, files},
};

impl Agent {
    /// Clears up our own folders.
    pub(super) fn clear_up(&self) {
        let paths = &self.0.parts.paths;
        for folder in [&paths.config, &paths.data] {
            files::sweep(folder);
        }
    }

    /// Clears up beside the AWS files, and lets nobody wait for it.
    pub(super) fn sweep_aws_files(&self) {
        let paths = self.0.parts.paths.clone();
        drop(tokio::task::spawn_blocking(move || drop(edit::lock(&paths))));
    }

    /// Keeps other Stagedoor processes from editing the AWS files, as far as they let it.
    pub(super) async fn lock_aws_files(&self) -> Result<files::Lock> {
        let paths = self.0.parts.paths.clone();
        let locked = tokio::task::spawn_blocking(move || edit::lock(&paths)).await;
        locked.map_err(|_| Error::new(Code::File, "The AWS files could not be locked", "Try again"))
    }
}
