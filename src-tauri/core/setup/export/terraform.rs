//! A plan as Terraform: a resource for each thing that it makes, and imports for what is there and changes.
//!
//! What Terraform cannot do, or what would put a secret into its state, is a comment with the AWS CLI's command. Of what is imported,
//! only what the plan changes is managed: all else is left as it is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    accounts,
    aws_cli::in_words,
    hcl::{Hcl, label, string},
    sent,
    shell::{comment, plain},
};
use crate::{
    model::setup::Standing,
    setup::{
        call::{Call, Place, last},
        documents,
        plan::Plan,
    },
};

/// One resource.
#[derive(Debug)]
struct Resource {
    kind: &'static str,
    label: String,
    account: String,
    /// Its name, or what it is called by in its account.
    own: String,
    /// `None`: it cannot be named in a policy.
    arn: Option<String>,
    titles: Vec<String>,
    attributes: BTreeMap<&'static str, Hcl>,
    /// How it is imported, where it is there already.
    import: Option<String>,
    after: Vec<String>,
}

/// What is collected.
struct Files<'a> {
    plan: &'a Plan,
    resources: Vec<Resource>,
    left: Vec<String>,
}

/// The whole text.
pub(super) fn text(plan: &Plan) -> String {
    let mut files = Files { plan, resources: Vec::new(), left: Vec::new() };
    for (step, call) in sent(plan) {
        let place = plan.place(step);
        let taken = step.thing.is_remote() && files.take(&call, &place, &step.title, step.standing == Standing::Change);
        if !taken {
            let title = plain(&step.title);
            files.left.push(match call.action.as_str() {
                "CreateAccessKey" | "CreateVirtualMFADevice" | "EnableMFADevice" => {
                    format!(
                        "{title}\nLeft out: its secret would lie in Terraform’s state, readable for all who can read that. With the AWS CLI:\n  {}",
                        in_words(&call)
                    )
                }
                _ if step.thing.is_remote() => format!("{title}\nNot by Terraform. With the AWS CLI:\n  {}", in_words(&call)),
                _ => format!("{title}\nOn this computer, not by Terraform."),
            });
        }
    }
    files.written()
}

/// All that the plan's calls may leave out of an imported resource.
fn managed(kind: &str) -> &'static [&'static str] {
    match kind {
        "aws_iam_role" => {
            &["path", "description", "max_session_duration", "permissions_boundary", "assume_role_policy", "force_detach_policies", "tags", "tags_all"]
        }
        "aws_iam_user" => &["path", "permissions_boundary", "force_destroy", "tags", "tags_all"],
        "aws_iam_policy" => &["path", "description", "policy", "tags", "tags_all"],
        "aws_iam_instance_profile" => &["path", "role", "tags", "tags_all"],
        _ => &[],
    }
}

