//! When credentials are renewed, handed out, or neither: pure, with the time as an argument.
//!
//! The windows are those of the AWS SDKs. One rule is stricter than theirs: an expired credential is never handed out; the
//! last error is told instead.

use time::{Duration, OffsetDateTime};

use crate::{
    aws::may_recover,
    error::{Code, Error},
    model::credentials::TemporaryCredentials,
};

/// A refusal that asking again cannot help is remembered this long, so that a tool that loops does not hammer AWS.
const REFUSED_FOR: Duration = Duration::seconds(5);

/// Somebody who waits for what has expired may ask again after this long, even if AWS asked to slow down.
const ASKED_AGAIN: Duration = Duration::seconds(4);

/// Who may wait for a minute waits so long for the next try, and not with the answer of the last.
const WORTH_WAITING: Duration = Duration::seconds(10);

/// Before this much is left, a caller waits for the renewal as long as it takes; earlier only a moment.
pub const MANDATORY_WINDOW: Duration = Duration::minutes(1);

/// How long before their end credentials of this lifetime are renewed.
pub fn advisory_window(lifetime: Duration) -> Duration {
    if lifetime <= Duration::minutes(20) {
        Duration::minutes(5)
    } else if lifetime < Duration::minutes(90) {
        Duration::minutes(15)
    } else {
        Duration::minutes(60)
    }
}

/// Credentials, and when they were issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What STS gave.
    pub credentials: TemporaryCredentials,
    /// When it gave them.
    pub issued: OffsetDateTime,
}

impl Held {
    /// The moment from which they should be renewed.
    pub fn due(&self) -> OffsetDateTime {
        self.due_within(advisory_window(self.credentials.expiration - self.issued))
    }

    /// The same for another window. Never in the first quarter of their life: where this computer's clock is far ahead,
    /// new credentials look as if they ended at once, and each answer would be the reason for the next question.
    fn due_within(&self, window: Duration) -> OffsetDateTime {
        let lifetime = self.credentials.expiration - self.issued;
        (self.credentials.expiration - window).max(self.issued + lifetime / 4)
    }
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Hand out what is held.
    Hand,
    /// Ask AWS; what is held may be handed out if that fails and it has not expired.
    Ask,
    /// Do neither: this was the answer a moment ago.
    Tell(Error),
}

/// How long to wait after a failure that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// While valid credentials are held.
    pub holding: Duration,
    /// While they have expired. Where there never were any, the next call asks at once.
    pub over: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { holding: Duration::minutes(1), over: Duration::seconds(3) }
    }
}

/// What is remembered between two attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewal {
    backoff: Backoff,
    /// The configured advisory window, instead of the table.
    window: Option<Duration>,
    not_before: Option<OffsetDateTime>,
    last: Option<Error>,
    refused_until: Option<OffsetDateTime>,
    /// When somebody who waits for it may ask, though nobody asks on their own yet.
    asked_from: Option<OffsetDateTime>,
    /// When that was. A clock that shows less than this was set back, and what is to be waited for is no longer known.
    failed_at: Option<OffsetDateTime>,
    rejected: bool,
    /// How often in a row AWS could not answer.
    busy: u32,
}

/// Waits after AWS asked to slow down grow so often.
const DOUBLINGS: u32 = 2;

impl Renewal {
    /// With another patience than the usual.
    pub fn new(backoff: Backoff, window: Option<Duration>) -> Self {
        Self { backoff, window, ..Self::default() }
    }

    /// The advisory window for credentials of this lifetime.
    pub fn window(&self, lifetime: Duration) -> Duration {
        self.window.unwrap_or_else(|| advisory_window(lifetime))
    }

    /// Decides about a request at `now`.
    pub fn decide(&self, held: Option<&Held>, now: OffsetDateTime) -> Decision {
        if let (Some(until), Some(error)) = (self.refused_until, &self.last)
            && self.before(until, now)
        {
            return Decision::Tell(error.clone());
        }
        let Some(held) = held else { return Decision::Ask };
        if held.credentials.expired(now) {
            return self.over(now);
        }
        let fresh = now < held.due_within(self.window(held.credentials.expiration - held.issued));
        let waiting = self.not_before.is_some_and(|at| self.before(at, now));
        if (fresh && !self.rejected) || waiting { Decision::Hand } else { Decision::Ask }
    }

    /// Whether a wait that began with the last failure and ends at `end` is still on.
    fn before(&self, end: OffsetDateTime, now: OffsetDateTime) -> bool {
        now < end && self.failed_at.is_none_or(|at| at <= now)
    }

    fn over(&self, now: OffsetDateTime) -> Decision {
        match (&self.last, self.asked_from.or(self.not_before)) {
            (Some(error), Some(at)) if self.before(at, now) => Decision::Tell(error.clone()),
            _ => Decision::Ask,
        }
    }

    /// AWS gave new credentials.
    pub fn succeeded(&mut self) {
        *self = Self { backoff: self.backoff, window: self.window, ..Self::default() };
    }

