//! What is exported is what would be sent: read back by a real shell, whatever the names are.
//!
//! Terraform's texts are looked at as texts here; a parser reads them in the acceptance tests.

use std::{io::Write, process::Command};

use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    hcl::{label, string},
    shell::{command, comment, kebab, quoted},
    *,
};
use crate::{
    model::{
        profile::ProfileName,
        setup::{Intent, PolicyHolder, UserIntent},
    },
    setup::{call::Place, plan::PlanSeat, thing::Thing},
};

const HOSTILE: &[&str] =
    &["it's", "$(touch x)", "`id`", "${HOME}", "a\nb", "\"", "\\", "-rf", "file:///etc/passwd", "", "a;b", "*", "~", "#x", "%{if}", "$${x}"];

/// The words that a shell makes of `text`, with `aws` as a function that prints its own.
fn words(text: &str) -> Vec<String> {
    let script = format!("aws() {{ for word in \"$@\"; do printf '%s\\0' \"$word\"; done; }}\n{text}\n");
    let out = Command::new("sh").arg("-c").arg(script).current_dir(std::env::temp_dir()).output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{text}: {out:?}");
    let mut words: Vec<String> = String::from_utf8(out.stdout).unwrap().split('\0').map(str::to_owned).collect();
    words.pop();
    words
}

fn step(thing: Thing, to: Value) -> Step {
    Step { id: "1".to_owned(), seat: Some(0), thing, to: Some(to), title: "A step\nrm -rf /".to_owned(), standing: Standing::New, ..Step::default() }
}

fn plan(steps: Vec<Step>) -> Plan {
    let seat = |name: &str, account: &str| PlanSeat {
        profile: ProfileName::new(name),
        place: Place { partition: "aws".to_owned(), account_id: account.to_owned(), ..Place::default() },
        arn: String::new(),
        alias: None,
    };
    Plan {
        id: "x".to_owned(),
        intent: Intent::User(UserIntent::default()),
        title: "New IAM user dana\nrm -rf /".to_owned(),
        at: OffsetDateTime::UNIX_EPOCH,
        seats: vec![seat("admin", "111122223333"), seat("it's $(me)", "444455556666")],
        steps,
        proofs: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        missing: Vec::new(),
    }
}

fn user() -> Step {
    step(Thing::User { name: "dana".to_owned() }, json!({ "Path": "/people/", "Tags": [{ "Key": "a", "Value": "${b}" }] }))
}

fn inline(text: &str) -> Step {
    step(Thing::Inline { holder: PolicyHolder::User("dana".to_owned()), name: "p".to_owned() }, json!({ "PolicyDocument": text }))
}

fn parses(script: &str) {
    let mut sh = Command::new("sh").arg("-n").stdin(std::process::Stdio::piped()).spawn().unwrap();
    sh.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(sh.wait().unwrap().success(), "{script}");
}

#[test]
fn names_are_those_of_the_aws_cli() {
    for (name, flag) in [
        ("UserName", "user-name"),
        ("VirtualMFADeviceName", "virtual-mfa-device-name"),
        ("EnableMFADevice", "enable-mfa-device"),
        ("SetAsDefault", "set-as-default"),
        ("AuthenticationCode1", "authentication-code1"),
    ] {
        assert_eq!(kebab(name), flag);
    }
}

#[test]
fn a_hostile_value_is_one_word_to_the_shell() {
    for text in HOSTILE {
        assert_eq!(words(&format!("aws {}", quoted(text))), [*text]);
        assert_eq!(words(&format!("{}\naws done", comment(text))), ["done"]);
    }
}

#[test]
fn what_the_aws_cli_would_read_as_a_flag_or_a_file_goes_as_json() {
    for text in ["-rf", "file:///etc/passwd", "https://example.com"] {
        let request = json!({ "RoleName": "r", "Description": text });
        let words = words(&command("UpdateRole", &request).join(" "));
        assert_eq!(words[..3], ["iam", "update-role", "--cli-input-json"]);
        assert_eq!(serde_json::from_str::<Value>(&words[3]).unwrap(), request);
    }
}

#[test]
fn a_script_checks_the_account_and_keeps_secrets_in_files_of_their_own() {
    let device = "arn:aws:iam::111122223333:mfa/people/dana";
    let plan = plan(vec![
        user(),
        step(Thing::NewKey { user: "dana".to_owned() }, json!({ "AccessKeyId": "$made" })),
        step(Thing::Device { serial: device.to_owned() }, json!({ "Path": "/people/" })),
        step(Thing::DeviceOf { user: "dana".to_owned(), serial: device.to_owned() }, json!({})),
    ]);
    let script = export(&plan, ExportFormat::AwsCli).unwrap();
    parses(&script);
    for part in [
        "umask 077",
        "[ \"$account\" = 111122223333 ] || stop",
        "absent access-key-dana.json\nabsent mfa-seed-dana.txt",
        "  > access-key-dana.json\n",
        "--outfile mfa-seed-dana.txt",
        "codes mfa-seed-dana.txt\n",
    ] {
        assert!(script.contains(part), "{part}: {script}");
    }
    assert!(!script.contains("\nrm -rf") && !script.contains("--profile"), "{script}");
}

