//! `doctor`: what is wrong, why, and how it is mended; exit code 1 where something does not work.
//!
//! The agent is asked for what it sees. This terminal's variables are looked at here, and so is everything that needs no agent when
//! none answers: that it cannot start is then the first finding.

use std::{process::ExitCode, sync::mpsc, time::Duration};

use stagedoor_core::{
    agent::{
        protocol::{Request, Response},
        socket::client::{self, Failure},
    },
    aws::{Environment, without_login},
    doctor,
    error::{Error, Result},
    model::{
        activity::shown,
        doctor::{DoctorReport, Finding, Level, VariableFinding},
    },
    store::aws_files::AwsFiles,
};

use crate::{Outside, ask, print};

/// How many profiles are shown one by one.
const SHOWN: usize = 20;

/// How long the desktop has, where no agent asks it.
const DESKTOP: Duration = Duration::from_secs(2);

/// `doctor`
pub(crate) fn run(outside: &Outside, json: bool) -> Result<ExitCode> {
    let variables: Vec<_> = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect();
    let mut report = examine(outside);
    let files = AwsFiles::read(&outside.paths).ok();
    doctor::terminal(&mut report, &variables, files.as_ref());
    let theirs = report.variables.clone();
    doctor::terminal_proxy(&mut report, &variables, &theirs);
    let report = report.sorted();
    if json {
        print::json(&report)?;
    } else {
        print::data(told(&report).trim_end());
    }
    let problems = report.findings.iter().filter(|finding| finding.level == Level::Problem).count();
    if problems == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    print::say(&format!("error: {} found", count(problems, "problem")));
    print::say("hint: Do what stands at “mend” of each, then look again: stagedoor doctor");
    Ok(ExitCode::FAILURE)
}

/// What the agent sees; without one, what can be seen without one, and why there is none.
fn examine(outside: &Outside) -> DoctorReport {
    let here = Environment::new(std::env::vars_os());
    let program = std::env::current_exe().unwrap_or_default();
    let alone = || {
        let mut report = doctor::local(&outside.paths, &here, &program);
        // These are this terminal's, and are told as such.
        report.variables.clear();
        report
    };
    if matches!(client::ask(&outside.paths, &Request::Hello), Err(Failure::Nobody | Failure::Late | Failure::Other(_))) {
        let report = alone();
        let why = report.findings.iter().find(|finding| finding.about == "socket" && finding.level == Level::Problem).cloned();
        if let Some(why) = why {
            // Nobody could listen there, so none is started only to see it fail.
            let finding = Finding::new("agent_absent", Level::Problem, "agent", "No agent can start").because(why.title);
            return desktop(with(report, finding.mended_by("Mend the socket first")));
        }
    }
    match ask::ask(outside, &Request::Doctor) {
        Ok(Response::Doctor { report }) => beside(outside, report, &here),
        Ok(_) => desktop(with(alone(), absent(outside, &ask::misunderstood()))),
        Err(error) => desktop(with(alone(), absent(outside, &error))),
    }
}

fn with(mut report: DoctorReport, finding: Finding) -> DoctorReport {
    report.findings.insert(0, finding);
    report
}

/// There is no agent, or one that knows nothing of doctors.
fn absent(outside: &Outside, error: &Error) -> Finding {
    if let Some(Response::Hello { version, .. }) = ask::ask_if_there(outside, &Request::Hello)
        && version != env!("CARGO_PKG_VERSION")
    {
        return other_version(&version);
    }
    let finding = Finding::of_error("agent_absent", Level::Problem, "agent", error);
    match last_words(outside) {
        Some(words) => finding.because(format!("The last that its log says: {words}")),
        None => finding,
    }
}

fn other_version(version: &str) -> Finding {
    let title = format!("The agent that runs is version {}, this program is {}", shown(version), env!("CARGO_PKG_VERSION"));
    Finding::new("agent_version", Level::Problem, "agent", title)
        .because("It was started before Stagedoor was updated, or is another installation")
        .mended_by("Quit Stagedoor (or stop “stagedoor agent”) and start it again")
}

/// The last error in the agent's log.
fn last_words(outside: &Outside) -> Option<String> {
    let log = std::fs::read(outside.paths.data.join("agent.log")).ok()?;
    let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(16 * 1024)..]).into_owned();
    tail.lines().rfind(|line| line.starts_with("error:")).map(|line| shown(line.trim_start_matches("error:").trim()))
}

