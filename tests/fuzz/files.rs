//! What an edit of the AWS files may touch, told without the editor's own parser, and what the fuzz target does with its bytes.
//!
//! A file is taken apart into raw lines. What an edit of one profile is about (its keys in its sections, our own lines) is
//! dropped on both sides, renamed keys get their names back, and all that is left has to be the same byte for byte.
//! Shared by libFuzzer, by a plain test and by the property test of the editor.

use std::path::Path;

use stagedoor_core::{
    model::{access_key::AccessKeyId, profile::ProfileName},
    paths::{Paths, Platform},
    store::aws_files::edit::{Changes, Content, Edit},
};

pub(crate) const PROGRAM: &str = "/opt/stagedoor/stagedoor";

/// One edit, and what of a profile's lines is its own business.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Connect,
    Disconnect,
    Set(&'static str, Option<&'static str>),
    TakeKey,
}

/// The two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair(pub(crate) Option<Vec<u8>>, pub(crate) Option<Vec<u8>>);

pub(crate) fn paths() -> Paths {
    Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| "/home/ada".to_owned()))
}

fn edit(op: &Op, profile: &str, id: &str) -> Option<Edit<'static>> {
    let name = ProfileName::new(profile);
    match op {
        Op::Connect => Edit::connect(&[name], Path::new(PROGRAM)).ok(),
        Op::Disconnect => Some(Edit::disconnect(&[name])),
        Op::Set(key, value) => Edit::set_all(&name, &[(key, *value)]).ok(),
        Op::TakeKey => Some(Edit::take_key(paths(), name, AccessKeyId::parse(id).ok()?)),
    }
}

/// Does it, and panics where anything else changed. `None`: it was refused, which changes nothing.
pub(crate) fn done(pair: &Pair, profile: &str, op: &Op, id: &str) -> Option<Pair> {
    let content = |bytes: &Option<Vec<u8>>| -> Content { bytes.as_ref().map(|bytes| bytes.clone().into()) };
    let edit = edit(op, profile, id)?;
    let Changes { config, credentials } = edit.on(&paths(), content(&pair.0), content(&pair.1)).ok()?;
    let bytes = |content: Content| content.map(|content| content.to_vec());
    let after = Pair(bytes(config.after), bytes(credentials.after));
    for (before, after, in_config) in [(&pair.0, &after.0, true), (&pair.1, &after.1, false)] {
        let (before, after) = (before.clone().unwrap_or_default(), after.clone().unwrap_or_default());
        if matches!(op, Op::Set(..)) && !has_section(&before, in_config, profile) {
            assert!(after.starts_with(&before), "{op:?} of {profile} adds a section at the end of {}", before.escape_ascii());
            continue;
        }
        assert_eq!(
            rest(&before, in_config, profile, op).escape_ascii().to_string(),
            rest(&after, in_config, profile, op).escape_ascii().to_string(),
            "{op:?} of {profile} in\n{}\nmade\n{}",
            before.escape_ascii(),
            after.escape_ascii()
        );
    }
    // Whatever it was, doing it again changes nothing more.
    if !matches!(op, Op::TakeKey) {
        let again = edit.on(&paths(), content(&after.0), content(&after.1)).unwrap_or_else(|error| panic!("{error:?}"));
        assert!(!again.config.differs() && !again.credentials.differs(), "{op:?} of {profile} twice");
    }
    Some(after)
}

/// What of a file an edit must not touch.
fn rest(file: &[u8], in_config: bool, profile: &str, op: &Op) -> Vec<u8> {
    let handing_out = matches!(op, Op::Connect | Op::Disconnect);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let (mut inside, mut dropping) = (false, false);
    let bom = "\u{feff}".as_bytes();
    let text = file.strip_prefix(bom).unwrap_or(file);
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for (index, line) in lines.iter().copied().enumerate() {
        let blank = line.iter().all(|byte| b" \t\r\n".contains(byte));
        if line.starts_with(b"[") {
            inside = section(line, in_config).is_some_and(|name| name == profile.as_bytes());
            dropping = false;
            if inside && handing_out && is_only_ours(&lines[index + 1..]) {
                // Its header, and the empty line that stands before it.
                if kept.last().is_some_and(|last| last == b"\n" || last == b"\r\n") {
                    kept.pop();
                }
                continue;
            }
        } else if inside && !blank && line.starts_with(b" ") | line.starts_with(b"\t") {
            if dropping {
                continue;
            }
        } else if inside && !blank && !line.starts_with(b"#") && !line.starts_with(b";") {
            let key = key(line);
            dropping = is_touched(&key, op) || (handing_out && is_our_line(line));
            if dropping {
                continue;
            }
            if handing_out && key.strip_prefix(b"stagedoor_").is_some_and(|old| RENAMED.contains(&old)) {
                kept.push(line[10..].to_vec());
                continue;
            }
        }
        // That the file itself is ours is handed on to another section of ours when the first one goes.
        let line = if key(line) == b"stagedoor_section" { b"stagedoor_section\n" } else { line };
        kept.push(line.to_vec());
    }
    // A section behind a last line that does not end makes it end.
    let mut rest = [&file[..file.len() - text.len()], &kept.concat()].concat();
    while rest.ends_with(b"\n") || rest.ends_with(b"\r") {
        rest.pop();
    }
    rest
}

