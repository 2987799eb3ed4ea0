//! ValidatePolicy: what is wrong with a policy, and what in it is more than anybody means to give.
//!
//! The grammar's own complaint is the error; a policy that holds is looked through for the grants that AWS warns of. AWS has
//! about a hundred checks; these are the ones that Setup shows.

use serde_json::{Value, json};

use crate::{
    policy::{
        Document, Effect, Shape,
        document::{Listed, PrincipalKind, Principals, Statement},
        pattern::names_action,
    },
    practice::{exchange::Exchange, fault::Outcome, known_actions},
};

/// The beginning of the grammar's complaint, and the code of the check that makes it.
const CODES: [(&str, &str); 16] = [
    ("This policy contains invalid Json", "JSON_SYNTAX_ERROR"),
    ("The policy must contain a valid version", "INVALID_VERSION"),
    ("Missing required field Statement", "MISSING_STATEMENT"),
    ("Statement IDs (SID) in a single policy", "DUPLICATE_SID"),
    ("Statement IDs (SID) must be", "INVALID_SID"),
    ("Policy document should not specify a principal", "UNSUPPORTED_PRINCIPAL"),
    ("Missing required field Principal", "MISSING_PRINCIPAL"),
    ("Invalid principal", "INVALID_PRINCIPAL"),
    ("Has prohibited field Resource", "UNSUPPORTED_RESOURCE"),
    ("Missing required field Effect", "MISSING_EFFECT"),
    ("Invalid effect", "INVALID_EFFECT"),
    ("Policy statement must contain actions", "MISSING_ACTION"),
    ("Actions/Conditions must be prefaced", "MISSING_ACTION_PREFIX"),
    ("Policy statement must contain resources", "MISSING_RESOURCE"),
    ("Resource ", "INVALID_ARN_FORMAT"),
    ("Invalid Condition type", "INVALID_CONDITION_OPERATOR"),
];

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
pub(super) fn run(call: &mut Exchange<'_>) -> Outcome<Value> {
    let text = call.params.text("policyDocument");
    let shape = match (call.params.text("policyType"), call.params.get("validatePolicyResourceType")) {
        ("RESOURCE_POLICY", Some("AWS::IAM::AssumeRolePolicyDocument")) => Shape::Trust,
        ("RESOURCE_POLICY", _) => Shape::Resource,
        _ => Shape::Identity,
    };
    let found = match Document::parse(text, shape) {
        Ok(document) => warnings(&document),
        Err(malformed) => {
            let code = CODES.iter().find(|(start, _)| malformed.0.starts_with(start)).map_or("POLICY_SYNTAX_ERROR", |(_, code)| code);
            vec![(None, "ERROR", code, malformed.0)]
        }
    };
    let findings = found.into_iter().map(|(statement, kind, code, details)| shown(text, statement, kind, code, &details));
    Ok(json!({"findings": findings.collect::<Vec<_>>()}))
}

type Found = (Option<usize>, &'static str, &'static str, String);

fn warnings(document: &Document) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    if !document.variables {
        let details = "We recommend that you specify the Version element to help you with debugging permission issues.";
        found.push((None, "WARNING", "MISSING_VERSION", details.to_owned()));
    }
    for (index, statement) in document.statements.iter().enumerate() {
        let (Listed::In(actions) | Listed::NotIn(actions)) = &statement.actions;
        for action in actions.iter().filter(|action| !action.contains(['*', '?']) && known_actions::known(action) == Some(false)) {
            found.push((Some(index), "ERROR", "INVALID_ACTION", format!("The action {action} does not exist.")));
        }
    }
    for (index, statement) in document.statements.iter().enumerate().filter(|(_, statement)| statement.effect == Effect::Allow) {
        for (code, details) in grants_too_much(statement) {
            found.push((Some(index), "SECURITY_WARNING", code, details.to_owned()));
        }
    }
    found
}

/// Grants that AWS warns of.
fn grants_too_much(statement: &Statement) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let everywhere = matches!(&statement.resources, Some(Listed::In(names)) if names.iter().any(|name| name == "*"));
    if let (Listed::In(actions), true) = (&statement.actions, everywhere) {
        if actions.iter().any(|action| action.eq_ignore_ascii_case("iam:PassRole")) {
            let details = "Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.";
            found.push(("PASS_ROLE_WITH_STAR_IN_RESOURCE", details));
        } else if actions.iter().any(|action| action.contains('*') && names_action(action, "iam:PassRole")) {
            let details = "Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.";
            found.push(("PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE", details));
        }
    }
    match &statement.principals {
        Principals::NotIn(_) => {
            found.push(("ALLOW_WITH_NOT_PRINCIPAL", "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead."));
        }
        Principals::In(names) if statement.conditions.is_empty() && names.iter().any(|name| name.kind == PrincipalKind::Aws && name.name == "*") => {
            found.push(("PUBLIC_ACCESS", "The policy gives access to everybody. Name who it is for, or add a condition."));
        }
        Principals::In(_) | Principals::Absent => {}
    }
    found
}

fn shown(text: &str, statement: Option<usize>, kind: &str, code: &str, details: &str) -> Value {
    let path = statement.map_or_else(Vec::new, |index| vec![json!({"value": "Statement"}), json!({"index": index})]);
    let lines = text.lines().count().max(1);
    let end = json!({"line": lines, "column": text.lines().last().unwrap_or_default().chars().count(), "offset": text.chars().count()});
    let page = code.to_lowercase().replace('_', "-");
    let sort = if kind == "ERROR" {
        "error"
    } else if kind == "WARNING" {
        "general-warning"
    } else {
        "security-warning"
    };
    json!({
        "findingDetails": details,
        "findingType": kind,
        "issueCode": code,
        "learnMoreLink": format!("https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html#access-analyzer-reference-policy-checks-{sort}-{page}"),
        "locations": [{"path": path, "span": {"start": {"line": 1, "column": 0, "offset": 0}, "end": end}}],
    })
}
