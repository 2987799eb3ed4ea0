//! S3 of the practice account, byte by byte: who needs no signature, its own words for bad credentials, whose policy it is.
//!
//! [`Asked`] signs and sends a request of any service without an SDK; the other modules about services use it too.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode, sign},
    sign::v4,
};
use hyper::Request;
use time::Duration;

use crate::practice::{Practice, long_lived, temporary};

/// A request of a service that is found by method and path, or by a target.
pub(crate) struct Asked<'a> {
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) target: Option<&'a str>,
    /// How far the client's clock is off.
    pub(crate) off: Duration,
    /// Signed in the query, good for so many seconds.
    pub(crate) link: Option<u64>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(service: &'a str, method: &'a str, path: impl Into<String>) -> Self {
        Self { service, method, path: path.into(), body: String::new(), target: None, off: Duration::ZERO, link: None }
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Status and body; without credentials nobody signs.
    pub(crate) fn by(self, practice: &Practice, credentials: Option<&Credentials>) -> (u16, String) {
        let url = format!("http://127.0.0.1{}", self.path);
        let mut request = Request::builder().method(self.method).uri(&url).header("host", "127.0.0.1");
        if let Some(target) = self.target {
            request = request.header("x-amz-target", target).header("content-type", "application/x-amz-json-1.1");
        }
        let mut request = request.body(self.body.clone().into_bytes()).unwrap();
        if let Some(credentials) = credentials {
            let mut settings = SigningSettings::default();
            if self.service == "s3" {
                settings.percent_encoding_mode = PercentEncodingMode::Single;
                settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            }
            let mut payload = SignableBody::Bytes(self.body.as_bytes());
            if let Some(seconds) = self.link {
                settings.signature_location = SignatureLocation::QueryParams;
                settings.expires_in = Some(std::time::Duration::from_secs(seconds));
                payload = SignableBody::UnsignedPayload;
            }
            let identity = credentials.clone().into();
            let at = practice.clock.now() + self.off;
            let builder = v4::SigningParams::builder().identity(&identity).name(self.service).region("us-east-1").time(at.into()).settings(settings);
            let signable = SignableRequest::new(self.method, &url, std::iter::empty(), payload).unwrap();
            sign(signable, &builder.build().unwrap().into()).unwrap().into_parts().0.apply_to_request_http1x(&mut request);
        }
        let answer = practice.world.answer(request);
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    }
}

/// What stands in an element.
fn part<'a>(answer: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    answer.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(inside, _)| inside)
}

/// Status, code and sentence of a refusal in S3's format.
fn refused((status, answer): (u16, String)) -> (u16, String, String) {
    assert!(answer.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>"), "S3's format: {answer}");
    let message = crate::practice::sentence(part(&answer, "Message")).to_owned();
    (status, part(&answer, "Code").to_owned(), message)
}

fn same(got: &(u16, String, String), status: u16, code: &str, message: &str) {
    assert_eq!((got.0, got.1.as_str(), got.2.as_str()), (status, code, message));
}

fn bucket(practice: &Practice) -> String {
    format!("practice-reports-{}", practice.world.account_id())
}

fn policy(bucket: &str, principal: &str, action: &str) -> String {
    let resource = format!("arn:aws:s3:::{bucket}/*");
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":["arn:aws:s3:::{bucket}","{resource}"]}}}}"#
    )
}

fn put(practice: &Practice, by: Option<&Credentials>, policy: &str) -> (u16, String) {
    Asked::new("s3", "PUT", format!("/{}?policy", bucket(practice))).body(policy).by(practice, by)
}

fn get(practice: &Practice, by: Option<&Credentials>) -> (u16, String) {
    Asked::new("s3", "GET", format!("/{}/hello.txt", bucket(practice))).by(practice, by)
}

