//! The moment of applying as part of a state: a plan is made earlier, so that it holds words in its place.
//!
//! What the words stand for is the time at which the step began, which its journal has: a resume after a crash comes to the same
//! text, and so does the way back.

use serde_json::Value;
use time::OffsetDateTime;

use super::{documents, plan::Step, thing::State};

/// In the place of the time, as a person reads it in the plan.
pub const APPLIED: &str = "(the moment when this is applied)";

/// AWSRevokeOlderSessions, for whoever's session began before it is applied.
pub fn revoke_older() -> String {
    let text = documents::revoke_older(OffsetDateTime::UNIX_EPOCH);
    text.replace(&written(OffsetDateTime::UNIX_EPOCH), APPLIED)
}

/// Whether the moment of applying is part of what a step writes.
pub fn is_timed(step: &Step) -> bool {
    step.to.as_ref().and_then(|to| to.get("PolicyDocument")?.as_str()).is_some_and(|text| text.contains(APPLIED))
}

/// The step with the time in the place of the words.
pub fn at(step: &Step, began: OffsetDateTime) -> Step {
    Step { to: resolved(&step.to, began), ..step.clone() }
}

fn resolved(to: &State, began: OffsetDateTime) -> State {
    let mut to = to.clone();
    if let Some(Value::String(text)) = to.as_mut().and_then(|to| to.get_mut("PolicyDocument")) {
        *text = text.replace(APPLIED, &written(began));
    }
    to
}

/// As the policy has it: `2026-11-23T09:00:00.000Z`.
fn written(time: OffsetDateTime) -> String {
    let text = documents::revoke_older(time);
    text.split('"').find(|part| part.ends_with('Z') && part.contains('T') && part.starts_with(|c: char| c.is_ascii_digit())).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_words_give_way_to_the_time_at_which_the_step_began() {
        let step = Step { to: Some(json!({ "PolicyDocument": revoke_older() })), ..Step::default() };
        assert!(revoke_older().contains("\"aws:TokenIssueTime\": \"(the moment when this is applied)\""), "{}", revoke_older());
        let began = datetime!(2026-11-23 09:00:01.5 UTC);
        assert_eq!(at(&step, began).to, Some(json!({ "PolicyDocument": documents::revoke_older(began) })));
    }
}
