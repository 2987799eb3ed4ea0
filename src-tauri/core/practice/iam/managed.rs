//! Managed policies with their versions, five at most.
//!
//! The default version is the one that counts. AWS's own policies can be read and attached, not changed.

use std::collections::BTreeMap;

use super::{
    DESCRIPTION, DOCUMENT, MARKER, MAX_ITEMS, NAME, PATH, POLICY_ARN, PREFIX, TAGS, encoded, everything, identity_document, made, page, policy, tags, under,
};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    state::{Account, ManagedPolicy, Owner, PolicyVersion},
    table::{Action, iam},
    time_text,
    xml::Xml,
};

const LARGEST: usize = 6144;
const ARN: Field = required("PolicyArn", POLICY_ARN);
const VERSION: Field = required("VersionId", text(1, 32, Chars::VersionId));

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreatePolicy",
        |call| Ok(made(call, "policy", "PolicyName")),
        &[required("PolicyName", NAME), required("PolicyDocument", DOCUMENT), optional("Path", PATH), optional("Description", DESCRIPTION), TAGS],
        create,
    ),
    iam("GetPolicy", policy, &[ARN], get),
    iam(
        "ListPolicies",
        everything,
        &[optional("Scope", Rule::OneOf(&["All", "AWS", "Local"])), optional("OnlyAttached", Rule::Boolean), PREFIX, MARKER, MAX_ITEMS],
        list,
    ),
    iam("DeletePolicy", policy, &[ARN], delete),
    iam("CreatePolicyVersion", policy, &[ARN, required("PolicyDocument", DOCUMENT), optional("SetAsDefault", Rule::Boolean)], create_version),
    iam("GetPolicyVersion", policy, &[ARN, VERSION], get_version),
    iam("ListPolicyVersions", policy, &[ARN, MARKER, MAX_ITEMS], list_versions),
    iam("SetDefaultPolicyVersion", policy, &[ARN, VERSION], set_default),
    iam("DeletePolicyVersion", policy, &[ARN, VERSION], delete_version),
    iam("ListEntitiesForPolicy", policy, &[ARN, MARKER, MAX_ITEMS], entities),
];

fn attachments(account: &Account, arn: &str) -> usize {
    account.entities().filter(|(_, entity)| entity.attached.contains(arn)).count()
}

fn boundaries(account: &Account, arn: &str) -> usize {
    account.entities().filter(|(_, entity)| entity.boundary.as_deref() == Some(arn)).count()
}

fn xml(account: &Account, policy: &ManagedPolicy, whole: bool) -> Xml {
    let mut xml = Xml::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", format!("v{}", policy.default_version))
        .text("AttachmentCount", attachments(account, &policy.arn).to_string())
        .text("PermissionsBoundaryUsageCount", boundaries(account, &policy.arn).to_string())
        .text("IsAttachable", "true")
        .text("CreateDate", time_text(policy.created))
        .text("UpdateDate", time_text(policy.updated));
    if whole {
        xml = xml.maybe("Description", policy.description.as_ref()).join(tags::xml(&policy.tags));
    }
    xml
}

fn version_xml(policy: &ManagedPolicy, version: &PolicyVersion) -> Xml {
    Xml::new()
        .text("VersionId", format!("v{}", version.number))
        .text("IsDefaultVersion", if version.number == policy.default_version { "true" } else { "false" })
        .text("CreateDate", time_text(version.created))
}

fn found<'a>(call: &'a Exchange<'_>) -> Outcome<&'a ManagedPolicy> {
    let arn = call.params.text("PolicyArn");
    call.state.policy(call.account()?, arn).ok_or_else(|| Fault::new("NoSuchEntity", format!("Policy {arn} was not found.")))
}

/// One of the account's own: AWS's cannot be changed.
fn own<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut ManagedPolicy> {
    let arn = call.params.text("PolicyArn");
    if call.state.aws_policies.contains_key(arn) {
        return Err(Fault::new("AccessDenied", format!("Policy {arn} is an AWS managed policy and cannot be changed.")));
    }
    call.account_mut()?.policies.get_mut(arn).ok_or_else(|| Fault::new("NoSuchEntity", format!("Policy {arn} was not found.")))
}

