//! The AWS managed policies that people attach first. Their permissions are AWS's where these are short; the long lists are
//! shortened to what the practice account can tell apart.
//!
//! They have one version each, and nobody can change them.

use std::collections::BTreeMap;

use time::macros::datetime;

use crate::{
    policy::{Document, Shape},
    practice::state::{ManagedPolicy, PolicyVersion},
};

/// Name, path, statements.
const POLICIES: [(&str, &str, &str); 14] = [
    ("AdministratorAccess", "/", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#),
    (
        "PowerUserAccess",
        "/",
        r#"{"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},{"Effect":"Allow","Action":["account:GetAccountInformation","account:GetPrimaryEmail","account:ListRegions","iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole","iam:ListRoles","organizations:DescribeOrganization"],"Resource":"*"}"#,
    ),
    (
        "ReadOnlyAccess",
        "/",
        r#"{"Sid":"ReadOnlyActions","Effect":"Allow","Action":["iam:Get*","iam:List*","iam:Simulate*","s3:Get*","s3:List*","ec2:Describe*","lambda:Get*","lambda:List*","dynamodb:Get*","dynamodb:List*","dynamodb:Describe*","cloudtrail:LookupEvents","cloudwatch:Get*","cloudwatch:List*","logs:Get*","logs:Describe*","sts:GetAccessKeyInfo","sts:GetCallerIdentity"],"Resource":"*"}"#,
    ),
    (
        "ViewOnlyAccess",
        "/job-function/",
        r#"{"Effect":"Allow","Action":["iam:List*","iam:GetLoginProfile","s3:ListAllMyBuckets","ec2:Describe*","lambda:List*","dynamodb:List*"],"Resource":"*"}"#,
    ),
    (
        "SecurityAudit",
        "/",
        r#"{"Effect":"Allow","Action":["iam:Get*","iam:List*","iam:GenerateCredentialReport","s3:GetBucket*","s3:ListAllMyBuckets","cloudtrail:Describe*","cloudtrail:Get*","access-analyzer:List*"],"Resource":"*"}"#,
    ),
    (
        "IAMFullAccess",
        "/",
        r#"{"Effect":"Allow","Action":["iam:*","organizations:DescribeAccount","organizations:DescribeOrganization","organizations:ListPolicies"],"Resource":"*"}"#,
    ),
    (
        "IAMReadOnlyAccess",
        "/",
        r#"{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails","iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"],"Resource":"*"}"#,
    ),
    (
        "IAMUserChangePassword",
        "/",
        r#"{"Effect":"Allow","Action":["iam:ChangePassword"],"Resource":["arn:aws:iam::*:user/${aws:username}"]},{"Effect":"Allow","Action":["iam:GetAccountPasswordPolicy"],"Resource":"*"}"#,
    ),
    ("AmazonS3FullAccess", "/", r#"{"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}"#),
    (
        "AmazonS3ReadOnlyAccess",
        "/",
        r#"{"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*","s3-object-lambda:List*"],"Resource":"*"}"#,
    ),
    ("AmazonEC2FullAccess", "/", r#"{"Effect":"Allow","Action":["ec2:*","elasticloadbalancing:*","cloudwatch:*","autoscaling:*"],"Resource":"*"}"#),
    (
        "AmazonEC2ReadOnlyAccess",
        "/",
        r#"{"Effect":"Allow","Action":["ec2:Describe*","ec2:GetSecurityGroupsForVpc","elasticloadbalancing:Describe*","cloudwatch:ListMetrics","cloudwatch:GetMetricStatistics","cloudwatch:Describe*","autoscaling:Describe*"],"Resource":"*"}"#,
    ),
    (
        "AWSLambdaBasicExecutionRole",
        "/service-role/",
        r#"{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}"#,
    ),
    (
        "AmazonEC2ContainerServiceforEC2Role",
        "/service-role/",
        r#"{"Effect":"Allow","Action":["ecs:*","ecr:GetAuthorizationToken","ecr:BatchCheckLayerAvailability","ecr:GetDownloadUrlForLayer","ecr:BatchGetImage","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}"#,
    ),
];

pub(in crate::practice) fn all() -> BTreeMap<String, ManagedPolicy> {
    POLICIES.iter().filter_map(policy).map(|policy| (policy.arn.clone(), policy)).collect()
}

fn policy((name, path, statements): &(&str, &str, &str)) -> Option<ManagedPolicy> {
    let created = datetime!(2015-02-06 18:39:46 UTC);
    let document = Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#), Shape::Identity).ok()?;
    let digits: String = name.chars().cycle().map(|c| c.to_ascii_uppercase()).filter(char::is_ascii_uppercase).take(17).collect();
    Some(ManagedPolicy {
        name: (*name).to_owned(),
        path: (*path).to_owned(),
        id: format!("ANPA{digits}"),
        arn: format!("arn:aws:iam::aws:policy{path}{name}"),
        description: None,
        created,
        updated: created,
        versions: vec![PolicyVersion { number: 1, document, created }],
        default_version: 1,
        next_version: 2,
        tags: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_row_is_a_policy() {
        assert_eq!(super::all().len(), super::POLICIES.len());
    }
}
