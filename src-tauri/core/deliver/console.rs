//! The console: a federated sign-in link for temporary credentials, in every partition.
//!
//! Two steps: `getSigninToken` with the credentials, then a login URL with the token. Both URLs are secrets and are never
//! logged. Which credentials may sign in, and whether a duration may be asked for, is decided here; how the link is opened is not.

use aws_smithy_runtime_api::{client::http::HttpConnector, http::Request};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    aws::unreachable,
    error::{Code, Error, Result},
    model::{arn::Partition, credentials::TemporaryCredentials, params::SessionDuration, secret::Secret},
};

/// What a console link shall open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct ConsoleTarget {
    /// A service's short name: `s3`, `ec2`.
    pub service: Option<String>,
    /// A path under the console's host, with query.
    pub path: Option<String>,
    /// Another Region than the profile's.
    pub region: Option<String>,
    /// 900 to 43200 s; left out where AWS refuses it.
    pub duration: Option<SessionDuration>,
}

/// The two hosts of a partition.
const fn hosts(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Aws => ("signin.aws.amazon.com", "console.aws.amazon.com"),
        Partition::China => ("signin.amazonaws.cn", "console.amazonaws.cn"),
        Partition::GovCloud => ("signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
        Partition::EuSovereign => ("signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
    }
}

/// The federation endpoint: the one configured, or the partition's own.
pub fn federation_endpoint(partition: Partition, configured: Option<&str>) -> Result<Url> {
    let own = format!("https://{}/federation", hosts(partition).0);
    let text = configured.unwrap_or(&own);
    let mut url = Url::parse(text).map_err(|_| Error::invalid("sign-in endpoint", text, "a URL such as https://signin.aws.amazon.com/federation"))?;
    // Credentials go to this URL: in the clear only to this machine itself.
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(Error::invalid("sign-in endpoint", text, "https, or http to this machine only"));
    }
    if matches!(url.path(), "" | "/") {
        url.set_path("/federation");
    }
    Ok(url)
}

/// Where the browser goes after signing in.
pub fn destination(partition: Partition, target: &ConsoleTarget, region: &str) -> Result<Url> {
    let region = target.region.as_deref().unwrap_or(region);
    let name = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !name(region) {
        return Err(Error::invalid("Region", region, "a name such as eu-central-1"));
    }
    let base = format!("https://{}/", hosts(partition).1);
    let bad = |text: &str| Error::invalid("console path", text, "a path such as /s3/buckets?region=eu-central-1");
    let mut url = match (&target.service, &target.path) {
        (_, Some(path)) => {
            let path = path.trim_start_matches('/');
            let joined = Url::parse(&base).and_then(|base| base.join(&format!("./{path}"))).map_err(|_| bad(path))?;
            if joined.host_str() != Some(hosts(partition).1) {
                return Err(bad(path));
            }
            joined
        }
        (Some(service), None) => {
            if !name(service) {
                return Err(Error::invalid("service", service, "a console name such as s3, ec2 or cloudformation"));
            }
            Url::parse(&format!("{base}{service}/home")).map_err(|_| bad(service))?
        }
        (None, None) => Url::parse(&format!("{base}console/home")).map_err(|_| bad(""))?,
    };
    if !url.query_pairs().any(|(key, _)| key == "region") {
        url.query_pairs_mut().append_pair("region", region);
    }
    Ok(url)
}

/// Gets a sign-in token and makes the login link: a secret, good for 15 minutes.
///
/// `duration` must be `None` for GetFederationToken credentials and chained roles: AWS refuses it there.
pub async fn login_link(
    way: &impl HttpConnector,
    endpoint: &Url,
    credentials: &TemporaryCredentials,
    duration: Option<SessionDuration>,
    destination: &Url,
) -> Result<Secret> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(clippy::struct_field_names, reason = "the endpoint's own names")]
    struct Session<'a> {
        session_id: &'a str,
        session_key: &'a str,
        session_token: &'a str,
    }
    let session = Session {
        session_id: credentials.access_key_id.as_str(),
        session_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
    };
    let session = Zeroizing::new(serde_json::to_string(&session).unwrap_or_default());
    let mut ask = endpoint.clone();
    ask.query_pairs_mut().append_pair("Action", "getSigninToken").append_pair("Session", &session);
    if let Some(duration) = duration {
        ask.query_pairs_mut().append_pair("SessionDuration", &duration.seconds().to_string());
    }
    let token = signin_token(way, &Zeroizing::new(String::from(ask)), endpoint.host_str().unwrap_or_default()).await?;
    let mut login = endpoint.clone();
    login
        .query_pairs_mut()
        .append_pair("Action", "login")
        .append_pair("Issuer", "Stagedoor")
        .append_pair("Destination", destination.as_str())
        .append_pair("SigninToken", token.expose());
    Ok(Secret::new(login))
}