#[test]
fn two_accounts_have_a_profile_each() {
    let mut there = inline("{}");
    there.seat = Some(1);
    let plan = plan(vec![user(), there]);
    let script = export(&plan, ExportFormat::AwsCli).unwrap();
    parses(&script);
    assert!(script.contains("default='it'\\''s $(me)'\nprofile_444455556666=${profile_444455556666:-$default}"), "{script}");
    assert!(script.contains("--profile \"$profile_444455556666\""), "{script}");
    let text = export(&plan, ExportFormat::Terraform).unwrap();
    assert!(text.contains("provider = aws.account_444455556666") && text.contains("\"it's $(me)\""), "{text}");
}

#[test]
fn a_wait_and_a_conflict_are_not_passed_over() {
    let pause = Step { seat: None, title: "Wait a day".to_owned(), ..step(Thing::Pause { what: "it".to_owned() }, json!({ "Until": "x" })) };
    let script = export(&plan(vec![pause, user()]), ExportFormat::AwsCli).unwrap();
    parses(&script);
    assert!(script.contains("\nhold 'Wait a day'\n"), "{script}");
    let mut way = user();
    way.conflict("There is a user dana already", "Choose another name");
    for format in [ExportFormat::AwsCli, ExportFormat::Terraform] {
        assert_eq!(export(&plan(vec![way.clone()]), format).unwrap_err().code, Code::Conflict);
    }
}

#[test]
fn terraform_names_what_it_makes_and_reads_nothing_as_a_template() {
    let text = export(&plan(vec![user(), inline(r#"{"a":"${aws:username}"}"#)]), ExportFormat::Terraform).unwrap();
    for part in ["\"a\" = \"$${b}\"", "$${aws:username}", "user = aws_iam_user.dana.name", "allowed_account_ids = [\"111122223333\"]"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("import {"), "{text}");
}

#[test]
fn terraform_imports_what_is_there_and_leaves_the_rest_of_it_alone() {
    let mut trust = step(Thing::Trust { role: "deploy".to_owned() }, json!({ "PolicyDocument": "{\"b\":1}" }));
    (trust.before, trust.standing) = (Some(json!({ "PolicyDocument": "{}" })), Standing::Change);
    let text = export(&plan(vec![trust]), ExportFormat::Terraform).unwrap();
    for part in ["to = aws_iam_role.deploy\n  id = \"deploy\"", "prevent_destroy = true", "ignore_changes  = [path, description, max_session_duration"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn hcl_strings_and_names_stay_what_they_are() {
    assert_eq!(string("a\"\\\n${x}%{y}"), r#""a\"\\\n$${x}%%{y}""#);
    assert_eq!(string("$${x}"), r#""$$\u007bx}""#);
    assert_eq!(label("1 a.b", &|taken| taken == "_1_a_b"), "_1_a_b_2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_the_shell_passes_on_is_the_request(values in prop::collection::vec("[^\0]{0,24}", 1..4)) {
        let document = json!({ "Statement": values }).to_string();
        let request = json!({ "RoleName": values[0], "Description": values[values.len() - 1], "PolicyDocument": document });
        let words = words(&command("UpdateRole", &request).join(" \\\n  "));
        if words[2] == "--cli-input-json" {
            prop_assert_eq!(serde_json::from_str::<Value>(&words[3]).unwrap(), request);
        } else {
            let at = |flag: &str| words[words.iter().position(|word| word == flag).unwrap() + 1].clone();
            prop_assert_eq!(at("--role-name"), values[0].clone());
            prop_assert_eq!(at("--description"), values[values.len() - 1].clone());
            prop_assert_eq!(serde_json::from_str::<Value>(&at("--policy-document")).unwrap(), serde_json::from_str::<Value>(&document).unwrap());
        }
    }

    #[test]
    fn no_template_is_left_in_a_string(text in "[$%{}\"\\\\a]{0,16}") {
        let written = string(&text);
        // What is escaped does not join its neighbours.
        let plain = written.replace("$${", "·").replace("%%{", "·");
        prop_assert!(!plain.contains("${") && !plain.contains("%{"), "{}", written);
    }
}
