//! A program waits until a person gives an MFA code: one question for all who want the profile.
//!
//! The code comes by any way that starts the profile, or another behind the same device; whatever lands wakes those who wait, and each
//! looks whether it can go on. In an agent without a window nobody is waited for.

use std::time::Duration;

use super::{
    Agent, Asker,
    approval::gives,
    endpoint,
    issuing::{Got, LEFT_FOR_A_CALL, Want},
    leads::{Leads, Led},
    prompts::{About, Arrival, Question},
    renewal::Decision,
    sessions::ANSWER_WITHIN,
    state::Source,
};
use crate::{
    error::{Code, Error, Result},
    model::{chain::Base, profile::ProfileName, prompt::PromptAnswer},
};

/// A request is answered within this time, people and AWS together.
const ALL_WITHIN: Duration = Duration::from_secs(50);

impl Agent {
    /// Valid credentials for a program, with a person's help where that is needed and can be had.
    pub(super) async fn ensure_for(&self, led: &Led, way: &str, asker: &Asker, arrival: Arrival) -> Result<Got> {
        match self.ensure_in_time(led, way, arrival).await {
            Err(error) if error.code == Code::MfaCodeRequired && self.can_ask(asker) => {
                self.wait_for_code(&led.leads.chain.profile, way, asker, arrival, error).await
            }
            other => other,
        }
    }

    /// Whether a program is made to wait for a person at the window.
    pub(super) fn can_ask(&self, asker: &Asker) -> bool {
        !self.0.parts.windowless && !asker.is_ours() && !asker.at_terminal
    }

    async fn ensure_in_time(&self, led: &Led, way: &str, arrival: Arrival) -> Result<Got> {
        let patience = ANSWER_WITHIN.min(arrival.left_of(ALL_WITHIN));
        let want = if way == endpoint::DELIVERY { Want::at_once() } else { Want::program() };
        // The flight goes on: the next call finds what it brought.
        tokio::time::timeout(patience, self.ensure_led(led, want)).await.unwrap_or_else(|_| {
            Err(Error::new(
                Code::AwsUnreachable,
                format!("AWS did not answer for {} in time", led.leads.chain.profile),
                "Check the network, VPN and proxy, then try again",
            ))
        })
    }

    async fn wait_for_code(&self, profile: &ProfileName, way: &str, asker: &Asker, arrival: Arrival, needed: Error) -> Result<Got> {
        let leads = self.led(profile)?.leads;
        let about = About::of(&leads, way, Some(gives(&leads.chain, way)), needed.mfa_serial.as_deref());
        let mut landings = self.0.landings.subscribe();
        let mut seat = self.take_seat(Question::Code(profile.clone()), about, asker.view(&self.0.parts.paths), arrival)?;
        loop {
            landings.mark_unchanged();
            if self.can_go_on(profile) {
                match self.ensure_in_time(&self.led(profile)?, way, arrival).await {
                    Err(error) if error.code == Code::MfaCodeRequired => {}
                    other => return other,
                }
            }
            let answer = tokio::select! {
                answer = seat.answer() => answer,
                changed = landings.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => None,
                },
            };
            let why = if answer == Some(PromptAnswer::Dismiss) { "the prompt was put away" } else { "nobody typed it in time" };
            let device = needed.mfa_serial.as_deref().unwrap_or_default();
            return Err(Error { message: format!("A code of the MFA device {device} is needed for {profile}, and {why}"), ..needed });
        }
    }

    /// Whether another look at the profile may end otherwise than with a code that is needed. Asks nobody.
    fn can_go_on(&self, profile: &ProfileName) -> bool {
        let Ok(Led { files, leads }) = self.led(profile) else { return true };
        let Leads { chain, mark, place, .. } = &*leads;
        let Some(serial) = chain.mfa_serial() else { return true };
        if self.seed_stored(serial) {
            return true;
        }
        let teller = self.0.aws.teller(&files, profile.as_str());
        let now = self.now_of(&teller);
        let state = self.state();
        match (state.decide(profile, mark, now), &chain.base) {
            (Decision::Hand | Decision::Tell(_), _) => true,
            (Decision::Ask, Base::AccessKey { access_key_id, .. }) if !chain.mfa_on_role() => {
                let source = Source { key: access_key_id.clone(), mfa_serial: Some(serial.as_str().to_owned()), place: place.clone(), teller };
                state.source(&source, now, LEFT_FOR_A_CALL).is_some()
            }
            (Decision::Ask, _) => false,
        }
    }

    /// Something landed, or a seed was stored: who waits looks again.
    pub(super) fn landed_something(&self) {
        self.0.landings.send_modify(|count| *count += 1);
    }
}
