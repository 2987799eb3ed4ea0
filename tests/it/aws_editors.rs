//! Several editors of the AWS files at once, links, modes and other people's bytes: nothing is lost and nothing looks different.
//!
//! Stagedoor's own editors wait for each other; the others do not know of us, write as `aws configure` or an editor does, and
//! still find everything that they wrote.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use stagedoor_core::{
    model::profile::ProfileName,
    paths::{Paths, Platform},
    store::{
        aws_files::{AwsFiles, edit},
        files,
    },
};

const PROGRAM: &str = "/opt/stagedoor/stagedoor";

fn home() -> (tempfile::TempDir, Paths) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| folder.path().to_string_lossy().into_owned()));
    fs::create_dir(folder.path().join(".aws")).unwrap();
    (folder, paths)
}

fn put(path: &Path, bytes: &[u8]) {
    files::write_atomic(path, bytes).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

fn x() -> ProfileName {
    ProfileName::new("x")
}

#[test]
fn an_editor_that_knows_nothing_of_us_loses_nothing_to_us() {
    let (_folder, paths) = home();
    put(&paths.aws_config, b"[profile x]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = y\n");
    put(&paths.aws_credentials, b"[y]\naws_access_key_id = AKIA2STAGEDOOR00001\n");
    let (done, lines) = (AtomicBool::new(false), 300);
    std::thread::scope(|scope| {
        // Writes a new file beside and renames it over ours, as most editors do.
        let foreign = scope.spawn(|| {
            let beside = paths.aws_config.with_file_name("config.swp");
            for line in 0..lines {
                let now = fs::read(&paths.aws_config).unwrap();
                put(&beside, &[&now[..], format!("# theirs {line}\n").as_bytes()].concat());
                fs::rename(&beside, &paths.aws_config).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        let ours = scope.spawn(|| {
            let mut made = 0;
            while !done.load(Ordering::Acquire) {
                // It gives up rather than to write over somebody who never pauses.
                made += usize::from(edit::connect(&paths, &x(), Path::new(PROGRAM)).is_ok());
                made += usize::from(edit::disconnect(&paths, &x()).is_ok());
            }
            made
        });
        foreign.join().unwrap();
        assert!(ours.join().unwrap() > 0);
    });
    let text = fs::read_to_string(&paths.aws_config).unwrap();
    let theirs: Vec<_> = text.lines().filter(|line| line.starts_with("# theirs")).collect();
    assert_eq!(theirs, (0..lines).map(|line| format!("# theirs {line}")).collect::<Vec<_>>());
    edit::disconnect(&paths, &x()).unwrap();
    assert!(fs::read_to_string(&paths.aws_config).unwrap().starts_with("[profile x]\nrole_arn = arn:"));
    let left: Vec<_> = fs::read_dir(paths.aws_config.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.iter().filter(|name| name.starts_with('.')).count(), 0, "{left:?}");
}

#[test]
fn editors_of_ours_in_both_files_lose_nothing() {
    let (folder, paths) = home();
    put(&paths.aws_config, b"[profile x]\n");
    // Another Stagedoor that reaches the same files by another way.
    symlink(folder.path().join(".aws"), folder.path().join("linked")).unwrap();
    let other = Paths { aws_config: folder.path().join("linked/config"), aws_credentials: folder.path().join("linked/credentials"), ..paths.clone() };
    std::thread::scope(|scope| {
        for (editor, paths) in [&paths, &other, &paths, &other].into_iter().enumerate() {
            scope.spawn(move || (0..12).for_each(|count| edit::set(paths, &x(), &format!("key_{editor}_{count}"), Some("v")).unwrap()));
        }
    });
    assert_eq!(AwsFiles::read(&paths).unwrap().profile(&x()).unwrap().properties.len(), 48);
}

#[test]
fn links_are_followed_wherever_they_lead() {
    let (folder, mut paths) = home();
    let dotfiles = folder.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    // A chain of a relative and an absolute link, over two folders.
    fs::create_dir(folder.path().join("between")).unwrap();
    symlink("../between/link", &paths.aws_config).unwrap();
    symlink(dotfiles.join("aws-config"), folder.path().join("between/link")).unwrap();
    put(&dotfiles.join("aws-config"), b"[profile x]\nrole_arn = a\n");
    // A link to nothing yet.
    symlink("../dotfiles/aws-credentials", &paths.aws_credentials).unwrap();
    edit::connect(&paths, &x(), Path::new(PROGRAM)).unwrap();
    assert!(paths.aws_config.is_symlink() && folder.path().join("between/link").is_symlink());
    assert!(fs::read_to_string(dotfiles.join("aws-config")).unwrap().contains("stagedoor_role_arn"));
    assert!(!paths.aws_credentials.exists() && paths.aws_credentials.is_symlink());
    edit::disconnect(&paths, &x()).unwrap();
    assert_eq!(fs::read_to_string(dotfiles.join("aws-config")).unwrap(), "[profile x]\nrole_arn = a\n");
    // A config that is a link to nothing is made where it leads, and goes there again: the link stays.
    put(&dotfiles.join("aws-credentials"), b"[y]\naws_access_key_id = a\n");
    paths.aws_config = folder.path().join(".aws/other");
    symlink("../dotfiles/made/config", &paths.aws_config).unwrap();
    let y = ProfileName::new("y");
    edit::connect(&paths, &y, Path::new(PROGRAM)).unwrap();
    assert!(paths.aws_config.is_symlink() && dotfiles.join("made/config").is_file());
    edit::disconnect(&paths, &y).unwrap();
    assert!(paths.aws_config.is_symlink() && !dotfiles.join("made/config").exists());
}

#[test]
fn a_mode_stays_and_a_new_file_is_private() {
    let (_folder, paths) = home();
    put(&paths.aws_credentials, b"[x]\naws_access_key_id = a\n");
    for wanted in [0o600, 0o644, 0o640, 0o660] {
        fs::set_permissions(&paths.aws_credentials, fs::Permissions::from_mode(wanted)).unwrap();
        edit::connect(&paths, &x(), Path::new(PROGRAM)).unwrap();
        assert_eq!((mode(&paths.aws_credentials), mode(&paths.aws_config)), (wanted, 0o600));
        edit::disconnect(&paths, &x()).unwrap();
        assert_eq!(mode(&paths.aws_credentials), wanted);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn owner_and_attributes_stay() {
    let (_folder, paths) = home();
    put(&paths.aws_config, b"[profile x]\nrole_arn = a\n");
    // Only root may give a file away; everybody else owns what is edited.
    let root = paths.aws_config.metadata().unwrap().uid() == 0;
    if root {
        std::os::unix::fs::chown(&paths.aws_config, Some(12_345), Some(54_321)).unwrap();
    }
    let before = paths.aws_config.metadata().unwrap();
    let file = fs::File::open(&paths.aws_config).unwrap();
    let marked = rustix::fs::fsetxattr(&file, "user.note", b"mine", rustix::fs::XattrFlags::empty()).is_ok();
    edit::connect(&paths, &x(), Path::new(PROGRAM)).unwrap();
    let after = paths.aws_config.metadata().unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    let mut note = [0; 16];
    let length = rustix::fs::fgetxattr(fs::File::open(&paths.aws_config).unwrap(), "user.note", &mut note[..]).unwrap_or(0);
    assert_eq!(&note[..length], if marked { &b"mine"[..] } else { b"" });
}

#[test]
fn bytes_that_are_no_text_survive_beside_an_edit() {
    let (_folder, paths) = home();
    let before = b"# Schl\xfcssel\n[profile x]\nrole_arn = a # gr\xfcn\ncolor = \xe4\xf6\xfc\n[profile \xff]\nregion = \xf4\x8f\xbf\xbf\n";
    put(&paths.aws_config, before);
    let read = AwsFiles::read(&paths).unwrap();
    assert!(read.problems().iter().any(|problem| problem.message.contains("Line 1") && problem.message.contains("UTF-8")), "{:?}", read.problems());
    edit::connect(&paths, &x(), Path::new(PROGRAM)).unwrap();
    let text = fs::read(&paths.aws_config).unwrap();
    assert!(text.windows(8).any(|part| part == b"gr\xfcn\ncol") && text.ends_with(b"region = \xf4\x8f\xbf\xbf\n"));
    edit::disconnect(&paths, &x()).unwrap();
    assert_eq!(fs::read(&paths.aws_config).unwrap(), before);
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let (_folder, paths) = home();
    put(&paths.aws_config, b"[profile x]\nrole_arn = a\n");
    let left = paths.aws_config.with_file_name(".config.stagedoor-999999999-7");
    let foreign = paths.aws_config.with_file_name(".config.swp");
    put(&left, b"[profile x]\naws_secret");
    put(&foreign, b"vim's");
    edit::connect(&paths, &x(), Path::new(PROGRAM)).unwrap();
    assert!(!left.exists() && foreign.exists());
}