#[tokio::test]
async fn nobody_in_particular_reads_what_a_policy_gives_to_everybody() {
    let practice = Practice::start().await;
    let (root, name) = (practice.root(), bucket(&practice));
    same(&refused(get(&practice, None)), 403, "AccessDenied", "Access Denied");

    // Not to everybody in particular: an account, and everybody under a condition that those without a name do not meet.
    let account = practice.world.account_id();
    for (given, status) in [
        (policy(&name, &format!(r#"{{"AWS":"{account}"}}"#), "s3:GetObject"), 403),
        (policy(&name, r#""*""#, "s3:GetObject").replace(r#""Principal""#, r#""Condition":{"Null":{"aws:PrincipalArn":"false"}},"Principal""#), 403),
        (policy(&name, r#""*""#, "s3:PutObject"), 403),
        (policy(&name, r#""*""#, "s3:GetObject"), 200),
        (policy(&name, r#"{"AWS":"*"}"#, "s3:Get*"), 200),
        (policy(&name, r#""*""#, "s3:GetObject").replace(r#""Principal""#, r#""Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}},"Principal""#), 200),
    ] {
        assert_eq!(put(&practice, Some(&root), &given).0, 204, "{given}");
        let (got, answer) = get(&practice, None);
        assert_eq!(got, status, "{given}: {answer}");
    }
    let call = practice.world.calls().pop().unwrap();
    assert_eq!((call.action.as_str(), call.account_id.as_str(), call.access_key_id.as_str()), ("GetObject", "anonymous", ""));

    let all = policy(&name, r#""*""#, "s3:*");
    let deny = all.replace(r#""Statement":{"#, r#""Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*"},{"#);
    let deny = deny.replace(r#""Resource":"*""#, &format!(r#""Resource":"arn:aws:s3:::{name}/hello.txt""#)).replace("}}", "}]}");
    assert_eq!(put(&practice, Some(&root), &deny).0, 204, "{deny}");
    same(&refused(get(&practice, None)), 403, "AccessDenied", "Access Denied");
    // All of S3 for everybody is still not the policy itself.
    same(&refused(put(&practice, None, &all)), 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    same(&refused(Asked::new("s3", "GET", "/nobody-has-this/x").by(&practice, None)), 404, "NoSuchBucket", "The specified bucket does not exist");
}

#[tokio::test]
async fn bad_credentials_in_s3s_words() {
    let practice = Practice::start().await;
    let root = practice.root();
    let list = || Asked::new("s3", "GET", "/");
    let known = "The AWS Access Key Id you provided does not exist in our records.";
    let malformed = "The provided token is malformed or otherwise invalid.";
    let skewed = "The difference between the request time and the current time is too large.";

    let unknown = Credentials::new("AKIAIOSFODNN7EXAMPLE", "x".repeat(40), None, None, "test");
    same(&refused(list().by(&practice, Some(&unknown))), 403, "InvalidAccessKeyId", known);
    let wrong = Credentials::new(root.access_key_id(), "x".repeat(40), None, None, "test");
    let mismatch = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    same(&refused(list().by(&practice, Some(&wrong))), 403, "SignatureDoesNotMatch", mismatch);
    let with_token = Credentials::new(root.access_key_id(), root.secret_access_key(), Some("garbage".to_owned()), None, "test");
    same(&refused(list().by(&practice, Some(&with_token))), 400, "InvalidToken", malformed);

    let session = temporary(practice.sts(&root).get_session_token().send().await.unwrap().credentials);
    assert_eq!(list().by(&practice, Some(&session)).0, 200);
    let with = |token: Option<&str>| Credentials::new(session.access_key_id(), session.secret_access_key(), token.map(str::to_owned), None, "test");
    same(&refused(list().by(&practice, Some(&with(Some("garbage"))))), 400, "InvalidToken", malformed);
    let other = temporary(practice.sts(&root).get_session_token().send().await.unwrap().credentials);
    same(&refused(list().by(&practice, Some(&with(other.session_token())))), 400, "InvalidToken", malformed);
    same(&refused(list().by(&practice, Some(&with(None)))), 403, "InvalidAccessKeyId", known);

    for (seconds, refuse) in [(899, false), (-899, false), (901, true), (-901, true)] {
        let answer = Asked { off: Duration::seconds(seconds), ..list() }.by(&practice, Some(&root));
        if refuse {
            same(&refused(answer), 403, "RequestTimeTooSkewed", skewed);
        } else {
            assert_eq!(answer.0, 200, "{seconds}");
        }
    }
    practice.clock.advance(Duration::hours(1));
    same(&refused(list().by(&practice, Some(&session))), 400, "ExpiredToken", "The provided token has expired.");
}

#[tokio::test]
async fn a_link_reads_an_object_for_its_time() {
    let practice = Practice::start().await;
    let root = practice.root();
    let link = |off: i64| {
        let asked = Asked::new("s3", "GET", format!("/{}/hello.txt", bucket(&practice)));
        Asked { link: Some(60), off: Duration::seconds(off), ..asked }.by(&practice, Some(&root))
    };
    assert_eq!((link(0).0, link(-60).0), (200, 200));
    same(&refused(link(-61)), 403, "AccessDenied", "Request has expired");
    same(&refused(link(901)), 403, "AccessDenied", "Request is not yet valid");
}

#[tokio::test]
async fn a_bucket_policy_names_who_exists_and_what_s3_can_do() {
    let practice = Practice::start().await;
    let (root, name, account) = (practice.root(), bucket(&practice), practice.world.account_id());
    let aws = |arn: &str| format!(r#"{{"AWS":"{arn}"}}"#);
    let everybody = r#""*""#;
    let on = |resource: &str, action: &str| policy(&name, everybody, action).replace(&format!(r#"["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]"#), resource);
    let applies = "Action does not apply to any resource(s) in statement";
    for (given, message) in [
        (policy(&name, &aws(&format!("arn:aws:iam::{account}:user/ghost")), "s3:GetObject"), "Invalid principal in policy"),
        (policy(&name, &aws("arn:aws:iam::999999999999:role/ghost"), "s3:GetObject"), "Invalid principal in policy"),
        (policy(&name, &aws("AIDAAAAAAAAAAAAAAAAAA"), "s3:GetObject"), "Invalid principal in policy"),
        (policy(&name, r#"{"CanonicalUser":"0123"}"#, "s3:GetObject"), "Invalid principal in policy"),
        (policy(&name, &format!(r#"{{"CanonicalUser":"{}"}}"#, "0".repeat(64)), "s3:GetObject"), "Invalid principal in policy"),
        (policy(&name, everybody, "iam:ListUsers"), "Policy has invalid action"),
        (policy(&name, everybody, "s3:ReadObject"), "Policy has invalid action"),
        (on(r#""arn:aws:s3:::another/*""#, "s3:GetObject"), "Policy has invalid resource"),
        (on(&format!(r#""arn:aws:s3:::{name}""#), "s3:GetObject"), applies),
        (on(&format!(r#""arn:aws:s3:::{name}/*""#), "s3:ListBucket"), applies),
        ("{".to_owned(), "Policies must be valid JSON and the first byte must be &#39;{&#39;"),
    ] {
        same(&refused(put(&practice, Some(&root), &given)), 400, "MalformedPolicy", message);
    }
    let (_, listed) = Asked::new("s3", "GET", "/").by(&practice, Some(&root));
    let canonical = format!(r#"{{"CanonicalUser":"{}"}}"#, part(&listed, "ID"));
    assert_eq!(put(&practice, Some(&root), &policy(&name, &canonical, "s3:GetObject")).0, 204);
    for given in [policy(&name, everybody, "s3:ListBucket"), policy(&name, everybody, "*"), on(&format!(r#""arn:aws:s3:::{name}*""#), "s3:GetObject")] {
        assert_eq!(put(&practice, Some(&root), &given).0, 204, "{given}");
    }
}

#[tokio::test]
async fn whoever_comes_back_under_a_name_is_not_who_a_bucket_policy_meant() {
    let practice = Practice::start().await;
    let (root, name) = (practice.root(), bucket(&practice));
    let iam = practice.iam(&root);
    let made = |user: aws_sdk_iam::types::User, key: aws_sdk_iam::types::AccessKey| {
        (user.arn, user.user_id, Credentials::new(key.access_key_id, key.secret_access_key, None, None, "test"))
    };
    let create = || async {
        let user = iam.create_user().user_name("reader").send().await.unwrap().user.unwrap();
        made(user, iam.create_access_key().user_name("reader").send().await.unwrap().access_key.unwrap())
    };
    let (arn, id, reader) = create().await;
    assert_eq!(put(&practice, Some(&root), &policy(&name, &format!(r#"{{"AWS":"{arn}"}}"#), "s3:GetObject")).0, 204);
    assert_eq!(get(&practice, Some(&reader)).0, 200);
    let shown = || Asked::new("s3", "GET", format!("/{name}?policy")).by(&practice, Some(&root)).1;
    assert!(shown().contains(&arn), "{}", shown());

    iam.delete_access_key().user_name("reader").access_key_id(reader.access_key_id()).send().await.unwrap();
    iam.delete_user().user_name("reader").send().await.unwrap();
    assert!(shown().contains(&id) && !shown().contains(&arn), "who is gone is shown by unique ID: {}", shown());
    let (_, _, again) = create().await;
    assert_eq!(refused(get(&practice, Some(&again))).1, "AccessDenied");
}

#[tokio::test]
async fn a_bucket_policy_is_its_owners() {
    let practice = Practice::start().await;
    let (root, name, account) = (practice.root(), bucket(&practice), practice.world.account_id());
    let stranger = practice.world.accounts().into_iter().find(|other| other.account_id != account).unwrap();
    let stranger = long_lived(&stranger.key);
    let asked = |method: &'static str, by: &Credentials| Asked::new("s3", method, format!("/{name}?policy")).by(&practice, Some(by));
    assert_eq!(refused(put(&practice, Some(&stranger), &policy(&name, r#""*""#, "s3:GetObject"))).1, "AccessDenied");
    assert_eq!(put(&practice, Some(&root), &policy(&name, r#""*""#, "s3:*")).0, 204);
    for method in ["GET", "PUT", "DELETE"] {
        same(&refused(asked(method, &stranger)), 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
    }
    // A policy that shuts everybody out can still be taken away by the account's root.
    let closed = policy(&name, r#""*""#, "s3:*").replace("Allow", "Deny");
    assert_eq!(put(&practice, Some(&root), &closed).0, 204);
    assert_eq!(refused(get(&practice, Some(&root))).1, "AccessDenied");
    assert_eq!((asked("GET", &root).0, asked("DELETE", &root).0), (200, 204));
    assert_eq!(get(&practice, Some(&root)).0, 200);
}
