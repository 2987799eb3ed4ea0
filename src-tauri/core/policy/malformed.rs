//! Documents that IAM refuses, each with IAM's complaint.
//!
//! Tests only: a row for every rule of the grammar.

use super::{Document, Shape};

#[test]
fn malformed_documents_in_awss_words() {
    for (shape, text, message) in [
        (Shape::Identity, "{", "This policy contains invalid Json"),
        (Shape::Identity, r#"{"Statement":[],"Statement":[]}"#, "This policy contains invalid Json"),
        (Shape::Identity, "[]", "Syntax errors in policy."),
        (Shape::Identity, r#"{"Version":"2012-10-17"}"#, "Syntax errors in policy."),
        (Shape::Identity, r#"{"Version":"2013-01-01","Statement":[]}"#, "The policy must contain a valid version string"),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#, "Policy statement must contain actions."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#, "Policy statement must contain resources."),
        (Shape::Identity, r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#, "The policy failed legacy parsing"),
        (Shape::Identity, r#"{"Statement":{"Effect":"Maybe","Action":"s3:*","Resource":"*"}}"#, "Syntax errors in policy."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}"#, "Policy statement must contain actions."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":[1],"Resource":"*"}}"#, "Syntax errors in policy."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}}"#, "Syntax errors in policy."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:a:b","Resource":"*"}}"#, "Actions/Condition can contain only one colon."),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:*"}}"#,
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:azure:s3:::b"}}"#,
            "Partition \"azure\" is not valid for resource \"arn:azure:s3:::b\".",
        ),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:azure:s3"}}"#,
            "Partition \"azure\" is not valid for resource \"arn:azure:s3:*:*:*\".",
        ),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3::b"}}"#, "The policy failed legacy parsing"),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:eu-west-1::b"}}"#,
            "Resource arn:aws:s3:eu-west-1::b can not contain region information.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}}}"#,
            "The policy failed legacy parsing",
        ),
        (Shape::Resource, r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}"#, "Policy statement must contain resources."),
        (Shape::Resource, r#"{"Statement":{"Effect":"Allow","Resource":"*","Action":"s3:*"}}"#, "Missing required field Principal"),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#, "Resource bucket must be in ARN format or \"*\"."),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}"#,
            "Policy document should not specify a principal.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"aws:k":"a"}}}}"#,
            "Invalid Condition type : StringIs.",
        ),
        (Shape::Trust, r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#, "Missing required field Principal"),
        (Shape::Trust, r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}"#, "Has prohibited field Resource"),
        (
            Shape::Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Principal":"*"}}"#,
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            Shape::Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"alice"}}}"#,
            "Invalid principal in policy: \"AWS\":\"alice\"",
        ),
    ] {
        assert_eq!(Document::parse(text, shape).unwrap_err().0, message, "{text}");
    }
}
