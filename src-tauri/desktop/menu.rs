//! What the tray's menu says, as a pure function of the snapshot and the time. Knows no Tauri.
//!
//! Linux trays are menu-only, so everything a person does fifty times a day is one entry away: stop or use what is active,
//! start a favourite or a recent one. Two menus of the same [`shape`] differ in their labels alone; `tray.rs` then renames
//! entries in place, because a rebuilt menu closes under the pointer.

use stagedoor_core::model::{
    profile::ProfileName,
    prompt::{PromptKind, PromptView},
    snapshot::{ProfileView, SessionState, SessionView, Snapshot},
};
use time::{Duration, OffsetDateTime};

/// The most favourites and the most recents that are offered.
const OFFERED: usize = 10;
/// From here on a session is told to be ending.
const ENDING: Duration = Duration::minutes(10);

/// What a press on an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Press {
    /// Start a profile.
    Start(ProfileName),
    /// Stop it.
    Stop(ProfileName),
    /// Open the console with its session.
    OpenConsole(ProfileName),
    /// Copy its environment.
    CopyEnvironment(ProfileName),
    /// Show the window.
    OpenWindow,
    /// Stop everything.
    StopAll,
    /// Hand out nothing until it is unlocked.
    Lock,
    /// End the app.
    Quit,
}

/// One entry of the menu, or a line between entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Something to press.
    Button { press: Press, label: String },
    /// An active session with what can be done with it.
    Session { profile: ProfileName, label: String, buttons: Vec<(Press, &'static str)> },
    /// Words that cannot be pressed.
    Words { label: String },
    /// A line.
    Rule,
}

/// What the icon tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// No session.
    Idle,
    /// At least one.
    Active,
    /// One of them needs a person, or is about to end.
    Attention,
}

impl Entry {
    /// The label, `&` doubled because menus take it for a mnemonic.
    pub(crate) fn label(&self) -> Option<String> {
        match self {
            Self::Button { label, .. } | Self::Session { label, .. } | Self::Words { label } => Some(label.replace('&', "&&")),
            Self::Rule => None,
        }
    }

    /// Whether `other` is the same entry, perhaps under another label.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Button { press: a, .. }, Self::Button { press: b, .. }) => a == b,
            (Self::Session { profile: a, buttons: x, .. }, Self::Session { profile: b, buttons: y, .. }) => a == b && x == y,
            (Self::Words { .. }, Self::Words { .. }) | (Self::Rule, Self::Rule) => true,
            (Self::Button { .. } | Self::Session { .. } | Self::Words { .. } | Self::Rule, _) => false,
        }
    }
}

/// Whether two menus have the same entries in the same order.
pub(crate) fn same_shape(a: &[Entry], b: &[Entry]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
}

/// The menu for this moment.
pub(crate) fn entries(snapshot: &Snapshot, now: OffsetDateTime) -> Vec<Entry> {
    let (mut running, rest): (Vec<_>, Vec<_>) = snapshot.profiles.iter().partition(|profile| live(profile).is_some());
    running.sort_by_key(|profile| live(profile).and_then(|session| session.expiration));
    let startable = || rest.iter().copied().filter(|profile| profile.error.is_none());
    let favourites: Vec<_> = startable().filter(|profile| profile.favourite).take(OFFERED).collect();
    let mut recents: Vec<_> = startable().filter(|profile| !profile.favourite && profile.last_used.is_some()).collect();
    recents.sort_by_key(|profile| std::cmp::Reverse(profile.last_used));
    recents.truncate(OFFERED);

    if snapshot.secrets.locked {
        let words = Entry::Words { label: "Locked".to_owned() };
        return vec![words, Entry::Rule, button(Press::OpenWindow, "Unlock Stagedoor"), button(Press::Quit, "Quit Stagedoor")];
    }
    let mut menu = prompt_entries(snapshot);
    if running.is_empty() {
        menu.push(Entry::Words { label: "No active session".to_owned() });
    }
    let any_running = !running.is_empty();
    menu.extend(running.into_iter().map(|profile| session_entry(profile, now)));
    menu.push(Entry::Rule);
    let offered = favourites.into_iter().chain(recents).map(|profile| start_entry(profile)).collect::<Vec<_>>();
    if !offered.is_empty() {
        menu.extend(offered);
        menu.push(Entry::Rule);
    }
    menu.push(button(Press::OpenWindow, "Open Stagedoor"));
    if any_running {
        menu.push(button(Press::StopAll, "Stop all sessions"));
    }
    menu.push(button(Press::Lock, "Lock"));
    menu.push(button(Press::Quit, "Quit Stagedoor"));
    menu
}

