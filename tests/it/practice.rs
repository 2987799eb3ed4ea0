//! The practice account, asked by AWS's own SDK over signed HTTP, with a clock that the test drives.
//!
//! [`Practice`] is also what the other modules about it start from. Each refusal is compared with AWS's code, words and status.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_credential_types::Credentials;
use aws_sdk_iam::{
    error::{ProvideErrorMetadata, SdkError},
    types::StatusType,
};
use aws_types::{
    SdkConfig,
    region::Region,
    sdk_config::{RetryConfig, SharedCredentialsProvider, TimeSource},
};
use stagedoor_core::{
    clock::Clock,
    model::{access_key::AccessKey, mfa::TotpSeed},
    practice::{ReadyMade, Server, World},
};
use time::{Duration, macros::datetime};

#[derive(Debug)]
pub(crate) struct Driven(pub(crate) Clock);

impl TimeSource for Driven {
    fn now(&self) -> std::time::SystemTime {
        self.0.now().into()
    }
}

/// A ready-made world that listens.
pub(crate) struct Practice {
    pub(crate) world: World,
    pub(crate) made: ReadyMade,
    pub(crate) server: Server,
    pub(crate) clock: Clock,
}

impl Practice {
    pub(crate) async fn start() -> Self {
        let clock = Clock::driven(datetime!(2026-11-23 09:00:00 UTC));
        let (world, made) = World::ready_made([1; 32], clock.clone());
        let server = Server::start(world.clone(), 0).await.unwrap();
        Self { world, made, server, clock }
    }

    fn config(&self, credentials: Credentials) -> SdkConfig {
        config(&self.server, &self.clock, credentials)
    }

    pub(crate) fn sts(&self, credentials: &Credentials) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config(credentials.clone()))
    }

    pub(crate) fn iam(&self, credentials: &Credentials) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.config(credentials.clone()))
    }

    pub(crate) fn alice(&self) -> Credentials {
        long_lived(&self.made.key)
    }

    pub(crate) fn root(&self) -> Credentials {
        long_lived(&self.world.root_key())
    }

    /// The code that alice's device shows, some steps from now.
    pub(crate) fn code(&self, steps: i64) -> String {
        self.made.mfa_seed.code(TotpSeed::step(self.clock.now()) + steps).expose().to_owned()
    }

    pub(crate) fn assume(&self, credentials: &Credentials, arn: &str) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
        self.sts(credentials).assume_role().role_arn(arn).role_session_name("me")
    }

    pub(crate) fn with_code(&self, steps: i64) -> aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder {
        let made = &self.made;
        self.assume(&self.alice(), made.mfa_role_arn.as_str()).serial_number(made.mfa_serial.as_str()).token_code(self.code(steps))
    }
}

/// The SDK, pointed at a server, with its clock and without retries.
pub(crate) fn config(server: &Server, clock: &Clock, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(server.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .time_source(Driven(clock.clone()))
        .retry_config(RetryConfig::disabled())
        .build()
}

pub(crate) fn long_lived(key: &AccessKey) -> Credentials {
    Credentials::new(key.id.as_str(), key.secret.expose(), None, None, "test")
}

/// Credentials of a user's key.
pub(crate) fn long_lived_pair(id: &str, secret: &str) -> Credentials {
    Credentials::new(id, secret, None, None, "test")
}

pub(crate) fn temporary(credentials: Option<aws_sdk_sts::types::Credentials>) -> Credentials {
    let credentials = credentials.unwrap();
    Credentials::new(credentials.access_key_id, credentials.secret_access_key, Some(credentials.session_token), None, "test")
}

/// Status, code and message of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>>,
) -> (u16, String, String) {
    let error = result.unwrap_err();
    let status = error.raw_response().unwrap().status().as_u16();
    (status, error.code().unwrap().to_owned(), sentence(error.message().unwrap_or_default()).to_owned())
}

/// A denial without the encoded message behind it.
pub(crate) fn sentence(message: &str) -> &str {
    message.split(". Encoded authorization failure message: ").next().unwrap_or_default()
}

fn code_of<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>>,
) -> String {
    refusal(result).1
}

