//! The identity providers of the practice account's IAM: made, shown, changed, tagged, deleted, and what IAM refuses of them.
//!
//! Requests are made by AWS's SDK. Each refusal is compared with AWS's code, words and status.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_sdk_iam::types::{AssertionEncryptionModeType, Tag};

use crate::{
    practice::{Practice, refusal},
    saml_provider::METADATA,
};

const THUMBPRINT: &str = "6938FD4D98BAB03FAADB97B34396831E3780AEA1";

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

fn expected(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_saml_provider_from_creation_to_deletion() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let made = iam.create_saml_provider().name("Corp_1.x-y").saml_metadata_document(METADATA).tags(tag("team", "blue")).send().await.unwrap();
    let arn = made.saml_provider_arn().unwrap().to_owned();
    assert_eq!(arn, format!("arn:aws:iam::{}:saml-provider/Corp_1.x-y", practice.world.account_id()));
    assert_eq!(made.tags().len(), 1);
    let summary = iam.get_account_summary().send().await.unwrap().summary_map.unwrap();
    assert_eq!(summary[&aws_sdk_iam::types::SummaryKeyType::Providers], 1);
    let shown = iam.get_saml_provider().saml_provider_arn(&arn).send().await.unwrap();
    assert_eq!(shown.saml_metadata_document(), Some(METADATA));
    assert!(shown.saml_provider_uuid().unwrap().starts_with("SAMLSP"));
    assert_eq!(shown.assertion_encryption_mode(), Some(&AssertionEncryptionModeType::Allowed));
    assert_eq!(shown.create_date().unwrap().secs(), practice.clock.now().unix_timestamp());
    assert!(shown.valid_until() > shown.create_date());
    let listed = iam.list_saml_providers().send().await.unwrap();
    assert_eq!(listed.saml_provider_list()[0].arn(), Some(arn.as_str()));

    iam.tag_saml_provider().saml_provider_arn(&arn).tags(tag("TEAM", "red")).tags(tag("cost", "1")).send().await.unwrap();
    let first = iam.list_saml_provider_tags().saml_provider_arn(&arn).max_items(1).send().await.unwrap();
    assert!(first.is_truncated());
    let rest = iam.list_saml_provider_tags().saml_provider_arn(&arn).marker(first.marker().unwrap()).send().await.unwrap();
    let keys: Vec<_> = first.tags().iter().chain(rest.tags()).map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(keys, [("TEAM", "red"), ("cost", "1")]);
    iam.untag_saml_provider().saml_provider_arn(&arn).tag_keys("team").send().await.unwrap();
    assert_eq!(iam.list_saml_provider_tags().saml_provider_arn(&arn).send().await.unwrap().tags().len(), 1);

    let other = METADATA.replace("https://idp.example.com/metadata", "urn:other");
    let updated = iam.update_saml_provider().saml_provider_arn(&arn).saml_metadata_document(&other).send().await.unwrap();
    assert_eq!(updated.saml_provider_arn(), Some(arn.as_str()));
    assert_eq!(iam.get_saml_provider().saml_provider_arn(&arn).send().await.unwrap().saml_metadata_document(), Some(other.as_str()));
    iam.delete_saml_provider().saml_provider_arn(&arn).send().await.unwrap();
    let gone = expected(404, "NoSuchEntity", &format!("Manifest not found for arn {arn}"));
    assert_eq!(refusal(iam.get_saml_provider().saml_provider_arn(&arn).send().await), gone);
    assert_eq!(refusal(iam.delete_saml_provider().saml_provider_arn(&arn).send().await), gone);
    assert_eq!(refusal(iam.tag_saml_provider().saml_provider_arn(&arn).tags(tag("a", "b")).send().await), gone);
    assert_eq!(refusal(iam.update_saml_provider().saml_provider_arn(&arn).saml_metadata_document(METADATA).send().await), gone);
}

