//! Notifications: what has to be told to somebody who looks elsewhere, each with the one thing to do about it.
//!
//! A notification that offers an action waits for it on a thread of its own, and only so many wait at a time. Whether a
//! notification is shown now or kept back (do not disturb) is the business of the desktop's notification server. On Linux any program
//! can send what looks like a press, so that answers to questions are heard in `presses` only.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use notify_rust::Notification;
use stagedoor_core::{
    error::{Code, Error},
    model::{profile::ProfileName, prompt::PromptAnswer, snapshot::Event},
};
use tauri::{AppHandle, Manager};
use time::{OffsetDateTime, UtcOffset};

use crate::{desk, prompting, window};

/// The most notifications that wait for an action at a time.
const WAITING: usize = 8;

/// What servers call the actions, in their order.
const KEYS: [&str; 4] = ["act", "second", "third", "fourth"];

/// How many wait now.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

/// What is said, and what a press does.
pub(crate) struct Note {
    pub(crate) summary: String,
    pub(crate) body: String,
    /// The first is also what a press on the notification itself does.
    pub(crate) actions: Vec<(&'static str, Act)>,
    /// The question that it is about: it is closed with it.
    pub(crate) prompt: Option<u64>,
}

#[derive(Clone)]
pub(crate) enum Act {
    Start(ProfileName),
    Ask(ProfileName, Error),
    Answer(u64, PromptAnswer),
    OpenWindow,
}

/// Tells a moment, if it is one to be told.
pub(crate) fn about(app: &AppHandle, event: &Event) {
    let note = match event {
        Event::SessionEnding { profile, expiration } => Note {
            summary: format!("{profile} ends at {}", clock_time(*expiration)),
            body: "Its MFA session ends; a code is needed to go on".to_owned(),
            actions: vec![("Renew", Act::Start(profile.clone()))],
            prompt: None,
        },
        Event::RenewalFailed { profile, error } => trouble(format!("{profile} could not be renewed"), error),
        Event::LeaseRenewalFailed { lease, profile, error } => trouble(format!("The lease {lease} of {profile} could not be renewed"), error),
        Event::PersonNeeded { profile, who, error } => Note {
            summary: format!("{who} wants {profile}"),
            body: sentences(error),
            actions: vec![if matches!(error.code, Code::MfaCodeRequired | Code::MfaCodeRefused) {
                ("Type code", Act::Ask(profile.clone(), error.clone()))
            } else {
                ("Open", Act::OpenWindow)
            }],
            prompt: None,
        },
        Event::Prompted { prompt, .. } => prompting::note(prompt),
        Event::ClockWrong { error } => trouble("The clock is wrong".to_owned(), error),
        Event::SetupDue { title, .. } => Note {
            summary: format!("{title}: the wait is over"),
            body: "Go on in Setup to finish it, or undo it there".to_owned(),
            actions: vec![("Open", Act::OpenWindow)],
            prompt: None,
        },
        Event::ShowWindow | Event::Ended => return,
    };
    show(app, note);
}

/// Tells that a profile did not start.
pub(crate) fn failed(app: &AppHandle, profile: &ProfileName, error: &Error) {
    show(app, trouble(format!("{profile} did not start"), error));
}

/// Tells that a press in the tray came to nothing.
pub(crate) fn refused(app: &AppHandle, error: &Error) {
    show(app, Note { summary: error.message.clone(), body: error.hint.clone(), actions: vec![("Open", Act::OpenWindow)], prompt: None });
}

fn trouble(summary: String, error: &Error) -> Note {
    Note { summary, body: sentences(error), actions: vec![("Open", Act::OpenWindow)], prompt: None }
}

fn sentences(error: &Error) -> String {
    format!("{}. {}.", error.message, error.hint.trim_end_matches('.'))
}

/// `15:42` on the person's clock; with `UTC` where the system does not tell its offset.
fn clock_time(at: OffsetDateTime) -> String {
    let (offset, zone) = UtcOffset::local_offset_at(at).map_or((UtcOffset::UTC, " UTC"), |offset| (offset, ""));
    let at = at.to_offset(offset);
    format!("{:02}:{:02}{zone}", at.hour(), at.minute())
}

fn show(app: &AppHandle, note: Note) {
    if !desk::of(app).agent.snapshot().borrow().settings.notifications {
        return;
    }
    app.manage(Count::default());
    let waiting = app.state::<Count>().inner().clone();
    let may_wait = waiting.0.fetch_add(1, Ordering::Relaxed) < WAITING;
    let app = app.clone();
    std::thread::spawn(move || {
        #[cfg(target_os = "linux")]
        let presses = note.prompt.filter(|_| may_wait).and_then(|_| prompting::listen());
        let mut notification = Notification::new();
        notification.appname("Stagedoor").summary(&note.summary).body(&note.body).icon("stagedoor-desktop");
        if may_wait {
            // Servers tell the key of what was pressed; "default" is a press on the notification itself.
            for (key, (label, _)) in KEYS.iter().zip(&note.actions) {
                notification.action(key, label);
            }
            if let Some((label, _)) = note.actions.first() {
                notification.action("default", label);
            }
        }
        match notification.show() {
            Ok(shown) if may_wait => {
                #[cfg(target_os = "linux")]
                if let Some(prompt) = note.prompt {
                    prompting::shown(&app, prompt, shown.id(), presses, note.actions.clone());
                }
                shown.wait_for_action(|key| match act(key, &note.actions) {
                    #[cfg(target_os = "linux")]
                    Some(Act::Answer(prompt, _)) => prompting::not_proven(&app, prompt),
                    Some(act) => perform(&app, act),
                    None => {}
                });
            }
            Ok(_) => {}
            // No server, no notification: the tray's icon and the window tell the same.
            Err(error) => tracing::warn!("a notification could not be shown: {error}"),
        }
        waiting.0.fetch_sub(1, Ordering::Relaxed);
    });
}

/// What the press that a server calls `key` does.
pub(crate) fn act(key: &str, actions: &[(&'static str, Act)]) -> Option<Act> {
    let at = if key == "default" { Some(0) } else { KEYS.iter().position(|known| *known == key) };
    actions.get(at?).map(|(_, act)| act.clone())
}

pub(crate) fn perform(app: &AppHandle, act: Act) {
    match act {
        Act::Start(profile) => desk::start(app, profile),
        Act::Ask(profile, error) => desk::ask(app, profile, error),
        Act::Answer(id, answer) => {
            if let Err(error) = desk::of(app).agent.answer_prompt(id, answer) {
                refused(app, &error);
            }
        }
        Act::OpenWindow => window::show(app),
    }
}
