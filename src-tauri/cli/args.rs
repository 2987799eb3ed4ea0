//! The arguments, as clap reads them. Names are fixed; help is what a newcomer reads first.
//!
//! Only the shape of the command line: what a command does is in the file of its name. Commands that are not there yet have their
//! names already, hidden, so that a script that uses them gets a sentence instead of a usage error.

use clap::{Args, Parser, Subcommand, ValueEnum};
use stagedoor_core::{
    agent::ConsoleTarget,
    error::Result,
    model::{lock::SecretsPlace, params::SessionDuration, snapshot},
};

/// AWS access keys in the keychain, short-lived credentials for every tool.
#[derive(Debug, Parser)]
#[command(name = "stagedoor", version, about, disable_help_subcommand = true, arg_required_else_help = false)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What stands under `setup --help`.
const SETUP_EXAMPLES: &str = "\
Examples:
  A colleague who may assume one role, with an MFA code; first the plan, then the same with --apply:
    stagedoor setup user dana --as admin --mfa --may-assume arn:aws:iam::111122223333:role/deploy

  A role for somebody else's account, which must pass an external ID that is made here:
    stagedoor setup role audit --as admin --trust third-party:444455556666 --external-id auto \\
      --policy arn:aws:iam::aws:policy/SecurityAudit --apply";

/// The shells that `env` writes for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl From<Option<Shell>> for ShellChoice {
    fn from(shell: Option<Shell>) -> Self {
        Self(match shell {
            Some(Shell::Bash) => snapshot::Shell::Bash,
            Some(Shell::Zsh) => snapshot::Shell::Zsh,
            Some(Shell::Fish) => snapshot::Shell::Fish,
            Some(Shell::Powershell) => snapshot::Shell::Powershell,
            None => ShellChoice::usual(),
        })
    }
}