async fn signin_token(way: &impl HttpConnector, url: &str, host: &str) -> Result<Secret> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "SigninToken")]
        token: Secret,
    }
    let broken =
        || Error::new(Code::AwsUnreachable, format!("The sign-in endpoint {host} could not be reached"), "Check the network, VPN and proxy, then try again");
    let request = Request::get(url).map_err(|_| broken())?;
    let answer = way.call(request).await.map_err(|error| unreachable("the sign-in endpoint", Some(&error)))?;
    let status = answer.status().as_u16();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.map_err(|_| broken())?.to_bytes();
    if status != 200 {
        return Err(Error::new(
            Code::AwsRefused,
            format!("{host} refused to sign in with these credentials (HTTP {status})"),
            "Only roles and federated users can sign in, and a duration cannot be asked for when roles are chained; start the profile again and retry without --duration",
        ));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
        Error::new(Code::AwsUnreachable, format!("The answer of {host} cannot be read"), "Something other than AWS may have answered: check the proxy")
    })?;
    Ok(answer.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(service: Option<&str>, path: Option<&str>, region: Option<&str>) -> ConsoleTarget {
        ConsoleTarget { service: service.map(str::to_owned), path: path.map(str::to_owned), region: region.map(str::to_owned), duration: None }
    }

    #[test]
    fn every_partition_has_its_hosts() {
        for (partition, signin, console) in [
            (Partition::Aws, "https://signin.aws.amazon.com/federation", "https://console.aws.amazon.com/s3/home?region=r-1"),
            (Partition::China, "https://signin.amazonaws.cn/federation", "https://console.amazonaws.cn/s3/home?region=r-1"),
            (Partition::GovCloud, "https://signin.amazonaws-us-gov.com/federation", "https://console.amazonaws-us-gov.com/s3/home?region=r-1"),
        ] {
            assert_eq!(federation_endpoint(partition, None).expect("valid").as_str(), signin);
            assert_eq!(destination(partition, &target(Some("s3"), None, None), "r-1").expect("valid").as_str(), console);
        }
    }

    #[test]
    fn a_path_stays_on_the_console() {
        let go = |path: &str| destination(Partition::Aws, &target(None, Some(path), None), "eu-west-1").map(String::from);
        assert_eq!(go("/iam/home#/users").expect("valid"), "https://console.aws.amazon.com/iam/home?region=eu-west-1#/users");
        assert_eq!(go("s3/buckets?region=us-east-2").expect("valid"), "https://console.aws.amazon.com/s3/buckets?region=us-east-2");
        assert!(go("//evil.example/x").expect("stays").starts_with("https://console.aws.amazon.com/"));
        assert!(go("https://evil.example/x").expect("stays").starts_with("https://console.aws.amazon.com/"));
        assert!(destination(Partition::Aws, &target(Some("s3/../.."), None, None), "eu-west-1").is_err());
        assert!(destination(Partition::Aws, &target(None, None, Some("a b")), "eu-west-1").is_err());
    }

    #[test]
    fn credentials_never_go_in_the_clear_to_another_machine() {
        assert_eq!(federation_endpoint(Partition::Aws, Some("http://127.0.0.1:9/")).expect("loopback").as_str(), "http://127.0.0.1:9/federation");
        assert_eq!(federation_endpoint(Partition::Aws, Some("https://s.example/fed")).expect("https").as_str(), "https://s.example/fed");
        assert!(federation_endpoint(Partition::Aws, Some("http://signin.example/federation")).is_err());
        assert!(federation_endpoint(Partition::Aws, Some("not a url")).is_err());
    }
}
