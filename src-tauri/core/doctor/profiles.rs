//! The profiles: what each resolves to and which lines decide that, what loses against them, and whether tools ask Stagedoor.
//!
//! Resolving is `model::resolve`'s business; here its outcome is told with the lines that it came from. Where AWS's own tools
//! would decide otherwise, that is said too.

use std::path::Path;

use super::{Origins, few};
use crate::{
    error::Code,
    model::{
        chain::{Base, Chain, KeyPlace},
        doctor::{DoctorReport, Finding, Level, Mending, ProfileFinding},
        profile::{Profile, ProfileKind, ProfileName},
    },
    paths::Paths,
    store::{
        aws_files::{AwsFiles, origins::Origin},
        settings::SettingsFile,
    },
};

/// The ways to credentials, in the order in which they are tried, each with the key that chooses it.
const WAYS: [&str; 8] =
    ["web_identity_token_file", "role_arn", "credential_source", "sso_session", "sso_start_url", "login_session", "credential_process", "aws_access_key_id"];

pub(super) fn look(report: &mut DoctorReport, paths: &Paths, read: &AwsFiles, origins: &Origins, program: &Path) {
    let lines = Lines { paths, origins };
    let kept = SettingsFile::secrets_place(paths).words();
    let mut found = DoctorReport::default();
    for profile in read.profiles().iter() {
        let name = ProfileName::new(&profile.name);
        let resolved = read.resolve(&name);
        handed_out(&mut found, &lines, profile, program);
        disagreement(&mut found, &lines, profile);
        if let Ok(chain) = &resolved {
            found.findings.extend(source_missing(&lines, profile, chain));
        }
        let mut because = lines.hands_out(profile);
        match &resolved {
            Ok(chain) => because.extend(lines.of_chain(chain)),
            Err(error) if profile.kind() == ProfileKind::Unresolved && error.code == Code::NoCredentials => {}
            Err(error) => {
                found.findings.push(Finding::of_error("profile_unresolved", Level::Problem, "profiles", error));
                because.extend(WAYS.iter().filter_map(|key| lines.of_key(&profile.name, key)));
            }
        }
        because.extend(lines.losers(profile));
        let (resolves, error) = match resolved {
            Ok(chain) => (Some(sentence(&chain, kept)), None),
            Err(error) => (None, Some(error)),
        };
        found.profiles.push(ProfileFinding { profile: profile.name.clone(), resolves, because, error });
    }
    let found = few(found);
    report.findings.extend(found.findings);
    report.profiles = found.profiles;
}

/// Whether a connected profile really comes from here.
fn handed_out(report: &mut DoctorReport, lines: &Lines<'_>, profile: &Profile, program: &Path) {
    let name = &profile.name;
    let of_profile = lines.of(name);
    let Some((line, named)) = of_profile.iter().find_map(|line| Some((line, line.hands_out.as_deref()?))) else { return };
    let connect = || Mending::Connect { profile: name.clone() };
    let again = format!("Connect it again: stagedoor connect {name}");
    if named.is_absolute() && !named.exists() {
        report.findings.push(
            Finding::new("program_moved", Level::Problem, "profiles", format!("{name} is handed out by a program that is not there: {}", named.display()))
                .because(format!("AWS tools start it by {}; it was moved or removed", lines.at(line)))
                .mended_by(&again)
                .doing(connect()),
        );
    } else if named.is_absolute() && program.is_absolute() && named != program && named.canonicalize().ok() != program.canonicalize().ok() {
        report.findings.push(
            Finding::new("program_other", Level::Info, "profiles", format!("{name} is handed out by another Stagedoor: {}", named.display()))
                .because(format!("The one that runs is {}", program.display()))
                .mended_by(&again)
                .doing(connect()),
        );
    }
    let beaten: Vec<_> = of_profile.iter().filter(|other| other.beats_us()).map(|other| lines.at(other)).collect();
    if !beaten.is_empty() {
        report.findings.push(
            Finding::new("connected_beaten", Level::Problem, "profiles", format!("Some AWS tools do not ask Stagedoor for {name}, although it is connected"))
                .because(format!("This wins over the credential_process line: {}", beaten.join("; ")))
                .mended_by(again)
                .doing(connect()),
        );
    }
}

