//! The one window: made when somebody asks for it, gone when it is closed. The tray and the agent live on without it.
//!
//! It loads our own page and nothing else, and opens no other window. Without one the app needs an eighth of the memory, so none
//! is made before it is asked for.

use stagedoor_core::model::snapshot::Theme;
use tauri::{AppHandle, Manager, PhysicalPosition, PhysicalSize, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder, WindowEvent};

use crate::{desk, place::Place, watch};

/// Its label, as the capability in `tauri.conf.json` names it.
pub(crate) const MAIN: &str = "main";

/// Shows the window, from any thread; makes it where there is none.
pub(crate) fn show(app: &AppHandle) {
    let handle = app.clone();
    // Refused only when the app is ending, and then there is nothing to show.
    let _ = app.run_on_main_thread(move || match handle.get_webview_window(MAIN) {
        Some(window) => {
            let _ = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
        }
        None => {
            if let Err(error) = create(&handle) {
                tracing::error!("the window could not be made: {error}");
            }
        }
    });
}

/// Gives the window, where there is one, the theme that the person chose.
pub(crate) fn set_theme(app: &AppHandle, theme: Theme) {
    if let Some(window) = app.get_webview_window(MAIN) {
        let _ = window.set_theme(native(theme));
    }
}

/// Keeps the window's place, where there is a window.
pub(crate) fn remember(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let desk = desk::of(app);
    if let (Ok(position), Ok(size), Ok(maximized)) = (window.outer_position(), window.inner_size(), window.is_maximized()) {
        let last = Place::load(&desk.paths).filter(|_| maximized);
        let now = Place { x: position.x, y: position.y, width: size.width, height: size.height, maximized };
        // A maximized window goes back to the size that it had before.
        last.map_or(now, |last| Place { maximized, ..last }).save(&desk.paths);
    }
}

fn create(app: &AppHandle) -> tauri::Result<()> {
    watch::no_longer_listening(app);
    let desk = desk::of(app);
    let theme = desk.agent.snapshot().borrow().settings.theme;
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Stagedoor")
        .inner_size(1180.0, 760.0)
        .min_inner_size(640.0, 480.0)
        .theme(native(theme))
        .on_navigation(ours)
        .on_new_window(|_, _| tauri::webview::NewWindowResponse::Deny)
        .visible(false)
        .build()?;
    if let Some(place) = Place::load(&desk.paths) {
        restore(&window, place)?;
    }
    let handle = app.clone();
    window.on_window_event(move |event| match event {
        WindowEvent::CloseRequested { .. } => remember(&handle),
        WindowEvent::Destroyed => watch::no_longer_listening(&handle),
        _ => {}
    });
    window.show()?;
    window.set_focus()
}

fn restore(window: &WebviewWindow, place: Place) -> tauri::Result<()> {
    window.set_size(PhysicalSize::new(place.width, place.height))?;
    let reachable = |screen: &tauri::Monitor| place.reachable(screen.position().x, screen.position().y, screen.size().width, screen.size().height);
    if window.available_monitors()?.iter().any(reachable) {
        window.set_position(PhysicalPosition::new(place.x, place.y))?;
    }
    if place.maximized { window.maximize() } else { Ok(()) }
}

/// The window shows what came with the app and nothing else.
fn ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => true,
        // Windows serves the same under a name that leads nowhere.
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => url.as_str() == "about:blank",
    }
}

const fn native(theme: Theme) -> Option<tauri::Theme> {
    match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    }
}