fn has_section(file: &[u8], in_config: bool, profile: &str) -> bool {
    let text = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
    text.split(|byte| *byte == b'\n').any(|line| section(line, in_config).is_some_and(|name| name == profile.as_bytes()))
}

/// Whether a section says nothing but what we wrote into it.
fn is_only_ours(body: &[&[u8]]) -> bool {
    let body: Vec<&[u8]> = body.iter().copied().take_while(|line| !line.starts_with(b"[")).collect();
    let is_note = |line: &[u8]| line.trim_ascii().is_empty() || line.starts_with(b"#") || line.starts_with(b";");
    let last = body.iter().rposition(|line| !is_note(line)).map_or(0, |last| last + 1);
    let is_ours = |line: &&[u8]| {
        let key = key(line);
        line.trim_ascii().is_empty() || key == b"stagedoor_section" || key == b"stagedoor_hand_out_access_key" || is_our_line(line)
    };
    body[..last].iter().any(|line| key(line) == b"stagedoor_section") && body[..last].iter().all(is_ours)
}

fn is_our_line(line: &[u8]) -> bool {
    key(line) == b"credential_process" && contains(line, b"/stagedoor credential-process")
}

const RENAMED: [&[u8]; 14] = [
    b"role_arn",
    b"source_profile",
    b"credential_source",
    b"web_identity_token_file",
    b"sso_session",
    b"sso_start_url",
    b"sso_region",
    b"sso_account_id",
    b"sso_role_name",
    b"login_session",
    b"aws_access_key_id",
    b"aws_secret_access_key",
    b"aws_session_token",
    b"credential_process",
];

fn is_touched(key: &[u8], op: &Op) -> bool {
    match op {
        Op::Connect | Op::Disconnect => matches!(key, b"stagedoor_section" | b"stagedoor_hand_out_access_key"),
        Op::Set(own, _) => key == own.as_bytes() || key == format!("stagedoor_{own}").as_bytes(),
        Op::TakeKey => {
            [&b"aws_access_key_id"[..], b"aws_secret_access_key", b"access_key_id", b"key_in"].contains(&key.strip_prefix(b"stagedoor_").unwrap_or(key))
        }
    }
}

fn key(line: &[u8]) -> Vec<u8> {
    let end = line.iter().position(|byte| *byte == b'=').unwrap_or(0);
    line[..end].trim_ascii_end().to_ascii_lowercase()
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// The profile that a header names, as the AWS tools read it.
fn section(line: &[u8], in_config: bool) -> Option<Vec<u8>> {
    let end = line.iter().position(|byte| b"#;".contains(byte)).unwrap_or(line.len());
    let inner = line[..end].trim_ascii().strip_prefix(b"[")?.strip_suffix(b"]")?.trim_ascii();
    let name = match (in_config, inner.strip_prefix(b"profile")) {
        (true, Some(name)) if name.starts_with(b" ") || name.starts_with(b"\t") => name.trim_ascii(),
        (true, _) if inner == b"default" => inner,
        (true, _) => return None,
        (false, _) => inner,
    };
    let quoted = [b'"', b'\''].into_iter().find_map(|quote| name.strip_prefix(&[quote])?.strip_suffix(&[quote]));
    Some(quoted.unwrap_or(name).to_vec())
}

/// Any bytes as two files: edits of every profile in them do what they say and nothing else, and connecting is undone.
pub(crate) fn aws_files(data: &[u8]) {
    let at = data.windows(4).position(|window| window == b"\n--\n");
    let (config, credentials) = at.map_or((data, None), |at| (&data[..=at], Some(data[at + 4..].to_vec())));
    let mut pair = Pair(Some(config.to_vec()), credentials);
    let untouched = !contains(&data.to_ascii_lowercase(), b"stagedoor");
    for profile in ["default", "x", "dev", "ci/deploy@eu"] {
        if let Some(connected) = done(&pair, profile, &Op::Connect, "").filter(|_| untouched) {
            let back = done(&connected, profile, &Op::Disconnect, "").expect("what was connected can be disconnected");
            assert_eq!(back, pair, "connect and disconnect of {profile}");
        }
        for op in [Op::Connect, Op::Set("region", Some("eu-central-1")), Op::Set("mfa_serial", None), Op::TakeKey, Op::Disconnect] {
            if let Some(after) = done(&pair, profile, &op, "AKIA2STAGEDOOR00001") {
                pair = after;
            }
        }
    }
}
