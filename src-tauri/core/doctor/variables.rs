//! The variables: of the terminal in which somebody asks, and of the agent as it was started.
//!
//! Tools read the terminal's, the agent reads its own; where the two differ, a person wonders. Of a variable that holds a secret it
//! is only told that it is set.

use url::Url;

use crate::{
    aws::{Environment, without_login},
    model::{
        doctor::{DoctorReport, Finding, Level, VariableFinding},
        profile::ProfileName,
    },
    store::aws_files::AwsFiles,
};

/// How a certificate in PEM form begins.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How long one address of a proxy has.
const PROXY: std::time::Duration = std::time::Duration::from_secs(1);

/// The variables whose values are nobody's business.
pub const SECRET_VARIABLES: [&str; 5] =
    ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"];

/// Those that count without beginning with `AWS_`.
const OTHERS: [&str; 9] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "STAGEDOOR_HOME"];

fn seen(name: &str, value: &str, of: &str) -> VariableFinding {
    // A proxy's URL may hold a password; what is sealed away elsewhere is not shown here either.
    let secret = SECRET_VARIABLES.contains(&name) || value.contains('@') && name.to_ascii_lowercase().ends_with("_proxy");
    VariableFinding { name: name.to_owned(), of: of.to_owned(), value: (!secret).then(|| crate::model::activity::shown(&without_login(value))) }
}

/// An `AWS_ENDPOINT_URL…` that is none: every call that it is for fails over it.
fn no_endpoint(name: &str, value: &str, whose: &str) -> Option<Finding> {
    if !name.starts_with("AWS_ENDPOINT_URL") {
        return None;
    }
    let fits = Url::parse(value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    (!fits).then(|| {
        let title = format!("{name} of {whose} is no URL: {}", crate::model::activity::shown(&without_login(value)));
        Finding::new("endpoint_no_url", Level::Problem, "variables", title)
            .because("Every call to AWS that it is for fails")
            .mended_by(format!("unset {name}, or set it to a URL such as https://sts.eu-west-1.amazonaws.com"))
    })
}

/// A certificate bundle that every tool in this terminal fails over.
fn ca_bundle(path: &str) -> Option<Finding> {
    let why = match std::fs::read(path) {
        Err(error) => format!("cannot be read: {error}"),
        Ok(bytes) if !bytes.windows(PEM.len()).any(|window| window == PEM) => "holds no certificate in PEM form".to_owned(),
        Ok(_) => return None,
    };
    let title = format!("AWS_CA_BUNDLE of this terminal is {}, which {why}", crate::model::activity::shown(path));
    let finding = Finding::new("ca_bundle_in_terminal", Level::Problem, "variables", title);
    Some(finding.because("AWS tools in this terminal refuse every connection over it").mended_by("Put the PEM file there, or: unset AWS_CA_BUNDLE"))
}

/// A proxy of this terminal that nobody answers at. `theirs`: the agent's variables, which it has looked at itself. Blocks, for at
/// most two seconds.
pub fn terminal_proxy(report: &mut DoctorReport, variables: &[(String, String)], theirs: &[VariableFinding]) {
    let Some((name, value)) = ["HTTPS_PROXY", "https_proxy"].iter().find_map(|name| variables.iter().find(|(other, value)| other == name && !value.is_empty()))
    else {
        return;
    };
    if theirs.iter().any(|other| other.of == "agent" && other.name.eq_ignore_ascii_case(name)) {
        return;
    }
    let whole = if value.contains("://") { value.clone() } else { format!("http://{value}") };
    let place = Url::parse(&whole).ok().and_then(|url| Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?)));
    let shown = crate::model::activity::shown(&without_login(value));
    let why = match place {
        None => "is no URL".to_owned(),
        Some(place) => match std::net::ToSocketAddrs::to_socket_addrs(&place) {
            Err(_) => "has a name that is not known here".to_owned(),
            Ok(mut addresses) => {
                let answers = |address: std::net::SocketAddr| std::net::TcpStream::connect_timeout(&address, PROXY).is_ok();
                if addresses.any(answers) {
                    return;
                }
                "does not answer".to_owned()
            }
        },
    };
    report.findings.push(
        Finding::new("proxy_in_terminal", Level::Problem, "variables", format!("{name} of this terminal is {shown}, which {why}"))
            .because("AWS tools in this terminal go through it; the agent was started without it")
            .mended_by(format!("Check the proxy, or: unset {name}")),
    );
}

/// What the agent was started with.
pub(super) fn of_agent(report: &mut DoctorReport, environment: &Environment) {
    let surroundings = environment.surroundings();
    let proxies = OTHERS.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(name)?.to_owned())));
    let more = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"];
    let more = more.iter().filter_map(|name| Some(((*name).to_owned(), environment.get(name)?.to_owned())));
    report.findings.extend(surroundings.iter().filter_map(|(name, value)| no_endpoint(name, value, "the agent")));
    let more = more.chain(proxies).filter(|(name, _)| !surroundings.iter().any(|(other, _)| other == name)).collect::<Vec<_>>();
    report.variables.extend(surroundings.into_iter().chain(more).map(|(name, value)| seen(&name, &value, "agent")));
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
    report.findings.extend(set.iter().filter_map(|(name, value)| no_endpoint(name, value, "this terminal")));
    report.findings.extend(get("AWS_CA_BUNDLE").and_then(ca_bundle));
    report.variables.extend(set.iter().map(|(name, value)| seen(name, value, "terminal")));
}
