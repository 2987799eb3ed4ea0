//! AssumeRoleWithSAML against the practice account: what a SAML provider signs, and everything that AWS refuses.
//!
//! Requests are made by AWS's SDK. Each refusal is compared with AWS's code, words and status.

use aws_sdk_sts::types::PolicyDescriptorType;
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest;
use stagedoor_core::practice::{Server, World};
use time::Duration;

use crate::{
    practice::{Practice, refusal, temporary},
    practice_raw::{get, sign_in_url},
    saml_provider::{EXCLUSIVE, Federation, METADATA, TRUST, attribute, metadata_with, response, signature_listing, signature_of, signed},
};

const ANOTHER_CERTIFICATE: &str = include_str!("../vectors/identity-provider/another-certificate.pem");
const UNTRUSTED: &str = "Not authorized to perform sts:AssumeRoleWithSAML";
const INVALID: (u16, &str) = (400, "InvalidIdentityToken");
const DENIED: (u16, &str) = (403, "AccessDenied");

#[tokio::test]
async fn a_signed_assertion_gives_a_session_of_the_role() {
    let federation = Federation::start().await;
    let account = federation.practice.world.account_id();
    let answer = federation.accepted(&response(&signed(&federation.assertion()))).await;
    assert_eq!(answer.assumed_role_user().unwrap().arn(), format!("arn:aws:sts::{account}:assumed-role/Federated/carol"));
    assert_eq!((answer.subject(), answer.subject_type()), (Some("carol"), Some("persistent")));
    assert_eq!((answer.issuer(), answer.audience()), (Some("https://idp.example.com/metadata"), Some("https://signin.aws.amazon.com/saml")));
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("https://idp.example.com/metadata{account}/Corporate").as_bytes());
    assert_eq!(answer.name_qualifier(), Some(STANDARD.encode(hash).as_str()));
    let expires = answer.credentials().unwrap().expiration().secs();
    assert_eq!(expires, (federation.practice.clock.now() + Duration::hours(1)).unix_timestamp());
    let who = federation.practice.sts(&temporary(answer.credentials.clone())).get_caller_identity().send().await.unwrap();
    assert_eq!(who.arn(), Some(format!("arn:aws:sts::{account}:assumed-role/Federated/carol").as_str()));
    let last = federation.practice.world.calls();
    let call = last.iter().find(|call| call.action == "AssumeRoleWithSAML").unwrap();
    assert_eq!((call.principal_arn.as_str(), call.access_key_id.as_str()), (federation.provider.as_str(), ""));
    assert_eq!((call.account_id.as_str(), call.resource.as_deref()), (account.as_str(), Some(federation.role.as_str())));
    assert!(call.decisions[0].allowed && call.decisions[0].because[0].policy == "trust policy");
    assert!(!call.request.iter().any(|(name, _)| name == "SAMLAssertion"), "it is as good as a secret");
}

#[tokio::test]
async fn responses_that_other_libraries_signed_are_accepted() {
    for (of, text) in
        [("signxml", include_str!("../vectors/identity-provider/signxml.xml")), ("xmlsec", include_str!("../vectors/identity-provider/xmlsec.xml"))]
    {
        let federation = Federation::start().await;
        let account = federation.practice.world.account_id();
        let answer = federation.accepted(text).await;
        let expected = format!("arn:aws:sts::{account}:assumed-role/Federated/carol@example.com");
        assert_eq!(answer.assumed_role_user().unwrap().arn(), expected, "{of}");
        federation.refused(&text.replace("<AttributeValue>staff", "<AttributeValue>dean"), INVALID, "Response signature invalid").await;
    }
}

#[tokio::test]
async fn a_signed_response_or_both_signed_will_do() {
    let federation = Federation::start().await;
    let plain = federation.assertion();
    for inside in [plain.clone(), signed(&plain)] {
        let whole = response(&inside);
        let signature = signature_of(&whole, "_r");
        federation.accepted(&whole.replacen("<samlp:Status>", &format!("{signature}<samlp:Status>"), 1)).await;
    }
    let wrong = response(&plain).replacen("<samlp:Status>", &format!("{}<samlp:Status>", signature_of("other", "_r")), 1);
    federation.refused(&wrong, INVALID, "Response signature invalid").await;
    // One good signature does not make up for a bad one.
    let whole = response(&signed(&plain).replace("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"));
    let both = whole.replacen("<samlp:Status>", &format!("{}<samlp:Status>", signature_of(&whole, "_r")), 1);
    federation.refused(&both, INVALID, "Response signature invalid").await;
}

