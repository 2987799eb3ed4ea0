//! Carries what the agent says to those who show it: the window, the tray, the notifications.
//!
//! One task, one direction. The window is told only while it is there and listens; whoever comes late reads the snapshot.

use std::{sync::PoisonError, time::Duration};

use stagedoor_core::model::snapshot::Event;
use tauri::{AppHandle, Emitter, Listener, Manager};
use tokio::sync::broadcast::error::RecvError;

use crate::{desk, notification, prompting, tray, window};

/// How old the minutes in the tray may become.
const TICK: Duration = Duration::from_secs(20);

/// What the page says as soon as it hears moments.
const LISTENING: &str = "listening";

/// Begins; ends with the app.
pub(crate) fn begin(app: &AppHandle) {
    let app = app.clone();
    let heard = app.clone();
    app.listen_any(LISTENING, move |_| listening(&heard));
    tauri::async_runtime::spawn(async move {
        let (clock, mut snapshots, mut events) = {
            let desk = desk::of(&app);
            (desk.clock.clone(), desk.agent.snapshot(), desk.agent.events())
        };
        loop {
            tray::update(&app);
            tokio::select! {
                changed = snapshots.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    send_snapshot(&app);
                    prompting::close_what_is_over(&app);
                }
                event = events.recv() => match event {
                    Ok(event) => moment(&app, event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
                () = clock.sleep_until(clock.now() + TICK) => {}
            }
        }
    });
}

/// Tells the window a moment now, or as soon as its page listens.
pub(crate) fn tell(app: &AppHandle, event: Event) {
    let desk = desk::of(app);
    let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
    if waiting.listening {
        let _ = app.emit_to(window::MAIN, "moment", event);
    } else {
        waiting.moments.push(event);
    }
}

/// The page listens: it gets what waited for it.
fn listening(app: &AppHandle) {
    let moments = {
        let desk = desk::of(app);
        let mut waiting = desk.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.listening = true;
        std::mem::take(&mut waiting.moments)
    };
    for event in moments {
        tell(app, event);
    }
}

/// There is no page, or a new one.
pub(crate) fn no_longer_listening(app: &AppHandle) {
    desk::of(app).waiting.lock().unwrap_or_else(PoisonError::into_inner).listening = false;
}

fn is_listening(app: &AppHandle) -> bool {
    desk::of(app).waiting.lock().unwrap_or_else(PoisonError::into_inner).listening
}

fn send_snapshot(app: &AppHandle) {
    if app.get_webview_window(window::MAIN).is_some() {
        let snapshot = desk::of(app).agent.snapshot().borrow().clone();
        let _ = app.emit_to(window::MAIN, "snapshot", snapshot.as_ref());
    }
}

fn moment(app: &AppHandle, event: Event) {
    notification::about(app, &event);
    match event {
        Event::ShowWindow => window::show(app),
        Event::Ended => app.exit(0),
        // It is in the snapshot, so the page finds it there. What is asked again and again does not come to the front each time.
        Event::Prompted { again, .. } => {
            if !again {
                window::show(app);
            }
        }
        Event::SessionEnding { .. }
        | Event::RenewalFailed { .. }
        | Event::LeaseRenewalFailed { .. }
        | Event::PersonNeeded { .. }
        | Event::ClockWrong { .. }
        | Event::SetupDue { .. } => {
            if is_listening(app) {
                tell(app, event);
            }
        }
    }
}