fn document(text: &str) -> Outcome<crate::policy::Document> {
    let document = identity_document(text)?;
    if document.size() > LARGEST {
        return Err(Fault::limit(format!("Cannot exceed quota for PolicySize: {LARGEST}")));
    }
    Ok(document)
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("PolicyName").to_owned();
    let path = call.params.get("Path").unwrap_or("/").to_owned();
    let document = document(call.params.text("PolicyDocument"))?;
    let tags = tags::checked(call.params)?;
    let taken = call.account()?.policies.values().any(|policy| policy.name.eq_ignore_ascii_case(&name));
    if taken {
        return Err(Fault::new("EntityAlreadyExists", format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    let policy = ManagedPolicy {
        arn: format!("arn:aws:iam::{}:policy{path}{name}", call.principal.account),
        id: call.state.draw.unique_id("ANPA"),
        name,
        path,
        description: call.params.get("Description").map(str::to_owned),
        created: call.now,
        updated: call.now,
        versions: vec![PolicyVersion { number: 1, document, created: call.now }],
        default_version: 1,
        next_version: 2,
        tags,
    };
    let answer = Xml::new().element("Policy", xml(call.account()?, &policy, true));
    call.account_mut()?.policies.insert(policy.arn.clone(), policy);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    Ok(Xml::new().element("Policy", xml(call.account()?, found(call)?, true)))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let scope = call.params.get("Scope").unwrap_or("All");
    let only_attached = call.params.get("OnlyAttached") == Some("true");
    let of = |policies: &BTreeMap<String, ManagedPolicy>, scopes: [&str; 2]| -> Vec<(String, Xml)> {
        let wanted = policies.values().filter(|policy| scopes.contains(&scope) && under(&policy.path, call));
        let wanted = wanted.filter(|policy| !only_attached || attachments(account, &policy.arn) > 0);
        wanted.map(|policy| (policy.arn.clone(), xml(account, policy, false))).collect()
    };
    let mut items = of(&account.policies, ["All", "Local"]);
    items.extend(of(&call.state.aws_policies, ["All", "AWS"]));
    page(call, "Policies", items)
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn").to_owned();
    let versions = own(call)?.versions.len();
    let account = call.account()?;
    if attachments(account, &arn) > 0 || boundaries(account, &arn) > 0 {
        return Err(Fault::new("DeleteConflict", "Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        let rule = "Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
        return Err(Fault::new("DeleteConflict", format!("This policy has more than one version. {rule}")));
    }
    call.account_mut()?.policies.remove(&arn);
    Ok(Xml::new())
}

fn create_version(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (now, default) = (call.now, call.params.get("SetAsDefault") == Some("true"));
    let text = call.params.text("PolicyDocument");
    let policy = own(call)?;
    let document = document(text)?;
    if policy.versions.len() >= 5 {
        let rule = "Before you create a new version, you must delete an existing version.";
        return Err(Fault::limit(format!("A managed policy can have up to 5 versions. {rule}")));
    }
    let number = policy.next_version;
    policy.next_version += 1;
    policy.updated = now;
    if default {
        policy.default_version = number;
    }
    policy.versions.push(PolicyVersion { number, document, created: now });
    let version = policy.versions.last().map_or(Xml::new(), |version| version_xml(policy, version));
    Ok(Xml::new().element("PolicyVersion", version))
}

fn number(call: &Exchange<'_>) -> Outcome<u32> {
    let id = call.params.text("VersionId");
    let number = id.strip_prefix('v').and_then(|number| number.parse().ok());
    let number = number.filter(|number| found(call).is_ok_and(|policy| policy.versions.iter().any(|version| version.number == *number)));
    let arn = call.params.text("PolicyArn");
    number.ok_or_else(|| Fault::new("NoSuchEntity", format!("Policy {arn} version {id} does not exist or is not attachable.")))
}

fn get_version(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let policy = found(call)?;
    let number = number(call)?;
    let version = policy.versions.iter().find(|version| version.number == number);
    let inside = version.map_or(Xml::new(), |version| Xml::new().text("Document", encoded(version.document.text())).join(version_xml(policy, version)));
    Ok(Xml::new().element("PolicyVersion", inside))
}

fn list_versions(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let policy = found(call)?;
    // Newest first, as AWS lists them.
    let key = |version: &PolicyVersion| format!("{:010}", u32::MAX - version.number);
    page(call, "Versions", policy.versions.iter().map(|version| (key(version), version_xml(policy, version))).collect())
}

fn set_default(call: &mut Exchange<'_>) -> Outcome<Xml> {
    own(call)?;
    let number = number(call)?;
    let now = call.now;
    let policy = own(call)?;
    policy.default_version = number;
    policy.updated = now;
    Ok(Xml::new())
}

fn delete_version(call: &mut Exchange<'_>) -> Outcome<Xml> {
    own(call)?;
    let number = number(call)?;
    let policy = own(call)?;
    if policy.default_version == number {
        return Err(Fault::new("DeleteConflict", "Cannot delete the default version of a policy."));
    }
    policy.versions.retain(|version| version.number != number);
    Ok(Xml::new())
}

fn entities(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = found(call)?.arn.clone();
    let account = call.account()?;
    let of = |owner: Owner| {
        let attached = account.entities().filter(|(kind, entity)| *kind == owner && entity.attached.contains(&arn));
        attached.map(|(_, entity)| Xml::new().text(owner.param(), &entity.name).text(&format!("{}Id", owner.capital()), &entity.id)).collect::<Vec<_>>()
    };
    Ok(Xml::new().list("PolicyGroups", of(Owner::Group)).list("PolicyUsers", of(Owner::User)).list("PolicyRoles", of(Owner::Role)).text("IsTruncated", "false"))
}