impl Files<'_> {
    /// Makes a resource of a call; `false`: there is none for it.
    fn take(&mut self, call: &Call, place: &Place, title: &str, change: bool) -> bool {
        let text = |key: &str| call.request.get(key).and_then(Value::as_str).unwrap_or_default();
        let (user, role, group) = (text("UserName"), text("RoleName"), text("GroupName"));
        let action = call.action.as_str();
        match action {
            "CreateUser" => self.create("aws_iam_user", user, "user", (call, place, title)),
            "CreateGroup" => self.create("aws_iam_group", group, "group", (call, place, title)),
            "CreateRole" => self.create("aws_iam_role", role, "role", (call, place, title)),
            "CreatePolicy" => self.create("aws_iam_policy", text("PolicyName"), "policy", (call, place, title)),
            "CreateInstanceProfile" => self.create("aws_iam_instance_profile", text("InstanceProfileName"), "instance-profile", (call, place, title)),
            "AddUserToGroup" => {
                let attributes = [("user", self.name("aws_iam_user", user, place)), ("groups", Hcl::List(vec![self.name("aws_iam_group", group, place)]))];
                self.add("aws_iam_user_group_membership", &format!("{user}_{group}"), place, title, attributes.into());
            }
            "PutUserPolicy" | "PutGroupPolicy" | "PutRolePolicy" => {
                let (kind, of, key, holder) = holder(action, &["aws_iam_user_policy", "aws_iam_group_policy", "aws_iam_role_policy"], [user, group, role]);
                let name = text("PolicyName");
                let attributes = [(key, self.name(of, holder, place)), ("name", Hcl::Text(name.to_owned())), ("policy", document(text("PolicyDocument")))];
                let at = self.add(kind, &format!("{holder}_{name}"), place, title, attributes.into());
                self.resources[at].import = change.then(|| format!("{holder}:{name}"));
            }
            "AttachUserPolicy" | "AttachGroupPolicy" | "AttachRolePolicy" => {
                let kinds = ["aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment", "aws_iam_role_policy_attachment"];
                let (kind, of, key, holder) = holder(action, &kinds, [user, group, role]);
                let arn = text("PolicyArn");
                let policy = self.resources.iter().find(|it| it.kind == "aws_iam_policy" && it.arn.as_deref() == Some(arn));
                let policy = policy.map_or_else(|| Hcl::Text(arn.to_owned()), |it| Hcl::Bare(format!("{}.{}.arn", it.kind, it.label)));
                let attributes = [(key, self.name(of, holder, place)), ("policy_arn", policy)];
                self.add(kind, &format!("{holder}_{}", last(arn)), place, title, attributes.into());
            }
            "UpdateAssumeRolePolicy" => {
                self.change("aws_iam_role", role, "role", (place, title), [("assume_role_policy", document(text("PolicyDocument")))].into());
            }
            "UpdateRole" | "PutRolePermissionsBoundary" => self.change("aws_iam_role", role, "role", (place, title), attributes(call)),
            "PutUserPermissionsBoundary" => self.change("aws_iam_user", user, "user", (place, title), attributes(call)),
            "CreatePolicyVersion" => {
                let arn = text("PolicyArn");
                let at = self.existing("aws_iam_policy", last(arn), (place, title), Some(arn.to_owned()), arn);
                self.resources[at].attributes.insert("policy", document(text("PolicyDocument")));
            }
            "AddRoleToInstanceProfile" => {
                let role = self.name("aws_iam_role", role, place);
                self.change("aws_iam_instance_profile", text("InstanceProfileName"), "instance-profile", (place, title), [("role", role)].into());
            }
            _ => return false,
        }
        true
    }

    fn create(&mut self, kind: &'static str, name: &str, arn: &str, (call, place, title): (&Call, &Place, &str)) {
        let path = call.request.get("Path").and_then(Value::as_str).unwrap_or("/");
        let mut attributes = attributes(call);
        attributes.insert("name", Hcl::Text(name.to_owned()));
        let at = self.add(kind, name, place, title, attributes);
        self.resources[at].arn = Some(format!("arn:{}:iam::{}:{arn}{path}{name}", place.partition, place.account_id));
    }

    /// Attributes of what is there, or of what the plan makes.
    fn change(&mut self, kind: &'static str, name: &str, arn: &str, (place, title): (&Place, &str), attributes: BTreeMap<&'static str, Hcl>) {
        let arn = place.arn(&format!("{arn}/{name}"));
        let at = self.existing(kind, name, (place, title), Some(arn), name);
        self.resources[at].attributes.extend(attributes);
    }

    fn existing(&mut self, kind: &'static str, name: &str, (place, title): (&Place, &str), arn: Option<String>, import: &str) -> usize {
        if let Some(at) = self.resources.iter().position(|it| it.kind == kind && it.own == name && it.account == place.account_id) {
            self.resources[at].titles.push(title.to_owned());
            return at;
        }
        let at = self.add(kind, name, place, title, [("name", Hcl::Text(name.to_owned()))].into());
        (self.resources[at].arn, self.resources[at].import) = (arn, Some(import.to_owned()));
        at
    }

    fn add(&mut self, kind: &'static str, own: &str, place: &Place, title: &str, attributes: BTreeMap<&'static str, Hcl>) -> usize {
        let label = label(own, &|label| self.resources.iter().any(|it| it.kind == kind && it.label == label));
        self.resources.push(Resource {
            kind,
            label,
            account: place.account_id.clone(),
            own: own.to_owned(),
            arn: None,
            titles: vec![title.to_owned()],
            attributes,
            import: None,
            after: Vec::new(),
        });
        self.resources.len() - 1
    }

    /// The name of something: by its resource where the plan makes it, so that it is made first.
    fn name(&self, kind: &str, name: &str, place: &Place) -> Hcl {
        let found = self.resources.iter().find(|it| it.kind == kind && it.own == name && it.account == place.account_id);
        found.map_or_else(|| Hcl::Text(name.to_owned()), |it| Hcl::Bare(format!("{}.{}.name", it.kind, it.label)))
    }

    /// What a policy names is made first.
    fn order(&mut self) {
        for at in 0..self.resources.len() {
            let policies: Vec<String> =
                self.resources[at].attributes.values().filter_map(|value| if let Hcl::Document(text) = value { Some(text.clone()) } else { None }).collect();
            let named = |arn: &String| policies.iter().any(|text| text.contains(&format!("\"{arn}\"")));
            // Only what stands before it, so that two never wait for each other.
            let after = self.resources[..at].iter().filter(|it| it.import.is_none() && it.arn.as_ref().is_some_and(named));
            self.resources[at].after = after.map(|it| format!("{}.{}", it.kind, it.label)).collect();
        }
    }

    fn written(mut self) -> String {
        self.order();
        let accounts = accounts(self.plan);
        let several = accounts.len() > 1;
        let mut out = format!("{}\n\n", comment(&self.plan.title.replace('\n', " ")));
        // `import` blocks are there since 1.5.
        out.push_str("terraform {\n  required_version = \">= 1.5\"\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\n");
        for (id, profile) in &accounts {
            let alias =
                if several { format!("  alias               = \"account_{id}\"\n  profile             = {}\n", string(profile)) } else { String::new() };
            out.extend([format!("\nprovider \"aws\" {{\n{alias}  allowed_account_ids = [\"{id}\"]\n}}\n")]);
        }
        for resource in &self.resources {
            out.push_str(&resource.written(several));
        }
        for left in &self.left {
            out.extend([format!("\n{}\n", comment(left))]);
        }
        out
    }
}

