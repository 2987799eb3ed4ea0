//! Refusals that repeat: one line says how many, so that no flood of them drives what really happened off the record.
//!
//! The first refusal of a kind (who, which profile, what, why) is written at once; the same again within a minute is counted, and
//! the count is a line of its own when the minute is over. Only so many lines of refusals are written in a while: what differs
//! beyond that is counted together. Nothing that was written is ever changed, and lines are numbered as they are written.

use time::{Duration, OffsetDateTime};

use crate::model::activity::{ActivityLine, ActivityOutcome};

/// The same refusal within this time is counted.
const WITHIN: Duration = Duration::minutes(1);

/// So many lines of refusals may come at once.
const AT_ONCE: i64 = 60;

/// One more each time that this has passed.
const ONE_MORE: Duration = Duration::seconds(20);

/// What was refused, and how often since it was last told.
#[derive(Debug)]
struct Repeat {
    /// The newest of them.
    line: ActivityLine,
    since: OffsetDateTime,
    more: u64,
}

/// Refusals of the last minute.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    open: Vec<Repeat>,
    /// Those for which there was no line left.
    rest: Option<Repeat>,
    /// The lines that were written of late, in steps of [`ONE_MORE`], and up to when that is reckoned.
    spent: i64,
    reckoned: Option<OffsetDateTime>,
}

impl Repeat {
    fn is(&self, line: &ActivityLine) -> bool {
        let key = |line: &ActivityLine| {
            let ActivityLine { profile, who, executable, what, code, message, .. } = line.clone();
            (profile, who, executable, what, code, message)
        };
        key(&self.line) == key(line)
    }

    fn is_over(&self, now: OffsetDateTime) -> bool {
        now - self.since >= WITHIN || now < self.since
    }

    /// The line that counts them, and a new minute.
    fn told(&mut self, now: OffsetDateTime) -> ActivityLine {
        let times = std::mem::take(&mut self.more);
        self.since = now;
        let again = if times == 1 { "once more".to_owned() } else { format!("{times} more times") };
        let message = self.line.message.clone().unwrap_or_default();
        // How long the last of them took says nothing of all.
        ActivityLine { at: now, message: Some(format!("{message} ({again})")), duration_ms: None, ..self.line.clone() }
    }
}

impl Repeats {
    /// A line is to be written: the lines that are written now, oldest first.
    pub(super) fn take(&mut self, line: ActivityLine, now: OffsetDateTime) -> Vec<ActivityLine> {
        let mut lines = self.over(now);
        if line.outcome == ActivityOutcome::Ok {
            lines.push(line);
        } else if let Some(repeat) = self.open.iter_mut().find(|repeat| repeat.is(&line)) {
            repeat.more += 1;
            repeat.line = line;
        } else if self.may_spend(now) {
            self.open.push(Repeat { line: line.clone(), since: now, more: 0 });
            lines.push(line);
        } else {
            let rest = self.rest.get_or_insert_with(|| Repeat { line: anybody(line), since: now, more: 0 });
            rest.more += 1;
        }
        lines
    }

    /// The counts whose minute is over.
    pub(super) fn over(&mut self, now: OffsetDateTime) -> Vec<ActivityLine> {
        self.tell(now, false)
    }

    /// All counts, at the end.
    pub(super) fn all(&mut self, now: OffsetDateTime) -> Vec<ActivityLine> {
        self.tell(now, true)
    }

    /// When there is something to tell next.
    pub(super) fn next(&self) -> Option<OffsetDateTime> {
        let waiting = self.open.iter().chain(&self.rest).filter(|repeat| repeat.more > 0);
        let at = waiting.map(|repeat| repeat.since + WITHIN).min()?;
        // Where no line is left, the next one is waited for.
        let left = self.reckoned.filter(|_| self.spent >= AT_ONCE).map(|reckoned| reckoned + ONE_MORE);
        Some(left.map_or(at, |left| at.max(left)))
    }

    fn tell(&mut self, now: OffsetDateTime, all: bool) -> Vec<ActivityLine> {
        let mut lines = Vec::new();
        let mut open = std::mem::take(&mut self.open);
        open.retain_mut(|repeat| self.goes_on(repeat, now, all, &mut lines));
        self.open = open;
        if let Some(mut rest) = self.rest.take()
            && self.goes_on(&mut rest, now, all, &mut lines)
        {
            self.rest = Some(rest);
        }
        lines
    }

