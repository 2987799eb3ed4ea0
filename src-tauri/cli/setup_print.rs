//! A setup as a person reads it, and as JSON.
//!
//! Before it is applied each step has a sign for what becomes of its thing, with the policy or the difference that it writes; after
//! that, a sign for how far it is. Names come from accounts, so nothing in them that a terminal obeys is passed on.

use serde_json::Value;
use stagedoor_core::model::{
    activity::shown_at_most,
    setup::{Expected, SetupNote, SetupProof, SetupState, SetupStep, SetupView, Standing, StepState},
};

use crate::{files, print};

/// Far beyond any policy: only what somebody wrote to be in the way is longer.
const LONGEST: usize = 4096;

/// The colours, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// For standard output.
    pub(crate) fn of_output() -> Self {
        Self { on: print::is_terminal() && print::coloured() }
    }

    /// For standard error.
    pub(crate) fn of_words() -> Self {
        Self { on: print::coloured() }
    }

    fn with(self, colour: &str, text: &str) -> String {
        if self.on { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn quiet(self, text: &str) -> String {
        self.with("2", text)
    }

    fn sign(self, sign: char) -> String {
        let colour = match sign {
            '+' | '✓' => "32",
            '~' => "33",
            '-' | '!' | '✗' => "31",
            _ => return sign.to_string(),
        };
        self.with(colour, &sign.to_string())
    }
}

/// On one line, without anything that a terminal obeys.
pub(crate) fn clean(text: &str) -> String {
    shown_at_most(&text.replace(['\n', '\t'], " "), LONGEST)
}

/// The JSON of a setup: a difference as text that everybody knows, and left out where there is none.
pub(crate) fn json(view: &SetupView) -> Value {
    let mut value = serde_json::to_value(view).unwrap_or_default();
    let steps = value["steps"].as_array_mut().into_iter().flatten();
    for (shaped, step) in steps.zip(&view.steps) {
        let Some(shaped) = shaped.as_object_mut() else { continue };
        if step.diff.is_empty() {
            shaped.remove("diff");
        } else {
            shaped.insert("diff".to_owned(), files::unified_lines(&step.diff).into());
        }
    }
    value
}

/// A setup for a person.
pub(crate) fn told(view: &SetupView, paint: Paint) -> String {
    let mut lines = vec![paint.with("1", &clean(&view.title))];
    for account in &view.accounts {
        let alias = account.alias.as_ref().map(|alias| format!(" ({})", clean(alias))).unwrap_or_default();
        lines.push(format!("in account {}{alias}, as {} ({})", account.account_id, account.profile, clean(&account.arn)));
    }
    let ahead = matches!(view.state, SetupState::Planned | SetupState::Blocked | SetupState::Nothing);
    if ahead {
        lines.push(paint.quiet(&legend(view)));
    } else {
        lines.push(format!("{}: {}", view.id, state(view.state)));
    }
    lines.push(String::new());
    for step in &view.steps {
        if ahead {
            lines.extend(planned(step, view.accounts.len() > 1, paint));
        } else {
            lines.push(step_line(step, paint));
            lines.extend(why(step));
        }
    }
    if !view.proofs.is_empty() {
        lines.extend([String::new(), if ahead { "Then shown by really calling:" } else { "Shown by really calling:" }.to_owned()]);
        lines.extend(view.proofs.iter().flat_map(|proof| proof_lines(proof, paint)));
    }
    if !view.missing.is_empty() {
        lines.extend([String::new(), "These permissions are missing, so nothing can be sent:".to_owned()]);
        for missing in &view.missing {
            lines.push(format!("{} {}: {} on {}", paint.sign('!'), missing.profile, missing.action, clean(&missing.resource)));
            lines.extend(Some(format!("    {}", clean(&missing.why))).filter(|_| !missing.why.is_empty()));
        }
    }
    let warnings = view.warnings.iter().chain(&view.left).map(|warning| format!("{} {}", paint.with("33", "warning:"), clean(warning)));
    lines.extend(warnings.enumerate().flat_map(|(index, line)| (index == 0).then(String::new).into_iter().chain([line])));
    for text in &view.notes {
        lines.extend([String::new(), note(text)]);
    }
    if let Some(error) = view.error.as_ref().filter(|_| !ahead) {
        lines.extend([String::new(), format!("{} {}", paint.with("31", "error:"), clean(&error.message)), format!("hint: {}", clean(&error.hint))]);
    }
    lines.join("\n")
}

/// What the signs mean that are used.
fn legend(view: &SetupView) -> String {
    let used = |standing: &Standing| view.steps.iter().any(|step| step.standing == *standing);
    let all = [Standing::New, Standing::Change, Standing::Remove, Standing::Exists, Standing::Conflict, Standing::Unknown];
    let told: Vec<_> = all.iter().filter(|standing| used(standing)).map(|standing| sign(*standing)).map(|(sign, word)| format!("{sign} {word}")).collect();
    told.join("   ")
}

const fn sign(standing: Standing) -> (char, &'static str) {
    match standing {
        Standing::New => ('+', "is made"),
        Standing::Exists => ('=', "is there already"),
        Standing::Change => ('~', "is changed"),
        Standing::Remove => ('-', "goes"),
        Standing::Conflict => ('!', "something is in the way"),
        Standing::Unknown => ('?', "could not be looked at"),
    }
}

/// A step that is ahead: its call, and what it writes.
fn planned(step: &SetupStep, many_accounts: bool, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("{} {}", paint.sign(sign(step.standing).0), clean(&step.title))];
    let place = match &step.account_id {
        None => "on this computer".to_owned(),
        Some(account) if many_accounts => format!("{} in {account}", step.action),
        Some(_) => step.action.clone(),
    };
    let mut call = vec![place];
    call.extend(Some(clean(&step.detail)).filter(|detail| !detail.is_empty()));
    call.extend(step.irreversible.then(|| "cannot be undone".to_owned()));
    lines.push(paint.quiet(&format!("    {}", call.join("; "))));
    let diff = files::unified_lines(&step.diff);
    if !diff.is_empty() {
        lines.extend(diff.lines().map(|line| coloured(line, paint)));
    } else if let Some(document) = step.document.as_ref().filter(|_| step.standing != Standing::Exists) {
        lines.push(format!("    {}:", clean(&document.title)));
        lines.extend(document.text.lines().map(|line| format!("      {}", clean(line))));
    }
    lines.extend(why(step));
    lines
}

