//! SimulatePrincipalPolicy, SimulateCustomPolicy and the condition keys that they want: the evaluator, asked without doing
//! anything.
//!
//! Like AWS's, it sees identity policies and boundaries and no trust policies, and no policy of a resource but the one that
//! the request brings along.

use std::collections::BTreeSet;

use super::{DOCUMENT, MARKER, MAX_ITEMS, POLICY_ARN, Targeted, everything, identity_document, pages::numbered};
use crate::{
    policy::{
        Caller, Context, Document, Effect, Kind, Outcome as Decided, Policies, Request, ResourcePolicy, Shape, Source, decide,
        inspect::{Place, context_keys, places},
    },
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Chars, Field, Rule, optional, required, text},
        state::{Account, Entity, Owner},
        table::{Action, iam},
        xml::Xml,
    },
};

const POLICIES: Rule = Rule::List { max: usize::MAX, of: &DOCUMENT };
const NAME: Rule = text(1, 2048, Chars::Free);
const ACTION_NAMES: Field = required("ActionNames", Rule::List { max: usize::MAX, of: &text(3, 128, Chars::Free) });
const RESOURCES: Field = optional("ResourceArns", Rule::List { max: usize::MAX, of: &NAME });
const MORE: Field = optional("PolicyInputList", POLICIES);
const INPUT: Field = required("PolicyInputList", POLICIES);
const BOUNDARY: Field = optional("PermissionsBoundaryPolicyInputList", POLICIES);
const ENTITY: Field = required("PolicySourceArn", POLICY_ARN);
const RESOURCE_POLICY: Field = optional("ResourcePolicy", DOCUMENT);
const RESOURCE_OWNER: Field = optional("ResourceOwner", NAME);
const CALLER: Field = optional("CallerArn", NAME);
const HANDLING: Field = optional("ResourceHandlingOption", text(1, 64, Chars::Free));
/// What a context entry can be; with `List` behind it, several.
const TYPES: [&str; 6] = ["string", "numeric", "boolean", "ip", "binary", "date"];

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "SimulatePrincipalPolicy",
        target,
        &[ENTITY, MORE, BOUNDARY, ACTION_NAMES, RESOURCES, RESOURCE_POLICY, RESOURCE_OWNER, CALLER, HANDLING, MAX_ITEMS, MARKER],
        principal,
    ),
    iam(
        "SimulateCustomPolicy",
        everything,
        &[INPUT, BOUNDARY, ACTION_NAMES, RESOURCES, RESOURCE_POLICY, RESOURCE_OWNER, CALLER, HANDLING, MAX_ITEMS, MARKER],
        custom,
    ),
    iam("GetContextKeysForPrincipalPolicy", target, &[ENTITY, MORE], keys_of_principal),
    iam("GetContextKeysForCustomPolicy", everything, &[INPUT], keys_of_custom),
];

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
fn target(call: &Exchange<'_>) -> Targeted {
    Ok((call.params.text("PolicySourceArn").to_owned(), Vec::new()))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

/// A policy with the name that answers give it.
struct Given {
    /// Its place among all of them, as text: the evaluator knows policies by name, and names can come twice.
    place: String,
    id: String,
    document: Document,
    /// Where its statements stand, one after the other.
    statements: Vec<(Place, Place)>,
}

impl Given {
    const fn source(&self) -> Source<'_> {
        Source { name: self.place.as_str(), document: &self.document }
    }
}

/// Everything that a simulation looks at.
#[derive(Default)]
struct Scene {
    given: Vec<Given>,
    identity: Vec<usize>,
    boundary: Option<usize>,
    resource: Option<usize>,
    /// The account that owns the resource.
    owner: String,
    caller: Option<Caller>,
    context: Context,
}

impl Scene {
    fn add(&mut self, id: String, document: Document) -> usize {
        let place = self.given.len();
        self.given.push(Given { place: place.to_string(), id, statements: places(&document), document });
        place
    }

