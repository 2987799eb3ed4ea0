//! What AWS's clock shows, learned from the `Date` of its answers: this computer's own may be wrong, or be set at any moment.
//!
//! Between two answers the time that passed tells a clock that was set from a night that went by. Where both readings could be
//! right, [`AwsClock::now`] is the later one, so that nothing expired is handed out, and [`AwsClock::earliest`] the other, so
//! that nothing is dropped that may still hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_async::time::TimeSource;
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tokio::sync::watch;

use crate::clock::Clock;

/// What `Date` looks like.
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Less than this is the way of the answer and the seconds that `Date` rounds to.
const TOLERANCE: Duration = Duration::seconds(5);

/// Nobody's clock is further off than this and still accepts AWS's certificate.
const BELIEVED: Duration = Duration::days(366);

/// An answer that took longer says too little about the time.
const TOO_SLOW: std::time::Duration = std::time::Duration::from_mins(1);

/// Who tells the time. Two, because the practice account on this machine goes by this machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Teller {
    /// AWS, over TLS.
    Aws,
    /// An endpoint on this machine.
    Here,
}

/// The time as AWS counts it. Cheap to clone; clones learn together.
#[derive(Clone, Debug)]
pub struct AwsClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    anchors: Mutex<[Anchor; 2]>,
    learned: watch::Sender<u64>,
}

/// A moment at which AWS's time was known, or at which this computer's was taken for it.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: OffsetDateTime,
    passed: std::time::Duration,
    /// AWS's time less this computer's.
    offset: Duration,
    /// AWS said so.
    told: bool,
}

/// When a request left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left(OffsetDateTime, std::time::Duration);

impl AwsClock {
    /// Believes this computer's clock until AWS says otherwise.
    pub(super) fn new(clock: Clock) -> Self {
        let anchor = Anchor { wall: clock.now(), passed: clock.passed(), offset: Duration::ZERO, told: false };
        Self(Arc::new(Inner { clock, anchors: Mutex::new([anchor; 2]), learned: watch::Sender::new(0) }))
    }

    /// The time at AWS; where it is uncertain, the latest that it can be.
    pub fn now(&self) -> OffsetDateTime {
        self.readings(self.best()).1
    }

    /// The earliest that it can be at AWS.
    pub fn earliest(&self) -> OffsetDateTime {
        self.readings(self.best()).0
    }

    /// AWS's time less this computer's, where AWS told it: positive where this computer is behind. Zero within five seconds.
    pub fn offset(&self) -> Option<Duration> {
        let anchor = self.best();
        anchor.told.then(|| {
            let offset = self.now() - self.0.clock.now();
            if offset.abs() <= TOLERANCE { Duration::ZERO } else { offset }
        })
    }

    /// Changes with every answer that moved the offset.
    pub fn learned(&self) -> watch::Receiver<u64> {
        self.0.learned.subscribe()
    }

    /// Returns when it is `until` at AWS.
    pub async fn sleep_until(&self, until: OffsetDateTime) {
        self.0.clock.sleep_while(|| until - self.now()).await;
    }

    /// The time that passed, sleep too.
    pub(super) fn passed(&self) -> std::time::Duration {
        self.0.clock.passed()
    }

    /// To be taken when a request leaves.
    pub(super) fn leaves(&self) -> Left {
        Left(self.0.clock.now(), self.0.clock.passed())
    }

    /// Learns from an answer's `Date`.
    pub(super) fn hears(&self, teller: Teller, left: Left, date: &str) {
        let Ok(date) = time::PrimitiveDateTime::parse(date, HTTP_DATE) else { return };
        let (wall, passed) = (self.0.clock.now(), self.0.clock.passed());
        let took = passed.saturating_sub(left.1);
        // The clock was set, or the computer slept, while the request was under way.
        let stepped = (wall - left.0) - Duration::try_from(took).unwrap_or(Duration::MAX);
        if took > TOO_SLOW || stepped.abs() > TOLERANCE {
            return;
        }
        // The answer was written at some moment between, and `Date` has no fractions.
        let (least, most) = (date.assume_utc() - wall, date.assume_utc() + Duration::SECOND - left.0);
        let mut anchors = self.anchors();
        let anchor = &mut anchors[teller as usize];
        let before = self.readings(*anchor).1 - wall;
        let (least, most) = (least - TOLERANCE, most + TOLERANCE);
        let offset = if least <= Duration::ZERO && Duration::ZERO <= most {
            Duration::ZERO
        } else if anchor.told && least <= before && before <= most {
            before
        } else {
            least + (most - least) / 2
        };
        if offset.abs() > BELIEVED {
            return;
        }
        let news = !anchor.told && !offset.is_zero() || (offset - anchor.offset).abs() > TOLERANCE || (offset - before).abs() > TOLERANCE;
        *anchor = Anchor { wall, passed, offset, told: true };
        drop(anchors);
        if news {
            self.0.learned.send_modify(|count| *count += 1);
        }
    }

    /// The clock to sign with.
    pub(super) fn signs_for(&self, teller: Teller) -> Signing {
        Signing(self.clone(), teller)
    }

    fn anchors(&self) -> MutexGuard<'_, [Anchor; 2]> {
        self.0.anchors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// AWS itself counts more than what runs on this machine.
    fn best(&self) -> Anchor {
        let [aws, here] = *self.anchors();
        if aws.told || !here.told { aws } else { here }
    }

