//! Setup as data: what a person wants of IAM, and a plan as it is shown, applied, proven and undone.
//!
//! Pure. What is wanted is in `intent`, in AWS's own nouns; what is shown of it is in `view`. How a plan is made and run is in
//! `core/setup`. Nothing here ever holds a secret: a new key is told by its ID, an MFA device by its serial.

mod account;
mod change;
mod intent;
mod view;

pub use self::{
    account::{AccountChoices, PolicyChoice, PolicyText, PolicyVersionChoice, ProviderChoice, RoleChoice, UserChoice},
    change::{Change, ChangeIntent, PolicyHolder},
    intent::{
        ExternalIdChoice, GroupIntent, ImportIntent, Intent, PolicyHome, RevokeIntent, RevokeTarget, RoleIntent, RolePermission, RotateIntent, Tag, Trusted,
        UserIntent,
    },
    view::{Expected, ExportFormat, MissingPermission, SetupAccount, SetupLine, SetupNote, SetupProof, SetupState, SetupStep, SetupView, Standing, StepState},
};