fn coloured(line: &str, paint: Paint) -> String {
    let text = clean(line);
    let text = match line.as_bytes().first() {
        Some(b'+') => paint.with("32", &text),
        Some(b'-') => paint.with("31", &text),
        _ => text,
    };
    format!("      {text}")
}

fn why(step: &SetupStep) -> Vec<String> {
    let Some(error) = &step.error else { return Vec::new() };
    let mut lines = vec![format!("    why:     {}", clean(&error.message))];
    lines.extend(Some(format!("    way out: {}", clean(&error.hint))).filter(|_| !error.hint.is_empty()));
    lines
}

/// A step and how far it is, on one line.
pub(crate) fn step_line(step: &SetupStep, paint: Paint) -> String {
    let (title, done) = (clean(&step.title), clean(&step.done_title));
    let made = step.made.as_ref().map(|made| format!(": {}", clean(made))).unwrap_or_default();
    match step.state {
        StepState::Pending => format!("· {title}"),
        StepState::Exists => format!("= {title}: is there already"),
        StepState::Running => format!("… {title}"),
        StepState::Done => format!("{} {done}{made}{}", paint.sign('✓'), took(step.took, paint)),
        StepState::Failed => format!("{} {title}", paint.sign('✗')),
        StepState::Undone if step.action == "Wait" => "↶ no longer waiting".to_owned(),
        StepState::Undone => format!("↶ taken back: {done}"),
    }
}

fn took(milliseconds: Option<u64>, paint: Paint) -> String {
    let Some(milliseconds) = milliseconds else { return String::new() };
    let tenths = (milliseconds + 50) / 100;
    format!(" {}", paint.quiet(&format!("({}.{} s)", tenths / 10, tenths % 10)))
}

