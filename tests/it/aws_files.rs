//! The AWS files as they lie on a disk: AWS's own vectors, and the folders under `tests/cases/resolve`.
//!
//! A folder there holds `config` and `credentials` (either may be missing) and what is expected of them: `profiles.json`,
//! `resolve.json` (each profile's chain or error) and `problems.json`. `UPDATE_CASES=1` writes what is expected anew.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use stagedoor_core::{
    model::profile::{Profile, ProfileName},
    paths::{Paths, Platform},
    store::{aws_files::AwsFiles, files},
};
use tempfile::TempDir;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

fn vectors(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(here("vectors").join(name)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["tests"].as_array().unwrap().clone()
}

/// A home folder with these files.
fn home(config: Option<&str>, credentials: Option<&str>) -> (TempDir, Paths) {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| home.path().to_string_lossy().into_owned()));
    for (path, text) in [(&paths.aws_config, config), (&paths.aws_credentials, credentials)] {
        if let Some(text) = text {
            files::write_atomic(path, text.as_bytes()).unwrap();
        }
    }
    (home, paths)
}

#[test]
fn finds_the_files_where_every_sdk_finds_them() {
    let cases = vectors("file-location.json");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let platform = if case["platform"] == "windows" { Platform::Windows } else { Platform::Linux };
        let env = |name: &str| case["environment"][name].as_str().map(str::to_owned);
        let paths = Paths::from_env(platform, env);
        assert_eq!(paths.aws_config.to_str(), case["configLocation"].as_str(), "{case}");
        assert_eq!(paths.aws_credentials.to_str(), case["credentialsLocation"].as_str(), "{case}");
        if let Some(profile) = case["profile"].as_str() {
            assert_eq!(ProfileName::selected(env).as_str(), profile, "{case}");
        }
    }
}

#[test]
fn reads_what_awss_own_parser_reads() {
    let cases = vectors("profile-parser.json");
    assert_eq!(cases.len(), 65);
    for case in cases {
        let (_home, paths) = home(case["input"]["configFile"].as_str(), case["input"]["credentialsFile"].as_str());
        let read = AwsFiles::read(&paths).unwrap();
        let Some(expected) = case["output"]["config"]["profiles"].as_object() else {
            // What makes the SDK refuse the file is a problem here, and the rest is read.
            assert!(!read.problems().is_empty(), "{case}");
            assert!(read.problems().iter().all(|problem| !problem.hint.is_empty() && problem.message.contains("ine ")), "{case}");
            continue;
        };
        let profiles: serde_json::Map<_, _> = read.profiles().iter().map(|profile| (profile.name.clone(), json!(profile.properties))).collect();
        assert_eq!(&profiles, expected, "{case}");
        for (name, session) in case["output"]["config"]["sso_sessions"].as_object().into_iter().flatten() {
            assert_eq!(&json!(read.sso_session(name)), session, "{case}");
        }
    }
}

#[test]
fn a_folder_is_a_test() {
    let mut folders: Vec<_> = fs::read_dir(here("cases/resolve")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 20, "{}", folders.len());
    let wrong: Vec<_> = folders.iter().flat_map(|folder| check(folder)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What differs from what the folder expects.
fn check(folder: &Path) -> Vec<String> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let (home, paths) = home(text("config").as_deref(), text("credentials").as_deref());
    let read = AwsFiles::read(&paths).unwrap();
    let resolved = |profile: &Profile| match read.resolve(&ProfileName::new(&profile.name)) {
        Ok(chain) => chain.json(),
        Err(error) => json!({ "error": error }),
    };
    let problems: Vec<_> = read.problems().iter().map(|problem| json!({ "message": problem.message, "hint": problem.hint })).collect();
    let actual = [
        ("profiles.json", json!(read.profiles().iter().map(Profile::json).collect::<Vec<_>>())),
        ("resolve.json", read.profiles().iter().map(|profile| (profile.name.clone(), resolved(profile))).collect()),
        ("problems.json", json!(problems)),
    ];
    let mut wrong = Vec::new();
    for (name, actual) in actual {
        let actual = format!("{actual:#}\n").replace(&*home.path().to_string_lossy(), "~");
        assert!(!actual.contains("SECRET"), "a secret in {name} of {}", folder.display());
        if std::env::var_os("UPDATE_CASES").is_some() {
            files::write_atomic(&folder.join(name), actual.as_bytes()).unwrap();
        }
        let expected = text(name).unwrap_or_default();
        if actual != expected {
            wrong.push(format!("{} expected:\n{expected}\nbut got:\n{actual}", folder.join(name).display()));
        }
    }
    wrong
}

#[test]
fn a_name_that_nearly_is_there_is_explained() {
    let (_home, paths) = home(Some("[profile Ada]\n[profile my profile]\n[bare]\n"), Some("[profile lost]\n"));
    let read = AwsFiles::read(&paths).unwrap();
    for (name, hint) in [
        ("ada", "Did you mean “Ada”"),
        ("my profile", "Rename it to my-profile"),
        ("bare", "[profile bare]"),
        ("lost", "Write it as [lost]"),
        ("nobody", "stagedoor profiles"),
    ] {
        let error = read.resolve(&ProfileName::new(name)).unwrap_err();
        assert_eq!(error.code, stagedoor_core::error::Code::MissingProfile);
        assert!(error.message.contains(name) && error.hint.contains(hint), "{error:?}");
    }
}

#[test]
fn a_file_that_is_no_text_is_an_error_and_no_file_is_none() {
    let (_home, paths) = home(None, None);
    let read = AwsFiles::read(&paths).unwrap();
    assert!(!read.found() && read.profiles().is_empty() && read.problems().is_empty());
    // UTF-16, as an editor on Windows may save it.
    let utf16: Vec<u8> = "\u{feff}[default]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    files::write_atomic(&paths.aws_config, &utf16).unwrap();
    let error = AwsFiles::read(&paths).unwrap_err();
    assert!(error.message.contains("UTF-8") && error.hint.contains("save it as UTF-8"), "{error:?}");
    fs::remove_file(&paths.aws_config).unwrap();
    fs::create_dir(&paths.aws_config).unwrap();
    assert!(AwsFiles::read(&paths).unwrap_err().hint.contains("folder"));
}

#[test]
#[cfg(unix)]
fn tells_when_others_can_read_a_secret() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, paths) = home(Some("[default]\nregion = eu-west-1\n"), Some("[default]\naws_secret_access_key = SECRET\n"));
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    open(&paths.aws_config);
    assert!(!AwsFiles::read(&paths).unwrap().readable_by_others());
    open(&paths.aws_credentials);
    let read = AwsFiles::read(&paths).unwrap();
    assert!(read.readable_by_others());
    assert!(!format!("{read:?}").contains("SECRET"));
}

#[test]
fn ten_thousand_profiles_are_read_whole() {
    use std::fmt::Write as _;
    let mut config = String::new();
    for at in 0..10_000 {
        write!(config, "[profile p{at}]\nrole_arn = arn:aws:iam::123456789012:role/r{at}\nsource_profile = p{}\nregion = eu-west-1\n\n", at + 1).unwrap();
    }
    config += "[profile p10000]\nstagedoor_access_key_id = AKIA2STAGEDOOR00001\n";
    let (_home, paths) = home(Some(&config), None);
    let read = AwsFiles::read(&paths).unwrap();
    assert_eq!(read.profiles().len(), 10_001);
    assert_eq!(read.resolve(&ProfileName::new("p9000")).unwrap().hops.len(), 1000);
}
