//! The grammar of policies: JSON in, statements out, complaints as IAM words them.
//!
//! Stricter than reading: unknown elements, duplicate statement IDs, resources that are no ARNs and conditions with unknown
//! operators are refused, because AWS refuses them when the policy is put.

use serde_json::{Map, Value};

use super::{
    condition::{Condition, Operator},
    document::{Effect, Listed, Malformed, PrincipalKind, PrincipalName, Principals, Shape, Statement},
};

const IAM_RESOURCES: [&str; 14] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
    "root",
];

/// What IAM says where an older parser of its own fails.
const LEGACY: &str = "The policy failed legacy parsing";

fn malformed<T>(message: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(message.into()))
}

pub(super) fn document(json: &Value, shape: Shape) -> Result<(bool, Vec<Statement>), Malformed> {
    let Value::Object(document) = json else { return malformed("Syntax errors in policy.") };
    for key in document.keys() {
        if !matches!(key.as_str(), "Version" | "Id" | "Statement") {
            return malformed("Syntax errors in policy.");
        }
    }
    let variables = match document.get("Version").map(Value::as_str) {
        None | Some(Some("2008-10-17")) => false,
        Some(Some("2012-10-17")) => true,
        Some(_) => return malformed("The policy must contain a valid version string"),
    };
    if document.get("Id").is_some_and(|id| !id.is_string()) {
        return malformed("Syntax errors in policy.");
    }
    let single;
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => {
            single = [statement.clone()];
            &single
        }
        None if shape != Shape::Identity => return malformed("Missing required field Statement"),
        Some(_) | None => return malformed("Syntax errors in policy."),
    };
    let statements = statements.iter().map(|json| statement(json, shape)).collect::<Result<Vec<_>, _>>()?;
    let mut sids: Vec<_> = statements.iter().filter_map(|statement| statement.sid.as_deref()).filter(|sid| !sid.is_empty()).collect();
    sids.sort_unstable();
    if sids.windows(2).any(|pair| pair[0] == pair[1]) {
        return malformed("Statement IDs (SID) in a single policy must be unique.");
    }
    Ok((variables, statements))
}

fn statement(json: &Value, shape: Shape) -> Result<Statement, Malformed> {
    let Value::Object(statement) = json else { return malformed("Syntax errors in policy.") };
    for key in statement.keys() {
        match (key.as_str(), shape) {
            ("Sid" | "Effect" | "Action" | "NotAction" | "Condition", Shape::Identity | Shape::Trust | Shape::Resource)
            | ("Resource" | "NotResource", Shape::Identity | Shape::Resource)
            | ("Principal" | "NotPrincipal", Shape::Trust | Shape::Resource) => {}
            ("Principal" | "NotPrincipal", Shape::Identity) => return malformed("Policy document should not specify a principal."),
            ("Resource" | "NotResource", Shape::Trust) => return malformed(format!("Has prohibited field {key}")),
            (_, Shape::Identity | Shape::Trust | Shape::Resource) => return malformed("Syntax errors in policy."),
        }
    }
    let sid = match statement.get("Sid") {
        None => None,
        Some(Value::String(sid)) if sid.bytes().all(|b| b.is_ascii_alphanumeric()) => Some(sid.clone()),
        Some(_) => {
            return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*");
        }
    };
    let effect = match statement.get("Effect").map(Value::as_str) {
        Some(Some("Allow")) => Effect::Allow,
        Some(Some("Deny")) => Effect::Deny,
        Some(Some(other)) if shape != Shape::Identity => return malformed(format!("Invalid effect: {other}")),
        Some(Some(other)) if ["allow", "deny"].contains(&other.to_ascii_lowercase().as_str()) => return malformed(LEGACY),
        None if shape != Shape::Identity => return malformed("Missing required field Effect"),
        Some(_) | None => return malformed("Syntax errors in policy."),
    };
    let conditions = statement.get("Condition").map_or(Ok(Vec::new()), conditions)?;
    Ok(Statement {
        sid,
        effect,
        principals: principals(statement, shape)?,
        actions: actions(statement, shape)?,
        resources: resources(statement, shape)?,
        conditions,
        text: text(statement).into(),
    })
}