/// A program or a file that a profile's credentials come from and that is not there.
fn source_missing(lines: &Lines<'_>, profile: &Profile, chain: &Chain) -> Option<Finding> {
    // Told once, of the profile that names it.
    if !chain.hops.is_empty() {
        return None;
    }
    let line = |key: &str| lines.of(&profile.name).iter().rfind(|line| line.key == key && !line.overruled && line.hands_out.is_none());
    match &chain.base {
        Base::Process { .. } => {
            let line = line("credential_process")?;
            // A name alone is looked for in each terminal's own PATH.
            let program = line.starts.as_ref().filter(|program| program.is_absolute() && !program.exists())?;
            let title = format!("{} gets its credentials from a program that is not there: {}", profile.name, program.display());
            let finding = Finding::new("process_missing", Level::Problem, "profiles", title);
            Some(finding.because(format!("It is named by {}", lines.at(line))).mended_by("Install it there, or mend that line"))
        }
        Base::WebIdentity { token_file, .. } if Path::new(token_file).is_absolute() && !Path::new(token_file).exists() => {
            let title = format!("{} needs a web identity token, and its file is not there: {token_file}", profile.name);
            let finding = Finding::new("token_missing", Level::Problem, "profiles", title);
            let named = line("web_identity_token_file").map(|line| format!("It is named by {}", lines.at(line)));
            Some(finding.because(named.unwrap_or_default()).mended_by("Put the file there (whoever runs this machine's workload does), or mend that line"))
        }
        _ => None,
    }
}

/// Static keys in the credentials file beside a `credential_process`: the SDKs do not agree.
fn disagreement(report: &mut DoctorReport, lines: &Lines<'_>, profile: &Profile) {
    let of_profile = lines.of(&profile.name);
    let own = |key: &str| of_profile.iter().find(|line| line.written == key && !line.overruled && line.hands_out.is_none());
    if profile.connected || own("role_arn").is_some() {
        return;
    }
    if let (Some(command), Some(keys)) = (own("credential_process"), own("aws_access_key_id"))
        && keys.file == lines.paths.aws_credentials
    {
        let title = format!("AWS tools do not agree on where the credentials of {} come from", profile.name);
        report.findings.push(
            Finding::new("tools_disagree", Level::Warning, "profiles", title)
                .because(format!("The AWS CLI and boto3 take {}; the Rust SDK runs {}", lines.at(keys), lines.at(command)))
                .mended_by("Remove one of the two"),
        );
    }
}

/// What the chain is, in a sentence.
fn sentence(chain: &Chain, kept: &str) -> String {
    let base = match &chain.base {
        Base::AccessKey { access_key_id, place: KeyPlace::Keychain, .. } => format!("the access key {access_key_id} in {kept}"),
        Base::AccessKey { access_key_id, .. } => format!("the access key {access_key_id} in a file"),
        Base::Static { access_key_id, .. } => format!("the temporary credentials {access_key_id} in a file"),
        Base::Process { command, .. } => format!("the command {command}"),
        Base::Source { credential_source, .. } => format!("credential_source {credential_source}"),
        Base::WebIdentity { token_file, .. } => format!("the web identity token in {token_file}"),
        Base::IdentityCenter { sso_session, .. } => format!("IAM Identity Center ({sso_session})"),
        Base::Login { .. } => "a sign-in session (aws login)".to_owned(),
    };
    let Some(last) = chain.hops.last() else {
        let mut letters = base.chars();
        return letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    };
    let through = match chain.hops.len() {
        1 => String::new(),
        count => format!(" through {} other role{}", count - 1, if count == 2 { "" } else { "s" }),
    };
    format!("The role {} of {}{through}, with {base}", last.role_arn.role_name(), last.role_arn.account_id())
}