    /// What stands in a parameter of the request.
    fn bring(&mut self, call: &Exchange<'_>, list: &str) -> Outcome<Vec<usize>> {
        let texts = call.params.list(list).into_iter().enumerate();
        texts.map(|(index, text)| Ok(self.add(format!("{list}.{}", index + 1), identity_document(text).map_err(|fault| invalid(fault.message))?))).collect()
    }

    /// The policies of a user, role or group, and of the user's groups.
    fn policies_of(&mut self, call: &Exchange<'_>, account: &Account, owner: Owner, entity: &Entity) {
        let groups = account.groups_of(&entity.name).filter(|_| owner == Owner::User).map(|group| (Owner::Group, &group.entity));
        for (kind, entity) in std::iter::once((owner, entity)).chain(groups) {
            let managed = entity.attached.iter().filter_map(|arn| call.state.policy(account, arn));
            let managed = managed.filter_map(|policy| Some((policy.name.clone(), policy.document()?.clone())));
            let inline = entity.inline.iter().map(|(name, document)| (format!("{}_{}_{name}", kind.kind(), entity.name), document.clone()));
            for (id, document) in inline.chain(managed) {
                let place = self.add(id, document);
                self.identity.push(place);
            }
        }
    }

    /// The condition keys that its policies ask for.
    fn keys(&self) -> BTreeSet<String> {
        self.given.iter().flat_map(|given| context_keys(&given.document)).collect()
    }

    fn sources<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = Source<'a>> {
        places.iter().filter_map(|place| self.given.get(*place)).map(Given::source)
    }

    fn policies(&self) -> Policies<'_> {
        let resource = self.sources(self.resource.as_slice()).next();
        Policies {
            identity: self.sources(&self.identity).collect(),
            boundary: self.sources(self.boundary.as_slice()).next(),
            session: None,
            resource: resource.map(|source| ResourcePolicy { source, account: &self.owner, required: false }),
        }
    }
}

