//! One call to AWS: in its turn, by AWS's clock, and once more where only the clock was wrong.
//!
//! The turn is taken for a call and not for a whole session, so that nobody holds one while a keychain or a person is waited for.

use std::{future::Future, hash::Hasher};

use time::{Duration, OffsetDateTime};

use super::{Agent, renewal::Held};
use crate::{
    aws::{Signer, Teller, told_off},
    clock::Clock,
    error::{Code, Error, Result},
    issue::{assume_role, session_token},
    model::{
        access_key::AccessKey,
        chain::Hop,
        credentials::TemporaryCredentials,
        mfa::MfaCode,
        params::{MfaSerial, RoleSessionName},
        snapshot::Event,
    },
};

/// How many requests to AWS are under way at once, at most.
pub(super) const IN_FLIGHT: usize = 20;

/// How many sessions and leases together are renewed at once, at most: the other turns are for those who wait for an answer.
pub(super) const RENEWING: usize = IN_FLIGHT - 4;

/// A person is told of a clock that is further off than this.
const WORTH_TELLING: Duration = Duration::seconds(60);

/// What makes this agent wait differently from its neighbour's: nothing where a test drives the clock.
pub(super) fn seed(clock: &Clock) -> u64 {
    let mut random = [0; 8];
    if !clock.is_driven() {
        // Without randomness everybody waits alike, which is no reason not to start.
        let _filled = getrandom::fill(&mut random);
    }
    u64::from_le_bytes(random)
}

/// A part of `whole` that looks random, the same for the same seed and name.
pub(super) fn part_of(whole: Duration, seed: u64, name: &str, count: u32) -> Duration {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write_u64(seed);
    hasher.write(name.as_bytes());
    hasher.write_u32(count);
    let thousandths = i32::try_from(hasher.finish() % 1000).unwrap_or(0);
    whole * thousandths / 1000
}

/// How long a driven clock is waited for.
const TRIED: std::time::Duration = std::time::Duration::from_millis(100);

impl Agent {
    /// Waits until the next try is due, and no longer than that takes now: all who wait make one flight then.
    pub(super) async fn next_try(&self, at: OffsetDateTime, now: OffsetDateTime) {
        // Where a test drives the clock it may never move on.
        let long = if self.0.parts.clock.is_driven() { TRIED } else { std::time::Duration::try_from(at - now).unwrap_or_default() };
        tokio::select! {
            () = self.0.aws.clock.sleep_until(self.now() + (at - now)) => {}
            () = tokio::time::sleep(long) => {}
        }
    }

    /// A call, and when it gave what it gave, by the clock of the one that was asked.
    pub(super) async fn asked<T, F: Future<Output = Result<T>>>(&self, teller: &Teller, call: impl Fn() -> F) -> Result<(T, OffsetDateTime)> {
        let _turn = self.0.turns.acquire().await;
        let (heard, began) = (self.heard(), self.now_of(teller));
        let mut result = call().await;
        // That very answer told the time; or the computer slept while the request was under way.
        if result.as_ref().is_err_and(|error| error.code == Code::ClockWrong) {
            result = call().await;
        }
        result.map(|given| (given, if self.heard() == heard { began } else { self.now_of(teller) }))
    }

    /// AssumeRole, with a code of a device where that goes on this very call.
    pub(super) async fn assumed(
        &self,
        (config, teller): (&aws_config::SdkConfig, &Teller),
        signer: &Signer,
        hop: &Hop,
        serial: Option<&MfaSerial>,
        typed: Option<&MfaCode>,
        name: &RoleSessionName,
    ) -> Result<(TemporaryCredentials, OffsetDateTime)> {
        let mut again = typed.is_none();
        loop {
            let heard = self.heard();
            let code = self.code_of(serial, typed, teller).await?;
            match self.asked(teller, || assume_role(config, signer, hop, serial.zip(code.as_ref()), name)).await {
                Err(error) if again && self.wants_another_code(&error, heard) => again = false,
                result => return result.map_err(|error| of_device(error, serial)),
            }
        }
    }

    /// GetSessionToken, with a code where there is a device.
    pub(super) async fn session_given(
        &self,
        (config, teller): (&aws_config::SdkConfig, &Teller),
        key: &AccessKey,
        serial: Option<&MfaSerial>,
        typed: Option<&MfaCode>,
        seconds: u32,
    ) -> Result<Held> {
        let mut again = typed.is_none();
        loop {
            let heard = self.heard();
            let code = self.code_of(serial, typed, teller).await?;
            match self.asked(teller, || session_token(config, key, serial.zip(code.as_ref()), seconds)).await {
                Err(error) if again && self.wants_another_code(&error, heard) => again = false,
                result => return result.map(|(credentials, issued)| Held { credentials, issued }).map_err(|error| of_device(error, serial)),
            }
        }
    }

    /// A code that a seed gave by a wrong clock is worth nothing; there is another now that the clock is known.
    fn wants_another_code(&self, error: &Error, heard: u64) -> bool {
        error.code == Code::MfaCodeRefused && self.heard() != heard
    }

    async fn code_of(&self, serial: Option<&MfaSerial>, typed: Option<&MfaCode>, teller: &Teller) -> Result<Option<MfaCode>> {
        match serial {
            Some(serial) => self.code(serial, typed, teller).await.map(Some),
            None => Ok(None),
        }
    }

    /// Another number: AWS's clock is known better than before.
    pub(super) fn heard(&self) -> u64 {
        *self.0.aws.clock.learned().borrow()
    }

    /// Looks at the clock each time that AWS told more about it.
    pub(super) async fn mind_the_clock(&self) {
        let mut learned = self.0.aws.clock.learned();
        while learned.changed().await.is_ok() {
            self.look_at_the_clock();
            self.0.due.notify_one();
            self.0.touched.notify_one();
        }
    }

    /// Tells a person of a wrong clock: once, and again when it is wrong by much more or less.
    pub(super) fn look_at_the_clock(&self) {
        let offset = self.0.aws.clock.offset().filter(|offset| offset.abs() >= WORTH_TELLING);
        let mut told = self.0.told_offset.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let news = match (offset, *told) {
            (Some(offset), Some(told)) => (offset - told).abs() > WORTH_TELLING.max(told.abs() / 4),
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => true,
        };
        if !news {
            return;
        }
        *told = offset;
        drop(told);
        let error = offset.map(|offset| {
            Error::new(
                Code::ClockWrong,
                format!("This computer's clock is {} AWS's; requests are corrected", told_off(offset)),
                "Set the clock (switch on automatic time): other tools sign with it as it is",
            )
        });
        self.problems().clock.clone_from(&error);
        self.0.touched.notify_one();
        if let Some(error) = error {
            tracing::warn!("{}", error.message);
            self.tell(Event::ClockWrong { error });
        }
    }
}

/// Says which device a refusal of its code is about.
fn of_device(error: Error, serial: Option<&MfaSerial>) -> Error {
    match (error.code, serial) {
        (Code::MfaCodeRefused, Some(serial)) => Error { mfa_serial: Some(serial.as_str().to_owned()), ..error },
        _ => error,
    }
}
