//! Edits of the AWS files: whatever the files look like, what is undone is byte for byte what it was, and nothing beside
//! the edited lines changes. The files are made of the odd lines that people's files are made of.
//! Random cases are few here and were many once; the seeds of those that failed are kept by proptest.

use std::{fs, io::Write as _, path::Path};

use proptest::prelude::*;
use stagedoor_core::{
    error::Code,
    model::{access_key::AccessKeyId, chain::KeyPlace, profile::ProfileName},
    paths::{Paths, Platform},
    store::{
        aws_files::{AwsFiles, edit},
        files,
    },
};
use tempfile::TempDir;

const PROGRAM: &str = "/opt/stagedoor/stagedoor";
const ID: &str = "AKIA2STAGEDOOR00001";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const KEYS: [&str; 16] = [
    "role_arn",
    "SOURCE_PROFILE",
    "credential_source",
    "web_identity_token_file",
    "Sso_Session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "SSO_ROLE_NAME",
    "login_session",
    "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY",
    "Aws_Session_Token",
    "credential_process",
    "region",
    "mfa_serial",
];

struct Home {
    _folder: TempDir,
    paths: Paths,
}

impl Home {
    fn new(config: Option<&str>, credentials: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| folder.path().to_string_lossy().into_owned()));
        fs::create_dir(folder.path().join(".aws")).unwrap();
        for (path, text) in [(&paths.aws_config, config), (&paths.aws_credentials, credentials)] {
            if let Some(text) = text {
                files::write_atomic(path, text.as_bytes()).unwrap();
            }
        }
        Self { _folder: folder, paths }
    }

    fn texts(&self) -> (Option<String>, Option<String>) {
        (files::read_text(&self.paths.aws_config).unwrap(), files::read_text(&self.paths.aws_credentials).unwrap())
    }

    fn read(&self) -> AwsFiles {
        AwsFiles::read(&self.paths).unwrap()
    }
}

fn eol() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["\n", "\n", "\n", "\r\n"]).prop_map(str::to_owned)
}

/// A line as a person may have written it.
fn line() -> impl Strategy<Value = String> {
    let spacing = || prop::sample::select(vec!["", " ", "  ", "\t"]);
    let comment = prop::sample::select(vec!["", "", " # said so", " ; since May", "# glued"]);
    let value = prop::sample::select(vec!["x", "a b", "arn:aws:iam::123456789012:role/r", "default", "", "a=b"]);
    let pair = (prop::sample::select(KEYS.to_vec()), spacing(), spacing(), value, comment)
        .prop_map(|(key, a, b, value, comment)| format!("{key}{a}={b}{value}{comment}"));
    let odd = vec![
        "",
        "",
        "   ",
        "# a comment",
        "; another",
        "#role_arn = commented",
        "s3 =",
        "  nested = 1",
        " continued",
        "garbage",
        "= nameless",
        "in valid = 1",
        "ünï = ☃",
    ];
    prop_oneof![3 => pair, 2 => prop::sample::select(odd).prop_map(str::to_owned)]
}

fn body() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(line(), 0..7)
}

/// A whole file.
fn file(headers: Vec<&'static str>) -> impl Strategy<Value = String> {
    let section = (prop::sample::select(headers), body()).prop_map(|(header, body)| [vec![header.to_owned()], body].concat());
    let lines = (body(), prop::collection::vec(section, 0..5)).prop_map(|(first, sections)| [vec![first], sections].concat().concat());
    (lines, eol(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(lines, eol, ends, bom)| {
        let text = lines.join(&eol) + if ends { &eol } else { "" };
        format!("{}{text}", if bom { "\u{feff}" } else { "" })
    })
}

fn config() -> impl Strategy<Value = Option<String>> {
    let headers = vec![
        "[profile x]",
        "[profile x]",
        "[profile x] # mine",
        "[default]",
        "[profile default]",
        "[profile y]",
        "[profile broken",
        "[x]",
        "[sso-session x]",
        "[services x]",
    ];
    prop::option::weighted(0.9, file(headers))
}

fn credentials() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.8, file(vec!["[x]", "[x]", "[default]", "[y]", "[profile x]"]))
}

