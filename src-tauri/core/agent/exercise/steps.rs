//! The six steps, each as the calls that it really makes, with a line about every one of them.
//!
//! What a step needs of those before it is in [`super::Kept`]; that they come in order is kept by whoever runs them.

use aws_sdk_iam::types::Tag;
use aws_sdk_sts::operation::assume_role::{AssumeRoleOutput, builders::AssumeRoleFluentBuilder};

use super::{
    calls::{Play, Said},
    plan::{self, Asks, MAY_ASSUME, MAY_LIST, PARTNER_USER, REVOCATION, ROLE, USER},
};
use crate::{
    aws::Signer,
    error::{Code, Error, Result},
    issue::taken,
    model::{access_key::AccessKey, credentials::TemporaryCredentials, mfa::TotpSeed},
};

/// No external ID that anybody agreed on.
const WRONG_ID: &str = "a-guess";

fn said<'a>(action: &'static str, by: &'a Signer, what: impl Into<String>, why: impl Into<String>) -> Said<'a> {
    Said { action, by, what: what.into(), why: why.into() }
}

/// What an earlier step left is not there.
fn gone(what: &str, step: usize) -> Error {
    Error::new(Code::NoCredentials, format!("{what} is not there any more"), format!("Do step {step} again"))
}

fn session(answer: &AssumeRoleOutput) -> Result<TemporaryCredentials> {
    taken("AssumeRole", answer.credentials(), answer.assumed_role_user().map(aws_sdk_sts::types::AssumedRoleUser::arn))
}

/// By this it knows again what it made.
fn mark() -> Result<Tag> {
    Tag::builder().key(plan::MARK).value("true").build().map_err(|_| unreadable("TagUser"))
}

fn unreadable(action: &str) -> Error {
    Error::new(Code::AwsUnreachable, format!("The answer to {action} is incomplete"), "Reset the practice account, then begin anew")
}