/// The user, role or group that a request is about.
fn entity<'a>(call: &Exchange<'_>, account: &'a Account) -> Outcome<(Owner, &'a Entity)> {
    let arn = call.params.text("PolicySourceArn");
    let kinds = [("user/", "user"), ("role/", "role"), ("group/", "group")];
    let path = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let Some((_, kind)) = kinds.iter().find(|(start, _)| arn.starts_with("arn:") && path.starts_with(start)) else {
        return Err(invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")));
    };
    account.by_arn(arn).ok_or_else(|| Fault::no_such(kind, path.rsplit('/').next().unwrap_or_default()))
}

fn custom(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let mut scene = Scene::default();
    scene.identity = scene.bring(call, "PolicyInputList")?;
    finish(call, &mut scene, None)?;
    answer(call, &scene)
}

fn principal(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let (owner, entity) = entity(call, account)?;
    let mut scene = Scene::default();
    scene.policies_of(call, account, owner, entity);
    let more = scene.bring(call, "PolicyInputList")?;
    scene.identity.extend(more);
    scene.context.set("aws:PrincipalArn", entity.arn.as_str());
    if owner == Owner::User {
        scene.context.set("aws:username", entity.name.as_str());
    }
    let attached = entity.boundary.as_deref().and_then(|arn| call.state.policy(account, arn));
    if let Some((policy, document)) = attached.and_then(|policy| Some((policy, policy.document()?))) {
        scene.boundary = Some(scene.add(policy.name.clone(), document.clone()));
    }
    finish(call, &mut scene, (owner == Owner::User).then_some(entity))?;
    answer(call, &scene)
}

/// What both have in common: boundary, the resource's policy, the caller, context entries.
fn finish(call: &Exchange<'_>, scene: &mut Scene, user: Option<&Entity>) -> Outcome<()> {
    let params = call.params;
    for name in ["OrderedOrganizationPolicyInputList.member.1", "PolicyExclusionList.member.1"] {
        if params.iter_under(name).next().is_some() {
            return Err(invalid("The practice account does not simulate policies of organizations, nor without some."));
        }
    }
    let boundaries = scene.bring(call, "PermissionsBoundaryPolicyInputList")?;
    if boundaries.len() > 1 {
        return Err(invalid("Only one permissions boundary policy can be simulated."));
    }
    scene.boundary = boundaries.first().copied().or(scene.boundary);
    let caller = params.get("CallerArn").or(user.map(|user| user.arn.as_str()));
    let parts: Vec<&str> = caller.unwrap_or_default().splitn(6, ':').collect();
    let account = match (caller, parts.as_slice()) {
        (Some(_), ["arn", _, "iam", "", account, path]) if path.starts_with("user/") => (*account).to_owned(),
        (Some(arn), _) => return Err(invalid(format!("Invalid caller ARN: {arn}. It must be the ARN of an IAM user."))),
        (None, _) if params.get("ResourcePolicy").is_some() => return Err(invalid("CallerArn is required with ResourcePolicy.")),
        (None, _) => call.principal.account.clone(),
    };
    // It is the account's ARN; its number alone is taken too.
    let owner = params.get("ResourceOwner").map(|owner| owner.split(':').nth(4).unwrap_or(owner));
    owner.unwrap_or(&account).clone_into(&mut scene.owner);
    let id = user.map(|user| user.id.clone());
    scene.caller = Some(Caller { account, exact: caller.map(str::to_owned).into_iter().chain(id).collect(), behind: Vec::new() });
    if let Some(text) = params.get("ResourcePolicy") {
        let document = Document::parse(text, Shape::Resource).map_err(|malformed| invalid(malformed.0))?;
        scene.resource = Some(scene.add("ResourcePolicy".to_owned(), document));
    }
    entries(call, &mut scene.context)
}

fn entries(call: &Exchange<'_>, context: &mut Context) -> Outcome<()> {
    for (index, key) in call.params.structures("ContextEntries", "ContextKeyName").into_iter().enumerate() {
        let at = format!("ContextEntries.member.{}", index + 1);
        let values = call.params.list(&format!("{at}.ContextKeyValues"));
        let kind = call.params.get(&format!("{at}.ContextKeyType")).unwrap_or("string");
        let (kind, several) = kind.strip_suffix("List").map_or((kind, false), |kind| (kind, true));
        if !TYPES.contains(&kind) {
            let all: Vec<String> = TYPES.iter().flat_map(|kind| [(*kind).to_owned(), format!("{kind}List")]).collect();
            let rule = format!("failed to satisfy constraint: Member must satisfy enum value set: [{}]", all.join(", "));
            return Err(Fault::validation(format!(
                "1 validation error detected: Value '{kind}' at 'contextEntries.{}.member.contextKeyType' {rule}",
                index + 1
            )));
        }
        if key.len() < 5 {
            let rule = "failed to satisfy constraint: Member must have length greater than or equal to 5";
            return Err(Fault::validation(format!(
                "1 validation error detected: Value '{key}' at 'contextEntries.{}.member.contextKeyName' {rule}",
                index + 1
            )));
        }
        if values.len() > 1 && !several {
            return Err(invalid(format!("Context key {key} has several values and is no list.")));
        }
        let fits = |value: &str| match kind {
            "numeric" => value.parse::<f64>().is_ok(),
            "boolean" => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
            "ip" => value.split('/').next().is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok()),
            _ => true,
        };
        if let Some(wrong) = values.iter().find(|value| !fits(value)) {
            return Err(invalid(format!("Value {wrong} of context key {key} is not of type {kind}.")));
        }
        context.set_all(key, values.into_iter().map(str::to_owned));
    }
    Ok(())
}

