//! The attributes of an assertion: AWS's own, and those that become condition keys.
//!
//! Names that AWS does not know are left alone, as AWS leaves them.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::{Tags, invalid, saml::SAML, session_name, source_identity, tree};
use crate::{model::params::SessionTag, practice::fault::Outcome};

const OWN: &str = "https://aws.amazon.com/SAML/Attributes/";
const CLAIMS: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/";
const GROUP: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid";

/// What comes after [`CLAIMS`], and the condition key.
const OF_CLAIMS: [(&str, &str); 6] =
    [("name", "name"), ("CommonName", "commonName"), ("givenname", "givenName"), ("surname", "surname"), ("emailaddress", "mail"), ("uid", "uid")];

/// What comes after `urn:oid:`, and the condition key.
const OF_OIDS: [(&str, &str); 23] = [
    ("1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation"),
    ("1.3.6.1.4.1.5923.1.1.1.2", "eduPersonNickname"),
    ("1.3.6.1.4.1.5923.1.1.1.3", "eduPersonOrgDN"),
    ("1.3.6.1.4.1.5923.1.1.1.4", "eduPersonOrgUnitDN"),
    ("1.3.6.1.4.1.5923.1.1.1.5", "eduPersonPrimaryAffiliation"),
    ("1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName"),
    ("1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement"),
    ("1.3.6.1.4.1.5923.1.1.1.8", "eduPersonPrimaryOrgUnitDN"),
    ("1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation"),
    ("1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID"),
    ("1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance"),
    ("1.3.6.1.4.1.5923.1.2.1.2", "eduOrgHomePageURI"),
    ("1.3.6.1.4.1.5923.1.2.1.3", "eduOrgIdentityAuthNPolicyURI"),
    ("1.3.6.1.4.1.5923.1.2.1.4", "eduOrgLegalName"),
    ("1.3.6.1.4.1.5923.1.2.1.5", "eduOrgSuperiorURI"),
    ("1.3.6.1.4.1.5923.1.2.1.6", "eduOrgWhitePagesURI"),
    ("2.5.4.3", "commonName"),
    ("2.5.4.4", "surname"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("0.9.2342.19200300.100.1.3", "mail"),
    ("0.9.2342.19200300.100.1.45", "organizationStatus"),
];

/// What an assertion says of the session that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) struct Attributes {
    /// Pairs of ARNs, each of a role and a provider, in either order.
    roles: Vec<(String, String)>,
    pub(in crate::practice) session_name: String,
    pub(in crate::practice) source_identity: Option<String>,
    pub(in crate::practice) tags: Tags,
    /// `saml:…` with their values.
    pub(in crate::practice) keys: Vec<(String, Vec<String>)>,
}

impl Attributes {
    pub(super) fn read(assertion: Node<'_, '_>) -> Outcome<Self> {
        let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for statement in tree::children(assertion, (SAML, "AttributeStatement")) {
            for attribute in tree::children(statement, (SAML, "Attribute")) {
                let found = tree::children(attribute, (SAML, "AttributeValue")).map(tree::text);
                values.entry(attribute.attribute("Name").unwrap_or_default()).or_default().extend(found);
            }
        }
        let own = |name: &str| values.get(format!("{OWN}{name}").as_str()).map(Vec::as_slice).unwrap_or_default();
        let roles = own("Role").iter().filter_map(|pair| pair.split_once(',')).map(|(one, other)| (one.trim().to_owned(), other.trim().to_owned())).collect();
        let name = own("RoleSessionName").first().ok_or_else(|| invalid("RoleSessionName is required in AuthnResponse"))?;
        if !session_name(name) {
            return Err(invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
        }
        if let Some(seconds) = own("SessionDuration").first()
            && !seconds.parse::<u32>().is_ok_and(|seconds| (900..=43200).contains(&seconds))
        {
            return Err(invalid("SessionDuration in AuthnResponse must be a number from 900 to 43200"));
        }
        let prefix = format!("{OWN}PrincipalTag:");
        let mut tags = Vec::new();
        for (name, values) in &values {
            let Some(key) = name.strip_prefix(&prefix) else { continue };
            let [value] = values.as_slice() else { return Err(invalid("Session tags must have exactly one value")) };
            tags.push(SessionTag { key: key.to_owned(), value: value.clone() });
        }
        Ok(Self {
            roles,
            session_name: name.clone(),
            source_identity: own("SourceIdentity").first().map(|identity| source_identity(identity)).transpose()?,
            tags: Tags::checked(tags, own("TransitiveTagKeys").to_vec())?,
            keys: values.iter().filter_map(|(name, values)| Some((format!("saml:{}", key(name)?), values.clone()))).collect(),
        })
    }

    /// Whether the provider offers this role.
    pub(in crate::practice) fn offers(&self, role: &str, provider: &str) -> bool {
        self.roles.iter().any(|(one, other)| (one == role && other == provider) || (one == provider && other == role))
    }
}

/// The condition key that an attribute becomes.
fn key(name: &str) -> Option<&'static str> {
    let named = |table: &[(&str, &'static str)], name: &str| table.iter().find(|(own, _)| *own == name).map(|(_, key)| *key);
    if name == GROUP {
        return Some("primaryGroupSID");
    }
    name.strip_prefix(CLAIMS).and_then(|rest| named(&OF_CLAIMS, rest)).or_else(|| name.strip_prefix("urn:oid:").and_then(|oid| named(&OF_OIDS, oid)))
}
