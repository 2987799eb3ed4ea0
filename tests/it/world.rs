//! A home of its own for a test: AWS files, `STAGEDOOR_HOME`, and where asked for a private D-Bus with a real GNOME Keyring.
//!
//! Everything lies in one short-named temporary folder (a socket's path has room for 108 bytes) and every process started
//! here ends with the [`World`], also when the test panics. Nothing of the developer's own environment gets in but `PATH`.
//! A missing system program fails the test with a sentence that names the package: nothing is skipped.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use stagedoor_core::paths::{Paths, Platform};

/// The variable that tells a re-executed test that its [`World`] is around it.
const INSIDE: &str = "STAGEDOOR_TEST_INSIDE";

/// One test's home.
pub(crate) struct World {
    home: tempfile::TempDir,
    env: BTreeMap<OsString, OsString>,
    children: Vec<Kept>,
    pub(crate) bus_address: Option<String>,
}

/// Ends with its owner.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// An empty home without a session bus.
    pub(crate) fn new() -> Self {
        let base = if cfg!(unix) { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let home = tempfile::Builder::new().prefix("sd").tempdir_in(base).expect("a temporary folder");
        for folder in [".aws", "run", "share"] {
            fs::create_dir(home.path().join(folder)).expect("a folder in the home");
        }
        let mut world = Self { home, env: BTreeMap::new(), children: Vec::new(), bus_address: None };
        let path = std::env::var_os("PATH").unwrap_or_default();
        for (name, value) in [
            ("PATH", path),
            ("HOME", world.path("").into()),
            ("STAGEDOOR_HOME", world.path("sd").into()),
            ("XDG_RUNTIME_DIR", world.path("run").into()),
            ("XDG_DATA_HOME", world.path("share").into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            // Without it, D-Bus libraries fall back to the bus of the developer's own session.
            ("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", world.path("no-bus").display()).into()),
        ] {
            world.env.insert(name.into(), value);
        }
        #[cfg(unix)]
        fs::set_permissions(world.path("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("mode 0700");
        world
    }

    /// A path under the home; `""` is the home itself.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        if relative.is_empty() { self.home.path().to_owned() } else { self.home.path().join(relative) }
    }

    /// Writes a file under the home, its folder too.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
        io::Write::write_all(&mut fs::File::create(&path).expect("a file"), text.as_bytes()).expect("its content");
    }

    /// `~/.aws/config`.
    pub(crate) fn aws_config(&self, text: &str) {
        self.write(".aws/config", text);
    }

    /// `~/.aws/credentials`.
    pub(crate) fn aws_credentials(&self, text: &str) {
        self.write(".aws/credentials", text);
    }

    /// From now on every command gets this variable.
    pub(crate) fn env(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.insert(name.into(), value.into());
    }

    /// Where Stagedoor's files lie in this world.
    pub(crate) fn paths(&self) -> Paths {
        Paths::from_env(Platform::current(), |name| self.env.get(std::ffi::OsStr::new(name)).and_then(|value| value.to_str().map(str::to_owned)))
    }

    /// `stagedoor`, or any program on the `PATH`, with this world's environment and nothing else.
    pub(crate) fn command(&self, program: &str) -> Command {
        let program = if program == "stagedoor" { env!("CARGO_BIN_EXE_stagedoor") } else { program };
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// Starts something that ends with this world. `package` is what to install when it is missing.
    pub(crate) fn start(&mut self, command: &mut Command, package: &str) -> &mut Child {
        let child = command.spawn().unwrap_or_else(|error| missing(command, package, &error));
        self.children.push(Kept(child));
        &mut self.children.last_mut().expect("it was just added").0
    }

    /// Ends what was started last.
    pub(crate) fn end_last(&mut self) {
        self.children.pop();
    }

    /// Runs the ignored test `name` of this very binary inside this world, in a process of its own: for code that looks at the
    /// process's environment, which a test cannot change for itself.
    pub(crate) fn inside(&self, name: &str, step: &str) -> Output {
        let output = self.inside_command(name, step).output().expect("this binary starts");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{step}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The command behind [`World::inside`].
    pub(crate) fn inside_command(&self, name: &str, step: &str) -> Command {
        let own = std::env::current_exe().expect("this binary");
        let mut command = self.command(own.to_str().expect("a path in UTF-8"));
        command.args(["--exact", name, "--ignored", "--nocapture"]).env(INSIDE, step);
        command
    }

    /// Fails, naming the file, when a file under the home holds one of the secrets. `exempt`: paths under the home where delivery
    /// put it on purpose.
    pub(crate) fn search_secrets(&self, secrets: &[&str], exempt: &[&str]) {
        let exempt: Vec<_> = exempt.iter().map(|relative| self.path(relative)).collect();
        let mut found = Vec::new();
        files(self.home.path(), &mut |path| {
            if exempt.iter().any(|free| path.starts_with(free)) {
                return;
            }
            found.extend(secrets_in(path, secrets));
        });
        assert!(found.is_empty(), "secrets in plain files: {found:?}");
    }

    /// Fails, naming the process, when the arguments of a process that runs now hold one of the secrets.
    #[cfg(target_os = "linux")]
    pub(crate) fn search_arguments(&self, secrets: &[&str]) {
        let processes = fs::read_dir("/proc").expect("/proc").map(|entry| entry.expect("a process").path());
        let found: Vec<_> = processes.map(|process| process.join("cmdline")).filter(|path| path.exists()).flat_map(|path| secrets_in(&path, secrets)).collect();
        assert!(found.is_empty(), "secrets in arguments, seen from {}: {found:?}", self.home.path().display());
    }
}

/// What [`World::inside`] asked for. Panics when a person started the ignored test by hand, whose keychain it would then use.
#[cfg(target_os = "linux")]
pub(crate) fn step() -> String {
    let step = std::env::var_os(INSIDE).expect("this test is started by another one, in a world of its own");
    step.into_string().expect("UTF-8")
}

/// The paths by the environment of this process.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "this is the main of a re-executed test")]
pub(crate) fn own_paths() -> Paths {
    Paths::from_env(Platform::current(), |name| std::env::var(name).ok())
}

/// Which of the secrets a file holds. One that went away meanwhile holds none; one that cannot be read fails the test.
fn secrets_in(path: &Path, secrets: &[&str]) -> Vec<String> {
    let content = match fs::read(path) {
        Ok(content) => content,
        // The second: a process that ended between the two.
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(3) => Vec::new(),
        Err(error) => panic!("cannot search {}: {error}", path.display()),
    };
    let holds = |secret: &str| content.windows(secret.len()).any(|window| window == secret.as_bytes());
    secrets.iter().enumerate().filter(|(_, secret)| holds(secret)).map(|(n, _)| format!("{}: secret number {n}", path.display())).collect()
}

fn files(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => panic!("cannot search {}: {error}", folder.display()),
    };
    for entry in entries {
        let entry = entry.expect("an entry");
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            files(&entry.path(), visit);
        } else if kind.is_file() {
            visit(&entry.path());
        }
    }
}

