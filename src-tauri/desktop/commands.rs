//! What the window may ask for: one line of intent each. What comes of it is in the next snapshot.
//!
//! No command returns a secret: [`Secret`] does not serialise. Arguments that are parsed come as text, so that a mistake
//! comes back as the same `{code, message, hint}` as every other error.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use stagedoor_core::{
    agent::{Asker, ConsoleTarget, FileEdit, Migration, Preview, VersionLine},
    error::{Code, Error, Result},
    issue::CallerIdentity,
    model::{
        activity::{ActivityPage, ActivityQuery},
        doctor::{DoctorReport, Mending},
        file_diff::FileDiff,
        lease::LeaseView,
        lease_policy::SessionPolicy,
        lock::SecretsPlace,
        mfa::{MfaCode, TotpSeed},
        params::MfaSerial,
        practice::PracticeOverview,
        profile::ProfileName,
        prompt::PromptAnswer,
        secret::Secret,
        snapshot::{Settings, Snapshot},
    },
    store::aws_files::edit::AwsFile,
};
use tauri::{AppHandle, Manager, State, ipc::Invoke};
use time::OffsetDateTime;

use crate::{autostart, desk, desk::Desk, setup_commands, terminal, window};

/// Every command, for the builder. Whoever gives one is there: the time without a request begins anew.
pub(crate) fn all() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
    let each = each();
    move |invoke| {
        if invoke.message.command() != "snapshot" {
            desk::of(invoke.message.webview_ref().app_handle()).agent.seen();
        }
        each(invoke)
    }
}

fn each() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        snapshot,
        start,
        stop,
        stop_all,
        open_console,
        copy_console_link,
        copy_environment,
        open_terminal,
        set_favourite,
        set_colour,
        add_access_key,
        add_role,
        import_key,
        undo_import,
        connect,
        disconnect,
        preview_files,
        edit_files,
        file_versions,
        file_version_diff,
        hand_out_access_key,
        set_asks,
        answer_prompt,
        lease,
        lease_policy,
        stop_lease,
        write_file,
        write_file_no_more,
        add_totp_seed,
        mfa_code,
        who_am_i,
        activity,
        export_activity,
        doctor,
        mend,
        start_practice,
        stop_practice,
        practice_qr,
        practice_overview,
        reset_practice,
        play_exercise,
        restart_exercise,
        setup_commands::setup_account,
        setup_commands::setup_policy,
        setup_commands::setup_plan,
        setup_commands::setup_apply,
        setup_commands::setup_view,
        setup_commands::setup_list,
        setup_commands::setup_undo,
        setup_commands::setup_resume,
        setup_commands::setup_export,
        setup_commands::copy_text,
        set_settings,
        lock,
        unlock,
        create_vault,
        change_passphrase,
        migrate,
        quit
    ]
}

pub(crate) fn us() -> Asker {
    Asker::stagedoor()
}

pub(crate) fn parsed<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| Error::new(Code::InvalidValue, error.to_string(), "Correct it and try again"))
}

/// The truth, now.
#[tauri::command]
pub(crate) async fn snapshot(desk: State<'_, Desk>) -> Result<Snapshot> {
    let snapshot = desk.agent.snapshot().borrow().as_ref().clone();
    Ok(snapshot)
}

#[tauri::command]
pub(crate) async fn start(desk: State<'_, Desk>, profile: ProfileName, code: Option<Secret>) -> Result<()> {
    let code = code.map(|code| MfaCode::parse(code.expose())).transpose()?;
    desk.agent.start(&profile, code, &us()).await
}

#[tauri::command]
pub(crate) async fn stop(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.stop(&profile).await
}

#[tauri::command]
pub(crate) async fn stop_all(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.stop_all().await
}

#[tauri::command]
pub(crate) async fn open_console(desk: State<'_, Desk>, profile: ProfileName, service: Option<String>) -> Result<()> {
    desk::open_console(&desk, &profile, service).await
}

#[tauri::command]
pub(crate) async fn copy_console_link(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.clipboard.copy(&desk.agent.console_link(&profile, &ConsoleTarget::default(), &us()).await?)
}

#[tauri::command]
pub(crate) async fn copy_environment(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk::copy_environment(&desk, &profile).await
}

