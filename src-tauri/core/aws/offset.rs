//! What AWS's clock shows, learned from the `Date` of its answers: this computer's own may be wrong, or be set at any moment.
//! Every other endpoint has a time of its own, which counts for what is asked there and for nothing else.
//!
//! Between two answers the time that passed tells a clock that was set from a night that went by. Where both readings could be
//! right, [`AwsClock::now`] is the later one, so that nothing expired is handed out, and [`AwsClock::earliest`] the other, so
//! that nothing is dropped that may still hold.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_async::time::TimeSource;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tokio::sync::watch;

use super::proxy::is_here;
use crate::clock::Clock;

/// What `Date` looks like.
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Less than this is the way of the answer and the seconds that `Date` rounds to.
const TOLERANCE: Duration = Duration::seconds(5);

/// Nobody's clock is further off than this and still accepts AWS's certificate.
const BELIEVED: Duration = Duration::days(366);

/// An answer that took longer says too little about the time.
const TOO_SLOW: std::time::Duration = std::time::Duration::from_mins(1);

/// What AWS serves its own services under, in all partitions.
const OF_AWS: [&str; 13] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.cn",
    "amazonaws.eu",
    "amazonaws-eusc.eu",
    "amazonaws-us-gov.com",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
    "aws.amazon.com",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "csp.hci.ic.gov",
];

/// The services that are asked; what else lies under AWS's names may be anybody's.
const ASKED: [&str; 5] = ["sts", "sts-fips", "iam", "iam-fips", "signin"];

/// Whose clock something goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Teller {
    /// AWS, over TLS.
    #[default]
    Aws,
    /// An endpoint on this machine, such as the practice account.
    Here,
    /// Any other endpoint, by its name.
    Host(String),
}

impl Teller {
    /// Whose clock is that of an endpoint.
    pub(super) fn of(scheme: &str, host: &str) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if is_here(&host) {
            return Self::Here;
        }
        let before = |domain: &&str| host.strip_suffix(*domain).and_then(|rest| rest.strip_suffix('.')).map(str::to_owned);
        let service = OF_AWS.iter().find_map(before).is_some_and(|rest| rest.split('.').any(|label| ASKED.contains(&label)));
        if service && scheme == "https" { Self::Aws } else { Self::Host(host) }
    }
}

