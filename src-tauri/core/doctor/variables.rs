//! The variables: of the terminal in which somebody asks, and of the agent as it was started.
//!
//! Tools read the terminal's, the agent reads its own; where the two differ, a person wonders. Of a variable that holds a secret it
//! is only told that it is set.

use crate::{
    aws::Environment,
    model::{
        doctor::{DoctorReport, Finding, Level, VariableFinding},
        profile::ProfileName,
    },
    store::aws_files::AwsFiles,
};

/// The variables whose values are nobody's business.
pub const SECRET_VARIABLES: [&str; 5] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"];

/// Those that count without beginning with `AWS_`.
const OTHERS: [&str; 9] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "STAGEDOOR_HOME"];

fn seen(name: &str, value: &str, of: &str) -> VariableFinding {
    // A proxy's URL may hold a password; what is sealed away elsewhere is not shown here either.
    let secret = SECRET_VARIABLES.contains(&name) || value.contains('@') && name.to_ascii_lowercase().ends_with("_proxy");
    VariableFinding { name: name.to_owned(), of: of.to_owned(), value: (!secret).then(|| crate::model::activity::shown(value)) }
}

/// What the agent was started with.
pub(super) fn of_agent(report: &mut DoctorReport, environment: &Environment) {
    let surroundings = environment.surroundings();
    let proxies = OTHERS.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(name)?.to_owned())));
    let more = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];
    let more = more.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(name)?.to_owned())));
    report.variables.extend(surroundings.into_iter().chain(more).chain(proxies).map(|(name, value)| seen(&name, &value, "agent")));
}

/// What the terminal has, and what comes of it for the tools that are started there. `files`: what the profiles are, if they can be read.
pub fn terminal(report: &mut DoctorReport, variables: &[(String, String)], files: Option<&AwsFiles>) {
    let set: Vec<_> = variables.iter().filter(|(name, value)| !value.is_empty() && (name.starts_with("AWS_") || OTHERS.contains(&name.as_str()))).collect();
    let get = |name: &str| set.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let unset = |names: &[&str]| format!("unset {}", names.iter().filter(|name| get(name).is_some()).copied().collect::<Vec<_>>().join(" "));
    if get("AWS_ACCESS_KEY_ID").is_some() {
        report.findings.push(
            Finding::new("credentials_in_terminal", Level::Warning, "variables", "This terminal has credentials of its own: AWS_ACCESS_KEY_ID is set")
                .because("They win over AWS_PROFILE and over every profile that is not named with --profile, and nothing renews them")
                .mended_by(unset(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"])),
        );
    } else if get("AWS_SECRET_ACCESS_KEY").is_some() || get("AWS_SESSION_TOKEN").is_some() {
        report.findings.push(
            Finding::new("half_credentials_in_terminal", Level::Warning, "variables", "This terminal has a part of credentials: no AWS_ACCESS_KEY_ID")
                .because("Some tools fail over it, others pass it by")
                .mended_by(unset(&["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"])),
        );
    }
    let containers = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"];
    if let Some(name) = containers.iter().find(|name| get(name).is_some()) {
        report.findings.push(
            Finding::new("endpoint_in_terminal", Level::Info, "variables", format!("This terminal gets credentials from somewhere else: {name} is set"))
                .because("A tool without a profile asks there; with stagedoor exec --endpoint that is Stagedoor")
                .mended_by(unset(&containers)),
        );
    }
    let selected = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"].into_iter().find_map(|name| Some((name, get(name)?)));
    if let Some((name, profile)) = selected {
        let shown = crate::model::activity::shown(profile);
        let exists = files.is_none_or(|files| files.profile(&ProfileName::new(profile)).is_some());
        report.findings.push(if exists {
            Finding::new("profile_in_terminal", Level::Info, "variables", format!("Tools in this terminal use the profile {shown}: {name} is set"))
        } else {
            Finding::new("no_such_profile_in_terminal", Level::Problem, "variables", format!("{name} names the profile {shown}, which does not exist"))
                .because("Every AWS tool in this terminal fails over it")
                .mended_by(format!("unset {name}, or set it to one of: stagedoor profiles"))
        });
    }
    report.variables.extend(set.iter().map(|(name, value)| seen(name, value, "terminal")));
}