#[tauri::command]
pub(crate) async fn open_terminal(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    terminal::open(&desk.program, &profile, desk.shell.as_deref())
}

#[tauri::command]
pub(crate) async fn set_favourite(desk: State<'_, Desk>, profile: ProfileName, favourite: bool) -> Result<()> {
    desk.agent.set_favourite(&profile, favourite).await
}

#[tauri::command]
pub(crate) async fn set_colour(desk: State<'_, Desk>, profile: ProfileName, colour: u8) -> Result<()> {
    desk.agent.set_colour(&profile, colour).await
}

#[tauri::command]
pub(crate) async fn add_access_key(desk: State<'_, Desk>, new: Value) -> Result<()> {
    desk.agent.add_access_key(parsed(new)?).await
}

#[tauri::command]
pub(crate) async fn add_role(desk: State<'_, Desk>, new: Value) -> Result<()> {
    desk.agent.add_role(parsed(new)?).await
}

#[tauri::command]
pub(crate) async fn import_key(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.import(&profile).await
}

#[tauri::command]
pub(crate) async fn undo_import(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.undo_import(&profile).await
}

#[tauri::command]
pub(crate) async fn connect(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.connect(&profile).await
}

#[tauri::command]
pub(crate) async fn disconnect(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.disconnect(&profile).await
}

/// What an edit of the AWS files would change.
#[tauri::command]
pub(crate) async fn preview_files(desk: State<'_, Desk>, edit: FileEdit) -> Result<Preview> {
    desk.agent.preview(&edit).await
}

#[tauri::command]
pub(crate) async fn edit_files(desk: State<'_, Desk>, edit: FileEdit) -> Result<Preview> {
    desk.agent.edit_files(&edit).await
}

#[tauri::command]
pub(crate) async fn file_versions(desk: State<'_, Desk>) -> Result<Vec<VersionLine>> {
    desk.agent.file_versions().await
}

#[tauri::command]
pub(crate) async fn file_version_diff(desk: State<'_, Desk>, file: AwsFile, number: u32, against_now: bool) -> Result<FileDiff> {
    desk.agent.version_diff(file, number, against_now).await
}

#[tauri::command]
pub(crate) async fn hand_out_access_key(desk: State<'_, Desk>, profile: ProfileName, yes: bool) -> Result<()> {
    desk.agent.hand_out_access_key(&profile, yes).await
}

#[tauri::command]
pub(crate) async fn set_asks(desk: State<'_, Desk>, profile: ProfileName, yes: bool) -> Result<()> {
    desk.agent.set_asks(&profile, yes, &us()).await
}

#[tauri::command]
pub(crate) async fn answer_prompt(desk: State<'_, Desk>, id: u64, answer: PromptAnswer) -> Result<()> {
    desk.agent.answer_prompt(id, answer)
}

#[tauri::command]
pub(crate) async fn add_totp_seed(desk: State<'_, Desk>, serial: String, seed: Secret) -> Result<()> {
    desk.agent.add_totp_seed(&MfaSerial::parse(&serial)?, TotpSeed::parse(seed.expose())?).await
}

/// The code of a stored seed, for eyes: the one value of this kind that reaches the page, good for half a minute.
#[derive(Serialize)]
pub(crate) struct CodeShown {
    code: String,
    #[serde(with = "time::serde::rfc3339")]
    valid_until: OffsetDateTime,
}

#[tauri::command]
pub(crate) async fn mfa_code(desk: State<'_, Desk>, serial: String) -> Result<CodeShown> {
    let shown = desk.agent.mfa_code(&MfaSerial::parse(&serial)?).await?;
    Ok(CodeShown { code: shown.code.expose().to_owned(), valid_until: shown.valid_until })
}

#[tauri::command]
pub(crate) async fn who_am_i(desk: State<'_, Desk>, profile: ProfileName) -> Result<CallerIdentity> {
    desk.agent.who_am_i(&profile, &us()).await
}

#[tauri::command]
pub(crate) async fn activity(desk: State<'_, Desk>, query: ActivityQuery) -> Result<ActivityPage> {
    desk.agent.activity(query).await
}

