//! The arguments of what edits the AWS files: the profiles it is about, and how it is to be done.
//!
//! Apart from the other arguments because they belong together: each shows what changes, and `--dry-run` stops there.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Connect {
    #[arg(required_unless_present = "all")]
    pub(crate) profiles: Vec<String>,
    /// Every profile that can be; what is left out and why is said
    #[arg(long, conflicts_with_all = ["profiles", "access_key"])]
    pub(crate) all: bool,
    /// Show what would change in the AWS files, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Hand out the long-lived access key itself, for a profile without a role. Tools can then keep it; nothing renews or ends it
    #[arg(long)]
    pub(crate) access_key: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Disconnect {
    #[arg(required_unless_present = "all")]
    pub(crate) profiles: Vec<String>,
    /// Every profile that is connected
    #[arg(long, conflicts_with = "profiles")]
    pub(crate) all: bool,
    /// Show what would change in the AWS files, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// All profiles with a plaintext key when none is named
    pub(crate) profiles: Vec<String>,
    /// Say what would be moved, and change nothing
    #[arg(long, conflicts_with_all = ["plan", "apply", "json", "export"])]
    pub(crate) dry_run: bool,
    /// Put imported keys back into their file, byte for byte
    #[arg(long, conflicts_with_all = ["dry_run", "plan", "apply", "json", "export"], requires = "profiles")]
    pub(crate) undo: bool,
    /// Do not ask when none is named
    #[arg(long)]
    pub(crate) yes: bool,
    /// As a setup: --plan shows its steps, --apply does them and keeps a journal
    #[command(flatten)]
    pub(crate) mode: crate::setup_args::Mode,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Files {
    #[command(subcommand)]
    pub(crate) command: Option<FilesCommand>,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum FilesCommand {
    /// Show what was different in a version; secrets are not shown
    Diff {
        /// The newest one when not given
        #[arg(value_name = "N")]
        number: Option<u32>,
        /// Of ~/.aws/credentials instead of ~/.aws/config
        #[arg(long)]
        credentials: bool,
        /// Against the file as it is now, instead of the version before
        #[arg(long)]
        now: bool,
        #[arg(long)]
        json: bool,
    },
    /// Make the file what it was in a version; what it says now becomes a version too
    Restore {
        #[arg(value_name = "N")]
        number: u32,
        /// ~/.aws/credentials instead of ~/.aws/config
        #[arg(long)]
        credentials: bool,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}
