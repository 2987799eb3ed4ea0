//! `stagedoor` alone on a terminal: a fuzzy picker over profiles. Enter starts the one that is picked.
//!
//! For the four seconds in which a person wants one of three hundred profiles; scripts name theirs.

use std::process::ExitCode;

use dialoguer::{FuzzySelect, theme::ColorfulTheme, theme::SimpleTheme, theme::Theme};
use stagedoor_core::{
    agent::protocol::{Request, Response},
    error::{Code, Error, Result},
    model::profile::ProfileName,
    store::aws_files::AwsFiles,
};

use crate::{Outside, ask, print, sessions};

/// Lets a person pick a profile, the active ones first.
pub(crate) fn run(outside: &Outside) -> Result<ExitCode> {
    let files = AwsFiles::read(&outside.paths)?;
    let active: Vec<_> = match ask::ask_if_there(outside, &Request::Status) {
        Some(Response::Status { sessions, .. }) => sessions.into_iter().map(|session| session.profile.to_string()).collect(),
        Some(_) | None => Vec::new(),
    };
    let mut profiles: Vec<_> = files.profiles().iter().collect();
    profiles.sort_by_key(|profile| !active.contains(&profile.name));
    if profiles.is_empty() {
        return Err(Error::new(Code::NoCredentials, "There are no profiles yet", "Add an access key: stagedoor keys add PROFILE"));
    }
    let line = |profile: &&stagedoor_core::model::profile::Profile| {
        let role = profile.get("role_arn").map(|arn| format!("  {arn}")).unwrap_or_default();
        format!("{}{role}{}", profile.name, if active.contains(&profile.name) { "  (active)" } else { "" })
    };
    let theme: &dyn Theme = if print::coloured() { &ColorfulTheme::default() } else { &SimpleTheme };
    let picked = FuzzySelect::with_theme(theme).with_prompt("Start").items(profiles.iter().map(line)).default(0).max_length(12).interact_opt();
    match picked {
        Ok(Some(index)) => sessions::start(outside, &ProfileName::new(profiles[index].name.as_str()), None),
        Ok(None) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Error::new(Code::InvalidValue, format!("The list cannot be shown: {error}"), "Name the profile: stagedoor start PROFILE")),
    }
}
