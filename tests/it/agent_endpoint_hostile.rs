//! Those who mean ill at the container endpoint: refused or cut off, logged once, and the next rightful caller is answered.
//!
//! Loopback is open to every program and, through a browser, to every page. Garbage, half requests, floods and a thousand
//! connections that say nothing; what a page can send after DNS rebinding; another user of the machine.

use stagedoor_core::agent::Agent;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    agent_endpoint::Door,
    agent_home::{Home, until},
};

async fn open(home: &Home) -> (Agent, Door) {
    let agent = home.agent().await;
    let door = Door::of(&agent, "reader").await;
    (agent, door)
}

/// No answer, or one that gives nothing away.
fn gives_nothing(home: &Home, answer: &str) {
    for secret in home.tap.secrets() {
        assert!(!answer.contains(&secret));
    }
    assert!(!answer.contains("ASIA") && !answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn garbage_is_answered_with_nothing_and_the_endpoint_lives() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    let right = door.head();
    let big = format!("GET {} HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", door.path, door.host, "x".repeat(1 << 20));
    let many = format!("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", door.path, door.host, "X: y\r\n".repeat(1000));
    let garbage: Vec<Vec<u8>> = vec![
        b"\x00\xff\xfe garbage\r\n\r\n".to_vec(),
        b"{\"v\":1,\"do\":\"hello\"}\n\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/0.9\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        right.replace("HTTP/1.1", "HTTP/9.9").into_bytes(),
        right.replace("GET ", "GET\r\n ").into_bytes(),
        right.replace("Authorization", "Authorization\u{0}").into_bytes(),
        right.replace("\r\n\r\n", "\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").into_bytes(),
        right.replace("\r\n\r\n", "\r\nContent-Length: 1073741824\r\n\r\n").into_bytes(),
        right.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n").into_bytes(),
        right.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n").into_bytes(),
        big.into_bytes(),
        many.into_bytes(),
    ];
    for bytes in garbage {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let answer = door.say(&bytes).await;
        gives_nothing(&home, &answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{shown}: {answer}");
        door.credentials().await;
    }
}

#[tokio::test]
async fn a_body_is_refused_unread() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    for more in ["Content-Length: 1073741824", "Transfer-Encoding: chunked"] {
        let (status, refusal) = door.ask(door.head().replace("\r\n\r\n", &format!("\r\n{more}\r\n\r\n")).as_bytes()).await;
        assert_eq!((status, refusal["code"].as_str()), (413, Some("body_refused")));
    }
}

#[tokio::test]
async fn what_a_page_sends_after_dns_rebinding_is_refused() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    let port = door.host.split_once(':').unwrap().1;
    let host = format!("Host: {}", door.host);
    for (instead, status, code) in [
        (format!("Host: rebound.evil.example:{port}"), 421, "host_refused"),
        (format!("Host: 127.0.0.1.evil.example:{port}"), 421, "host_refused"),
        ("Host: 127.0.0.1".to_owned(), 421, "host_refused"),
        ("Host:".to_owned(), 421, "host_refused"),
        (format!("{host}\r\nHost: evil.example"), 421, "host_refused"),
        (format!("{host}\r\nOrigin: http://{}", door.host), 403, "origin_refused"),
        (format!("{host}\r\nOrigin: https://evil.example"), 403, "origin_refused"),
        (format!("{host}\r\nSec-Fetch-Site: cross-site"), 403, "origin_refused"),
    ] {
        let (seen, refusal) = door.ask(door.head().replace(&host, &instead).as_bytes()).await;
        assert_eq!((seen, refusal["code"].as_str()), (status, Some(code)), "{instead}");
    }
    let preflight = door.head().replace("GET", "OPTIONS");
    let answer = door.say(preflight.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405") && !answer.to_lowercase().contains("access-control"), "{answer}");
    let absolute = door.head().replace(&format!("GET {}", door.path), &format!("GET http://evil.example{}", door.path));
    assert_eq!(door.ask(absolute.as_bytes()).await.0, 421);
    door.credentials().await;
}

#[tokio::test]
async fn without_the_token_nobody_learns_which_profiles_there_are() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    let mut answers = Vec::new();
    for path in [door.path.clone(), "/credentials/nobody".to_owned(), "/credentials/writer".to_owned()] {
        let without = Door { token: "x".repeat(43), host: door.host.clone(), path };
        answers.push(without.ask(without.head().as_bytes()).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 403), "{answers:?}");
}

#[tokio::test]
async fn a_thousand_connections_that_say_nothing_keep_nobody_out() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let own = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: own.maximum, maximum: own.maximum }).unwrap();
    }
    let mut idle = Vec::new();
    for number in 0..1000 {
        let mut stream = TcpStream::connect(&door.host).await.unwrap();
        // Half of them have begun a request.
        if number % 2 == 0 {
            let _ = stream.write_all(door.head().as_bytes().split_at(40).0).await;
        }
        idle.push(stream);
        if number % 100 == 99 {
            door.credentials().await;
        }
    }
    door.credentials().await;
    // The first of them were cut off, and got nothing.
    let mut answer = Vec::new();
    let _ = idle[0].read_to_end(&mut answer).await;
    gives_nothing(&home, &String::from_utf8_lossy(&answer));
    drop(idle);
    door.credentials().await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    let mut stream = TcpStream::connect(&door.host).await.unwrap();
    stream.write_all(door.head().trim_end().as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "it waits for ever");
    gives_nothing(&home, &String::from_utf8_lossy(&answer));
    door.credentials().await;
}

#[tokio::test]
async fn a_burst_of_refusals_is_one_line_of_activity_without_a_secret() {
    let home = Home::new().await;
    let (agent, door) = open(&home).await;
    let wrong = Door { token: "a-wrong-token".to_owned(), host: door.host.clone(), path: door.path.clone() };
    for _ in 0..100 {
        assert_eq!(wrong.ask(wrong.head().as_bytes()).await.0, 403);
    }
    door.credentials().await;
    let shown = until(&agent, "the rightful question is noted", |snapshot| {
        snapshot.profiles.iter().any(|view| view.activity.iter().any(|line| line.how.starts_with("from memory")))
    })
    .await;
    let lines = &shown.profiles.iter().find(|view| view.name.as_str() == "reader").unwrap().activity;
    let refused: Vec<_> = lines.iter().filter(|line| line.what == "container endpoint" && !line.how.starts_with("from ")).collect();
    assert_eq!(refused.len(), 1, "{lines:?}");
    assert!(!refused[0].how.contains("a-wrong-token") && !refused[0].how.contains(&door.token));
}

/// Only root can be somebody else.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_user_of_the_machine_is_refused_though_the_token_is_right() {
    use std::os::unix::process::CommandExt;
    let home = Home::new().await;
    let (_agent, door) = open(&home).await;
    let own = rustix::process::geteuid();
    let (host, port) = door.host.split_once(':').unwrap();
    let ask = |user: u32| {
        let script = format!("exec 3<>/dev/tcp/{host}/{port} && cat >&3 && cat <&3");
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        if own.is_root() {
            command.uid(user);
        }
        let head = door.head();
        tokio::task::spawn_blocking(move || {
            let mut bash = command.spawn().unwrap();
            std::io::Write::write_all(&mut bash.stdin.take().unwrap(), head.as_bytes()).unwrap();
            String::from_utf8(bash.wait_with_output().unwrap().stdout).unwrap()
        })
    };
    let answer = ask(own.as_raw()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    if own.is_root() {
        let answer = ask(65534).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("approval_denied"), "{answer}");
        gives_nothing(&home, &answer);
    }
}
