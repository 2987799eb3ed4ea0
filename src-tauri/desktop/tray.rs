//! The tray: the menu of `menu.rs` in the desktop's panel, and an icon that tells how things stand.
//!
//! Labels change in place; only another shape of the menu rebuilds it. Linux trays are menu-only: nothing here waits for a
//! click on the icon. Where there is no tray at all (no session bus), the app runs without one.

use std::sync::Mutex;

use stagedoor_core::error::Error;
use tauri::{
    AppHandle, Manager, Wry,
    image::Image,
    menu::{IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu},
    tray::{TrayIcon, TrayIconBuilder},
};

use crate::{
    desk,
    menu::{self, Entry, Mood, Press},
    notification, window,
};

/// What is shown now, with the handles to change it.
struct Tray {
    icon: TrayIcon,
    shown: Mutex<Shown>,
}

struct Shown {
    entries: Vec<Entry>,
    built: Built,
    mood: Mood,
    tooltip: String,
}

/// A menu with the handles of its entries, and what each of its presses asks for.
struct Built {
    menu: Menu<Wry>,
    handles: Vec<Handle>,
    presses: Vec<(String, Press)>,
}

enum Handle {
    Item(MenuItem<Wry>),
    Session(Submenu<Wry>),
    Rule(PredefinedMenuItem<Wry>),
}

impl Handle {
    fn as_item(&self) -> &dyn IsMenuItem<Wry> {
        match self {
            Self::Item(item) => item,
            Self::Session(submenu) => submenu,
            Self::Rule(rule) => rule,
        }
    }
}

impl Shown {
    /// Gives the entry at `at` another label.
    fn rename(&mut self, app: &AppHandle, at: usize, entry: &Entry, label: &str) -> tauri::Result<()> {
        match (&self.built.handles[at], entry) {
            // On Linux a submenu keeps the label it was made with, so another takes its place.
            (Handle::Session(old), Entry::Session { buttons, .. }) if cfg!(target_os = "linux") => {
                let id_of = |press: &Press| self.built.presses.iter().find(|(_, known)| known == press).map(|(id, _)| id.clone()).unwrap_or_default();
                let new = session(app, label, buttons, id_of)?;
                self.built.menu.remove(old)?;
                self.built.menu.insert(&new, at)?;
                self.built.handles[at] = Handle::Session(new);
                Ok(())
            }
            (Handle::Session(submenu), _) => submenu.set_text(label),
            (Handle::Item(item), _) => item.set_text(label),
            (Handle::Rule(_), _) => Ok(()),
        }
    }
}

/// Puts the icon into the panel. On the main thread.
pub(crate) fn create(app: &AppHandle) -> tauri::Result<()> {
    let (entries, mood, tooltip) = now(app);
    let built = build(app, &entries)?;
    let icon = TrayIconBuilder::with_id("stagedoor")
        .icon(picture(mood)?)
        .tooltip(&tooltip)
        .menu(&built.menu)
        // The default is a shared folder with names that others can guess.
        .temp_dir_path(&desk::of(app).paths.runtime)
        .on_menu_event(|app, event| pressed(app, &event))
        .build(app)?;
    app.manage(Tray { icon, shown: Mutex::new(Shown { entries, built, mood, tooltip }) });
    Ok(())
}

/// Brings the tray up to the snapshot and the time. From any thread.
pub(crate) fn update(app: &AppHandle) {
    let handle = app.clone();
    let _ = app.run_on_main_thread(move || {
        if let Err(error) = refresh(&handle) {
            tracing::warn!("the tray could not be updated: {error}");
        }
    });
}

fn refresh(app: &AppHandle) -> tauri::Result<()> {
    let Some(tray) = app.try_state::<Tray>() else { return Ok(()) };
    let (entries, mood, tooltip) = now(app);
    let mut shown = tray.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if menu::same_shape(&shown.entries, &entries) {
        for (at, after) in entries.iter().enumerate() {
            if let Some(label) = after.label().filter(|label| shown.entries[at].label().as_ref() != Some(label)) {
                shown.rename(app, at, after, &label)?;
            }
        }
    } else {
        let built = build(app, &entries)?;
        tray.icon.set_menu(Some(built.menu.clone()))?;
        shown.built = built;
    }
    shown.entries = entries;
    if shown.mood != mood {
        tray.icon.set_icon(Some(picture(mood)?))?;
        shown.mood = mood;
    }
    if shown.tooltip != tooltip {
        tray.icon.set_tooltip(Some(&tooltip))?;
        shown.tooltip = tooltip;
    }
    Ok(())
}