/// Where the agent that answered is not what this terminal expects.
fn beside(outside: &Outside, mut report: DoctorReport, here: &Environment) -> DoctorReport {
    let Some(Response::Hello { version, surroundings, .. }) = ask::ask_if_there(outside, &Request::Hello) else { return report };
    if version != env!("CARGO_PKG_VERSION") {
        report.findings.push(other_version(&version));
    }
    for (name, value) in here.surroundings() {
        let theirs = surroundings.iter().find(|(other, _)| *other == name);
        if theirs.is_none_or(|(_, theirs)| *theirs != value) {
            let theirs = theirs.map_or_else(|| "does not have it".to_owned(), |(_, theirs)| format!("has {}", shown(&without_login(theirs))));
            let title = format!("This terminal sets {name}={}; the agent that runs {theirs}, and that counts", shown(&without_login(&value)));
            report.findings.push(Finding::new("agent_elsewhere", Level::Warning, "variables", title).mended_by(elsewhere(&name)));
        }
    }
    report
}

/// How a terminal and the agent come to mean the same.
fn elsewhere(name: &str) -> String {
    let own = "give this terminal an agent of its own: export STAGEDOOR_HOME=FOLDER";
    if name.starts_with("AWS_ENDPOINT_URL") {
        format!("Write endpoint_url into the profile, or {own}")
    } else {
        // Files have no line in a profile.
        format!("Quit Stagedoor and start it from this terminal, so that both read the same files; or unset {name}; or {own}")
    }
}

/// Looks at the desktop, which the agent would have done.
fn desktop(mut report: DoctorReport) -> DoctorReport {
    let (tell, told) = mpsc::channel();
    // Who no longer waits needs no answer.
    std::thread::spawn(move || drop(tell.send(doctor::tray_host())));
    report.findings.extend(told.recv_timeout(DESKTOP));
    report
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The report as a person reads it.
fn told(report: &DoctorReport) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let good = |finding: &&Finding| finding.level == Level::Ok;
    for finding in report.findings.iter().filter(|finding| !good(finding)) {
        line(format!("{}: {}", word(finding.level), finding.title));
        if let Some(detail) = &finding.detail {
            line(format!("  why:  {detail}"));
        }
        if let Some(mend) = &finding.mend {
            line(format!("  mend: {mend}"));
        }
        line(String::new());
    }
    line("As it should be".to_owned());
    for finding in report.findings.iter().filter(good) {
        line(format!("  {}", finding.title));
    }
    line(String::new());
    line("Profiles".to_owned());
    let many = report.profiles.len() > SHOWN;
    for profile in report.profiles.iter().filter(|profile| !many || profile.resolves.is_none()).take(SHOWN) {
        let why = || profile.error.as_ref().map_or("does not resolve", |error| error.message.as_str());
        line(format!("  {}: {}", profile.profile, profile.resolves.as_deref().unwrap_or_else(why)));
        for because in &profile.because {
            line(format!("    {because}"));
        }
    }
    if many {
        line(format!("  {} in all; each with its reasons: stagedoor doctor --json", count(report.profiles.len(), "profile")));
    } else if report.profiles.is_empty() {
        line("  none".to_owned());
    }
    line(String::new());
    line("Files".to_owned());
    for file in &report.files {
        let state = match (&file.error, file.found) {
            (Some(error), _) => error.clone(),
            (None, true) => file.mode.clone().unwrap_or_else(|| "there".to_owned()),
            (None, false) => "not there".to_owned(),
        };
        let link = file.link.as_ref().map(|target| format!(", a link to {target}")).unwrap_or_default();
        line(format!("  {}: {state}{link} ({})", file.path, file.what));
    }
    for (of, head) in [("terminal", "Variables of this terminal"), ("agent", "Variables of the agent")] {
        let own: Vec<&VariableFinding> = report.variables.iter().filter(|variable| variable.of == of).collect();
        if own.is_empty() {
            continue;
        }
        line(String::new());
        line(head.to_owned());
        for variable in own {
            line(variable.value.as_ref().map_or_else(|| format!("  {} is set (a secret)", variable.name), |value| format!("  {}={value}", variable.name)));
        }
    }
    text
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Problem => "problem",
        Level::Warning => "warning",
        Level::Info => "note",
        Level::Ok => "ok",
    }
}
