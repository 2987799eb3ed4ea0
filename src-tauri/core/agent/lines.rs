//! Which ways to AWS are down: one request in a while looks whether they are back, and the others wait for it.
//!
//! Pure, with the time as an argument. A way is where a profile's requests go: its endpoints and its Region. Without this a laptop
//! that wakes without network would ask for every session again and again.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

/// How long between two looks at a way that is down.
pub(super) const LOOK_AGAIN: Duration = Duration::seconds(3);

/// The ways that are down, and when each was last looked at.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, OffsetDateTime>);

impl Lines {
    /// A request came to nothing before AWS answered.
    pub(super) fn fell(&mut self, way: &str, now: OffsetDateTime) {
        self.0.insert(way.to_owned(), now);
    }

    /// AWS answered, whatever it said. Tells whether that is news.
    pub(super) fn rose(&mut self, way: &str) -> bool {
        self.0.remove(way).is_some()
    }

    /// Somebody has reason to believe that all is well again.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Of those who want to ask, by their ways, those who may: all where the way is up, one in a while where it is down.
    pub(super) fn admit<T>(&mut self, asking: Vec<(String, T)>, now: OffsetDateTime) -> Vec<T> {
        let mut admitted = Vec::new();
        for (way, who) in asking {
            match self.0.get_mut(&way) {
                None => admitted.push(who),
                Some(looked) if now < *looked || now - *looked >= LOOK_AGAIN => {
                    *looked = now;
                    admitted.push(who);
                }
                Some(_) => {}
            }
        }
        admitted
    }

    /// When the next look is due.
    pub(super) fn next_look(&self) -> Option<OffsetDateTime> {
        self.0.values().map(|looked| *looked + LOOK_AGAIN).min()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);

    #[test]
    fn one_looks_at_a_way_that_is_down_while_the_others_go_on() {
        let mut lines = Lines::default();
        let asking = || vec![("a".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 3), ("a".to_owned(), 4)];
        assert_eq!(lines.admit(asking(), NOW), [1, 2, 3, 4]);
        lines.fell("a", NOW);
        assert_eq!(lines.admit(asking(), NOW + Duration::seconds(2)), [3]);
        assert_eq!(lines.next_look(), Some(NOW + LOOK_AGAIN));
        assert_eq!(lines.admit(asking(), NOW + LOOK_AGAIN), [1, 3]);
        assert_eq!(lines.admit(asking(), NOW + LOOK_AGAIN), [3]);
        assert_eq!(lines.admit(asking(), NOW - Duration::HOUR), [1, 3], "a clock that was set back keeps nobody waiting");
        assert!(lines.rose("a") && !lines.rose("a"));
        assert_eq!(lines.admit(asking(), NOW + LOOK_AGAIN), [1, 2, 3, 4]);
    }
}
