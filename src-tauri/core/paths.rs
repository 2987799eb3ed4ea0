//! Where everything lies, as one value: decided once from the environment, then passed along.
//!
//! `STAGEDOOR_HOME` puts all of Stagedoor's own files, the socket too, under one folder. The AWS files follow the rules of
//! the SDKs. No file is opened here.

use std::path::{Path, PathBuf};

/// The operating systems whose rules for home folders differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux and other Unix systems.
    Linux,
    /// macOS.
    Mac,
    /// Windows.
    Windows,
}

impl Platform {
    /// The one this program was built for.
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Mac
        } else {
            Self::Linux
        }
    }
}

/// Every place that Stagedoor reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The person's home folder.
    pub home: PathBuf,
    /// `~/.aws/config`, or `AWS_CONFIG_FILE`.
    pub aws_config: PathBuf,
    /// `~/.aws/credentials`, or `AWS_SHARED_CREDENTIALS_FILE`.
    pub aws_credentials: PathBuf,
    /// Settings, favourites, colours. No secrets.
    pub config: PathBuf,
    /// Sealed sessions, logs.
    pub data: PathBuf,
    /// The socket and the lock; mode 0700.
    pub runtime: PathBuf,
    /// Distinguishes keychain entries and pipes of separate `STAGEDOOR_HOME`s; empty for the normal one.
    pub instance: String,
}

impl Paths {
    /// Reads the variables through `env`, which returns `None` for unset ones.
    pub fn from_env(platform: Platform, env: impl Fn(&str) -> Option<String>) -> Self {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let home = home(platform, &env);
        let aws =
            |name: &str, file: &str| env(name).map_or_else(|| join(platform, &join(platform, &home, ".aws"), file), |path| expand(platform, &path, &home));
        let aws_config = aws("AWS_CONFIG_FILE", "config");
        let aws_credentials = aws("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let here = |path: String| PathBuf::from(path);
        if let Some(own) = env("STAGEDOOR_HOME").map(here) {
            let instance = own.to_string_lossy().into_owned();
            return Self { home, aws_config, aws_credentials, config: own.join("config"), data: own.join("data"), runtime: own.join("run"), instance };
        }
        let (config, data, runtime) = match platform {
            Platform::Linux => {
                let base = |name: &str, or: &str| env(name).map(here).filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(or)).join("stagedoor");
                let data = base("XDG_DATA_HOME", ".local/share");
                let runtime = env("XDG_RUNTIME_DIR").map_or_else(|| data.join("run"), |dir| here(dir).join("stagedoor"));
                (base("XDG_CONFIG_HOME", ".config"), data, runtime)
            }
            Platform::Mac => {
                let support = home.join("Library/Application Support/Stagedoor");
                (support.join("config"), support.join("data"), support.join("run"))
            }
            Platform::Windows => {
                let roaming = env("APPDATA").map_or_else(|| home.join("AppData").join("Roaming"), here).join("Stagedoor");
                let local = env("LOCALAPPDATA").map_or_else(|| home.join("AppData").join("Local"), here).join("Stagedoor");
                (roaming, local.join("data"), local.join("run"))
            }
        };
        Self { home, aws_config, aws_credentials, config, data, runtime, instance: String::new() }
    }

    /// A path as a person writes it: with `~` where it lies in the home folder.
    pub fn told(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(rest) if self.home.parent().is_some() => format!("~{}{}", std::path::MAIN_SEPARATOR, rest.display()),
            Ok(_) | Err(_) => path.display().to_string(),
        }
    }

    /// The local socket of the agent (Unix).
    pub fn socket(&self) -> PathBuf {
        self.runtime.join("agent.sock")
    }

    /// The file with the name of the agent's pipe (Windows): random, so that nobody else can have created it before.
    pub fn pipe_name(&self) -> PathBuf {
        self.runtime.join("agent.pipe")
    }

    /// The file whose lock elects the one agent.
    pub fn agent_lock(&self) -> PathBuf {
        self.runtime.join("agent.lock")
    }
}

/// The home folder as every AWS SDK finds it: `$HOME` first even on Windows, then `%USERPROFILE%`, then `%HOMEDRIVE%%HOMEPATH%`.
fn home(platform: Platform, env: &impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(home) = env("HOME") {
        return home.into();
    }
    if platform == Platform::Windows {
        if let Some(profile) = env("USERPROFILE") {
            return profile.into();
        }
        if let (Some(drive), Some(path)) = (env("HOMEDRIVE"), env("HOMEPATH")) {
            return format!("{drive}{path}").into();
        }
    }
    PathBuf::from(if platform == Platform::Windows { "\\" } else { "/" })
}

/// `~` and `~/…` begin at the home folder.
fn expand(platform: Platform, path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with('/') || (platform == Platform::Windows && rest.starts_with('\\')) => join(platform, home, &rest[1..]),
        _ => path.into(),
    }
}

/// Joins with the separator of `platform`, which in tests is not always the one of this machine.
fn join(platform: Platform, base: &Path, name: &str) -> PathBuf {
    let separator = if platform == Platform::Windows { "\\" } else { "/" };
    let base = base.to_string_lossy();
    format!("{}{separator}{name}", base.trim_end_matches(['/', '\\'])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(platform: Platform, env: &[(&str, &str)]) -> Paths {
        Paths::from_env(platform, |name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_nobody_elses() {
        let of = |platform, home, value| paths(platform, &[("HOME", home), ("AWS_CONFIG_FILE", value)]).aws_config;
        assert_eq!(of(Platform::Linux, "/home/ada", "~/x/config"), Path::new("/home/ada/x/config"));
        assert_eq!(of(Platform::Linux, "/home/ada", "~"), Path::new("/home/ada"));
        assert_eq!(of(Platform::Linux, "/home/ada", "~bob/config"), Path::new("~bob/config"));
        assert_eq!(of(Platform::Windows, r"C:\Users\ada", r"~\x"), Path::new(r"C:\Users\ada\x"));
        assert_eq!(of(Platform::Linux, "/home/ada", ""), Path::new("/home/ada/.aws/config"));
    }

    #[test]
    fn one_folder_holds_everything_of_our_own_when_asked_to() {
        let own = paths(Platform::Linux, &[("HOME", "/home/ada"), ("STAGEDOOR_HOME", "/tmp/s"), ("XDG_RUNTIME_DIR", "/run/user/1")]);
        for path in [&own.config, &own.data, &own.runtime, &own.socket(), &own.agent_lock()] {
            assert!(path.starts_with("/tmp/s"), "{}", path.display());
        }
        assert_eq!(own.aws_config, Path::new("/home/ada/.aws/config"));
        let usual = paths(Platform::Linux, &[("HOME", "/home/ada"), ("XDG_RUNTIME_DIR", "/run/user/1"), ("XDG_CONFIG_HOME", "relative")]);
        assert_eq!((usual.instance.as_str(), usual.runtime), ("", PathBuf::from("/run/user/1/stagedoor")));
        assert_eq!(usual.config, Path::new("/home/ada/.config/stagedoor"));
    }
}
