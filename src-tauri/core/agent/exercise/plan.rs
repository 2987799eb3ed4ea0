//! What the exercise will do, before it does it: the six steps in words, and every policy that they write.
//!
//! Pure: names, texts and JSON. What is shown before a step is what it sends.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::model::practice::{DocumentView, StepView};

/// How many steps there are.
pub(super) const STEPS: usize = 6;
/// Who signs.
pub(super) const USER: &str = "sam";
/// What is assumed.
pub(super) const ROLE: &str = "Reports";
/// Who comes from the third party.
pub(super) const PARTNER_USER: &str = "auditor";
/// The inline policy of the role.
pub(super) const MAY_LIST: &str = "MayListUsers";
/// The inline policy of whoever assumes it.
pub(super) const MAY_ASSUME: &str = "MayAssumeReports";
/// The tag of whatever the exercise created: nothing without it is ever deleted.
pub(super) const MARK: &str = "stagedoor-exercise";
/// As the console names it.
pub(super) const REVOCATION: &str = "AWSRevokeOlderSessions";

/// The accounts that it plays in.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    /// One's own.
    pub(super) account: String,
    /// The third party's.
    pub(super) partner: String,
}

impl Cast {
    pub(super) fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{ROLE}", self.account)
    }

    pub(super) fn device_serial(&self) -> String {
        format!("arn:aws:iam::{}:mfa/{USER}", self.account)
    }

    /// What both sides agreed on.
    pub(super) fn external_id(&self) -> String {
        format!("reports-{}", &self.partner[self.partner.len().saturating_sub(4)..])
    }

    /// The trust policy as a step finds it or leaves it.
    pub(super) fn trust(&self, asks: Asks) -> String {
        let own =
            json!({ "Sid": "OwnUsers", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.account) }, "Action": "sts:AssumeRole" });
        let mut with_mfa = own.clone();
        with_mfa["Sid"] = "OwnUsersWithMfa".into();
        with_mfa["Condition"] = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
        let partner = json!({
            "Sid": "ThirdParty", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.partner) }, "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": self.external_id() } },
        });
        policy(&match asks {
            Asks::Nothing => vec![own],
            Asks::Mfa => vec![with_mfa],
            Asks::MfaOrExternalId => vec![with_mfa, partner],
        })
    }

    pub(super) fn may_assume(&self) -> String {
        policy(&[json!({ "Sid": "Assume", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": self.role_arn() })])
    }
}

/// What the role's trust policy asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asks {
    Nothing,
    Mfa,
    MfaOrExternalId,
}

pub(super) fn may_list() -> String {
    policy(&[json!({ "Sid": "List", "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*" })])
}

/// As the console writes it. Sessions are issued on whole seconds, so the next one leaves none out.
pub(super) fn revocation(now: OffsetDateTime) -> String {
    let at = now.replace_nanosecond(0).map_or(now, |second| second + Duration::SECOND);
    let at = at.format(&Rfc3339).unwrap_or_default();
    policy(&[json!({ "Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": { "DateLessThan": { "aws:TokenIssueTime": at } } })])
}

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// The steps as they stand before anything was called. `now`: what is revoked at this moment.
pub(super) fn steps(cast: &Cast, now: OffsetDateTime) -> [StepView; STEPS] {
    let document = |title: String, text: String| DocumentView { title, text };
    let trust = |asks| document(format!("Trust policy of the role {ROLE}"), cast.trust(asks));
    let step = |title: &str, about: String, button: String, documents: Vec<DocumentView>| StepView {
        title: title.to_owned(),
        about,
        button,
        documents,
        lines: Vec::new(),
    };
    [
        step(
            "Create a user",
            format!("An IAM user signs with an access key. This creates {USER} with one; its secret goes straight into Stagedoor’s memory. Nothing is allowed to {USER} yet, so no policy is written."),
            format!("Create user {USER}"),
            vec![],
        ),
        step(
            "Create a role",
            format!("A role has no key of its own: whoever it trusts may assume it for a while. {ROLE} trusts your account and may list users."),
            format!("Create role {ROLE}"),
            vec![trust(Asks::Nothing), document(format!("{MAY_LIST}, on the role {ROLE}"), may_list())],
        ),
        step(
            "Let one assume the other",
            format!("The role trusts the account, and the account’s own policies decide for whom. {USER} has none, so the first try is refused; then {USER} gets this policy, and the second one works."),
            format!("Let {USER} assume {ROLE}"),
            vec![document(format!("{MAY_ASSUME}, on the user {USER}"), cast.may_assume())],
        ),
        step(
            "Ask for MFA",
            format!("A stolen access key should not be enough. {USER} gets a virtual MFA device, and the role is assumed with its code or not at all."),
            format!("Ask {USER} for MFA"),
            vec![trust(Asks::Mfa)],
        ),
        step(
            "Lend it to a third party",
            "A user of the third party’s account may assume the role, but only with the external ID that both agreed on: so nobody else can have the third party use your role for them.".to_owned(),
            format!("Lend {ROLE} to the third party"),
            vec![trust(Asks::MfaOrExternalId), document(format!("{MAY_ASSUME}, on the third party’s user {PARTNER_USER}"), cast.may_assume())],
        ),
        step(
            "Revoke",
            format!("Sessions go on until they end, whatever happens to a trust policy. This denies everything to the sessions of {ROLE} that were issued until now; whoever may still assume it gets a new one."),
            format!("Revoke the sessions of {ROLE}"),
            vec![document(format!("{REVOCATION}, on the role {ROLE}"), revocation(now))],
        ),
    ]
}
