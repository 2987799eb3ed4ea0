//! One line of the record of activity: who asked for which profile, what came of it, and never a secret.
//!
//! There is no `Secret` in it, which would not serialise, and what others wrote (names of programs, sentences of errors) is
//! cleaned when a line is made: control characters are spelt out, so that no name can end a line or move a cursor, what is
//! too long is cut, and what looks like key material is left out. What is asked of the record is here too.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::access_key::AccessKeyId;
use crate::error::Code;

/// The longest name or sentence of a line, in characters.
const LONGEST: usize = 400;

/// The most lines that one page of the record has.
pub const LARGEST_PAGE: usize = 1000;

/// One line of the record. On disk, over the socket, in `--json` and in the window it is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ActivityLine {
    /// Its number: one more than that of the line before.
    #[cfg_attr(test, ts(type = "number"))]
    pub n: u64,
    /// When it was answered.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// For which profile.
    pub profile: String,
    /// Its role, where it has one.
    pub role_arn: Option<String>,
    /// The program that asked: its name, or `Stagedoor`.
    pub who: String,
    /// Its process ID.
    pub pid: Option<u32>,
    /// Its executable.
    pub executable: Option<String>,
    /// The executable of its parent.
    pub parent: Option<String>,
    /// `credential_process`, `exec`, `environment`, `console`, `start`, `stop`, `whoami`, …
    pub what: String,
    /// Of what was handed out, or used.
    pub access_key_id: Option<AccessKeyId>,
    /// Whether it got what it asked for.
    pub outcome: ActivityOutcome,
    /// Where the answer came from.
    pub answered_from: Option<AnsweredFrom>,
    /// Why it was refused, for programs.
    pub code: Option<Code>,
    /// Why it was refused, in a sentence; or what else there is to say.
    pub message: Option<String>,
    /// How long it took.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub duration_ms: Option<u64>,
}

/// One line of a profile's activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ActivityView {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// The program that asked: its name, or `Stagedoor`.
    pub who: String,
    /// Its process ID.
    pub pid: Option<u32>,
    /// What happened: `credential_process`, `AssumeRole, new session`, …
    pub what: String,
    /// How it was answered: `from memory, 2 ms`.
    pub how: String,
}

/// Whether somebody got what they asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum ActivityOutcome {
    /// They did.
    Ok,
    /// They did not.
    Refused,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum AnsweredFrom {
    /// Credentials were there already.
    Memory,
    /// AWS was asked.
    Aws,
    /// The long-lived access key itself was handed out.
    AccessKey,
}

/// What is asked of the record. What is not said does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(default)]
pub struct ActivityQuery {
    /// Lines of this profile.
    pub profile: Option<String>,
    /// Lines of this program.
    pub who: Option<String>,
    /// Lines that hold this text somewhere; capitals do not count.
    pub text: Option<String>,
    /// Lines from then on.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub since: Option<OffsetDateTime>,
    /// Only what was refused.
    pub refused: bool,
    /// Lines with a smaller number: the next page.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub before: Option<u64>,
    /// Lines with a larger number: what is new.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub after: Option<u64>,
    /// At most this many; without it, and at most, [`LARGEST_PAGE`].
    #[cfg_attr(test, ts(type = "number | null"))]
    pub limit: Option<usize>,
}

/// A page of the record, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct ActivityPage {
    /// Newest first.
    pub lines: Vec<ActivityLine>,
    /// There are older ones that match.
    pub more: bool,
    /// How many lines that were looked at could not be read.
    #[cfg_attr(test, ts(type = "number"))]
    pub unreadable: u64,
}

impl ActivityQuery {
    /// How many lines are wanted.
    pub fn size(&self) -> usize {
        self.limit.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE)
    }

    /// Whether a line is asked for.
    pub fn wants(&self, line: &ActivityLine) -> bool {
        let is = |wanted: &Option<String>, it: &str| wanted.as_deref().is_none_or(|wanted| shown(wanted) == it);
        is(&self.profile, &line.profile)
            && is(&self.who, &line.who)
            && self.since.is_none_or(|since| line.at >= since)
            && (!self.refused || line.outcome == ActivityOutcome::Refused)
            && self.before.is_none_or(|before| line.n < before)
            && self.after.is_none_or(|after| line.n > after)
            && self.text.as_deref().is_none_or(|text| line.holds(&text.trim().to_lowercase()))
    }
}

impl ActivityLine {
    /// Whether a text, in small letters, stands somewhere in it.
    fn holds(&self, text: &str) -> bool {
        let words = self.words();
        let fields = [Some(self.profile.as_str()), Some(&self.who), Some(&self.what), Some(words), self.role_arn.as_deref(), self.executable.as_deref()];
        let more = [self.parent.as_deref(), self.access_key_id.as_ref().map(AccessKeyId::as_str), self.message.as_deref()];
        fields.into_iter().chain(more).flatten().any(|field| field.to_lowercase().contains(text)) || self.pid.is_some_and(|pid| pid.to_string() == text)
    }

    /// What happened, as a person says it.
    pub fn words(&self) -> &str {
        match (self.what.as_str(), self.outcome) {
            ("start", ActivityOutcome::Ok) => "Started",
            ("start", ActivityOutcome::Refused) => "Start failed",
            ("stop", _) => "Stopped",
            ("whoami", _) => "GetCallerIdentity",
            (other, _) => other,
        }
    }

