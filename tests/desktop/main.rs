//! The real app under a virtual display: its window through WebDriver, its tray and its notifications through D-Bus, its
//! keys in a real keychain. Each test has a whole desktop of its own.

mod bus;
mod driver;
mod job;
mod main_job;
#[path = "../../src-tauri/desktop/menu.rs"]
mod menu;
mod menu_says;
mod shell;
mod world;