#[tokio::test]
async fn unsigned_tampered_and_foreign_signatures_are_refused() {
    let federation = Federation::start().await;
    let plain = federation.assertion();
    let good = response(&signed(&plain));
    let text = "Response signature invalid";
    federation.refused(&response(&plain), INVALID, text).await;
    federation.refused(&good.replace(">carol<", ">mallory<"), INVALID, text).await;
    federation.refused(&good.replace("rsa-sha256", "rsa-sha512"), INVALID, text).await;
    federation.refused(&good.replace("xmlenc#sha256", "xmlenc#md5"), INVALID, text).await;
    federation.refused(&good.replace("#enveloped-signature", "#base64"), INVALID, text).await;
    federation.refused(&good.replace(EXCLUSIVE, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), INVALID, text).await;
    federation.refused(&good.replace("URI=\"#_a\"", "URI=\"\""), INVALID, text).await;
    let doubled = good.replacen("<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>", 1);
    federation.refused(&doubled, INVALID, text).await;

    let other = Federation::with(&metadata_with(ANOTHER_CERTIFICATE), TRUST).await;
    other.refused(&response(&signed(&other.assertion())), INVALID, text).await;
}

#[tokio::test]
async fn a_signature_lists_32_prefixes_at_most() {
    let federation = Federation::start().await;
    let plain = federation.assertion();
    let listing = |prefixes: usize| {
        let names: Vec<_> = (0..prefixes).map(|number| format!("p{number}")).collect();
        let list = format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{}\"></ec:InclusiveNamespaces>", names.join(" "));
        response(&plain.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature_listing(&list, &plain, "_a")), 1))
    };
    federation.accepted(&listing(32)).await;
    federation.refused(&listing(33), INVALID, "Response signature invalid").await;
}

#[tokio::test]
async fn what_declares_thousands_of_namespaces_is_no_response_and_no_metadata() {
    let federation = Federation::start().await;
    let declared = (0..2000).map(|number| format!(" xmlns:p{number}=\"u\"")).collect::<Vec<_>>().concat();
    let bomb = format!("<r{declared}>{}</r>", "<e xmlns:q=\"v\"/>".repeat(500));
    federation.refused(&bomb, INVALID, "Invalid SAMLResponse").await;
    let iam = federation.practice.iam(&federation.practice.root());
    let text = METADATA.replacen(" xmlns", &format!("{declared} xmlns"), 1);
    let made = iam.create_saml_provider().name("Bomb").saml_metadata_document(text).send().await;
    assert_eq!(refusal(made), (400, "InvalidInput".to_owned(), "Could not parse metadata".to_owned()));
}

#[tokio::test]
async fn what_is_verified_is_what_is_read() {
    let federation = Federation::start().await;
    let good = signed(&federation.assertion());
    let evil = federation.assertion().replace(">carol<", ">mallory<");
    // The signed one beside a forged one, inside it, around it, and in an extension.
    for wrapped in [
        format!("{}{good}", evil.replace("\"_a\"", "\"_b\"")),
        evil.replace("\"_a\"", "\"_b\"").replace("</saml:Assertion>", &format!("{good}</saml:Assertion>")),
        evil.replacen(
            "</saml:Issuer>",
            &format!(
                "</saml:Issuer>{}",
                signature_of(&federation.assertion(), "_a").replace("</ds:Signature>", &format!("<ds:Object>{good}</ds:Object></ds:Signature>"))
            ),
            1,
        ),
        format!("<samlp:Extensions>{good}</samlp:Extensions>{evil}"),
    ] {
        federation.refused(&response(&wrapped), INVALID, "Invalid SAMLResponse").await;
    }
    // The signature points at another element that bears the same ID.
    let borrowed = good.replacen("<saml:Subject>", "<saml:Advice ID=\"_a\"></saml:Advice><saml:Subject>", 1);
    federation.refused(&response(&borrowed), INVALID, "Response signature invalid").await;
    // A comment is not signed, and does not cut a name off.
    let commented = response(&good.replace(">carol<", ">ca<!-- -->rol<"));
    assert_eq!(federation.accepted(&commented).await.subject(), Some("carol"));
}