fn name() -> impl Strategy<Value = ProfileName> {
    prop::sample::select(vec!["x", "x", "default", "y"]).prop_map(ProfileName::new)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn disconnect_undoes_connect(config in config(), credentials in credentials(), name in name(), second in name()) {
        let home = Home::new(config.as_deref(), credentials.as_deref());
        let (before, read) = (home.texts(), home.read());
        let Some(profile) = read.profile(&name) else {
            prop_assert_eq!(edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap_err().code, Code::MissingProfile);
            prop_assert_eq!(edit::disconnect(&home.paths, &name).unwrap_err().code, Code::MissingProfile);
            prop_assert_eq!(home.texts(), before);
            return Ok(());
        };
        edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap();
        let (connected, now) = (home.texts(), home.read());
        let effective = now.profile(&name).unwrap();
        prop_assert!(effective.connected);
        prop_assert_eq!(&effective.properties, &profile.properties);
        prop_assert_eq!((effective.plaintext_key, effective.session_token), (profile.plaintext_key, profile.session_token));
        prop_assert_eq!(now.resolve(&name), read.resolve(&name));
        for other in read.profiles().iter().filter(|other| other.name != name.as_str()) {
            prop_assert_eq!(now.profile(&ProfileName::new(&other.name)), Some(other));
        }
        edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap();
        prop_assert_eq!(home.texts(), connected);
        // Another profile that is connected and disconnected meanwhile disturbs nothing.
        if second != name && read.profile(&second).is_some() {
            edit::connect(&home.paths, &second, Path::new(PROGRAM)).unwrap();
            edit::disconnect(&home.paths, &name).unwrap();
            edit::disconnect(&home.paths, &second).unwrap();
        } else {
            edit::disconnect(&home.paths, &name).unwrap();
        }
        let gone = |texts: &(Option<String>, Option<String>)| (texts.0.clone().unwrap_or_default(), texts.1.clone());
        prop_assert_eq!(gone(&home.texts()), gone(&before));
        edit::disconnect(&home.paths, &name).unwrap();
        prop_assert_eq!(gone(&home.texts()), gone(&before));
    }

    #[test]
    fn a_key_comes_back_as_it_was(
        parts in prop::collection::vec((line(), prop::sample::select(vec!["", " # c"])), 0..6),
        capitals in any::<bool>(), at in 0_usize..6, eol in eol(), ends in any::<bool>(), in_config in any::<bool>(),
        config in config(), order in 0_u8..4,
    ) {
        let shown = |key: &str| if capitals { key.to_ascii_uppercase() } else { key.to_owned() };
        let mut lines: Vec<_> = parts.iter().map(|(line, _)| line.clone()).filter(|line| !line.to_ascii_lowercase().contains("aws_")).collect();
        let comment = parts.first().map_or("", |part| part.1);
        lines.insert(at.min(lines.len()), format!("{}  =\t{SECRET}{comment}{eol}{} = {ID}", shown("aws_secret_access_key"), shown("aws_access_key_id")));
        let body = lines.join(&eol) + if ends { &*eol } else { "" };
        let home = if in_config {
            Home::new(Some(&format!("[profile k]{eol}{body}")), config.map(|text| text.replace("profile ", "")).as_deref())
        } else {
            Home::new(config.as_deref(), Some(&format!("# keep{eol}[k]{eol}{body}")))
        };
        let (before, name, id) = (home.texts(), ProfileName::new("k"), AccessKeyId::parse(ID).unwrap());
        let key = home.read().plaintext_key(&name);
        let Some(key) = key else {
            // A line that begins with a space has become part of the key.
            prop_assert_eq!(edit::take_key(&home.paths, &name, &id).unwrap_err().code, Code::NoCredentials);
            prop_assert_eq!(home.texts(), before);
            return Ok(());
        };
        let program = Path::new(PROGRAM);
        let connect = |yes: bool| if yes { edit::connect(&home.paths, &name, program) } else { Ok(()) };
        let disconnect = |yes: bool| if yes { edit::disconnect(&home.paths, &name) } else { Ok(()) };
        connect(order == 1 || order == 2).unwrap();
        edit::take_key(&home.paths, &name, &id).unwrap();
        let now = home.read();
        let texts = home.texts();
        prop_assert!(!texts.0.unwrap_or_default().contains(SECRET) && !texts.1.unwrap_or_default().contains(SECRET));
        prop_assert_eq!(now.profile(&name).unwrap().get("stagedoor_access_key_id"), Some(ID));
        prop_assert!(now.plaintext_key(&name).is_none());
        disconnect(order == 1).unwrap();
        connect(order == 3).unwrap();
        edit::put_key_back(&home.paths, &name, &key).unwrap();
        disconnect(order == 2 || order == 3).unwrap();
        prop_assert_eq!((home.texts().0.unwrap_or_default(), home.texts().1.unwrap_or_default()), (before.0.unwrap_or_default(), before.1.unwrap_or_default()));
    }

    #[test]
    fn nothing_beside_the_edited_line_changes(config in config(), name in name(), key in prop::sample::select(vec!["region", "mfa_serial", "stagedoor_access_key_id"])) {
        let home = Home::new(config.as_deref(), None);
        let (before, read) = (config.unwrap_or_default(), home.read());
        edit::set(&home.paths, &name, key, Some("new-value")).unwrap();
        let (after, now) = (home.texts().0.unwrap(), home.read());
        prop_assert_eq!(now.profile(&name).unwrap().get(key), Some("new-value"));
        for other in read.profiles().iter().filter(|other| other.name != name.as_str()) {
            prop_assert_eq!(now.profile(&ProfileName::new(&other.name)), Some(other));
        }
        let (mut old, mut new) = (before.lines().collect::<Vec<_>>(), after.lines().collect::<Vec<_>>());
        while !old.is_empty() && old.first() == new.first() { old.remove(0); new.remove(0); }
        while !old.is_empty() && old.last() == new.last() { old.pop(); new.pop(); }
        // One line replaced (and the lines that continued it), or one inserted, or a section of a blank line, header and line.
        prop_assert!(new.len() <= 3 && new.iter().any(|line| line.contains("new-value")), "{:?} {:?}", old, new);
        let continues = |line: &&str| line.starts_with([' ', '\t']) || line.is_empty() || line.starts_with(['#', ';']);
        prop_assert!(old.iter().skip(1).all(continues), "{:?} {:?}", old, new);
        edit::set(&home.paths, &name, key, None).unwrap();
        prop_assert!(home.read().profile(&name).unwrap().get(key).is_none());
    }

    #[test]
    fn what_is_added_can_be_removed(config in config()) {
        let home = Home::new(config.as_deref(), None);
        let name = ProfileName::new("new/one");
        edit::add_profile(&home.paths, &name, &[("role_arn", "arn:aws:iam::123456789012:role/r"), ("source_profile", "x")]).unwrap();
        prop_assert!(home.read().profile(&name).unwrap().get("source_profile") == Some("x"));
        prop_assert_eq!(edit::add_profile(&home.paths, &name, &[]).unwrap_err().code, Code::InvalidValue);
        edit::remove_profile(&home.paths, &name).unwrap();
        prop_assert_eq!(home.texts().0.unwrap(), config.clone().unwrap_or_default());
        for (service, url) in [("sts", "http://127.0.0.1:1"), ("iam", "http://127.0.0.1:2"), ("sts", "http://127.0.0.1:3")] {
            edit::set_services(&home.paths, "practice", service, "endpoint_url", url).unwrap();
            prop_assert!(home.read().services("practice").unwrap()[service]["endpoint_url"] == url);
        }
        edit::remove_services(&home.paths, "practice").unwrap();
        prop_assert_eq!(home.texts().0.unwrap(), config.unwrap_or_default());
    }
}