impl Play<'_> {
    /// Plays the step of this index.
    pub(super) async fn step(&mut self, index: usize) -> Result<()> {
        match index {
            0 => self.create_user().await,
            1 => self.create_role().await,
            2 => self.let_assume().await,
            3 => self.ask_for_mfa().await,
            4 => self.lend().await,
            _ => self.revoke().await,
        }
    }

    fn assume(&self, by: &Signer) -> AssumeRoleFluentBuilder {
        let name = if matches!(by, Signer::Key(key) if self.kept.auditor.as_ref() == Some(key)) { PARTNER_USER } else { USER };
        self.sts(by).assume_role().role_arn(self.cast.role_arn()).role_session_name(name)
    }

    fn sam(&self) -> Result<Signer> {
        self.kept.sam.clone().map(Signer::Key).ok_or_else(|| gone("The access key of sam", 1))
    }

    /// Creates an access key that never leaves the memory.
    async fn create_key(&mut self, by: &Signer, user: &str) -> Result<AccessKey> {
        let call = self.iam(by).create_access_key().user_name(user).send();
        let answer = self
            .allowed(said("CreateAccessKey", by, format!("Created an access key for {user}"), "Its secret is in Stagedoor’s memory and nowhere else."), call)
            .await?;
        let key = answer.access_key().ok_or_else(|| unreadable("CreateAccessKey"))?;
        AccessKey::parse(key.access_key_id(), key.secret_access_key().into())
    }

    async fn create_user(&mut self) -> Result<()> {
        let root = self.root();
        let call = self.iam(&root).create_user().user_name(USER).tags(mark()?).send();
        self.allowed(said("CreateUser", &root, format!("Created the user {USER}"), "The account’s root may do everything; here it only builds."), call).await?;
        let key = self.create_key(&root, USER).await?;
        let sam = Signer::Key(key.clone());
        let call = self.sts(&sam).get_caller_identity().send();
        self.allowed(
            said(
                "GetCallerIdentity",
                &sam,
                "Asked AWS whose key it is",
                format!("It is {USER}’s. This call needs no permission, so it works without any policy."),
            ),
            call,
        )
        .await?;
        self.kept.sam = Some(key);
        Ok(())
    }

    async fn create_role(&mut self) -> Result<()> {
        let root = self.root();
        let call = self
            .iam(&root)
            .create_role()
            .role_name(ROLE)
            .assume_role_policy_document(self.cast.trust(Asks::Nothing))
            .description("Made by the exercise")
            .tags(mark()?)
            .send();
        self.allowed(
            said(
                "CreateRole",
                &root,
                format!("Created the role {ROLE}"),
                "Its trust policy names the account: the account’s own policies decide who may come.",
            ),
            call,
        )
        .await?;
        let call = self.iam(&root).put_role_policy().role_name(ROLE).policy_name(MAY_LIST).policy_document(plan::may_list()).send();
        self.allowed(
            said("PutRolePolicy", &root, "Allowed the role to list users", "What a session may do comes from the role, and not from whoever assumed it."),
            call,
        )
        .await?;
        Ok(())
    }

    async fn let_assume(&mut self) -> Result<()> {
        let (root, sam) = (self.root(), self.sam()?);
        let call = self.assume(&sam).send();
        let why = format!("The trust policy leaves it to the policies of {USER}, and {USER} has none.");
        self.refused(said("AssumeRole", &sam, format!("{USER} was refused the role"), why), call).await?;
        let call = self.iam(&root).put_user_policy().user_name(USER).policy_name(MAY_ASSUME).policy_document(self.cast.may_assume()).send();
        self.allowed(said("PutUserPolicy", &root, format!("Allowed {USER} to assume {ROLE}"), "One action, on one role."), call).await?;
        let call = self.assume(&sam).send();
        let answer = self
            .allowed(
                said("AssumeRole", &sam, format!("{USER} assumed the role"), "Both agree now: the role trusts the account, and the user’s policy allows it."),
                call,
            )
            .await?;
        let session = session(&answer)?;
        let by = Signer::Temporary(session.clone());
        let call = self.iam(&by).list_users().send();
        self.allowed(said("ListUsers", &by, "Listed the users with the session", format!("{MAY_LIST} allows it to the role; {USER} alone could not.")), call)
            .await?;
        self.kept.session = Some(session);
        Ok(())
    }

    async fn ask_for_mfa(&mut self) -> Result<()> {
        let (root, sam, serial) = (self.root(), self.sam()?, self.cast.device_serial());
        let call = self.iam(&root).create_virtual_mfa_device().virtual_mfa_device_name(USER).send();
        let answer = self
            .allowed(
                said("CreateVirtualMFADevice", &root, "Created a virtual MFA device", "Its seed is in Stagedoor’s memory, which types the codes for you."),
                call,
            )
            .await?;
        let seed = answer.virtual_mfa_device().and_then(|device| device.base32_string_seed()).and_then(|seed| std::str::from_utf8(seed.as_ref()).ok());
        let seed = TotpSeed::parse(seed.ok_or_else(|| unreadable("CreateVirtualMFADevice"))?)?;
        let step = TotpSeed::step(self.now);
        let code = |step| seed.code(step).expose().to_owned();
        let call = self
            .iam(&root)
            .enable_mfa_device()
            .user_name(USER)
            .serial_number(&serial)
            .authentication_code1(code(step - 1))
            .authentication_code2(code(step))
            .send();
        self.allowed(
            said("EnableMFADevice", &root, format!("Enabled it for {USER}"), "Two codes in a row prove that the device has the seed. They count as used."),
            call,
        )
        .await?;
        let call = self.iam(&root).update_assume_role_policy().role_name(ROLE).policy_document(self.cast.trust(Asks::Mfa)).send();
        self.allowed(
            said(
                "UpdateAssumeRolePolicy",
                &root,
                "Made the trust policy ask for MFA",
                "The session of step 3 goes on: a trust policy is read when a role is assumed.",
            ),
            call,
        )
        .await?;
        let call = self.assume(&sam).send();
        self.refused(
            said(
                "AssumeRole",
                &sam,
                format!("{USER} was refused without a code"),
                "Without a code, aws:MultiFactorAuthPresent is not true and the statement does not apply.",
            ),
            call,
        )
        .await?;
        let call = self.assume(&sam).serial_number(&serial).token_code(code(step + 1)).send();
        let answer = self
            .allowed(said("AssumeRole", &sam, format!("{USER} assumed the role with a code"), "The code goes with the call, and counts once."), call)
            .await?;
        self.kept.session = Some(session(&answer)?);
        Ok(())
    }

    async fn lend(&mut self) -> Result<()> {
        let (root, partner) = (self.root(), self.partner_root());
        let call = self.iam(&partner).create_user().user_name(PARTNER_USER).tags(mark()?).send();
        self.allowed(
            said(
                "CreateUser",
                &partner,
                format!("Created the user {PARTNER_USER} in the third party’s account"),
                "The third party does this on their side; here you are both.",
            ),
            call,
        )
        .await?;
        let key = self.create_key(&partner, PARTNER_USER).await?;
        let auditor = Signer::Key(key.clone());
        self.kept.auditor = Some(key);
        let call = self.iam(&partner).put_user_policy().user_name(PARTNER_USER).policy_name(MAY_ASSUME).policy_document(self.cast.may_assume()).send();
        self.allowed(
            said(
                "PutUserPolicy",
                &partner,
                format!("Allowed {PARTNER_USER} to assume {ROLE}"),
                "Across accounts both sides must allow. This is the third party’s side.",
            ),
            call,
        )
        .await?;
        let call = self.iam(&root).update_assume_role_policy().role_name(ROLE).policy_document(self.cast.trust(Asks::MfaOrExternalId)).send();
        self.allowed(
            said("UpdateAssumeRolePolicy", &root, "Made the role trust the third party’s account", "This is your side, with the external ID as its condition."),
            call,
        )
        .await?;
        let call = self.assume(&auditor).send();
        self.refused(
            said(
                "AssumeRole",
                &auditor,
                format!("{PARTNER_USER} was refused without an external ID"),
                "The statement asks for sts:ExternalId, and the call had none.",
            ),
            call,
        )
        .await?;
        let call = self.assume(&auditor).external_id(WRONG_ID).send();
        self.refused(
            said(
                "AssumeRole",
                &auditor,
                format!("{PARTNER_USER} was refused with a wrong one"),
                format!("“{WRONG_ID}” is not the external ID of the trust policy."),
            ),
            call,
        )
        .await?;
        let call = self.assume(&auditor).external_id(self.cast.external_id()).send();
        let answer = self
            .allowed(
                said(
                    "AssumeRole",
                    &auditor,
                    format!("{PARTNER_USER} assumed the role with the right one"),
                    "The role’s trust policy and the third party’s own policy both allow it.",
                ),
                call,
            )
            .await?;
        self.kept.lent = Some(session(&answer)?);
        Ok(())
    }

    async fn revoke(&mut self) -> Result<()> {
        let root = self.root();
        let still = |session: &Option<TemporaryCredentials>| session.clone().filter(|session| !session.expired(self.now)).map(Signer::Temporary);
        let session = still(&self.kept.session).ok_or_else(|| gone("The session of step 4", 4))?;
        let lent = still(&self.kept.lent).ok_or_else(|| gone("The session of step 5", 5))?;
        let call = self.iam(&session).list_users().send();
        self.allowed(said("ListUsers", &session, format!("The session of {USER} still lists users"), "It goes on until its hour is over."), call).await?;
        let call = self.iam(&root).put_role_policy().role_name(ROLE).policy_name(REVOCATION).policy_document(plan::revocation(self.now)).send();
        self.allowed(
            said("PutRolePolicy", &root, "Denied everything to the sessions until now", "It takes effect at once and for everybody who assumed the role."),
            call,
        )
        .await?;
        self.kept.revoked = Some(self.now);
        for (by, who) in [(&session, USER), (&lent, PARTNER_USER)] {
            let call = self.iam(by).list_users().send();
            let why = format!("{MAY_LIST} still allows it, but {REVOCATION} denies it, and a deny always wins.");
            self.refused(said("ListUsers", by, format!("The session of {who} was refused"), why), call).await?;
        }
        Ok(())
    }
}