fn answer(call: &Exchange<'_>, scene: &Scene) -> Outcome<Xml> {
    let actions = call.params.list("ActionNames");
    if let Some(wrong) = actions.iter().find(|action| action.split_once(':').is_none_or(|(vendor, name)| vendor.is_empty() || name.is_empty())) {
        return Err(invalid(format!("Invalid action: {wrong}")));
    }
    let resources = call.params.list("ResourceArns");
    let several = !resources.is_empty();
    let resources = if several { resources } else { vec!["*"] };
    let nobody = Caller { account: String::new(), exact: Vec::new(), behind: Vec::new() };
    let missing = scene.keys().into_iter().filter(|key| scene.context.get(key).is_none()).collect();
    let looked = Looked { scene, policies: scene.policies(), missing };
    numbered(call, "EvaluationResults", actions.len().saturating_mul(resources.len()), |number| {
        let (action, resource) = (actions[number / resources.len()], resources[number % resources.len()]);
        let request = Request { caller: scene.caller.as_ref().unwrap_or(&nobody), action, resource, context: &scene.context };
        result(&looked, &request, several)
    })
}

/// A scene with what is the same for every action and resource.
struct Looked<'a> {
    scene: &'a Scene,
    policies: Policies<'a>,
    /// Condition keys that have no value.
    missing: Vec<String>,
}

fn result(Looked { scene, policies, missing }: &Looked<'_>, request: &Request<'_>, specific: bool) -> Xml {
    let (action, resource) = (request.action, request.resource);
    let decision = decide(request, policies);
    let (word, counts) = match decision.outcome {
        Decided::Allowed => ("allowed", Some(Effect::Allow)),
        Decided::ExplicitDeny(_) => ("explicitDeny", Some(Effect::Deny)),
        Decided::ImplicitDeny(_) => ("implicitDeny", None),
    };
    // Only what the decision rests on: beside a denial, what allows is not told.
    let because = decision.because.iter().filter(|matched| Some(matched.effect) == counts);
    let because = because.filter(|matched| matched.kind != Kind::Boundary || matched.effect == Effect::Deny);
    let matched: Vec<Xml> = because.filter_map(|matched| Some(statement(scene.given.get(matched.policy.parse::<usize>().ok()?)?, matched.statement))).collect();
    let missing = missing.iter().map(|key| Xml::bare(key));
    let boundary = policies.boundary.map(|source| {
        let alone = Policies { identity: vec![source], ..Policies::default() };
        Xml::new().text("AllowedByPermissionsBoundary", if decide(request, &alone).allowed() { "true" } else { "false" })
    });
    let tail = Xml::new().list("MatchedStatements", matched).list("MissingContextValues", missing);
    let tail = boundary.into_iter().fold(tail, |tail, detail| tail.element("PermissionsBoundaryDecisionDetail", detail));
    let each = Xml::new().text("EvalResourceName", resource).text("EvalResourceDecision", word).join(tail.clone());
    let xml = Xml::new().text("EvalActionName", action).text("EvalResourceName", resource).text("EvalDecision", word).join(tail);
    if specific { xml.list("ResourceSpecificResults", [each]) } else { xml }
}

/// A statement as answers name it.
fn statement(given: &Given, index: usize) -> Xml {
    let place = |place: Place| Xml::new().text("Line", place.line.to_string()).text("Column", place.column.to_string());
    let xml = Xml::new().text("SourcePolicyId", &given.id).text("SourcePolicyType", "IAM Policy");
    match given.statements.get(index) {
        Some((begin, end)) => xml.element("StartPosition", place(*begin)).element("EndPosition", place(*end)),
        None => xml,
    }
}

fn keys_of_custom(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let mut scene = Scene::default();
    scene.bring(call, "PolicyInputList")?;
    Ok(key_names(&scene))
}

fn keys_of_principal(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let (owner, entity) = entity(call, account)?;
    let mut scene = Scene::default();
    scene.policies_of(call, account, owner, entity);
    scene.bring(call, "PolicyInputList")?;
    Ok(key_names(&scene))
}

fn key_names(scene: &Scene) -> Xml {
    Xml::new().list("ContextKeyNames", scene.keys().iter().map(|key| Xml::bare(key)))
}