#[tokio::test]
async fn metadata_must_say_who_it_is_and_what_it_signs_with() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let certificate = METADATA.split("<ds:X509Certificate>").nth(1).unwrap().split('<').next().unwrap();
    let without = |from: &str, to: &str| {
        assert!(METADATA.contains(from));
        METADATA.replace(from, to)
    };
    for wrong in [
        "x".repeat(1000),
        without("md:EntityDescriptor", "md:Entity"),
        without("entityID=\"https://idp.example.com/metadata\"", "entityID=\"\""),
        without("IDPSSODescriptor", "SPSSODescriptor"),
        without("SAML:2.0:protocol", "SAML:1.1:protocol"),
        without("SingleSignOnService", "SingleLogoutService"),
        without("use=\"signing\"", "use=\"encryption\""),
        without(certificate, "AAAA"),
        without(certificate, "no base64"),
        without("<md:EntityDescriptor", "<!DOCTYPE md:EntityDescriptor []><md:EntityDescriptor"),
        without("</md:EntityDescriptor>", &format!("{}{}</md:EntityDescriptor>", "<md:x>".repeat(20_000), "</md:x>".repeat(20_000))),
    ] {
        // As long as the model asks for, so that this is what is refused.
        let wrong = format!("{wrong}{}", " ".repeat(1000));
        let answer = iam.create_saml_provider().name("Corporate").saml_metadata_document(wrong).send().await;
        assert_eq!(refusal(answer), expected(400, "InvalidInput", "Could not parse metadata"));
    }
    for (name, document) in [("Corporate", "short"), ("Corp/orate", METADATA), ("Corp+orate", METADATA), (&"c".repeat(129), METADATA)] {
        assert_eq!(refusal(iam.create_saml_provider().name(name).saml_metadata_document(document).send().await).1, "ValidationError", "{name}");
    }
    let plain = iam.create_saml_provider().name("Plain").saml_metadata_document(without(" use=\"signing\"", "")).send().await;
    plain.unwrap();
}

#[tokio::test]
async fn saml_providers_have_limits_and_conflicts() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let create = |name: &str| iam.create_saml_provider().name(name).saml_metadata_document(METADATA);
    let arn = create("Corporate").send().await.unwrap().saml_provider_arn.unwrap();
    let taken = expected(409, "EntityAlreadyExists", "Provider with name Corporate already exists.");
    assert_eq!(refusal(create("Corporate").send().await), taken);
    assert_eq!(refusal(create("Other").tags(tag("aws:x", "y")).send().await).1, "InvalidInput");
    let update = || iam.update_saml_provider().saml_provider_arn(&arn);
    for (answer, message) in [
        (update().send().await, "Unable to update identity provider. No updates are defined for metadata or encryption assertion."),
        (
            update().assertion_encryption_mode(AssertionEncryptionModeType::Required).send().await,
            "Unable to set assertion encryption mode to Required because no private key is provided.",
        ),
        (update().add_private_key("x").send().await, "Invalid private key."),
        (update().remove_private_key("A".repeat(22)).send().await, "Failed to remove private key because the Key ID does not match a private key."),
        (
            update().add_private_key("x").remove_private_key("A".repeat(22)).send().await,
            "Unable to add and remove private keys in the same request. Set a value for only one of the two parameters.",
        ),
    ] {
        assert_eq!(refusal(answer), expected(400, "InvalidInput", message));
    }
    assert_eq!(refusal(iam.get_saml_provider().saml_provider_arn("arn:aws:iam::1:role/x-y-z").send().await).1, "InvalidInput");
    for number in 1..100 {
        create(&format!("Corporate{number}")).send().await.unwrap();
    }
    let full = expected(409, "LimitExceeded", "Cannot exceed quota for SAMLProvidersPerAccount: 100");
    assert_eq!(refusal(create("Last").send().await), full);
    let denied = refusal(practice.iam(&practice.alice()).delete_saml_provider().saml_provider_arn(&arn).send().await);
    assert_eq!(denied.1, "AccessDenied");
    assert!(denied.2.contains(&format!("is not authorized to perform: iam:DeleteSAMLProvider on resource: {arn}")), "{}", denied.2);
}