    /// AWS gave none. `holding`: credentials that still hold are there.
    pub fn failed(&mut self, error: Error, now: OffsetDateTime, holding: bool) {
        self.failed_with(error, now, holding, |_, _| Duration::ZERO);
    }

    /// The same, where those whom AWS asked to slow down wait longer each time, and not all alike: `more` gives a part of a wait.
    pub fn failed_with(&mut self, error: Error, now: OffsetDateTime, holding: bool, more: impl Fn(Duration, u32) -> Duration) {
        if may_recover(&error) {
            let mut wait = if holding { self.backoff.holding } else { self.backoff.over };
            if error.code == Code::AwsBusy {
                let longest = wait * 2_i32.pow(self.busy.min(DOUBLINGS));
                self.busy += 1;
                wait = wait / 2 + more(longest, self.busy);
            } else {
                self.busy = 0;
            }
            self.not_before = Some(now + wait);
            self.asked_from = (error.code == Code::AwsBusy && !holding).then(|| now + wait.min(ASKED_AGAIN));
            self.refused_until = None;
        } else {
            self.refused_until = Some(now + REFUSED_FOR);
        }
        self.last = Some(error);
        self.failed_at = Some(now);
    }

    /// A service refused these credentials: renew at the next request, though they look fresh. Stale news change nothing.
    pub fn invalidate(&mut self, access_key_id: &str, held: Option<&Held>) {
        if held.is_some_and(|held| held.credentials.access_key_id.as_str() == access_key_id) {
            self.rejected = true;
        }
    }

    /// What ends soon is asked for more often: a wait takes a part of what is left, and a few seconds at least.
    pub fn wait_no_longer_than(&mut self, longest: Duration, now: OffsetDateTime) {
        self.not_before = self.not_before.map(|at| at.min(now + longest.max(self.backoff.over)));
    }

    /// Until when nobody asks on their own.
    pub fn waits_until(&self) -> Option<OffsetDateTime> {
        self.not_before
    }

    /// When somebody who was told no may ask again, if that is soon and asking may help: then it is worth waiting for.
    pub fn next_try(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let passes = self.last.as_ref().is_some_and(|error| matches!(error.code, Code::AwsUnreachable | Code::AwsBusy | Code::ClockWrong));
        self.asked_from.or(self.not_before).filter(|at| passes && *at <= now + WORTH_WAITING)
    }

    /// Whether nobody asks on their own now.
    pub fn rests(&self, now: OffsetDateTime) -> bool {
        self.not_before.is_some_and(|at| self.before(at, now))
    }

    /// When it last came to nothing.
    pub fn failed_at(&self) -> Option<OffsetDateTime> {
        self.failed_at
    }

    /// Why it last came to nothing.
    pub fn last(&self) -> Option<&Error> {
        self.last.as_ref()
    }

    /// A person asks again: no waiting.
    pub fn forgive(&mut self) {
        self.not_before = None;
        self.asked_from = None;
        self.refused_until = None;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::model::{access_key::AccessKeyId, secret::Secret};

    fn held(seconds: i64) -> Held {
        let issued = datetime!(2026-11-23 09:00 UTC);
        let credentials = TemporaryCredentials {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new("secret"),
            session_token: Secret::new("token"),
            expiration: issued + Duration::seconds(seconds),
            account_id: None,
            arn: None,
        };
        Held { credentials, issued }
    }

    #[test]
    fn credentials_that_look_as_if_they_ended_at_once_are_not_asked_for_again_and_again() {
        let short = held(60);
        assert_eq!(short.due(), short.issued + Duration::seconds(15), "not before they were issued, as five minutes before the end would be");
        assert_eq!(Renewal::default().decide(Some(&short), short.issued + Duration::seconds(14)), Decision::Hand);
        assert_eq!(Renewal::default().decide(Some(&short), short.issued + Duration::seconds(15)), Decision::Ask);
    }

    #[test]
    fn who_waits_for_what_is_over_may_ask_within_seconds_though_nobody_asks_on_their_own() {
        let (over, mut renewal) = (held(60), Renewal::default());
        let now = over.credentials.expiration + Duration::MINUTE;
        for _ in 0..5 {
            renewal.failed_with(Error::new(Code::AwsBusy, "AWS failed", "Wait"), now, false, |longest, _| longest);
        }
        assert!(matches!(renewal.decide(Some(&over), now + Duration::seconds(3)), Decision::Tell(_)));
        assert_eq!(renewal.next_try(now), Some(now + ASKED_AGAIN));
        assert_eq!(renewal.decide(Some(&over), now + ASKED_AGAIN), Decision::Ask);
        assert!(renewal.rests(now + ASKED_AGAIN), "the renewal goes on waiting");
        renewal.failed(Error::new(Code::AwsRefused, "No", "Mend it"), now, false);
        assert_eq!(renewal.next_try(now), None, "what only a person can mend is told at once");
    }

    #[test]
    fn usual_lifetimes_have_the_windows_of_the_sdks() {
        for (lifetime, window) in [(900, 300), (3600, 900), (43200, 3600)] {
            let held = held(lifetime);
            assert_eq!(held.credentials.expiration - held.due(), Duration::seconds(window), "{lifetime} s");
        }
    }
}