#[tokio::test]
async fn what_is_no_response_is_refused() {
    let federation = Federation::start().await;
    let good = response(&signed(&federation.assertion()));
    let sts = federation.practice.sts(&federation.practice.alice());
    let ask = sts.assume_role_with_saml().role_arn(&federation.role).principal_arn(&federation.provider).saml_assertion("????");
    assert_eq!(refusal(ask.send().await), (400, "InvalidIdentityToken".to_owned(), "Invalid base64 SAMLResponse".to_owned()));
    for wrong in [
        "no XML".to_owned(),
        signed(&federation.assertion()),
        format!("<!DOCTYPE r [<!ENTITY e \"carol\">]>{good}"),
        good.replace(">carol<", ">&e;<"),
        response(""),
        response(&signed(&federation.assertion()).replace("saml:Assertion", "saml:EncryptedAssertion")),
        response(&signed(&federation.assertion().replace(" IssueInstant=\"2026-11-23T08:59:30Z\"", " IssueInstant=\"yesterday\""))),
        response(&signed(&federation.assertion().replace(">carol</saml:NameID>", "></saml:NameID>"))),
        format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000)),
    ] {
        federation.refused(&wrong, INVALID, "Invalid SAMLResponse").await;
    }
    let failed = good.replace("status:Success", "status:AuthnFailed");
    federation.refused(&failed, (403, "IDPRejectedClaim"), "The identity provider reported that authentication failed.").await;
    let issuer =
        "Issuer not present in specified provider (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlInvalidSamlResponseException)";
    federation.refused(&response(&signed(&federation.assertion().replace("idp.example.com", "evil.example.com"))), INVALID, issuer).await;
}

#[tokio::test]
async fn an_assertion_is_good_for_five_minutes_and_for_aws_only() {
    let federation = Federation::start().await;
    let with = |from: &str, to: &str| {
        let plain = federation.assertion();
        assert!(plain.contains(from));
        response(&signed(&plain.replace(from, to)))
    };
    let expired = (400, "ExpiredTokenException");
    let late = "Token must be redeemed within 5 minutes of issuance";
    federation.refused(&with("NotOnOrAfter=\"2026-11-23T09:04:30Z\"", "NotOnOrAfter=\"2026-11-23T09:00:00Z\""), expired, late).await;
    federation.refused(&with("NotOnOrAfter=\"2026-11-23T09:59:30Z\"", "NotOnOrAfter=\"2026-11-23T09:00:00Z\""), expired, late).await;
    federation.refused(&with("IssueInstant=\"2026-11-23T08:59:30Z\"", "IssueInstant=\"2026-11-23T08:55:00Z\""), expired, late).await;
    // The provider's clock may be a little ahead; a moment at the end of the calendar is a moment like another.
    federation.accepted(&with("IssueInstant=\"2026-11-23T08:59:30Z\"", "IssueInstant=\"2026-11-23T09:04:59Z\"")).await;
    for future in ["2026-11-23T09:05:00Z", "9999-12-31T23:59:00Z", "9999-12-31T23:59:59-23:59"] {
        let ahead = with("IssueInstant=\"2026-11-23T08:59:30Z\"", &format!("IssueInstant=\"{future}\""));
        federation.refused(&ahead, INVALID, "SAML Assertion is not valid yet").await;
    }
    federation.refused(&with("IssueInstant=\"2026-11-23T08:59:30Z\"", "IssueInstant=\"0000-01-01T00:00:00+23:59\""), expired, late).await;
    let endless = "AuthnInstant=\"2026-11-23T08:59:30Z\" SessionNotOnOrAfter=\"9999-12-31T23:59:59-23:59\"";
    federation.accepted(&with("AuthnInstant=\"2026-11-23T08:59:30Z\"", endless)).await;
    let ended = "AuthnInstant=\"2026-11-23T08:59:30Z\" SessionNotOnOrAfter=\"2026-11-23T08:59:59Z\"";
    federation.refused(&with("AuthnInstant=\"2026-11-23T08:59:30Z\"", ended), expired, late).await;
    federation.refused(&with("NotBefore=\"2026-11-23T08:54:30Z\"", "NotBefore=\"2026-11-23T09:00:01Z\""), INVALID, "SAML Assertion is not valid yet").await;

    let audience = "Response does not contain the required audience.";
    federation.refused(&with("<saml:Audience>https://signin.aws.amazon.com/saml<", "<saml:Audience>https://example.com<"), INVALID, audience).await;
    let (open, close) = ("<saml:AudienceRestriction>", "</saml:AudienceRestriction>");
    federation.refused(&with("<saml:Audience>https://signin.aws.amazon.com/saml</saml:Audience>", ""), INVALID, audience).await;
    let second = format!("{close}{open}<saml:Audience>https://example.com</saml:Audience>{close}");
    federation.refused(&with(close, &second), INVALID, audience).await;
    federation.accepted(&with("<saml:Audience>https://signin.aws.amazon.com/saml<", "<saml:Audience>urn:amazon:webservices<")).await;

    let recipient = "SAML Assertion doesn't contain the required Recipient";
    for wrong in [
        "https://example.com/saml",
        "https://signin.aws.amazon.com.evil.com/saml",
        "http://signin.aws.amazon.com/saml",
        "https://nowhere.signin.aws.amazon.com/saml",
    ] {
        federation.refused(&with("Recipient=\"https://signin.aws.amazon.com/saml\"", &format!("Recipient=\"{wrong}\"")), INVALID, recipient).await;
    }
    federation.refused(&with("cm:bearer", "cm:holder-of-key"), INVALID, recipient).await;

    let good = with("carol", "carol");
    federation.practice.clock.advance(Duration::minutes(4) + Duration::seconds(29));
    federation.accepted(&good).await;
    federation.practice.clock.advance(Duration::seconds(1));
    federation.refused(&good, expired, late).await;
}

