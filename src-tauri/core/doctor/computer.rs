//! The computer: what other tools keep of credentials, what becomes of a crash, whether the desktop shows tray icons.
//!
//! None of it is Stagedoor's, and each of it decides what Stagedoor's promises are worth here.

use std::{fs, path::Path};

use crate::{
    model::doctor::{DoctorReport, Finding, Level},
    paths::Paths,
};

pub(super) fn look(report: &mut DoctorReport, paths: &Paths) {
    let aws = paths.aws_config.parent().unwrap_or(&paths.home);
    for (folder, what, why) in [
        ("cli/cache", "role sessions", "They lie there in plain text, and the AWS CLI goes on using them after a session was stopped or revoked"),
        ("sso/cache", "sign-in tokens of IAM Identity Center", "They lie there in plain text; whoever reads one is signed in as you until it ends"),
        ("login/cache", "sign-in sessions of aws login", "They lie there in plain text; whoever reads one is signed in as you until it ends"),
    ] {
        let folder = aws.join(folder);
        let count = documents(&folder);
        if count > 0 {
            let title = format!("The AWS CLI keeps {what} in {} ({count})", paths.told(&folder));
            let finding = Finding::new("aws_cli_cache", Level::Info, "computer", title);
            report.findings.push(finding.because(why).mended_by(format!("rm -r {}", folder.display())));
        }
    }
    core_dumps(report);
}

fn documents(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, |entries| entries.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|end| end == "json")).count())
}

/// Whether a crash of this very process would write its memory somewhere.
#[cfg(target_os = "linux")]
fn core_dumps(report: &mut DoctorReport) {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    let dumpable = dumpable_behavior().is_ok_and(|behavior| behavior != DumpableBehavior::NotDumpable);
    let allowed = getrlimit(Resource::Core).current != Some(0);
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let handler = pattern.trim().strip_prefix('|').and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
    let finding = match (dumpable, allowed, handler) {
        (false, ..) | (true, false, None) => Finding::new("core_dumps", Level::Ok, "computer", "A crash writes no memory to a disk"),
        (true, false, Some(handler)) => {
            Finding::new("core_dumps", Level::Info, "computer", format!("A crash of the app would be handed to {handler}, told to keep none of its memory"))
                .because("The kernel hands it over whatever the limit is; systemd-coredump and apport keep to the limit of zero that comes with it")
        }
        (true, true, _) => Finding::new("core_dumps", Level::Warning, "computer", "A crash would write this program's memory to a disk")
            .because("Its limit for core dumps could not be set to zero")
            .mended_by("ulimit -c 0, then start Stagedoor again"),
    };
    report.findings.push(finding);
}

#[cfg(not(target_os = "linux"))]
const fn core_dumps(_: &mut DoctorReport) {}

/// Whether somebody on the session bus shows tray icons. Blocks.
#[cfg(all(unix, not(target_os = "macos")))]
pub fn tray_host() -> Finding {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let asked = zbus::blocking::Connection::session().and_then(|bus| {
        let name = zbus::names::BusName::try_from(WATCHER)?;
        Ok(zbus::blocking::fdo::DBusProxy::new(&bus)?.name_has_owner(name)?)
    });
    match asked {
        Ok(true) => Finding::new("tray_host", Level::Ok, "desktop", "The desktop shows tray icons"),
        Ok(false) => Finding::new("no_tray_host", Level::Warning, "desktop", "Nobody on this desktop shows tray icons")
            .because(format!(
                "{WATCHER} has no owner on the session bus, so Stagedoor's icon cannot be seen; the window and the command line work all the same"
            ))
            .mended_by("On GNOME, install the extension “AppIndicator and KStatusNotifierItem Support”"),
        Err(_) => Finding::new("no_session_bus", Level::Info, "desktop", "No desktop session answers here")
            .because("There is no session bus (D-Bus): no tray icon, no notifications, and no keychain of the desktop")
            .mended_by("Start Stagedoor in the desktop session; without a desktop, under dbus-run-session"),
    }
}

/// The system draws them itself.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn tray_host() -> Finding {
    Finding::new("tray_host", Level::Ok, "desktop", "The desktop shows tray icons")
}
