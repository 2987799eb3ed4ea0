//! Lets Tauri read `tauri.conf.json`; nothing is built here without the `desktop` feature.
//!
//! The library and the command line need no build script, so that they build without WebKit.
fn main() {
    #[cfg(feature = "desktop")]
    tauri_build::build();
}
