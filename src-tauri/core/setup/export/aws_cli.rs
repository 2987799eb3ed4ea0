//! A plan as a script for `sh` that runs the AWS CLI: one command a step, readable, and safe with any name.
//!
//! It runs with whatever credentials the shell has, and only in the account that the plan was made for. A secret that AWS makes on the
//! way goes straight into a file that only its owner can read; a file that is there already is never overwritten.

use serde_json::Value;

use super::{
    accounts, sent,
    shell::{command, comment, kebab, plain, quoted},
};
use crate::{
    model::setup::Standing,
    setup::{
        call::Call,
        plan::{Plan, Step},
        thing::Thing,
    },
};

/// Stops with a sentence.
const STOP: &str = r#"stop() {
  printf '%s\n' "$1" >&2
  exit 1
}
"#;

/// For what must not be there yet.
const ABSENT: &str = r#"absent() {
  [ ! -e "$1" ] || stop "There is a file $1 already. Move it away first."
}
"#;

/// For what only a person can do.
const HOLD: &str = r#"hold() {
  printf '%s\nPress Return to go on, or Ctrl-C to stop here.\n' "$1" >&2
  read -r answer || stop "Stopped here: there is nobody to go on."
}
"#;

/// IAM tells all of AWS about what is new, which takes a moment.
const SOON: &str = r#"# What is new is not known everywhere at once: what was refused because of that is sent again, for a minute.
soon() {
  tries=0
  until said=$("$@" 2>&1 >&3); do
    case $said in
      *NoSuchEntity* | *MalformedPolicyDocument* | *InvalidAuthenticationCode* | *EntityTemporarilyUnmodifiable*) ;;
      *) stop "$said" ;;
    esac
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || stop "$said"
    sleep 3
  done
  [ -z "$said" ] || printf '%s\n' "$said" >&2
} 3>&1
"#;

