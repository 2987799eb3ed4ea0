//! AWS as a value: the way there (proxy, certificates, clock), and per profile the `SdkConfig` that every SDK would find.
//!
//! Each thing that companies put in between has a file: `proxy` and `system_proxy`, `trust`, `certificate` (who issued a refused one),
//! `offset` (the clock). `http` is where a request meets them all. AWS's error codes are read in `errors` and nowhere else.

mod answer;
mod certificate;
mod environment;
mod errors;
mod http;
mod offset;
mod profile;
mod proxy;
mod signer;
mod system_proxy;
mod trouble;
mod trust;
mod tunnel;
mod words;

use std::{sync::Arc, time::Duration};

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};

pub use self::{
    environment::{Environment, without_login},
    errors::{AskAgain, Refusal, may_recover, refusal, said, told, told_without, unreachable},
    offset::{AwsClock, Teller, told_off},
    profile::{endpoint_urls, endpoints},
    signer::Signer,
    words::Carried,
};
use self::{
    http::{Roads, Way},
    trust::Bundle,
};
use crate::{
    clock::Clock,
    error::{Code, Error},
    model::{activity::shown_at_most, arn::Partition, profile::ProfileName},
    store::aws_files::AwsFiles,
};

/// The way to AWS. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Aws {
    roads: Arc<Roads>,
    /// The time as AWS counts it.
    pub clock: AwsClock,
    /// As at the start of the program.
    pub environment: Environment,
}

impl Aws {
    /// One HTTP client (rustls on ring) for everything.
    pub fn new(clock: Clock, environment: Environment) -> Self {
        let clock = AwsClock::new(clock);
        Self { roads: Arc::new(Roads::new(clock.clone(), &environment)), clock, environment }
    }

