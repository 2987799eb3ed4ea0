//! The AWS managed policies that people attach first, from `aws_policies.json`: path and name to statements.
//!
//! Their permissions are AWS's where these are short; the long lists are shortened. They have one version each, and nobody
//! can change them. The policies of service-linked roles are here too, because such a role has one.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::macros::datetime;

use super::{SERVICES, service_linked};
use crate::{
    policy::{Document, Shape},
    practice::{
        ids::base32,
        state::{ManagedPolicy, PolicyVersion},
    },
};

const POLICIES: &str = include_str!("aws_policies.json");

/// By ARN.
pub(in crate::practice) fn all() -> BTreeMap<String, ManagedPolicy> {
    let written: BTreeMap<String, Value> = serde_json::from_str(POLICIES).unwrap_or_default();
    let written = written.into_iter().map(|(place, statements)| (place, statements.to_string()));
    // What AWS lets its services do is not what a person learns here, so it is the service's own API.
    let linked = service_linked::policies().map(|(name, service)| {
        let prefix = service.split('.').next().unwrap_or_default();
        (format!("{SERVICES}{name}"), format!(r#"[{{"Effect":"Allow","Action":"{prefix}:*","Resource":"*"}}]"#))
    });
    let policies = written.chain(linked).filter_map(|(place, statements)| policy(&place, &statements));
    policies.map(|policy| (policy.arn.clone(), policy)).collect()
}

fn policy(place: &str, statements: &str) -> Option<ManagedPolicy> {
    let created = datetime!(2015-02-06 18:39:46 UTC);
    let (path, name) = place.rsplit_once('/')?;
    let document = Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#), Shape::Identity).ok()?;
    let digits = &base32(&Sha256::digest(name))[..17];
    Some(ManagedPolicy {
        name: name.to_owned(),
        path: format!("{path}/"),
        id: format!("ANPA{digits}"),
        arn: format!("arn:aws:iam::aws:policy{place}"),
        description: None,
        created,
        updated: created,
        versions: vec![PolicyVersion { number: 1, document, created }],
        default_version: 1,
        next_version: 2,
        tags: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn every_row_is_a_policy() {
        let written: BTreeMap<String, serde_json::Value> = serde_json::from_str(super::POLICIES).expect("JSON");
        let all = super::all();
        for place in written.keys() {
            assert!(all.contains_key(&format!("arn:aws:iam::aws:policy{place}")), "{place}");
        }
        assert!(all.contains_key("arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"));
        let ids: std::collections::BTreeSet<_> = all.values().map(|policy| &policy.id).collect();
        assert_eq!(ids.len(), all.len(), "each has an ID of its own");
    }
}