fn missing(command: &Command, package: &str, error: &io::Error) -> ! {
    panic!("{} did not start ({error}); install it: sudo apt install {package}", command.get_program().to_string_lossy())
}

#[test]
#[should_panic(expected = "share/leak: secret number 1")]
fn a_secret_in_a_plain_file_is_found() {
    let world = World::new();
    world.write("share/leak", "before wJalrXUtnFEMI after");
    world.search_secrets(&["elsewhere", "wJalrXUtnFEMI"], &["share/other"]);
}

#[cfg(target_os = "linux")]
#[test]
#[should_panic(expected = "secret number 0")]
fn a_secret_in_an_argument_is_found() {
    let mut world = World::new();
    // It reads until its input is closed, which is when the world ends.
    let mut command = world.command("cat");
    world.start(command.args(["-", "Je7MtGbClwBF-argument"]).stdin(Stdio::piped()).stderr(Stdio::null()), "coreutils");
    world.search_arguments(&["Je7MtGbClwBF-argument"]);
}

#[test]
#[should_panic(expected = "install it: sudo apt install gnome-keyring")]
fn a_missing_program_fails_with_what_to_install() {
    let mut world = World::new();
    let mut command = world.command("a-keyring-that-nobody-installed");
    world.start(&mut command, "gnome-keyring");
}

#[test]
fn a_secret_where_it_was_delivered_is_exempt() {
    let world = World::new();
    world.aws_credentials("[default]\naws_secret_access_key = wJalrXUtnFEMI\n");
    world.aws_config("[default]\nregion = eu-central-1\n");
    world.search_secrets(&["wJalrXUtnFEMI"], &[".aws/credentials"]);
}

#[test]
fn a_command_sees_the_world_and_nothing_else() {
    let mut world = World::new();
    world.env("AWS_PROFILE", "dev");
    let names: Vec<_> = world.command("stagedoor").get_envs().map(|(name, _)| name.to_str().unwrap().to_owned()).collect();
    for name in ["PATH", "HOME", "STAGEDOOR_HOME", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"] {
        assert!(names.iter().any(|seen| seen == name), "{name}");
    }
    assert!(world.paths().socket().starts_with(world.path("sd")));
    assert!(world.paths().socket().as_os_str().len() < 100);
}
