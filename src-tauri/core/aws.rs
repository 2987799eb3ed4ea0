//! AWS as a value: one HTTP client, and per profile the `SdkConfig` that every SDK would find.
//!
//! The endpoint rules (variables, `endpoint_url`, `services`, FIPS, dual stack) are aws-config's own. It gets the profile's
//! settings re-written by our lenient reader, so that one broken line elsewhere in the file cannot send a request to the
//! wrong place. This is also the only file that reads AWS error codes.

use std::{collections::BTreeMap, ffi::OsString, fmt::Write, time::Duration};

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::Credentials;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_async::{rt::sleep::TokioSleep, time::TimeSource};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpClient},
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

use crate::{
    clock::Clock,
    error::{Code, Error},
    model::{access_key::AccessKey, arn::Partition, credentials::TemporaryCredentials},
    store::aws_files::AwsFiles,
};

/// The settings of a profile that decide where a request goes and how.
const SETTINGS: [&str; 9] = [
    "region",
    "endpoint_url",
    "services",
    "use_fips_endpoint",
    "use_dualstack_endpoint",
    "retry_mode",
    "max_attempts",
    "ignore_configured_endpoint_urls",
    "ca_bundle",
];

/// What makes one terminal's AWS another than the next one's.
const SURROUNDINGS: [&str; 6] =
    ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_SIGNIN"];

/// The `AWS_…` variables and the few others that count, as they were when the program started.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Keeps what begins with `AWS_`, and the user's name; never a credential. What is not UTF-8 counts as unset.
    pub fn new(variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>) -> Self {
        let secret = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        Self(
            variables
                .into_iter()
                .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into().into_string().ok()?)))
                .filter(|(name, value): &(String, String)| {
                    !value.is_empty() && (name.starts_with("AWS_") || name == "USER" || name == "USERNAME") && !secret.contains(&name.as_str())
                })
                .collect(),
        )
    }

    /// The variables that decide which files are read and which endpoints are asked.
    pub fn surroundings(&self) -> Vec<(String, String)> {
        SURROUNDINGS.iter().filter_map(|name| Some(((*name).to_owned(), self.get(name)?.to_owned()))).collect()
    }

    /// One variable, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The way to AWS. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Aws {
    http: SharedHttpClient,
    clock: Clock,
    /// As at the start of the program.
    pub environment: Environment,
}

/// The wall clock for signing.
#[derive(Debug)]
struct Time(Clock);

impl TimeSource for Time {
    fn now(&self) -> std::time::SystemTime {
        self.0.now().into()
    }
}

impl Aws {
    /// One HTTP client (rustls on ring) for everything.
    pub fn new(clock: Clock, environment: Environment) -> Self {
        let http = Builder::new().build_with_connector_fn(|settings, parts| {
            let connector = Connector::builder().proxy_config(ProxyConfig::from_env()).tls_provider(Provider::Rustls(CryptoMode::Ring));
            let connector = match parts.and_then(RuntimeComponents::sleep_impl) {
                Some(sleep) => connector.sleep_impl(sleep),
                None => connector.sleep_impl(TokioSleep::new()),
            };
            match settings {
                Some(settings) => connector.connector_settings(settings.clone()).build(),
                None => connector.build(),
            }
        });
        Self { http, clock, environment }
    }

