//! AssumeRoleWithWebIdentity against the practice account: what an OIDC provider signs, and everything that AWS refuses.
//!
//! Requests are made by AWS's SDK. Each refusal is compared with AWS's code, words and status.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_sdk_sts::operation::assume_role_with_web_identity::builders::AssumeRoleWithWebIdentityFluentBuilder;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{self, KeyPair},
};
use serde_json::{Value, json};
use time::Duration;
use tokio::net::{TcpListener, TcpSocket};

use crate::{
    oidc_provider::{Idp, message, thumbprint, token, token_with, with},
    practice::{Practice, refusal, temporary},
};

const CERTIFICATE: &str = include_str!("../vectors/identity-provider/certificate.pem");
const LOCALHOST: &str = include_str!("../vectors/identity-provider/localhost.pem");
const AUTHORITY: &str = include_str!("../vectors/identity-provider/authority.pem");
const UNREACHABLE: &str = "The identity provider that was asked to verify the incoming identity token could not be reached.";
const NO_JWT: &str = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
const NO_KEY: &str =
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const UNTRUSTED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

/// An account with a provider and a role that trusts it.
struct Federation {
    practice: Practice,
    provider: String,
    role: String,
}

const ACTIONS: &str = r#""Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]"#;

impl Federation {
    async fn start(idp: &Idp, thumbprints: &[String]) -> Self {
        let practice = Practice::start().await;
        let iam = practice.iam(&practice.root());
        let create = iam.create_open_id_connect_provider().url(&idp.url).client_id_list("an-app").client_id_list("another");
        let made = create.set_thumbprint_list(Some(thumbprints.to_vec())).send().await.unwrap();
        let provider = made.open_id_connect_provider_arn().unwrap().to_owned();
        let trust = trust(&provider, ACTIONS);
        let made = iam.create_role().role_name("Web").assume_role_policy_document(trust).send().await.unwrap();
        Self { role: made.role().unwrap().arn().to_owned(), provider, practice }
    }

    fn ask(&self, token: &str) -> AssumeRoleWithWebIdentityFluentBuilder {
        let sts = self.practice.sts(&self.practice.alice());
        sts.assume_role_with_web_identity().role_arn(&self.role).role_session_name("me").web_identity_token(token)
    }

    async fn trusting(&self, rest: &str) {
        let iam = self.practice.iam(&self.practice.root());
        iam.update_assume_role_policy().role_name("Web").policy_document(trust(&self.provider, rest)).send().await.unwrap();
    }

    #[track_caller]
    fn refused(&self, token: &str, status: u16, code: &str, message: &str) -> impl Future<Output = ()> {
        let (ask, expected, at) = (self.ask(token), (status, code.to_owned(), message.to_owned()), std::panic::Location::caller());
        async move { assert_eq!(refusal(ask.send().await), expected, "{at}") }
    }
}

fn trust(provider: &str, rest: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},{rest}}}}}"#)
}

#[tokio::test]
async fn a_signed_token_gives_a_session_of_the_role() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let account = federation.practice.world.account_id();
    let answer = federation.ask(&token(&idp.claims())).send().await.unwrap();
    assert_eq!(answer.assumed_role_user().unwrap().arn(), format!("arn:aws:sts::{account}:assumed-role/Web/me"));
    assert_eq!((answer.subject_from_web_identity_token(), answer.audience()), (Some("carol"), Some("an-app")));
    assert_eq!(answer.provider(), Some(federation.provider.as_str()));
    let session = temporary(answer.credentials.clone());
    let who = federation.practice.sts(&session).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some(format!("arn:aws:sts::{account}:assumed-role/Web/me").as_str()));
    let iam = federation.practice.iam(&federation.practice.root());
    let name = idp.url.split_once("://").unwrap().1;
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{{"StringEquals":{{"aws:FederatedProvider":"{}","{name}:sub":"carol"}}}}}}}}"#,
        federation.provider
    );
    iam.put_role_policy().role_name("Web").policy_name("p").policy_document(policy).send().await.unwrap();
    federation.practice.iam(&session).list_users().send().await.unwrap();
}

