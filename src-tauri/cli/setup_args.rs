//! The arguments of `setup`, `revoke` and `keys rotate`, as clap reads them. Names are fixed.
//!
//! Only the shape; what they mean as an intent is in `setup_intent`, and whether it makes sense is said by the plan, which AWS's
//! own answers are part of. What is done with them is in `setup`.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use stagedoor_core::model::setup::ExportFormat;

/// What a plan can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A script for sh that runs the AWS CLI
    AwsCli,
    /// HCL
    Terraform,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::AwsCli => Self::AwsCli,
            Format::Terraform => Self::Terraform,
        }
    }
}

/// What is to become of a plan.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Mode {
    /// Show what would be done, and send nothing; so it is when neither is given
    #[arg(long, conflicts_with = "apply")]
    pub(crate) plan: bool,
    /// Do it, prove it by really calling, and keep a journal that can be undone
    #[arg(long)]
    pub(crate) apply: bool,
    /// One JSON document on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the plan as a script instead
    #[arg(long, value_name = "FORMAT", conflicts_with_all = ["apply", "json"])]
    pub(crate) export: Option<Format>,
}

impl Mode {
    /// Whether a plan was asked for, where there is another way as well.
    pub(crate) const fn is_given(self) -> bool {
        self.plan || self.apply || self.json || self.export.is_some()
    }
}