/// The lines of the files, to be named.
struct Lines<'a> {
    paths: &'a Paths,
    origins: &'a Origins,
}

impl Lines<'_> {
    fn of(&self, profile: &str) -> &[Origin] {
        self.origins.get(profile).map_or(&[], Vec::as_slice)
    }

    /// `role_arn on line 4 of ~/.aws/config`
    fn at(&self, line: &Origin) -> String {
        format!("{} on line {} of {}", line.written, line.line, self.paths.told(&line.file))
    }

    fn hands_out(&self, profile: &Profile) -> Vec<String> {
        let line = self.of(&profile.name).iter().find(|line| line.hands_out.is_some()).filter(|_| profile.connected);
        line.map(|line| format!("AWS tools get it from Stagedoor: {}", self.at(line))).into_iter().collect()
    }

    /// The lines that lead from the profile to its credentials.
    fn of_chain(&self, chain: &Chain) -> Vec<String> {
        let mut because = Vec::new();
        for hop in chain.hops.iter().rev() {
            for key in ["role_arn", "source_profile", "credential_source", "mfa_serial", "external_id"] {
                because.extend(self.of_key(hop.profile.as_str(), key));
            }
        }
        let base = chain.base.profile().as_str();
        let keys: &[&str] = match &chain.base {
            Base::AccessKey { place: KeyPlace::Keychain, .. } => &["stagedoor_access_key_id"],
            Base::AccessKey { .. } | Base::Static { .. } => &["aws_access_key_id", "aws_secret_access_key", "aws_session_token"],
            Base::Process { .. } => &["credential_process"],
            Base::Source { .. } => &["credential_source"],
            Base::WebIdentity { .. } => &["web_identity_token_file", "role_arn"],
            Base::IdentityCenter { .. } => &["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"],
            Base::Login { .. } => &["login_session"],
        };
        because.extend(keys.iter().filter_map(|key| self.of_key(base, key)));
        if chain.hops.is_empty() {
            because.extend(self.of_key(base, "mfa_serial"));
        }
        let mut seen = std::collections::BTreeSet::new();
        because.retain(|line| seen.insert(line.clone()));
        because
    }

    /// The line of a profile that decides about a key, with its value where that may be seen.
    fn of_key(&self, profile: &str, key: &str) -> Option<String> {
        let line = self.of(profile).iter().rfind(|line| (line.key == key || line.written == key) && !line.overruled && line.hands_out.is_none())?;
        let of = format!("{}, profile {profile}", self.at(line));
        Some(match &line.value {
            Some(value) => format!("{of}: {}", value.lines().next().unwrap_or_default()),
            None => format!("{of}: a secret, in plain text"),
        })
    }

    /// The lines that have no effect, and why.
    fn losers(&self, profile: &Profile) -> Vec<String> {
        let of_profile = self.of(&profile.name);
        let mut losers = Vec::new();
        for line in of_profile.iter().filter(|line| line.overruled) {
            if let Some(winner) = of_profile.iter().rfind(|other| other.written == line.written) {
                losers.push(format!("{} does not count: line {} of {} does", self.at(line), winner.line, self.paths.told(&winner.file)));
            }
        }
        let present: Vec<_> =
            WAYS.iter().filter_map(|way| of_profile.iter().rfind(|line| line.key == *way && !line.overruled && line.hands_out.is_none())).collect();
        let [first, others @ ..] = present.as_slice() else { return losers };
        // A role may stand on its own profile's keys or source.
        let together = |other: &Origin| {
            matches!(
                (first.key.as_str(), other.key.as_str()),
                ("web_identity_token_file", "role_arn") | ("role_arn", "credential_source") | ("sso_session", "sso_start_url")
            ) || first.key == "role_arn" && profile.get("source_profile") == Some(&profile.name)
        };
        losers.extend(others.iter().filter(|other| !together(other)).map(|other| format!("{} does not count: {} comes first", self.at(other), self.at(first))));
        losers
    }
}