/// Code and message.
pub(crate) fn said<E: ProvideErrorMetadata>(error: &E) -> (String, String) {
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

/// A call that is refused with this code and this message.
macro_rules! refused {
    ($call:expr, $code:literal, $message:expr) => {{
        let error = $call.send().await.unwrap_err();
        assert_eq!($crate::practice::said(&error), ($code.to_owned(), $message.to_string()));
    }};
}
pub(crate) use refused;

/// A trust policy for one AWS principal.
pub(crate) fn trust(principal: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#)
}

#[tokio::test]
async fn everybody_may_ask_who_they_are() {
    let practice = Practice::start().await;
    let answer = practice.sts(&practice.alice()).get_caller_identity().send().await.unwrap();
    assert_eq!(answer.arn(), Some(format!("arn:aws:iam::{}:user/alice", practice.made.account_id).as_str()));
    assert!(answer.user_id().unwrap().starts_with("AIDA"));
    let root = practice.sts(&practice.root()).get_caller_identity().send().await.unwrap();
    assert_eq!(root.arn(), Some(format!("arn:aws:iam::{}:root", practice.made.account_id).as_str()));
    let calls = practice.world.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].action.as_str(), calls[0].error_code.as_deref()), ("GetCallerIdentity", None));
}

#[tokio::test]
async fn an_mfa_role_needs_a_code_and_takes_it_once() {
    let practice = Practice::start().await;
    let arn = practice.made.mfa_role_arn.as_str();
    let denied = format!("User: arn:aws:iam::{}:user/alice is not authorized to perform: sts:AssumeRole on resource: {arn}", practice.made.account_id);
    assert_eq!(refusal(practice.assume(&practice.alice(), arn).send().await), (403, "AccessDenied".to_owned(), denied));

    let answer = practice.with_code(0).duration_seconds(43200).send().await.unwrap();
    let user = answer.assumed_role_user().unwrap();
    assert_eq!(user.arn(), format!("arn:aws:sts::{}:assumed-role/Developer/me", practice.made.account_id));
    assert_eq!(answer.credentials().unwrap().expiration().secs(), datetime!(2026-11-23 21:00:00 UTC).unix_timestamp());

    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code.".to_owned();
    assert_eq!(refusal(practice.with_code(0).send().await), (403, "AccessDenied".to_owned(), wrong.clone()), "a second time");
    assert_eq!(refusal(practice.with_code(2).send().await).2, wrong, "too early");
    assert_eq!(refusal(practice.with_code(-2).send().await).2, wrong, "too late");
    practice.with_code(1).send().await.unwrap();
    practice.with_code(-1).send().await.unwrap();
}

#[tokio::test]
async fn a_partners_role_needs_the_external_id() {
    let practice = Practice::start().await;
    let arn = practice.made.partner_role_arn.as_str();
    assert_eq!(code_of(practice.assume(&practice.alice(), arn).send().await), "AccessDenied");
    assert_eq!(code_of(practice.assume(&practice.alice(), arn).external_id("guess").send().await), "AccessDenied");
    let right = practice.assume(&practice.alice(), arn).external_id(practice.made.external_id.as_str());
    let answer = right.clone().send().await.unwrap();
    assert!(answer.assumed_role_user().unwrap().arn().contains(&practice.made.partner_account_id));

    // Both sides must allow: without the identity policy the trust policy is not enough.
    practice.iam(&practice.root()).delete_user_policy().user_name("alice").policy_name("MayAssumeRoles").send().await.unwrap();
    assert_eq!(code_of(right.send().await), "AccessDenied");
    practice.with_code(0).send().await.expect("in the same account the trust policy names her");
}