impl Resource {
    fn written(&self, several: bool) -> String {
        let Self { kind, label, account, .. } = self;
        let provider = if several { format!("  provider = aws.account_{account}\n") } else { String::new() };
        let mut out = format!("\n{}\n", comment(&self.titles.iter().map(|title| plain(title)).collect::<Vec<_>>().join("\n")));
        if let Some(id) = &self.import {
            out.extend([format!("import {{\n{provider}  to = {kind}.{label}\n  id = {}\n}}\n\n", string(id))]);
        }
        let mut attributes: BTreeMap<&str, Hcl> = self.attributes.iter().map(|(key, value)| (*key, value.clone())).collect();
        let mut ignored: Vec<&str> = Vec::new();
        if self.import.is_some() {
            ignored = managed(kind).iter().filter(|key| !self.attributes.contains_key(*key)).copied().collect();
            // A trust policy and a policy have to be named, also where they stay.
            let needed = match *kind {
                "aws_iam_role" => Some("assume_role_policy"),
                "aws_iam_policy" => Some("policy"),
                _ => None,
            };
            if let Some(needed) = needed.filter(|needed| !self.attributes.contains_key(needed)) {
                out.extend([format!("data \"{kind}\" \"{label}\" {{\n{provider}  name = {}\n}}\n\n", string(&self.own))]);
                attributes.insert(needed, Hcl::Bare(format!("data.{kind}.{label}.{needed}")));
            }
        }
        out.extend([format!("resource \"{kind}\" \"{label}\" {{\n{provider}")]);
        for (key, value) in &attributes {
            out.extend([format!("  {key} = {}\n", value.written())]);
        }
        if !self.after.is_empty() {
            out.extend([format!("  depends_on = [{}]\n", self.after.join(", "))]);
        }
        if self.import.is_some() {
            // What is there must not be made anew because something of it is not said here.
            let ignored = if ignored.is_empty() { String::new() } else { format!("    ignore_changes  = [{}]\n", ignored.join(", ")) };
            out.extend([format!("  lifecycle {{\n    prevent_destroy = true\n{ignored}  }}\n")]);
        }
        out.push_str("}\n");
        out
    }
}

fn document(text: &str) -> Hcl {
    Hcl::Document(documents::pretty(text))
}

/// The resource, the kind that it hangs on, the attribute for that, and its name.
fn holder<'a>(action: &str, kinds: &[&'static str; 3], names: [&'a str; 3]) -> (&'static str, &'static str, &'static str, &'a str) {
    let at = if action.contains("User") {
        0
    } else if action.contains("Group") {
        1
    } else {
        2
    };
    (kinds[at], ["aws_iam_user", "aws_iam_group", "aws_iam_role"][at], ["user", "group", "role"][at], names[at])
}

/// The parameters that are attributes under another name.
fn attributes(call: &Call) -> BTreeMap<&'static str, Hcl> {
    let mut found = BTreeMap::new();
    for (key, value) in call.request.as_object().into_iter().flatten() {
        let text = || Hcl::Text(value.as_str().unwrap_or_default().to_owned());
        match key.as_str() {
            "Path" => drop(found.insert("path", text())),
            "Description" => drop(found.insert("description", text())),
            "PermissionsBoundary" => drop(found.insert("permissions_boundary", text())),
            "MaxSessionDuration" => drop(found.insert("max_session_duration", Hcl::Bare(value.to_string()))),
            "AssumeRolePolicyDocument" => drop(found.insert("assume_role_policy", document(value.as_str().unwrap_or_default()))),
            "PolicyDocument" => drop(found.insert("policy", document(value.as_str().unwrap_or_default()))),
            "Tags" => {
                let text = |tag: &Value, key: &str| tag.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let tags = value.as_array().into_iter().flatten().map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect();
                found.insert("tags", Hcl::Map(tags));
            }
            _ => {}
        }
    }
    found
}
