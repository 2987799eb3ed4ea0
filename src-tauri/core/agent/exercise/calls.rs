//! How a step calls the practice account: through the AWS SDK, with a line about every call that a person is told of.
//!
//! What AWS said, and which statement decided, is read from the practice account's own record of the call.

use aws_config::SdkConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use time::OffsetDateTime;

use super::{Kept, plan::Cast};
use crate::{
    agent::practice_view::call_view,
    aws::{Signer, told},
    error::{Code, Error, Result},
    model::practice::LineView,
    practice::World,
};

/// One run of a step.
pub(super) struct Play<'a> {
    pub(super) cast: &'a Cast,
    pub(super) world: &'a World,
    /// Leads to the practice account.
    pub(super) config: &'a SdkConfig,
    pub(super) now: OffsetDateTime,
    pub(super) kept: &'a mut Kept,
    pub(super) lines: Vec<LineView>,
}

/// A call as a person is told of it.
pub(super) struct Said<'a> {
    /// `CreateUser`
    pub(super) action: &'static str,
    pub(super) by: &'a Signer,
    /// What happened, if it goes as planned.
    pub(super) what: String,
    pub(super) why: String,
}

impl Play<'_> {
    pub(super) fn iam(&self, by: &Signer) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(self.config).credentials_provider(by.credentials()).build())
    }

    /// Without retries: a code counts once.
    pub(super) fn sts(&self, by: &Signer) -> aws_sdk_sts::Client {
        let builder = aws_sdk_sts::config::Builder::from(self.config).credentials_provider(by.credentials());
        aws_sdk_sts::Client::from_conf(builder.retry_config(aws_sdk_sts::config::retry::RetryConfig::disabled()).build())
    }

    /// Who builds: the account's root.
    pub(super) fn root(&self) -> Signer {
        Signer::Key(self.world.root_key_of(&self.cast.account))
    }

    /// Who builds in the third party's account.
    pub(super) fn partner_root(&self) -> Signer {
        Signer::Key(self.world.root_key_of(&self.cast.partner))
    }

    /// A call that must be allowed.
    pub(super) async fn allowed<T, E>(&mut self, said: Said<'_>, call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>) -> Result<T>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let (action, before) = (said.action, self.world.call_count());
        let answer = call.await;
        self.note(said, before, answer.is_ok());
        answer.map_err(|error| {
            let error = told(action, &error);
            let hint = if error.code == Code::AwsUnreachable {
                error.hint
            } else {
                "If something of that name is there already, delete it or reset the practice account; then do the step again".to_owned()
            };
            Error { hint, ..error }
        })
    }

    /// A call that must be refused.
    pub(super) async fn refused<T, E>(&mut self, said: Said<'_>, call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>) -> Result<()>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let (action, before) = (said.action, self.world.call_count());
        let answer = call.await;
        self.note(said, before, matches!(answer, Err(SdkError::ServiceError(_))));
        match answer {
            Ok(_) => Err(Error::new(
                Code::AwsRefused,
                format!("{action} was allowed, and this step needs it to be refused"),
                "Its line says which statement allows it: take that away, or begin the exercise anew",
            )),
            Err(SdkError::ServiceError(_)) => Ok(()),
            Err(error) => Err(told(action, &error)),
        }
    }

    fn note(&mut self, said: Said<'_>, before: u64, as_planned: bool) {
        let Said { action, by, what, why } = said;
        // Others may call at the same time: ours is the last with this key.
        let own = self.world.last_call(before, |call| call.action == action && call.access_key_id == by.access_key_id());
        let (what, why) = if as_planned { (what, why) } else { (format!("{action} did not go as planned"), String::new()) };
        self.lines.push(LineView { what, why, as_planned, call: own.as_ref().map(call_view) });
    }
}