    /// The earliest and the latest that it can be now.
    fn readings(&self, anchor: Anchor) -> (OffsetDateTime, OffsetDateTime) {
        let by_wall = self.0.clock.now() + anchor.offset;
        let passed = self.0.clock.passed().saturating_sub(anchor.passed);
        let by_passing = anchor.wall + anchor.offset + passed;
        // Somebody set the clock right.
        let wall = self.0.clock.now();
        if anchor.told && (wall - by_passing).abs() <= TOLERANCE {
            return (wall, wall);
        }
        if (by_wall - by_passing).abs() <= TOLERANCE { (by_wall, by_wall) } else { (by_wall.min(by_passing), by_wall.max(by_passing)) }
    }
}

/// The time that requests are signed with.
#[derive(Debug)]
pub(super) struct Signing(AwsClock, Teller);

impl TimeSource for Signing {
    fn now(&self) -> std::time::SystemTime {
        let anchor = self.0.anchors()[self.1 as usize];
        // Where nobody told the time for this endpoint, this computer's is as good as any.
        self.0.readings(anchor).1.into()
    }
}

/// “7 minutes behind”, for a person.
pub fn told_off(offset: Duration) -> String {
    let seconds = (offset.abs() + Duration::milliseconds(500)).whole_seconds();
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => ((seconds + 30) / 60, "minute"),
        7200..172_800 => ((seconds + 1800) / 3600, "hour"),
        _ => ((seconds + 43_200) / 86400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} {}", if offset.is_positive() { "behind" } else { "ahead of" })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const BEGIN: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);

    fn date(at: OffsetDateTime) -> String {
        at.format(HTTP_DATE).expect("a date")
    }

    /// This computer's clock, AWS's own, and what is learned.
    fn off(by: Duration) -> (Clock, Clock, AwsClock) {
        let aws = Clock::driven(BEGIN);
        let here = aws.off_by(by);
        (here.clone(), aws, AwsClock::new(here))
    }

    fn answer(aws: &Clock, clock: &AwsClock) {
        clock.hears(Teller::Aws, clock.leaves(), &date(aws.now()));
    }

    #[test]
    fn a_wrong_clock_is_corrected_and_a_good_one_is_left_alone() {
        for (seconds, told) in
            [(0, None), (4, None), (-4, None), (7 * 60, Some("7 minutes ahead of")), (-7200, Some("2 hours behind")), (40, Some("40 seconds ahead of"))]
        {
            let (_, aws, clock) = off(Duration::seconds(seconds));
            assert_eq!(clock.offset(), None);
            answer(&aws, &clock);
            let offset = clock.offset().expect("AWS told it");
            assert_eq!((!offset.is_zero()).then(|| told_off(offset)).as_deref(), told, "{seconds}");
            if told.is_some() {
                assert!((clock.now() - aws.now()).abs() <= Duration::seconds(1), "{seconds}");
            }
        }
    }

    #[test]
    fn a_step_of_the_clock_changes_nothing_that_aws_told() {
        for hours in [-2, 2] {
            let (here, aws, clock) = off(Duration::ZERO);
            answer(&aws, &clock);
            here.step(Duration::hours(hours));
            assert_eq!(clock.earliest(), aws.now().min(here.now()), "nothing is dropped too early");
            assert_eq!(clock.now(), aws.now().max(here.now()), "nothing is handed out too late");
            answer(&aws, &clock);
            assert!((clock.now() - aws.now()).abs() <= Duration::SECOND && clock.now() == clock.earliest(), "{hours}");
            let offset = clock.offset().expect("told");
            assert!((offset + Duration::hours(hours)).abs() <= Duration::SECOND, "{offset}");
        }
    }

    #[test]
    fn a_night_of_sleep_is_no_step() {
        let (_, aws, clock) = off(Duration::minutes(-7));
        answer(&aws, &clock);
        aws.advance(Duration::hours(72));
        assert!((clock.now() - aws.now()).abs() <= Duration::SECOND && clock.earliest() == clock.now());
    }

    #[test]
    fn who_is_not_credible_is_not_believed() {
        let (here, aws, clock) = off(Duration::ZERO);
        let left = clock.leaves();
        here.step(Duration::HOUR);
        clock.hears(Teller::Aws, left, &date(aws.now()));
        assert_eq!(clock.offset(), None, "the clock was set while the request was under way");
        let (_, aws, clock) = off(Duration::ZERO);
        clock.hears(Teller::Aws, clock.leaves(), &date(aws.now() + Duration::days(400)));
        clock.hears(Teller::Aws, clock.leaves(), "soon");
        assert_eq!(clock.offset(), None);
        // What runs on this machine is believed only where AWS said nothing.
        clock.hears(Teller::Here, clock.leaves(), &date(aws.now() + Duration::HOUR));
        assert_eq!(clock.offset().map(Duration::whole_minutes), Some(60));
        answer(&aws, &clock);
        assert_eq!(clock.offset(), Some(Duration::ZERO));
        assert!(SystemTime::from(aws.now() + Duration::minutes(59)) < TimeSource::now(&clock.signs_for(Teller::Here)), "signed for it by its own time");
    }

    use std::time::SystemTime;

    #[test]
    fn a_slow_answer_widens_what_is_right() {
        let (_, aws, clock) = off(Duration::ZERO);
        let left = clock.leaves();
        let stamped = date(aws.now());
        aws.advance(Duration::seconds(40));
        clock.hears(Teller::Aws, left, &stamped);
        assert_eq!(clock.offset(), Some(Duration::ZERO));
    }
}
