//! The socket: whether it is where it should be, whose it is, and whether others could reach it.
//!
//! Whether anybody answers there, the caller knows: it is the one who asks.

use crate::{
    model::doctor::{DoctorReport, Finding, Level},
    paths::Paths,
};

/// The longest path that the kernel takes for a socket, without its end.
#[cfg(unix)]
const LONGEST: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

#[cfg(unix)]
pub(super) fn look(report: &mut DoctorReport, paths: &Paths) {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    let (path, me) = (paths.socket(), rustix::process::geteuid().as_raw());
    let told = paths.told(&path);
    let length = path.as_os_str().len();
    if length > LONGEST {
        let title = format!("The path of the socket is too long: {length} characters, and the system takes {LONGEST}");
        let mend = "Give Stagedoor a shorter folder: export STAGEDOOR_HOME=FOLDER, or XDG_RUNTIME_DIR=FOLDER";
        report.findings.push(Finding::new("socket_path_too_long", Level::Problem, "socket", title).because(told.clone()).mended_by(mend));
    }
    // The folder itself is looked at with the other files; here it counts whether one can be made.
    if let Some(error) = unwritable(paths) {
        let title = format!("The folder of the socket cannot be used: {} {error}", paths.told(&paths.runtime));
        let mend = format!("Check who owns it and its mode, or give Stagedoor another: export STAGEDOOR_HOME=FOLDER (now {})", paths.runtime.display());
        report.findings.push(Finding::new("socket_folder", Level::Problem, "socket", title).because("No agent can listen there").mended_by(mend));
    }
    let Ok(found) = std::fs::symlink_metadata(&path) else { return };
    if found.uid() != me {
        let title = format!("The socket {told} belongs to another user (uid {})", found.uid());
        let finding = Finding::new("socket_of_another_user", Level::Problem, "socket", title);
        report.findings.push(finding.because("Stagedoor tells it nothing, and no agent of yours can listen there").mended_by(format!("rm {}", path.display())));
    } else if !found.file_type().is_socket() {
        let finding = Finding::new("socket_is_none", Level::Problem, "socket", format!("What lies at {told} is no socket"));
        report.findings.push(finding.mended_by(format!("rm {}", path.display())));
    } else if found.mode() & 0o077 != 0 {
        let finding = Finding::new("socket_open", Level::Warning, "socket", format!("The socket {told} is open to others (mode {:04o})", found.mode() & 0o777));
        report.findings.push(
            finding
                .because("The agent answers only you whatever its mode, and still it should be yours alone")
                .mended_by(format!("chmod 600 {}", path.display()))
                .doing(super::files::private(&path)),
        );
    } else {
        report.findings.push(Finding::new("socket", Level::Ok, "socket", format!("The socket is {told}, for you only")));
    }
}

/// Why nothing can be made in the runtime folder or above it.
#[cfg(unix)]
fn unwritable(paths: &Paths) -> Option<String> {
    use rustix::fs::{Access, access};
    let there = paths.runtime.ancestors().find(|folder| folder.exists())?;
    if !there.is_dir() {
        return Some(format!("({} is no folder)", there.display()));
    }
    access(there, Access::WRITE_OK | Access::EXEC_OK).err().map(|error| format!("({}: {error})", there.display()))
}

#[cfg(not(unix))]
pub(super) fn look(report: &mut DoctorReport, paths: &Paths) {
    if paths.pipe_name().exists() {
        report.findings.push(Finding::new("socket", Level::Ok, "socket", format!("The name of the pipe stands in {}", paths.told(&paths.pipe_name()))));
    }
}
