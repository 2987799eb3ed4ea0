//! The practice account's HTTP, spoken over a bare socket: what no HTTP library would send.
//!
//! Half requests, huge headers, chunks, other methods and other hosts: refused or answered, nothing half-written, and the
//! next request is served. Signatures and parameters are in `practice_hostile`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use http::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{fuzz_input::sign_for, practice::Practice};

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

async fn connect(practice: &Practice) -> TcpStream {
    TcpStream::connect(practice.server.endpoint().strip_prefix("http://").unwrap()).await.unwrap()
}

/// Writes bytes, says that there are no more, and reads the answer to its end.
async fn exchange(practice: &Practice, bytes: &[u8]) -> String {
    let mut stream = connect(practice).await;
    // A server that has answered already may have closed its side.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// A request of root's as it goes over the wire, without its body.
fn head(practice: &Practice, service: &str, body: &str, more: &str) -> String {
    let mut request = Request::post("/").body(body.as_bytes().to_vec()).unwrap();
    sign_for(&mut request, practice.root(), &practice.clock, service);
    let headers = request.headers().iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
    format!("POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n{}{more}\r\n", headers.collect::<String>())
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

#[tokio::test]
async fn bodies_in_chunks_and_without_a_type() {
    let practice = Practice::start().await;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let chunks = WHO.as_bytes().chunks(7).map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).unwrap()));
    let chunks = chunks.collect::<Vec<_>>().concat();
    let chunked = head(&practice, "sts", WHO, &format!("{form}transfer-encoding: chunked\r\n")) + &chunks + "0\r\n\r\n";
    assert_eq!(status(&exchange(&practice, chunked.as_bytes()).await), "200");
    let untyped = head(&practice, "sts", WHO, &format!("content-length: {}\r\n", WHO.len())) + WHO;
    assert_eq!(status(&exchange(&practice, untyped.as_bytes()).await), "200");
    let json = head(&practice, "sts", WHO, &format!("content-type: application/json\r\ncontent-length: {}\r\n", WHO.len())) + WHO;
    let answer = exchange(&practice, json.as_bytes()).await;
    assert!(status(&answer).starts_with('4'), "a body of another type is no form: {answer}");
    let broken = head(&practice, "sts", WHO, &format!("{form}transfer-encoding: chunked\r\n")) + "zz\r\nAction";
    assert_eq!(status(&exchange(&practice, broken.as_bytes()).await), "400");
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let practice = Practice::start().await;
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW"] {
        let answer = exchange(&practice, format!("{method} / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").as_bytes()).await;
        assert!(matches!(status(&answer), "405" | "400"), "{method}: {answer}");
    }
    let calls = practice.world.calls();
    assert!(calls.is_empty(), "{calls:?}");
}

#[tokio::test]
async fn what_is_no_http_is_refused_and_the_next_request_served() {
    let practice = Practice::start().await;
    let huge = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-big: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n{}\r\n", "x-more: y\r\n".repeat(5000));
    for (what, bytes) in [
        ("no HTTP", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]),
        ("half a line", b"POST / HT"),
        ("HTTP/9", b"GET / HTTP/9.9\r\n\r\n"),
        ("a header without a name", b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n: x\r\n\r\n"),
        ("a header over two lines", b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: y\r\n z\r\n\r\n"),
        ("two lengths", b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy"),
        ("a length below nothing", b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -1\r\n\r\n"),
        ("no host", b"GET / HTTP/1.1\r\n\r\n"),
        ("a huge header", huge.as_bytes()),
        ("thousands of headers", many.as_bytes()),
    ] {
        let answer = exchange(&practice, bytes).await;
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{what}: {answer}");
        practice.sts(&practice.alice()).get_caller_identity().send().await.unwrap_or_else(|error| panic!("after {what}: {error}"));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let practice = Practice::start().await;
    let body = "Action=CreateUser&Version=2010-05-08&UserName=bob";
    let whole = head(&practice, "iam", body, &format!("content-length: {}\r\n", body.len())) + body;
    let mut stalled = connect(&practice).await;
    stalled.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    // Others are served while one is still being read.
    let users = || async { practice.iam(&practice.root()).list_users().send().await.unwrap().users().len() };
    assert_eq!(users().await, 1);
    drop(stalled);
    assert_eq!(users().await, 1);
    assert_eq!(status(&exchange(&practice, whole.as_bytes()).await), "200");
    assert_eq!(users().await, 2);
}

#[tokio::test]
async fn a_page_of_another_host_does_not_get_in() {
    let practice = Practice::start().await;
    for (host, origin, allowed) in [
        ("127.0.0.1", None, true),
        ("localhost:4567", None, true),
        ("[::1]:80", None, true),
        ("practice.example.com", None, false),
        ("127.0.0.1.example.com", None, false),
        ("169.254.169.254", None, false),
        ("127.0.0.1", Some("http://localhost:5173"), true),
        ("127.0.0.1", Some("https://example.com"), false),
        ("127.0.0.1", Some("http://localhost.example.com"), false),
        ("127.0.0.1", Some("null"), false),
    ] {
        let origin_line = origin.map(|origin| format!("origin: {origin}\r\n")).unwrap_or_default();
        let request = format!("POST / HTTP/1.1\r\nhost: {host}\r\n{origin_line}content-length: {}\r\n\r\n{WHO}", WHO.len());
        let answer = exchange(&practice, request.as_bytes()).await;
        assert_eq!(!answer.contains("<Code>InvalidHost</Code>"), allowed, "{host} {origin:?}: {answer}");
        // It is unsigned, so that it is refused in any case.
        assert_eq!(status(&answer), if allowed { "403" } else { "400" });
    }
}

#[tokio::test]
async fn a_page_of_another_host_cannot_load_anything_from_here() {
    let practice = Practice::start().await;
    for (path, site, mode, allowed) in [
        ("/?Action=ListUsers", "cross-site", "no-cors", false),
        ("/?Action=ListUsers", "cross-site", "navigate", false),
        ("/?Action=ListUsers", "same-site", "no-cors", false),
        ("/?Action=ListUsers", "none", "navigate", true),
        ("/?Action=ListUsers", "same-origin", "cors", true),
        ("/federation?Action=login", "cross-site", "navigate", true),
        ("/federation?Action=login", "cross-site", "no-cors", false),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nsec-fetch-site: {site}\r\nsec-fetch-mode: {mode}\r\n\r\n");
        let answer = exchange(&practice, request.as_bytes()).await;
        assert_eq!(!answer.contains("<Code>InvalidHost</Code>"), allowed, "{path} {site} {mode}: {answer}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let practice = Practice::start().await;
    let address: std::net::SocketAddr = practice.server.endpoint().strip_prefix("http://").unwrap().parse().unwrap();
    assert!(address.ip().is_loopback());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_writes_to_one_user() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("bob").send().await.unwrap();
    let calls: Vec<_> = (0..50).map(|_| tokio::spawn(iam.create_access_key().user_name("bob").send())).collect();
    let (mut made, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(aws_sdk_iam::error::ProvideErrorMetadata::code(&error), Some("LimitExceeded"));
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused), (2, 48));
    let same: Vec<_> = (0..20).map(|_| tokio::spawn(iam.create_user().user_name("eve").send())).collect();
    let mut made = 0;
    for call in same {
        made += usize::from(call.await.unwrap().is_ok());
    }
    assert_eq!(made, 1, "one name is taken once");
}
