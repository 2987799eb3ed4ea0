//! A SAML provider for tests: a signer of a few lines over a key that is for tests only, and an account that trusts it.
//!
//! It writes canonical XML to begin with, so it needs no canonicalisation of its own. `tests/vectors/identity-provider` has
//! responses that other libraries signed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_sdk_sts::operation::assume_role_with_saml::{AssumeRoleWithSamlOutput, builders::AssumeRoleWithSAMLFluentBuilder};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{digest, rand::SystemRandom, signature};

use crate::practice::{Practice, refusal};

pub(crate) const METADATA: &str = include_str!("../vectors/identity-provider/metadata.xml");
const CERTIFICATE: &str = include_str!("../vectors/identity-provider/certificate.pem");
const KEY: &str = include_str!("../vectors/identity-provider/test-key.pem");
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// What is between the lines of a PEM file.
pub(crate) fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

/// Signs with the test key.
pub(crate) fn rsa(message: &[u8], padding: &'static dyn signature::RsaEncoding) -> Vec<u8> {
    let key = signature::RsaKeyPair::from_pkcs8(&der(KEY)).unwrap();
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signed).unwrap();
    signed
}

pub(crate) fn metadata_with(certificate: &str) -> String {
    METADATA.replace(&STANDARD.encode(der(CERTIFICATE)), &STANDARD.encode(der(certificate)))
}

/// An account with a provider and a role that trusts it.
pub(crate) struct Federation {
    pub(crate) practice: Practice,
    pub(crate) provider: String,
    pub(crate) role: String,
}

pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"PROVIDER"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"],"Condition":{"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml"}}}}"#;

impl Federation {
    pub(crate) async fn start() -> Self {
        Self::with(METADATA, TRUST).await
    }

    pub(crate) async fn with(metadata: &str, trust: &str) -> Self {
        let practice = Practice::start().await;
        let iam = practice.iam(&practice.root());
        let made = iam.create_saml_provider().name("Corporate").saml_metadata_document(metadata).send().await.unwrap();
        let provider = made.saml_provider_arn().unwrap().to_owned();
        let trust = trust.replace("PROVIDER", &provider);
        let made = iam.create_role().role_name("Federated").assume_role_policy_document(trust).max_session_duration(7200).send().await.unwrap();
        Self { role: made.role().unwrap().arn().to_owned(), provider, practice }
    }

    pub(crate) async fn trust(&self, document: &str) {
        let iam = self.practice.iam(&self.practice.root());
        let document = document.replace("PROVIDER", &self.provider);
        iam.update_assume_role_policy().role_name("Federated").policy_document(document).send().await.unwrap();
    }

    /// Canonical already, so that its text is what is digested.
    pub(crate) fn assertion(&self) -> String {
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_a\" IssueInstant=\"2026-11-23T08:59:30Z\" Version=\"2.0\">\
             <saml:Issuer>https://idp.example.com/metadata</saml:Issuer><saml:Subject>\
             <saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">carol</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-23T09:04:30Z\" \
             Recipient=\"https://signin.aws.amazon.com/saml\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"2026-11-23T08:54:30Z\" NotOnOrAfter=\"2026-11-23T09:59:30Z\"><saml:AudienceRestriction>\
             <saml:Audience>https://signin.aws.amazon.com/saml</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"2026-11-23T08:59:30Z\"></saml:AuthnStatement><saml:AttributeStatement>{}{}</saml:AttributeStatement></saml:Assertion>",
            attribute("https://aws.amazon.com/SAML/Attributes/Role", &[&format!("{},{}", self.role, self.provider)]),
            attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", &["carol"]),
        )
    }

    /// The assertion with one more attribute.
    pub(crate) fn with_attribute(&self, name: &str, values: &[&str]) -> String {
        self.assertion().replace("</saml:AttributeStatement>", &format!("{}</saml:AttributeStatement>", attribute(name, values)))
    }

    pub(crate) fn ask(&self, response: &str) -> AssumeRoleWithSAMLFluentBuilder {
        let sts = self.practice.sts(&self.practice.alice());
        sts.assume_role_with_saml().role_arn(&self.role).principal_arn(&self.provider).saml_assertion(STANDARD.encode(response))
    }

    pub(crate) async fn accepted(&self, response: &str) -> AssumeRoleWithSamlOutput {
        self.ask(response).send().await.unwrap()
    }

    #[track_caller]
    pub(crate) fn refused(&self, response: &str, (status, code): (u16, &str), message: &str) -> impl Future<Output = ()> {
        let (ask, expected, at) = (self.ask(response), (status, code.to_owned(), message.to_owned()), std::panic::Location::caller());
        async move { assert_eq!(refusal(ask.send().await), expected, "{at}") }
    }
}

pub(crate) fn attribute(name: &str, values: &[&str]) -> String {
    let values = values.join("</saml:AttributeValue><saml:AttributeValue>");
    format!("<saml:Attribute Name=\"{name}\"><saml:AttributeValue>{values}</saml:AttributeValue></saml:Attribute>")
}

/// The signature of a canonical element.
pub(crate) fn signature_of(canonical: &str, id: &str) -> String {
    signature_listing("", canonical, id)
}

/// The same, where both canonicalisations have these parameters.
pub(crate) fn signature_listing(parameters: &str, canonical: &str, id: &str) -> String {
    let digest = STANDARD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let info = format!(
        "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\">{parameters}</ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms>\
         <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"{EXCLUSIVE}\">\
         {parameters}</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    );
    let value = STANDARD.encode(rsa(info.as_bytes(), &signature::RSA_PKCS1_SHA256));
    // Inside the signature the prefix is declared already.
    let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
    format!("<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>")
}

pub(crate) fn signed(assertion: &str) -> String {
    assertion.replacen("</saml:Issuer>", &format!("</saml:Issuer>{}", signature_of(assertion, "_a")), 1)
}

/// A response around an assertion.
pub(crate) fn response(assertion: &str) -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r\" Version=\"2.0\"><samlp:Status>\
         <samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>{assertion}</samlp:Response>"
    )
}
