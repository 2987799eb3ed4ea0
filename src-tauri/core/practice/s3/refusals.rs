//! Refusals in S3's own words: other codes, other sentences and other statuses than those of the services that speak Query.
//!
//! Everything before knows one spelling; here is the only place that knows S3's.

use crate::practice::fault::Fault;

/// The code that everybody else uses, S3's, its sentence (empty: the same), its status.
const WORDS: [(&str, &str, &str, u16); 6] = [
    ("InvalidClientTokenId", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    ("ExpiredToken", "ExpiredToken", "The provided token has expired.", 400),
    (
        "SignatureDoesNotMatch",
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        403,
    ),
    ("MissingAuthenticationToken", "AccessDenied", "Access Denied", 403),
    ("IncompleteSignature", "AuthorizationHeaderMalformed", "", 400),
    ("ValidationError", "InvalidArgument", "", 400),
];

/// A refusal and its status as S3 gives them.
pub(in crate::practice) fn spoken(fault: Fault) -> (Fault, u16) {
    let status = fault.status();
    match WORDS.iter().find(|(code, ..)| *code == fault.code) {
        Some((_, code, sentence, status)) => (Fault::new(code, if sentence.is_empty() { fault.message } else { (*sentence).to_owned() }), *status),
        None => (fault, status),
    }
}

/// Temporary credentials whose token was never issued for them.
pub(in crate::practice) fn malformed_token() -> Fault {
    Fault::new("InvalidToken", "The provided token is malformed or otherwise invalid.")
}

/// A clock that is wrong.
pub(in crate::practice) fn skewed() -> Fault {
    Fault::new("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
}

/// A presigned link after its time, or before it.
pub(in crate::practice) fn link_out_of_time(late: bool) -> Fault {
    Fault::new("AccessDenied", if late { "Request has expired" } else { "Request is not yet valid" })
}
