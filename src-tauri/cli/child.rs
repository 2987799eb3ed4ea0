//! `exec`: becomes the command, so that signals, the terminal and the exit code are the command's own.
//!
//! Everything that could win over what is handed out is cleared. With `--endpoint` that is more than variables: in every SDK a
//! `[default]` profile with credentials comes before the container endpoint, so the file that has one is not shown to the command.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use stagedoor_core::{
    agent::protocol::{Request, Response, Variable},
    deliver,
    error::{Code, Error, Result},
    model::profile::{Profile, ProfileName},
    paths::Paths,
    store::{aws_files::AwsFiles, files},
};

use crate::{Outside, ask, print};

/// The keys with which a profile has credentials, or fails where it has them only half.
const CREDENTIALS: [&str; 12] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "role_arn",
    "source_profile",
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "login_session",
    "mfa_process",
];

/// What `[default]` decides for a command without `AWS_PROFILE`, and the variables that say the same.
const SETTINGS: [(&str, &[&str]); 11] = [
    ("region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("output", &["AWS_DEFAULT_OUTPUT"]),
    ("ca_bundle", &["AWS_CA_BUNDLE"]),
    ("endpoint_url", &["AWS_ENDPOINT_URL"]),
    ("ignore_configured_endpoint_urls", &["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]),
    ("retry_mode", &["AWS_RETRY_MODE"]),
    ("max_attempts", &["AWS_MAX_ATTEMPTS"]),
    ("use_fips_endpoint", &["AWS_USE_FIPS_ENDPOINT"]),
    ("use_dualstack_endpoint", &["AWS_USE_DUALSTACK_ENDPOINT"]),
    ("sts_regional_endpoints", &["AWS_STS_REGIONAL_ENDPOINTS"]),
    ("cli_pager", &["AWS_PAGER"]),
];

/// The variables that name the AWS files.
pub(crate) const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// `exec`
pub(crate) fn exec(outside: &Outside, profile: &ProfileName, endpoint: bool, command: &[OsString]) -> Result<ExitCode> {
    let [program, arguments @ ..] = command else {
        return Err(Error::new(Code::InvalidValue, "There is no command to run", "stagedoor exec PROFILE -- CMD"));
    };
    ask::warn_if_elsewhere(outside);
    let (of, at_terminal) = (profile.clone(), print::can_prompt());
    let request = if endpoint { Request::Endpoint { profile: of, at_terminal } } else { Request::Exec { profile: of, at_terminal } };
    let Response::Variables { variables } = ask::ask_with_code(outside, profile, &request)? else {
        return Err(ask::misunderstood());
    };
    let mut child = Command::new(program);
    child.args(arguments);
    for stale in deliver::STALE {
        child.env_remove(stale);
    }
    for Variable { name, value } in &variables {
        child.env(name, value.expose());
    }
    if endpoint {
        only_the_endpoint(&outside.paths, &variables, &mut child)?;
    }
    outside.no_core_dump.end();
    Ok(run(child, &program.to_string_lossy()))
}

/// Keeps away what the SDKs would ask before the endpoint, and what would stand between them and it.
fn only_the_endpoint(paths: &Paths, variables: &[Variable], child: &mut Command) -> Result<()> {
    let set = |name: &str| crate::env(name).is_some_and(|value| !value.is_empty()) || variables.iter().any(|variable| variable.name == name);
    let empty = empty(paths);
    let alone = |hide: fn(&mut Paths) -> &mut PathBuf| {
        let mut paths = paths.clone();
        hide(&mut paths).clone_from(&empty);
        default_profile(&paths)
    };
    let hides = [alone(|paths| &mut paths.aws_credentials)?, alone(|paths| &mut paths.aws_config)?].map(|profile| profile.is_some_and(|p| has_credentials(&p)));
    let legacy = boto_has_key(&paths.home);
    if hides.contains(&true) || legacy {
        files::private_folder(&paths.data)?;
        // A command may have written into it since.
        if std::fs::metadata(&empty).map_or(true, |found| !found.is_file() || found.len() > 0) {
            files::write_atomic(&empty, b"")?;
        }
    }
    for ((name, file), _) in FILES.iter().zip([&paths.aws_config, &paths.aws_credentials]).zip(hides).filter(|(_, hide)| *hide) {
        child.env(name, &empty);
        if print::can_prompt() {
            print::say(&format!("note: [default] in {} would win over the endpoint, so the command does not see that file", paths.told(file)));
        }
    }
    if legacy {
        child.env("BOTO_CONFIG", &empty);
    }
    if let (true, Some(default)) = (hides[0], default_profile(paths)?) {
        for (name, value) in
            SETTINGS.iter().filter_map(|(key, names)| Some((*names, default.get(key)?))).flat_map(|(names, value)| names.iter().map(move |n| (n, value)))
        {
            if !(set(name) || *name == "AWS_REGION" && set("AWS_DEFAULT_REGION")) {
                child.env(name, value);
            }
        }
    }
    // The token is for this machine, and no proxy is asked for it.
    if ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].into_iter().any(set) {
        let without = crate::env("no_proxy").or_else(|| crate::env("NO_PROXY")).filter(|hosts| !hosts.is_empty());
        let without = without.map_or_else(|| "127.0.0.1".to_owned(), |hosts| format!("{hosts},127.0.0.1"));
        child.env("NO_PROXY", &without).env("no_proxy", &without);
    }
    Ok(())
}

fn default_profile(paths: &Paths) -> Result<Option<Profile>> {
    Ok(AwsFiles::read(paths)?.profile(&ProfileName::new("default")).cloned())
}

fn has_credentials(profile: &Profile) -> bool {
    CREDENTIALS.iter().any(|key| profile.get(key).is_some())
}

/// Whether boto3 would find a key in the files of boto 2, which it still reads before it asks an endpoint.
fn boto_has_key(home: &Path) -> bool {
    let own = crate::env("BOTO_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let places = own.map_or_else(|| vec![PathBuf::from("/etc/boto.cfg"), home.join(".boto")], |own| vec![own]);
    places.iter().any(|place| matches!(files::read_text(place), Ok(Some(text)) if text.contains("aws_access_key_id")))
}

/// The empty file that a command sees in place of one that has a `[default]` with credentials.
fn empty(paths: &Paths) -> PathBuf {
    paths.data.join("no-profiles")
}

/// The places as they are for Stagedoor, also when it was started by a command that does not see the AWS files.
pub(crate) fn places(read: impl Fn(&dyn Fn(&str) -> Option<String>) -> Paths) -> Paths {
    let paths = read(&crate::env);
    let empty = empty(&paths);
    if paths.aws_config != empty && paths.aws_credentials != empty {
        return paths;
    }
    read(&|name| crate::env(name).filter(|value| !FILES.contains(&name) || Path::new(value) != empty))
}

/// Whether a variable only says that this command does not see an AWS file.
pub(crate) fn hides(paths: &Paths, name: &OsStr, value: &OsStr) -> bool {
    FILES.iter().any(|file| name == *file) && Path::new(value) == empty(paths)
}

#[cfg(unix)]
fn run(mut child: Command, program: &str) -> ExitCode {
    let error = std::os::unix::process::CommandExt::exec(&mut child);
    not_run(program, &error)
}

#[cfg(not(unix))]
fn run(mut child: Command, program: &str) -> ExitCode {
    match child.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => not_run(program, &error),
    }
}

/// As shells do: 127 where there is no such program, 126 where it cannot be run.
pub(crate) fn not_run(program: &str, error: &std::io::Error) -> ExitCode {
    let (code, hint) = match error.kind() {
        std::io::ErrorKind::NotFound => (127, "Check its name and that it is on the PATH"),
        std::io::ErrorKind::PermissionDenied => (126, "Check that it is a program and that you may run it: chmod +x"),
        _ => (126, "Check that it is a program for this system"),
    };
    print::error(&Error::new(Code::InvalidValue, format!("{program} could not be run: {error}"), hint));
    ExitCode::from(code)
}