#[tokio::test]
async fn a_token_must_be_signed_by_a_key_of_the_provider() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let claims = idp.claims();
    let good = token(&claims);
    let unsigned = format!("{}.", message(&json!({ "alg": "none" }), &claims));
    for wrong in [
        "no.jwt.x",
        "abcd",
        &unsigned,
        &token_with(&json!({ "alg": "HS256", "kid": "one" }), &claims),
        &token_with(&json!({ "alg": "RS256", "kid": "one", "crit": ["x"] }), &claims),
    ] {
        federation.refused(wrong, 400, "InvalidIdentityToken", NO_JWT).await;
    }
    let (head, signature) = good.rsplit_once('.').unwrap();
    let tampered = format!("{}.{signature}", message(&json!({ "alg": "RS256", "kid": "one" }), &with(&claims, "sub", json!("mallory"))));
    federation.refused(&tampered, 400, "InvalidIdentityToken", "The ID Token signature is not valid").await;
    federation.refused(&format!("{head}.AAAA"), 400, "InvalidIdentityToken", "The ID Token signature is not valid").await;
    federation.refused(&token_with(&json!({ "alg": "RS256", "kid": "two" }), &claims), 400, "InvalidIdentityToken", NO_KEY).await;
    federation.refused(&token_with(&json!({ "alg": "RS512", "kid": "one" }), &claims), 400, "InvalidIdentityToken", NO_KEY).await;
    // Without a key ID there must be only one key.
    federation.ask(&token_with(&json!({ "alg": "RS256" }), &claims)).send().await.unwrap();
    let long = federation.ask(&"A".repeat(20_001)).send().await;
    let text = "1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length less than or equal to 20000";
    assert_eq!(refusal(long), (400, "ValidationError".to_owned(), text.to_owned()));
}

#[tokio::test]
async fn elliptic_curve_keys_verify_too() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let random = SystemRandom::new();
    for (algorithm, curve, signing) in
        [("ES256", "P-256", &signature::ECDSA_P256_SHA256_FIXED_SIGNING), ("ES384", "P-384", &signature::ECDSA_P384_SHA384_FIXED_SIGNING)]
    {
        let document = signature::EcdsaKeyPair::generate_pkcs8(signing, &random).unwrap();
        let key = signature::EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), &random).unwrap();
        let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
        idp.keys(&json!({ "keys": [{ "kty": "EC", "crv": curve, "kid": "ec", "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) }] }));
        let message = message(&json!({ "alg": algorithm, "kid": "ec" }), &idp.claims());
        let signed = key.sign(&random, message.as_bytes()).unwrap();
        federation.ask(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed))).send().await.unwrap();
        // A key is for its own kind of algorithm only.
        federation
            .refused(&token_with(&json!({ "alg": "RS256", "kid": "ec" }), &idp.claims()), 400, "InvalidIdentityToken", "The ID Token signature is not valid")
            .await;
    }
}

#[tokio::test]
async fn times_and_audience_must_fit() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let (claims, now) = (idp.claims(), federation.practice.clock.now().unix_timestamp());
    let late = format!("Token expired: current date/time {now} must be before the expiration date/time{now}");
    federation.refused(&token(&with(&claims, "exp", json!(now))), 400, "ExpiredTokenException", &late).await;
    for name in ["nbf", "iat"] {
        federation.refused(&token(&with(&claims, name, json!(now + 1))), 400, "InvalidIdentityToken", "The ID Token is not valid yet").await;
    }
    for name in ["sub", "aud", "exp", "iat"] {
        federation.refused(&token(&with(&claims, name, Value::Null)), 400, "InvalidIdentityToken", &format!("Missing a required claim: {name}")).await;
    }
    for (name, wrong) in [("aud", json!("unknown")), ("aud", json!(["unknown"])), ("azp", json!("unknown"))] {
        federation.refused(&token(&with(&claims, name, wrong)), 400, "InvalidIdentityToken", "Incorrect token audience").await;
    }
    let several = with(&claims, "aud", json!(["an-app", "another"]));
    federation.refused(&token(&several), 400, "InvalidIdentityToken", "Missing a required claim: azp").await;
    let answer = federation.ask(&token(&with(&several, "azp", json!("another")))).send().await.unwrap();
    assert_eq!(answer.audience(), Some("another"));
    let good = token(&claims);
    federation.ask(&good).send().await.unwrap();
    federation.practice.clock.advance(Duration::minutes(10));
    assert_eq!(refusal(federation.ask(&good).send().await).1, "ExpiredTokenException");
}

