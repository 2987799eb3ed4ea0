//! `requestParameters` and `responseElements`: what was asked and answered, nested and named as CloudTrail has it.
//!
//! Parameters are remembered flat (`Tags.member.1.Key`), answers as the elements that were sent, both without their secrets.
//! Names begin with a small letter, lists have no `member`, numbers and booleans are none of text, moments are written out.

use serde_json::{Map, Value};
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use super::super::{record::Call, table};

/// Elements that hold a moment.
const MOMENTS: [&str; 3] = ["expiration", "createDate", "updateDate"];
/// Elements that hold a number or a boolean.
const PLAIN: [&str; 5] = ["maxSessionDuration", "packedPolicySize", "attachmentCount", "permissionsBoundaryUsageCount", "isAttachable"];
/// Longer lists than are ever remembered.
const MEMBERS: usize = 1000;

/// `null` where nothing was asked for.
pub(super) fn request(event: &Call) -> Value {
    let mut all = Value::Null;
    let fields = table::named(event.service, &event.action).map_or(&[][..], |action| action.fields);
    for (name, text) in &event.request {
        let plain = fields.iter().any(|field| field.is_plain(name));
        // S3 calls them so.
        let name = if event.service == "s3" && name == "Bucket" { "BucketName" } else { name };
        put(&mut all, &mut name.split('.'), if plain { bare(text) } else { text.as_str().into() });
    }
    all
}

/// `null` where nothing was answered, and for calls that only read.
pub(super) fn response(event: &Call) -> Value {
    event.response.as_deref().and_then(|text| inside("", text)).unwrap_or_default()
}

/// As CloudTrail spells names.
fn small(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// A number or a boolean; what is neither stays text.
fn bare(text: &str) -> Value {
    text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<bool>().map(Value::from)).unwrap_or_else(|_| text.into())
}

/// Puts a value where its path says.
fn put<'a>(at: &mut Value, path: &mut impl Iterator<Item = &'a str>, value: Value) {
    match path.next() {
        None => *at = value,
        Some("member") => {
            let index = path.next().and_then(|index| index.parse::<usize>().ok()).filter(|index| (1..=MEMBERS).contains(index));
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            if let (Some(index), Some(list)) = (index, at.as_array_mut()) {
                list.resize(list.len().max(index), Value::Null);
                put(&mut list[index - 1], path, value);
            }
        }
        Some(name) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            if let Some(members) = at.as_object_mut() {
                put(members.entry(small(name)).or_insert(Value::Null), path, value);
            }
        }
    }
}

/// What stands inside an element. `None`: nothing.
fn inside(name: &str, text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    if !text.starts_with('<') {
        return Some(if MOMENTS.contains(&name) {
            moment(text)
        } else if PLAIN.contains(&name) {
            bare(text)
        } else {
            unescaped(text).into()
        });
    }
    let (mut members, mut list, mut rest) = (Map::new(), Vec::new(), text);
    while let Some((tag, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let (content, after) = element(tag, after)?;
        rest = after;
        match (tag, inside(&small(tag), content)) {
            ("member", Some(value)) => list.push(value),
            (_, Some(value)) => drop(members.insert(small(tag), value)),
            (_, None) => {}
        }
    }
    Some(if list.is_empty() { Value::Object(members) } else { Value::Array(list) })
}

/// The content of an element that has been opened, and what follows it. No element of ours stands in one of its own name,
/// but for `member`.
fn element<'a>(tag: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let (mut depth, mut from) = (0_usize, 0);
    loop {
        let end = from + text.get(from..)?.find(&close)?;
        depth += text.get(from..end)?.matches(&open).count();
        if depth == 0 {
            return Some((text.get(..end)?, text.get(end + close.len()..)?));
        }
        depth -= 1;
        from = end + close.len();
    }
}

/// `Nov 23, 2026, 9:00:00 AM`
fn moment(text: &str) -> Value {
    let written = format_description!("[month repr:short] [day padding:none], [year], [hour repr:12 padding:none]:[minute]:[second] [period]");
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(|at| at.format(written).ok()).map_or_else(|| text.into(), Value::from)
}

/// Text as it was before it became XML.
fn unescaped(text: &str) -> String {
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#xD;", "\r"), ("&amp;", "&")];
    signs.into_iter().fold(text.to_owned(), |text, (written, sign)| text.replace(written, sign))
}
