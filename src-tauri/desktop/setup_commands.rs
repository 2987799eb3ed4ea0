//! What the window may ask for about setups: one line of intent each.
//!
//! Plans are made and shown without a change in AWS; what is applied, gone on with or undone goes on in the agent, and the
//! snapshot's counter tells when there is news. No plan holds a secret.

use serde_json::Value;
use stagedoor_core::{
    error::Result,
    model::{
        profile::ProfileName,
        secret::Secret,
        setup::{AccountChoices, ExportFormat, PolicyText, SetupLine, SetupView},
    },
};
use tauri::State;

use crate::{
    commands::{parsed, us},
    desk::Desk,
};

#[tauri::command]
pub(crate) async fn setup_account(desk: State<'_, Desk>, admin: ProfileName) -> Result<AccountChoices> {
    desk.agent.setup_account(&admin, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_policy(desk: State<'_, Desk>, admin: ProfileName, arn: String) -> Result<PolicyText> {
    desk.agent.setup_policy(&admin, &arn, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_plan(desk: State<'_, Desk>, intent: Value) -> Result<SetupView> {
    desk.agent.setup_plan(parsed(intent)?, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_apply(desk: State<'_, Desk>, id: String) -> Result<()> {
    desk.agent.setup_apply(&id, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_view(desk: State<'_, Desk>, id: String) -> Result<SetupView> {
    desk.agent.setup_view(&id)
}

#[tauri::command]
pub(crate) async fn setup_list(desk: State<'_, Desk>) -> Result<Vec<SetupLine>> {
    desk.agent.setup_list()
}

#[tauri::command]
pub(crate) async fn setup_undo(desk: State<'_, Desk>, id: String) -> Result<()> {
    desk.agent.setup_undo(&id, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_resume(desk: State<'_, Desk>, id: String) -> Result<()> {
    desk.agent.setup_resume(&id, &us()).await
}

#[tauri::command]
pub(crate) async fn setup_export(desk: State<'_, Desk>, id: String, format: ExportFormat) -> Result<String> {
    desk.agent.setup_export(&id, format)
}

/// Puts a text that a person reads on the screen into the clipboard. An external ID is among them, so that it is cleared as
/// every other copy is.
#[tauri::command]
pub(crate) async fn copy_text(desk: State<'_, Desk>, text: Secret) -> Result<()> {
    desk.clipboard.copy(&text)
}
