//! S3 as far as `aws s3 ls` goes: the buckets of the account, so that a role's use can be felt.
//!
//! The buckets hold nothing. S3 speaks REST, not Query: so it has its own envelope and finds its action by method and path.

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    xml::Xml,
};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

pub(super) fn list_buckets(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let created = super::time_text(account.created);
    let buckets = ["practice-logs", "practice-reports"]
        .iter()
        .fold(Xml::new(), |list, name| list.element("Bucket", Xml::new().text("Name", format!("{name}-{}", account.id)).text("CreationDate", &created)));
    let owner = Xml::new().text("ID", super::ids::base32(account.id.as_bytes())).text("DisplayName", account.alias.as_deref().unwrap_or("practice"));
    Ok(Xml::new().element("Owner", owner).element("Buckets", buckets))
}

/// S3 has envelopes of its own, and its own codes for what the others call by another name.
pub(super) fn body(outcome: Outcome<Xml>, request_id: &str) -> String {
    let inside = match outcome {
        Ok(result) => {
            return format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListAllMyBucketsResult xmlns=\"{NAMESPACE}\">{}</ListAllMyBucketsResult>",
                result.into_string()
            );
        }
        Err(Fault { code, message }) => {
            let code = match code.as_str() {
                "InvalidClientTokenId" => "InvalidAccessKeyId",
                "MissingAuthenticationToken" => "AccessDenied",
                other => other,
            };
            Xml::new().text("Code", code).text("Message", message).text("RequestId", request_id)
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>{}</Error>", inside.into_string())
}
