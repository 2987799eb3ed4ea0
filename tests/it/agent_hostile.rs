//! Hostile input at the socket: the one who sends it is refused and the log says so, the agent lives, and rightful callers are answered.
//!
//! Connections that end at every point, deep JSON, lengths of a gigabyte, a thousand idle connections, another user, a socket that
//! somebody put in the place of ours. With the real agent where its log, its memory and its file descriptors are looked at.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as Blocking},
    path::Path,
    process::{Command, Stdio},
};

use stagedoor_core::{
    agent::{
        self, Agent,
        protocol::{LONGEST_LINE, Request, Response},
        socket::{Listener, SEATS, client},
    },
    model::profile::ProfileName,
};
use tokio::{io::AsyncWriteExt, net::UnixStream};

use crate::{
    agent_home::Home,
    agent_socket::{Whole, lives, say, served},
};

const QUESTION: &[u8] = b"{\"v\":1,\"do\":\"credential_process\",\"profile\":\"reader\"}\n";

#[tokio::test]
async fn a_connection_may_end_at_every_point() {
    let home = Home::new().await;
    served(&home).await;
    for end in 0..=QUESTION.len() {
        // Gone at once, and gone after it said that no more comes.
        let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
        stream.write_all(&QUESTION[..end]).await.unwrap();
        drop(stream);
        let answer = say(&home, &QUESTION[..end]).await;
        assert_eq!(answer.is_empty(), end < QUESTION.len(), "{end}: {answer}");
    }
    lives(&home).await;
}

#[tokio::test]
async fn deep_json_and_long_lines_are_no_questions() {
    let home = Home::new().await;
    served(&home).await;
    let deep = |open: &str, close: &str, depth: usize| format!("{{\"v\":1,\"do\":\"hello\",\"x\":{}{}}}\n", open.repeat(depth), close.repeat(depth));
    let long = format!("{{\"v\":1,\"do\":\"start\",\"profile\":\"{}\"}}\n", "x".repeat(LONGEST_LINE - 50));
    for line in [deep("[", "]", 100_000), deep("{\"x\":", "}", 30_000).replace(":}", ":1}"), "[".repeat(200_000) + "\n"] {
        let answer = say(&home, line.as_bytes()).await;
        assert!(answer.contains("does not understand"), "{} bytes: {answer}", line.len());
    }
    let answer = say(&home, long.as_bytes()).await;
    assert!(answer.contains("missing_profile") && answer.len() < 2 * LONGEST_LINE, "as long as a line may be: {}", answer.len());
    lives(&home).await;
}

