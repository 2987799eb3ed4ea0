//! The scenarios of `tests/scenarios` (its README explains the format), asked by the AWS SDK for Rust with a driven clock.
//!
//! Boto3 and the AWS CLI run the same scripts in `tests/acceptance`. What is compared is the answer as it came over the
//! wire, after the SDK has read it without complaint; `scenario_calls` turns names into the SDK's typed calls.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says at which step")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use aws_credential_types::Credentials;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use stagedoor_core::{
    clock::Clock,
    model::mfa::TotpSeed,
    practice::{Server, World},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339, macros::datetime};

use crate::{
    practice::{config, long_lived},
    scenario_calls::{Answered, call},
};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Shows each code once; the first two are of the last half minute and of this one.
struct Device {
    seed: TotpSeed,
    last: i64,
}

struct Run {
    clock: Clock,
    server: Server,
    kept: Map<String, Value>,
    callers: BTreeMap<String, Credentials>,
    devices: BTreeMap<String, Device>,
}

impl Run {
    async fn start() -> Self {
        let clock = Clock::driven(datetime!(2026-11-23 09:00:00 UTC));
        let world = World::new([1; 32], clock.clone());
        let (mut kept, mut callers) = (Map::new(), BTreeMap::new());
        for (name, account) in ["root", "sandbox", "partner"].into_iter().zip(world.accounts()) {
            callers.insert(name.to_owned(), long_lived(&account.key));
            kept.insert(name.to_owned(), account.account_id.into());
        }
        let server = Server::start(world, 0).await.unwrap();
        Self { clock, server, kept, callers, devices: BTreeMap::new() }
    }

    async fn step(&mut self, step: &Value) {
        let with = step["with"].as_object().cloned().unwrap_or_default();
        let with: Map<String, Value> = with.into_iter().map(|(name, value)| (name.clone(), self.parameter(&name, value))).collect();
        let caller = self.callers[step["as"].as_str().unwrap()].clone();
        let answered = call(&config(&self.server, &self.clock, caller), step["call"].as_str().unwrap(), with).await;
        let answer = match answered {
            Answered::Refused { status, code, message } => {
                let expected = &step["refused"];
                assert_eq!((expected["code"].as_str(), expected["status"].as_u64()), (Some(code.as_str()), Some(status.into())), "refused: {message}");
                let part = self.fill(expected["message"].as_str().unwrap());
                assert!(message.contains(&part), "expected {part:?}, not {message:?}");
                if let Some(name) = step["keep"].as_str() {
                    let encoded = message.rsplit(' ').next();
                    self.kept.insert(name.to_owned(), json!({"Message": message, "Encoded": encoded}));
                }
                return;
            }
            Answered::Good(answer) => answer,
        };
        assert!(step["refused"].is_null(), "expected {}, and it was done: {answer}", step["refused"]);
        for (path, expected) in step["expect"].as_object().into_iter().flatten() {
            self.compare(path, at(&answer, path).as_deref(), expected);
        }
        if let Some(seconds) = step["lasts"].as_i64() {
            let ends = OffsetDateTime::parse(answer["Credentials"]["Expiration"].as_str().unwrap(), &Rfc3339).unwrap();
            assert_eq!((ends - self.clock.now()).whole_seconds(), seconds);
        }
        if let Some(name) = step["keep"].as_str() {
            self.keep(name, answer);
        }
    }

    fn keep(&mut self, name: &str, answer: Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        for given in [&answer["Credentials"], &answer["AccessKey"]] {
            if let (Some(id), Some(secret)) = (text(&given["AccessKeyId"]), text(&given["SecretAccessKey"])) {
                self.callers.insert(name.to_owned(), Credentials::new(id, secret, text(&given["SessionToken"]), None, "scenario"));
            }
        }
        if let Some(seed) = text(&answer["VirtualMFADevice"]["Base32StringSeed"]) {
            let seed = TotpSeed::parse(std::str::from_utf8(&STANDARD.decode(seed).unwrap()).unwrap()).unwrap();
            self.devices.insert(name.to_owned(), Device { seed, last: TotpSeed::step(self.clock.now()) - 2 });
        }
        self.kept.insert(name.to_owned(), answer);
    }

