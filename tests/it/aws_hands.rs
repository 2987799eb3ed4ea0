//! A connected profile under a person's hands: whatever was edited meanwhile stays, and only what is ours is taken back.
//!
//! Each case connects, edits as a person, another program or a script would, and disconnects. No section gets a key twice,
//! because the AWS CLI then refuses the whole file.

use std::{fs, path::Path};

use stagedoor_core::{
    model::profile::ProfileName,
    paths::{Paths, Platform},
    store::{
        aws_files::{AwsFiles, edit},
        files,
    },
};

const PROGRAM: &str = "/opt/stagedoor/stagedoor";
const ROLE: &str = "[profile x]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = ada\nregion = eu-west-1\n";
const KEY: &str = "[ada]\naws_access_key_id = AKIA2STAGEDOOR00001\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n";

struct Home {
    _folder: tempfile::TempDir,
    paths: Paths,
}

impl Home {
    fn connected(config: &str, credentials: &str, profiles: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| folder.path().to_string_lossy().into_owned()));
        if !config.is_empty() {
            files::write_atomic(&paths.aws_config, config.as_bytes()).unwrap();
        }
        files::write_atomic(&paths.aws_credentials, credentials.as_bytes()).unwrap();
        for profile in profiles {
            edit::connect(&paths, &ProfileName::new(*profile), Path::new(PROGRAM)).unwrap();
        }
        Self { _folder: folder, paths }
    }

    fn config(&self) -> String {
        fs::read_to_string(&self.paths.aws_config).unwrap_or_default()
    }

    /// Somebody edits the config.
    fn by_hand(&self, change: impl Fn(&str) -> String) {
        let before = self.config();
        let after = change(&before);
        assert_ne!(before, after, "the hand did nothing");
        files::write_atomic(&self.paths.aws_config, after.as_bytes()).unwrap();
    }

    fn replaced(&self, from: &str, to: &str) {
        self.by_hand(|text| text.replace(from, to));
    }

    fn disconnect(&self, profile: &str) -> String {
        edit::disconnect(&self.paths, &ProfileName::new(profile)).unwrap();
        let config = self.config();
        no_key_twice(&config);
        config
    }

    fn connect(&self, profile: &str) {
        edit::connect(&self.paths, &ProfileName::new(profile), Path::new(PROGRAM)).unwrap();
        no_key_twice(&self.config());
    }
}

/// As Python's parser wants it.
fn no_key_twice(config: &str) {
    let mut seen = std::collections::HashSet::new();
    for line in config.lines() {
        if line.starts_with('[') {
            seen.clear();
        }
        let key = line.split('=').next().unwrap().trim().to_owned();
        assert!(!line.contains('=') || line.starts_with(['#', ' ']) || seen.insert(key), "twice: {line} in\n{config}");
    }
}

#[test]
fn added_lines_edited_values_and_comments_stay() {
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("region = eu-west-1\n", "region = eu-west-1 # moved\noutput = json\n# why? ask Ada\n");
    home.replaced("stagedoor_role_arn = arn:aws:iam::210987654321:role/r", "stagedoor_role_arn = arn:aws:iam::210987654321:role/other");
    let expected = ROLE.replace("role/r", "role/other").replace("region = eu-west-1\n", "region = eu-west-1 # moved\noutput = json\n# why? ask Ada\n");
    assert_eq!(home.disconnect("x"), expected);
}

#[test]
fn our_line_removed_or_altered_by_hand() {
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("credential_process = /opt/stagedoor/stagedoor credential-process x\n", "");
    assert_eq!(home.disconnect("x"), ROLE);
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("/opt/stagedoor/stagedoor credential-process x", "/usr/local/bin/other x");
    assert_eq!(home.disconnect("x"), ROLE.replace("[profile x]\n", "[profile x]\ncredential_process = /usr/local/bin/other x\n"));
    // Another place of the same program is still ours.
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("/opt/stagedoor/stagedoor", "\"/home/ada/my apps/stagedoor\"");
    assert_eq!(home.disconnect("x"), ROLE);
}

#[test]
fn a_key_written_beside_a_renamed_one_is_the_newer_one() {
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.by_hand(|text| format!("{text}role_arn = arn:aws:iam::210987654321:role/by-hand\n"));
    assert_eq!(home.disconnect("x"), "[profile x]\nsource_profile = ada\nregion = eu-west-1\nrole_arn = arn:aws:iam::210987654321:role/by-hand\n");
    // Connecting again does not make it two renamed ones either.
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.by_hand(|text| format!("{text}role_arn = arn:aws:iam::210987654321:role/by-hand\n"));
    home.connect("x");
    let read = AwsFiles::read(&home.paths).unwrap();
    assert_eq!(read.profile(&ProfileName::new("x")).unwrap().get("role_arn"), Some("arn:aws:iam::210987654321:role/by-hand"));
    assert!(home.disconnect("x").ends_with("role_arn = arn:aws:iam::210987654321:role/by-hand\n"));
    // A foreign command that was renamed, and one written by hand in the place of ours.
    let process = "[profile x]\ncredential_process = old-tool\n";
    let home = Home::connected(process, KEY, &["x"]);
    home.replaced("/opt/stagedoor/stagedoor credential-process x", "new-tool");
    assert_eq!(home.disconnect("x"), "[profile x]\ncredential_process = new-tool\n");
}

