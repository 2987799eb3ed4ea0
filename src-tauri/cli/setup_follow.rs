//! A setup while it is applied, undone or gone on with: begun at the agent, then followed until it stands.
//!
//! The agent does it, whether this program looks or not: Ctrl+C ends only the looking. Each step is told as it is done; what it
//! waits for is shown on a terminal and leaves no trace.

use std::{collections::BTreeMap, process::ExitCode};

use stagedoor_core::{
    agent::{SetupAnswer, SetupRequest},
    error::{Code, Error, Result},
    model::{
        profile::ProfileName,
        setup::{SetupState, SetupView, StepState},
    },
};

use crate::{
    Outside,
    agent::{interrupted, runtime},
    ask, files, print, setup,
    setup_print::{self as print_setup, Paint},
};

/// Begins what is asked for and follows it to its end; `before` is how the setup stood.
pub(crate) fn begin(outside: &Outside, before: &SetupView, what: SetupRequest, json: bool) -> Result<ExitCode> {
    let who: Vec<ProfileName> = before.accounts.iter().map(|account| account.profile.clone()).collect();
    let SetupAnswer::Begun = setup::about(outside, &who, what)? else { return Err(ask::misunderstood()) };
    let watching = runtime()?;
    let id = before.id.clone();
    watching.spawn(async move {
        interrupted().await;
        print::passing("");
        print::say(&format!("The agent goes on with it.\nhint: See how far it is: stagedoor setup show {id}"));
        std::process::exit(130);
    });
    // A document on standard output is for a program; its log needs no steps beside it.
    let mut teller = Teller::new(before, json && !print::can_prompt());
    let mut seen = before.revision;
    let end = loop {
        let now = setup::view(outside, SetupRequest::Follow { id: before.id.clone(), seen })?;
        seen = now.revision;
        teller.tell(&now);
        if !matches!(now.state, SetupState::Applying | SetupState::Undoing) {
            break now;
        }
    };
    print::passing("");
    watching.shutdown_background();
    ended(&end, json)
}

/// Tells each step once, as it is done.
struct Teller {
    told: BTreeMap<String, StepState>,
    silent: bool,
}

impl Teller {
    fn new(before: &SetupView, silent: bool) -> Self {
        let steps = before.steps.iter().map(|step| (step.id.clone(), step.state));
        let proofs = before.proofs.iter().map(|proof| (proof.id.clone(), proof.state));
        Self { told: steps.chain(proofs).collect(), silent }
    }

    /// Whether that is new, and worth a line.
    fn is_news(&mut self, id: &str, state: StepState) -> bool {
        let new = self.told.insert(id.to_owned(), state) != Some(state);
        new && matches!(state, StepState::Done | StepState::Failed | StepState::Undone)
    }

    /// The lines that are new since the last time.
    fn news(&mut self, view: &SetupView, paint: Paint) -> Vec<String> {
        let steps = view.steps.iter().filter(|step| self.is_news(&step.id, step.state)).map(|step| print_setup::step_line(step, paint));
        let mut lines: Vec<_> = steps.collect();
        if matches!(view.state, SetupState::Undoing | SetupState::Undone) {
            lines.reverse();
        }
        for proof in &view.proofs {
            if self.is_news(&proof.id, proof.state) {
                lines.extend(print_setup::proof_lines(proof, paint));
            }
        }
        lines
    }

    fn tell(&mut self, view: &SetupView) {
        let lines = self.news(view, Paint::of_words());
        if self.silent {
            return;
        }
        print::passing("");
        for line in lines {
            print::say(&line);
        }
        if let Some(waits) = print_setup::waits_for(view) {
            print::passing(&format!("  … {waits}"));
        }
    }
}

