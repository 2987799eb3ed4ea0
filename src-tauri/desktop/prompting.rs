//! A question to a person, as a notification: who asks for what, with the answers that need no typing.
//!
//! A press on the notification itself opens the window and never answers: it is the press that happens by mistake. When the question
//! is over its notification is closed, so that nobody answers what nobody asks any more.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use stagedoor_core::model::{
    prompt::{PromptAnswer, PromptKind, PromptView},
    snapshot::Snapshot,
};
use tauri::{AppHandle, Manager};

use crate::{
    desk, menu,
    notification::{Act, Note},
};
#[cfg(target_os = "linux")]
use crate::{
    notification::{act, perform},
    presses::{PROVEN_WITHIN, Presses},
    window,
};

/// The notifications that are shown, by the question that each is about.
#[derive(Default)]
struct Shown(Mutex<BTreeMap<u64, Open>>);

/// A notification that is shown.
struct Open {
    id: u32,
    /// Lets go of the server.
    end: Option<Box<dyn FnOnce() + Send>>,
}

/// The notification for a question.
pub(crate) fn note(prompt: &PromptView) -> Note {
    let answer = |label, answer| (label, Act::Answer(prompt.id, answer));
    let mut actions = vec![(if prompt.kind == PromptKind::MfaCode { "Type code" } else { "Open" }, Act::OpenWindow)];
    if prompt.kind != PromptKind::MfaCode {
        actions.push(answer("Allow", PromptAnswer::Allow));
        if prompt.may_remember {
            actions.push(answer("Allow for this session", PromptAnswer::AllowSession));
        }
        actions.push(answer("Deny", PromptAnswer::Deny));
    }
    Note { summary: menu::wants(prompt), body: body(prompt), actions, prompt: Some(prompt.id) }
}

fn body(prompt: &PromptView) -> String {
    let mut lines = Vec::new();
    match prompt.kind {
        PromptKind::MfaCode => lines.push(format!("An MFA code of {} is needed.", prompt.mfa_serial.as_deref().unwrap_or("its device"))),
        PromptKind::Approval | PromptKind::StopAsking => {}
    }
    lines.extend(prompt.gives.filter(|_| prompt.kind == PromptKind::Approval).map(|gives| format!("Allow gives {}.", gives.words())));
    if let Some(role) = &prompt.role_arn {
        lines.push(format!("Role {}", role.rsplit('/').next().unwrap_or(role)));
    }
    if let Some(asker) = prompt.askers.first() {
        let program = asker.script.as_ref().or(asker.executable.as_ref());
        lines.extend(program.map(|program| format!("Program {program}")));
        lines.extend(asker.folder.as_ref().map(|folder| format!("in {folder}")));
    }
    // Servers read mark-up in the text, and a folder may be called anything.
    lines.join("\n").replace(['<', '>', '&'], "_")
}

/// Listens to the notification server itself. Without that the buttons open the window, where the question is too.
#[cfg(target_os = "linux")]
pub(crate) fn listen() -> Option<Presses> {
    Presses::begin().inspect_err(|error| tracing::warn!("the notification server could not be listened to: {error}")).ok()
}

/// A notification is shown: from now on it can be answered and closed.
#[cfg(target_os = "linux")]
pub(crate) fn shown(app: &AppHandle, prompt: u64, id: u32, presses: Option<Presses>, actions: Vec<(&'static str, Act)>) {
    app.manage(Shown::default());
    let presses = presses.filter(Presses::is_server);
    let end = presses.as_ref().map(|presses| -> Box<dyn FnOnce() + Send> { Box::new(presses.ending()) });
    app.state::<Shown>().0.lock().unwrap_or_else(PoisonError::into_inner).insert(prompt, Open { id, end });
    if let Some(presses) = presses {
        let app = app.clone();
        std::thread::spawn(move || match presses.wait(id).and_then(|key| act(&key, &actions)) {
            Some(answer @ Act::Answer(..)) => perform(&app, answer),
            // Whoever says so, a window may be opened: that is done where notify-rust hears it.
            Some(Act::Start(_) | Act::Ask(..) | Act::OpenWindow) | None => {}
        });
    }
    // It may be over by now.
    close_what_is_over(app);
}

/// Somebody says that an answer was pressed. If the server does not say so too, the window opens, and the person answers there.
#[cfg(target_os = "linux")]
pub(crate) fn not_proven(app: &AppHandle, prompt: u64) {
    std::thread::sleep(PROVEN_WITHIN);
    if asked(&desk::of(app).agent.snapshot().borrow(), prompt) {
        window::show(app);
    }
}

/// Closes the notifications of questions that nobody asks any more.
pub(crate) fn close_what_is_over(app: &AppHandle) {
    let Some(shown) = app.try_state::<Shown>() else { return };
    let snapshot = desk::of(app).agent.snapshot().borrow().clone();
    let over: Vec<Open> = {
        let mut shown = shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<u64> = shown.keys().copied().filter(|prompt| !asked(&snapshot, *prompt)).collect();
        over.iter().filter_map(|prompt| shown.remove(prompt)).collect()
    };
    if !over.is_empty() {
        close(over);
    }
}

fn asked(snapshot: &Snapshot, prompt: u64) -> bool {
    snapshot.prompts.iter().any(|open| open.id == prompt)
}

/// Any connection may close a notification; the one that showed it waits for a press.
#[cfg(target_os = "linux")]
fn close(notifications: Vec<Open>) {
    let (ids, ends): (Vec<u32>, Vec<_>) = notifications.into_iter().map(|open| (open.id, open.end)).unzip();
    // Letting go blocks, which a task must not.
    std::thread::spawn(move || ends.into_iter().flatten().for_each(|end| end()));
    tauri::async_runtime::spawn(async move {
        let Ok(bus) = zbus::Connection::session().await else { return };
        let (name, path) = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications");
        for id in ids {
            let _ = bus.call_method(Some(name), path, Some(name), "CloseNotification", &id).await;
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn close(_: Vec<Open>) {}
