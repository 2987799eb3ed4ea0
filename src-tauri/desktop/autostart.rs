//! Whether the app starts, hidden, when the person signs in to the computer.
//!
//! The setting is the agent's; this only makes the system agree with it. A system that refuses is told to the person, and the
//! setting stays what it was.

use auto_launch::{AutoLaunchBuilder, MacOSLaunchMode};
use stagedoor_core::error::{Code, Error, Result};

/// Writes or removes the entry of this program.
pub(crate) fn set(yes: bool) -> Result<()> {
    let refused =
        |why: String| Error::new(Code::File, format!("Starting at sign-in could not be changed: {why}"), "Check the autostart folder of your desktop");
    let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
    let entry = AutoLaunchBuilder::new()
        .set_app_name("Stagedoor")
        .set_app_path(&program.to_string_lossy())
        .set_macos_launch_mode(MacOSLaunchMode::LaunchAgent)
        .set_args(&["--hidden"])
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let done = if yes { entry.enable() } else { entry.disable() };
    done.map_err(|error| refused(error.to_string()))
}
