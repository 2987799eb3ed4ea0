//! The AWS files: what an edit changes, shown before it is made, and their last versions.
//!
//! Edits are the agent's; here they are shown on standard error, where a person is asked only for what nobody named.

use std::process::ExitCode;

use serde_json::json;
use stagedoor_core::{
    agent::{
        FileEdit, FilesAnswer, FilesRequest, Preview, VersionLine,
        protocol::{Request, Response},
    },
    error::{Code, Error, Result},
    model::{
        file_diff::{DiffKind, DiffLine, FileDiff},
        profile::ProfileName,
    },
    store::aws_files::edit::AwsFile,
};

use crate::{
    Outside, ask,
    files_args::{Files, FilesCommand},
    print,
};

/// How an edit is to be made.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// Only shown.
    pub(crate) dry_run: bool,
    /// Without being asked.
    pub(crate) yes: bool,
    /// Nobody named each profile, so a person at a terminal is asked.
    pub(crate) all: bool,
}

/// Shows what an edit changes; then makes it, unless it is only to be shown. `done` is said of each profile.
pub(crate) fn edit(outside: &Outside, edit: &FileEdit, how: How, done: &str) -> Result<ExitCode> {
    let preview = preview(outside, edit)?;
    for skipped in &preview.skipped {
        print::say(&format!("{} is left as it is: {}.", skipped.profile, skipped.why));
    }
    if preview.diffs.is_empty() {
        print::say("Nothing changes in the AWS files.");
    }
    preview.diffs.iter().for_each(print_diff);
    if how.dry_run || (preview.diffs.is_empty() && preview.profiles.is_empty()) {
        return Ok(ExitCode::SUCCESS);
    }
    if how.all && !how.yes && print::can_prompt() && !agreed(&preview)? {
        print::say("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let FilesAnswer::Preview(made) = about(outside, FilesRequest::Edit { wanted: edit.clone() })? else { return Err(ask::misunderstood()) };
    for profile in &made.profiles {
        print::say(&format!("{profile} {done}."));
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a person at the terminal wants it.
pub(crate) fn agreed(preview: &Preview) -> Result<bool> {
    let count = match preview.profiles.len() {
        1 => "1 profile".to_owned(),
        count => format!("{count} profiles"),
    };
    Ok(matches!(print::prompt(&format!("Change {count} as shown? [y/N] "))?.trim(), "y" | "Y" | "yes"))
}

fn about(outside: &Outside, what: FilesRequest) -> Result<FilesAnswer> {
    match ask::ask(outside, &Request::Files { ask: what })? {
        Response::Files { answer } => Ok(answer),
        _ => Err(ask::misunderstood()),
    }
}

/// What an edit would change.
pub(crate) fn preview(outside: &Outside, edit: &FileEdit) -> Result<Preview> {
    match about(outside, FilesRequest::Preview { wanted: edit.clone() })? {
        FilesAnswer::Preview(preview) => Ok(preview),
        _ => Err(ask::misunderstood()),
    }
}

/// The difference, in the way that everybody knows, for a person.
pub(crate) fn print_diff(diff: &FileDiff) {
    let (red, green, quiet, off) = if print::coloured() { ("\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m") } else { ("", "", "", "") };
    for line in unified(diff).lines() {
        let colour = match line.as_bytes().first() {
            Some(b'+') => green,
            Some(b'-') => red,
            Some(b'@') => quiet,
            _ => "",
        };
        print::say(&format!("{colour}{line}{}", if colour.is_empty() { "" } else { off }));
    }
}

fn unified(diff: &FileDiff) -> String {
    let text = format!("--- {0}\n+++ {0}\n{1}", diff.path, unified_lines(&diff.lines));
    if diff.left_out > 0 {
        return format!("{text}@@ {} more lines @@\n", diff.left_out);
    }
    text
}

/// Lines of a difference, each with its sign.
pub(crate) fn unified_lines(lines: &[DiffLine]) -> String {
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let (mark, said) = match line.kind {
            DiffKind::Same => (' ', line.text.clone()),
            DiffKind::Added => ('+', line.text.clone()),
            DiffKind::Removed => ('-', line.text.clone()),
            DiffKind::Gap => {
                let next = lines.get(index + 1).and_then(|next| next.new.or(next.old)).unwrap_or(0);
                ('@', format!("@ line {next} @@"))
            }
        };
        text.push(mark);
        text.push_str(&said);
        text.push('\n');
    }
    text
}

/// In local time, as a person reads it.
pub(crate) fn moment(at: time::OffsetDateTime) -> String {
    let offset = time::UtcOffset::local_offset_at(at).unwrap_or(time::UtcOffset::UTC);
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    at.to_offset(offset).format(format).unwrap_or_default()
}

/// `files`
pub(crate) fn run(outside: &Outside, wanted: &Files) -> Result<ExitCode> {
    match wanted.command {
        None => list(outside, wanted.json),
        Some(FilesCommand::Diff { number, credentials, now, json }) => difference(outside, file(credentials), number, now, json),
        Some(FilesCommand::Restore { number, credentials, dry_run }) => {
            let wanted = FileEdit::Restore { file: file(credentials), number };
            let code = edit(outside, &wanted, How { dry_run, yes: true, all: false }, "")?;
            if !dry_run {
                print::say(&format!("The file is as version {number} was; what it said before is a version too: stagedoor files"));
            }
            Ok(code)
        }
    }
}

const fn file(credentials: bool) -> AwsFile {
    if credentials { AwsFile::Credentials } else { AwsFile::Config }
}

fn versions(outside: &Outside) -> Result<Vec<VersionLine>> {
    match about(outside, FilesRequest::Versions)? {
        FilesAnswer::Versions(versions) => Ok(versions),
        _ => Err(ask::misunderstood()),
    }
}

fn list(outside: &Outside, json: bool) -> Result<ExitCode> {
    let versions = versions(outside)?;
    if json {
        return print::json(&versions);
    }
    if versions.is_empty() {
        print::say("There are no versions yet: one is kept at each change that Stagedoor makes to an AWS file.");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = versions
        .iter()
        .map(|version| {
            let name = match version.file {
                AwsFile::Config => "config",
                AwsFile::Credentials => "credentials",
            };
            let now = if version.current { "as it is now" } else { "" };
            vec![name.to_owned(), version.number.to_string(), moment(version.at), version.size.to_string(), version.by.clone(), now.to_owned()]
        })
        .collect();
    Ok(print::table(&["FILE", "VERSION", "WHEN", "BYTES", "BY", ""], &rows))
}

fn difference(outside: &Outside, file: AwsFile, number: Option<u32>, now: bool, json: bool) -> Result<ExitCode> {
    let newest = || versions(outside).map(|versions| versions.iter().filter(|version| version.file == file).map(|version| version.number).max());
    let none = || Error::new(Code::InvalidValue, "There is no version of that file yet", "One is kept at each change that Stagedoor makes to it");
    let number = match number {
        Some(number) => number,
        None => newest()?.ok_or_else(none)?,
    };
    let FilesAnswer::Diff(diff) = about(outside, FilesRequest::Diff { file, number, against_now: now })? else {
        return Err(ask::misunderstood());
    };
    if json {
        return print::json(&json!(diff));
    }
    if diff.lines.is_empty() {
        print::say("There is no difference.");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(print::data(&unified(&diff)))
}

/// Names as they were typed.
pub(crate) fn named(profiles: Vec<String>) -> Vec<ProfileName> {
    profiles.into_iter().map(ProfileName::new).collect()
}
