//! The doctor as the agent sees it: what anybody can find, with its own keychain, its network and itself beside it.
//!
//! All of it at once and within five seconds; what takes longer is itself a finding. What can be mended here is mended by the same
//! methods that the window's buttons call.

use std::{collections::BTreeSet, path::Path, time::Duration};

use super::Agent;
use crate::{
    doctor::{self, network},
    error::{Code, Error, Result},
    model::{
        chain::{Base, KeyPlace},
        doctor::{DoctorReport, Finding, Level, Mending},
        lock::SecretsPlace,
        params::MfaSerial,
        profile::ProfileName,
    },
    store::{files, keychain::Item},
};

/// How long the keychain and the desktop have.
const PATIENCE: Duration = Duration::from_secs(4);

impl Agent {
    /// What is wrong, and how it is mended. Changes nothing.
    pub async fn doctor(&self) -> DoctorReport {
        let parts = self.parts().clone();
        let local = tokio::task::spawn_blocking(move || doctor::local(&parts.paths, &parts.environment, &parts.program));
        let tray = tokio::task::spawn_blocking(doctor::tray_host);
        let (local, keychain, network, tray) = tokio::join!(local, self.keychain_findings(), self.network_findings(), tokio::time::timeout(PATIENCE, tray));
        let mut report = local.unwrap_or_default();
        report.findings.extend(self.own_findings());
        // Told once: without the vault's key, or with it.
        report.findings.retain(|finding| finding.id != "vault_unusable" || keychain.iter().all(|other| other.id != finding.id));
        report.findings.extend(keychain);
        report.findings.extend(network);
        if let Ok(Ok(tray)) = tray {
            report.findings.push(tray);
        }
        report.sorted()
    }

    /// Does what the doctor offers to do.
    pub async fn mend(&self, mending: &Mending) -> Result<()> {
        match mending {
            Mending::Import { profile } => self.import(&ProfileName::new(profile)).await,
            Mending::Connect { profile } => self.connect(&ProfileName::new(profile)).await,
            Mending::MakePrivate { path } => {
                let path = Path::new(path);
                if !doctor::may_be_made_private(&self.0.parts.paths, path) {
                    return Err(Error::new(Code::InvalidValue, format!("{} is no file that Stagedoor looks at", path.display()), "Change its mode with chmod"));
                }
                files::make_private(path)
            }
        }
    }

    fn own_findings(&self) -> Vec<Finding> {
        // What went wrong a moment ago is told too.
        self.publish();
        let snapshot = self.snapshot().borrow().clone();
        let place = if self.0.parts.windowless { "without a window" } else { "in the app" };
        let since = crate::deliver::rfc3339(self.0.began);
        let title = format!("The agent {} runs {place} (process {}, since {since})", snapshot.agent.version, std::process::id());
        let mut found = vec![Finding::new("agent", Level::Ok, "agent", title)];
        // What is wrong with the AWS files is told with its lines already.
        let told: BTreeSet<String> = self.files().map(|files| files.problems().iter().map(|problem| problem.message.clone()).collect()).unwrap_or_default();
        let own = snapshot.problems.iter().filter(|problem| !told.contains(&problem.message));
        let files = self.problems().files.clone();
        found
            .extend(own.filter(|problem| Some(*problem) != files.as_ref()).map(|problem| Finding::of_error("agent_problem", Level::Warning, "agent", problem)));
        found
    }

    async fn keychain_findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        let (place, name) = (self.0.secrets.place(), self.0.keys.0.name());
        let vault = place == SecretsPlace::Vault;
        if vault && let Err(error) = self.0.secrets.vault().check() {
            // Seen with its key, where it is open: more than anybody sees without.
            found.push(Finding::of_error("vault_unusable", Level::Problem, "keychain", &error));
        }
        if vault && !self.0.secrets.vault().exists() {
            return found;
        }
        let without = "Access keys and MFA seeds cannot be used, and sessions are not kept through a restart";
        let looked = tokio::time::timeout(PATIENCE, self.look_at_keychain(&mut found)).await;
        match looked {
            Ok(Ok((count, 0))) => {
                let entries = match count {
                    0 => "no entry is needed yet".to_owned(),
                    1 => "the entry that is needed is there".to_owned(),
                    count => format!("the {count} entries that are needed are there"),
                };
                let title = if vault { format!("The vault is unlocked, and {entries}") } else { format!("{name} answers, and {entries}") };
                found.push(Finding::new(if vault { "vault" } else { "keychain" }, Level::Ok, "keychain", title));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.code == Code::Locked => {
                let finding = Finding::of_error("stagedoor_locked", Level::Problem, "keychain", &error);
                found.push(finding.because(format!("Nothing is handed out, and what lies in {} is not used, until somebody unlocks it", place.words())));
            }
            Ok(Err(error)) => {
                let id = match error.code {
                    _ if vault => "vault_refused",
                    Code::KeychainLocked => "keychain_locked",
                    Code::KeychainAbsent => "keychain_absent",
                    _ => "keychain_refused",
                };
                found.push(Finding::of_error(id, Level::Problem, "keychain", &error).because(without));
            }
            Err(_) => {
                let title = format!("{name} did not answer within {} seconds", PATIENCE.as_secs());
                let finding = Finding::new("keychain_locked", Level::Problem, "keychain", title);
                found.push(finding.because("It may wait for its prompt, or be locked").mended_by("Look for its prompt, or unlock it, then try again"));
            }
        }
        found.extend(self.in_both_places().await);
        found
    }