/// A proof and what came of it; where that is a defect, with the statements that allow it.
pub(crate) fn proof_lines(proof: &SetupProof, paint: Paint) -> Vec<String> {
    let said = proof.said.as_ref().map(|said| format!(": {}", clean(said))).unwrap_or_default();
    let title = clean(&proof.title);
    let mut lines = vec![match proof.state {
        StepState::Pending | StepState::Exists => format!("· {title}: must be {}", expected(proof.expected)),
        StepState::Running => format!("… {title}"),
        StepState::Done => format!("{} {}{said}{}", paint.sign('✓'), clean(&proof.done_title), took(proof.took, paint)),
        StepState::Failed => format!("{} {title}: must be {}{}", paint.sign('✗'), expected(proof.expected), outcome(proof)),
        StepState::Undone => format!("↶ {title}"),
    }];
    if proof.state == StepState::Failed {
        lines.extend(proof.said.as_ref().map(|said| format!("    AWS said: {}", clean(said))));
    }
    for statement in &proof.because {
        let sid = statement.sid.as_ref().map(|sid| format!(" ({})", clean(sid))).unwrap_or_default();
        lines.push(format!("    because of statement {}{sid} of {}:", statement.number, clean(&statement.policy)));
        lines.extend(statement.text.lines().map(|line| format!("      {}", clean(line))));
    }
    lines
}

fn outcome(proof: &SetupProof) -> String {
    proof.outcome.map_or_else(|| ", and could not be tried".to_owned(), |outcome| format!(", and was {}", expected(outcome)))
}

/// In a word.
pub(crate) const fn expected(expected: Expected) -> &'static str {
    match expected {
        Expected::Allowed => "allowed",
        Expected::Denied => "refused",
    }
}

/// A text for somebody, to be copied.
pub(crate) fn note(note: &SetupNote) -> String {
    let text: Vec<_> = note.text.lines().map(|line| format!("  {}", clean(line))).collect();
    format!("{}:\n{}", clean(&note.title), text.join("\n"))
}

/// What it waits for now.
pub(crate) fn waits_for(view: &SetupView) -> Option<String> {
    let steps = view.steps.iter().map(|step| (step.state, &step.waits_for, &step.title));
    let proofs = view.proofs.iter().map(|proof| (proof.state, &proof.waits_for, &proof.title));
    let mut all = steps.chain(proofs);
    let waiting = all.clone().find_map(|(_, waits, _)| waits.as_deref());
    waiting.or_else(|| all.find(|(state, ..)| *state == StepState::Running).map(|(_, _, title)| title.as_str())).map(clean)
}

