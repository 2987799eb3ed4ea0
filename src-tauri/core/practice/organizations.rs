//! AWS Organizations as far as it says which accounts are one's own: the management account and its members.
//!
//! The third party's account is not among them. Only the management account may ask; a member is refused as AWS refuses it.

use serde_json::{Value, json};

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Rule, optional, required, text},
    state::Account,
    table::{Action, Api, everything, json as row},
};
use crate::model::params::SessionTag;

/// How a request names the API.
pub(super) const TARGET: &str = "AWSOrganizationsV20161128";

pub(super) static ACTIONS: &[Action] = &[
    row(
        "ListAccounts",
        Api::Organizations,
        everything,
        &[optional("NextToken", text(0, 100_000, Chars::Free)), optional("MaxResults", Rule::Number { min: 1, max: 20 })],
        list,
    ),
    row("DescribeOrganization", Api::Organizations, everything, &[], describe),
    row("DescribeAccount", Api::Organizations, account_target, &[required("AccountId", text(12, 12, Chars::KeyId))], describe_account),
];

/// The organization of the caller's account: the number of its management account.
fn management<'a>(call: &'a Exchange<'_>) -> Outcome<&'a str> {
    let management = call.account()?.organization.as_deref();
    management.ok_or_else(|| Fault::new("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."))
}

fn only_management(call: &Exchange<'_>) -> Outcome<()> {
    if management(call)? == call.principal.account {
        return Ok(());
    }
    Err(Fault::new("AccessDeniedException", "You don't have permissions to access this resource."))
}

fn id(management: &str) -> String {
    let letters = management.bytes().map(|digit| char::from(b'a' + (digit - b'0')));
    format!("o-{}", letters.take(10).collect::<String>())
}

fn arn(management: &str, account: &str) -> String {
    format!("arn:aws:organizations::{management}:account/{}/{account}", id(management))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
fn account_target(call: &Exchange<'_>) -> Outcome<(String, Vec<SessionTag>)> {
    let management = management(call).unwrap_or(&call.principal.account);
    Ok((arn(management, call.params.text("AccountId")), Vec::new()))
}

fn shown(management: &str, account: &Account) -> Value {
    json!({
        "Id": account.id,
        "Arn": arn(management, &account.id),
        "Email": format!("aws+{}@example.com", account.id),
        "Name": account.title,
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "JoinedMethod": if account.id == management { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": account.created.unix_timestamp(),
    })
}

fn list(call: &mut Exchange<'_>) -> Outcome<Value> {
    only_management(call)?;
    let own = management(call)?;
    let most = call.params.get("MaxResults").and_then(|text| text.parse().ok()).unwrap_or(20_usize);
    let after = call.params.get("NextToken").unwrap_or_default();
    let members = call.state.accounts.values().filter(|account| account.organization.as_deref() == Some(own) && account.id.as_str() > after);
    let mut members: Vec<_> = members.collect();
    let more = members.len() > most;
    members.truncate(most);
    let next = members.last().filter(|_| more).map(|last| last.id.clone());
    let accounts: Vec<_> = members.into_iter().map(|account| shown(own, account)).collect();
    Ok(match next {
        Some(next) => json!({"Accounts": accounts, "NextToken": next}),
        None => json!({"Accounts": accounts}),
    })
}

fn describe(call: &mut Exchange<'_>) -> Outcome<Value> {
    let own = management(call)?;
    Ok(json!({"Organization": {
        "Id": id(own),
        "Arn": format!("arn:aws:organizations::{own}:organization/{}", id(own)),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(own, own),
        "MasterAccountId": own,
        "MasterAccountEmail": format!("aws+{own}@example.com"),
        "AvailablePolicyTypes": [],
    }}))
}

fn describe_account(call: &mut Exchange<'_>) -> Outcome<Value> {
    only_management(call)?;
    let own = management(call)?;
    let found = call.state.accounts.get(call.params.text("AccountId")).filter(|account| account.organization.as_deref() == Some(own));
    let found = found.ok_or_else(|| Fault::new("AccountNotFoundException", "You specified an account that doesn't exist."))?;
    Ok(json!({"Account": shown(own, found)}))
}