    /// A plain HTTP connector, for the one endpoint that is no AWS API: sign-in.
    pub fn connector(&self) -> impl HttpConnector {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(5)).read_timeout(Duration::from_secs(12)).build();
        Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build()
    }

    /// The Region a profile works in: its own, the variables', or its partition's first.
    pub fn region(&self, files: &AwsFiles, profile: &str, partition: Partition) -> String {
        let own = files.profile(&crate::model::profile::ProfileName::new(profile)).and_then(|p| p.get("region"));
        own.or_else(|| self.environment.get("AWS_REGION")).or_else(|| self.environment.get("AWS_DEFAULT_REGION")).map_or_else(
            || {
                match partition {
                    Partition::Aws => "us-east-1",
                    Partition::China => "cn-north-1",
                    Partition::GovCloud => "us-gov-west-1",
                    Partition::EuSovereign => "eusc-de-east-1",
                }
                .to_owned()
            },
            str::to_owned,
        )
    }

    /// What an SDK would use for this profile, without credentials.
    pub async fn config(&self, files: &AwsFiles, profile: &str, partition: Partition) -> SdkConfig {
        let files_of_profile = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, settings_of(files, profile))
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
            .http_client(self.http.clone())
            .time_source(Time(self.clock.clone()))
            .timeout_config(timeouts)
            .region(Region::new(self.region(files, profile, partition)));
        if let Some(app) = app {
            loader = loader.app_name(app);
        }
        loader.load().await
    }

    /// The federation endpoint where something other than AWS's own is configured.
    pub fn signin_endpoint(&self, files: &AwsFiles, profile: &str) -> Option<String> {
        let truthy = |text: Option<&str>| text.is_some_and(|t| t.eq_ignore_ascii_case("true"));
        let found = files.profile(&crate::model::profile::ProfileName::new(profile));
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

/// What a profile says about where AWS is: its endpoints, as one text.
pub fn endpoints(files: &AwsFiles, profile: &str) -> String {
    let Some(found) = files.profile(&crate::model::profile::ProfileName::new(profile)) else { return String::new() };
    let services = found.get("services").and_then(|name| files.services(name));
    match (found.get("endpoint_url"), services) {
        (None, None) => String::new(),
        (own, services) => format!("{own:?} {services:?}"),
    }
}

/// The same endpoints one by one.
pub fn endpoint_urls(files: &AwsFiles, profile: &str) -> Vec<String> {
    let Some(found) = files.profile(&crate::model::profile::ProfileName::new(profile)) else { return Vec::new() };
    let services = found.get("services").and_then(|name| files.services(name));
    let of_services = services.into_iter().flat_map(|services| services.values()).filter_map(|properties| properties.get("endpoint_url"));
    found.get("endpoint_url").into_iter().chain(of_services.map(String::as_str)).map(str::to_owned).collect()
}

/// The profile's settings as a config file with one profile in it.
fn settings_of(files: &AwsFiles, profile: &str) -> String {
    let mut text = String::from("[profile stagedoor]\n");
    let Some(found) = files.profile(&crate::model::profile::ProfileName::new(profile)) else { return text };
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

/// What signs a request: a long-lived key or temporary credentials.
#[derive(Clone, Debug)]
pub enum Signer {
    /// An access key.
    Key(AccessKey),
    /// From a call before.
    Temporary(TemporaryCredentials),
}

impl Signer {
    /// As the SDK wants it.
    pub fn credentials(&self) -> Credentials {
        match self {
            Self::Key(key) => Credentials::new(key.id.as_str(), key.secret.expose(), None, None, "Stagedoor"),
            Self::Temporary(t) => {
                Credentials::new(t.access_key_id.as_str(), t.secret_access_key.expose(), Some(t.session_token.expose().to_owned()), None, "Stagedoor")
            }
        }
    }

    /// The access key ID, which is no secret.
    pub fn access_key_id(&self) -> &str {
        match self {
            Self::Key(key) => key.id.as_str(),
            Self::Temporary(t) => t.access_key_id.as_str(),
        }
    }
}

/// Whether asking again, without anybody doing anything, may help.
pub fn may_recover(error: &Error) -> bool {
    matches!(error.code, Code::AwsUnreachable | Code::MfaCodeRequired | Code::KeychainLocked | Code::KeychainAbsent | Code::File | Code::Agent)
}

/// What an SDK error means, in words. `asked` names the call and its object: “AssumeRole of arn:…”.
pub fn told<E>(asked: &str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            refused(asked, service.err().code().unwrap_or("Unknown"), service.err().message().unwrap_or("no reason given"), service.raw().status().as_u16())
        }
        SdkError::TimeoutError(_) => {
            Error::new(Code::AwsUnreachable, format!("AWS did not answer {asked} in time"), "Check the network, VPN and proxy, then try again")
        }
        SdkError::DispatchFailure(failure) => unreachable(asked, failure.as_connector_error()),
        SdkError::ResponseError(response) => Error::new(
            Code::AwsUnreachable,
            format!("The answer to {asked} cannot be read (HTTP {})", response.raw().status().as_u16()),
            "Something between this machine and AWS may have answered instead: check the proxy and the endpoint_url",
        ),
        SdkError::ConstructionFailure(_) => {
            Error::new(Code::InvalidValue, format!("{asked} could not be put together: {}", DisplayErrorContext(error)), "Check the profile's values")
        }
        other => Error::new(Code::AwsUnreachable, format!("{asked} failed: {}", DisplayErrorContext(other)), "Try again"),
    }
}

