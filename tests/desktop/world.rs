//! A whole desktop for one test: display, session bus, unlocked keychain, home folder. All of it ends with the test.
//!
//! Nothing is shared with the machine: the display is a virtual one even where there is a real one, the bus starts no
//! services of the system, the keychain lies in the home folder of the test.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::bus::Bus;

/// The longest anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// What a browser is here: something that notes which address it was asked to open.
const BROWSER: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >> \"$HOME/browser.log\"\n";

/// The desktop.
pub(crate) struct World {
    /// `$HOME`; everything is below it.
    pub(crate) home: TempDir,
    /// The desktop's side of the bus.
    pub(crate) bus: Bus,
    env: Vec<(&'static str, String)>,
    children: Vec<Child>,
}

impl World {
    /// Makes one.
    pub(crate) async fn new() -> Self {
        let home = tempfile::Builder::new().prefix("stagedoor-").tempdir().unwrap();
        let at = |name: &str| home.path().join(name).to_string_lossy().into_owned();
        for folder in ["bin", "run", "data", ".aws"] {
            std::fs::create_dir(home.path().join(folder)).unwrap();
            std::fs::set_permissions(home.path().join(folder), PermissionsExt::from_mode(0o700)).unwrap();
        }
        write(&home.path().join("bin/xdg-open"), BROWSER);
        std::fs::set_permissions(home.path().join("bin/xdg-open"), PermissionsExt::from_mode(0o755)).unwrap();
        write(&home.path().join("bus.conf"), BUS);

        let mut children = Vec::new();
        let mut service = |command: &mut Command| {
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a program of the test's desktop; see CONTRIBUTING.md");
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            children.push(child);
            line.trim().to_owned()
        };
        let display = service(Command::new("Xvfb").args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]));
        let address = service(Command::new("dbus-daemon").args(["--nofork", "--print-address=1"]).arg(format!("--config-file={}", at("bus.conf"))));
        #[expect(clippy::disallowed_methods, reason = "where the programs of the test's desktop are")]
        let path = format!("{}:{}", at("bin"), std::env::var("PATH").unwrap());
        let env = vec![
            ("HOME", home.path().to_string_lossy().into_owned()),
            ("PATH", path),
            ("STAGEDOOR_HOME", at("stagedoor")),
            ("XDG_RUNTIME_DIR", at("run")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_CACHE_HOME", at("cache")),
            ("XDG_CURRENT_DESKTOP", "GNOME".to_owned()),
            ("DISPLAY", format!(":{display}")),
            ("DBUS_SESSION_BUS_ADDRESS", address.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("GSETTINGS_BACKEND", "memory".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        let bus = Bus::join(&address).await;
        let mut world = Self { home, bus, env, children };
        let mut keychain = world.command("gnome-keyring-daemon");
        let mut keychain = keychain.args(["--unlock", "--components=secrets", "--foreground"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        keychain.stdin.take().unwrap().write_all(b"keychain").unwrap();
        world.children.push(keychain);
        world.bus.owned("org.freedesktop.secrets").await;
        world
    }

    /// Another variable for everything that starts from now on.
    pub(crate) fn set_env(&mut self, name: &'static str, value: impl Into<String>) {
        self.env.push((name, value.into()));
    }

    /// A program of this world: nothing of the machine's environment but what it names.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env.iter().map(|(name, value)| (name, value))).current_dir(self.home.path()).stderr(self.log());
        command
    }

    /// The app.
    pub(crate) fn app(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_stagedoor-desktop"))
    }

    /// The command line.
    pub(crate) fn stagedoor(&self) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_stagedoor"));
        command.stderr(Stdio::piped()).stdout(Stdio::piped()).stdin(Stdio::null());
        command
    }

    /// A file below the home folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// What programs said on standard error so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.path("stderr.log")).unwrap_or_default()
    }

    /// The titles of the windows that are on the display now.
    pub(crate) fn windows(&self) -> Vec<String> {
        use x11rb::{
            connection::Connection as _,
            protocol::xproto::{AtomEnum, ConnectionExt as _, MapState},
        };
        let display = &self.env.iter().find(|(name, _)| *name == "DISPLAY").unwrap().1;
        let (x, screen) = x11rb::connect(Some(display)).unwrap();
        let root = x.setup().roots[screen].root;
        let tree = x.query_tree(root).unwrap().reply().unwrap();
        let title = |window| {
            let shown = x.get_window_attributes(window).ok()?.reply().ok()?.map_state == MapState::VIEWABLE;
            let name = x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64).ok()?.reply().ok()?;
            (shown && !name.value.is_empty()).then(|| String::from_utf8_lossy(&name.value).into_owned())
        };
        tree.children.into_iter().filter_map(title).collect()
    }

    /// Asks a window to close, as the button in its title bar does.
    pub(crate) fn close_window(&self, title: &str) {
        use x11rb::{
            connection::Connection as _,
            protocol::xproto::{AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask},
        };
        let display = &self.env.iter().find(|(name, _)| *name == "DISPLAY").unwrap().1;
        let (x, screen) = x11rb::connect(Some(display)).unwrap();
        let atom = |name: &[u8]| x.intern_atom(false, name).unwrap().reply().unwrap().atom;
        let (protocols, delete) = (atom(b"WM_PROTOCOLS"), atom(b"WM_DELETE_WINDOW"));
        for window in x.query_tree(x.setup().roots[screen].root).unwrap().reply().unwrap().children {
            let name = x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64).unwrap().reply().unwrap();
            if name.value == title.as_bytes() {
                let event = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
                x.send_event(false, window, EventMask::NO_EVENT, event).unwrap();
            }
        }
        x.flush().unwrap();
    }

    /// The processes of this world that run now, with their arguments.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        let mark = format!("HOME={}", self.home.path().display());
        let ours = |entry: std::fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            environment.windows(mark.len()).any(|part| part == mark.as_bytes()).then_some(())?;
            Some((pid, String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ")))
        };
        std::fs::read_dir("/proc").unwrap().flatten().filter_map(ours).collect()
    }

    fn log(&self) -> Stdio {
        std::fs::File::options().create(true).append(true).open(self.path("stderr.log")).unwrap().into()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // What the driver started outlives the driver.
        for (pid, _) in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- standard error of the programs:\n{}", self.said());
        }
    }
}

/// Writes a file as a person's editor would.
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Asks until there is an answer.
pub(crate) async fn until<T>(what: &str, mut answer: impl AsyncFnMut() -> Option<T>) -> T {
    let patient = async {
        loop {
            if let Some(answer) = answer().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    };
    tokio::time::timeout(PATIENCE, patient).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}

/// Waits for the end of a process.
pub(crate) async fn ended(child: &mut Child) -> std::process::ExitStatus {
    until("the end of a process", async || child.try_wait().unwrap()).await
}