/// A state in words.
pub(crate) const fn state(state: SetupState) -> &'static str {
    match state {
        SetupState::Planned => "a plan; nothing was sent",
        SetupState::Blocked => "a plan that cannot be applied; nothing was sent",
        SetupState::Nothing => "nothing to do",
        SetupState::Applying => "under way",
        SetupState::Stopped => "stopped",
        SetupState::Waiting => "waits",
        SetupState::Done => "done",
        SetupState::Defect => "done, with a defect",
        SetupState::Undoing => "being taken back",
        SetupState::Undone => "taken back",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A step of creating a user.
    pub(crate) fn step(id: &str) -> SetupStep {
        let value = json!({
            "id": id, "action": "CreateUser", "title": "Create the IAM user dana", "done_title": "Created the IAM user dana", "detail": "tagged team = payments",
            "account_id": "111122223333", "standing": "new", "state": "pending", "request": {"UserName": "dana"}, "document": null, "diff": [], "error": null,
            "permissions": [], "irreversible": false, "waits_for": null, "made": null, "took": null,
        });
        serde_json::from_value(value).unwrap()
    }

    /// A proof that a refusal holds.
    pub(crate) fn proof() -> SetupProof {
        let value = json!({
            "id": "p1", "action": "AssumeRole", "title": "Assume the role deploy without an MFA code", "done_title": "Was refused the role without an MFA code",
            "expected": "denied", "state": "pending", "said": "AccessDenied", "because": [], "waits_for": null, "took": null,
        });
        serde_json::from_value(value).unwrap()
    }

    /// A plan with a user, a policy and a proof.
    pub(crate) fn plan() -> SetupView {
        let mut policy = step("2");
        policy.action = "PutUserPolicy".to_owned();
        policy.title = "Let dana assume the role deploy".to_owned();
        policy.done_title.clone_from(&policy.title);
        policy.detail = String::new();
        policy.document =
            serde_json::from_value(json!({"title": "Policy AssumeDeploy of the user dana", "text": "{\n  \"Version\": \"2012-10-17\"\n}"})).unwrap();
        let value = json!({
            "id": "user-dana-1", "kind": "user", "title": "New IAM user dana", "at": "2026-11-23T10:15:00Z", "state": "planned",
            "accounts": [{"account_id": "111122223333", "alias": "acme", "profile": "admin", "arn": "arn:aws:iam::111122223333:user/root-ish"}],
            "steps": [], "verification": [], "warnings": [], "missing": [], "notes": [], "error": null, "waits_until": null, "undoable": false, "resumable": false,
            "left": [], "revision": 1,
        });
        let view: SetupView = serde_json::from_value(value).unwrap();
        SetupView { steps: vec![step("1"), policy], proofs: vec![proof()], ..view }
    }

    #[test]
    fn a_plan_says_what_is_sent_where_and_what_is_shown_after() {
        let told = told(&plan(), Paint::default());
        let expected = [
            "New IAM user dana",
            "in account 111122223333 (acme), as admin (arn:aws:iam::111122223333:user/root-ish)",
            "+ is made",
            "",
            "+ Create the IAM user dana",
            "    CreateUser; tagged team = payments",
            "+ Let dana assume the role deploy",
            "    PutUserPolicy",
            "    Policy AssumeDeploy of the user dana:",
            "      {",
            "        \"Version\": \"2012-10-17\"",
            "      }",
            "",
            "Then shown by really calling:",
            "· Assume the role deploy without an MFA code: must be refused",
        ];
        assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_in_the_way_comes_with_its_way_out() {
        let mut view = plan();
        view.state = SetupState::Blocked;
        view.steps[0].standing = Standing::Conflict;
        view.steps[0].error =
            serde_json::from_value(json!({"code": "invalid_value", "message": "There is a user dana", "hint": "Go on with it: --existing"})).unwrap();
        view.steps[1].diff =
            serde_json::from_value(json!([{"kind": "removed", "old": 1, "new": null, "text": "a"}, {"kind": "added", "old": null, "new": 1, "text": "b"}]))
                .unwrap();
        view.missing =
            serde_json::from_value(json!([{"profile": "admin", "action": "iam:PutUserPolicy", "resource": "arn:u", "why": "no statement allows it"}])).unwrap();
        view.warnings = vec!["A wildcard\u{1b}[2J".to_owned()];
        let told = told(&view, Paint::default());
        for part in [
            "! Create the IAM user dana\n",
            "    why:     There is a user dana\n    way out: Go on with it: --existing\n",
            "    PutUserPolicy\n      -a\n      +b\n",
            "! admin: iam:PutUserPolicy on arn:u\n    no statement allows it\n",
            "\nwarning: A wildcard\\u{1b}[2J",
        ] {
            assert!(told.contains(part), "{part:?} is not in {told}");
        }
        assert!(!told.contains("2012-10-17"), "the difference stands for the document");
    }

    #[test]
    fn the_json_has_a_difference_as_text_or_none() {
        let mut view = plan();
        view.steps[1].diff = serde_json::from_value(json!([{"kind": "added", "old": null, "new": 1, "text": "b"}])).unwrap();
        let json = json(&view);
        assert_eq!(json["steps"][0].get("diff"), None);
        assert_eq!(json["steps"][1]["diff"], "+b\n");
        assert_eq!((&json["id"], &json["kind"], &json["steps"][0]["state"]), (&json!("user-dana-1"), &json!("user"), &json!("pending")));
        assert_eq!((&json["verification"][0]["expected"], json["verification"][0].get("outcome")), (&json!("denied"), None));
    }

    #[test]
    fn a_refusal_that_succeeded_is_shown_with_the_statement_that_allows_it() {
        let mut proof = proof();
        (proof.state, proof.outcome, proof.said) = (StepState::Failed, Some(Expected::Allowed), Some("a session".to_owned()));
        let statement = json!({"policy": "Trust policy", "kind": "resource", "sid": "Open", "number": 2, "denies": false, "text": "{\"Effect\": \"Allow\"}"});
        proof.because = serde_json::from_value(json!([statement])).unwrap();
        let expected = [
            "✗ Assume the role deploy without an MFA code: must be refused, and was allowed",
            "    AWS said: a session",
            "    because of statement 2 (Open) of Trust policy:",
            "      {\"Effect\": \"Allow\"}",
        ];
        assert_eq!(proof_lines(&proof, Paint::default()), expected);
    }
}
