//! The practice account, spoken to byte by byte: what no SDK would send, and the federation endpoint as a browser uses it.
//!
//! Signatures are made with the aws-sigv4 crate and then bent.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use time::Duration;

use crate::practice::Practice;

/// Status and body.
async fn send(request: Request<Full<Bytes>>) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.unwrap();
    let status = answer.status().as_u16();
    (status, String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

async fn post(practice: &Practice, body: impl Into<Bytes>) -> (u16, String) {
    let request = Request::post(practice.server.endpoint()).header("content-type", "application/x-www-form-urlencoded");
    send(request.body(Full::new(body.into())).unwrap()).await
}

pub(crate) async fn get(url: String) -> (u16, String) {
    send(Request::get(url).body(Full::default()).unwrap()).await
}

fn code(answer: &str) -> String {
    answer.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).unwrap_or_default().to_owned()
}

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// A request that alice signed for a service and a Region; with `expires`, presigned.
fn signed(practice: &Practice, scope: (&str, &str), expires: Option<u64>) -> Request<Full<Bytes>> {
    let mut settings = SigningSettings::default();
    let (method, url, body) = match expires {
        Some(_) => ("GET", format!("{}/?{WHO}", practice.server.endpoint()), ""),
        None => ("POST", format!("{}/", practice.server.endpoint()), WHO),
    };
    if let Some(seconds) = expires {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(std::time::Duration::from_secs(seconds));
    }
    let identity = practice.alice().into();
    let builder = v4::SigningParams::builder().identity(&identity).name(scope.0).region(scope.1).time(practice.clock.now().into()).settings(settings);
    let params = builder.build().unwrap().into();
    let mut request = Request::builder().method(method).uri(&url).body(Full::new(Bytes::from(body))).unwrap();
    let signable = SignableRequest::new(method, &url, std::iter::empty(), SignableBody::Bytes(body.as_bytes())).unwrap();
    sign(signable, &params).unwrap().into_parts().0.apply_to_request_http1x(&mut request);
    request
}

#[tokio::test]
async fn signatures_that_hold_and_that_do_not() {
    let practice = Practice::start().await;
    let (status, answer) = send(signed(&practice, ("sts", "eu-west-1"), None)).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = send(signed(&practice, ("sts", "eu-west-1"), Some(60))).await;
    assert_eq!(status, 200, "{answer}");

    let mut tampered = signed(&practice, ("sts", "eu-west-1"), None);
    *tampered.body_mut() = Full::new(Bytes::from(format!("{WHO}&x=y")));
    let mut without_host = signed(&practice, ("sts", "eu-west-1"), None);
    let header = without_host.headers()["authorization"].to_str().unwrap().replace("host;", "");
    without_host.headers_mut().insert("authorization", header.parse().unwrap());
    let mut another_key = signed(&practice, ("sts", "eu-west-1"), None);
    let header = another_key.headers()["authorization"].to_str().unwrap().replace(practice.made.key.id.as_str(), practice.world.root_key().id.as_str());
    another_key.headers_mut().insert("authorization", header.parse().unwrap());
    let stale = signed(&practice, ("sts", "eu-west-1"), Some(60));
    for (request, expected) in [
        (tampered, "The request signature we calculated does not match"),
        (another_key, "The request signature we calculated does not match"),
        (without_host, "must be a &#39;SignedHeader&#39; in the AWS Authorization."),
        (signed(&practice, ("iam", "us-east-1"), None), "Credential should be scoped to correct service: &#39;sts&#39;."),
        (signed(&practice, ("sts", "nowhere-1"), None), "Credential should be scoped to a valid region."),
    ] {
        let (status, answer) = send(request).await;
        assert_eq!((status, code(&answer).as_str()), (403, "SignatureDoesNotMatch"));
        assert!(answer.contains(expected), "{answer}");
    }
    practice.clock.advance(Duration::seconds(61));
    let (status, answer) = send(stale).await;
    assert_eq!((status, code(&answer).as_str()), (403, "SignatureDoesNotMatch"));
    assert!(answer.contains("Signature expired"), "{answer}");
}

