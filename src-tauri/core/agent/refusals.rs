//! What was refused at the socket, in the log: that it happened, who it was, how often; never what was said.
//!
//! Whoever sends garbage in a loop fills no disk: a line of each kind every ten seconds, which tells how many there were since.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A line of a kind at most this often.
const EVERY: Duration = Duration::from_secs(10);

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    NoQuestion,
    HalfALine,
    TooLong,
    AnotherUser,
    TooMany,
}

impl Refusal {
    const fn words(self) -> &'static str {
        match self {
            Self::NoQuestion => "refused a line that is no question",
            Self::HalfALine => "refused half a line",
            Self::TooLong => "refused a line without end",
            Self::AnotherUser => "refused a connection of another user",
            Self::TooMany => "there are too many connections; closed those that were silent longest",
        }
    }
}

/// When each kind was last told, and how many there were since.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<BTreeMap<Refusal, (Instant, u64)>>);

impl Refusals {
    /// One more, or several; `who`: a process or a user as a number.
    pub(super) fn note(&self, refusal: Refusal, who: Option<u32>, times: u64) {
        if let Some(times) = self.due(refusal, times, Instant::now()) {
            tracing::warn!(who, times, "{}", refusal.words());
        }
    }

    /// How many to tell of now, if it is time.
    fn due(&self, refusal: Refusal, times: u64, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(&refusal) {
            Some((at, since)) if now.duration_since(*at) < EVERY => {
                *since += times;
                None
            }
            Some((at, since)) => {
                *at = now;
                Some(std::mem::take(since) + times)
            }
            None => {
                told.insert(refusal, (now, 0));
                Some(times)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_every_ten_seconds_and_none_is_forgotten() {
        let (refusals, began) = (Refusals::default(), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        assert_eq!(refusals.due(Refusal::NoQuestion, 1, at(0)), Some(1));
        for _ in 0..1000 {
            assert_eq!(refusals.due(Refusal::NoQuestion, 1, at(9)), None);
        }
        assert_eq!(refusals.due(Refusal::TooLong, 1, at(9)), Some(1), "another kind has its own line");
        assert_eq!(refusals.due(Refusal::NoQuestion, 1, at(10)), Some(1001));
        assert_eq!(refusals.due(Refusal::NoQuestion, 1, at(30)), Some(1));
    }
}
