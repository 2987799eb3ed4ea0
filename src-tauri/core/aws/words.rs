//! What AWS, or whoever answered in its place, wrote: made fit for an error, the record and a terminal.
//!
//! An intermediary may echo the request into its refusal, and an error goes to the terminal, the window and the record of activity.
//! So what the request itself carried is taken out by comparison, what else looks like key material by its looks, and control
//! characters are spelt out.

use std::collections::HashSet;

use super::signer::Signer;
use crate::model::{
    activity::{shown_at_most, without_secrets},
    mfa::MfaCode,
};

/// The longest sentence that is passed on, in characters.
const LONGEST: usize = 600;

/// So much of what was written is looked at: what is further behind is never shown.
const LOOKED_AT: usize = 16 * 1024;

/// A part of a secret of so many bytes is no coincidence.
const PART: usize = 12;

/// What a request carried that no answer may repeat. Without anything in it, only what looks like key material is taken out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried<'a> {
    /// What signed it.
    pub signer: Option<&'a Signer>,
    /// The MFA code that went along.
    pub code: Option<&'a MfaCode>,
}

impl<'a> Carried<'a> {
    /// A request that `signer` signed.
    pub const fn by(signer: &'a Signer) -> Self {
        Self { signer: Some(signer), code: None }
    }

    /// Somebody else's sentence, fit to be shown.
    pub(super) fn fit(self, text: &str) -> String {
        let end = text.floor_char_boundary(LOOKED_AT);
        let mut text = text[..end].to_owned();
        for secret in self.signer.map(Signer::secrets).unwrap_or_default() {
            text = without_parts(&text, secret);
        }
        if let Some(code) = self.code {
            text = without_word(&text, code.expose());
        }
        shown_at_most(&without_secrets(&text), LONGEST)
    }
}

/// Without the secret and without every longer part of it.
fn without_parts(text: &str, secret: &str) -> String {
    let part = PART.min(secret.len());
    if part < PART / 2 {
        return without_word(text, secret);
    }
    let parts: HashSet<&[u8]> = secret.as_bytes().windows(part).collect();
    let bytes = text.as_bytes();
    let mut hidden = vec![false; bytes.len()];
    for (at, _) in bytes.windows(part).enumerate().filter(|(_, window)| parts.contains(window)) {
        hidden[at..at + part].fill(true);
    }
    let mut cleaned = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match (hidden[at], at > 0 && hidden[at - 1]) {
            (false, _) => cleaned.push(c),
            (true, false) => cleaned.push('…'),
            (true, true) => {}
        }
    }
    cleaned
}

/// Without a short word, where it stands by itself: six digits also occur within an account's ID.
fn without_word(text: &str, word: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word).filter(|_| !word.is_empty()) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let alone = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        let left = before.chars().next_back().or_else(|| cleaned.chars().next_back());
        cleaned.push_str(before);
        cleaned.push_str(if alone(left) && alone(after.chars().next()) { "…" } else { word });
        rest = after;
    }
    cleaned.push_str(rest);
    cleaned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{access_key::AccessKeyId, credentials::TemporaryCredentials, secret::Secret};

    fn signer(secret: &str, token: &str) -> Signer {
        Signer::Temporary(TemporaryCredentials {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new(secret),
            session_token: Secret::new(token),
            expiration: time::macros::datetime!(2026-11-23 09:00 UTC),
            account_id: None,
            arn: None,
        })
    }

    #[test]
    fn what_the_request_carried_is_taken_out_whole_and_in_parts() {
        let token = "FwoGZXIvYXdzEBYaDHsecret-token_of.43characters";
        let (signer, code) = (signer("wJalrXUtnFEMI7MDENGbPxRfiCY", token), MfaCode::parse("123456").expect("six digits"));
        let carried = Carried { signer: Some(&signer), code: Some(&code) };
        let signature = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let said = carried.fit(&format!("You said: {token}, or {}; Signature={signature} code 123456 in account 123456789012", &token[3..30]));
        assert_eq!(said, "You said: …, or …; … code … in account 123456789012");
        assert!(!Carried::default().fit(&format!("Signature={signature}")).contains("9f86"));
    }

    #[test]
    fn a_terminal_obeys_nothing_and_a_sentence_ends() {
        assert_eq!(Carried::default().fit("a\nb\u{1b}[31mred\u{1b}]0;t\u{7}"), "a\\u{a}b\\u{1b}[31mred\\u{1b}]0;t\\u{7}");
        assert_eq!(Carried::default().fit(&"M ".repeat(100_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn what_aws_says_stays() {
        let said = "User: arn:aws:sts::123456789012:assumed-role/AWSReservedSSO/somebody@example.com is not authorized to perform: \
                    sts:AssumeRole on resource: arn:aws:iam::123456789012:role/teams/platform/DeployProductionApp because no identity-based policy allows it";
        assert_eq!(Carried::by(&signer("wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01", "IQoJb3JpZ2luX2VjEXAMPLE")).fit(said), said);
    }

    proptest! {
        #[test]
        fn no_token_gets_through(before in ".{0,30}", token in "[A-Za-z0-9+/]{20,90}", after in ".{0,30}") {
            let said = Carried::by(&signer("0123456789", &token)).fit(&format!("{before}{token}{after}"));
            prop_assert!(!said.contains(&token[..PART]) && !said.contains(&token[token.len() - PART..]), "{said}");
        }
    }
}