/// Who does it, and what is to become of the plan.
#[derive(Debug, Args)]
pub(crate) struct Admin {
    /// The profile that may change IAM; which account that is, AWS says
    #[arg(long = "as", value_name = "ADMIN")]
    pub(crate) admin: String,
    #[command(flatten)]
    pub(crate) mode: Mode,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SetupCommand {
    /// A new IAM user: its access key in the keychain, its MFA device, what it may assume, its profiles
    User(Box<UserArguments>),
    /// A new role, and who may assume it
    Role(Box<RoleArguments>),
    /// Let the members of a group assume roles
    Group(GroupArguments),
    /// Change a role's trust policy, or policies and what they hang on
    Change {
        #[command(subcommand)]
        command: Box<ChangeCommand>,
    },
    /// List what was applied, the newest first
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show a setup: its steps, how far it is, its proofs
    Show {
        id: String,
        #[arg(long)]
        json: bool,
    },
    /// Take back what a setup created or changed, in reverse order; nothing that somebody changed since
    Undo {
        id: String,
        #[arg(long)]
        json: bool,
    },
    /// Go on with a setup that stopped or waits
    Resume {
        id: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct UserArguments {
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) with: Admin,
    /// Such as /people/
    #[arg(long)]
    pub(crate) path: Option<String>,
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// The policy that is its permissions boundary
    #[arg(long, value_name = "POLICY_ARN")]
    pub(crate) boundary: Option<String>,
    /// A group that exists; may be given more than once
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Make no access key
    #[arg(long)]
    pub(crate) no_access_key: bool,
    /// Give it a virtual MFA device, its seed in the keychain; what it may assume then needs a code
    #[arg(long)]
    pub(crate) mfa: bool,
    /// A role that it may assume; may be given more than once
    #[arg(long, value_name = "ROLE_ARN")]
    pub(crate) may_assume: Vec<String>,
    /// A * in --may-assume is wanted: it allows every role that it matches, later ones too
    #[arg(long)]
    pub(crate) wildcard: bool,
    /// Put its policy into a customer managed policy instead of an inline one
    #[arg(long)]
    pub(crate) managed: bool,
    /// Where that policy is there with five versions: delete the oldest, for good
    #[arg(long)]
    pub(crate) drop_oldest: bool,
    /// Let it manage its own keys and MFA device, and nothing else without MFA
    #[arg(long)]
    pub(crate) self_service: bool,
    /// What its profile is called here; its own name when not given. The profile of a role is PROFILE-ROLE
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region of the profiles
    #[arg(long, value_name = "R")]
    pub(crate) region: Option<String>,
    /// Write no profiles
    #[arg(long, conflicts_with_all = ["profile", "region"])]
    pub(crate) no_profiles: bool,
    /// Go on with a user that is there already
    #[arg(long)]
    pub(crate) existing: bool,
    /// An admin profile of another account, for the trust policies of roles there
    #[arg(long, value_name = "PROFILE")]
    pub(crate) also_as: Vec<String>,
}

/// Whom a trust policy names.
#[derive(Debug, Args)]
pub(crate) struct OidcClaims {
    /// With --trust oidc:ARN: the audience in its tokens; a client ID of the provider when not given
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) audience: Option<String>,
    /// With --trust oidc:ARN: the subject in its tokens, such as repo:acme/site:ref:refs/heads/main; may hold *
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RoleArguments {
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) with: Admin,
    /// Who may assume it: user:NAME, group:NAME, account:ID (one of your own), third-party:ID (somebody else's, with an external
    /// ID), service:NAME (ec2, lambda, ecs-tasks, codebuild), saml:ARN, oidc:ARN; may be given more than once
    #[arg(long = "trust", value_name = "WHO", required = true)]
    pub(crate) trusted: Vec<String>,
    #[command(flatten)]
    pub(crate) claims: OidcClaims,
    /// People need an MFA code
    #[arg(long)]
    pub(crate) require_mfa: bool,
    /// How old that code may be, such as 1h; needs MFA
    #[arg(long, value_name = "D")]
    pub(crate) mfa_max_age: Option<String>,
    /// sts:ExternalId: auto makes one; a third party always has one
    #[arg(long, value_name = "auto|VALUE")]
    pub(crate) external_id: Option<String>,
    /// The longest session, 1h to 12h
    #[arg(long, value_name = "D")]
    pub(crate) max_session: Option<String>,
    /// What it may do: the ARN of a managed policy, or a file with a policy in JSON, which becomes an inline policy of that name
    #[arg(long = "policy", value_name = "ARN|FILE")]
    pub(crate) policies: Vec<String>,
    /// What it may do: read and write in this bucket
    #[arg(long = "bucket", value_name = "NAME")]
    pub(crate) buckets: Vec<String>,
    /// A session tag that may be passed, with its value; without one, any value
    #[arg(long = "session-tag", value_name = "KEY[=VALUE]")]
    pub(crate) session_tags: Vec<String>,
    /// Who assumes it must say for whom: sts:SetSourceIdentity
    #[arg(long)]
    pub(crate) source_identity: bool,
    /// Put it into this instance profile, for EC2; one of its own name when not given
    #[arg(long, value_name = "NAME")]
    pub(crate) instance_profile: Option<String>,
    /// Who hands it to a service (iam:PassRole on exactly this role): user:NAME, role:NAME, group:NAME
    #[arg(long, value_name = "WHO")]
    pub(crate) deployer: Option<String>,
    #[arg(long)]
    pub(crate) path: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
    /// The policy that is its permissions boundary
    #[arg(long, value_name = "POLICY_ARN")]
    pub(crate) boundary: Option<String>,
    /// Write a profile of this name that assumes it
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// That profile's source profile; the one of the trusted user when not given
    #[arg(long, value_name = "PROFILE", requires = "profile")]
    pub(crate) source_profile: Option<String>,
    /// Go on with a role that is there already
    #[arg(long)]
    pub(crate) existing: bool,
    /// An admin profile of another account that takes part
    #[arg(long, value_name = "PROFILE")]
    pub(crate) also_as: Vec<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct GroupArguments {
    /// Made where there is none
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) with: Admin,
    /// A role that its members may assume; may be given more than once
    #[arg(long, value_name = "ROLE_ARN", required = true)]
    pub(crate) may_assume: Vec<String>,
    /// A user that exists and becomes a member; may be given more than once
    #[arg(long = "member", value_name = "USER")]
    pub(crate) members: Vec<String>,
    /// Only with an MFA code
    #[arg(long)]
    pub(crate) require_mfa: bool,
    /// A * in --may-assume is wanted: it allows every role that it matches, later ones too
    #[arg(long)]
    pub(crate) wildcard: bool,
    /// Put the policy into a customer managed policy instead of an inline one
    #[arg(long)]
    pub(crate) managed: bool,
    /// Where that policy is there with five versions: delete the oldest, for good
    #[arg(long, requires = "managed")]
    pub(crate) drop_oldest: bool,
    /// An admin profile of the account that a role is in
    #[arg(long, value_name = "PROFILE")]
    pub(crate) also_as: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeCommand {
    /// Name somebody in a role's trust policy
    TrustAdd {
        role: String,
        /// user:NAME, group:NAME, account:ID, third-party:ID, service:NAME, saml:ARN, oidc:ARN
        #[arg(long, value_name = "WHO")]
        trust: String,
        #[command(flatten)]
        claims: OidcClaims,
        #[command(flatten)]
        with: Admin,
    },
    /// Take somebody out of it
    TrustRemove {
        role: String,
        /// As the policy names it: an ARN, an account, AIDA…, a service
        principal: String,
        #[command(flatten)]
        with: Admin,
    },
    /// Set or take away the external ID that other accounts must pass
    ExternalId {
        role: String,
        #[arg(value_name = "auto|VALUE|none")]
        external_id: String,
        #[command(flatten)]
        with: Admin,
    },
    /// Assume a role only with an MFA code, or without one again
    Mfa {
        role: String,
        /// How old the code may be, such as 1h
        #[arg(long, value_name = "D", conflicts_with = "off")]
        max_age: Option<String>,
        /// No longer
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        with: Admin,
    },
    /// Take deleted users (AIDA…) out of a trust policy
    MendTrust {
        role: String,
        /// Name the user that has this name now in its place
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        #[command(flatten)]
        with: Admin,
    },
    /// Attach a managed policy
    Attach {
        #[arg(value_name = "user:NAME|group:NAME|role:NAME")]
        to: String,
        #[arg(value_name = "POLICY_ARN")]
        policy: String,
        #[command(flatten)]
        with: Admin,
    },
    /// Detach a managed policy
    Detach {
        #[arg(value_name = "user:NAME|group:NAME|role:NAME")]
        from: String,
        #[arg(value_name = "POLICY_ARN")]
        policy: String,
        #[command(flatten)]
        with: Admin,
    },
    /// Give a managed policy a new default version
    EditPolicy {
        #[arg(value_name = "POLICY_ARN")]
        policy: String,
        /// The policy in JSON
        file: std::path::PathBuf,
        /// Where there are five versions already: delete the oldest, which cannot be undone
        #[arg(long)]
        drop_oldest: bool,
        #[command(flatten)]
        with: Admin,
    },
    /// Make an earlier version of a managed policy the default again
    RollBack {
        #[arg(value_name = "POLICY_ARN")]
        policy: String,
        /// Such as v2
        version: String,
        #[command(flatten)]
        with: Admin,
    },
    /// Turn an inline policy into a customer managed one, attached in its place
    ToManaged {
        #[arg(value_name = "user:NAME|group:NAME|role:NAME")]
        of: String,
        /// The inline policy's name
        policy: String,
        /// What the managed policy is called; the same when not given
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        with: Admin,
    },
}

/// Of `keys rotate`.
#[derive(Debug, Args)]
pub(crate) struct RotateArguments {
    /// Whose key: a profile with an access key in the keychain
    pub(crate) profile: String,
    /// Who does it; the key's own user when not given
    #[arg(long = "as", value_name = "ADMIN")]
    pub(crate) admin: Option<String>,
    /// How long the old key stays, inactive, before it is deleted; 0 deletes it at once
    #[arg(long, value_name = "D", default_value = "7d")]
    pub(crate) wait: String,
    /// Where the user has two keys already: the one that goes at once
    #[arg(long, value_name = "KEY_ID")]
    pub(crate) drop: Option<String>,
    #[command(flatten)]
    pub(crate) mode: Mode,
}

/// Of `revoke`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["role", "key"])))]
pub(crate) struct RevokeArguments {
    /// The role whose sessions end: its name, its ARN, or a role profile of this computer
    pub(crate) role: Option<String>,
    /// Make this access key inactive instead
    #[arg(long, value_name = "KEY_ID")]
    pub(crate) key: Option<String>,
    /// Whose key it is; found by the key when not given
    #[arg(long, value_name = "NAME", requires = "key")]
    pub(crate) user: Option<String>,
    /// The profile that may change IAM; the source profile where ROLE is a role profile
    #[arg(long = "as", value_name = "ADMIN")]
    pub(crate) admin: Option<String>,
    #[command(flatten)]
    pub(crate) mode: Mode,
}