/// The elements in the order in which people write them; JSON objects have none.
fn text(statement: &Map<String, Value>) -> String {
    let order = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let elements = order.iter().filter_map(|key| statement.get(*key).map(|value| format!("\"{key}\":{value}")));
    format!("{{{}}}", elements.collect::<Vec<_>>().join(","))
}

/// A string, or a list of strings that is not empty.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) if !values.is_empty() => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn listed(statement: &Map<String, Value>, yes: &str, no: &str, missing: &str) -> Result<Listed, Malformed> {
    let (value, wrap): (_, fn(Vec<String>) -> Listed) = match (statement.get(yes), statement.get(no)) {
        (Some(value), None) => (value, Listed::In),
        (None, Some(value)) => (value, Listed::NotIn),
        (Some(_), Some(_)) => return malformed("Syntax errors in policy."),
        (None, None) => return malformed(missing),
    };
    let empty = value.as_array().is_some_and(Vec::is_empty);
    strings(value).map(wrap).ok_or_else(|| Malformed(if empty { missing } else { "Syntax errors in policy." }.to_owned()))
}

fn actions(statement: &Map<String, Value>, shape: Shape) -> Result<Listed, Malformed> {
    let missing = match shape {
        Shape::Identity | Shape::Resource => "Policy statement must contain actions.",
        Shape::Trust => "Missing required field Action",
    };
    let actions = listed(statement, "Action", "NotAction", missing)?;
    let (Listed::In(names) | Listed::NotIn(names)) = &actions;
    for name in names {
        if name == "*" && shape != Shape::Trust {
            continue;
        }
        let Some((vendor, action)) = name.split_once(':') else {
            return malformed(match shape {
                Shape::Identity | Shape::Resource => "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                Shape::Trust => "AssumeRole policy may only specify STS AssumeRole actions.",
            });
        };
        if action.contains(':') {
            return malformed("Actions/Condition can contain only one colon.");
        }
        if vendor.is_empty() || action.is_empty() || !vendor.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return malformed(format!("Vendor {vendor} is not valid"));
        }
        if !action.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?-_".contains(&b)) {
            return malformed("Syntax errors in policy.");
        }
        if shape == Shape::Trust && !vendor.eq_ignore_ascii_case("sts") {
            return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
        }
    }
    Ok(actions)
}

fn resources(statement: &Map<String, Value>, shape: Shape) -> Result<Option<Listed>, Malformed> {
    if shape == Shape::Trust {
        return Ok(None);
    }
    let resources = listed(statement, "Resource", "NotResource", "Policy statement must contain resources.")?;
    let (Listed::In(names) | Listed::NotIn(names)) = &resources;
    names.iter().try_for_each(|name| resource(name))?;
    Ok(Some(resources))
}

fn resource(name: &str) -> Result<(), Malformed> {
    if name == "*" || name.starts_with("${") {
        return Ok(());
    }
    let parts: Vec<_> = name.splitn(6, ':').collect();
    if parts[0] != "arn" || parts.len() < 2 {
        return malformed(format!("Resource {name} must be in ARN format or \"*\"."));
    }
    if !parts[1].contains(['*', '?', '$']) && !matches!(parts[1], "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc" | "aws-iso" | "aws-iso-b") {
        // The rest as IAM fills it up.
        let rest: Vec<_> = (2..6).map(|place| parts.get(place).copied().unwrap_or("*")).collect();
        return malformed(format!("Partition \"{0}\" is not valid for resource \"arn:{0}:{1}\".", parts[1], rest.join(":")));
    }
    if parts.get(2).is_none_or(|vendor| vendor.contains(['*', '?'])) {
        return malformed("Resource vendor must be fully qualified and cannot contain regexes.");
    }
    if parts[2].is_empty() || (parts.len() < 6 && name.contains("::")) {
        return malformed(LEGACY);
    }
    if let ["arn", _, "s3", region, _, path] = parts.as_slice()
        && !region.is_empty()
        && *region != "*"
        && !path.starts_with("accesspoint/")
    {
        return malformed(format!("Resource {name} can not contain region information."));
    }
    if let ["arn", _, "iam", region, account, path] = parts.as_slice() {
        if !region.is_empty() && *region != "*" {
            return malformed(format!("IAM resource {name} cannot contain region information."));
        }
        let known = path.starts_with(['*', '$', '?']) || path.contains('*') || IAM_RESOURCES.iter().any(|start| path.starts_with(start));
        if !known || account.is_empty() {
            return malformed(format!(
                "IAM resource path must either be \"*\" or start with {}.",
                IAM_RESOURCES.iter().filter(|start| start.ends_with('/')).copied().collect::<Vec<_>>().join(", ")
            ));
        }
    }
    Ok(())
}

