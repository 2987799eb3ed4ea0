//! The doctor: what is read, what comes of it, what is wrong, and how each thing is mended.
//!
//! A file per subject. What needs no agent is found here, so that it can still be told when no agent starts: files, profiles,
//! the socket, the computer. What only the agent knows (its keychain, its network) is put beside it in `agent::doctor`.
//! Nothing is changed, and nothing is asked of AWS.

mod computer;
mod files;
pub(crate) mod network;
mod profiles;
mod refused;
mod socket;
mod variables;
mod vault;

use std::{collections::BTreeMap, path::Path};

pub use self::{
    computer::tray_host,
    variables::{SECRET_VARIABLES, terminal, terminal_proxy},
};
use crate::{
    aws::Environment,
    model::doctor::{DoctorReport, Finding, Level},
    paths::Paths,
    store::aws_files::{AwsFiles, origins},
};

/// The lines of each profile.
type Origins = BTreeMap<String, Vec<origins::Origin>>;

/// How many findings of one kind are listed; of more it is told how many there are.
const LISTED: usize = 25;

/// What can be found without an agent. `program`: the one that `connect` writes.
pub fn local(paths: &Paths, environment: &Environment, program: &Path) -> DoctorReport {
    let mut report = DoctorReport::default();
    let read = AwsFiles::read(paths);
    let origins = origins::origins(paths).unwrap_or_default();
    files::look(&mut report, paths, &read, &origins);
    refused::look(&mut report, paths);
    match &read {
        Ok(read) => profiles::look(&mut report, paths, read, &origins, program),
        Err(error) => report.findings.push(Finding::of_error("file_unreadable", Level::Problem, "files", error)),
    }
    vault::look(&mut report, paths);
    variables::of_agent(&mut report, environment);
    socket::look(&mut report, paths);
    computer::look(&mut report, paths);
    few(report)
}

/// Whether a path is one that the doctor looks at.
pub(crate) fn may_be_made_private(paths: &Paths, path: &Path) -> bool {
    path == paths.socket() || files::places(paths).iter().any(|(place, ..)| place == path)
}

/// No kind of finding fills the page: the first of each are listed, the rest are counted.
fn few(mut report: DoctorReport) -> DoctorReport {
    let mut seen: BTreeMap<(String, Level), usize> = BTreeMap::new();
    let mut left_out: BTreeMap<(String, Level), (usize, String)> = BTreeMap::new();
    report.findings.retain(|finding| {
        let kind = (finding.id.clone(), finding.level);
        let count = seen.entry(kind.clone()).or_default();
        *count += 1;
        if *count > LISTED {
            left_out.entry(kind).or_insert_with(|| (0, finding.about.clone())).0 += 1;
        }
        *count <= LISTED
    });
    for ((id, level), (count, about)) in left_out {
        report.findings.push(Finding::new(&id, level, &about, format!("{count} more of the same kind")));
    }
    report
}