    /// How it was answered: “from memory, 2 ms”, or why it was refused.
    pub fn how(&self) -> String {
        if let Some(message) = &self.message {
            return message.clone();
        }
        let from = match self.answered_from {
            Some(AnsweredFrom::Memory) => "from memory",
            Some(AnsweredFrom::Aws) => "from AWS",
            Some(AnsweredFrom::AccessKey) => return "the access key itself".to_owned(),
            None => return String::new(),
        };
        self.duration_ms.map_or_else(|| from.to_owned(), |ms| format!("{from}, {ms} ms"))
    }

    /// As a profile's own list shows it.
    pub fn view(&self) -> ActivityView {
        ActivityView { at: self.at, who: self.who.clone(), pid: self.pid, what: self.words().to_owned(), how: self.how() }
    }
}

/// A name that somebody else chose: on one line, of a bearable length, and without anything that a terminal obeys.
pub fn shown(text: &str) -> String {
    shown_at_most(text, LONGEST)
}

/// The same with another length, in characters.
pub fn shown_at_most(text: &str, longest: usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if at == longest {
            shown.push('…');
            break;
        }
        // Line and paragraph separators, marks that turn the direction of writing, and what nobody sees.
        let unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if c.is_control() || unseen { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// A sentence without what looks like key material. No error of Stagedoor holds any; this is the second lock on that door.
pub fn without_secrets(text: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !part(c)).unwrap_or(rest.len());
        // The path of a role is one word of any length; its parts are looked at.
        let hidden = if in_an_arn(&cleaned) { rest[..word].split('/').any(looks_secret) } else { looks_secret(&rest[..word]) };
        cleaned.push_str(if hidden { "…" } else { &rest[..word] });
        let gap = rest[word..].find(part).map_or(rest.len(), |at| word + at);
        cleaned.push_str(&rest[word..gap]);
        rest = &rest[gap..];
    }
    cleaned
}

/// Whether what comes next belongs to an ARN.
fn in_an_arn(before: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "+/=:-_.,@".contains(c);
    let chunk = before.rfind(|c| !part(c)).map_or(before, |at| &before[at..]);
    chunk.trim_start_matches(|c| !part(c)).starts_with("arn:aws")
}

/// A secret access key has forty characters, a session token hundreds, a seed is base32, a signature hexadecimal.
fn looks_secret(word: &str) -> bool {
    let id = word.len() <= 21 && ["AKIA", "ASIA", "AROA", "AIDA"].iter().any(|prefix| word.starts_with(prefix));
    let base32 = |c: char| c.is_ascii_uppercase() || "234567=".contains(c);
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let signed = word.rsplit('=').next().is_some_and(|value| value.len() == 64 && value.chars().all(hex));
    word.len() == 40 || word.len() >= 100 || signed || (word.len() >= 16 && !id && word.chars().all(base32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_cannot_end_a_line_or_move_a_cursor() {
        assert_eq!(shown("terraform"), "terraform");
        assert_eq!(shown("a\nb\r\u{1b}[2J\u{7f}"), "a\\u{a}b\\u{d}\\u{1b}[2J\\u{7f}");
        assert_eq!(shown("gpj.\u{202e}exe\u{2028}\u{9b}31m"), "gpj.\\u{202e}exe\\u{2028}\\u{9b}31m");
        assert_eq!(shown("Müller 東京 🚪"), "Müller 東京 🚪");
        assert_eq!(shown(&"x".repeat(10_000)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn sentences_keep_their_names_and_lose_what_looks_like_a_key() {
        for kept in [
            "AWS refused AssumeRole of arn:aws:iam::123456789012:role/ci/Deploy: User: arn:aws:iam::123456789012:user/bob is not authorized",
            "AWS does not accept the access key AKIAIOSFODNN7EXAMPLE for GetCallerIdentity",
            "Could not read /home/Alice/.aws/credentials: Permission denied",
            "",
        ] {
            assert_eq!(without_secrets(kept), kept);
        }
        let said = "it printed “wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY”, then JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP.";
        assert_eq!(without_secrets(said), "it printed “…”, then ….");
    }

    proptest! {
        #[test]
        fn whatever_a_program_is_called_stays_on_one_line(name in ".*") {
            prop_assert!(!shown(&name).chars().any(char::is_control));
        }

        #[test]
        fn no_key_material_gets_through(before in "[ -~]{0,20}", secret in "[A-Za-z0-9+/]{40}", token in "[A-Za-z0-9+/=]{120,400}", seed in "[A-Z2-7]{32}") {
            let said = without_secrets(&format!("{before} “{secret}”, {token}: '{seed}'"));
            for hidden in [secret, token, seed] {
                prop_assert!(!said.contains(&hidden), "{said}");
            }
        }

        #[test]
        fn what_is_no_word_of_a_key_stays(text in "[a-z ,.:“”é\n]{0,60}") {
            let short = text.split(|c: char| !c.is_ascii_alphanumeric()).all(|word| word.len() < 40);
            prop_assert!(!short || without_secrets(&text) == text);
        }
    }
}
