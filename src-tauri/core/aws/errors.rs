//! What AWS's answers mean to a person: the only reader of AWS error codes.
//!
//! Each has a sentence and a next step. What went wrong before AWS answered is in `trouble`.

use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

use super::{
    trouble::{Trouble, cause},
    words::Carried,
};
use crate::error::{Code, Error};

/// Whether asking again, without anybody doing anything, may help.
pub fn may_recover(error: &Error) -> bool {
    matches!(
        error.code,
        Code::AwsUnreachable
            | Code::AwsBusy
            | Code::ClockWrong
            | Code::MfaCodeRequired
            | Code::KeychainLocked
            | Code::KeychainAbsent
            | Code::File
            | Code::Agent
    )
}

/// What an SDK error means, in words. `asked` names the call and its object: “AssumeRole of arn:…”.
pub fn told<E>(asked: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    told_without(asked, error, Carried::default())
}

/// The same without a word of what the request carried, which an answer may echo.
pub fn told_without<E>(asked: &str, error: &SdkError<E, HttpResponse>, carried: Carried<'_>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let in_full = || carried.fit(&DisplayErrorContext(error).to_string());
    match error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code().unwrap_or("Unknown"), service.err().message().unwrap_or("no reason given"));
            // Some denials have a long encoded message behind the sentence: it is for DecodeAuthorizationMessage, not for a person.
            let message = message.split(" Encoded authorization failure message:").next().unwrap_or(message);
            refused(asked, &carried.fit(code), &carried.fit(message), service.raw().status().as_u16())
        }
        SdkError::TimeoutError(_) => {
            Error::new(Code::AwsUnreachable, format!("AWS did not answer {asked} in time"), "Check the network, VPN and proxy, then try again")
        }
        SdkError::DispatchFailure(failure) => unreachable(asked, failure.as_connector_error()),
        SdkError::ResponseError(response) => Error::new(
            Code::AwsUnreachable,
            format!("The answer to {asked} cannot be read (HTTP {})", response.raw().status().as_u16()),
            "Something between this machine and AWS may have answered instead: check the proxy and the endpoint_url",
        ),
        SdkError::ConstructionFailure(_) => {
            Error::new(Code::InvalidValue, format!("{asked} could not be put together: {}", in_full()), "Check the profile's values")
        }
        _ => Error::new(Code::AwsUnreachable, format!("{asked} failed: {}", in_full()), "Try again"),
    }
}

/// What a connection that came to nothing means. `asked` names what it was for.
pub fn unreachable(asked: &str, error: Option<&ConnectorError>) -> Error {
    let nothing = || {
        Error::new(Code::AwsUnreachable, format!("AWS could not be reached for {asked}"), "Check the network, VPN, proxy and the endpoint_url, then try again")
    };
    error.map_or_else(nothing, |error| cause::<Trouble>(error).cloned().unwrap_or_else(|| Trouble::of(error, "the endpoint", None)).told(asked))
}

/// What kind of no IAM said: what a plan can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The caller may not.
    Denied,
    /// There is no such thing, or IAM does not know of it yet.
    NotThere,
    /// There is one already.
    AlreadyThere,
    /// A quota is reached.
    Limit,
    /// Something else still hangs on it.
    InUse,
    /// A policy names somebody whom IAM does not know, or not yet.
    UnknownPrincipal,
    /// A policy is not as it must be.
    Malformed,
    /// Changed a moment ago: to be tried again.
    NotYet,
    /// The two codes of an MFA device.
    Code,
    /// The key is not known, or not yet.
    Key,
    /// The endpoint does not know the call.
    NotImplemented,
    /// Anything else, or no answer.
    Other,
}

/// Reads AWS's code.
pub fn refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Refusal {
    let SdkError::ServiceError(service) = error else { return Refusal::Other };
    let message = service.err().message().unwrap_or_default();
    match service.err().code().unwrap_or_default() {
        "AccessDenied" | "AccessDeniedException" => Refusal::Denied,
        "NoSuchEntity" | "NoSuchEntityException" | "NotFoundException" => Refusal::NotThere,
        "EntityAlreadyExists" | "EntityAlreadyExistsException" => Refusal::AlreadyThere,
        "LimitExceeded" | "LimitExceededException" => Refusal::Limit,
        "DeleteConflict" | "DeleteConflictException" => Refusal::InUse,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if message.contains("nvalid principal") => Refusal::UnknownPrincipal,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => Refusal::Malformed,
        "EntityTemporarilyUnmodifiable" | "EntityTemporarilyUnmodifiableException" | "ConcurrentModification" => Refusal::NotYet,
        "InvalidAuthenticationCode" | "InvalidAuthenticationCodeException" => Refusal::Code,
        "InvalidClientTokenId" | "UnrecognizedClientException" => Refusal::Key,
        "NotImplemented" | "InvalidAction" | "UnknownOperationException" | "NotImplementedError" => Refusal::NotImplemented,
        _ if service.raw().status().as_u16() == 501 => Refusal::NotImplemented,
        _ => Refusal::Other,
    }
}

