//! A SAML response as AWS reads it: signed by the provider, for AWS, now, with one assertion; then what the assertion says.
//!
//! Refusals and their order are AWS's. Not here: whether the role trusts the provider, which is for its trust policy.

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    attributes::Attributes,
    dsig::{Signed, signed},
    invalid,
    metadata::Metadata,
    tree::{self, children, text},
};
use crate::practice::fault::{Fault, Outcome};

pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const FORMATS: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// How old an assertion may be, and by how much the provider's clock may be ahead.
const FRESH: Duration = Duration::minutes(5);

/// What a response says, once it is believed.
pub(in crate::practice) struct Assertion {
    pub(in crate::practice) issuer: String,
    pub(in crate::practice) subject: String,
    /// The format of the name, without SAML 2.0's own prefix.
    pub(in crate::practice) subject_type: String,
    /// The sign-in address that it was made for.
    pub(in crate::practice) recipient: String,
    /// The session at the provider ends then, and so does AWS's.
    pub(in crate::practice) until: Option<OffsetDateTime>,
    pub(in crate::practice) attributes: Attributes,
}

/// Decodes the parameter; what is inside is not believed yet.
pub(in crate::practice) fn decode(parameter: &str) -> Outcome<String> {
    let compact: String = parameter.split_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_| invalid("Invalid base64 SAMLResponse"))?;
    String::from_utf8(bytes).map_err(|_| malformed())
}

/// Reads a response of the provider.
pub(in crate::practice) fn read(xml: &str, provider: &Metadata, now: OffsetDateTime) -> Outcome<Assertion> {
    let document = tree::document(xml).ok_or_else(malformed)?;
    let assertion = believed(&document, provider)?;
    if assertion.attribute("Version") != Some("2.0") {
        return Err(malformed());
    }
    let issued = instant(assertion, "IssueInstant")?.ok_or_else(malformed)?;
    // Its age: whatever moment somebody else writes, a difference cannot leave the calendar.
    let age = now - issued;
    if age >= FRESH {
        return Err(expired());
    }
    if age <= -FRESH {
        return Err(early());
    }
    conditions(assertion, now)?;
    let subject = children(assertion, (SAML, "Subject")).next().ok_or_else(malformed)?;
    let name = children(subject, (SAML, "NameID")).next().filter(|name| !text(*name).is_empty()).ok_or_else(malformed)?;
    let format = name.attribute("Format").unwrap_or(UNSPECIFIED);
    let mut until = None;
    for statement in children(assertion, (SAML, "AuthnStatement")) {
        let end = instant(statement, "SessionNotOnOrAfter")?;
        until = until.into_iter().chain(end).min();
    }
    if until.is_some_and(|until| until <= now) {
        return Err(expired());
    }
    Ok(Assertion {
        issuer: provider.entity_id.clone(),
        subject: text(name),
        subject_type: format.strip_prefix(FORMATS).unwrap_or(format).to_owned(),
        recipient: recipient(subject, now)?,
        until,
        attributes: Attributes::read(assertion)?,
    })
}

/// The one assertion of a response, when the provider's signature covers it.
fn believed<'a, 'input>(document: &'a Document<'input>, provider: &Metadata) -> Outcome<Node<'a, 'input>> {
    let response = document.root_element();
    if !response.has_tag_name((SAMLP, "Response")) {
        return Err(malformed());
    }
    let status = children(response, (SAMLP, "Status")).next().and_then(|status| children(status, (SAMLP, "StatusCode")).next());
    if status.and_then(|code| code.attribute("Value")) != Some(SUCCESS) {
        return Err(Fault::new("IDPRejectedClaim", "The identity provider reported that authentication failed."));
    }
    // Exactly one, and none hidden anywhere else: otherwise one could be verified and another one read.
    let mut everywhere = document.descendants().filter(|node| node.is_element() && node.tag_name().name() == "Assertion");
    let assertion = everywhere.next().filter(|_| everywhere.next().is_none());
    let assertion = assertion.filter(|assertion| assertion.has_tag_name((SAML, "Assertion")) && assertion.parent() == Some(response)).ok_or_else(malformed)?;
    let issuers = children(assertion, (SAML, "Issuer")).chain(children(response, (SAML, "Issuer")));
    let issuers: Vec<_> = issuers.map(text).collect();
    if issuers.is_empty() || issuers.iter().any(|issuer| *issuer != provider.entity_id) {
        let detail = "(Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlInvalidSamlResponseException)";
        return Err(invalid(&format!("Issuer not present in specified provider {detail}")));
    }
    match (signed(response, &provider.keys), signed(assertion, &provider.keys)) {
        (Signed::Yes, Signed::Yes | Signed::No) | (Signed::No, Signed::Yes) => Ok(assertion),
        (Signed::Wrong, _) | (_, Signed::Wrong) | (Signed::No, Signed::No) => Err(invalid("Response signature invalid")),
    }
}

