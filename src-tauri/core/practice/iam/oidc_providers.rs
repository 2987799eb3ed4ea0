//! OIDC providers: create, show, list, delete; their client IDs, thumbprints and tags.
//!
//! AWS takes HTTPS only. Here a provider on a loopback address may speak HTTP and have a port, because that is the only kind
//! the practice account ever asks for keys. AWS looks up a missing thumbprint by itself; here it stays missing.

use std::collections::BTreeMap;

use url::Url;

use super::{
    MARKER, MAX_ITEMS, NEW_TAGS, TAGS, Targeted, everything,
    providers::{Provider, checked, found, found_mut},
    tags,
};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        federation::{
            addresses,
            providers::{OidcProvider, Providers},
        },
        fields::{Chars, Field, Rule, required, text},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

/// How many an account may have.
const MOST: usize = 100;
const MOST_CLIENTS: usize = 100;
const MOST_THUMBPRINTS: usize = 5;
const ARN: Field = required(OidcProvider::PARAM, text(20, 2048, Chars::Free));
const CLIENT: Field = required("ClientID", text(1, 255, Chars::Free));

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreateOpenIDConnectProvider",
        |call| Ok((arn(call, call.params.text("Url")), Vec::new())),
        &[required("Url", text(1, 255, Chars::Free)), TAGS],
        create,
    ),
    iam("GetOpenIDConnectProvider", target, &[ARN], get),
    iam("ListOpenIDConnectProviders", everything, &[], list),
    iam("DeleteOpenIDConnectProvider", target, &[ARN], delete),
    iam("AddClientIDToOpenIDConnectProvider", target, &[ARN, CLIENT], add_client),
    iam("RemoveClientIDFromOpenIDConnectProvider", target, &[ARN, CLIENT], remove_client),
    iam("UpdateOpenIDConnectProviderThumbprint", target, &[ARN], update_thumbprints),
    iam("TagOpenIDConnectProvider", target, &[ARN, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagOpenIDConnectProvider", target, &[ARN, required("TagKeys", Rule::TagKeys)], |call| tags::remove(call, tagged)),
    iam("ListOpenIDConnectProviderTags", target, &[ARN, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
];

fn arn(call: &Exchange<'_>, url: &str) -> String {
    let name = url.split_once("://").map_or(url, |(_, name)| name);
    format!("arn:aws:iam::{}:oidc-provider/{name}", call.principal.account)
}

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    Ok(&mut found_mut::<OidcProvider>(call)?.tags)
}

fn target(call: &Exchange<'_>) -> Targeted {
    let arn = call.params.text(OidcProvider::PARAM);
    Ok((arn.to_owned(), call.account()?.providers.oidc.get(arn).map(|provider| provider.tags.clone()).unwrap_or_default()))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

impl Provider for OidcProvider {
    const PARAM: &'static str = "OpenIDConnectProviderArn";
    const PART: &'static str = "oidc-provider/";
    const INVALID: &'static str = "Invalid OpenID Connect provider ARN";
    const MISSING: &'static str = "OpenIDConnect Provider not found for arn";

    fn all(providers: &Providers) -> &BTreeMap<String, Self> {
        &providers.oidc
    }

    fn all_mut(providers: &mut Providers) -> &mut BTreeMap<String, Self> {
        &mut providers.oidc
    }
}

/// An issuer: HTTPS without a port, or this machine; no query, no fragment, no name or password.
fn url(text: &str) -> Outcome<String> {
    let parsed = Url::parse(text).ok().filter(|url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none());
    // As it is typed it must be what is fetched later: nothing that reading it would mend.
    let plain = |url: &Url| text.bytes().all(|b| b.is_ascii_graphic()) && url.as_str().trim_end_matches('/').eq_ignore_ascii_case(text.trim_end_matches('/'));
    let good =
        parsed.is_some_and(|url| plain(&url) && (!addresses(&url).is_empty() || (url.scheme() == "https" && url.host_str().is_some() && url.port().is_none())));
    if good { Ok(text.to_owned()) } else { Err(invalid("Invalid Open ID Connect Provider URL")) }
}

/// SHA-1 in hexadecimal, kept in lower case.
fn thumbprints(call: &Exchange<'_>) -> Outcome<Vec<String>> {
    let list = call.params.list("ThumbprintList");
    if list.len() > MOST_THUMBPRINTS {
        return Err(invalid(format!("Thumbprint list must contain fewer than {MOST_THUMBPRINTS} entries.")));
    }
    if let Some(wrong) = list.iter().find(|thumbprint| thumbprint.chars().count() != 40) {
        let rule = if wrong.chars().count() < 40 { "greater" } else { "less" };
        let constraint = format!("[Member must have length {rule} than or equal to 40]");
        let message = format!("Value '[{}]' at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: {constraint}", list.join(", "));
        return Err(Fault::validation(format!("1 validation error detected: {message}")));
    }
    if !list.iter().all(|thumbprint| thumbprint.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(invalid("Invalid thumbprint"));
    }
    Ok(list.into_iter().map(str::to_ascii_lowercase).collect())
}

fn clients(call: &Exchange<'_>) -> Outcome<Vec<String>> {
    let mut clients: Vec<String> = Vec::new();
    for client in call.params.list("ClientIDList") {
        if client.is_empty() || client.chars().count() > 255 {
            return Err(Fault::validation(
                "1 validation error detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: \
                 [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]",
            ));
        }
        if !clients.iter().any(|own| own == client) {
            clients.push(client.to_owned());
        }
    }
    if clients.len() > MOST_CLIENTS { Err(too_many_clients()) } else { Ok(clients) }
}

fn too_many_clients() -> Fault {
    Fault::limit(format!("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {MOST_CLIENTS}"))
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let url = url(call.params.text("Url"))?;
    let arn = arn(call, &url);
    let (client_ids, thumbprints, tags) = (clients(call)?, thumbprints(call)?, tags::checked(call.params)?);
    let providers = &call.account()?.providers.oidc;
    if providers.contains_key(&arn) {
        return Err(Fault::new("EntityAlreadyExists", format!("Provider with url {url} already exists.")));
    }
    if providers.len() >= MOST {
        return Err(Fault::limit(format!("Cannot exceed quota for OpenIdConnectProvidersPerAccount: {MOST}")));
    }
    let answer = Xml::new().text("OpenIDConnectProviderArn", &arn).join(tags::xml(&tags));
    let provider = OidcProvider { arn: arn.clone(), url, client_ids, thumbprints, created: call.now, tags };
    call.account_mut()?.providers.oidc.insert(arn, provider);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let provider = found::<OidcProvider>(call)?;
    Ok(Xml::new()
        .text("Url", provider.name())
        .list("ClientIDList", provider.client_ids.iter().map(|client| Xml::bare(client)))
        .list("ThumbprintList", provider.thumbprints.iter().map(|thumbprint| Xml::bare(thumbprint)))
        .text("CreateDate", time_text(provider.created))
        .join(tags::xml(&provider.tags)))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let providers = call.account()?.providers.oidc.values();
    Ok(Xml::new().list("OpenIDConnectProviderList", providers.map(|provider| Xml::new().text("Arn", &provider.arn))))
}

/// One that is not there is deleted already, says AWS.
fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = checked::<OidcProvider>(call)?.to_owned();
    call.account_mut()?.providers.oidc.remove(&arn);
    Ok(Xml::new())
}

/// One that is there already stays, and that is no error.
fn add_client(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let client = call.params.text("ClientID").to_owned();
    let provider = found_mut::<OidcProvider>(call)?;
    if provider.client_ids.contains(&client) {
        return Ok(Xml::new());
    }
    if provider.client_ids.len() >= MOST_CLIENTS {
        return Err(too_many_clients());
    }
    provider.client_ids.push(client);
    Ok(Xml::new())
}

fn remove_client(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let client = call.params.text("ClientID").to_owned();
    found_mut::<OidcProvider>(call)?.client_ids.retain(|own| *own != client);
    Ok(Xml::new())
}

fn update_thumbprints(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let thumbprints = thumbprints(call)?;
    if thumbprints.is_empty() {
        return Err(Fault::validation("1 validation error detected: Value null at 'thumbprintList' failed to satisfy constraint: Member must not be null"));
    }
    found_mut::<OidcProvider>(call)?.thumbprints = thumbprints;
    Ok(Xml::new())
}