fn unreachable(asked: &str, error: Option<&ConnectorError>) -> Error {
    let reason = error.map_or_else(|| "no connection".to_owned(), innermost);
    if error.is_some_and(ConnectorError::is_timeout) {
        return Error::new(Code::AwsUnreachable, format!("AWS did not answer {asked} in time"), "Check the network, VPN and proxy, then try again");
    }
    let hint = if reason.contains("certificate") {
        "A certificate was refused: a company proxy may need its CA in the system's trust store"
    } else {
        "Check the network, VPN, proxy and the endpoint_url, then try again"
    };
    Error::new(Code::AwsUnreachable, format!("AWS could not be reached for {asked}: {reason}"), hint)
}

/// The last cause says what really happened: “Connection refused”, “invalid peer certificate”.
fn innermost(error: &ConnectorError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An error that AWS itself answered with.
fn refused(asked: &str, code: &str, message: &str, status: u16) -> Error {
    let aws = |code: Code, text: String, hint: &'static str| Error::new(code, text, hint);
    // Some denials have a long encoded message behind the sentence: it is for DecodeAuthorizationMessage, not for a person.
    let message = message.split(" Encoded authorization failure message:").next().unwrap_or(message);
    match code {
        // No code in the answer: it is not in AWS's format.
        "Unknown" if status < 500 => aws(
            Code::AwsUnreachable,
            format!("The answer to {asked} is not AWS's (HTTP {status})"),
            "Something between this machine and AWS may have answered instead: check the proxy and the endpoint_url",
        ),
        "InvalidClientTokenId" | "UnrecognizedClientException" => aws(
            Code::AccessKeyRefused,
            format!("AWS does not accept the access key for {asked}: it was deleted, made inactive, or belongs to another partition"),
            "Make the key active again in IAM, or store a new one: stagedoor keys add PROFILE",
        ),
        "SignatureDoesNotMatch" => aws(
            Code::AccessKeyRefused,
            format!("The secret access key does not belong to its access key ID ({asked})"),
            "Store the pair again: stagedoor keys add PROFILE; if it is right, check this computer's clock",
        ),
        "RequestExpired" | "RequestTimeTooSkewed" => aws(
            Code::AwsRefused,
            format!("AWS refused {asked} because this computer's clock is wrong"),
            "Set the clock (switch on automatic time), then try again",
        ),
        "ExpiredToken" | "ExpiredTokenException" => aws(Code::AwsRefused, format!("The credentials for {asked} have expired"), "Start the profile again"),
        "AccessDenied" | "AccessDeniedException" if message.contains("MultiFactorAuthentication failed") => aws(
            Code::MfaCodeRefused,
            if message.contains("invalid MFA") {
                format!("AWS refused the MFA code for {asked}")
            } else {
                format!("AWS refused the MFA device for {asked}: {message}")
            },
            if message.contains("invalid MFA") {
                "Type the code that the device shows now; a code works once, so wait for the next one if you used it already"
            } else {
                "Check mfa_serial: it must be the device of the user whose access key is used"
            },
        ),
        "AccessDenied" | "AccessDeniedException" => aws(
            Code::AwsRefused,
            format!("AWS refused {asked}: {}", message.trim_end_matches('.')),
            "The role's trust policy must allow the caller (with its external ID and MFA), and the caller's own policies must allow the call",
        ),
        "RegionDisabledException" => aws(
            Code::AwsRefused,
            format!("STS is switched off in this Region for {asked}"),
            "Set another region in the profile, or activate STS for it in the account settings",
        ),
        "PackedPolicyTooLarge" => {
            aws(Code::AwsRefused, format!("The session policy and tags are too large for {asked}"), "Shorten the session policy or the tags")
        }
        "MalformedPolicyDocument" => {
            aws(Code::AwsRefused, format!("The session policy for {asked} is not valid: {message}"), "Mend stagedoor_session_policy in the profile")
        }
        "ValidationError" => {
            aws(Code::AwsRefused, format!("AWS does not accept a value of {asked}: {}", message.trim_end_matches('.')), "Mend that value in the profile")
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
            aws(Code::AwsUnreachable, format!("AWS asked to slow down ({asked})"), "Try again in a moment")
        }
        _ if status >= 500 => aws(Code::AwsUnreachable, format!("AWS failed to answer {asked} (HTTP {status}, {code})"), "Try again in a moment"),
        _ => aws(Code::AwsRefused, format!("AWS refused {asked}: {} ({code})", message.trim_end_matches('.')), "See what the message names, then try again"),
    }
}