#[test]
fn a_connected_role_reads_well() {
    let config = "# mine\n[profile deploy]\nrole_arn = arn:aws:iam::210987654321:role/deploy # prod\nsource_profile = ada\nregion = eu-west-1\n";
    let credentials = "[ada]\naws_access_key_id = AKIA2STAGEDOOR00001\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let home = Home::new(Some(config), Some(credentials));
    for name in ["deploy", "ada"] {
        edit::connect(&home.paths, &ProfileName::new(name), Path::new(PROGRAM)).unwrap();
    }
    edit::take_key(&home.paths, &ProfileName::new("ada"), &AccessKeyId::parse(ID).unwrap()).unwrap();
    let (config, credentials) = home.texts();
    insta::assert_snapshot!(format!("{}---\n{}", config.unwrap(), credentials.unwrap()), @"
    # mine
    [profile deploy]
    credential_process = /opt/stagedoor/stagedoor credential-process deploy
    stagedoor_role_arn = arn:aws:iam::210987654321:role/deploy # prod
    stagedoor_source_profile = ada
    region = eu-west-1

    [profile ada]
    stagedoor_section = added
    credential_process = /opt/stagedoor/stagedoor credential-process ada
    ---
    [ada]
    stagedoor_access_key_id = AKIA2STAGEDOOR00001
    stagedoor_key_in = keychain
    ");
    let chain = home.read().resolve(&ProfileName::new("deploy")).unwrap();
    assert!(matches!(chain.base, stagedoor_core::model::chain::Base::AccessKey { place: KeyPlace::Keychain, .. }), "{chain:?}");
}

#[test]
fn what_was_changed_by_hand_meanwhile_stays() {
    let home = Home::new(None, Some("[ada]\naws_access_key_id = a\n"));
    let name = ProfileName::new("ada");
    edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap();
    let config = home.texts().0.unwrap();
    files::write_atomic(&home.paths.aws_config, format!("{config}region = eu-west-1\n[profile b]\noutput = json\n").as_bytes()).unwrap();
    edit::disconnect(&home.paths, &name).unwrap();
    assert_eq!(home.texts(), (Some("[profile ada]\nregion = eu-west-1\n[profile b]\noutput = json\n".into()), Some("[ada]\naws_access_key_id = a\n".into())));
}

#[test]
fn a_file_made_for_our_section_goes_with_it() {
    let home = Home::new(None, Some("[ada]\naws_access_key_id = a\n"));
    let (before, name) = (home.texts(), ProfileName::new("ada"));
    edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap();
    assert!(home.read().profile(&name).unwrap().connected);
    edit::disconnect(&home.paths, &name).unwrap();
    assert_eq!(home.texts(), before);
}

#[test]
fn refuses_what_would_not_be_read_back() {
    let home = Home::new(Some("[profile x]\n"), None);
    let (before, x) = (home.texts(), ProfileName::new("x"));
    for value in ["a\nb", "a\r", "a # b", "#a", ";", " a", "a ", "", "a\u{0}"] {
        let error = edit::set(&home.paths, &x, "region", Some(value)).unwrap_err();
        assert!(error.code == Code::InvalidValue && !error.hint.is_empty() && error.message.contains("region"), "{value:?}");
    }
    for key in ["a b", "a=b", "", "A", "a\n"] {
        assert_eq!(edit::set(&home.paths, &x, key, Some("x")).unwrap_err().code, Code::InvalidValue, "{key:?}");
    }
    for name in ["a b", "a]b", "[a", "a\nb", "", "a#b", "\"a\""] {
        let error = edit::add_profile(&home.paths, &ProfileName::new(name), &[]).unwrap_err();
        assert!(error.code == Code::InvalidValue && !error.hint.is_empty(), "{name:?}");
    }
    assert_eq!(home.texts(), before);
}

#[test]
#[cfg(unix)]
fn when_the_second_file_cannot_be_written_the_first_is_put_back() {
    let mut home = Home::new(Some("[profile x]\nrole_arn = arn:aws:iam::210987654321:role/r\n"), None);
    // The file can be read and written, but no name beside it is short enough for a temporary file.
    home.paths.aws_credentials = home.paths.aws_credentials.with_file_name("c".repeat(250));
    fs::File::create_new(&home.paths.aws_credentials).unwrap().write_all(b"[x]\naws_access_key_id = a\n").unwrap();
    let (before, name) = (home.texts(), ProfileName::new("x"));
    let error = edit::connect(&home.paths, &name, Path::new(PROGRAM)).unwrap_err();
    assert!(error.code == Code::File && !error.hint.is_empty(), "{error:?}");
    assert_eq!(home.texts(), before);
}

#[test]
fn two_editors_at_once_lose_nothing() {
    let home = Home::new(Some("[profile x]\n"), None);
    std::thread::scope(|scope| {
        for editor in 0..4 {
            let paths = &home.paths;
            scope.spawn(move || {
                for count in 0..10 {
                    edit::set(paths, &ProfileName::new("x"), &format!("key_{editor}_{count}"), Some("v")).unwrap();
                }
            });
        }
    });
    assert_eq!(home.read().profile(&ProfileName::new("x")).unwrap().properties.len(), 40);
}