fn now(app: &AppHandle) -> (Vec<Entry>, Mood, String) {
    let desk = desk::of(app);
    let snapshot = desk.agent.snapshot().borrow().clone();
    let now = desk.clock.now() + time::Duration::seconds(snapshot.agent.clock_offset_seconds);
    (menu::entries(&snapshot, now), menu::mood(&snapshot, now), menu::tooltip(&snapshot))
}

fn build(app: &AppHandle, entries: &[Entry]) -> tauri::Result<Built> {
    let mut presses = Vec::new();
    let mut id_of = |press: &Press| {
        // Entries without a name of ours are numbered by the library, and what has the same name is removed with them.
        let id = format!("press-{}", presses.len());
        presses.push((id.clone(), press.clone()));
        id
    };
    let mut handles = Vec::new();
    for entry in entries {
        let label = entry.label().unwrap_or_default();
        handles.push(match entry {
            Entry::Button { press, .. } => Handle::Item(MenuItem::with_id(app, id_of(press), label, true, None::<&str>)?),
            Entry::Words { .. } => Handle::Item(MenuItem::new(app, label, false, None::<&str>)?),
            Entry::Rule => Handle::Rule(PredefinedMenuItem::separator(app)?),
            Entry::Session { buttons, .. } => Handle::Session(session(app, &label, buttons, &mut id_of)?),
        });
    }
    let menu = Menu::new(app)?;
    for handle in &handles {
        menu.append(handle.as_item())?;
    }
    Ok(Built { menu, handles, presses })
}

fn session(app: &AppHandle, label: &str, buttons: &[(Press, &str)], mut id_of: impl FnMut(&Press) -> String) -> tauri::Result<Submenu<Wry>> {
    let submenu = Submenu::new(app, label, true)?;
    for (press, label) in buttons {
        submenu.append(&MenuItem::with_id(app, id_of(press), label, true, None::<&str>)?)?;
    }
    Ok(submenu)
}

fn pressed(app: &AppHandle, event: &MenuEvent) {
    let press = app.try_state::<Tray>().and_then(|tray| {
        let shown = tray.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shown.built.presses.iter().find(|(id, _)| event.id() == id.as_str()).map(|(_, press)| press.clone())
    });
    if let Some(press) = press {
        act(app, press);
    }
}

fn act(app: &AppHandle, press: Press) {
    match press {
        Press::Start(profile) => desk::start(app, profile),
        Press::OpenWindow => window::show(app),
        Press::Quit => app.exit(0),
        Press::Stop(_) | Press::OpenConsole(_) | Press::CopyEnvironment(_) | Press::StopAll | Press::Lock => {
            let app = app.clone();
            tauri::async_runtime::spawn(async move {
                if let Err(error) = ask_agent(&app, press).await {
                    notification::refused(&app, &error);
                }
            });
        }
    }
}

async fn ask_agent(app: &AppHandle, press: Press) -> Result<(), Error> {
    let desk = desk::of(app);
    match press {
        Press::Stop(profile) => desk.agent.stop(&profile).await,
        Press::OpenConsole(profile) => desk::open_console(&desk, &profile, None).await,
        Press::CopyEnvironment(profile) => desk::copy_environment(&desk, &profile).await,
        Press::StopAll => desk.agent.stop_all().await,
        Press::Lock => desk.agent.lock().await,
        Press::Start(_) | Press::OpenWindow | Press::Quit => Ok(()),
    }
}

/// The drawing of a mood, twice the size at which panels show it. macOS and Windows scale it themselves.
fn picture(mood: Mood) -> tauri::Result<Image<'static>> {
    Image::from_bytes(match mood {
        Mood::Idle => include_bytes!("../../icons/tray-idle-44.png"),
        Mood::Active => include_bytes!("../../icons/tray-active-44.png"),
        Mood::Attention => include_bytes!("../../icons/tray-attention-44.png"),
    })
}