#[tokio::test]
async fn the_provider_must_be_the_roles_accounts_and_must_answer() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let claims = idp.claims();
    let good = token(&claims);
    let absent = |issuer: &str| format!("No OpenIDConnect provider found in your account for {issuer}");
    for issuer in ["https://issuer.example.com", &format!("{}/", idp.url)] {
        federation.refused(&token(&with(&claims, "iss", json!(issuer))), 400, "InvalidIdentityToken", &absent(issuer)).await;
    }
    federation.refused(&token(&with(&claims, "iss", Value::Null)), 400, "InvalidIdentityToken", "Missing a required claim: iss").await;
    let elsewhere = federation.ask(&good).role_arn(federation.practice.made.partner_role_arn.as_str()).send().await;
    assert_eq!(refusal(elsewhere), (400, "InvalidIdentityToken".to_owned(), absent(&idp.url)));
    for (provider, message) in [
        ("graph.facebook.com", "The identity provider graph.facebook.com could not be reached."),
        ("www.amazon.com", "The identity provider www.amazon.com could not be reached."),
    ] {
        let asked = federation.ask(&good).provider_id(provider).send().await;
        assert_eq!(refusal(asked), (400, "IDPCommunicationError".to_owned(), message.to_owned()));
    }
    assert_eq!(refusal(federation.ask(&good).provider_id("example.com").send().await).1, "ValidationError");

    // The practice account never leaves this machine.
    let iam = federation.practice.iam(&federation.practice.root());
    iam.create_open_id_connect_provider().url("https://issuer.example.com").client_id_list("an-app").send().await.unwrap();
    let far = token(&with(&claims, "iss", json!("https://issuer.example.com")));
    federation.refused(&far, 400, "IDPCommunicationError", UNREACHABLE).await;
    let configuration = json!({ "issuer": idp.url, "jwks_uri": "http://issuer.example.com/keys" }).to_string();
    idp.answers(&[("/.well-known/openid-configuration", &configuration)]);
    federation.refused(&good, 400, "IDPCommunicationError", UNREACHABLE).await;

    let liar = json!({ "issuer": "http://127.0.0.1:1", "jwks_uri": format!("{}/keys", idp.url) }).to_string();
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000));
    let true_one = json!({ "issuer": idp.url, "jwks_uri": format!("{}/keys", idp.url) }).to_string();
    let found = "/.well-known/openid-configuration";
    for pages in [
        vec![],
        vec![(found, "{}")],
        vec![(found, liar.as_str())],
        vec![(found, true_one.as_str())],
        vec![(found, true_one.as_str()), ("/keys", large.as_str())],
    ] {
        idp.answers(&pages);
        federation.refused(&good, 400, "InvalidIdentityToken", NO_KEY).await;
    }
    drop(idp);
}

#[tokio::test]
async fn a_provider_that_is_gone_cannot_be_reached() {
    let mut idp = Idp::start().await;
    // Bound, so that nobody else can have its port, and not listening.
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    idp.url = format!("http://{}", gone.local_addr().unwrap());
    let federation = Federation::start(&idp, &[]).await;
    federation.refused(&token(&idp.claims()), 400, "IDPCommunicationError", UNREACHABLE).await;
}

#[tokio::test]
async fn while_keys_are_fetched_others_are_served() {
    let mut idp = Idp::start().await;
    // It takes connections and never answers.
    idp.task.abort();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    idp.url = format!("http://{}", silent.local_addr().unwrap());
    let federation = Federation::start(&idp, &[]).await;
    let asked = federation.ask(&token(&idp.claims())).send();
    let others = async {
        let (_connection, _) = silent.accept().await.unwrap();
        federation.practice.sts(&federation.practice.alice()).get_caller_identity().send().await.unwrap();
    };
    tokio::select! {
        answer = asked => panic!("nobody has answered: {answer:?}"),
        () = others => {}
    }
}

#[tokio::test]
async fn https_is_believed_by_its_thumbprint() {
    let wrong = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
    for (chain, known, accepted) in [
        (&[CERTIFICATE][..], CERTIFICATE, true),
        (&[CERTIFICATE], AUTHORITY, false),
        (&[LOCALHOST, AUTHORITY], AUTHORITY, true),
        (&[LOCALHOST, AUTHORITY], LOCALHOST, true),
        // An authority vouches for what it signed only.
        (&[CERTIFICATE, AUTHORITY], AUTHORITY, false),
    ] {
        let idp = Idp::serving(Some(chain)).await;
        let federation = Federation::start(&idp, &[thumbprint(known)]).await;
        let good = token(&idp.claims());
        if accepted {
            federation.ask(&good).send().await.unwrap();
        } else {
            federation.refused(&good, 400, "InvalidIdentityToken", wrong).await;
        }
    }
}

