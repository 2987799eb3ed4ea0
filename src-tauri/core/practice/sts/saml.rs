//! AssumeRoleWithSAML: a role for whoever a SAML provider of the account vouches for. Nobody signs the call.
//!
//! The response must offer this role with this provider; then the role's trust policy decides.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest;

use crate::practice::{
    fault::Outcome,
    federation::{Unsigned, Vouched, account_of_role, assume, denied, invalid, saml},
    xml::Xml,
};

const OPERATION: &str = "AssumeRoleWithSAML";

pub(in crate::practice) fn run(call: &mut Unsigned<'_>) -> Outcome<Xml> {
    let (role, arn) = (call.params.text("RoleArn"), call.params.text("PrincipalArn"));
    let account = account_of_role(role)?;
    let response = saml::decode(call.params.text("SAMLAssertion"))?;
    let provider = call.state.seen().accounts.get(account).and_then(|account| account.providers.saml.get(arn)).ok_or_else(|| {
        let detail = "(Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlManifestNotFoundException)";
        invalid(&format!("Specified provider doesn't exist {detail}"))
    })?;
    let assertion = saml::read(&response, &provider.metadata, call.now)?;
    arn.clone_into(&mut call.call.principal_arn);
    account.clone_into(&mut call.call.account_id);
    if !assertion.attributes.offers(role, arn) {
        return Err(denied(OPERATION));
    }
    let name = arn.rsplit('/').next().unwrap_or_default();
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("{}{account}/{name}", assertion.issuer).as_bytes());
    let qualifier = STANDARD.encode(hash);
    call.call.principal_id = format!("{qualifier}:{}", assertion.subject);
    let single = [
        ("saml:aud", assertion.recipient.clone()),
        ("saml:iss", assertion.issuer.clone()),
        ("saml:sub", assertion.subject.clone()),
        ("saml:sub_type", assertion.subject_type.clone()),
        ("saml:namequalifier", qualifier.clone()),
        ("saml:doc", format!("{account}/{name}")),
    ];
    let attributes = assertion.attributes;
    let keys = attributes.keys.into_iter().chain(single.map(|(key, value)| (key.to_owned(), vec![value]))).collect();
    let vouched = Vouched {
        operation: OPERATION,
        provider: arn.to_owned(),
        session_name: attributes.session_name,
        source_identity: attributes.source_identity,
        tags: attributes.tags,
        keys,
        until: assertion.until,
    };
    Ok(assume(call, vouched)?
        .text("Subject", assertion.subject)
        .text("SubjectType", assertion.subject_type)
        .text("Issuer", assertion.issuer)
        .text("Audience", assertion.recipient)
        .text("NameQualifier", qualifier))
}