/// Two codes in a row, of the seed in a file.
const CODES: &str = r#"# Sets code1 and code2: two codes in a row, made of the seed in a file, or asked for.
codes() {
  if python3 -c '' 2>/dev/null; then
    made=$(python3 - "$1" <<'PYTHON'
import base64, hashlib, hmac, struct, sys, time

seed = open(sys.argv[1]).read().strip()
key = base64.b32decode(seed + "=" * (-len(seed) % 8), casefold=True)
# Not at the very end of a code's thirty seconds.
if time.time() % 30 > 25:
    time.sleep(31 - time.time() % 30)
for step in (int(time.time()) // 30 - 1, int(time.time()) // 30):
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    print("%06d" % ((struct.unpack(">I", digest[at:at + 4])[0] & 0x7FFFFFFF) % 1000000))
PYTHON
    ) || stop "No codes could be made of the seed in $1."
    code1=${made%%[!0-9]*}
    code2=${made##*[!0-9]}
  else
    printf 'Enter the seed in %s in an authenticator app, then type two codes in a row.\nFirst code: ' "$1" >&2
    read -r code1
    printf 'Next code: ' >&2
    read -r code2
  fi
}
"#;

/// What the script is made of.
struct Script<'a> {
    plan: &'a Plan,
    accounts: Vec<(String, String)>,
    /// Something new is there by now, which the next calls may name.
    fresh: bool,
}

/// The whole script.
pub(super) fn script(plan: &Plan) -> String {
    let mut script = Script { plan, accounts: accounts(plan), fresh: false };
    let (head, body) = (script.head(), script.body());
    format!("{head}\n{body}{}", script.proofs())
}

impl Script<'_> {
    fn head(&self) -> String {
        let ids: Vec<_> = self.accounts.iter().map(|(id, _)| id.as_str()).collect();
        let place = match ids.len() {
            0 => "Nothing is sent to AWS.".to_owned(),
            1 => format!("For AWS account {}, with the AWS CLI and the credentials of the shell that runs it.", ids[0]),
            _ => format!("For the AWS accounts {}, with the AWS CLI and a profile for each.", ids.join(" and ")),
        };
        let about =
            format!("{}\n{place}\nMeant to be run once: it stops at the first thing that fails, and undoes nothing.", self.plan.title.replace('\n', " "));
        let actions: Vec<String> = sent(self.plan).map(|(_, call)| call.action).collect();
        let has = |action: &str| actions.iter().any(|it| it == action);
        let mut head = format!("#!/bin/sh\n{}\nset -eu\numask 077\nexport AWS_PAGER=''\n{}\n{STOP}", comment(&about), self.region());
        let made = |it: &String| it.starts_with("Create") && it != "CreatePolicyVersion";
        let parts = [
            (has("CreateAccessKey") || has("CreateVirtualMFADevice"), ABSENT),
            (self.holds(), HOLD),
            (actions.iter().any(made), SOON),
            (has("EnableMFADevice"), CODES),
        ];
        for (_, part) in parts.iter().filter(|(needed, _)| *needed) {
            head.push('\n');
            head.push_str(part);
        }
        if self.accounts.len() > 1 {
            head.push_str("\n# The profile for each account; name another as a variable of the environment.\n");
            for (id, profile) in &self.accounts {
                head.extend([format!("default={}\nprofile_{id}=${{profile_{id}:-$default}}\n", quoted(profile))]);
            }
        }
        for (id, _) in &self.accounts {
            let with = self.profile(id);
            head.extend([format!("\naccount=$(aws sts get-caller-identity --query Account --output text{with})\n")]);
            head.extend([format!("[ \"$account\" = {id} ] || stop \"These credentials are of account $account, and this is for account {id}.\"\n")]);
        }
        let files: Vec<_> = sent(self.plan).filter_map(|(_, call)| secret_file(&call)).collect();
        if !files.is_empty() {
            head.push('\n');
            head.extend(files.iter().map(|file| format!("absent {}\n", quoted(file))));
        }
        head
    }

    /// IAM is in no region, but the AWS CLI wants one for STS.
    fn region(&self) -> String {
        let partition = self.plan.seats.first().map_or("aws", |seat| seat.place.partition.as_str());
        let region = match partition {
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            _ => "us-east-1",
        };
        format!("export AWS_DEFAULT_REGION=\"${{AWS_DEFAULT_REGION:-${{AWS_REGION:-{region}}}}}\"\n")
    }

    /// Where there is more than one account: the flag for this one.
    fn profile(&self, account: &str) -> String {
        if self.accounts.len() > 1 { format!(" --profile \"$profile_{account}\"") } else { String::new() }
    }

    fn body(&mut self) -> String {
        let plan = self.plan;
        let mut body = String::new();
        for step in &plan.steps {
            let (call, open) = (plan.call(step), matches!(step.standing, Standing::New | Standing::Change | Standing::Remove));
            for proof in plan.proofs.iter().filter(|proof| open && proof.before.as_deref() == Some(&step.id)) {
                body.push_str(&hold(&format!("Before going on, see that this holds: {}", proof.title)));
            }
            let part = match call.filter(|_| open) {
                None => format!("{}\n", comment(&format!("{}: nothing to do.", step.title))),
                Some(call) if step.thing.is_remote() => self.remote(step, &call),
                Some(call) => self.local(step, &call),
            };
            body.push_str(&part);
            body.push('\n');
        }
        body
    }

    fn remote(&mut self, step: &Step, call: &Call) -> String {
        let account = self.plan.place(step).account_id;
        let with = self.profile(&account);
        let mut lines = command(&call.action, &call.request);
        let soon = if self.fresh { "soon " } else { "" };
        let mut before = String::new();
        let mut after = String::new();
        let text = |key: &str| call.request.get(key).and_then(Value::as_str).unwrap_or_default();
        match call.action.as_str() {
            "CreateAccessKey" => {
                let file = secret_file(call).unwrap_or_default();
                before = format!(
                    "# The secret access key goes into {file}, which only you can read. Store it and delete the file:\n#   stagedoor keys add PROFILE\n"
                );
                lines.extend(["--output json".to_owned(), format!("> {}", quoted(&file))]);
            }
            "CreateVirtualMFADevice" => {
                let file = secret_file(call).unwrap_or_default();
                before = format!("# The seed goes into {file}, which only you can read. Store it and delete the file:\n#   stagedoor mfa add\n");
                lines.extend([format!("--outfile {}", quoted(&file)), "--bootstrap-method Base32StringSeed".to_owned()]);
            }
            "EnableMFADevice" => {
                let seed = self.seed_of(text("SerialNumber"));
                before = match seed {
                    Some(file) => format!("codes {}\n", quoted(&file)),
                    None => "codes \"${MFA_SEED_FILE:?Name the file with the seed of this device}\"\n".to_owned(),
                };
                lines.extend(["--authentication-code1 \"$code1\"".to_owned(), "--authentication-code2 \"$code2\"".to_owned()]);
            }
            "CreateUser" => after = format!("aws iam wait user-exists --user-name {}{with}\n", quoted(text("UserName"))),
            "CreateRole" => after = format!("aws iam wait role-exists --role-name {}{with}\n", quoted(text("RoleName"))),
            "CreateInstanceProfile" => {
                after = format!("aws iam wait instance-profile-exists --instance-profile-name {}{with}\n", quoted(text("InstanceProfileName")));
            }
            _ => {}
        }
        if !with.is_empty() {
            lines.insert(1, with.trim_start().to_owned());
        }
        // What a device's seed or a key is made for is new as well, but nothing names it.
        self.fresh = self.fresh || call.action.starts_with("Create") && call.action != "CreatePolicyVersion";
        let detail = if step.detail.is_empty() || matches!(step.thing, Thing::NewKey { .. } | Thing::Device { .. } | Thing::DeviceOf { .. }) {
            String::new()
        } else {
            format!(" ({})", step.detail)
        };
        let title = match &step.thing {
            Thing::NewKey { user } => format!("Create an access key of {user}"),
            _ => format!("{}{detail}", step.title),
        };
        format!("{}\n{before}{soon}{}\n{after}", comment(&title.replace('\n', " ")), lines.join(" \\\n  "))
    }

    /// The file that this plan puts a device's seed in.
    fn seed_of(&self, serial: &str) -> Option<String> {
        sent(self.plan).find(|(step, _)| matches!(&step.thing, Thing::Device { serial: own } if own == serial)).and_then(|(_, call)| secret_file(&call))
    }

    fn local(&self, step: &Step, call: &Call) -> String {
        let told = comment(&format!("On this computer, not by this script: {}", step.title));
        if self.must_hold(step) {
            return hold(&step.title);
        }
        let config = config_lines(&call.request);
        if config.is_empty() { format!("{told}\n") } else { format!("{told}\n{}\n", comment(&config)) }
    }

    /// Whether a step here has to be done before the next in the account can be: a key is stored before the old one goes, a while passes.
    fn must_hold(&self, step: &Step) -> bool {
        let matters = matches!(step.thing, Thing::ProfileKey { .. } | Thing::KeyPlace { .. } | Thing::Pause { .. });
        matters && sent(self.plan).skip_while(|(other, _)| other.id != step.id).any(|(other, _)| other.thing.is_remote())
    }

    fn holds(&self) -> bool {
        sent(self.plan).any(|(step, _)| self.must_hold(step) || self.plan.proofs.iter().any(|proof| proof.before.as_deref() == Some(&step.id)))
    }

    fn proofs(&self) -> String {
        let proofs: Vec<_> =
            self.plan.proofs.iter().filter(|proof| proof.before.is_none()).map(|proof| format!("- {}", proof.title.replace('\n', " "))).collect();
        if proofs.is_empty() {
            String::new()
        } else {
            format!("{}\n", comment(&format!("Stagedoor would prove now, which this script does not:\n{}", proofs.join("\n"))))
        }
    }
}

