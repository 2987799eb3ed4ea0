//! What AWS accepts as a name, a path and tags: told before anything is read.
//!
//! A mistake comes back as a sentence about its field, in AWS’s own rules.

use crate::{
    error::{Error, Result},
    model::setup::Tag,
};

/// A name of IAM, without the space around it.
pub(super) fn name(what: &str, name: &str, longest: usize) -> Result<String> {
    let name = name.trim();
    let valid = (1..=longest).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b));
    if valid { Ok(name.to_owned()) } else { Err(Error::invalid(what, name, &format!("1 to {longest} letters, digits and +=,.@-_"))) }
}

/// A path: `/`, or `/people/`.
pub(super) fn path(path: Option<&str>) -> Result<String> {
    let path = path.map(str::trim).filter(|path| !path.is_empty()).unwrap_or("/");
    let valid = path.len() <= 512 && path.starts_with('/') && path.ends_with('/') && path.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if valid { Ok(path.to_owned()) } else { Err(Error::invalid("path", path, "a text that begins and ends with a slash, such as /people/")) }
}

/// Tags: keys once each, no `aws:` in front.
pub(super) fn tags(tags: &[Tag]) -> Result<()> {
    if tags.len() > 50 {
        return Err(Error::invalid("number of tags", &tags.len().to_string(), "at most 50"));
    }
    for (at, tag) in tags.iter().enumerate() {
        let (key, value) = (tag.key.chars().count(), tag.value.chars().count());
        if !(1..=128).contains(&key) || tag.key.to_lowercase().starts_with("aws:") {
            return Err(Error::invalid("tag key", &tag.key, "1 to 128 characters that do not begin with aws:"));
        }
        if value > 256 {
            return Err(Error::invalid("tag value", &tag.value, "at most 256 characters"));
        }
        if tags[..at].iter().any(|other| other.key.eq_ignore_ascii_case(&tag.key)) {
            return Err(Error::invalid("tag key", &tag.key, "each key once"));
        }
    }
    Ok(())
}