    fn parameter(&mut self, name: &str, value: Value) -> Value {
        match value {
            Value::Object(_) if ["Policy", "Document", "PolicyInputList"].iter().any(|end| name.ends_with(end)) => self.fill(&value.to_string()).into(),
            Value::Object(fields) => Value::Object(fields.into_iter().map(|(key, value)| (self.fill(&key), self.parameter("", value))).collect()),
            Value::Array(values) => values.into_iter().map(|value| self.parameter(name, value)).collect(),
            Value::String(text) => self.fill(&text).into(),
            Value::Number(_) | Value::Bool(_) | Value::Null => value,
        }
    }

    /// Fills every `${…}` in.
    fn fill(&mut self, text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').unwrap();
            out += before;
            out += &self.reference(name);
            rest = tail;
        }
        out + rest
    }

    fn reference(&mut self, name: &str) -> String {
        let words: Vec<_> = name.split(':').collect();
        match words.as_slice() {
            ["repeat", text, times] => text.repeat(times.parse().unwrap()),
            ["file", path] => fs::read_to_string(root("tests/vectors").join(path)).unwrap(),
            ["fresh", device] => {
                let device = self.devices.get_mut(*device).unwrap();
                device.last += 1;
                // AWS takes the code of the next half minute too; for a later one, time has to pass.
                let early = device.last - TotpSeed::step(self.clock.now()) - 1;
                self.clock.advance(Duration::seconds(30 * early.max(0)));
                device.seed.code(device.last).expose().to_owned()
            }
            ["again", device] => self.devices[*device].seed.code(self.devices[*device].last).expose().to_owned(),
            ["wrong", device] => {
                let Device { seed, last } = &self.devices[*device];
                let near: Vec<_> = (-6..7).map(|step| seed.code(last + step).expose().to_owned()).collect();
                (0..20).map(|number| format!("{number:06}")).find(|code| !near.contains(code)).unwrap()
            }
            _ => at(&Value::Object(self.kept.clone()), name).unwrap_or_else(|| panic!("nothing is kept as {name}")),
        }
    }

    fn compare(&mut self, path: &str, found: Option<&str>, expected: &Value) {
        let matches = match (expected, found) {
            (Value::String(pattern), Some(found)) => wildcard(&self.fill(pattern), found),
            (Value::Null, None) => true,
            (Value::Number(_) | Value::Bool(_), Some(found)) => found.parse::<Value>().ok().as_ref() == Some(expected),
            (Value::Null, Some(_)) | (_, None) | (Value::Array(_) | Value::Object(_), _) => false,
        };
        assert!(matches, "{path} is {found:?}, not {expected}");
    }
}

/// `Users.0.UserName`, `Users.#`: what is there, as text.
fn at(answer: &Value, path: &str) -> Option<String> {
    let mut value = answer;
    for part in path.split('.') {
        value = match (part, value) {
            ("#", Value::Array(members)) => return Some(members.len().to_string()),
            // An empty list is an empty element.
            ("#", _) => return Some("0".to_owned()),
            (index, Value::Array(members)) => members.get(index.parse::<usize>().unwrap())?,
            (name, value) => value.get(name)?,
        };
    }
    value.as_str().map(str::to_owned)
}

fn wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && wildcard(tail, &rest[at..]))),
    }
}

#[tokio::test]
async fn the_rust_sdk_runs_every_scenario() {
    let folder = root("tests/scenarios");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    files.sort();
    assert!(files.len() > 25, "the folder holds the scenarios");
    for file in files {
        let script: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let mut run = Run::start().await;
        for (number, step) in script["steps"].as_array().unwrap().iter().enumerate() {
            // Shown only where an assertion below fails.
            println!("{}, step {}: {}", file.display(), number + 1, step);
            run.step(step).await;
        }
    }
}
