//! Managed policies with their versions, five at most.
//!
//! The default version is the one that counts. AWS's own policies can be read and attached, not changed.

use std::collections::BTreeMap;

use super::{
    DOCUMENT, MARKER, MAX_ITEMS, NAME, NEW_TAGS, OLD_TAGS, PATH, POLICY_ARN, POLICY_PREFIX, TAGS, encoded, everything, identity_document, made, page,
    pages::{end, slice},
    policy, tags, under,
};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Chars, Field, Rule, optional, required, text},
        state::{Account, Entity, ManagedPolicy, Owner, PolicyVersion},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

const LARGEST: usize = 6144;
const POLICY_PATH: Rule = text(1, 512, Chars::PolicyPath);
const USAGE: Field = optional("PolicyUsageFilter", Rule::OneOf(&["PermissionsPolicy", "PermissionsBoundary"]));
const ARN: Field = required("PolicyArn", POLICY_ARN);
const VERSION: Field = required("VersionId", text(0, usize::MAX, Chars::VersionId));

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreatePolicy",
        |call| Ok(made(call, "policy", "PolicyName")),
        &[
            required("PolicyName", NAME),
            required("PolicyDocument", DOCUMENT),
            optional("Path", POLICY_PATH),
            optional("Description", text(0, 1000, Chars::Free)),
            TAGS,
        ],
        create,
    ),
    iam("GetPolicy", policy, &[ARN], get),
    iam(
        "ListPolicies",
        everything,
        &[optional("Scope", Rule::OneOf(&["All", "AWS", "Local"])), optional("OnlyAttached", Rule::Boolean), POLICY_PREFIX, USAGE, MARKER, MAX_ITEMS],
        list,
    ),
    iam("DeletePolicy", policy, &[ARN], delete),
    iam("CreatePolicyVersion", policy, &[ARN, required("PolicyDocument", DOCUMENT), optional("SetAsDefault", Rule::Boolean)], create_version),
    iam("GetPolicyVersion", policy, &[ARN, VERSION], get_version),
    iam("ListPolicyVersions", policy, &[ARN, MARKER, MAX_ITEMS], list_versions),
    iam("SetDefaultPolicyVersion", policy, &[ARN, VERSION], set_default),
    iam("DeletePolicyVersion", policy, &[ARN, VERSION], delete_version),
    iam(
        "ListEntitiesForPolicy",
        policy,
        &[
            ARN,
            optional("EntityFilter", Rule::OneOf(&["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"])),
            optional("PathPrefix", PATH),
            USAGE,
            MARKER,
            MAX_ITEMS,
        ],
        entities,
    ),
    iam("TagPolicy", policy, &[ARN, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagPolicy", policy, &[ARN, OLD_TAGS], |call| tags::remove(call, tagged)),
    iam("ListPolicyTags", policy, &[ARN, MARKER, MAX_ITEMS], list_tags),
];

/// How often policies are attached and how often they are boundaries, counted in one go.
pub(super) struct Usage<'a>(BTreeMap<&'a str, (usize, usize)>);

impl<'a> Usage<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (_, entity) in account.entities() {
            entity.attached.iter().for_each(|arn| counts.entry(arn).or_default().0 += 1);
            entity.boundary.iter().for_each(|arn| counts.entry(arn).or_default().1 += 1);
        }
        Self(counts)
    }

    fn count(&self, arn: &str) -> (usize, usize) {
        self.0.get(arn).copied().unwrap_or_default()
    }
}

/// With description and tags, or as lists have it.
pub(super) fn xml(usage: &Usage<'_>, policy: &ManagedPolicy, whole: bool) -> Xml {
    let (attached, bounds) = usage.count(&policy.arn);
    let mut xml = Xml::new()
        .text("PolicyName", &policy.name)
        .text("PolicyId", &policy.id)
        .text("Arn", &policy.arn)
        .text("Path", &policy.path)
        .text("DefaultVersionId", format!("v{}", policy.default_version))
        .text("AttachmentCount", attached.to_string())
        .text("PermissionsBoundaryUsageCount", bounds.to_string())
        .text("IsAttachable", "true")
        .text("CreateDate", time_text(policy.created))
        .text("UpdateDate", time_text(policy.updated));
    if whole {
        xml = xml.maybe("Description", policy.description.as_ref()).join(tags::xml(&policy.tags));
    }
    xml
}