/// The time as AWS counts it. Cheap to clone; clones learn together.
#[derive(Clone, Debug)]
pub struct AwsClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// For those who told nothing.
    begin: Anchor,
    anchors: Mutex<BTreeMap<Teller, Anchor>>,
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
        let begin = Anchor { wall: clock.now(), passed: clock.passed(), offset: Duration::ZERO, told: false };
        Self(Arc::new(Inner { clock, begin, anchors: Mutex::default(), learned: watch::Sender::new(0) }))
    }

    /// The time at AWS; where it is uncertain, the latest that it can be.
    pub fn now(&self) -> OffsetDateTime {
        self.now_of(&Teller::Aws)
    }

    /// The same at another endpoint.
    pub fn now_of(&self, teller: &Teller) -> OffsetDateTime {
        self.readings(self.anchor(teller)).1
    }

    /// The earliest that it can be there.
    pub fn earliest_of(&self, teller: &Teller) -> OffsetDateTime {
        self.readings(self.anchor(teller)).0
    }

    /// AWS's time less this computer's, where AWS told it: positive where this computer is behind. Zero within five seconds.
    /// It is for people, who see the practice account's where AWS was never asked; nothing is decided by it.
    pub fn offset(&self) -> Option<Duration> {
        let teller = [Teller::Aws, Teller::Here].into_iter().find(|teller| self.anchor(teller).told)?;
        let offset = self.now_of(&teller) - self.0.clock.now();
        Some(if offset.abs() <= TOLERANCE { Duration::ZERO } else { offset })
    }

    /// Changes with every answer that moved the offset.
    pub fn learned(&self) -> watch::Receiver<u64> {
        self.0.learned.subscribe()
    }

    /// Returns when it is `until` at AWS.
    pub async fn sleep_until(&self, until: OffsetDateTime) {
        self.sleep_until_of(&Teller::Aws, until).await;
    }

    /// Returns when it is `until` at an endpoint; and when so much time passed, should its clock be another by then.
    pub async fn sleep_until_of(&self, teller: &Teller, until: OffsetDateTime) {
        let (began, most) = (self.passed(), until - self.now_of(teller));
        let passed = || Duration::try_from(self.passed().saturating_sub(began)).unwrap_or(Duration::MAX);
        self.0.clock.sleep_while(|| (until - self.now_of(teller)).min(most.saturating_sub(passed()))).await;
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
        // A date at the edge of the calendar cannot even be reckoned with.
        let beyond = (date.assume_utc() - wall).abs() > BELIEVED.saturating_mul(2);
        if took > TOO_SLOW || stepped.abs() > TOLERANCE || beyond {
            return;
        }
        // The answer was written at some moment between, and `Date` has no fractions.
        let (least, most) = (date.assume_utc() - wall, date.assume_utc() + Duration::SECOND - left.0);
        let mut anchors = self.anchors();
        let anchor = anchors.get(&teller).copied().unwrap_or(self.0.begin);
        let before = self.readings(anchor).1 - wall;
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
        anchors.insert(teller, Anchor { wall, passed, offset, told: true });
        drop(anchors);
        if news {
            self.0.learned.send_modify(|count| *count += 1);
        }
    }

    /// The clock to sign with.
    pub(super) fn signs_for(&self, teller: Teller) -> Signing {
        Signing(self.clone(), teller)
    }

    fn anchors(&self) -> MutexGuard<'_, BTreeMap<Teller, Anchor>> {
        self.0.anchors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where nobody told the time for an endpoint, this computer's is as good as any.
    fn anchor(&self, teller: &Teller) -> Anchor {
        self.anchors().get(teller).copied().unwrap_or(self.0.begin)
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
        self.0.now_of(&self.1).into()
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
            assert_eq!(clock.earliest_of(&Teller::Aws), aws.now().min(here.now()), "nothing is dropped too early");
            assert_eq!(clock.now(), aws.now().max(here.now()), "nothing is handed out too late");
            answer(&aws, &clock);
            assert!((clock.now() - aws.now()).abs() <= Duration::SECOND && clock.now() == clock.earliest_of(&Teller::Aws), "{hours}");
            let offset = clock.offset().expect("told");
            assert!((offset + Duration::hours(hours)).abs() <= Duration::SECOND, "{offset}");
        }
    }

    #[test]
    fn a_night_of_sleep_is_no_step() {
        let (_, aws, clock) = off(Duration::minutes(-7));
        answer(&aws, &clock);
        aws.advance(Duration::hours(72));
        assert!((clock.now() - aws.now()).abs() <= Duration::SECOND && clock.earliest_of(&Teller::Aws) == clock.now());
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
        clock.hears(Teller::Aws, clock.leaves(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(clock.offset(), None);
        // What runs on this machine is shown only where AWS said nothing.
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

    #[test]
    fn who_is_not_aws_tells_the_time_for_itself_alone() {
        let others = [Teller::Here, Teller::of("https", "minio.example"), Teller::of("https", "sts.example")];
        for hours in [-2, 2] {
            let (_, aws, clock) = off(Duration::ZERO);
            for other in &others {
                clock.hears(other.clone(), clock.leaves(), &date(aws.now() + Duration::hours(hours)));
                assert!((clock.now_of(other) - aws.now() - Duration::hours(hours)).abs() <= Duration::SECOND, "{other:?}");
                assert_eq!((clock.now(), clock.earliest_of(&Teller::Aws)), (aws.now(), aws.now()), "{other:?}");
            }
            answer(&aws, &clock);
            assert!((clock.now_of(&others[1]) - aws.now() - Duration::hours(hours)).abs() <= Duration::SECOND);
        }
    }

    #[test]
    fn aws_is_known_by_its_names() {
        for host in [
            "sts.amazonaws.com",
            "STS.eu-west-1.amazonaws.com.",
            "sts.cn-north-1.amazonaws.com.cn",
            "sts.eu-west-1.api.aws",
            "vpce-0a1b-2c3d.sts.us-east-1.vpce.amazonaws.com",
            "sts-fips.us-east-1.amazonaws.com",
            "iam.us-gov.amazonaws.com",
            "sts.eusc-de-east-1.amazonaws.eu",
            "us-east-1.signin.aws.amazon.com",
            "signin.amazonaws-us-gov.com",
        ] {
            assert_eq!(Teller::of("https", host), Teller::Aws, "{host}");
            assert_ne!(Teller::of("http", host), Teller::Aws, "{host}");
        }
        for host in ["sts.amazonaws.com.example", "notamazonaws.com", "stsamazonaws.com", "amazonaws.com", "x.execute-api.eu-west-1.amazonaws.com", "sts"] {
            assert!(matches!(Teller::of("https", host), Teller::Host(_)), "{host}");
        }
        assert_eq!((Teller::of("http", "127.0.0.1"), Teller::of("https", "localhost")), (Teller::Here, Teller::Here));
    }
}