fn principals(statement: &Map<String, Value>, shape: Shape) -> Result<Principals, Malformed> {
    if shape == Shape::Identity {
        return Ok(Principals::Absent);
    }
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(value), None) => principal_names(value).map(Principals::In),
        (None, Some(value)) => principal_names(value).map(Principals::NotIn),
        (Some(_), Some(_)) => malformed("Syntax errors in policy."),
        (None, None) => malformed("Missing required field Principal"),
    }
}

fn principal_names(value: &Value) -> Result<Vec<PrincipalName>, Malformed> {
    let kinds = match value {
        Value::String(any) if any == "*" => return Ok(vec![PrincipalName { kind: PrincipalKind::Aws, name: "*".to_owned() }]),
        Value::Object(kinds) if !kinds.is_empty() => kinds,
        Value::String(other) => return malformed(format!("Invalid principal in policy: \"STAR\":\"{other}\"")),
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => return malformed("Invalid principal in policy."),
    };
    let mut names = Vec::new();
    for (kind, value) in kinds {
        let kind = match kind.as_str() {
            "AWS" => PrincipalKind::Aws,
            "Service" => PrincipalKind::Service,
            "Federated" => PrincipalKind::Federated,
            "CanonicalUser" => PrincipalKind::CanonicalUser,
            other => return malformed(format!("Invalid principal in policy: \"{other}\"")),
        };
        for name in strings(value).ok_or_else(|| Malformed("Invalid principal in policy.".to_owned()))? {
            principal_name(kind, &name)?;
            names.push(PrincipalName { kind, name });
        }
    }
    Ok(names)
}

/// The form alone; whether it exists is for the account to say.
fn principal_name(kind: PrincipalKind, name: &str) -> Result<(), Malformed> {
    let (word, valid) = match kind {
        PrincipalKind::Aws => {
            let account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
            let parts: Vec<_> = name.splitn(6, ':').collect();
            let arn = match parts.as_slice() {
                ["arn", "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc", "iam", "", id, path] => {
                    account(id) && (*path == "root" || path.starts_with("user/") || path.starts_with("role/")) && !path.contains(['*', '?'])
                }
                ["arn", "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc", "sts", "", id, path] => {
                    account(id) && (path.starts_with("assumed-role/") || path.starts_with("federated-user/")) && !path.contains(['*', '?'])
                }
                _ => false,
            };
            ("AWS", name == "*" || account(name) || arn || ((name.starts_with("AIDA") || name.starts_with("AROA")) && name.len() >= 16))
        }
        PrincipalKind::Service => ("SERVICE", name.contains('.') && !name.contains('*')),
        PrincipalKind::Federated => ("FEDERATED", !name.is_empty() && !name.contains('*')),
        PrincipalKind::CanonicalUser => ("CANONICALUSER", name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())),
    };
    if valid { Ok(()) } else { malformed(format!("Invalid principal in policy: \"{word}\":\"{name}\"")) }
}

fn conditions(value: &Value) -> Result<Vec<Condition>, Malformed> {
    let Value::Object(operators) = value else { return malformed("Syntax errors in policy.") };
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let Some(operator) = Operator::parse(name) else { return malformed(format!("Invalid Condition type : {name}.")) };
        let Value::Object(keys) = keys else { return malformed("Syntax errors in policy.") };
        for (key, values) in keys {
            if !key.contains(':') {
                return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
            }
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            };
            let values = match values {
                Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>(),
                value => text(value).map(|value| vec![value]),
            };
            let Some(values) = values else { return malformed("Syntax errors in policy.") };
            if values.iter().any(|value| !operator.takes(value)) {
                return malformed(LEGACY);
            }
            conditions.push(Condition { operator, name: name.clone(), key: key.clone(), values });
        }
    }
    Ok(conditions)
}
