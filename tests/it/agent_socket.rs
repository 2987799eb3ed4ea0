//! The socket: what others may send and how many may come, and one agent after another without anybody noticing.
//!
//! With the real program, the real keychain and many processes at once: garbage, half lines and idle connections; two agents at
//! the same time; an agent that is killed; an app that takes over under load.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    process::{Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use stagedoor_core::{
    agent::{
        self, Agent, Parts,
        election::{self, Outcome},
        protocol::{Request, Response},
        socket::{
            Listener,
            client::{self, Failure},
        },
    },
    aws::Environment,
    clock::Clock,
    paths::Paths,
    practice::{self, Server},
    store::{keychain::System, vault::Vault},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    agent_home::Home,
    world::{World, own_paths, step},
};

/// An agent in this process behind its socket.
pub(crate) async fn served(home: &Home) -> Agent {
    let agent = home.agent().await;
    tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    agent
}

/// What the agent answers to these bytes until it or we are done; empty when it just closes.
pub(crate) async fn say(home: &Home, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    // A connection that the agent cut off may end with an error.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

/// A well-behaved program gets its credentials.
pub(crate) async fn lives(home: &Home) {
    let answer = say(home, b"{\"v\":1,\"do\":\"credential_process\",\"profile\":\"reader\"}\n").await;
    assert!(answer.contains("ASIA"), "{answer}");
}

#[tokio::test]
async fn what_is_no_question_is_refused_and_the_agent_lives() {
    let home = Home::new().await;
    served(&home).await;
    lives(&home).await;
    let invalid = [
        &b"\x00\xff\xfe garbage\n"[..],
        b"\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"{\"v\":2,\"do\":\"hello\"}\n",
        b"{\"v\":1,\"do\":\"give_me_everything\"}\n",
        b"{\"v\":1,\"do\":\"start\"}\n",
        b"{\"do\":\"hello\"}\n",
        b"[1,2,3]\n",
    ];
    for bytes in invalid {
        let answer = say(&home, bytes).await;
        assert!(answer.contains("does not understand") && answer.contains("\"hint\""), "{:?}: {answer}", String::from_utf8_lossy(bytes));
    }
    for nothing in [&b""[..], b"{\"v\":1,\"do\":\"hel"] {
        assert_eq!(say(&home, nothing).await, "", "half a line is no question");
    }
    lives(&home).await;
}

#[tokio::test]
async fn a_line_without_end_is_cut_off() {
    let home = Home::new().await;
    served(&home).await;
    let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
    let (chunk, mut sent) = (vec![b'x'; 64 * 1024], 0_usize);
    while stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 16 << 20, "it reads on and on");
    }
    lives(&home).await;
}

#[tokio::test]
async fn who_says_nothing_is_in_nobodys_way() {
    let home = Home::new().await;
    served(&home).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(UnixStream::connect(home.paths().socket()).await.unwrap());
    }
    lives(&home).await;
    drop(idle);
}

#[tokio::test]
async fn only_the_owner_gets_near_the_socket_and_the_files() {
    let home = Home::new().await;
    served(&home).await;
    lives(&home).await;
    home.clock.advance(time::Duration::SECOND);
    let sealed = async {
        while !home.sealed().exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), sealed).await.unwrap();
    let paths = home.paths();
    for (path, mode) in [(&paths.runtime, 0o700), (&paths.socket(), 0o600), (&paths.data, 0o700), (&home.sealed(), 0o600)] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}

/// A home with the real keyring, the real `stagedoor`, and a practice server that this process has.
pub(crate) struct Whole {
    pub(crate) world: World,
    pub(crate) aws: practice::World,
    _server: Server,
    _runtime: tokio::runtime::Runtime,
}

