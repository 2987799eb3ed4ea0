//! The credential report: one line for root and one for each user, in AWS's columns, as comma-separated values.
//!
//! It is made once and given out for four hours, so that it shows how things were. `N/A` is what does not exist,
//! `no_information` what was never used, `not_supported` what root does not have.

use base64::{Engine, engine::general_purpose::STANDARD};
use time::{Duration, OffsetDateTime, UtcOffset, macros::format_description};

use super::everything;
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    state::{Account, Key, Report},
    table::{Action, iam},
    time_text,
    xml::Xml,
};

pub(super) static ACTIONS: &[Action] = &[iam("GenerateCredentialReport", everything, &[], generate), iam("GetCredentialReport", everything, &[], get)];

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
const FRESH: Duration = Duration::hours(4);

fn generate(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let now = call.now;
    let account = call.account_mut()?;
    if account.report.as_ref().is_some_and(|report| now - report.at < FRESH) {
        return Ok(Xml::new().text("State", "COMPLETE"));
    }
    account.report = Some(Report { at: now, text: written(account) });
    Ok(Xml::new().text("State", "STARTED").text("Description", "No report exists. Starting a new report generation task"))
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let report = call.account()?.report.as_ref();
    let report = report.ok_or_else(|| Fault::new("ReportNotPresent", "No report is present. Please generate a report using GenerateCredentialReport."))?;
    if call.now - report.at >= FRESH {
        return Err(Fault::new("ReportExpired", "The report has expired. Please generate a new report using GenerateCredentialReport."));
    }
    Ok(Xml::new().text("Content", STANDARD.encode(&report.text)).text("ReportFormat", "text/csv").text("GeneratedTime", time_text(report.at)))
}

/// `2026-11-23T08:58:00+00:00`, as this report has it and no other answer.
fn date(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00")).unwrap_or_default()
}

const fn yes(is: bool) -> &'static str {
    if is { "true" } else { "false" }
}

fn written(account: &Account) -> String {
    let has_device = |user: Option<&str>| account.devices.values().any(|device| device.owner.as_ref().is_some_and(|owner| owner.user.as_deref() == user));
    let root = ["not_supported", "no_information", "not_supported", "not_supported"].map(str::to_owned);
    let mut lines = vec![HEADER.to_owned(), line("<root_account>", &account.root_arn(), account.created, &root, has_device(None), &account.root_keys)];
    for user in account.users.values() {
        let password = match &user.login {
            None => ["false", "N/A", "N/A", "N/A"].map(str::to_owned),
            Some(login) => {
                let age = account.password_policy.as_ref().and_then(|policy| policy.max_age);
                let next = age.map_or_else(|| "N/A".to_owned(), |days| date(login.changed + Duration::days(days)));
                ["true".to_owned(), "no_information".to_owned(), date(login.changed), next]
            }
        };
        let entity = &user.entity;
        lines.push(line(&entity.name, &entity.arn, entity.created, &password, has_device(Some(&entity.name)), &user.keys));
    }
    lines.join("\n")
}

fn line(user: &str, arn: &str, created: OffsetDateTime, password: &[String; 4], mfa: bool, keys: &[Key]) -> String {
    // Names and ARNs of users may hold a comma.
    let quoted = |text: &str| if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() };
    let mut cells = vec![quoted(user), quoted(arn), date(created)];
    cells.extend(password.iter().cloned());
    cells.push(yes(mfa).to_owned());
    for place in 0..2 {
        cells.extend(key(keys.get(place)));
    }
    cells.extend(["false", "N/A", "false", "N/A"].map(str::to_owned));
    cells.join(",")
}

fn key(key: Option<&Key>) -> [String; 5] {
    let none = || "N/A".to_owned();
    let Some(key) = key else { return ["false".to_owned(), none(), none(), none(), none()] };
    let last = key.last_used.as_ref();
    let used = last.map_or_else(none, |last| date(last.at));
    let region = last.map_or_else(none, |last| last.region.clone());
    let service = last.map_or_else(none, |last| last.service.clone());
    [yes(key.active).to_owned(), date(key.created), used, region, service]
}
