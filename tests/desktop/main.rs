//! The real app under a virtual display: its window through WebDriver, its tray and its notifications through D-Bus, its
//! keys in a real keychain. Each test has a whole desktop of its own.
//! Nothing here depends on the machine's own display, bus or keyring.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says why")]

#[expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "methods of an interface that others wrote, behind a macro"
)]
mod bus;
#[path = "../../src-tauri/desktop/clipboard.rs"]
mod clipboard;
mod clipboard_clears;
mod driver;
mod exercise;
mod job;
mod main_job;
#[path = "../../src-tauri/desktop/menu.rs"]
mod menu;
mod menu_says;
mod prompts;
mod sessions;
mod shell;
mod world;
