//! `activity`: the record of who asked for what, as a table, as one JSON document, or as JSON lines.
//!
//! The agent is asked where one runs, because it knows what it has yet to write; else the record is read as it lies on disk, and no
//! agent is started to look back.

use std::{process::ExitCode, thread::sleep, time::Duration};

use stagedoor_core::{
    agent::protocol::{Request, Response},
    clock::Clock,
    error::{Error, Result},
    model::activity::{ActivityLine, ActivityOutcome, ActivityPage, ActivityQuery, LARGEST_PAGE},
    store::record::Record,
};
use time::{Date, OffsetDateTime, Time, UtcOffset, format_description::well_known::Rfc3339, macros::format_description};

use crate::{Outside, args::ActivityArguments, ask, print};

/// How many lines a person is shown who did not say how many.
const ON_A_SCREEN: usize = 50;

/// How often it is asked whether there is news.
const FOLLOWING: Duration = Duration::from_millis(500);

/// `activity`
pub(crate) fn run(outside: &Outside, arguments: ActivityArguments) -> Result<ExitCode> {
    let now = Clock::system().now();
    let since = match arguments.since.as_deref().map(|text| moment(text, now)).transpose() {
        Ok(since) => since,
        Err(error) => return Ok(print::wrong_argument(&error)),
    };
    let ActivityArguments { json, jsonl, profile, who, failed, limit, follow, .. } = arguments;
    let query = ActivityQuery { profile, who, since, refused: failed, ..ActivityQuery::default() };
    let all = if json || jsonl || !print::is_terminal() { usize::MAX } else { ON_A_SCREEN };
    let limit = limit.map_or(all, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let (lines, unreadable, more) = pages(outside, &query, limit)?;
    if unreadable > 0 {
        print::say(&format!("warning: {unreadable} lines of the record cannot be read and are left out"));
        print::say(&format!("hint: Look at {}", Record::new(&outside.paths).file(0).display()));
    }
    if json {
        return print::json(&lines);
    }
    if jsonl {
        let text = |line: &ActivityLine| serde_json::to_string(line).unwrap_or_default();
        if !lines.iter().rev().all(|line| print::line(&text(line))) {
            return Ok(ExitCode::SUCCESS);
        }
    } else if lines.is_empty() {
        print::say(nothing(&query));
    } else {
        print::table(&HEAD, &lines.iter().rev().map(row).collect::<Vec<_>>());
        if more {
            print::say(&format!("hint: These are the last {limit}; see more with --limit, or narrow it with --profile, --who, --since or --failed"));
        }
    }
    if follow { following(outside, &query, lines.first().map_or(0, |line| line.n), jsonl) } else { Ok(ExitCode::SUCCESS) }
}

/// As many lines as are wanted, newest first; how many cannot be read; whether there are more.
fn pages(outside: &Outside, query: &ActivityQuery, limit: usize) -> Result<(Vec<ActivityLine>, u64, bool)> {
    let mut lines: Vec<ActivityLine> = Vec::new();
    let mut before = None;
    let mut unreadable = 0;
    loop {
        let wanted = (limit - lines.len()).min(LARGEST_PAGE);
        let page = one_page(outside, &ActivityQuery { before, limit: Some(wanted), ..query.clone() })?;
        before = page.lines.last().map(|line| line.n);
        // Every page looks at the record from its end, so the last one has seen most.
        unreadable = unreadable.max(page.unreadable);
        lines.extend(page.lines);
        if !page.more || lines.len() >= limit {
            return Ok((lines, unreadable, page.more));
        }
    }
}

fn one_page(outside: &Outside, query: &ActivityQuery) -> Result<ActivityPage> {
    match ask::ask_if_there(outside, &Request::Activity { query: query.clone() }) {
        Some(Response::Activity { page }) => Ok(page),
        Some(Response::Failed { error }) => Err(error),
        // Nobody is there, or it is just making room for another.
        Some(_) | None => Record::new(&outside.paths).read(query, &[]),
    }
}

/// Shows what comes, line by line; the reader ends it.
fn following(outside: &Outside, query: &ActivityQuery, last: u64, jsonl: bool) -> Result<ExitCode> {
    let mut last = last.max(pages(outside, &ActivityQuery::default(), 1)?.0.first().map_or(0, |line| line.n));
    loop {
        sleep(FOLLOWING);
        let (lines, _, _) = pages(outside, &ActivityQuery { after: Some(last), ..query.clone() }, usize::MAX)?;
        let Some(newest) = lines.first().map(|line| line.n) else { continue };
        last = newest;
        let shown = |line: &ActivityLine| if jsonl { serde_json::to_string(line).unwrap_or_default() } else { row(line).join("  ") };
        // Who closes the pipe has seen enough.
        if !lines.iter().rev().all(|line| print::line(shown(line).trim_end())) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn nothing(query: &ActivityQuery) -> &'static str {
    if *query == ActivityQuery::default() {
        "Nobody has asked for credentials yet.\nhint: Hand a profile out to every AWS tool: stagedoor connect PROFILE"
    } else {
        "Nothing on record matches.\nhint: See everything: stagedoor activity"
    }
}

const HEAD: [&str; 6] = ["WHEN", "WHO", "PROFILE", "WHAT", "ACCESS KEY", "HOW"];

fn row(line: &ActivityLine) -> Vec<String> {
    let who = line.pid.map_or_else(|| line.who.clone(), |pid| format!("{} ({pid})", line.who));
    let how = line.how();
    let how = if line.outcome == ActivityOutcome::Refused { format!("refused: {how}") } else { how };
    let key = line.access_key_id.as_ref().map(ToString::to_string).unwrap_or_default();
    vec![local(line.at), who, line.profile.clone(), line.words().to_owned(), key, how]
}

/// In this machine's time zone where it is known, else in UTC.
fn local(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    match UtcOffset::local_offset_at(at) {
        Ok(offset) => at.to_offset(offset).format(format).unwrap_or_default(),
        Err(_) => format!("{} UTC", at.to_offset(UtcOffset::UTC).format(format).unwrap_or_default()),
    }
}

/// `2h` ago, a day, or a moment.
fn moment(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime> {
    let text = text.trim();
    let ago = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return None,
        };
        let seconds = number.parse::<u32>().ok().map(|number| i64::from(number) * seconds)?;
        now.checked_sub(time::Duration::seconds(seconds))
    };
    let day = || {
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
        let midnight = day.with_time(Time::MIDNIGHT).assume_utc();
        Some(UtcOffset::local_offset_at(midnight).map_or(midnight, |offset| midnight.replace_offset(offset)))
    };
    ago().or_else(day).or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok()).ok_or_else(|| {
        Error::invalid("moment", text, "a while ago such as 90s, 30m, 2h, 3d or 1w, a day such as 2026-11-23, or a moment such as 2026-11-23T09:00:00Z")
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn moments_are_read_as_a_person_writes_them() {
        let now = datetime!(2026-11-23 09:00 UTC);
        for (text, moment_) in [
            ("90s", datetime!(2026-11-23 08:58:30 UTC)),
            (" 2h ", datetime!(2026-11-23 07:00 UTC)),
            ("1w", datetime!(2026-11-16 09:00 UTC)),
            ("2026-11-20T10:00:00+02:00", datetime!(2026-11-20 08:00 UTC)),
        ] {
            assert_eq!(moment(text, now).unwrap(), moment_, "{text}");
        }
        assert_eq!(moment("2026-11-20", now).unwrap().date(), datetime!(2026-11-20 0:00 UTC).date());
        for wrong in ["", "h", "2", "2y", "-2h", "é", "4294967296h", "2026-13-01", "yesterday"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
    }
}
