//! One bucket: its objects, and who may do what with them.
//!
//! A bucket is found in whatever account it is in, because names are global; its owner's policy decides over callers of other
//! accounts.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::no_such_bucket;
use crate::practice::{
    authorize::{Guard, Question},
    envelope::Object,
    exchange::Exchange,
    fault::{Fault, Outcome},
    ids::hex,
    state::Trust,
    time_text,
    xml::Xml,
};

/// A bucket with what is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Bucket {
    pub(in crate::practice) created: OffsetDateTime,
    /// Principals by unique ID, as in a trust policy.
    pub(in crate::practice) policy: Option<Trust>,
    /// Key to text.
    objects: BTreeMap<String, String>,
}

impl Bucket {
    /// With two things to read.
    pub(in crate::practice) fn toy(created: OffsetDateTime) -> Self {
        let hello = "This was read from the practice account's bucket: the credentials work, and a policy allowed it.\n";
        let report = "month,visitors\n2026-09,1204\n2026-10,1377\n";
        Self {
            created,
            policy: None,
            objects: [("hello.txt", hello), ("reports/visitors.csv", report)].map(|(key, text)| (key.to_owned(), text.to_owned())).into(),
        }
    }
}

/// The bucket of the call with the account that it is in.
pub(super) fn found<'a>(call: &'a Exchange<'_>) -> Outcome<(&'a str, &'a Bucket)> {
    let name = call.params.text("Bucket");
    let owner = call.state.accounts.values().find(|account| account.buckets.contains_key(name)).ok_or_else(no_such_bucket)?;
    Ok((&owner.id, owner.buckets.get(name).ok_or_else(no_such_bucket)?))
}

pub(super) fn policy_mut<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Option<Trust>> {
    let name = call.params.text("Bucket");
    let bucket = call.state.accounts.values_mut().find_map(|account| account.buckets.get_mut(name));
    Ok(&mut bucket.ok_or_else(no_such_bucket)?.policy)
}

/// Asks the caller's policies and the bucket's.
pub(super) fn permit(call: &Exchange<'_>, action: &str, key: Option<&str>) -> Outcome<()> {
    let (owner, bucket) = found(call)?;
    let name = call.params.text("Bucket");
    let resource = key.map_or_else(|| format!("arn:aws:s3:::{name}"), |key| format!("arn:aws:s3:::{name}/{key}"));
    let mut context = call.context()?;
    for (key, param) in [("s3:prefix", "prefix"), ("s3:delimiter", "delimiter"), ("s3:max-keys", "max-keys")] {
        if let Some(value) = call.params.get(param) {
            context.set(key, value);
        }
    }
    let guard = Guard::Bucket(bucket.policy.as_ref().map(|policy| &policy.document), owner);
    call.ask(&Question { principal: &call.principal, action, resource: &resource, context: &context, guard })
}

pub(super) fn nothing() -> Object {
    Object { body: Vec::new(), content_type: "", headers: Vec::new() }
}

pub(super) fn head(call: &mut Exchange<'_>) -> Outcome<Object> {
    permit(call, "s3:ListBucket", None)?;
    Ok(Object { body: Vec::new(), content_type: "application/xml", headers: vec![("x-amz-bucket-region", "us-east-1".to_owned())] })
}

pub(super) fn location(call: &mut Exchange<'_>) -> Outcome<Xml> {
    permit(call, "s3:GetBucketLocation", None)?;
    Ok(Xml::new())
}

pub(super) fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    permit(call, "s3:ListBucket", None)?;
    let (_, bucket) = found(call)?;
    let (prefix, delimiter) = (call.params.get("prefix").unwrap_or_default(), call.params.get("delimiter").filter(|text| !text.is_empty()));
    let most = call.params.get("max-keys").and_then(|text| text.parse().ok()).unwrap_or(1000_usize).min(1000);
    let (mut folders, mut contents) = (Vec::new(), Vec::new());
    for (key, text) in bucket.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let folder = delimiter.and_then(|delimiter| key[prefix.len()..].split_once(delimiter).map(|(folder, _)| format!("{prefix}{folder}{delimiter}")));
        match folder {
            Some(folder) if folders.last() == Some(&folder) => {}
            Some(folder) => folders.push(folder),
            None => contents.push((key, text)),
        }
    }
    let truncated = folders.len() + contents.len() > most;
    contents.truncate(most.saturating_sub(folders.len()));
    let mut xml = Xml::new()
        .text("Name", call.params.text("Bucket"))
        .text("Prefix", prefix)
        .maybe("Delimiter", delimiter)
        .text("KeyCount", (contents.len() + folders.len()).to_string())
        .text("MaxKeys", most.to_string())
        .text("IsTruncated", if truncated { "true" } else { "false" });
    for (key, text) in contents {
        let object = Xml::new().text("Key", key).text("LastModified", time_text(bucket.created)).text("ETag", etag(text));
        xml = xml.element("Contents", object.text("Size", text.len().to_string()).text("StorageClass", "STANDARD"));
    }
    Ok(folders.into_iter().fold(xml, |xml, folder| xml.element("CommonPrefixes", Xml::new().text("Prefix", folder))))
}

/// Half of a SHA-256: S3's tags are opaque, and MD5 is for nothing else here.
fn etag(text: &str) -> String {
    format!("\"{}\"", hex(&Sha256::digest(text)[..16]))
}

pub(super) fn object(call: &mut Exchange<'_>) -> Outcome<Object> {
    let key = call.params.text("Key");
    permit(call, "s3:GetObject", Some(key))?;
    let (_, bucket) = found(call)?;
    let Some(text) = bucket.objects.get(key) else {
        // Whoever may not list the bucket is not told what is missing.
        permit(call, "s3:ListBucket", None)?;
        return Err(Fault::new("NoSuchKey", "The specified key does not exist."));
    };
    let modified = bucket.created.to_offset(time::UtcOffset::UTC).format(crate::practice::server::HTTP_DATE).unwrap_or_default();
    let checksum = STANDARD.encode(Sha256::digest(text));
    Ok(Object {
        body: text.as_bytes().to_vec(),
        content_type: "text/plain",
        headers: vec![("etag", etag(text)), ("last-modified", modified), ("accept-ranges", "bytes".to_owned()), ("x-amz-checksum-sha256", checksum)],
    })
}
