//! The network: whether AWS answers where the profiles say it is, by which certificate, and what time it is there.
//!
//! Each endpoint gets one request without credentials, through the same client as everything else. What the endpoint is, the SDK
//! says itself: a client that sends nothing is asked where it would have sent to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityError;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::{ConnectorError, SdkError},
    runtime_components::RuntimeComponents,
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Url;

use crate::{
    aws::{Aws, endpoints, told},
    clock::Clock,
    issue::partition_of,
    model::{
        chain::{Base, Chain},
        doctor::{Finding, Level},
        profile::ProfileName,
    },
    store::aws_files::AwsFiles,
};

/// How many different endpoints are asked.
const ENDPOINTS: usize = 6;

/// How long an endpoint has.
pub(crate) const PATIENCE: Duration = Duration::from_secs(4);

/// AWS refuses what is signed with a clock that is further off.
const REFUSED_FROM: time::Duration = time::Duration::minutes(4);

/// MFA codes stop to work from about here.
const NOTICED_FROM: time::Duration = time::Duration::seconds(30);

/// Takes requests and sends none.
#[derive(Clone, Debug, Default)]
struct Nowhere(Arc<Mutex<Option<String>>>);

impl HttpConnector for Nowhere {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.uri().to_owned());
        HttpConnectorFuture::ready(Err(ConnectorError::user("it is not sent".into())))
    }
}

/// Where STS is for a profile, as an SDK finds it.
async fn endpoint(aws: &Aws, files: &AwsFiles, profile: &str, chain: &Chain) -> Option<String> {
    let partition = chain.hops.last().map_or_else(|| partition_of(chain.region.as_deref()), |hop| hop.role_arn.partition());
    let config = aws.config(files, profile, partition).await;
    let nowhere = Nowhere::default();
    let connector = SharedHttpConnector::new(nowhere.clone());
    let nobody = Credentials::new("AKIAIOSFODNN7EXAMPLE", "none", None, None, "nobody");
    let config = aws_sdk_sts::config::Builder::from(&config)
        .http_client(http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone()))
        .credentials_provider(nobody)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let _ = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
    let asked = nowhere.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let mut url = Url::parse(&asked).ok()?;
    url.set_query(None);
    Some(url.into())
}

/// The different endpoints of STS, each with the first profile that asks there.
pub(crate) async fn all_endpoints(aws: &Aws, files: &AwsFiles) -> Vec<(String, ProfileName)> {
    let mut seen = std::collections::BTreeSet::new();
    let mut found: BTreeMap<String, ProfileName> = BTreeMap::new();
    for profile in files.profiles().iter() {
        let name = ProfileName::new(&profile.name);
        // The practice account answers only while it runs, and is no AWS that anybody misses.
        let practice = profile.get("stagedoor_practice").is_some();
        let Ok(chain) = files.resolve(&name) else { continue };
        if practice || (chain.hops.is_empty() && !matches!(chain.base, Base::AccessKey { .. })) {
            continue;
        }
        let settings = ["region", "use_fips_endpoint", "use_dualstack_endpoint", "ignore_configured_endpoint_urls"].map(|key| profile.get(key));
        if !seen.insert(format!("{settings:?} {}", endpoints(files, &profile.name))) {
            continue;
        }
        if let Some(url) = endpoint(aws, files, &profile.name, &chain).await {
            found.entry(url).or_insert(name);
        }
        if found.len() == ENDPOINTS {
            break;
        }
    }
    found.into_iter().collect()
}

