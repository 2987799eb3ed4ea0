//! Changes of policies: attached or detached, edited as a new version, rolled back, inline turned into managed.
//!
//! A managed policy keeps five versions. The oldest goes only where the person wants that, because nothing brings it back.

use serde_json::json;

use super::{Making, Words, change::holder_there, role_trusted::seen, words};
use crate::{
    error::{Code, Error, Result},
    model::setup::{PolicyHolder, PolicyVersionChoice, Standing},
    setup::{
        call::{last, name, text},
        documents::{self, Place, same},
        iam,
        thing::Thing,
    },
};

/// So many versions a managed policy may have.
const VERSIONS: usize = 5;

/// Attaches a managed policy, or detaches it.
pub(super) async fn attach(making: &mut Making<'_>, holder: &PolicyHolder, policy: &str, on: bool) -> Result<()> {
    let policy = arn_of(policy)?;
    let (of, short) = (name(holder).trim().to_owned(), last(&policy).to_owned());
    let title = if on {
        words(format!("Attach {short} to {of}"), format!("Attached {short} to {of}"), policy.clone())
    } else {
        words(format!("Detach {short} from {of}"), format!("Detached {short} from {of}"), policy.clone())
    };
    making.called(title.title.clone());
    let holder_is = holder_there(making, holder).await?;
    let policy_is = making.look(0, &Thing::DefaultVersion { policy: policy.clone() }).await?;
    let thing = Thing::Attached { holder: holder.clone(), policy: policy.clone() };
    let before = if holder_is == Some(true) { making.look(0, &thing).await? } else { Ok(None) };
    let step = making.add(Some(0), thing, before, on.then(|| json!({})), title);
    if holder_is == Some(false) {
        step.conflict(format!("There is no {}", told(holder)), "Check the name, or create it first: stagedoor setup --help");
    } else if policy_is == Ok(None) {
        step.conflict(
            format!("There is no managed policy {policy}"),
            "Check the ARN: customer managed policies have the account’s ID in it, AWS’s own have aws",
        );
    } else if step.standing == Standing::Exists {
        let is = if on { "is attached to" } else { "is not attached to" };
        step.title = format!("{short} {is} {of}");
        "nothing to do".clone_into(&mut step.detail);
    }
    Ok(())
}

/// A new default version of a customer managed policy.
pub(super) async fn edit(making: &mut Making<'_>, policy: &str, wanted: &str, drop_oldest: bool) -> Result<()> {
    let policy = own_policy(policy)?;
    let short = last(&policy).to_owned();
    making.called(format!("Edit the policy {short}"));
    let title = words(format!("Write a new version of {short}"), format!("Wrote a new version of {short}"), "it is the default at once");
    new_version(making, &policy, wanted, drop_oldest, title).await
}

/// The steps by which a policy says something else; the oldest version goes first where there is no room and the person wants that.
pub(super) async fn new_version(making: &mut Making<'_>, policy: &str, wanted: &str, drop_oldest: bool, title: Words) -> Result<()> {
    let short = last(policy).to_owned();
    let thing = Thing::DefaultDocument { policy: policy.to_owned() };
    let before = making.look(0, &thing).await?;
    let to = Some(json!({ "PolicyDocument": wanted }));
    let now = before.as_ref().ok().and_then(|before| text(before, "PolicyDocument"));
    let there = before != Ok(None);
    if !there || before.is_err() || now.is_some_and(|now| same(&now, wanted)) {
        let step = making.add(Some(0), thing, before, to, title);
        if !there {
            no_policy(step, policy);
        }
        return Ok(());
    }
    if let Err(error) = documents::check(wanted, Place::Managed) {
        making.add(Some(0), thing, before, to, title).conflict(error.message, error.hint);
        return Ok(());
    }
    let found = iam::versions(&making.seats[0], policy).await;
    let Some(versions) = seen(making, found, "iam:ListPolicyVersions")? else {
        making.add(Some(0), thing, Err(()), to, title);
        return Ok(());
    };
    if versions.len() >= VERSIONS {
        let Some(oldest) = versions.iter().filter(|it| !it.default).min_by_key(|it| number(&it.id)) else { return Ok(()) };
        if !drop_oldest {
            let message = format!("{short} has five versions already, as many as AWS keeps: {}", listed(&versions));
            let way_out = format!("Drop {}, the oldest that is not the default (--drop-oldest): that cannot be undone", oldest.id);
            making.add(Some(0), thing, before, to, title).conflict(message, way_out);
            return Ok(());
        }
        let id = oldest.id.clone();
        let thing = Thing::Version { policy: policy.to_owned(), version: id.clone() };
        let found = making.look(0, &thing).await?;
        let title = words(format!("Delete {id} of {short}"), format!("Deleted {id} of {short}"), "the oldest version that is not the default");
        making.add(Some(0), thing, found, None, title).irreversible = true;
    }
    making.add(Some(0), thing, before, to, title);
    Ok(())
}