/// When and for whom.
fn conditions(assertion: Node<'_, '_>, now: OffsetDateTime) -> Outcome<()> {
    let conditions: Vec<_> = children(assertion, (SAML, "Conditions")).collect();
    for conditions in &conditions {
        within(*conditions, now)?;
    }
    let restrictions: Vec<_> = conditions.iter().flat_map(|conditions| children(*conditions, (SAML, "AudienceRestriction"))).collect();
    let ours =
        |restriction: &Node<'_, '_>| children(*restriction, (SAML, "Audience")).map(text).any(|name| name == "urn:amazon:webservices" || is_sign_in(&name));
    if restrictions.is_empty() || !restrictions.iter().all(ours) {
        return Err(invalid("Response does not contain the required audience."));
    }
    Ok(())
}

/// The address that a bearer may present it at, which must be AWS's.
fn recipient(subject: Node<'_, '_>, now: OffsetDateTime) -> Outcome<String> {
    let confirmations: Vec<_> = children(subject, (SAML, "SubjectConfirmation")).collect();
    // Exactly one, says AWS: with two it would not be clear whom the assertion is for.
    if confirmations.len() != 1 {
        return Err(malformed());
    }
    let bearer = confirmations.into_iter().filter(|confirmation| confirmation.attribute("Method") == Some(BEARER));
    let data = bearer.flat_map(|confirmation| children(confirmation, (SAML, "SubjectConfirmationData")));
    let data = data.into_iter().find_map(|data| Some((data, data.attribute("Recipient").filter(|recipient| is_sign_in(recipient))?)));
    let (data, recipient) = data.ok_or_else(|| invalid("SAML Assertion doesn't contain the required Recipient"))?;
    if data.attribute("NotOnOrAfter").is_none() {
        return Err(malformed());
    }
    within(data, now)?;
    Ok(recipient.to_owned())
}

fn within(node: Node<'_, '_>, now: OffsetDateTime) -> Outcome<()> {
    if instant(node, "NotOnOrAfter")?.is_some_and(|end| end <= now) {
        return Err(expired());
    }
    if instant(node, "NotBefore")?.is_some_and(|start| start > now) {
        return Err(early());
    }
    Ok(())
}

fn instant(node: Node<'_, '_>, name: &str) -> Outcome<Option<OffsetDateTime>> {
    node.attribute(name).map(|text| OffsetDateTime::parse(text, &Rfc3339).map_err(|_| malformed())).transpose()
}

/// AWS's sign-in address: the global one or a Region's, with or without a provider's own path.
fn is_sign_in(address: &str) -> bool {
    let Some((host, path)) = address.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let region = host.strip_suffix("signin.aws.amazon.com");
    let host = region.is_some_and(|region| region.is_empty() || region.strip_suffix('.').is_some_and(crate::practice::regions::known));
    host && (path == "saml" || path.strip_prefix("saml/acs/").is_some_and(|provider| provider.starts_with("SAMLSP")))
}

fn malformed() -> Fault {
    invalid("Invalid SAMLResponse")
}

fn early() -> Fault {
    invalid("SAML Assertion is not valid yet")
}

fn expired() -> Fault {
    Fault::new("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
}
