//! The passphrase vault: which place counts, whether its file is there and looks like one that a passphrase opens.
//!
//! What can be seen without the passphrase; who may read the file is `files`' business. What lies in both places after a move that
//! broke off, and whether it is locked, only the agent knows.

use super::Paths;
use crate::{
    model::{
        doctor::{DoctorReport, Finding, Level},
        lock::SecretsPlace,
    },
    store::{settings::SettingsFile, vault::Vault},
};

pub(super) fn look(report: &mut DoctorReport, paths: &Paths) {
    let (vault, counts) = (Vault::new(paths), SettingsFile::secrets_place(paths) == SecretsPlace::Vault);
    if counts && !vault.exists() {
        let finding = Finding::of_error("vault_missing", Level::Problem, "keychain", &vault.missing());
        report.findings.push(finding.because("Stagedoor keeps its access keys and MFA seeds there, and has none without it"));
    } else if let Err(error) = vault.check() {
        let level = if counts { Level::Problem } else { Level::Warning };
        let why = if counts { "Stagedoor keeps its access keys and MFA seeds there" } else { "The keychain counts; what is in the vault is not used" };
        report.findings.push(Finding::of_error("vault_unusable", level, "keychain", &error).because(why));
    }
}
