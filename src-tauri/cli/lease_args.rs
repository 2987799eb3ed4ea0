//! The arguments of `lease`, as clap reads them: a narrowing, whom it is for and how long, or one of its two commands.
//!
//! Only the shape; which of them make sense together beyond that is said by the model, before anybody is asked.
//! What is done with them is in `lease`.

use clap::{Args, Subcommand};

/// Of `lease`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_precedence_over_arg = true)]
pub(crate) struct LeaseArguments {
    #[command(subcommand)]
    pub(crate) command: Option<LeaseCommand>,
    #[arg(required = true)]
    pub(crate) profile: Option<String>,
    /// What AWS's policy ReadOnlyAccess allows: it reads data too, such as objects; with --bucket: no put and no delete
    #[arg(long, conflicts_with_all = ["no_iam", "policy"])]
    pub(crate) read_only: bool,
    /// The objects of one bucket, and listing them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["no_iam", "policy"])]
    pub(crate) bucket: Option<String>,
    /// Everything but IAM, Organizations, account settings, Identity Center, and becoming somebody else
    #[arg(long, conflicts_with = "policy")]
    pub(crate) no_iam: bool,
    /// A session policy in JSON, from a file or, with -, from standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<std::path::PathBuf>,
    /// A session tag; the role's trust policy must allow sts:TagSession
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// Who CloudTrail names with the session; the role's trust policy must allow sts:SetSourceIdentity
    #[arg(long, value_name = "NAME")]
    pub(crate) source_identity: Option<String>,
    /// How long it lasts, 15m to 12h
    #[arg(long, value_name = "D", default_value = "30m")]
    pub(crate) duration: String,
    /// What to call it in lists
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The command and its arguments, after --; the lease ends with it. Without one the lease's ID is printed
    #[arg(last = true, value_name = "CMD")]
    pub(crate) run: Vec<std::ffi::OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LeaseCommand {
    /// List the leases that run
    List {
        #[arg(long)]
        json: bool,
    },
    /// Stop a lease: it is not handed out again; what was handed out works at AWS until it expires
    Stop {
        /// Its ID or its name
        #[arg(required_unless_present = "all")]
        lease: Option<String>,
        /// Stop all leases
        #[arg(long, conflicts_with = "lease")]
        all: bool,
    },
}