    /// Tells a count if it is time. Whether there may be more of it.
    fn goes_on(&mut self, repeat: &mut Repeat, now: OffsetDateTime, all: bool, lines: &mut Vec<ActivityLine>) -> bool {
        let over = all || repeat.is_over(now);
        if over && repeat.more > 0 && (all || self.may_spend(now)) {
            lines.push(repeat.told(now));
            return true;
        }
        !over || repeat.more > 0
    }

    /// Takes a line from what may be written, if there is one.
    fn may_spend(&mut self, now: OffsetDateTime) -> bool {
        let reckoned = *self.reckoned.get_or_insert(now);
        let steps = ((now - reckoned).whole_seconds() / ONE_MORE.whole_seconds()).max(0);
        self.spent = (self.spent - steps).max(0);
        // A clock that was set back begins anew.
        self.reckoned = Some(if self.spent == 0 || now < reckoned { now } else { reckoned + ONE_MORE * i32::try_from(steps).unwrap_or(i32::MAX) });
        let may = self.spent < AT_ONCE;
        self.spent += i64::from(may);
        may
    }
}

/// What is told of those for which there was no line.
fn anybody(line: ActivityLine) -> ActivityLine {
    let message = Some("Others were refused too".to_owned());
    let (profile, who, what) = ("*".to_owned(), "several programs".to_owned(), "refused".to_owned());
    ActivityLine { profile, who, what, message, role_arn: None, pid: None, executable: None, parent: None, code: None, duration_ms: None, ..line }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::error::Code;

    const NOW: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);

    fn refused(profile: &str) -> ActivityLine {
        ActivityLine {
            n: 0,
            at: NOW,
            profile: profile.to_owned(),
            role_arn: None,
            who: "aws".to_owned(),
            pid: Some(1),
            executable: None,
            parent: None,
            what: "credential_process".to_owned(),
            access_key_id: None,
            outcome: ActivityOutcome::Refused,
            answered_from: None,
            code: Some(Code::MissingProfile),
            message: Some("There is no such profile".to_owned()),
            duration_ms: Some(1),
        }
    }

    fn told(lines: &[ActivityLine]) -> Vec<&str> {
        lines.iter().filter_map(|line| line.message.as_deref()).collect()
    }

    #[test]
    fn the_same_refusal_is_a_line_and_then_a_count() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.take(refused("a"), NOW).len(), 1);
        assert_eq!(repeats.next(), None);
        for _ in 0..500 {
            assert!(repeats.take(ActivityLine { pid: Some(2), ..refused("a") }, NOW + Duration::seconds(30)).is_empty(), "whichever process");
        }
        let ok = ActivityLine { outcome: ActivityOutcome::Ok, code: None, message: None, ..refused("a") };
        assert_eq!(repeats.take(ok.clone(), NOW).len() + repeats.take(ok, NOW).len(), 2, "what was handed out is never counted together");
        assert_eq!(repeats.next(), Some(NOW + WITHIN));
        let after = NOW + WITHIN;
        let lines = repeats.over(after);
        assert_eq!((told(&lines), lines[0].at, lines[0].pid), (vec!["There is no such profile (500 more times)"], after, Some(2)));
        repeats.take(refused("a"), after);
        assert_eq!(told(&repeats.all(after)), ["There is no such profile (once more)"], "at the end none is left out");
        assert!(repeats.over(after + WITHIN).is_empty() && repeats.next().is_none());
        assert_eq!(repeats.take(refused("a"), after + WITHIN * 3).len(), 1, "after a quiet minute it is news");
    }

    #[test]
    fn a_flood_of_different_refusals_takes_few_lines_and_all_are_counted() {
        let mut repeats = Repeats::default();
        let (mut lines, mut counted) = (Vec::new(), 0);
        for second in 0..3600 {
            for number in 0..10 {
                lines.extend(repeats.take(refused(&format!("{second}-{number}")), NOW + Duration::seconds(second)));
            }
        }
        lines.extend(repeats.all(NOW + Duration::HOUR));
        assert!(lines.len() < 60 + 180 + 5, "{}", lines.len());
        for line in &lines {
            let count = line.message.as_deref().and_then(|message| message.strip_prefix("Others were refused too (")).map(|rest| rest.split(' ').next());
            counted += count.map_or(1, |count| count.and_then(|count| count.parse().ok()).unwrap_or(1));
        }
        assert_eq!(counted, 36_000);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_waiting() {
        let mut repeats = Repeats::default();
        repeats.take(refused("a"), NOW);
        repeats.take(refused("a"), NOW);
        assert_eq!(repeats.over(NOW - Duration::HOUR).len(), 1);
    }
}