/// The icon for this moment.
pub(crate) fn mood(snapshot: &Snapshot, now: OffsetDateTime) -> Mood {
    let sessions = || snapshot.profiles.iter().filter_map(|profile| profile.session.as_ref());
    if !snapshot.prompts.is_empty() || sessions().any(|session| wants_person(session, now)) {
        Mood::Attention
    } else if sessions().any(|session| session.state == SessionState::Active) {
        Mood::Active
    } else {
        Mood::Idle
    }
}

/// What the pointer is told over the icon.
pub(crate) fn tooltip(snapshot: &Snapshot) -> String {
    if let [prompt, ..] = &snapshot.prompts[..] {
        return format!("Stagedoor: {}", wants(prompt));
    }
    match snapshot.profiles.iter().filter(|profile| live(profile).is_some()).count() {
        _ if snapshot.secrets.locked => "Stagedoor is locked".to_owned(),
        0 => "Stagedoor: no active session".to_owned(),
        1 => "Stagedoor: 1 active session".to_owned(),
        count => format!("Stagedoor: {count} active sessions"),
    }
}

/// The time left in words: `3 h 12 min`, `47 min`, `less than a minute`.
pub(crate) fn time_left(left: Duration) -> String {
    match (left.whole_hours(), left.whole_minutes() % 60) {
        (hours, minutes) if hours > 0 => format!("{hours} h {minutes:02} min"),
        (_, minutes) if minutes > 0 => format!("{minutes} min"),
        _ => "less than a minute".to_owned(),
    }
}

/// The session of a profile, if it has or is getting credentials.
fn live(profile: &ProfileView) -> Option<&SessionView> {
    profile.session.as_ref().filter(|session| match session.state {
        SessionState::Active | SessionState::Starting => true,
        SessionState::Failed => false,
    })
}

/// Whether a person has to do something soon: type a code, or see why it failed.
fn wants_person(session: &SessionView, now: OffsetDateTime) -> bool {
    let soon = |at: Option<OffsetDateTime>| at.is_some_and(|at| at - now <= ENDING);
    match session.state {
        SessionState::Active => soon(session.needs_person_at) || (session.renews_at.is_none() && soon(session.expiration)) || session.error.is_some(),
        SessionState::Starting => false,
        SessionState::Failed => true,
    }
}

/// Who wants what, in words: `terraform wants prod-admin`.
pub(crate) fn wants(prompt: &PromptView) -> String {
    let name = prompt.askers.first().map_or("A program", |asker| asker.name.as_str());
    match (prompt.kind, prompt.waiting) {
        (PromptKind::StopAsking, _) => format!("{name} wants {} to stop asking", prompt.profile),
        (_, 0 | 1) => format!("{name} wants {}", prompt.profile),
        (_, count) => format!("{name} and {} more want {}", count - 1, prompt.profile),
    }
}

/// What waits for a person stands first; the window has the question.
fn prompt_entries(snapshot: &Snapshot) -> Vec<Entry> {
    let mut entries: Vec<_> = snapshot.prompts.iter().take(OFFERED).map(|prompt| button(Press::OpenWindow, &wants(prompt))).collect();
    if !entries.is_empty() {
        entries.push(Entry::Rule);
    }
    entries
}

fn session_entry(profile: &ProfileView, now: OffsetDateTime) -> Entry {
    let name = &profile.name;
    let session = live(profile);
    let starting = session.is_some_and(|session| session.state == SessionState::Starting);
    let label = match session.and_then(|session| session.expiration.map(|end| (session, end - now))) {
        Some((session, left)) if left <= ENDING && session.renews_at.is_none() => format!("{name} — ends in {}", time_left(left)),
        Some((_, left)) => format!("{name} — {}", time_left(left)),
        None if starting => format!("{name} — starting"),
        None => name.to_string(),
    };
    let mut buttons = vec![(Press::Stop(name.clone()), "Stop")];
    if !starting {
        buttons.insert(0, (Press::CopyEnvironment(name.clone()), "Copy environment"));
        buttons.insert(0, (Press::OpenConsole(name.clone()), "Open console"));
    }
    Entry::Session { profile: name.clone(), label, buttons }
}

fn start_entry(profile: &ProfileView) -> Entry {
    let failed = profile.session.as_ref().is_some_and(|session| session.state == SessionState::Failed);
    let label = if failed { format!("Start {} — failed", profile.name) } else { format!("Start {}", profile.name) };
    Entry::Button { press: Press::Start(profile.name.clone()), label }
}

fn button(press: Press, label: &str) -> Entry {
    Entry::Button { press, label: label.to_owned() }
}