#[tokio::test]
async fn the_trust_policy_decides() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let name = idp.url.split_once("://").unwrap().1;
    let good = token(&with(&idp.claims(), "amr", json!(["pwd", "mfa"])));
    let when = |condition: &str| format!(r#""Action":"sts:AssumeRoleWithWebIdentity","Condition":{{{}}}"#, condition.replace("IDP", name));
    for allowed in [
        when(r#""StringEquals":{"IDP:aud":"an-app"},"StringLike":{"IDP:sub":"ca*"}"#),
        when(r#""ForAnyValue:StringEquals":{"IDP:amr":"mfa"}"#),
        when(r#""NumericLessThan":{"IDP:iat":"1795424400"},"StringEquals":{"sts:RoleSessionName":"me"}"#),
    ] {
        federation.trusting(&allowed).await;
        federation.ask(&good).send().await.unwrap();
    }
    for refused in
        [when(r#""StringEquals":{"IDP:aud":"another"}"#), when(r#""StringEquals":{"IDP:sub":"mallory"}"#), r#""Action":"sts:AssumeRoleWithSAML""#.to_owned()]
    {
        federation.trusting(&refused).await;
        federation.refused(&good, 403, "AccessDenied", UNTRUSTED).await;
    }
    let missing = federation.ask(&good).role_arn(federation.role.replace("/Web", "/Missing")).send().await;
    assert_eq!(refusal(missing), (403, "AccessDenied".to_owned(), UNTRUSTED.to_owned()));
}

#[tokio::test]
async fn tags_and_a_source_identity_need_permissions_of_their_own() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let own = |name: &str, value: Value| token(&with(&idp.claims(), name, value));
    let nested = json!({ "principal_tags": { "team": ["blue"] }, "transitive_tag_keys": ["team"] });
    let tag = own("https://aws.amazon.com/tags", nested);
    let flat = own("https://aws.amazon.com/tags/principal_tags/team", json!(["blue"]));
    let identity = own("https://aws.amazon.com/source_identity", json!("carol"));
    let only_blue = format!(r#"{ACTIONS},"Condition":{{"StringEquals":{{"aws:RequestTag/team":"blue"}}}}"#);
    federation.trusting(&only_blue).await;
    federation.ask(&tag).send().await.unwrap();
    federation.ask(&flat).send().await.unwrap();
    federation.refused(&identity, 403, "AccessDenied", UNTRUSTED).await;
    federation.trusting(ACTIONS).await;
    assert_eq!(federation.ask(&identity).send().await.unwrap().source_identity(), Some("carol"));
    federation.trusting(r#""Action":"sts:AssumeRoleWithWebIdentity""#).await;
    federation.refused(&tag, 403, "AccessDenied", "Not authorized to perform sts:TagSession").await;
    federation.refused(&identity, 403, "AccessDenied", "Not authorized to perform sts:SetSourceIdentity").await;
    federation.trusting(ACTIONS).await;
    let broken = "The session tags in the identity token are not valid";
    for wrong in [json!("x"), json!({ "principal_tags": { "team": ["blue", "red"] } }), json!({ "principal_tags": { "aws:team": ["blue"] } })] {
        federation.refused(&own("https://aws.amazon.com/tags", wrong), 400, "InvalidIdentityToken", broken).await;
    }
    let transitive = "The specified transitive tag key must be included in the requested tags.";
    federation.refused(&own("https://aws.amazon.com/tags", json!({ "transitive_tag_keys": ["team"] })), 400, "InvalidIdentityToken", transitive).await;
    let source = "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";
    federation.refused(&own("https://aws.amazon.com/source_identity", json!("aws:x")), 400, "InvalidIdentityToken", source).await;
}

#[tokio::test]
async fn a_session_lasts_as_long_as_the_role_allows() {
    let idp = Idp::start().await;
    let federation = Federation::start(&idp, &[]).await;
    let good = token(&idp.claims());
    let answer = federation.ask(&good).duration_seconds(900).send().await.unwrap();
    let expected = (federation.practice.clock.now() + Duration::minutes(15)).unix_timestamp();
    assert_eq!(answer.credentials().unwrap().expiration().secs(), expected);
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(refusal(federation.ask(&good).duration_seconds(3601).send().await), (400, "ValidationError".to_owned(), text.to_owned()));
    assert_eq!(refusal(federation.ask(&good).role_session_name("a b").send().await).1, "ValidationError");
}
