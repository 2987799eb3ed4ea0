//! The only reader of the wall clock, and of the clock beside it that nobody can set.
//!
//! Everything that compares with an expiration takes a [`Clock`], so that a laptop's sleep, a step of the system clock and
//! a session of twelve hours are tested without waiting. AWS expires credentials by wall time; the time that passed tells a
//! wall clock that was set from a night that went by.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use time::OffsetDateTime;
use tokio::sync::watch;

/// The longest the renewal sleeps in one go, so that a wake from sleep is noticed.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(2);

/// The wall clock, or one that a test drives. Cheap to clone; clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    /// The time that a test drives, and how far this computer's clock is from it.
    Driven(Arc<Driven>, Arc<Mutex<time::Duration>>),
}

#[derive(Debug)]
struct Driven {
    /// The right time, and how much of it passed.
    now: Mutex<(OffsetDateTime, Duration)>,
    moved: watch::Sender<u64>,
}

impl Clock {
    /// The system's wall clock.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn driven(start: OffsetDateTime) -> Self {
        Self(Kind::Driven(Arc::new(Driven { now: Mutex::new((start, Duration::ZERO)), moved: watch::Sender::new(0) }), Arc::default()))
    }

    /// Another computer's clock: it moves with this one and shows something else. The system's has no other.
    #[must_use]
    pub fn off_by(&self, by: time::Duration) -> Self {
        match &self.0 {
            Kind::System => self.clone(),
            Kind::Driven(driven, off) => Self(Kind::Driven(Arc::clone(driven), Arc::new(Mutex::new(*locked(off) + by)))),
        }
    }

    /// The time now, UTC.
    pub fn now(&self) -> OffsetDateTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that may ask the system")]
            Kind::System => SystemTime::now().into(),
            Kind::Driven(driven, off) => locked(&driven.now).0 + *locked(off),
        }
    }

    /// The time that passed since some moment before. Nobody can set it; sleep counts where the system says so.
    pub fn passed(&self) -> Duration {
        match &self.0 {
            Kind::System => system_passed(),
            Kind::Driven(driven, _) => locked(&driven.now).1,
        }
    }

    /// Whether a test drives it.
    pub const fn is_driven(&self) -> bool {
        matches!(self.0, Kind::Driven(..))
    }

    /// Lets time pass on a driven clock. Backwards, nothing passes and everybody's clock is set; the system's stays as it is.
    pub fn advance(&self, by: time::Duration) {
        if let Kind::Driven(driven, _) = &self.0 {
            {
                let mut now = locked(&driven.now);
                now.0 += by;
                now.1 += Duration::try_from(by).unwrap_or_default();
            }
            driven.moved.send_modify(|count| *count += 1);
        }
    }

    /// Sets this clock alone, forwards or backwards, while no time passes; does nothing to the system's.
    pub fn step(&self, by: time::Duration) {
        if let Kind::Driven(driven, off) = &self.0 {
            *locked(off) += by;
            driven.moved.send_modify(|count| *count += 1);
        }
    }

    /// Returns when the clock shows `until` or later. Looks at the wall clock at least every [`LONGEST_SLEEP`].
    pub async fn sleep_until(&self, until: OffsetDateTime) {
        self.sleep_while(|| until - self.now()).await;
    }

    /// Returns when nothing is `left` any more, whatever clock that is counted by. Looks at least every [`LONGEST_SLEEP`].
    pub async fn sleep_while(&self, left: impl Fn() -> time::Duration) {
        let mut moved = match &self.0 {
            Kind::System => None,
            Kind::Driven(driven, _) => Some(driven.moved.subscribe()),
        };
        while let Ok(left) = Duration::try_from(left())
            && !left.is_zero()
        {
            match &mut moved {
                None => tokio::time::sleep(left.min(LONGEST_SLEEP)).await,
                Some(moved) => {
                    if moved.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On Linux the clock that goes on while the computer sleeps; macOS's does so by itself.
#[cfg(unix)]
fn system_passed() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = rustix::time::ClockId::Monotonic;
    let passed = rustix::time::clock_gettime(id);
    Duration::new(u64::try_from(passed.tv_sec).unwrap_or_default(), u32::try_from(passed.tv_nsec).unwrap_or_default())
}

#[cfg(not(unix))]
fn system_passed() -> Duration {
    static BEGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGIN.get_or_init(std::time::Instant::now).elapsed()
}