#[tokio::test]
async fn the_session_name_the_role_and_the_provider_must_fit() {
    let federation = Federation::start().await;
    let with = |from: &str, to: &str| response(&signed(&federation.assertion().replace(from, to)));
    federation.refused(&with("RoleSessionName", "Nickname"), INVALID, "RoleSessionName is required in AuthnResponse").await;
    let name = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
    for wrong in ["c", "car ol", "arn:x", &"c".repeat(65)] {
        federation.refused(&with(">carol</saml:AttributeValue>", &format!(">{wrong}</saml:AttributeValue>")), INVALID, name).await;
    }
    federation.refused(&with("role/Federated", "role/Another"), DENIED, UNTRUSTED).await;
    federation.refused(&with("saml-provider/Corporate", "saml-provider/Another"), DENIED, UNTRUSTED).await;
    federation.refused(&with("Attributes/Role\"", "Attributes/Roles\""), DENIED, UNTRUSTED).await;
    let pair = format!("{},{}", federation.role, federation.provider);
    federation.accepted(&with(&pair, &format!(" {} , {} ", federation.provider, federation.role))).await;

    let good = with("carol", "carol");
    let absent = "Specified provider doesn't exist (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: AuthSamlManifestNotFoundException)";
    let asked = federation.ask(&good).principal_arn(federation.provider.replace("Corporate", "Another")).send().await;
    assert_eq!(refusal(asked), (400, "InvalidIdentityToken".to_owned(), absent.to_owned()));
    let elsewhere = federation.practice.made.partner_role_arn.as_str();
    let asked = federation.ask(&good).role_arn(elsewhere).send().await;
    assert_eq!(refusal(asked).1, "InvalidIdentityToken", "a provider counts in its own account only");
    let asked = federation.ask(&good).role_arn("arn:aws:iam::495321245475:user/x").send().await;
    assert_eq!(refusal(asked), (400, "ValidationError".to_owned(), "Request ARN is invalid".to_owned()));
    let missing = federation.role.replace("Federated", "Missing");
    let offered = with(&federation.role, &missing);
    assert_eq!(refusal(federation.ask(&offered).role_arn(&missing).send().await).2, UNTRUSTED);
    let long = federation.ask(&good).saml_assertion("A".repeat(100_001)).send().await;
    let text = "1 validation error detected: Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length less than or equal to 100000";
    assert_eq!(refusal(long), (400, "ValidationError".to_owned(), text.to_owned()));
}

