//! AssumeRoleWithWebIdentity: a role for whoever an OIDC provider of the account vouches for. Nobody signs the call.
//!
//! The provider's keys were fetched before the call began. The two providers of OAuth 2.0 are not on this machine.

use crate::practice::{
    fault::{Fault, Outcome},
    federation::{Unsigned, Vouched, account_of_role, assume, web},
    xml::Xml,
};

pub(in crate::practice) fn run(call: &mut Unsigned<'_>) -> Outcome<Xml> {
    let account = account_of_role(call.params.text("RoleArn"))?;
    if let Some(provider) = call.params.get("ProviderId") {
        return Err(match provider {
            "graph.facebook.com" | "www.amazon.com" => Fault::new("IDPCommunicationError", format!("The identity provider {provider} could not be reached.")),
            _ => Fault::validation(format!("Unsupported ProviderId: {provider}")),
        });
    }
    let providers = call.state.seen().accounts.get(account).map(|account| &account.providers);
    let (provider, identity) = web::read(call.params.text("WebIdentityToken"), providers, call.keys, call.now)?;
    let arn = provider.arn.clone();
    call.call.principal_arn.clone_from(&arn);
    account.clone_into(&mut call.call.account_id);
    let url = arn.split_once("oidc-provider/").map_or(arn.as_str(), |(_, url)| url);
    call.call.principal_id = format!("{url}:{}:{}", identity.audience, identity.subject);
    let vouched = Vouched {
        operation: "AssumeRoleWithWebIdentity",
        provider: arn.clone(),
        session_name: call.params.text("RoleSessionName").to_owned(),
        source_identity: identity.source_identity,
        tags: identity.tags,
        keys: identity.keys,
        until: None,
    };
    Ok(assume(call, vouched)?.text("SubjectFromWebIdentityToken", identity.subject).text("Provider", arn).text("Audience", identity.audience))
}
