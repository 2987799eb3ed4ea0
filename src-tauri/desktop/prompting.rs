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

/// The notifications that are shown, by the question that each is about.
#[derive(Default)]
struct Shown(Mutex<BTreeMap<u64, u32>>);

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

/// A notification is shown: from now on it can be closed.
pub(crate) fn shown(app: &AppHandle, prompt: Option<u64>, id: u32) {
    let Some(prompt) = prompt else { return };
    app.manage(Shown::default());
    app.state::<Shown>().0.lock().unwrap_or_else(PoisonError::into_inner).insert(prompt, id);
    // It may be over by now.
    close_what_is_over(app);
}

/// Closes the notifications of questions that nobody asks any more.
pub(crate) fn close_what_is_over(app: &AppHandle) {
    let Some(shown) = app.try_state::<Shown>() else { return };
    let snapshot = desk::of(app).agent.snapshot().borrow().clone();
    let over: Vec<u32> = {
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
fn close(notifications: Vec<u32>) {
    tauri::async_runtime::spawn(async move {
        let Ok(bus) = zbus::Connection::session().await else { return };
        let (name, path) = ("org.freedesktop.Notifications", "/org/freedesktop/Notifications");
        for id in notifications {
            let _ = bus.call_method(Some(name), path, Some(name), "CloseNotification", &id).await;
        }
    });
}

#[cfg(not(target_os = "linux"))]
fn close(_: Vec<u32>) {}