pub(super) fn version_xml(policy: &ManagedPolicy, version: &PolicyVersion) -> Xml {
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
    // Of inline policies IAM does not ask it.
    if !document.variables {
        return Err(Fault::new("MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."));
    }
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
    if call.account()?.policies.len() >= 1500 {
        return Err(Fault::limit("Cannot exceed quota for PoliciesPerAccount: 1500"));
    }
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
    let answer = Xml::new().element("Policy", xml(&Usage::of(call.account()?), &policy, true));
    call.account_mut()?.policies.insert(policy.arn.clone(), policy);
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    Ok(Xml::new().element("Policy", xml(&Usage::of(call.account()?), found(call)?, true)))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let usage = Usage::of(account);
    let scope = call.params.get("Scope").unwrap_or("All");
    let only_attached = call.params.get("OnlyAttached") == Some("true");
    let wanted = |policy: &&ManagedPolicy| {
        let used = match (usage.count(&policy.arn), call.params.get("PolicyUsageFilter")) {
            ((attached, _), Some("PermissionsPolicy")) => attached > 0,
            ((_, bounds), Some(_)) => bounds > 0,
            ((attached, bounds), None) => !only_attached || attached + bounds > 0,
        };
        used && under(&policy.path, call)
    };
    let own = account.policies.values().filter(|_| scope != "AWS").map(|policy| ("own", policy));
    let policies = own.chain(call.state.aws_policies.values().filter(|_| scope != "Local").map(|policy| ("aws", policy)));
    let policies = policies.filter(|(_, policy)| wanted(policy)).map(|(whose, policy)| (format!("{whose}/{}", policy.name), policy));
    page(call, "Policies", policies, |policy| xml(&usage, policy, false))
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let arn = call.params.text("PolicyArn").to_owned();
    let versions = own(call)?.versions.len();
    if Usage::of(call.account()?).count(&arn) != (0, 0) {
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
    page(call, "Versions", policy.versions.iter().map(|version| (key(version), version)), |version| version_xml(policy, version))
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
    let arn = found(call)?.arn.as_str();
    let kind = call.params.get("EntityFilter");
    let used = |entity: &Entity| match call.params.get("PolicyUsageFilter") {
        Some("PermissionsPolicy") => entity.attached.contains(arn),
        Some(_) => entity.boundary.as_deref() == Some(arn),
        None => entity.attached.contains(arn) || entity.boundary.as_deref() == Some(arn),
    };
    let wanted = call.account()?.entities().filter(|(owner, _)| kind.is_none_or(|kind| kind == owner.capital()));
    let wanted = wanted.filter(|(_, entity)| used(entity) && under(&entity.path, call));
    let (found, marker) = slice(call, wanted.map(|(owner, entity)| (format!("{}/{}", owner.kind(), entity.name), (owner, entity))))?;
    let of = |kind: Owner| {
        let found = found.iter().filter(move |(owner, _)| *owner == kind);
        found.map(|(owner, entity)| Xml::new().text(owner.param(), &entity.name).text(&format!("{}Id", owner.capital()), &entity.id))
    };
    Ok(Xml::new().list("PolicyGroups", of(Owner::Group)).list("PolicyUsers", of(Owner::User)).list("PolicyRoles", of(Owner::Role)).join(end(marker)))
}

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    own(call).map(|policy| &mut policy.tags)
}

/// AWS's policies have no tags, and may be asked for them.
fn list_tags(call: &mut Exchange<'_>) -> Outcome<Xml> {
    if found(call)?.arn.starts_with("arn:aws:iam::aws:") {
        return page(call, "Tags", std::iter::empty::<(&str, ())>(), |()| Xml::new());
    }
    tags::list(call, tagged)
}
