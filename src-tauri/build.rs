//! Lets Tauri read `tauri.conf.json`; nothing is built here without the `desktop` feature.
fn main() {
    #[cfg(feature = "desktop")]
    tauri_build::build();
}