/// What an endpoint says, in at most [`PATIENCE`].
pub(crate) async fn ask(aws: &Aws, files: &AwsFiles, clock: &Clock, url: &str, profile: &ProfileName) -> Vec<Finding> {
    let shown = Url::parse(url)
        .ok()
        .and_then(|url| Some(format!("{}://{}{}", url.scheme(), url.host_str()?, url.port().map_or_else(String::new, |port| format!(":{port}")))))
        .unwrap_or_else(|| url.to_owned());
    let mut found = way(aws, files, url, &shown, profile).await;
    if found.iter().any(|finding| finding.id == "ca_bundle" && finding.level == Level::Problem) {
        // Every request fails over it, and it is told already.
        return found;
    }
    let asked = clock.now();
    let answer = match HttpRequest::get(url) {
        Ok(request) => tokio::time::timeout(PATIENCE, aws.connector(files, profile.as_str()).call(request)).await,
        Err(_) => {
            return vec![Finding::new("endpoint_unreachable", Level::Problem, "network", format!("{shown} (profile {profile}) is no URL that can be asked"))];
        }
    };
    match answer {
        Err(_) => found.push(
            Finding::new("endpoint_unreachable", Level::Problem, "network", format!("{shown} did not answer within {} seconds", PATIENCE.as_secs()))
                .because(format!("AWS is asked there for the profile {profile}; sessions that are active go on until they end"))
                .mended_by("Check the network, VPN and proxy"),
        ),
        Ok(Err(error)) => {
            let error = told(&shown, &SdkError::<GetCallerIdentityError, HttpResponse>::dispatch_failure(error));
            let certificate = error.message.contains("certificate");
            let id = if certificate { "certificate_refused" } else { "endpoint_unreachable" };
            let because = format!("AWS is asked there for the profile {profile}; sessions that are active go on until they end");
            found.push(Finding::of_error(id, Level::Problem, "network", &error).because(because));
        }
        Ok(Ok(answer)) => {
            let secure = if url.starts_with("https:") { ", and its certificate is good" } else { "" };
            found.push(Finding::new("endpoint", Level::Ok, "network", format!("{shown} answers{secure}")));
            found.extend(answer.headers().get("date").and_then(|date| offset(date, asked, clock.now())).map(|offset| clock_finding(offset, &shown)));
        }
    }
    found
}

/// What stands between this computer and an endpoint: a proxy, and certificates that are believed beside the system's.
async fn way(aws: &Aws, files: &AwsFiles, url: &str, shown: &str, profile: &ProfileName) -> Vec<Finding> {
    let mut found = Vec::new();
    match aws.proxy_of(url).await {
        Ok(Some(proxy)) => found.push(Finding::new("proxy", Level::Info, "network", format!("{shown} is asked through the proxy {proxy}"))),
        Ok(None) => {}
        Err(error) => found.push(Finding::of_error("proxy", Level::Problem, "network", &error)),
    }
    if let Some((path, setting)) = aws.ca_bundle(files, profile.as_str()) {
        found.push(match aws.check_ca_bundle(files, profile.as_str()) {
            Ok(()) => Finding::new("ca_bundle", Level::Info, "network", format!("The certificates in {} are believed too ({setting})", path.display())),
            Err(error) => Finding::of_error("ca_bundle", Level::Problem, "network", &error),
        });
    }
    found
}

/// How far this computer's clock is ahead of the answer's. A date has whole seconds, so less than two are none.
fn offset(date: &str, asked: OffsetDateTime, answered: OffsetDateTime) -> Option<time::Duration> {
    let date = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    let here = asked + (answered - asked) / 2;
    let offset: time::Duration = here - date;
    Some(if offset.abs() < time::Duration::seconds(2) { time::Duration::ZERO } else { offset })
}

fn clock_finding(offset: time::Duration, by: &str) -> Finding {
    if offset.is_zero() {
        return Finding::new("clock", Level::Ok, "clock", format!("This computer's clock agrees with {by}"));
    }
    let seconds = offset.whole_seconds().unsigned_abs();
    let by_how_much = match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        _ => format!("{} hours", seconds / 3600),
    };
    let title = format!("This computer's clock is {by_how_much} {} (by {by})", if offset.is_positive() { "fast" } else { "slow" });
    let (level, why) = if offset.abs() >= REFUSED_FROM {
        (Level::Problem, "Stagedoor corrects its own requests and codes; AWS refuses what other tools sign more than five minutes off")
    } else if offset.abs() >= NOTICED_FROM {
        (Level::Warning, "Stagedoor corrects its own requests and codes; those of other tools may be refused")
    } else {
        return Finding::new("clock", Level::Ok, "clock", title);
    };
    Finding::new("clock_off", level, "clock", title).because(why).mended_by("Switch on automatic time: timedatectl set-ntp true, or the system's settings")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_aws_makes_of_it() {
        let now = datetime!(2026-11-23 09:00 UTC);
        let level = |date: &str| offset(date, now, now + time::Duration::SECOND).map(|offset| clock_finding(offset, "x").level);
        assert_eq!(level("Mon, 23 Nov 2026 09:00:01 GMT"), Some(Level::Ok));
        assert_eq!(level("Mon, 23 Nov 2026 08:59:50 GMT"), Some(Level::Ok));
        assert_eq!(level("Mon, 23 Nov 2026 09:01:00 GMT"), Some(Level::Warning));
        assert_eq!(level("Mon, 23 Nov 2026 07:00:00 GMT"), Some(Level::Problem));
        assert_eq!(level("yesterday"), None);
    }
}