#[test]
fn a_renamed_section_takes_our_line_along_and_gives_it_back() {
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("[profile x]", "[profile y]");
    assert_eq!(home.disconnect("y"), ROLE.replace("[profile x]", "[profile y]"));
    // Or is connected again under its new name.
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.replaced("[profile x]", "[profile y]");
    home.connect("y");
    assert!(home.config().contains("credential-process y\n") && !home.config().contains("credential-process x"), "{}", home.config());
    assert_eq!(home.disconnect("y"), ROLE.replace("[profile x]", "[profile y]"));
}

#[test]
fn a_copied_section_is_given_back_on_its_own() {
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.by_hand(|text| format!("{text}\n{}", text.replace("[profile x]", "[profile copy]").replace("role/r", "role/copy")));
    let connected = home.config();
    let expected = format!("{ROLE}\n{}", ROLE.replace("[profile x]", "[profile copy]").replace("role/r", "role/copy"));
    home.disconnect("copy");
    assert!(home.config().starts_with(connected.split("\n\n").next().unwrap()), "{}", home.config());
    assert_eq!(home.disconnect("x"), expected);
    // The same section twice under the same name.
    let home = Home::connected(ROLE, KEY, &["x"]);
    home.by_hand(|text| format!("{text}\n{text}"));
    assert_eq!(home.disconnect("x"), format!("{ROLE}\n{ROLE}"));
    // A line that a person wrote to hand out one profile under another name is no copy: it stays.
    let home = Home::connected(ROLE, KEY, &["x"]);
    let alias = "[profile alias]\ncredential_process = /opt/stagedoor/stagedoor credential-process x\n";
    home.by_hand(|text| format!("{text}{alias}"));
    home.disconnect("alias");
    assert!(home.config().ends_with(alias));
}

#[test]
fn other_line_ends_moved_sections_and_another_file() {
    let home = Home::connected(ROLE, KEY, &["x", "ada"]);
    home.by_hand(|text| text.replace('\n', "\r\n"));
    home.disconnect("ada");
    assert_eq!(home.disconnect("x"), ROLE.replace('\n', "\r\n"));
    let home = Home::connected(&format!("{ROLE}[profile b]\nregion = us-east-1\n"), KEY, &["x"]);
    home.by_hand(|text| {
        let at = text.find("[profile b]").unwrap();
        format!("{}{}", &text[at..], &text[..at])
    });
    assert_eq!(home.disconnect("x"), format!("[profile b]\nregion = us-east-1\n{ROLE}"));
    // The whole section, moved to the credentials file.
    let home = Home::connected(ROLE, KEY, &["x"]);
    let moved = home.config().replace("[profile x]", "[x]");
    files::write_atomic(&home.paths.aws_config, b"[default]\n").unwrap();
    files::write_atomic(&home.paths.aws_credentials, format!("{KEY}{moved}").as_bytes()).unwrap();
    home.disconnect("x");
    assert_eq!(fs::read_to_string(&home.paths.aws_credentials).unwrap(), format!("{KEY}{}", ROLE.replace("[profile x]", "[x]")));
}

#[test]
fn a_section_of_ours_with_a_note_in_it_keeps_the_note() {
    let home = Home::connected(ROLE, KEY, &["ada"]);
    home.replaced("stagedoor_section = added\n", "stagedoor_section = added\n# ada is on leave\n");
    assert_eq!(home.disconnect("ada"), format!("{ROLE}\n[profile ada]\n# ada is on leave\n"));
}

#[test]
fn a_file_made_for_us_goes_with_the_last_of_ours() {
    let credentials = format!("{KEY}[eve]\naws_access_key_id = AKIA2STAGEDOOR00002\n");
    for order in [["ada", "eve"], ["eve", "ada"]] {
        let home = Home::connected("", &credentials, &["ada", "eve"]);
        for name in order {
            home.disconnect(name);
        }
        assert!(!home.paths.aws_config.exists(), "{order:?}");
        assert_eq!(fs::read_to_string(&home.paths.aws_credentials).unwrap(), credentials);
    }
    // Several in one write are the same as one after the other.
    let (one, many) = (Home::connected("", &credentials, &["ada", "eve"]), Home::connected("", &credentials, &[]));
    let names = ["ada", "eve"].map(ProfileName::new);
    edit::Edit::connect(&names, Path::new(PROGRAM)).unwrap().write(&many.paths).unwrap();
    assert_eq!(one.config(), many.config());
    edit::Edit::disconnect(&names).write(&many.paths).unwrap();
    assert!(!many.paths.aws_config.exists());
}