    /// A plain HTTP connector, for the one endpoint that is no AWS API: sign-in.
    pub fn connector(&self, files: &AwsFiles, profile: &str) -> impl HttpConnector + use<> {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).read_timeout(Duration::from_secs(12)).build();
        Way::new(Arc::clone(&self.roads), self.bundle(files, profile)).with(settings)
    }

    /// Ends the connections that are kept for the next request: the last answer lies in their buffers.
    pub fn hang_up(&self) {
        self.roads.hang_up();
    }

    /// The proxy that a URL is asked through, without its password; and what is wrong with it.
    pub async fn proxy_of(&self, url: &str) -> Result<Option<String>, Error> {
        self.roads.proxy_of(url).await
    }

    /// The file of certificates that counts for a profile, and the setting that names it.
    pub fn ca_bundle(&self, files: &AwsFiles, profile: &str) -> Option<(std::path::PathBuf, String)> {
        self.bundle(files, profile).map(|bundle| (bundle.path, bundle.setting))
    }

    /// Whether that file can be used.
    pub fn check_ca_bundle(&self, files: &AwsFiles, profile: &str) -> Result<(), Error> {
        let bundle = self.bundle(files, profile);
        bundle.map_or(Ok(()), |bundle| bundle.certificates().map(|_| ())).map_err(|trouble| trouble.told("checked"))
    }

    fn bundle(&self, files: &AwsFiles, profile: &str) -> Option<Bundle> {
        let own = files.profile(&ProfileName::new(profile)).and_then(|found| found.get("ca_bundle"));
        Bundle::of(&self.environment, profile, own)
    }

    /// Whose clock STS goes by for a profile: what it signs by, and what the ends that it tells are counted by.
    pub fn teller(&self, files: &AwsFiles, profile: &str) -> Teller {
        let ignored = |text: Option<&str>| text.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let found = files.profile(&ProfileName::new(profile));
        let setting = |key: &str| found.and_then(|found| found.get(key));
        if ignored(self.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) || ignored(setting("ignore_configured_endpoint_urls")) {
            return Teller::Aws;
        }
        let service = || files.services(setting("services")?)?.get("sts")?.get("endpoint_url").map(String::as_str);
        let variable = |name: &str| self.environment.get(name);
        let url = variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL")).or_else(service).or_else(|| setting("endpoint_url"));
        let url = url.and_then(|url| url::Url::parse(url).ok());
        url.as_ref().and_then(|url| Some(Teller::of(url.scheme(), url.host_str()?))).unwrap_or_default()
    }

    /// The Region a profile works in: its own, the variables', or its partition's first. One that can be no Region is told, with who names it.
    pub fn region(&self, files: &AwsFiles, profile: &str, partition: Partition) -> Result<String, Error> {
        let Some((setting, region)) = self.named_region(files, profile) else { return Ok(first_of(partition).to_owned()) };
        // It becomes a part of a host's name.
        let label = |region: &str| region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !region.starts_with('-') && !region.ends_with('-');
        if region.len() > 63 || !label(region) {
            return Err(Error::new(
                Code::InvalidValue,
                format!("“{}” is no Region ({setting} of the profile {profile})", shown_at_most(region, 80)),
                format!("Write a Region such as eu-west-1 into {setting}: letters, digits and hyphens"),
            ));
        }
        Ok(region.to_owned())
    }

    /// The Region that a setting names, and which one.
    fn named_region<'a>(&'a self, files: &'a AwsFiles, profile: &str) -> Option<(&'static str, &'a str)> {
        let own = files.profile(&ProfileName::new(profile)).and_then(|p| p.get("region")).map(|region| ("region", region));
        own.or_else(|| ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| Some((name, self.environment.get(name)?))))
    }

    /// What an SDK would use for this profile, without credentials.
    pub async fn config(&self, files: &AwsFiles, profile: &str, partition: Partition) -> SdkConfig {
        let files_of_profile = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, profile::settings_of(files, profile))
            .with_contents(EnvConfigFileKind::Credentials, "")
            .build();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(12))
            .operation_timeout(Duration::from_secs(40))
            .build();
        let app = AppName::new(concat!("stagedoor-", env!("CARGO_PKG_VERSION"))).ok();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .profile_files(files_of_profile)
            .profile_name("stagedoor")
            .no_credentials()
            .http_client(Way::new(Arc::clone(&self.roads), self.bundle(files, profile)))
            .time_source(self.clock.signs_for(self.teller(files, profile)))
            // Ours knows more: it lives longer than a call, and a clock that is set does not mislead it.
            .disable_clock_skew_correction(true)
            .timeout_config(timeouts)
            .region(Region::new(self.named_region(files, profile).map_or_else(|| first_of(partition), |(_, region)| region).to_owned()));
        if let Some(app) = app {
            loader = loader.app_name(app);
        }
        loader.load().await
    }

    /// The federation endpoint where something other than AWS's own is configured.
    pub fn signin_endpoint(&self, files: &AwsFiles, profile: &str) -> Option<String> {
        let truthy = |text: Option<&str>| text.is_some_and(|t| t.eq_ignore_ascii_case("true"));
        let found = files.profile(&ProfileName::new(profile));
        let setting = |key: &str| found.and_then(|p| p.get(key));
        if truthy(self.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) || truthy(setting("ignore_configured_endpoint_urls")) {
            return None;
        }
        let service =
            || setting("services").and_then(|name| files.services(name)).and_then(|s| s.get("signin")).and_then(|s| s.get("endpoint_url")).map(String::as_str);
        self.environment
            .get("AWS_ENDPOINT_URL_SIGNIN")
            .or_else(|| self.environment.get("AWS_ENDPOINT_URL"))
            .or_else(service)
            .or_else(|| setting("endpoint_url"))
            .map(str::to_owned)
    }
}

/// The Region where nobody names one.
const fn first_of(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "us-east-1",
        Partition::China => "cn-north-1",
        Partition::GovCloud => "us-gov-west-1",
        Partition::EuSovereign => "eusc-de-east-1",
    }
}
