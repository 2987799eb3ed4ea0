//! What is left when a write fails, or the process is killed, at any of its system calls.
//!
//! Every step of an edit of both AWS files is put in trouble once: it fails in this process, and a child is killed right
//! before and right after it. Each file is then the old or the new one, as private as it was, and the next edit clears away
//! what lies beside and completes the work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    aws_files::{AwsFiles, edit},
    steps::trouble::{self, Kind},
};
use crate::{
    error::Code,
    model::profile::ProfileName,
    paths::{Paths, Platform},
};

const CONFIG: &[u8] = b"# mine\r\n[profile x]\r\nrole_arn = arn:aws:iam::210987654321:role/r\r\nsource_profile = ada\r\nregion = caf\xe9";
const CREDENTIALS: &[u8] = b"[x]\naws_access_key_id = AKIA2STAGEDOOR00001\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";
const HOME: &str = "STAGEDOOR_TEST_HOME";
const STEP: &str = "STAGEDOOR_TEST_STEP";

fn paths(home: &Path) -> Paths {
    Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| home.to_string_lossy().into_owned()))
}

/// What is edited.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Case {
    /// Both files are there; the config lies behind a link.
    Both,
    /// There is no config yet.
    New,
    /// The config goes with our section.
    Gone,
}

fn prepare(home: &Path, case: Case) -> Paths {
    let paths = paths(home);
    let folder = paths.aws_config.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    super::files::write_atomic(&paths.aws_credentials, CREDENTIALS).unwrap();
    match case {
        Case::Both => {
            super::files::write_atomic(&home.join("dotfiles/aws"), CONFIG).unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink("../dotfiles/aws", &paths.aws_config).unwrap();
            #[cfg(not(unix))]
            super::files::write_atomic(&paths.aws_config, CONFIG).unwrap();
        }
        Case::New => {}
        Case::Gone => edit(&paths, Case::New).unwrap(),
    }
    paths
}

fn edit(paths: &Paths, case: Case) -> crate::error::Result<()> {
    let name = ProfileName::new("x");
    match case {
        Case::Both | Case::New => edit::connect(paths, &name, Path::new("/opt/stagedoor/stagedoor")),
        Case::Gone => edit::disconnect(paths, &name),
    }
}

/// What both files hold.
type Both = [Option<Vec<u8>>; 2];

fn now(paths: &Paths) -> Both {
    [fs::read(&paths.aws_config).ok(), fs::read(&paths.aws_credentials).ok()]
}

fn private(paths: &Paths) {
    #[cfg(unix)]
    for path in [&paths.aws_config, &paths.aws_credentials] {
        if let Ok(found) = fs::metadata(path) {
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777, 0o600, "{}", path.display());
        }
    }
    assert!(paths.aws_config.exists() || !paths.aws_config.is_symlink(), "a link to nothing was left");
}

/// What lies about and is no AWS file.
fn left_over(home: &Path) -> Vec<PathBuf> {
    let folders = [home.join(".aws"), home.join("dotfiles")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

/// The steps of an edit, and both files before and after it.
fn unharmed(case: Case) -> (usize, Both, Both) {
    let home = tempfile::tempdir().unwrap();
    let paths = prepare(home.path(), case);
    let before = now(&paths);
    trouble::at(None);
    edit(&paths, case).unwrap();
    let steps = trouble::taken();
    assert!(steps.len() > 8 && steps.contains(&"fsync") && steps.contains(&"write"), "{steps:?}");
    assert_eq!(left_over(home.path()), Vec::<PathBuf>::new());
    private(&paths);
    (steps.len(), before, now(&paths))
}

#[test]
fn a_call_that_fails_leaves_the_files_as_they_were() {
    for case in [Case::Both, Case::New, Case::Gone] {
        let (steps, before, after) = unharmed(case);
        for step in 0..steps {
            let home = tempfile::tempdir().unwrap();
            let paths = prepare(home.path(), case);
            trouble::at(Some((step, Kind::Fails)));
            let done = edit(&paths, case);
            let failed = trouble::taken()[step];
            trouble::at(None);
            let told = format!("{case:?}: step {step}, {failed}");
            match done {
                Ok(()) => assert_eq!(now(&paths), after, "{told}"),
                Err(error) => {
                    assert!(error.code == Code::File && !error.hint.is_empty(), "{told}: {error:?}");
                    assert_eq!(now(&paths), before, "{told}");
                    assert_eq!(left_over(home.path()), Vec::<PathBuf>::new(), "{told}");
                }
            }
            private(&paths);
            edit(&paths, case).unwrap_or_else(|error| panic!("{told}: {error:?}"));
            assert_eq!(now(&paths), after, "{told}");
            assert_eq!(left_over(home.path()), Vec::<PathBuf>::new(), "{told}");
        }
    }
}

#[test]
fn a_kill_at_any_call_leaves_the_old_or_the_new_file() {
    for case in [Case::Both, Case::New, Case::Gone] {
        let (steps, before, after) = unharmed(case);
        for (step, when) in (0..steps).flat_map(|step| [(step, "before"), (step, "after")]) {
            let home = tempfile::tempdir().unwrap();
            let paths = prepare(home.path(), case);
            let own = std::env::current_exe().unwrap();
            let mut child = Command::new(own);
            child.args(["--exact", "store::crash::killed_child", "--ignored"]).env(HOME, home.path()).env(STEP, format!("{case:?} {step} {when}"));
            let status = child.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            let told = format!("{case:?}: {when} step {step}");
            assert!(!status.success() && status.code().is_none_or(|code| code != 101), "{told}: {status:?}");
            for (file, (found, (before, after))) in now(&paths).iter().zip(before.iter().zip(&after)).enumerate() {
                assert!(found == before || found == after, "{told}: file {file} is neither old nor new");
            }
            private(&paths);
            // Whatever was left, the profile can still be resolved and its key is there.
            assert!(AwsFiles::read(&paths).unwrap().resolve(&ProfileName::new("x")).is_ok() || case == Case::Both, "{told}");
            edit(&paths, case).unwrap();
            assert_eq!(now(&paths)[1], after[1], "{told}");
            assert_eq!(now(&paths)[0], after[0], "{told}");
            assert_eq!(left_over(home.path()), Vec::<PathBuf>::new(), "{told}");
        }
    }
}

/// Runs in a process of its own, which does not survive it.
#[test]
#[ignore = "it is killed: the test above runs it"]
fn killed_child() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let told = std::env::var_os(STEP).unwrap().into_string().unwrap();
    let mut words = told.split(' ');
    let case = match words.next().unwrap() {
        "Both" => Case::Both,
        "New" => Case::New,
        _ => Case::Gone,
    };
    let step = words.next().unwrap().parse().unwrap();
    let kind = if words.next().unwrap() == "before" { Kind::DiesBefore } else { Kind::DiesAfter };
    let paths = paths(Path::new(&home));
    trouble::at(Some((step, kind)));
    edit(&paths, case).unwrap();
    unreachable!("step {step} was not reached");
}