/// AWS's own code and sentence, for who wants to read them: `AccessDenied: User … is not authorized`.
pub fn said<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, carried: Carried<'_>) -> Option<String> {
    let SdkError::ServiceError(service) = error else { return None };
    let (code, message) = (service.err().code().unwrap_or("Unknown"), service.err().message().unwrap_or_default());
    let message = message.split(" Encoded authorization failure message:").next().unwrap_or(message);
    Some(if message.is_empty() { carried.fit(code) } else { format!("{}: {}", carried.fit(code), carried.fit(message)) })
}

/// An error that AWS itself answered with.
fn refused(asked: &str, code: &str, message: &str, status: u16) -> Error {
    let aws = |code: Code, text: String, hint: &'static str| Error::new(code, text, hint);
    match code {
        _ if status == 429 => slow_down(asked),
        // No code in the answer: it is not in AWS's format.
        "Unknown" if status < 500 => aws(
            Code::AwsUnreachable,
            format!("The answer to {asked} is not AWS's (HTTP {status})"),
            "Something between this machine and AWS may have answered instead: check the proxy and the endpoint_url",
        ),
        "InvalidClientTokenId" | "UnrecognizedClientException" => aws(
            Code::AccessKeyRefused,
            format!("AWS does not accept the access key for {asked}: it was deleted, made inactive, or belongs to another partition"),
            "Make the key active again in IAM, or store a new one: stagedoor keys add PROFILE",
        ),
        _ if is_of_the_clock(code, message) => aws(
            Code::ClockWrong,
            format!("AWS refused {asked} because this computer's clock is wrong"),
            "Set the clock (switch on automatic time), then try again",
        ),
        "SignatureDoesNotMatch" => aws(
            Code::AccessKeyRefused,
            format!("The secret access key does not belong to its access key ID ({asked})"),
            "Store the pair again: stagedoor keys add PROFILE; if it is right, check this computer's clock",
        ),
        "ExpiredToken" | "ExpiredTokenException" => aws(Code::AwsRefused, format!("The credentials for {asked} have expired"), "Start the profile again"),
        "AccessDenied" | "AccessDeniedException" if message.contains("MultiFactorAuthentication failed") => aws(
            Code::MfaCodeRefused,
            if message.contains("invalid MFA") {
                format!("AWS refused the MFA code for {asked}")
            } else {
                format!("AWS refused the MFA device for {asked}: {message}")
            },
            if message.contains("invalid MFA") {
                "Type the code that the device shows now; a code works once, so wait for the next one if you used it already"
            } else {
                "Check mfa_serial: it must be the device of the user whose access key is used"
            },
        ),
        "AccessDenied" | "AccessDeniedException" => aws(
            Code::AwsRefused,
            format!("AWS refused {asked}: {}", message.trim_end_matches('.')),
            "The role's trust policy must allow the caller (with its external ID and MFA), and the caller's own policies must allow the call",
        ),
        "RegionDisabledException" => aws(
            Code::AwsRefused,
            format!("STS is switched off in this Region for {asked}"),
            "Set another region in the profile, or activate STS for it in the account settings",
        ),
        "PackedPolicyTooLarge" => {
            aws(Code::AwsRefused, format!("The session policy and tags are too large for {asked}"), "Shorten the session policy or the tags")
        }
        "MalformedPolicyDocument" => {
            aws(Code::AwsRefused, format!("The session policy for {asked} is not valid: {message}"), "Mend stagedoor_session_policy in the profile")
        }
        "ValidationError" => {
            aws(Code::AwsRefused, format!("AWS does not accept a value of {asked}: {}", message.trim_end_matches('.')), "Mend that value in the profile")
        }
        _ if THROTTLED.contains(&code) => slow_down(asked),
        "Unknown" => aws(
            Code::AwsUnreachable,
            format!("Nobody answered {asked} but with HTTP {status}"),
            "The proxy or the endpoint may be failing: try again in a moment",
        ),
        _ if status >= 500 => aws(Code::AwsBusy, format!("AWS failed to answer {asked} (HTTP {status}, {code})"), "Try again in a moment"),
        _ => aws(Code::AwsRefused, format!("AWS refused {asked}: {} ({code})", message.trim_end_matches('.')), "See what the message names, then try again"),
    }
}

/// Asks again where somebody asked to slow down without AWS's XML: the SDK knows the codes, and of the statuses only 5xx.
#[derive(Clone, Copy, Debug)]
pub struct AskAgain;

impl ClassifyRetry for AskAgain {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response().map(|answer| answer.status().as_u16()) {
            Some(429) => RetryAction::throttling_error(),
            Some(_) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "HTTP 429"
    }
}

/// The codes by which AWS asks to slow down.
const THROTTLED: [&str; 8] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
];

fn slow_down(asked: &str) -> Error {
    Error::new(Code::AwsBusy, format!("AWS asked to slow down ({asked})"), "Stagedoor tries again by itself; a session that is there holds until its end")
}

/// Signature errors hide a wrong clock in their words.
fn is_of_the_clock(code: &str, message: &str) -> bool {
    let words = ["Signature expired", "Signature not yet current", "must be within", "is now earlier than", "is now later than"];
    match code {
        "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture" => true,
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure" => words.iter().any(|word| message.contains(word)),
        _ => false,
    }
}
