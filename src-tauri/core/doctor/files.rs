//! The files: whether they are there and can be read, who else can, where links lead, which lines are broken.
//!
//! The AWS files belong to the person and are often open to others or linked from somewhere; Stagedoor's own are made private and
//! should have stayed so.

use std::{fs, path::Path};

use super::Origins;
use crate::{
    error::Result,
    model::{
        doctor::{DoctorReport, FileFinding, Finding, Level, Mending},
        profile::ProfileName,
    },
    paths::Paths,
    store::{aws_files::AwsFiles, record::Record, settings::SettingsFile, vault::Vault},
};

/// What is looked at: the path, what it is for, whether it is Stagedoor's own.
pub(super) fn places(paths: &Paths) -> Vec<(std::path::PathBuf, &'static str, bool)> {
    let vault = Vault::new(paths);
    let mut places = vec![
        (paths.aws_config.clone(), "profiles", false),
        (paths.aws_credentials.clone(), "credentials of profiles", false),
        (paths.config.join("settings.json"), "settings", true),
        (paths.data.clone(), "Stagedoor's data", true),
        (paths.data.join("sessions.sealed"), "sealed sessions", true),
        (vault.path().to_owned(), "passphrase vault", true),
        (vault.backup(), "passphrase vault before its last change", true),
        (Record::new(paths).file(0), "record of activity", true),
        (paths.data.join("agent.log"), "the agent's log", true),
        (paths.runtime.clone(), "socket and lock", true),
    ];
    if let Some(folder) = paths.aws_config.parent() {
        places.insert(0, (folder.to_owned(), "AWS files", false));
    }
    places
}

pub(super) fn look(report: &mut DoctorReport, paths: &Paths, read: &Result<AwsFiles>, origins: &Origins) {
    for (path, what, own) in places(paths) {
        let (finding, found) = one(paths, &path, what, own);
        report.files.push(finding);
        report.findings.extend(found);
    }
    let Ok(read) = read else { return };
    if !read.found() {
        report.findings.push(
            Finding::new("no_files", Level::Info, "files", format!("There is no {} yet", paths.told(&paths.aws_config)))
                .because("Without it there are no profiles; it is made with the first one")
                .mended_by("Add an access key: stagedoor keys add PROFILE"),
        );
    }
    for problem in read.problems() {
        report.findings.push(Finding::of_error("line_broken", Level::Warning, "files", problem));
    }
    secrets(report, paths, read, origins);
}

/// Secrets in plain text, and whether others can read them.
fn secrets(report: &mut DoctorReport, paths: &Paths, read: &AwsFiles, origins: &Origins) {
    for profile in read.profiles().iter() {
        let name = ProfileName::new(&profile.name);
        if let Some(key) = read.plaintext_key(&name) {
            report.findings.push(
                Finding::new("plaintext_key", Level::Warning, "files", format!("The access key {} of {name} lies in a file in plain text", key.id))
                    .because("Every program that you run can read it, and it does not end by itself")
                    .mended_by(format!("Move it into {}: stagedoor import {name}", SettingsFile::secrets_place(paths).words()))
                    .doing(Mending::Import { profile: profile.name.clone() }),
            );
        } else if profile.plaintext_key && profile.session_token {
            report.findings.push(
                Finding::new("plaintext_session", Level::Info, "files", format!("Temporary credentials of {name} lie in a file"))
                    .because("Another tool wrote them there; Stagedoor can neither renew nor end them"),
            );
        }
    }
    for path in [&paths.aws_config, &paths.aws_credentials].into_iter().filter(|path| crate::store::files::readable_by_others(path)) {
        let holds_secret = origins.values().flatten().any(|line| line.secret && line.file == *path);
        if holds_secret {
            let title = format!("Others on this computer may read {}, which holds secrets", paths.told(path));
            report.findings.push(
                Finding::new("readable_by_others", Level::Problem, "files", title)
                    .because(format!("Its mode is {}; only you should read it", mode(path).unwrap_or_default()))
                    .mended_by(format!("chmod 600 {}", path.display()))
                    .doing(private(path)),
            );
        }
    }
}

pub(super) fn private(path: &Path) -> Mending {
    Mending::MakePrivate { path: path.display().to_string() }
}

/// One file or folder, and what is wrong with it.
fn one(paths: &Paths, path: &Path, what: &str, own: bool) -> (FileFinding, Vec<Finding>) {
    let told = paths.told(path);
    let mut found = Vec::new();
    let link = fs::read_link(path).ok().map(|target| paths.told(&target));
    let metadata = fs::metadata(path);
    let missing = metadata.as_ref().err().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let error = match &metadata {
        Err(error) if !missing => Some(error.to_string()),
        Ok(metadata) if metadata.is_file() => fs::File::open(path).err().map(|error| error.to_string()),
        Ok(_) | Err(_) => None,
    };
    if let (true, Some(target)) = (missing, &link) {
        found.push(
            Finding::new("link_leads_nowhere", Level::Problem, "files", format!("{told} is a link to {target}, where there is nothing"))
                .because("Tools read it as if there were no file; what Stagedoor writes goes to where the link leads")
                .mended_by("Put the file back there, or remove the link"),
        );
    }
    if let Some(why) = error.as_ref().filter(|_| own) {
        found.push(
            Finding::new("file_unreadable", Level::Problem, "files", format!("{told} ({what}) cannot be read: {why}"))
                .mended_by("Check who owns it and its folder, and its mode"),
        );
    }
    #[cfg(unix)]
    if let Ok(metadata) = &metadata {
        found.extend(owned(&told, path, metadata, own));
    }
    let finding = FileFinding { path: told, what: what.to_owned(), found: metadata.is_ok(), mode: mode(path), link, error };
    (finding, found)
}

#[cfg(unix)]
fn owned(told: &str, path: &Path, metadata: &fs::Metadata, own: bool) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;
    let (mode, change) = (metadata.mode() & 0o777, if metadata.is_dir() { "700" } else { "600" });
    let mend = format!("chmod {change} {}", path.display());
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let title = format!("{told} belongs to another user (uid {})", metadata.uid());
        let finding = Finding::new("of_another_user", Level::Problem, "files", title);
        return Some(finding.because("Who owns it decides what stands in it").mended_by(format!(
            "chown {} {}",
            rustix::process::geteuid().as_raw(),
            path.display()
        )));
    }
    if mode & 0o022 != 0 {
        let finding = Finding::new("writable_by_others", Level::Problem, "files", format!("Others on this computer may write {told} (mode {mode:04o})"));
        let why = if own { "What they write there, Stagedoor reads" } else { "A credential_process line that they write is run by your tools, as you" };
        return Some(finding.because(why).mended_by(mend).doing(private(path)));
    }
    (own && mode & 0o055 != 0).then(|| {
        let finding = Finding::new("opened_up", Level::Warning, "files", format!("Others on this computer may read {told} (mode {mode:04o})"));
        finding.because("Stagedoor made it for you only, and somebody opened it up").mended_by(mend).doing(private(path))
    })
}

/// `0600`
fn mode(path: &Path) -> Option<String> {
    #[cfg(unix)]
    return fs::metadata(path).ok().map(|metadata| format!("{:04o}", std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777));
    #[cfg(not(unix))]
    return {
        let _ = path;
        None
    };
}