#[tokio::test]
async fn the_trust_policy_decides() {
    let federation = Federation::start().await;
    let good = response(&signed(&federation.with_attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", &["staff", "student"])));
    let statement = |rest: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"PROVIDER"}},{rest}}}}}"#);
    let when = |condition: &str| statement(&format!(r#""Action":"sts:AssumeRoleWithSAML","Condition":{{{condition}}}"#));
    let account = federation.practice.world.account_id();
    for allowed in [
        when(r#""ForAnyValue:StringEquals":{"saml:edupersonaffiliation":"staff"}"#),
        when(r#""StringEquals":{"saml:iss":"https://idp.example.com/metadata","saml:sub":"carol","saml:sub_type":"persistent"}"#),
        when(&format!(r#""StringEquals":{{"saml:doc":"{account}/Corporate"}},"Null":{{"saml:namequalifier":"false"}}"#)),
        when(r#""StringEquals":{"sts:RoleSessionName":"carol"},"IpAddress":{"aws:SourceIp":"127.0.0.1"}"#),
    ] {
        federation.trust(&allowed).await;
        federation.accepted(&good).await;
    }
    for refused in [
        when(r#""StringEquals":{"saml:aud":"https://example.com"}"#),
        when(r#""ForAllValues:StringEquals":{"saml:edupersonaffiliation":"staff"}"#),
        when(r#""StringEquals":{"saml:edupersonorgdn":"x"}"#),
        statement(r#""Action":"sts:AssumeRole""#),
        statement(r#""Action":"sts:AssumeRoleWithWebIdentity""#),
        statement(r#""Action":"sts:AssumeRoleWithSAML""#).replace("PROVIDER", "arn:aws:iam::495321245475:saml-provider/Other"),
        statement(r#""Action":"sts:AssumeRoleWithSAML""#).replace(r#""Federated":"PROVIDER""#, &format!(r#""AWS":"arn:aws:iam::{account}:root""#)),
    ] {
        federation.trust(&refused).await;
        federation.refused(&good, DENIED, UNTRUSTED).await;
    }
}

#[tokio::test]
async fn tags_and_a_source_identity_need_permissions_of_their_own() {
    let federation = Federation::start().await;
    let own = |name: &str, values: &[&str]| response(&signed(&federation.with_attribute(&format!("https://aws.amazon.com/SAML/Attributes/{name}"), values)));
    let (tag, identity) = (own("PrincipalTag:team", &["blue"]), own("SourceIdentity", &["carol.d"]));
    assert_eq!(federation.accepted(&identity).await.source_identity(), Some("carol.d"));
    federation.accepted(&tag).await;
    federation.trust(&TRUST.replace("sts:TagSession", "sts:AssumeRole")).await;
    federation.refused(&tag, DENIED, "Not authorized to perform sts:TagSession").await;
    federation.accepted(&identity).await;
    federation.trust(&TRUST.replace("sts:SetSourceIdentity", "sts:AssumeRole")).await;
    federation.refused(&identity, DENIED, "Not authorized to perform sts:SetSourceIdentity").await;
    federation.accepted(&tag).await;

    let text = "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";
    federation.refused(&own("SourceIdentity", &["aws:carol"]), INVALID, text).await;
    federation.refused(&own("SourceIdentity", &["c"]), INVALID, text).await;
    let broken = "The session tags in the identity token are not valid";
    federation.refused(&own("PrincipalTag:aws:team", &["blue"]), INVALID, broken).await;
    federation.refused(&own("PrincipalTag:team", &["b".repeat(257).as_str()]), INVALID, broken).await;
    federation.refused(&own("PrincipalTag:team", &["blue", "red"]), INVALID, "Session tags must have exactly one value").await;
    let transitive = "The specified transitive tag key must be included in the requested tags.";
    federation.refused(&own("TransitiveTagKeys", &["team"]), INVALID, transitive).await;
    federation.refused(&own("SessionDuration", &["60"]), INVALID, "SessionDuration in AuthnResponse must be a number from 900 to 43200").await;
    federation.accepted(&own("SessionDuration", &["28800"])).await;
}

#[tokio::test]
async fn tags_go_on_into_the_session_and_into_the_next() {
    let federation = Federation::start().await;
    let own = "https://aws.amazon.com/SAML/Attributes/";
    let more = format!("{}{}", attribute(&format!("{own}PrincipalTag:team"), &["blue"]), attribute(&format!("{own}TransitiveTagKeys"), &["team"]));
    let assertion = federation.assertion().replace("</saml:AttributeStatement>", &format!("{more}</saml:AttributeStatement>"));
    let session = temporary(federation.accepted(&response(&signed(&assertion))).await.credentials);
    let iam = federation.practice.iam(&federation.practice.root());
    let provider = &federation.provider;
    let conditions = format!(
        r#"{{"StringEquals":{{"aws:FederatedProvider":"{provider}","saml:sub":"carol","aws:PrincipalTag/team":"blue","aws:PrincipalType":"AssumedRole"}}}}"#
    );
    let policy =
        |action: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*","Condition":{conditions}}}}}"#);
    let put = |action: &str| iam.put_role_policy().role_name("Federated").policy_name("p").policy_document(policy(action)).send();
    put("iam:ListUsers").await.unwrap();
    federation.practice.iam(&session).list_users().send().await.unwrap();
    put("sts:*").await.unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{{"StringEquals":{{"aws:RequestTag/team":"blue"}}}}}}}}"#,
        federation.role
    );
    let next = iam.create_role().role_name("Next").assume_role_policy_document(trust).send().await.unwrap();
    let next = next.role().unwrap().arn().to_owned();
    federation.practice.assume(&session, &next).send().await.unwrap();
    let long = federation.practice.assume(&session, &next).duration_seconds(3601).send().await;
    assert!(refusal(long).2.contains("1 hour session limit for roles assumed by role chaining"));
}

#[tokio::test]
async fn a_session_ends_with_the_roles_limit_and_with_the_providers_session() {
    let federation = Federation::start().await;
    let now = federation.practice.clock.now();
    let good = response(&signed(&federation.assertion()));
    let long = federation.ask(&good).duration_seconds(7200).send().await.unwrap();
    assert_eq!(long.credentials().unwrap().expiration().secs(), (now + Duration::hours(2)).unix_timestamp());
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(refusal(federation.ask(&good).duration_seconds(7201).send().await), (400, "ValidationError".to_owned(), text.to_owned()));
    assert_eq!(refusal(federation.ask(&good).duration_seconds(899).send().await).1, "ValidationError");
    let ends = "AuthnInstant=\"2026-11-23T08:59:30Z\" SessionNotOnOrAfter=\"2026-11-23T09:20:00Z\"";
    let short = response(&signed(&federation.assertion().replace("AuthnInstant=\"2026-11-23T08:59:30Z\"", ends)));
    let answer = federation.ask(&short).duration_seconds(7200).send().await.unwrap();
    assert_eq!(answer.credentials().unwrap().expiration().secs(), (now + Duration::minutes(20)).unix_timestamp());

    let narrowed = federation.ask(&good).policy("{}").send().await;
    assert_eq!(refusal(narrowed).1, "MalformedPolicyDocument");
    let managed = PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/ReadOnlyAccess").build();
    let narrowed = temporary(federation.ask(&good).policy_arns(managed).send().await.unwrap().credentials);
    let iam = federation.practice.iam(&federation.practice.root());
    let everything = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    iam.put_role_policy().role_name("Federated").policy_name("p").policy_document(everything).send().await.unwrap();
    let denied = refusal(federation.practice.iam(&narrowed).create_user().user_name("x").send().await).2;
    assert!(denied.ends_with("because no session policy allows the iam:CreateUser action"), "{denied}");
}

#[tokio::test]
async fn such_a_session_signs_in_to_the_console_for_as_long_as_it_asks() {
    let federation = Federation::start().await;
    let session = federation.accepted(&response(&signed(&federation.assertion()))).await.credentials.unwrap();
    let (status, answer) = get(sign_in_url(&federation.practice, &session, Some("43200"))).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn providers_outlive_a_restart_and_their_deletion_counts_late() {
    let federation = Federation::start().await;
    let good = response(&signed(&federation.assertion()));
    let (kept, clock) = (federation.practice.world.keep().unwrap(), federation.practice.clock.clone());
    let (world, made) = World::kept([1; 32], clock.clone(), &kept).unwrap();
    let server = Server::start(world.clone(), 0).await.unwrap();
    let again = Federation { practice: Practice { world, made, server, clock }, ..federation };
    again.accepted(&good).await;

    again.practice.world.set_eventual(std::time::Duration::from_secs(5));
    again.practice.iam(&again.practice.root()).delete_saml_provider().saml_provider_arn(&again.provider).send().await.unwrap();
    again.accepted(&good).await;
    again.practice.clock.advance(Duration::seconds(6));
    assert_eq!(refusal(again.ask(&good).send().await).1, "InvalidIdentityToken");
}