/// The path of the program that started this one, where the system tells.
#[cfg(target_os = "linux")]
fn parent_program() -> Option<String> {
    let parent = rustix::process::getppid()?.as_raw_nonzero();
    std::fs::read_link(format!("/proc/{parent}/exe")).ok()?.into_os_string().into_string().ok()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn parent_program() -> Option<String> {
    let parent = rustix::process::getppid()?.as_raw_nonzero().to_string();
    let told = std::process::Command::new("/bin/ps").args(["-o", "comm=", "-p", &parent]).output().ok()?;
    Some(String::from_utf8(told.stdout).ok()?.trim().to_owned())
}

#[cfg(windows)]
fn parent_program() -> Option<String> {
    None
}

/// The shell that was named, or the one that is most likely.
pub(crate) struct ShellChoice(pub(crate) snapshot::Shell);

impl ShellChoice {
    /// The shell that runs this command; where that is none, for example a script's interpreter, the person's own.
    fn usual() -> snapshot::Shell {
        let named = |path: String| match path.rsplit('/').next()?.trim_start_matches('-') {
            "fish" => Some(snapshot::Shell::Fish),
            "zsh" => Some(snapshot::Shell::Zsh),
            "pwsh" | "powershell" => Some(snapshot::Shell::Powershell),
            "bash" | "sh" | "dash" | "ash" | "ksh" | "mksh" | "busybox" => Some(snapshot::Shell::Bash),
            _ => None,
        };
        let usual = if cfg!(windows) { snapshot::Shell::Powershell } else { snapshot::Shell::Bash };
        parent_program().and_then(named).or_else(|| crate::env("SHELL").and_then(named)).unwrap_or(usual)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List every named profile: what it is, its account, its session
    Profiles {
        /// One JSON document on standard output
        #[arg(long)]
        json: bool,
    },
    /// Show where a profile's credentials would come from, hop by hop, without any call
    Resolve {
        profile: String,
        #[arg(long)]
        json: bool,
    },
    /// Get credentials for a profile and keep them renewed
    Start {
        profile: String,
        /// The six digits that the MFA device shows now; asked for on a terminal
        #[arg(long, value_name = "CODE")]
        mfa_code: Option<String>,
    },
    /// Forget a profile's credentials
    Stop {
        #[arg(required_unless_present = "all")]
        profile: Option<String>,
        /// Stop all sessions, and forget MFA sessions too
        #[arg(long, conflicts_with = "profile")]
        all: bool,
    },
    /// Show the sessions
    Status {
        #[arg(long)]
        json: bool,
    },
    /// Answer an AWS tool (for the credential_process setting)
    CredentialProcess {
        #[arg(required_unless_present = "lease")]
        profile: Option<String>,
        /// A lease, by its ID or its name, instead of a profile
        #[arg(long, conflicts_with = "profile")]
        lease: Option<String>,
    },
    /// Run a command with a profile's credentials in its environment
    ///
    /// Signals, the terminal and the exit code are the command's own; 127 when there is no such command, 126 when it cannot be run.
    /// The credentials in the environment end with the session. With --endpoint the command's AWS SDK asks Stagedoor for new ones
    /// as long as this agent runs; when Stagedoor was quit and started anew, run the command again.
    Exec {
        profile: String,
        /// Serve the credentials at a container endpoint, where the command's AWS SDK renews them as long as it runs
        #[arg(long)]
        endpoint: bool,
        /// The command and its arguments, after --
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<std::ffi::OsString>,
    },
    /// Lease a narrowed session of a profile to one command, or to a program that asks for it by the lease's ID
    Lease(crate::lease_args::LeaseArguments),
    /// Write a profile's temporary credentials into ~/.aws/credentials while its session lasts, for tools that read nothing else
    Write {
        profile: String,
        /// The section's name; the profile's when not given
        #[arg(long = "as", value_name = "NAME")]
        section: Option<String>,
        /// Take them out again
        #[arg(long, conflicts_with = "section")]
        off: bool,
    },
    /// Print lines that put a profile's credentials into a shell: eval "$(stagedoor env PROFILE)"
    ///
    /// In fish: stagedoor env PROFILE | source. In PowerShell: stagedoor env PROFILE | Out-String | Invoke-Expression.
    /// Whatever could win over them is cleared. --unset prints lines that clear all of it again.
    Env {
        profile: String,
        #[arg(long)]
        shell: Option<Shell>,
        /// Print lines that take them out again
        #[arg(long)]
        unset: bool,
    },
    /// Open the AWS console as a profile
    Console {
        profile: String,
        /// A service's page, such as s3
        #[arg(long, value_name = "NAME", conflicts_with = "path")]
        service: Option<String>,
        /// A path under the console, such as /iam/home#/users
        #[arg(long)]
        path: Option<String>,
        #[arg(long, value_name = "R")]
        region: Option<String>,
        /// How long the console session lasts, such as 1h; AWS refuses it for chained roles, so it is left out there
        #[arg(long, value_name = "D")]
        duration: Option<String>,
        /// Print the sign-in link (a secret, good for 15 minutes) instead of opening it
        #[arg(long)]
        print: bool,
    },
    /// Ask AWS who a profile is
    Whoami {
        profile: String,
        #[arg(long)]
        json: bool,
    },
    /// Hand profiles out to every AWS tool through credential_process
    Connect(crate::files_args::Connect),
    /// Give profiles back as they were
    Disconnect(crate::files_args::Disconnect),
    /// Let a profile ask, in the app, each time before a program gets it
    Ask {
        profile: String,
        /// No longer; has to be allowed in the app
        #[arg(long)]
        off: bool,
    },
    /// Move plaintext access keys from ~/.aws into the keychain, or the vault where that counts
    Import(crate::files_args::Import),
    /// The last versions of ~/.aws/config and ~/.aws/credentials, from before and after each change that Stagedoor made
    Files(crate::files_args::Files),
    /// Access keys in the keychain or the vault
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// MFA devices whose seeds are in the keychain or the vault
    Mfa {
        #[command(subcommand)]
        command: crate::mfa::MfaCommand,
    },
    /// Show who asked for credentials, for which profile, and what came of it
    Activity(ActivityArguments),
    /// Say what is wrong and how to mend it: files, profiles, variables, keychain, agent, network, desktop
    Doctor {
        /// One JSON document on standard output
        #[arg(long)]
        json: bool,
    },
    /// Run an AWS to practise on, on this machine: IAM, STS, sign-in; prints the lines that lead a terminal to it
    Practice {
        /// The port on 127.0.0.1; any free one when not given
        #[arg(long, default_value_t = 0, hide_default_value = true)]
        port: u16,
        /// Let changes of IAM count only after this long, such as 5s; at once when not given
        #[arg(long, value_name = "DURATION")]
        eventual: Option<String>,
        /// One line of JSON instead, with the access key of every account's root
        #[arg(long)]
        json: bool,
    },
    /// Run the agent in the foreground, without a window
    Agent,
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual page
    Man,
    /// Set up IAM as a plan that is read before, proven after, and can be undone: users, roles, groups, changes
    ///
    /// Each prints its plan and sends nothing. With --apply it is done step by step: what stops half-way goes on with `setup resume`,
    /// and `setup undo` takes it back. Then it is proven by really calling: what must be allowed is, what must be refused is.
    #[command(after_help = SETUP_EXAMPLES)]
    Setup {
        #[command(subcommand)]
        command: crate::setup_args::SetupCommand,
    },
    /// End all sessions of a role up to now, or make an access key inactive; prints the plan, --apply does it
    Revoke(crate::setup_args::RevokeArguments),
    #[command(hide = true)]
    Explain(Rest),
    #[command(hide = true)]
    Check(Rest),
    /// Forget every credential in memory and hand out nothing until it is unlocked
    Lock,
    /// Hand out again; asks for the vault's passphrase, or reads it from standard input
    Unlock,
    /// A passphrase vault in place of the system's keychain
    Vault {
        #[command(subcommand)]
        command: VaultCommand,
    },
}

/// Whatever comes after a command that is not there yet.
#[derive(Debug, Args)]
pub(crate) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

/// Which lines of the record of activity, and how.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct ActivityArguments {
    /// One JSON document: an array, the newest line first
    #[arg(long)]
    pub(crate) json: bool,
    /// JSON lines, the oldest first, as the record itself has them
    #[arg(long, conflicts_with = "json")]
    pub(crate) jsonl: bool,
    /// Only this profile
    #[arg(long)]
    pub(crate) profile: Option<String>,
    /// Only from then on: 90s, 30m, 2h, 3d, 1w ago, a day such as 2026-11-23, or a moment such as 2026-11-23T09:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only this program
    #[arg(long, value_name = "NAME")]
    pub(crate) who: Option<String>,
    /// Only what was refused
    #[arg(long)]
    pub(crate) failed: bool,
    /// At most this many lines, the newest; 50 on a terminal, else all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Go on and show what comes, until Ctrl+C
    #[arg(long, conflicts_with = "json")]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Store an access key; reads the ID and the secret from a prompt, or a line each from standard input
    Add { profile: String },
    /// Replace an access key in AWS and in the keychain: made, proven, the old one inactive, deleted later; --apply does it
    Rotate(crate::setup_args::RotateArguments),
    /// List the access keys of all profiles, without their secrets
    List {
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Make a vault; its passphrase is asked for, or read from standard input
    Create {
        /// The vault that counted is gone for good: begin anew with an empty one
        #[arg(long)]
        lost: bool,
    },
    /// Encrypt the vault to another passphrase; asks for the old and the new one, or reads them from standard input, a line each
    Passphrase,
    /// Move access keys, MFA seeds and Stagedoor's own keys: copied, verified, then deleted where they were. Where the vault is not
    /// open its passphrase is asked for, or read from standard input
    Migrate {
        #[arg(long, value_name = "PLACE")]
        to: Place,
        /// Say what would be moved, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// With --to keychain: the vault is gone for good, and the keychain counts from now on
        #[arg(long, conflicts_with = "dry_run")]
        lost: bool,
    },
}

/// The places that secrets can lie in.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Place {
    Keychain,
    Vault,
}

impl From<Place> for SecretsPlace {
    fn from(place: Place) -> Self {
        match place {
            Place::Keychain => Self::Keychain,
            Place::Vault => Self::Vault,
        }
    }
}

/// What a console link shall open.
pub(crate) fn console_target(service: Option<String>, path: Option<String>, region: Option<String>, duration: Option<&str>) -> Result<ConsoleTarget> {
    Ok(ConsoleTarget { service, path, region, duration: duration.map(SessionDuration::parse).transpose()? })
}