#[tokio::test]
async fn lengths_that_are_announced_mean_nothing() {
    let home = Home::new().await;
    served(&home).await;
    for bytes in
        [&b"\x40\x00\x00\x00"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff", b"Content-Length: 1073741824\r\n\r\n", b"1073741824\n{\"v\":1,\"do\":\"hello\"}\n"]
    {
        let answer = say(&home, bytes).await;
        assert!(answer.is_empty() || answer.contains("does not understand"), "{answer}");
        assert!(!answer.contains("\"is\":\"hello\""), "what follows a refused line is not read: {answer}");
    }
    lives(&home).await;
}

/// In place of ours lies another socket.
fn replace_socket(home: &Home) -> Listener {
    fs::remove_file(home.paths().socket()).unwrap();
    Listener::bind(&home.paths()).unwrap()
}

#[tokio::test]
async fn an_agent_whose_socket_was_replaced_ends_and_leaves_the_other_alone() {
    let home = Home::new().await;
    let agent = served(&home).await;
    lives(&home).await;
    let other = replace_socket(&home);
    let mut closing = agent.closing();
    tokio::time::pause();
    closing.wait_for(|closing| *closing).await.unwrap();
    tokio::time::resume();
    assert!(other.is_there(), "it is not ours to remove");
}

#[tokio::test]
async fn the_app_makes_its_socket_anew_when_it_was_removed() {
    let home = Home::new().await;
    let agent = Agent::open(agent::Parts { windowless: false, ..home.parts() }).await.unwrap();
    let serving = tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    lives(&home).await;
    fs::remove_file(home.paths().socket()).unwrap();
    tokio::time::pause();
    while !home.paths().socket().exists() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    lives(&home).await;
    assert!(!serving.is_finished());
}

/// How many file descriptors a process has open.
fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn resident_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn log(whole: &Whole) -> String {
    fs::read_to_string(whole.world.paths().data.join("agent.log")).unwrap()
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out_and_are_let_go() {
    let whole = Whole::new();
    whole.key_id().unwrap();
    let (agent, socket) = (whole.agent(), whole.world.paths().socket());
    let before = descriptors(agent);
    let mut idle = Vec::new();
    // Half of them say something and never end it. In rounds, so that this process needs no more file descriptors than it has.
    for round in 0..4 {
        for n in 0..250 {
            let mut stream = Blocking::connect(&socket).unwrap();
            if n % 2 == 0 {
                // It may have been sent away already.
                let _ = stream.write_all(&QUESTION[..n % QUESTION.len()]);
            }
            idle.push(stream);
        }
        assert!(whole.key_id().is_ok(), "round {round}: a rightful caller is answered");
        assert!(descriptors(agent) <= before + SEATS, "{} descriptors", descriptors(agent));
    }
    // Those that were sent away know it: the oldest reads the end.
    let mut rest = Vec::new();
    idle[0].set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    assert!(matches!(idle[0].read_to_end(&mut rest), Ok(0) | Err(_)) && rest.is_empty());
    assert!(log(&whole).contains("too many connections"), "{}", log(&whole));
    drop(idle);
    Whole::wait_until("all of them are closed", || descriptors(agent) <= before);
    assert_eq!(whole.agent(), agent, "the same agent");
}

#[test]
fn garbage_is_told_in_the_log_once_in_a_while_and_never_quoted() {
    let whole = Whole::new();
    whole.key_id().unwrap();
    let (agent, socket) = (whole.agent(), whole.world.paths().socket());
    let before = descriptors(agent);
    let say = |bytes: &[u8]| {
        let mut stream = Blocking::connect(&socket).unwrap();
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    };
    let begun = log(&whole).lines().count();
    for n in 0..300 {
        say(format!("je7MtGbClwBF-garbage {n}\n").as_bytes());
        say(format!("{{\"v\":1,\"do\":\"je7MtGbClwBF {n}").as_bytes());
    }
    say(&vec![b'j'; 2 * LONGEST_LINE]);
    let resident = resident_kib(agent);
    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..20 {
        let mut stream = Blocking::connect(&socket).unwrap();
        // A gigabyte, if it is taken.
        assert!((0..1024).any(|_| stream.write_all(&chunk).is_err()), "it reads on and on");
    }
    assert!(resident_kib(agent) < resident + 16 * 1024, "{resident} KiB before, {} after", resident_kib(agent));
    let log = log(&whole);
    for refusal in ["refused a line that is no question", "refused half a line", "refused a line without end"] {
        assert!(log.contains(refusal), "{refusal}: {log}");
    }
    assert!(!log.contains("je7MtGbClwBF") && !log.contains("jjjj"), "nothing of it is quoted: {log}");
    assert!(log.lines().count() - begun < 60, "not a line each: {log}");
    Whole::wait_until("all of them are closed", || descriptors(agent) <= before);
    assert!(whole.key_id().is_ok());
}

#[test]
fn thousands_of_questions_leave_no_descriptor_open() {
    let whole = Whole::new();
    whole.key_id().unwrap();
    let (agent, paths) = (whole.agent(), whole.world.paths());
    let ask = |times: usize| {
        for _ in 0..times {
            let answer = client::ask(&paths, &Request::CredentialProcess { profile: ProfileName::new("partner") }).unwrap();
            assert!(matches!(answer, Response::Text { .. }), "{answer:?}");
        }
    };
    ask(200);
    Whole::wait_until("they are closed", || descriptors(agent) < 60);
    let before = descriptors(agent);
    ask(3000);
    Whole::wait_until("these are closed too", || descriptors(agent) <= before);
    assert_eq!((whole.agent(), whole.assumed()), (agent, 1));
}

fn open_up(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn another_user_is_refused_even_where_the_folder_is_open() {
    if !rustix::process::geteuid().is_root() {
        // Only root can become somebody else. CI runs this as root.
        return;
    }
    let whole = Whole::new();
    whole.key_id().unwrap();
    let (agent, paths) = (whole.agent(), whole.world.paths());
    for (path, mode) in [(&whole.world.path(""), 0o755), (&whole.world.path("sd"), 0o755), (&paths.runtime, 0o755), (&paths.socket(), 0o666)] {
        open_up(path, mode);
    }
    // Perl is on every Debian and needs no home of its own.
    let script = "$| = 1; alarm 30; $SIG{PIPE} = 'IGNORE'; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; print \"connected\\n\"; \
         print $s $ARGV[1]; $s->flush; my $n = sysread($s, my $answer, 65536); print 0 + ($n || 0), \"\\n\"";
    let ask = |user: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--clear-groups", "/usr/bin/perl", "-MIO::Socket::UNIX", "-e", script]).arg(paths.socket());
        let output = command.arg("{\"v\":1,\"do\":\"hello\"}\n").stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    assert_eq!(ask("65534"), "connected\n0\n", "nobody gets a word");
    let own = ask("0");
    assert!(own.starts_with("connected\n") && own != "connected\n0\n", "the same program as this user is answered: {own}");
    assert!(log(&whole).contains("refused a connection of another user"), "{}", log(&whole));
    assert_eq!(whole.agent(), agent);
}