impl Whole {
    pub(crate) fn new() -> Self {
        let world = World::with_keyring();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (aws, ready) = practice::World::ready_made([9; 32], Clock::system());
        let server = runtime.block_on(Server::start(aws.clone(), 0)).unwrap();
        let common = format!("region = us-east-1\nendpoint_url = {}\n", server.endpoint());
        world.aws_config(&format!(
            "[profile key]\n{common}\n[profile partner]\nrole_arn = {}\nsource_profile = key\nexternal_id = {}\n{common}",
            ready.partner_role_arn,
            ready.external_id.as_str()
        ));
        let whole = Self { world, aws, _server: server, _runtime: runtime };
        let mut adding = whole.world.command("stagedoor");
        let mut adding = adding.args(["keys", "add", "key"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        write!(adding.stdin.take().unwrap(), "{}\n{}\n", ready.key.id, ready.key.secret.expose()).unwrap();
        let output = adding.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        whole
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.world.command("stagedoor").args(arguments).output().unwrap()
    }

    /// The key ID that a tool gets.
    pub(crate) fn key_id(&self) -> Result<String, String> {
        let output = self.run(&["credential-process", "partner"]);
        let document: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
        match document {
            Ok(document) if output.status.success() => Ok(document["AccessKeyId"].as_str().unwrap().to_owned()),
            _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    pub(crate) fn assumed(&self) -> usize {
        self.aws.calls().iter().filter(|call| call.action == "AssumeRole").count()
    }

    /// The process ID of the agent.
    pub(crate) fn agent(&self) -> u32 {
        match client::ask(&self.world.paths(), &Request::Hello) {
            Ok(Response::Hello { pid, .. }) => pid,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn wait_until(what: &str, so: impl Fn() -> bool) {
        let began = Instant::now();
        while !so() {
            assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        // Nobody may be there any more.
        let _ = client::ask(&self.world.paths(), &Request::Close);
    }
}

#[test]
fn a_second_agent_says_that_there_is_one() {
    let whole = Whole::new();
    let first = whole.agent();
    let output = whole.run(&["agent"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("running already"), "{output:?}");
    assert_eq!(whole.agent(), first);
}

#[test]
fn after_a_killed_agent_the_next_call_starts_one_that_has_the_session() {
    let whole = Whole::new();
    let before = whole.key_id().unwrap();
    let sealed = whole.world.paths().data.join("sessions.sealed");
    Whole::wait_until("the session is sealed", || sealed.exists());
    let first = whole.agent();
    let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    Whole::wait_until("it is dead", || matches!(client::ask(&whole.world.paths(), &Request::Hello), Err(Failure::Nobody | Failure::Gone)));
    assert_eq!(whole.key_id().unwrap(), before);
    assert_ne!(whole.agent(), first);
    assert_eq!(whole.assumed(), 1);
}

#[test]
fn fifty_tools_on_a_cold_role_without_an_agent_start_one_and_ask_once() {
    let whole = Whole::new();
    client::ask(&whole.world.paths(), &Request::Close).unwrap();
    whole.aws.set_latency(Duration::from_millis(100));
    let results: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..50).map(|_| scope.spawn(|| whole.key_id())).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert!(results.iter().all(|result| result.is_ok() && *result == results[0]), "{results:?}");
    assert_eq!(whole.assumed(), 1);
}

/// As the app does it, in a process of its own because the keychain is found through the environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test below, in a process of its own"]
#[expect(clippy::print_stdout, reason = "how it tells that it listens")]
async fn one_step() {
    assert_eq!(step(), "take over");
    let paths = own_paths();
    let Outcome::Elected(_elected) = election::stand(&paths, true).unwrap() else { panic!("it makes room") };
    let listener = Listener::bind(&paths).unwrap();
    let parts = Parts {
        keychain: Arc::new(System::new(&paths)),
        vault: Vault::new(&paths),
        paths,
        clock: Clock::system(),
        environment: Environment::default(),
        program: "/opt/stagedoor/stagedoor".into(),
        windowless: false,
    };
    let agent = Agent::open(parts).await.unwrap();
    tokio::spawn(agent::run(agent.clone()));
    println!("TOOK OVER");
    agent::serve(agent, listener).await;
}

fn with_window(paths: &Paths) -> bool {
    matches!(client::ask(paths, &Request::Hello), Ok(Response::Hello { windowless: false, .. }))
}

#[test]
fn the_app_takes_over_under_load_and_nobody_notices() {
    let whole = Whole::new();
    let before = whole.key_id().unwrap();
    let (paths, over) = (whole.world.paths(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(|| {
                    let (mut results, mut last) = (Vec::new(), false);
                    let until = Instant::now() + Duration::from_mins(1);
                    while !last {
                        // Once more after it is over; and not for ever when the app never comes.
                        last = over.load(Ordering::SeqCst) || Instant::now() > until;
                        results.push(whole.key_id());
                    }
                    results
                })
            })
            .collect();
        let mut app = whole.world.inside_command("agent_socket::one_step", "take over").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Whole::wait_until("the app is the agent", || with_window(&paths));
        over.store(true, Ordering::SeqCst);
        let results: Vec<_> = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        let failures: Vec<_> = results.iter().filter(|result| result.as_ref() != Ok(&before)).collect();
        assert!(failures.is_empty(), "{} of {}: {:?}", failures.len(), results.len(), failures.first());
        assert!(with_window(&paths), "and it stays");
        client::ask(&paths, &Request::Close).unwrap();
        assert!(app.wait().unwrap().success());
    });
    assert_eq!(whole.assumed(), 1);
}