#[tokio::test]
async fn an_oidc_provider_from_creation_to_deletion() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let create = iam.create_open_id_connect_provider().url("https://issuer.example.com/id/1").client_id_list("an-app").thumbprint_list(THUMBPRINT);
    let arn = create.tags(tag("team", "blue")).send().await.unwrap().open_id_connect_provider_arn.unwrap();
    assert_eq!(arn, format!("arn:aws:iam::{}:oidc-provider/issuer.example.com/id/1", practice.world.account_id()));
    iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id("another").send().await.unwrap();
    iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id("another").send().await.unwrap();
    iam.remove_client_id_from_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id("an-app").send().await.unwrap();
    let shown = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!((shown.url(), shown.client_id_list()), (Some("issuer.example.com/id/1"), &["another".to_owned()][..]));
    assert_eq!((shown.thumbprint_list(), shown.tags().len()), (&[THUMBPRINT.to_lowercase()][..], 1));
    let update = iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(&arn);
    update.thumbprint_list("a".repeat(40)).send().await.unwrap();
    let shown = iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(shown.thumbprint_list(), ["a".repeat(40)]);
    iam.tag_open_id_connect_provider().open_id_connect_provider_arn(&arn).tags(tag("cost", "1")).send().await.unwrap();
    iam.untag_open_id_connect_provider().open_id_connect_provider_arn(&arn).tag_keys("team").send().await.unwrap();
    let tags = iam.list_open_id_connect_provider_tags().open_id_connect_provider_arn(&arn).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("cost", "1")]);
    let listed = iam.list_open_id_connect_providers().send().await.unwrap();
    assert_eq!(listed.open_id_connect_provider_list()[0].arn(), Some(arn.as_str()));

    // Deleting twice is no error, everything else is.
    for _ in 0..2 {
        iam.delete_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await.unwrap();
    }
    let gone = expected(404, "NoSuchEntity", &format!("OpenIDConnect Provider not found for arn {arn}"));
    assert_eq!(refusal(iam.get_open_id_connect_provider().open_id_connect_provider_arn(&arn).send().await), gone);
    let client = iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&arn).client_id("x").send().await;
    assert_eq!(refusal(client), gone);
    assert_eq!(refusal(iam.tag_open_id_connect_provider().open_id_connect_provider_arn(&arn).tags(tag("a", "b")).send().await), gone);
}

#[tokio::test]
async fn oidc_providers_have_limits_and_conflicts() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let create = |url: &str| iam.create_open_id_connect_provider().url(url);
    for wrong in [
        "issuer.example.com",
        "http://issuer.example.com",
        "https://issuer.example.com:8443",
        "https://issuer.example.com/?x=y",
        "https://issuer.example.com/#x",
        "https://me@issuer.example.com",
        "ftp://127.0.0.1",
    ] {
        let answer = refusal(create(wrong).send().await);
        assert_eq!(answer, expected(400, "InvalidInput", "Invalid Open ID Connect Provider URL"), "{wrong}");
    }
    for here in ["http://127.0.0.1:8080", "http://localhost:8080/realm", "https://localhost", "http://[::1]:9"] {
        create(here).send().await.unwrap();
    }
    let long = format!("https://example.com/{}", "x".repeat(255));
    assert_eq!(refusal(create(&long).send().await).1, "ValidationError");
    let arn = create("https://issuer.example.com").send().await.unwrap().open_id_connect_provider_arn.unwrap();
    let taken = expected(409, "EntityAlreadyExists", "Provider with url https://issuer.example.com already exists.");
    assert_eq!(refusal(create("https://issuer.example.com").send().await), taken);

    let other = || create("https://other.example.com");
    assert_eq!(refusal(other().thumbprint_list("abc").send().await).1, "ValidationError");
    assert_eq!(refusal(other().thumbprint_list("z".repeat(40)).send().await).1, "InvalidInput");
    assert_eq!(refusal(other().set_thumbprint_list(Some(vec!["a".repeat(40); 6])).send().await).1, "InvalidInput");
    assert_eq!(refusal(other().client_id_list("x".repeat(256)).send().await).1, "ValidationError");
    let clients = |most: usize| Some((0..most).map(|number| format!("client-{number}")).collect());
    let full = expected(409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100");
    assert_eq!(refusal(other().set_client_id_list(clients(101)).send().await), full);
    let other = other().set_client_id_list(clients(100)).send().await.unwrap().open_id_connect_provider_arn.unwrap();
    let more = iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(&other).client_id("one-more").send().await;
    assert_eq!(refusal(more), full);
    let none = iam.update_open_id_connect_provider_thumbprint().open_id_connect_provider_arn(&arn).set_thumbprint_list(Some(Vec::new())).send().await;
    assert_eq!(refusal(none).1, "ValidationError");
    assert_eq!(refusal(iam.get_open_id_connect_provider().open_id_connect_provider_arn("arn:aws:iam::1:role/x-y-z").send().await).1, "InvalidInput");

    for number in 7..=100 {
        create(&format!("https://issuer-{number}.example.com")).send().await.unwrap();
    }
    let full = expected(409, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100");
    assert_eq!(refusal(create("https://too-many.example.com").send().await), full);
}
