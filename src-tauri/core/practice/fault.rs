//! What AWS answers when it refuses: a code, a sentence, and the HTTP status that goes with the code.
//!
//! Not [`crate::error::Error`]: these words are AWS's, and tools act on the code.

/// A refusal in AWS's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: String,
    pub(super) message: String,
}

/// What an action of the practice account gives.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// `NoSuchEntity` in IAM's sentence.
    pub(super) fn no_such(kind: &str, name: &str) -> Self {
        Self::new("NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
    }

    /// `EntityAlreadyExists` in IAM's sentence.
    pub(super) fn exists(kind: &str, name: &str) -> Self {
        Self::new("EntityAlreadyExists", format!("{kind} with name {name} already exists."))
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new("LimitExceeded", message)
    }

    /// The HTTP status that AWS sends with the code.
    pub(super) fn status(&self) -> u16 {
        match self.code.as_str() {
            "AccessDenied"
            | "ExpiredToken"
            | "InvalidClientTokenId"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "InvalidAuthenticationCode"
            | "RegionDisabledException"
            | "IDPRejectedClaim"
            | "OptInRequired"
            | "NotAuthorized"
            | "InvalidAccessKeyId"
            | "RequestTimeTooSkewed" => 403,
            "NoSuchEntity" | "NoSuchBucket" | "NoSuchKey" | "NoSuchBucketPolicy" | "ReportInProgress" => 404,
            "MethodNotAllowed" => 405,
            "EntityAlreadyExists" | "LimitExceeded" | "DeleteConflict" | "EntityTemporarilyUnmodifiable" | "ConcurrentModification" => 409,
            "ReportNotPresent" | "ReportExpired" => 410,
            "RequestEntityTooLarge" => 413,
            "InternalFailure" | "ServiceFailure" | "PolicyEvaluation" => 500,
            "NotImplemented" => 501,
            "ServiceUnavailable" => 503,
            _ => 400,
        }
    }
}