#[tokio::test]
async fn one_mfa_session_serves_roles_for_an_hour_at_most() {
    let practice = Practice::start().await;
    let sts = practice.sts(&practice.alice());
    let answer = sts.get_session_token().serial_number(practice.made.mfa_serial.as_str()).token_code(practice.code(0)).send().await.unwrap();
    assert_eq!(answer.credentials().unwrap().expiration().secs(), datetime!(2026-11-23 21:00:00 UTC).unix_timestamp());
    let session = temporary(answer.credentials);
    let role = practice.assume(&session, practice.made.mfa_role_arn.as_str());
    let chained = temporary(role.clone().send().await.unwrap().credentials);
    let too_long = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    assert_eq!(refusal(role.duration_seconds(3601).send().await), (400, "ValidationError".to_owned(), too_long.to_owned()));
    let refused = refusal(practice.sts(&session).get_session_token().send().await);
    assert_eq!(refused, (403, "AccessDenied".to_owned(), "Cannot call GetSessionToken with session credentials".to_owned()));

    practice.clock.advance(Duration::minutes(61));
    let expired = refusal(practice.sts(&chained).get_caller_identity().send().await);
    assert_eq!(expired, (403, "ExpiredToken".to_owned(), "The security token included in the request is expired".to_owned()));
    practice.sts(&session).get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn a_session_without_mfa_may_not_call_iam() {
    let practice = Practice::start().await;
    let plain = temporary(practice.sts(&practice.alice()).get_session_token().send().await.unwrap().credentials);
    assert_eq!(code_of(practice.iam(&plain).get_user().send().await), "InvalidClientTokenId");
    let with_code = practice.sts(&practice.alice()).get_session_token().serial_number(practice.made.mfa_serial.as_str()).token_code(practice.code(0));
    let session = temporary(with_code.send().await.unwrap().credentials);
    practice.iam(&session).get_user().send().await.unwrap();
}

#[tokio::test]
async fn sessions_survive_a_restart_with_the_same_seed() {
    let practice = Practice::start().await;
    let session = temporary(practice.with_code(0).send().await.unwrap().credentials);
    let address = practice.server.endpoint();
    let Practice { server, clock, made, .. } = practice;
    server.stop().await;
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let (world, again) = World::ready_made([1; 32], clock.clone());
    assert_eq!(again.key, made.key);
    let server = Server::start(world.clone(), port).await.unwrap();
    let practice = Practice { world, made: again, server, clock };
    practice.sts(&session).get_caller_identity().send().await.unwrap();
    let (other, _) = World::ready_made([2; 32], practice.clock.clone());
    let server = Server::start(other.clone(), 0).await.unwrap();
    let practice = Practice { world: other, server, ..practice };
    assert_eq!(code_of(practice.sts(&session).get_caller_identity().send().await), "InvalidClientTokenId");
}

#[tokio::test]
async fn keys_that_are_wrong_off_or_gone() {
    let practice = Practice::start().await;
    let key = &practice.made.key;
    let unknown = Credentials::new("AKIAIOSFODNN7EXAMPLE", key.secret.expose(), None, None, "test");
    let refused = refusal(practice.sts(&unknown).get_caller_identity().send().await);
    assert_eq!(refused, (403, "InvalidClientTokenId".to_owned(), "The security token included in the request is invalid.".to_owned()));
    let wrong = Credentials::new(key.id.as_str(), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, None, "test");
    assert_eq!(code_of(practice.sts(&wrong).get_caller_identity().send().await), "SignatureDoesNotMatch");
    let stray = Credentials::new(key.id.as_str(), key.secret.expose(), Some("token".to_owned()), None, "test");
    assert_eq!(code_of(practice.sts(&stray).get_caller_identity().send().await), "InvalidClientTokenId");

    let session = temporary(practice.with_code(0).send().await.unwrap().credentials);
    let id = session.access_key_id();
    let naked = Credentials::new(id, session.secret_access_key(), None, None, "test");
    assert_eq!(code_of(practice.sts(&naked).get_caller_identity().send().await), "InvalidClientTokenId", "a token is required");
    let other = temporary(practice.with_code(1).send().await.unwrap().credentials);
    let swapped = Credentials::new(id, session.secret_access_key(), other.session_token().map(str::to_owned), None, "test");
    assert_eq!(code_of(practice.sts(&swapped).get_caller_identity().send().await), "InvalidClientTokenId", "and bound to its key");

    let iam = practice.iam(&practice.root());
    let status = |status| iam.update_access_key().user_name("alice").access_key_id(key.id.as_str()).status(status).send();
    status(StatusType::Inactive).await.unwrap();
    assert_eq!(code_of(practice.sts(&practice.alice()).get_caller_identity().send().await), "InvalidClientTokenId");
    status(StatusType::Active).await.unwrap();
    practice.sts(&practice.alice()).get_caller_identity().send().await.unwrap();
    iam.delete_access_key().user_name("alice").access_key_id(key.id.as_str()).send().await.unwrap();
    assert_eq!(code_of(practice.sts(&practice.alice()).get_caller_identity().send().await), "InvalidClientTokenId");
}

#[tokio::test]
async fn revoking_older_sessions_works_at_once() {
    let practice = Practice::start().await;
    let old = temporary(practice.with_code(0).send().await.unwrap().credentials);
    practice.iam(&old).list_roles().send().await.unwrap();
    practice.clock.advance(Duration::seconds(40));
    let revoke = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T09:00:30.000Z"}}}]}"#;
    let root = practice.iam(&practice.root());
    root.put_role_policy().role_name("Developer").policy_name("AWSRevokeOlderSessions").policy_document(revoke).send().await.unwrap();
    let (_, code, message) = refusal(practice.iam(&old).list_roles().send().await);
    assert_eq!(code, "AccessDenied");
    assert!(message.ends_with("with an explicit deny in an identity-based policy"), "{message}");
    let new = temporary(practice.with_code(0).send().await.unwrap().credentials);
    practice.iam(&new).list_roles().send().await.unwrap();
}

#[tokio::test]
async fn a_session_policy_narrows_and_tags_need_permission() {
    let practice = Practice::start().await;
    let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let answer = practice.with_code(0).policy(nothing).send().await.unwrap();
    assert!(answer.session_token_size().is_some_and(|size| size > 100));
    let (_, _, message) = refusal(practice.iam(&temporary(answer.credentials)).list_roles().send().await);
    assert!(message.ends_with("because no session policy allows the iam:ListRoles action"), "{message}");
    let tag = aws_sdk_sts::types::Tag::builder().key("team").value("blue").build().unwrap();
    let (_, code, message) = refusal(practice.with_code(1).tags(tag).send().await);
    assert_eq!(code, "AccessDenied");
    assert!(message.contains("not authorized to perform: sts:TagSession"), "{message}");
    let (_, _, message) = refusal(practice.with_code(-1).source_identity("alice").send().await);
    assert!(message.contains("not authorized to perform: sts:SetSourceIdentity"), "{message}");
}

#[tokio::test]
async fn parameters_are_refused_in_awss_sentence() {
    let practice = Practice::start().await;
    let arn = practice.made.mfa_role_arn.as_str();
    let sts = practice.sts(&practice.alice());
    let assume = |name: &str| sts.assume_role().role_arn(arn).role_session_name(name);
    for (request, message) in [
        (
            assume("a b"),
            r"1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (
            assume("a"),
            "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        (
            assume("me").duration_seconds(899),
            "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            assume("me").duration_seconds(43201).external_id("?"),
            r"3 validation errors detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200; Value '?' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@:\/-]*; Value '?' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
    ] {
        assert_eq!(refusal(request.send().await), (400, "ValidationError".to_owned(), message.to_owned()));
    }
    assert_eq!(code_of(assume("me").policy("{").send().await), "MalformedPolicyDocument");
    let root = practice.assume(&practice.root(), arn).send().await;
    assert_eq!(refusal(root).2, "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn the_clock_of_a_request_must_be_right() {
    let practice = Practice::start().await;
    let late = Clock::driven(practice.clock.now() - Duration::minutes(6));
    let config = practice.config(practice.alice()).into_builder().time_source(Driven(late)).build();
    let (status, code, message) = refusal(aws_sdk_sts::Client::new(&config).get_caller_identity().send().await);
    assert_eq!((status, code.as_str()), (403, "SignatureDoesNotMatch"));
    assert_eq!(message, "Signature expired: 20261123T085400Z is now earlier than 20261123T085500Z (20261123T090000Z - 5 min.)");
}

#[tokio::test]
async fn failures_on_demand_and_concurrency() {
    let practice = Practice::start().await;
    practice.world.fail_next("GetCallerIdentity", 1, "Throttling");
    let sts = practice.sts(&practice.alice());
    assert_eq!(code_of(sts.get_caller_identity().send().await), "Throttling");
    sts.get_caller_identity().send().await.unwrap();
    practice.world.set_latency(std::time::Duration::from_millis(1));
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(sts.get_caller_identity().send())).collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(practice.world.calls().len(), 22);
}