/// Where it was written to, as a person writes it.
#[tauri::command]
pub(crate) async fn export_activity(desk: State<'_, Desk>, query: ActivityQuery) -> Result<String> {
    desk.agent.export_activity(query).await.map(|path| desk.paths.told(&path))
}

#[tauri::command]
pub(crate) async fn doctor(desk: State<'_, Desk>) -> Result<DoctorReport> {
    Ok(desk.agent.doctor().await)
}

#[tauri::command]
pub(crate) async fn mend(desk: State<'_, Desk>, mending: Mending) -> Result<()> {
    desk.agent.mend(&mending).await
}

#[tauri::command]
pub(crate) async fn start_practice(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.start_practice().await
}

#[tauri::command]
pub(crate) async fn stop_practice(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.stop_practice().await
}

#[tauri::command]
pub(crate) async fn lease(desk: State<'_, Desk>, request: Value, code: Option<Secret>) -> Result<LeaseView> {
    let code = code.map(|code| MfaCode::parse(code.expose())).transpose()?;
    desk.agent.lease(parsed(request)?, code, &us()).await
}

#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "a command owns its arguments")]
pub(crate) fn lease_policy(desk: State<'_, Desk>, profile: ProfileName, narrowing: Value) -> Result<SessionPolicy> {
    desk.agent.lease_policy(&profile, &parsed(narrowing)?)
}

#[tauri::command]
pub(crate) async fn stop_lease(desk: State<'_, Desk>, lease: String) -> Result<()> {
    desk.agent.stop_lease(&lease, &us()).await
}

#[tauri::command]
pub(crate) async fn write_file(desk: State<'_, Desk>, profile: ProfileName, section: String) -> Result<()> {
    desk.agent.write_file(&profile, Some(&section), &us()).await.map(|_| ())
}

#[tauri::command]
pub(crate) async fn write_file_no_more(desk: State<'_, Desk>, profile: ProfileName) -> Result<()> {
    desk.agent.write_file_no_more(&profile).await
}

#[tauri::command]
pub(crate) async fn practice_qr(desk: State<'_, Desk>) -> Result<String> {
    desk.agent.practice_qr().await
}

#[tauri::command]
pub(crate) async fn practice_overview(desk: State<'_, Desk>) -> Result<PracticeOverview> {
    desk.agent.practice_overview().await
}

#[tauri::command]
pub(crate) async fn reset_practice(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.reset_practice().await
}

#[tauri::command]
pub(crate) async fn play_exercise(desk: State<'_, Desk>, step: usize) -> Result<()> {
    desk.agent.play_exercise(step).await
}

#[tauri::command]
pub(crate) async fn restart_exercise(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.restart_exercise().await
}

#[tauri::command]
pub(crate) async fn set_settings(app: AppHandle, desk: State<'_, Desk>, settings: Settings) -> Result<()> {
    let before = desk.agent.snapshot().borrow().settings.clone();
    if settings.start_at_login != before.start_at_login {
        autostart::set(settings.start_at_login)?;
    }
    window::set_theme(&app, settings.theme);
    desk.agent.set_settings(settings).await
}

#[tauri::command]
pub(crate) async fn lock(desk: State<'_, Desk>) -> Result<()> {
    desk.agent.lock().await
}

#[tauri::command]
pub(crate) async fn unlock(desk: State<'_, Desk>, passphrase: Option<Secret>) -> Result<()> {
    desk.agent.unlock(passphrase).await
}

#[tauri::command]
pub(crate) async fn create_vault(desk: State<'_, Desk>, passphrase: Secret) -> Result<SecretsPlace> {
    desk.agent.create_vault(passphrase).await
}

#[tauri::command]
pub(crate) async fn change_passphrase(desk: State<'_, Desk>, old: Secret, new: Secret) -> Result<()> {
    desk.agent.change_passphrase(old, new).await
}

#[tauri::command]
pub(crate) async fn migrate(desk: State<'_, Desk>, to: SecretsPlace, passphrase: Option<Secret>) -> Result<Migration> {
    desk.agent.migrate(to, passphrase, false).await
}

#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "a command owns its arguments")]
pub(crate) fn quit(app: AppHandle) {
    app.exit(0);
}