fn hold(what: &str) -> String {
    format!("hold {}\n", quoted(&plain(what)))
}

/// The file for what AWS tells only once.
fn secret_file(call: &Call) -> Option<String> {
    let (begin, key, end) = match call.action.as_str() {
        "CreateAccessKey" => ("access-key", "UserName", "json"),
        "CreateVirtualMFADevice" => ("mfa-seed", "VirtualMFADeviceName", "txt"),
        _ => return None,
    };
    let name: String = call.request.get(key)?.as_str()?.chars().map(|c| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '_' }).collect();
    Some(format!("{begin}-{name}.{end}"))
}

/// The lines of `~/.aws/config` that a step here would write.
fn config_lines(request: &Value) -> String {
    let mut lines = Vec::new();
    for profile in request.get("Profiles").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = profile.get("Name").and_then(Value::as_str) else { continue };
        lines.push(format!("[profile {}]", plain(name)));
        for (key, value) in profile.get("Properties").and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let value = if value.starts_with("$made:") { "(the AccessKeyId that was made)" } else { value };
            lines.push(format!("{} = {}", plain(key), plain(value)));
        }
    }
    lines.join("\n")
}

/// A call as one command, to be read in a comment.
pub(super) fn in_words(call: &Call) -> String {
    let call = Call { action: call.action.clone(), request: call.request.clone(), needs: Vec::new() };
    if call.action.starts_with("CreateAccessKey") { format!("aws iam {}", kebab(&call.action)) } else { command(&call.action, &call.request).join(" ") }
}
