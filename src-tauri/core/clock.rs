//! The only reader of the wall clock.
//!
//! Everything that compares with an expiration takes a [`Clock`], so that a laptop's sleep, a step of the system clock and
//! a session of twelve hours are tested without waiting. Not a monotonic clock: AWS expires credentials by wall time.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use time::OffsetDateTime;
use tokio::sync::watch;

/// The longest the renewal sleeps in one go, so that a wake from sleep is noticed.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The wall clock, or one that a test drives. Cheap to clone; clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Driven(Arc<Driven>),
}

#[derive(Debug)]
struct Driven {
    now: Mutex<OffsetDateTime>,
    moved: watch::Sender<u64>,
}

impl Clock {
    /// The system's wall clock.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn driven(start: OffsetDateTime) -> Self {
        Self(Kind::Driven(Arc::new(Driven { now: Mutex::new(start), moved: watch::Sender::new(0) })))
    }

    /// The time now, UTC.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that may ask the system")]
            Kind::System => SystemTime::now().into(),
            Kind::Driven(driven) => *driven.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a driven clock, forwards or backwards; does nothing to the system's.
    pub fn advance(&self, by: time::Duration) {
        if let Kind::Driven(driven) = &self.0 {
            *driven.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
            driven.moved.send_modify(|count| *count += 1);
        }
    }

    /// Returns when the clock shows `until` or later. Looks at the wall clock at least every [`LONGEST_SLEEP`].
    pub async fn sleep_until(&self, until: OffsetDateTime) {
        match &self.0 {
            Kind::System => loop {
                let Ok(left) = Duration::try_from(until - self.now()) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            },
            Kind::Driven(driven) => {
                let mut moved = driven.moved.subscribe();
                while self.now() < until {
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