/// An earlier version is the default again.
pub(super) async fn roll_back(making: &mut Making<'_>, policy: &str, version: &str) -> Result<()> {
    let policy = own_policy(policy)?;
    let (short, version) = (last(&policy).to_owned(), version.trim().to_lowercase());
    making.called(format!("Roll {short} back to {version}"));
    let thing = Thing::DefaultVersion { policy: policy.clone() };
    let before = making.look(0, &thing).await?;
    let title = words(format!("Make {version} the default version of {short}"), format!("{version} is the default version of {short}"), "");
    if !matches!(before, Ok(Some(_))) {
        let gone = before == Ok(None);
        let step = making.add(Some(0), thing, before, Some(json!({})), title);
        if gone {
            no_policy(step, &policy);
        }
        return Ok(());
    }
    let versions = iam::versions(&making.seats[0], &policy).await.map_err(|fault| fault.error)?;
    let step = making.add(Some(0), thing, before, Some(json!({ "VersionId": version })), title);
    if !versions.iter().any(|it| it.id == version) {
        step.conflict(format!("{short} has no version {version}"), format!("Choose one of those that are there: {}", listed(&versions)));
    }
    Ok(())
}

/// An inline policy becomes a managed one. It goes last, so that what it allows is allowed all the time.
pub(super) async fn to_managed(making: &mut Making<'_>, holder: &PolicyHolder, policy: &str, new_name: Option<&str>) -> Result<()> {
    let policy = super::check::name("policy name", policy, 128)?;
    let managed = super::check::name("policy name", new_name.map(str::trim).filter(|name| !name.is_empty()).unwrap_or(&policy), 128)?;
    let of = name(holder).trim().to_owned();
    making.called(format!("Turn {policy} of {of} into a managed policy"));
    let arn = making.seats[0].place.arn(&format!("policy/{managed}"));
    let inline = Thing::Inline { holder: holder.clone(), name: policy.clone() };
    let holder_is = holder_there(making, holder).await?;
    let before = if holder_is == Some(false) { Ok(None) } else { making.look(0, &inline).await? };
    let there = making.look(0, &Thing::Policy { arn: arn.clone() }).await?;
    let attached_to = Thing::Attached { holder: holder.clone(), policy: arn.clone() };
    let attached = if holder_is == Some(false) { Ok(None) } else { making.look(0, &attached_to).await? };
    let found = there.as_ref().ok().and_then(|there| text(there, "PolicyDocument"));
    let own = before.as_ref().ok().and_then(|before| text(before, "PolicyDocument"));
    let gone =
        words(format!("Delete the inline policy {policy} of {of}"), format!("Deleted the inline policy {policy} of {of}"), "the managed one says the same");
    // It was done before where the managed policy hangs there already.
    let done = own.is_none() && attached.as_ref().is_ok_and(Option::is_some);
    let Some(document) = own.clone().or_else(|| found.clone().filter(|_| done)) else {
        let unseen = before.is_err();
        let step = making.add(Some(0), inline, before, None, gone);
        if holder_is == Some(false) {
            step.conflict(format!("There is no {}", told(holder)), "Check the name");
        } else if !unseen {
            step.conflict(format!("{of} has no inline policy {policy}"), "Check the name: IAM’s console lists the inline policies under Permissions");
        }
        return Ok(());
    };
    let checked = documents::check(&document, Place::Managed);
    let title = words(format!("Create the managed policy {managed}"), format!("Created the managed policy {managed}"), format!("it says what {policy} says"));
    let said = found.is_some_and(|found| same(&found, &document));
    let to = if said { there.clone().unwrap_or_default() } else { Some(json!({ "Path": "/", "PolicyDocument": document })) };
    let step = making.add(Some(0), Thing::Policy { arn }, there, to, title);
    if let Err(error) = checked {
        step.conflict(error.message, error.hint);
    } else if step.standing == Standing::Change {
        step.conflict(format!("There is a managed policy {managed} already, which says something else"), "Choose another name for the new one (--name)");
    }
    let title = words(format!("Attach {managed} to {of}"), format!("Attached {managed} to {of}"), "");
    making.add(Some(0), attached_to, attached, Some(json!({})), title);
    making.add(Some(0), inline, before, None, gone);
    Ok(())
}

fn arn_of(policy: &str) -> Result<String> {
    let policy = policy.trim();
    let parts: Vec<&str> = policy.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", _, resource] if resource.starts_with("policy/") && !resource.ends_with('/') => Ok(policy.to_owned()),
        _ => Err(Error::invalid("policy ARN", policy, "arn:aws:iam::ACCOUNT:policy/NAME")),
    }
}

fn own_policy(policy: &str) -> Result<String> {
    let arn = arn_of(policy)?;
    if arn.split(':').nth(4) == Some("aws") {
        return Err(Error::new(
            Code::NotSupported,
            format!("{} is AWS’s own policy: only AWS changes it", last(&arn)),
            "Make a customer managed policy of its text and attach that in its place: stagedoor setup change detach, then attach",
        ));
    }
    Ok(arn)
}

fn no_policy(step: &mut crate::setup::plan::Step, policy: &str) {
    step.conflict(format!("There is no managed policy {policy}"), "Check the ARN: it holds the account’s ID and the policy’s path");
}

fn told(holder: &PolicyHolder) -> String {
    match holder {
        PolicyHolder::User(name) => format!("user {name}"),
        PolicyHolder::Group(name) => format!("group {name}"),
        PolicyHolder::Role(name) => format!("role {name}"),
    }
}

fn listed(versions: &[PolicyVersionChoice]) -> String {
    versions.iter().map(|it| if it.default { format!("{} (the default)", it.id) } else { it.id.clone() }).collect::<Vec<_>>().join(", ")
}

fn number(id: &str) -> u32 {
    id.trim_start_matches('v').parse().unwrap_or(u32::MAX)
}
