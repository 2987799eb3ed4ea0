//! Service-linked roles: made for one AWS service, under a path of their own, changed by that service alone.
//!
//! No service runs here, so nothing uses such a role and its deletion, which AWS does as a task, is done at once.

use std::collections::{BTreeMap, BTreeSet};

use super::{DESCRIPTION, NAME, ROLE, SERVICES, Targeted, everything, role, roles, trust};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Chars, optional, required, text},
        state::{Entity, Role},
        table::{Action, iam},
        xml::Xml,
    },
};

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreateServiceLinkedRole",
        |call| Ok(made(call)),
        &[required("AWSServiceName", NAME), optional("Description", DESCRIPTION), optional("CustomSuffix", super::USER_NAME)],
        create,
    ),
    iam("DeleteServiceLinkedRole", role, &[ROLE], delete),
    iam("GetServiceLinkedRoleDeletionStatus", deleted, &[required("DeletionTaskId", text(1, 1000, Chars::Free))], status),
];

/// A service that has such roles.
struct Linked {
    service: &'static str,
    /// `AWSServiceRoleFor…`
    role: &'static str,
    policy: &'static str,
    /// Whether there can be several, with suffixes.
    suffix: bool,
}

const fn linked(service: &'static str, role: &'static str, policy: &'static str, suffix: bool) -> Linked {
    Linked { service, role, policy, suffix }
}

const LINKED: [Linked; 22] = [
    linked("access-analyzer.amazonaws.com", "AccessAnalyzer", "AccessAnalyzerServiceRolePolicy", false),
    linked("autoscaling.amazonaws.com", "AutoScaling", "AutoScalingServiceRolePolicy", true),
    linked("batch.amazonaws.com", "Batch", "BatchServiceRolePolicy", false),
    linked("cloudtrail.amazonaws.com", "CloudTrail", "CloudTrailServiceRolePolicy", false),
    linked("config.amazonaws.com", "Config", "AWSConfigServiceRolePolicy", false),
    linked("ecs.amazonaws.com", "ECS", "AmazonECSServiceRolePolicy", false),
    linked("eks.amazonaws.com", "AmazonEKS", "AmazonEKSServiceRolePolicy", false),
    linked("eks-nodegroup.amazonaws.com", "AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup", false),
    linked("elasticache.amazonaws.com", "ElastiCache", "ElastiCacheServiceRolePolicy", false),
    linked("elasticbeanstalk.amazonaws.com", "ElasticBeanstalk", "AWSElasticBeanstalkServiceRolePolicy", false),
    linked("elasticloadbalancing.amazonaws.com", "ElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy", false),
    linked("es.amazonaws.com", "AmazonElasticsearchService", "AmazonElasticsearchServiceRolePolicy", false),
    linked("guardduty.amazonaws.com", "AmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy", false),
    linked("lex.amazonaws.com", "LexBots", "AmazonLexBotPolicy", false),
    linked("opensearchservice.amazonaws.com", "AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy", false),
    linked("organizations.amazonaws.com", "Organizations", "AWSOrganizationsServiceTrustPolicy", false),
    linked("rds.amazonaws.com", "RDS", "AmazonRDSServiceRolePolicy", false),
    linked("spot.amazonaws.com", "EC2Spot", "AWSEC2SpotServiceRolePolicy", false),
    linked("spotfleet.amazonaws.com", "EC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy", false),
    linked("ssm.amazonaws.com", "AmazonSSM", "AmazonSSMServiceRolePolicy", false),
    linked("support.amazonaws.com", "Support", "AWSSupportServiceRolePolicy", false),
    linked("trustedadvisor.amazonaws.com", "TrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy", false),
];

/// The names of the policies of these roles, each with its service.
pub(super) fn policies() -> impl Iterator<Item = (&'static str, &'static str)> {
    LINKED.iter().map(|linked| (linked.policy, linked.service))
}

fn named(service: &str, suffix: Option<&str>) -> String {
    let role = LINKED.iter().find(|linked| linked.service == service).map_or("", |linked| linked.role);
    let suffix = suffix.map(|suffix| format!("_{suffix}")).unwrap_or_default();
    format!("AWSServiceRoleFor{role}{suffix}")
}

fn made(call: &Exchange<'_>) -> (String, Vec<SessionTag>) {
    let service = call.params.text("AWSServiceName");
    let name = named(service, call.params.get("CustomSuffix"));
    (format!("arn:aws:iam::{}:role{SERVICES}{service}/{name}", call.principal.account), Vec::new())
}

/// The role that a task deleted.
fn deleted(call: &Exchange<'_>) -> Targeted {
    let path = call.params.text("DeletionTaskId").strip_prefix("task/").and_then(|rest| rest.rsplit_once('/'));
    match path {
        Some((role, _)) => Ok((format!("arn:aws:iam::{}:role/{role}", call.principal.account), Vec::new())),
        None => everything(call),
    }
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (service, suffix) = (call.params.text("AWSServiceName"), call.params.get("CustomSuffix"));
    let invalid = |message: String| Fault::new("InvalidInput", message);
    let linked = LINKED.iter().find(|linked| linked.service == service);
    let linked = linked.ok_or_else(|| invalid(format!("{service} is not a service that has service-linked roles.")))?;
    if suffix.is_some() && !linked.suffix {
        return Err(invalid(format!("Custom suffix is not allowed for {service}")));
    }
    let name = named(service, suffix);
    if call.account()?.roles.is_taken(&name) {
        return Err(invalid(format!("Service role name {name} has been taken in this account, please try a different suffix.")));
    }
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#);
    let path = format!("{SERVICES}{service}/");
    let entity = Entity {
        id: call.state.draw.unique_id("AROA"),
        arn: format!("arn:aws:iam::{}:role{path}{name}", call.principal.account),
        created: call.now,
        inline: BTreeMap::new(),
        attached: BTreeSet::from([format!("arn:aws:iam::aws:policy{SERVICES}{}", linked.policy)]),
        name: name.clone(),
        path,
        boundary: None,
        tags: Vec::new(),
    };
    let trust = trust::parse(call.state, &document)?;
    let role = Role { entity, description: call.params.get("Description").map(str::to_owned), max_session: 3600, trust, last_used: None };
    let answer = Xml::new().element("Role", roles::xml(call, &role, true));
    call.account_mut()?.roles.insert(name, role);
    Ok(answer)
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("RoleName");
    let role = call.account()?.roles.get(name).ok_or_else(|| Fault::no_such("role", name))?;
    if !role.entity.path.starts_with(SERVICES) {
        return Err(Fault::no_such("service-linked role", name));
    }
    let path = role.entity.path.clone();
    let task = format!("task{path}{name}/{}", call.state.draw.uuid());
    let account = call.account_mut()?;
    account.roles.remove(name);
    account.deletions.insert(task.clone());
    Ok(Xml::new().text("DeletionTaskId", task))
}

fn status(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let task = call.params.text("DeletionTaskId");
    if !task.starts_with("task/") {
        return Err(Fault::new("InvalidInput", format!("Deletion task id {task} is not valid.")));
    }
    if !call.account()?.deletions.contains(task) {
        return Err(Fault::new("NoSuchEntity", format!("Deletion task with id {task} cannot be found.")));
    }
    Ok(Xml::new().text("Status", "SUCCEEDED"))
}