/// What came of it, and the exit code that says so.
fn ended(view: &SetupView, json: bool) -> Result<ExitCode> {
    if json {
        print::json(&print_setup::json(view))?;
    } else if matches!(view.state, SetupState::Done | SetupState::Defect | SetupState::Waiting) {
        for note in &view.notes {
            print::data(&print_setup::note(note));
        }
    }
    for left in &view.left {
        print::say(&format!("warning: {}", print_setup::clean(left)));
    }
    match outcome(view) {
        Ok(said) => {
            print::say(&said);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
    }
}

/// The last sentence, or the error that it ended with.
fn outcome(view: &SetupView) -> Result<String> {
    let (id, title) = (&view.id, print_setup::clean(&view.title));
    // An undo that was refused leaves the setup as it stood, and says why.
    if view.error.is_some() {
        return Err(stopped(view));
    }
    let undo = || if view.undoable { format!("\nhint: Take it back: stagedoor setup undo {id}") } else { String::new() };
    match view.state {
        SetupState::Done => Ok(format!("{title}: done{}.{}", if view.proofs.is_empty() { "" } else { " and proven" }, undo())),
        SetupState::Nothing => Ok("Everything is there already; nothing was sent.".to_owned()),
        SetupState::Undone => Ok(format!("{title}: taken back.")),
        SetupState::Waiting => {
            let until = view.waits_until.map(|until| format!(" until {}", files::moment(until))).unwrap_or_default();
            let what = print_setup::waits_for(view).map(|what| format!(": {what}")).unwrap_or_default();
            let back = if view.undoable { format!("; take it back until then: stagedoor setup undo {id}") } else { String::new() };
            Ok(format!("{title}: waits{until}{what}.\nhint: Go on then: stagedoor setup resume {id}{back}"))
        }
        SetupState::Defect => {
            let failed = view.proofs.iter().find(|proof| proof.state == StepState::Failed);
            let what =
                failed.map(|proof| format!(": {} was to be {}", print_setup::clean(&proof.title), print_setup::expected(proof.expected))).unwrap_or_default();
            let hint = format!("Read the statement above, then mend it or take the setup back: stagedoor setup undo {id}");
            Err(Error::new(Code::AwsRefused, format!("{title} is there, with a defect{what}"), hint))
        }
        SetupState::Applying | SetupState::Undoing | SetupState::Planned | SetupState::Blocked | SetupState::Stopped => Err(stopped(view)),
    }
}

/// What it stopped at, with the ways on.
fn stopped(view: &SetupView) -> Error {
    let (id, title) = (&view.id, print_setup::clean(&view.title));
    let step = || view.steps.iter().find_map(|step| step.error.clone());
    let error = view.error.clone().or_else(step).unwrap_or_else(|| Error::new(Code::Agent, format!("{title} stopped"), ""));
    let mut hints: Vec<_> = Some(error.hint.trim_end_matches('.').to_owned()).filter(|hint| !hint.is_empty()).into_iter().collect();
    if view.resumable {
        hints.push(format!("Go on: stagedoor setup resume {id}"));
    }
    if view.undoable {
        hints.push(format!("Take it back: stagedoor setup undo {id}"));
    }
    if hints.is_empty() {
        hints.push(format!("See how far it is: stagedoor setup show {id}"));
    }
    Error { hint: hints.join("; "), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup_print::tests::{plan, proof, step};

    fn applied(state: SetupState) -> SetupView {
        SetupView { state, undoable: true, resumable: true, ..plan() }
    }

    #[test]
    fn each_step_is_told_once_and_in_the_order_it_was_done() {
        let mut teller = Teller::new(&plan(), false);
        let plain = Paint::default();
        let mut now = applied(SetupState::Applying);
        now.steps[0].state = StepState::Done;
        now.steps[0].took = Some(310);
        now.steps[1].state = StepState::Running;
        assert_eq!(teller.news(&now, plain), ["✓ Created the IAM user dana (0.3 s)"]);
        assert_eq!(teller.news(&now, plain), [""; 0]);
        now.steps[1].state = StepState::Done;
        now.proofs[0].state = StepState::Done;
        assert_eq!(teller.news(&now, plain), ["✓ Let dana assume the role deploy", "✓ Was refused the role without an MFA code: AccessDenied"]);

        now.state = SetupState::Undoing;
        now.steps.iter_mut().for_each(|step| step.state = StepState::Undone);
        assert_eq!(teller.news(&now, plain), ["↶ taken back: Let dana assume the role deploy", "↶ taken back: Created the IAM user dana"]);
    }

    #[test]
    fn the_end_says_what_can_be_done_next() {
        let hint = |view: &SetupView| outcome(view).unwrap_or_else(|error| error.hint);
        assert!(outcome(&applied(SetupState::Done)).unwrap().contains("done and proven"));
        assert!(hint(&applied(SetupState::Done)).ends_with("stagedoor setup undo user-dana-1"));
        assert!(hint(&applied(SetupState::Waiting)).contains("Go on then: stagedoor setup resume user-dana-1"));
        assert!(outcome(&applied(SetupState::Nothing)).unwrap().starts_with("Everything is there already"));
        assert!(outcome(&applied(SetupState::Undone)).unwrap().ends_with("taken back."));

        let mut stopped = applied(SetupState::Stopped);
        stopped.error = Some(Error::new(Code::AwsBusy, "AWS asked to slow down", "Wait a minute"));
        let error = outcome(&stopped).unwrap_err();
        assert_eq!((&*error.message, error.exit_code()), ("AWS asked to slow down", 1));
        assert_eq!(error.hint, "Wait a minute; Go on: stagedoor setup resume user-dana-1; Take it back: stagedoor setup undo user-dana-1");

        let mut refused = applied(SetupState::Done);
        refused.error = Some(Error::new(Code::Conflict, "Nothing was undone, because this changed since: the IAM user dana is another now", ""));
        assert!(outcome(&refused).unwrap_err().message.starts_with("Nothing was undone"));

        let mut defect = applied(SetupState::Defect);
        defect.proofs[0].state = StepState::Failed;
        assert_eq!(
            outcome(&defect).unwrap_err().message,
            "New IAM user dana is there, with a defect: Assume the role deploy without an MFA code was to be refused"
        );
    }

    #[test]
    fn a_code_that_only_a_person_can_give_is_exit_code_three() {
        let mut stopped = applied(SetupState::Stopped);
        stopped.error = Some(Error::mfa_code_required("arn:aws:iam::111122223333:mfa/admin"));
        assert_eq!(outcome(&stopped).unwrap_err().exit_code(), 3);
        assert_eq!((step("1").state, proof().state), (StepState::Pending, StepState::Pending));
    }
}
