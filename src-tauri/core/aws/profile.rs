//! What a profile says about the way to AWS: endpoints, certificates, retries.
//!
//! The endpoint rules (variables, `endpoint_url`, `services`, FIPS, dual stack) are aws-config's own. It gets the profile's
//! settings re-written by our lenient reader, so that one broken line elsewhere in the file cannot send a request to the
//! wrong place.

use std::fmt::Write;

use crate::{model::profile::ProfileName, store::aws_files::AwsFiles};

/// The settings of a profile that decide where a request goes and how.
const SETTINGS: [&str; 8] =
    ["region", "endpoint_url", "services", "use_fips_endpoint", "use_dualstack_endpoint", "retry_mode", "max_attempts", "ignore_configured_endpoint_urls"];

/// What a profile says about where AWS is: its endpoints, as one text.
pub fn endpoints(files: &AwsFiles, profile: &str) -> String {
    let Some(found) = files.profile(&ProfileName::new(profile)) else { return String::new() };
    let services = found.get("services").and_then(|name| files.services(name));
    match (found.get("endpoint_url"), services) {
        (None, None) => String::new(),
        (own, services) => format!("{own:?} {services:?}"),
    }
}

/// The same endpoints one by one.
pub fn endpoint_urls(files: &AwsFiles, profile: &str) -> Vec<String> {
    let Some(found) = files.profile(&ProfileName::new(profile)) else { return Vec::new() };
    let services = found.get("services").and_then(|name| files.services(name));
    let of_services = services.into_iter().flat_map(|services| services.values()).filter_map(|properties| properties.get("endpoint_url"));
    found.get("endpoint_url").into_iter().chain(of_services.map(String::as_str)).map(str::to_owned).collect()
}

/// The profile's settings as a config file with one profile in it.
pub(super) fn settings_of(files: &AwsFiles, profile: &str) -> String {
    let mut text = String::from("[profile stagedoor]\n");
    let Some(found) = files.profile(&ProfileName::new(profile)) else { return text };
    for key in SETTINGS {
        if let Some(value) = found.get(key) {
            let _ = writeln!(text, "{key} = {}", value.replace('\n', "\n  "));
        }
    }
    if let Some((name, services)) = found.get("services").and_then(|name| Some((name, files.services(name)?))) {
        let _ = writeln!(text, "[services {name}]");
        for (service, properties) in services {
            let _ = writeln!(text, "{service} =");
            for (key, value) in properties {
                let _ = writeln!(text, "  {key} = {value}");
            }
        }
    }
    text
}
