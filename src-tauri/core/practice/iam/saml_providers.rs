//! SAML providers: create, show, list, change, delete; their tags.
//!
//! A provider is its metadata document, which must say who it is and what it signs with. Decrypting assertions with a private
//! key is not among what the practice account does.

use std::collections::BTreeMap;

use super::{
    MARKER, MAX_ITEMS, NEW_TAGS, TAGS, Targeted, everything,
    providers::{Provider, found, found_mut},
    tags,
};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        federation::{
            Metadata,
            providers::{Providers, SamlProvider},
        },
        fields::{Chars, Field, Rule, optional, required, text},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

/// How many an account may have.
const MOST: usize = 100;
const ARN: Field = required(SamlProvider::PARAM, text(20, 2048, Chars::Free));
const DOCUMENT: Rule = text(1000, 10_000_000, Chars::Secret);
const MODE: Field = optional("AssertionEncryptionMode", Rule::OneOf(&["Required", "Allowed"]));
const PRIVATE_KEY: Field = optional("AddPrivateKey", text(1, 16384, Chars::Secret));
/// AWS shows a date a hundred years away.
const VALID: time::Duration = time::Duration::days(36_525);

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreateSAMLProvider",
        |call| Ok((arn(call, call.params.text("Name")), Vec::new())),
        &[required("Name", text(1, 128, Chars::Provider)), required("SAMLMetadataDocument", DOCUMENT), TAGS, MODE, PRIVATE_KEY],
        create,
    ),
    iam(
        "UpdateSAMLProvider",
        target,
        &[ARN, optional("SAMLMetadataDocument", DOCUMENT), MODE, PRIVATE_KEY, optional("RemovePrivateKey", text(22, 64, Chars::KeyId))],
        update,
    ),
    iam("GetSAMLProvider", target, &[ARN], get),
    iam("ListSAMLProviders", everything, &[], list),
    iam("DeleteSAMLProvider", target, &[ARN], delete),
    iam("TagSAMLProvider", target, &[ARN, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagSAMLProvider", target, &[ARN, required("TagKeys", Rule::TagKeys)], |call| tags::remove(call, tagged)),
    iam("ListSAMLProviderTags", target, &[ARN, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
];

fn arn(call: &Exchange<'_>, name: &str) -> String {
    format!("arn:aws:iam::{}:saml-provider/{name}", call.principal.account)
}

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    Ok(&mut found_mut::<SamlProvider>(call)?.tags)
}

fn target(call: &Exchange<'_>) -> Targeted {
    let arn = call.params.text(SamlProvider::PARAM);
    Ok((arn.to_owned(), call.account()?.providers.saml.get(arn).map(|provider| provider.tags.clone()).unwrap_or_default()))
}

impl Provider for SamlProvider {
    const PARAM: &'static str = "SAMLProviderArn";
    const PART: &'static str = "saml-provider/";
    const INVALID: &'static str = "Invalid SAML provider ARN";
    const MISSING: &'static str = "Manifest not found for arn";

    fn all(providers: &Providers) -> &BTreeMap<String, Self> {
        &providers.saml
    }

    fn all_mut(providers: &mut Providers) -> &mut BTreeMap<String, Self> {
        &mut providers.saml
    }
}

fn parsed(document: &str) -> Outcome<Metadata> {
    Metadata::parse(document).ok_or_else(|| Fault::new("InvalidInput", "Could not parse metadata"))
}

/// There is no decryption, so what needs a private key is refused.
fn without_encryption(call: &Exchange<'_>) -> Outcome<()> {
    if call.params.get("AddPrivateKey").is_some() && call.params.get("RemovePrivateKey").is_some() {
        let message = "Unable to add and remove private keys in the same request. Set a value for only one of the two parameters.";
        return Err(Fault::new("InvalidInput", message));
    }
    if call.params.get("AddPrivateKey").is_some() {
        return Err(Fault::new("InvalidInput", "Invalid private key."));
    }
    if call.params.get("RemovePrivateKey").is_some() {
        return Err(Fault::new("InvalidInput", "Failed to remove private key because the Key ID does not match a private key."));
    }
    if call.params.get("AssertionEncryptionMode") == Some("Required") {
        return Err(Fault::new("InvalidInput", "Unable to set assertion encryption mode to Required because no private key is provided."));
    }
    Ok(())
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    without_encryption(call)?;
    let name = call.params.text("Name");
    let (arn, document) = (arn(call, name), call.params.text("SAMLMetadataDocument"));
    let (metadata, tags) = (parsed(document)?, tags::checked(call.params)?);
    let providers = &call.account()?.providers.saml;
    if providers.contains_key(&arn) {
        return Err(Fault::exists("Provider", name));
    }
    if providers.len() >= MOST {
        return Err(Fault::limit(format!("Cannot exceed quota for SAMLProvidersPerAccount: {MOST}")));
    }
    let id = call.state.draw.unique_id("SAMLSP");
    let provider = SamlProvider { id, arn: arn.clone(), document: document.to_owned(), metadata, created: call.now, updated: call.now, tags };
    let answer = Xml::new().text("SAMLProviderArn", &arn).join(tags::xml(&provider.tags));
    call.account_mut()?.providers.saml.insert(arn, provider);
    Ok(answer)
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = found::<SamlProvider>(call)?.arn.clone();
    without_encryption(call)?;
    let document = call.params.get("SAMLMetadataDocument").map(|document| Ok((document.to_owned(), parsed(document)?))).transpose()?;
    if document.is_none() && call.params.get("AssertionEncryptionMode").is_none() {
        return Err(Fault::new("InvalidInput", "Unable to update identity provider. No updates are defined for metadata or encryption assertion."));
    }
    let now = call.now;
    let provider = found_mut::<SamlProvider>(call)?;
    if let Some((document, metadata)) = document {
        (provider.document, provider.metadata, provider.updated) = (document, metadata, now);
    }
    Ok(Xml::new().text("SAMLProviderArn", arn))
}

fn dates(provider: &SamlProvider) -> Xml {
    Xml::new().text("ValidUntil", time_text(provider.updated + VALID)).text("CreateDate", time_text(provider.created))
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let provider = found::<SamlProvider>(call)?;
    Ok(Xml::new()
        .text("SAMLProviderUUID", &provider.id)
        .text("SAMLMetadataDocument", &provider.document)
        .join(dates(provider))
        .join(tags::xml(&provider.tags))
        .text("AssertionEncryptionMode", "Allowed")
        .list("PrivateKeyList", []))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let providers = call.account()?.providers.saml.values();
    Ok(Xml::new().list("SAMLProviderList", providers.map(|provider| Xml::new().text("Arn", &provider.arn).join(dates(provider)))))
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = found::<SamlProvider>(call)?.arn.clone();
    call.account_mut()?.providers.saml.remove(&arn);
    Ok(Xml::new())
}
