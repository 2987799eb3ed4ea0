//! Trust policies as IAM keeps them: users and roles by unique ID, so that a name that is used again is somebody else.
//!
//! Whoever is named must exist when the policy is put. Shown, a principal has its ARN of today, or the bare unique ID when
//! it was deleted.

use std::collections::BTreeMap;

use crate::{
    policy::{
        Document, Shape,
        document::{PrincipalKind, PrincipalName},
    },
    practice::{
        fault::{Fault, Outcome},
        state::{State, Trust, by_id},
    },
};

/// What a trust policy may take up.
const LARGEST: usize = 2048;
/// Identity providers that need no registration.
const PROVIDERS: [&str; 4] = ["accounts.google.com", "www.amazon.com", "graph.facebook.com", "cognito-identity.amazonaws.com"];

pub(super) fn parse(state: &State, text: &str) -> Outcome<Trust> {
    let document = Document::parse(text, Shape::Trust).map_err(|malformed| Fault::new("MalformedPolicyDocument", malformed.0))?;
    if document.size() > LARGEST {
        return Err(Fault::limit(format!("Cannot exceed quota for ACLSizePerRole: {LARGEST}")));
    }
    keep(state, document)
}

/// The policy of a resource with its users and roles by unique ID. Whoever is named must exist.
pub(in crate::practice) fn keep(state: &State, mut document: Document) -> Outcome<Trust> {
    let mut named = BTreeMap::new();
    for principal in document.principals_mut() {
        resolve(state, principal, &mut named)?;
    }
    Ok(Trust { document, named })
}

fn resolve(state: &State, principal: &mut PrincipalName, named: &mut BTreeMap<String, String>) -> Outcome<()> {
    let invalid = |word: &str, name: &str| Err(Fault::new("MalformedPolicyDocument", format!("Invalid principal in policy: \"{word}\":\"{name}\"")));
    let name = principal.name.clone();
    match principal.kind {
        PrincipalKind::Aws if name.starts_with("AIDA") || name.starts_with("AROA") => {
            if by_id(state.seen().accounts, &name).is_some() {
                Ok(())
            } else {
                invalid("AWS", &name)
            }
        }
        PrincipalKind::Aws if name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit()) => {
            // IAM keeps an account's number as the ARN of its root.
            principal.name = format!("arn:aws:iam::{name}:root");
            named.insert(principal.name.clone(), name);
            Ok(())
        }
        PrincipalKind::Aws => {
            let parts: Vec<_> = name.splitn(6, ':').collect();
            let ["arn", _, "iam", _, account, path] = parts.as_slice() else { return Ok(()) };
            if *path == "root" {
                return Ok(());
            }
            let Some(id) = state.seen().accounts.get(*account).and_then(|account| account.unique_id(&name)) else { return invalid("AWS", &name) };
            id.clone_into(&mut principal.name);
            named.insert(id.to_owned(), name);
            Ok(())
        }
        PrincipalKind::Service => {
            let service = name.strip_suffix(".cn").unwrap_or(&name).strip_suffix(".amazonaws.com").is_some_and(|service| !service.is_empty());
            if service { Ok(()) } else { invalid("SERVICE", &name) }
        }
        PrincipalKind::Federated => {
            let provider = PROVIDERS.contains(&name.as_str()) || name.contains(":saml-provider/") || name.contains(":oidc-provider/");
            if provider { Ok(()) } else { invalid("FEDERATED", &name) }
        }
        PrincipalKind::CanonicalUser => invalid("CANONICALUSER", &name),
    }
}

/// The text as GetRole gives it.
pub(in crate::practice) fn shown(state: &State, trust: &Trust) -> String {
    let mut text = trust.document.text().to_owned();
    for (id, written) in &trust.named {
        let account = written.split(':').nth(4).and_then(|account| state.accounts.get(account));
        if account.and_then(|account| account.unique_id(written)) == Some(id) {
            continue;
        }
        let current = by_id(&state.accounts, id).map_or(id, |(_, entity)| &entity.arn);
        if current != written {
            text = with_principal(&text, written, current);
        }
    }
    text
}

/// The text with another principal in the place of one: only where principals stand, because conditions may name it too.
fn with_principal(text: &str, old: &str, new: &str) -> String {
    const AWS: &str = "\"AWS\"";
    let (old, new) = (format!("\"{old}\""), format!("\"{new}\""));
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(AWS) {
        out.push_str(before);
        out.push_str(AWS);
        // Its value: one name or a list of names, neither of which holds a quotation mark or a bracket.
        let value = match after.trim_start().strip_prefix(':').map(str::trim_start) {
            Some(value) if value.starts_with('[') => value.find(']'),
            Some(value) if value.starts_with('"') => value[1..].find('"').map(|end| end + 1),
            Some(_) | None => None,
        };
        let start = after.find(['[', '"']).unwrap_or(0);
        let (names, tail) = after.split_at(value.map_or(0, |end| start + end + 1));
        out.push_str(&names.replace(&old, &new));
        rest = tail;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::with_principal;

    #[test]
    fn only_principals_are_replaced() {
        let text = r#"{"Statement":[{"Principal":{"AWS" : ["a", "b"]},"Condition":{"StringEquals":{"k":"a"}}},{"Principal":{"AWS":"a"}},{"Sid":"AWS"}]}"#;
        let expected = r#"{"Statement":[{"Principal":{"AWS" : ["z", "b"]},"Condition":{"StringEquals":{"k":"a"}}},{"Principal":{"AWS":"z"}},{"Sid":"AWS"}]}"#;
        assert_eq!(with_principal(text, "a", "z"), expected);
    }
}
