//! What the fuzz target of the container endpoint does with its bytes, and what must hold whatever the bytes are.
//!
//! The bytes arrive on a connection as they are, but for `{token}`, which becomes the token: so the fuzzer can find its way in, and
//! it is known when it may. Shared by libFuzzer and by a plain test.

use std::sync::atomic::AtomicBool;

use stagedoor_core::{
    agent::endpoint::{Gate, converse},
    deliver::Handed,
    model::{access_key::AccessKeyId, profile::ProfileName, secret::Secret},
};
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SECRET: &str = "the-secret-that-only-the-token-opens";

/// Says it to the endpoint. Panics where something does not hold.
pub(crate) fn endpoint(data: &[u8]) {
    let gate = Gate::new(4711);
    let (_, token) = gate.key(&ProfileName::new("dev")).expect("random numbers");
    let (bytes, knows) = replaced(data, b"{token}", token.expose().as_bytes());
    let give = |profile: ProfileName| async move {
        assert_eq!(profile.as_str(), "dev");
        Ok(Handed {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new(SECRET),
            session_token: Some(Secret::new(SECRET)),
            expiration: datetime!(2026-11-23 09:00 UTC),
            account_id: None,
            region: None,
            endpoint_url: None,
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let answer = runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(16 * 1024);
        let busy = AtomicBool::new(false);
        let talk = async {
            // It may stop reading before the end.
            let _ = client.write_all(&bytes).await;
            let _ = client.shutdown().await;
            let mut answer = Vec::new();
            let _ = client.read_to_end(&mut answer).await;
            answer
        };
        tokio::join!(converse(server, &gate, &busy, give, |_, refusal| assert!((400..500).contains(&refusal.status))), talk).1
    });
    let answer = String::from_utf8(answer).expect("answers are UTF-8");
    assert!(!answer.contains(token.expose()), "the token is told to nobody: {answer}");
    assert!(knows || !answer.contains(SECRET), "nothing without the token: {answer}");
    if answer.is_empty() {
        return;
    }
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 "), "{answer}");
    let document = body.contains(SECRET);
    assert_eq!(document, head.split(' ').nth(1) == Some("200") && !body.is_empty(), "{answer}");
    assert!(body.is_empty() || document || body.starts_with("{\"code\":\""), "{answer}");
}

/// The bytes with every `what` become `with`, and whether there was one.
fn replaced(data: &[u8], what: &[u8], with: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut found, mut at) = (Vec::with_capacity(data.len()), false, 0);
    while at < data.len() {
        if data[at..].starts_with(what) {
            out.extend_from_slice(with);
            (at, found) = (at + what.len(), true);
        } else {
            out.push(data[at]);
            at += 1;
        }
    }
    (out, found)
}