#[tokio::test]
async fn what_is_no_proper_request() {
    let practice = Practice::start().await;
    for (body, status, expected) in [
        (&b"Action=GetCallerIdentity&Version=2011-06-15"[..], 403, "MissingAuthenticationToken"),
        (b"Action=Nonsense&Version=2011-06-15", 400, "InvalidAction"),
        (b"Action=GetCallerIdentity&Version=2010-05-08", 400, "InvalidAction"),
        (b"Action=GetCallerIdentity", 400, "InvalidAction"),
        (b"Action=%ff%fe&Version=2011-06-15", 400, "MalformedQueryString"),
        (b"", 403, "MissingAuthenticationToken"),
    ] {
        let (got, answer) = post(&practice, body).await;
        assert_eq!((got, code(&answer).as_str()), (status, expected), "{answer}");
    }
    let (status, answer) = post(&practice, vec![b'x'; 10 << 20]).await;
    assert_eq!((status, code(&answer).as_str()), (413, "RequestEntityTooLarge"));
    let (_, answer) = post(&practice, "Action=%3C%26%3E&Version=2011-06-15").await;
    assert!(answer.contains("Could not find operation &lt;&amp;&gt; for version 2011-06-15"), "{answer}");
    let (status, answer) = post(&practice, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert_eq!(status, 403);
    assert!(answer.starts_with("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"), "{answer}");
    let broken = Request::post(practice.server.endpoint()).header("authorization", "AWS4-HMAC-SHA256 Credential=x");
    let (status, answer) = send(broken.body(Full::new(Bytes::from("Action=GetCallerIdentity&Version=2011-06-15"))).unwrap()).await;
    assert_eq!((status, code(&answer).as_str()), (400, "IncompleteSignature"));
}

#[tokio::test]
async fn another_host_is_refused() {
    let practice = Practice::start().await;
    let request = Request::get(practice.server.endpoint()).header("host", "practice.example.com");
    let (status, answer) = send(request.body(Full::default()).unwrap()).await;
    assert_eq!(status, 400);
    assert!(answer.contains("answers only to 127.0.0.1 and localhost"), "{answer}");
}

pub(crate) fn sign_in_url(practice: &Practice, credentials: &aws_sdk_sts::types::Credentials, duration: Option<&str>) -> String {
    let session = serde_json::json!({
        "sessionId": credentials.access_key_id(), "sessionKey": credentials.secret_access_key(), "sessionToken": credentials.session_token()
    });
    let mut url = url::Url::parse(&practice.server.signin_endpoint()).unwrap();
    url.query_pairs_mut().append_pair("Action", "getSigninToken").append_pair("Session", &session.to_string());
    if let Some(duration) = duration {
        url.query_pairs_mut().append_pair("SessionDuration", duration);
    }
    url.to_string()
}

fn login_url(practice: &Practice, token: &str) -> String {
    let mut url = url::Url::parse(&practice.server.signin_endpoint()).unwrap();
    url.query_pairs_mut().append_pair("Action", "login").append_pair("Destination", "https://console.aws.amazon.com/").append_pair("SigninToken", token);
    url.to_string()
}

#[tokio::test]
async fn signing_in_to_the_console() {
    let practice = Practice::start().await;
    let role = practice.with_code(0).send().await.unwrap().credentials.unwrap();
    let (status, answer) = get(sign_in_url(&practice, &role, Some("43200"))).await;
    assert_eq!(status, 200, "{answer}");
    let token = serde_json::from_str::<serde_json::Value>(&answer).unwrap()["SigninToken"].as_str().unwrap().to_owned();
    let (status, page) = get(login_url(&practice, &token)).await;
    assert_eq!(status, 200);
    assert!(page.contains(":assumed-role/Developer/me") && page.contains("2026-11-23T21:00:00Z"), "{page}");
    for secret in [role.secret_access_key(), role.session_token(), &token] {
        assert!(!page.contains(secret));
    }
    practice.clock.advance(Duration::minutes(15));
    assert_eq!(get(login_url(&practice, &token)).await.0, 400, "a link works for 15 minutes");
    assert_eq!(get(login_url(&practice, "nonsense")).await.0, 400);
    for duration in ["899", "43201", "x"] {
        assert_eq!(get(sign_in_url(&practice, &role, Some(duration))).await.0, 400, "{duration}");
    }
    practice.clock.advance(Duration::hours(1));
    assert_eq!(get(sign_in_url(&practice, &role, None)).await.0, 400, "expired");
}

#[tokio::test]
async fn who_may_not_sign_in_to_the_console() {
    let practice = Practice::start().await;
    let sts = practice.sts(&practice.alice());
    let plain = sts.get_session_token().send().await.unwrap().credentials.unwrap();
    assert_eq!(get(sign_in_url(&practice, &plain, None)).await.0, 400, "credentials of GetSessionToken");
    let session = crate::practice::temporary(Some(plain));
    let partner = practice.assume(&session, practice.made.partner_role_arn.as_str()).external_id(practice.made.external_id.as_str());
    let chained = partner.send().await.unwrap().credentials.unwrap();
    assert_eq!(get(sign_in_url(&practice, &chained, Some("900"))).await.0, 400, "SessionDuration of a chained role");
    assert_eq!(get(sign_in_url(&practice, &chained, None)).await.0, 200);
    let federated = practice.sts(&practice.root()).get_federation_token().name("app").send().await.unwrap().credentials.unwrap();
    assert_eq!(get(sign_in_url(&practice, &federated, Some("900"))).await.0, 400, "SessionDuration of a federated user");
    assert_eq!(get(sign_in_url(&practice, &federated, None)).await.0, 200);
    let mut forged = federated;
    forged.secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned();
    assert_eq!(get(sign_in_url(&practice, &forged, None)).await.0, 400);
}
