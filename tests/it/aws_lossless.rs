//! Ten thousand random edits of the AWS files: everything outside the edited key stays byte for byte, and connecting is undone.
//!
//! Half of the files are shaped as tools and people leave them (`tests/cases/files`), changed a little; half are put together
//! from odd lines. What an edit may touch is told by `tests/fuzz/files.rs`, which knows nothing of the editor.

use std::{cell::Cell, fs, path::Path};

use proptest::{prelude::*, test_runner::TestRunner};

use crate::fuzz_files::{Op, Pair, done};

const EDITS: usize = 10_000;
const PROFILES: [&str; 7] = ["default", "dev", "x", "acme/prod/AdministratorAccess", "foo-admin", "saml", "new"];
const IDS: [&str; 2] = ["AKIA2STAGEDOOR00001", "AKIA2STAGEDOOR00002"];

/// The files of real shape with this ending.
fn real(ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/files");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == ending));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// What happens to a file on its way through editors and systems.
fn changed((file, windows, bom, ends): (Vec<u8>, bool, bool, bool)) -> Vec<u8> {
    let mut bytes = Vec::new();
    if bom && !file.starts_with("\u{feff}".as_bytes()) {
        bytes.extend_from_slice("\u{feff}".as_bytes());
    }
    for byte in file {
        if windows && byte == b'\n' && !bytes.ends_with(b"\r") {
            bytes.push(b'\r');
        }
        bytes.push(byte);
    }
    while !ends && (bytes.ends_with(b"\n") || bytes.ends_with(b"\r")) {
        bytes.pop();
    }
    bytes
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&[u8]> = vec![
        b"",
        b"",
        b"# a comment",
        b"; another",
        b"#role_arn = commented",
        b"region = eu-central-1",
        b"REGION=us-east-1 # said so",
        b"role_arn = arn:aws:iam::123456789012:role/r",
        b"  role_arn\t=  arn:aws:iam::123456789012:role/indented",
        b"source_profile = default",
        b"Source_Profile=x ; old",
        b"aws_access_key_id = AKIA2STAGEDOOR00001",
        b"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        b"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        b"credential_process = /usr/bin/other --profile x",
        b"mfa_serial = arn:aws:iam::123456789012:mfa/ada",
        b"granted_sso_region = eu-west-1",
        b"s3 =",
        b"  max_queue_size = 10",
        b" continued",
        b"\tby a tab",
        b"garbage",
        b"= nameless",
        b"gr\xfcn = \xe4\xf6\xfc",
        "ünï = ☃".as_bytes(),
        b"\xf4\x8f\xbf\xbf = end of unicode",
        b"   ",
    ];
    prop::sample::select(lines).prop_map(<[u8]>::to_vec)
}

fn made(headers: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let body = || prop::collection::vec(line(), 0..8);
    let section = (prop::sample::select(headers), body()).prop_map(|(header, body)| [vec![header.as_bytes().to_vec()], body].concat());
    (body(), prop::collection::vec(section, 0..6), prop::collection::vec(any::<bool>(), 64)).prop_map(|(first, sections, ends)| {
        let lines = [vec![first], sections].concat().concat();
        // Line ends of both kinds in one file, as two editors leave it.
        lines
            .into_iter()
            .zip(ends.into_iter().cycle())
            .flat_map(|(line, windows)| [line, if windows { b"\r\n".to_vec() } else { b"\n".to_vec() }].concat())
            .collect()
    })
}

fn config() -> impl Strategy<Value = Vec<u8>> {
    let headers = vec![
        "[profile x]",
        "[profile x] # mine",
        "[profile dev]",
        "[default]",
        "[profile default]",
        "[profile broken",
        "[x]",
        "[sso-session x]",
        "[services x]",
        "[profile \"x\"]",
    ];
    let file = prop_oneof![prop::sample::select(real("config")), made(headers)];
    (file, prop::bool::weighted(0.25), prop::bool::weighted(0.1), any::<bool>()).prop_map(changed)
}

fn credentials() -> impl Strategy<Value = Vec<u8>> {
    let file = prop_oneof![prop::sample::select(real("credentials")), made(vec!["[x]", "[x]", "[default]", "[dev]", "[profile x]"])];
    (file, prop::bool::weighted(0.25), prop::bool::weighted(0.1), any::<bool>()).prop_map(changed)
}

fn op() -> impl Strategy<Value = Op> {
    let keys = vec!["region", "output", "mfa_serial", "role_session_name", "granted_sso_region", "color"];
    prop_oneof![
        3 => Just(Op::Connect),
        3 => Just(Op::Disconnect),
        2 => Just(Op::TakeKey),
        3 => (prop::sample::select(keys), prop::sample::select(vec![None, Some("eu-west-2"), Some("a#b;c")])).prop_map(|(key, value)| Op::Set(key, value)),
    ]
}

#[test]
fn ten_thousand_edits_change_what_they_are_about_and_nothing_else() {
    let made = Cell::new(0_usize);
    let connected = Cell::new(0_usize);
    let edits = prop::collection::vec((prop::sample::select(PROFILES.to_vec()), op(), prop::sample::select(IDS.to_vec())), 12);
    let files = (prop::option::weighted(0.9, config()), prop::option::weighted(0.8, credentials()));
    let mut runner = TestRunner::new_with_rng(
        ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let result = runner.run(&(files, edits), |((config, credentials), edits)| {
        let mut pair = Pair(config, credentials);
        for (profile, op, id) in edits {
            // Somebody's hand-made notation is no clean start.
            if matches!(op, Op::Connect)
                && let Some(after) = done(&pair, profile, &Op::Connect, id)
            {
                let line = format!("stagedoor credential-process {profile}");
                let already = [&pair.0, &pair.1].into_iter().flatten().any(|file| file.windows(line.len()).any(|part| part == line.as_bytes()));
                if !already {
                    let back = done(&after, profile, &Op::Disconnect, id).unwrap();
                    prop_assert_eq!(back, pair.clone(), "{} connected and disconnected", profile);
                    connected.set(connected.get() + 1);
                    made.set(made.get() + 1);
                }
            }
            if let Some(after) = done(&pair, profile, &op, id) {
                made.set(made.get() + 1);
                pair = after;
            }
        }
        Ok(())
    });
    result.unwrap();
    assert!(made.get() >= EDITS && connected.get() > 1000, "{} edits, {} of them undone", made.get(), connected.get());
}