    /// What an earlier move left where it does not count.
    async fn in_both_places(&self) -> Option<Finding> {
        let (place, vault) = (self.0.secrets.place(), self.0.secrets.vault());
        let (counts, other) = (place.words(), place.other().words());
        let again = |to: &str| format!("Finish the move: stagedoor vault migrate --to {to}");
        if place == SecretsPlace::Keychain && vault.exists() && !vault.is_open() {
            // Empty, or with everything in it: nobody knows without the passphrase.
            let finding = Finding::new("vault_beside", Level::Info, "keychain", "There is a vault, and the keychain counts: nothing is read from the vault");
            return Some(finding.because("It was made and nothing was moved yet, or a move broke off; doing the same again finishes it").mended_by(
                "To keep secrets in the vault: stagedoor vault migrate --to vault; to take what is in it back and remove it: stagedoor vault migrate --to keychain",
            ));
        }
        // Where the other place does not answer there is nothing to tell: it does not count.
        let left = tokio::time::timeout(PATIENCE, self.0.secrets.beside(&self.known_items().ok()?)).await.ok()?.ok()?.items;
        let title = match left.len() {
            0 => return None,
            1 => format!("A secret lies in {other} too, although {counts} counts: {}", left[0]),
            count => format!("{count} secrets lie in {other} too, although {counts} counts"),
        };
        let finding = Finding::new("secrets_in_both", Level::Warning, "keychain", title);
        Some(
            finding
                .because("A move broke off. Nothing is lost; the same move again compares them and takes them away there")
                .mended_by(again(if place == SecretsPlace::Vault { "vault" } else { "keychain" })),
        )
    }

    /// Looks for every entry that profiles and devices name; how many there are to be, and how many are missing.
    async fn look_at_keychain(&self, found: &mut Vec<Finding>) -> Result<(usize, usize)> {
        let (mut count, mut missing) = (0, 0);
        let place = self.0.secrets.place().words();
        // Whether it answers at all.
        self.0.keys.0.get(Item::SealKey).await?;
        let mut seen = BTreeSet::new();
        let files = self.files().ok();
        for profile in files.iter().flat_map(|files| files.profiles().iter()) {
            let chain = files.as_ref().and_then(|files| files.resolve(&ProfileName::new(&profile.name)).ok());
            let Some(Base::AccessKey { profile: owner, access_key_id, place: KeyPlace::Keychain, .. }) = chain.map(|chain| chain.base) else { continue };
            if !seen.insert(access_key_id.clone()) {
                continue;
            }
            count += 1;
            if self.0.keys.access_key(&access_key_id).await?.is_none() {
                missing += 1;
                found.push(
                    Finding::new("key_missing", Level::Problem, "keychain", format!("The access key {access_key_id} of {owner} is not in {place}"))
                        .because("The config file says that its secret is there; whoever needs it gets nothing")
                        .mended_by(format!("Store it again: stagedoor keys add {owner}")),
                );
            }
        }
        for device in self.mfa_devices() {
            let Ok(serial) = MfaSerial::parse(&device) else { continue };
            count += 1;
            if self.0.keys.totp_seed(&serial).await?.is_none() {
                missing += 1;
                found.push(
                    Finding::new("seed_missing", Level::Warning, "keychain", format!("The seed of {device} is not in {place}"))
                        .because("It was stored there; its codes have to be typed now")
                        .mended_by(format!("Store it again: stagedoor mfa add {device}")),
                );
            }
        }
        Ok((count, missing))
    }

    async fn network_findings(&self) -> Vec<Finding> {
        let Ok(files) = self.files() else { return Vec::new() };
        let mut asking = tokio::task::JoinSet::new();
        for (at, (url, profile)) in network::all_endpoints(&self.0.aws, &files).await.into_iter().enumerate() {
            let (aws, files, clock) = (self.0.aws.clone(), std::sync::Arc::clone(&files), self.0.parts.clock.clone());
            asking.spawn(async move { (at, network::ask(&aws, &files, &clock, &url, &profile).await) });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by_key(|(at, _)| *at);
        let mut found: Vec<_> = answers.into_iter().flat_map(|(_, found)| found).collect();
        // One certificate bundle serves many endpoints.
        let mut told = BTreeSet::new();
        found.retain(|finding| finding.id != "ca_bundle" || told.insert(finding.title.clone()));
        // One word about the clock is enough: the worst.
        if let Some(worst) = found.iter().filter(|finding| finding.about == "clock").min_by_key(|finding| finding.level).cloned() {
            found.retain(|finding| finding.about != "clock");
            found.push(worst);
        }
        found
    }
}
