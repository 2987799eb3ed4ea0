//! What AWS would refuse, and what means the same.
//!
//! A row for each complaint, with its place; rows of texts that mean the same and of those that do not.

use crate::{
    model::file_diff::DiffKind,
    setup::documents::{Place, check, diff, pretty, same},
};

const USER: Place = Place::User { others: 0 };

#[test]
fn complaints_name_the_place_and_the_way_out() {
    for (text, place, message) in [
        ("{\n  \"Version\": \"2012-10-17\"\n  \"Statement\": []\n}", USER, "line 3, column 3: expected `,` or `}`"),
        ("", Place::Managed, "no JSON at line 1, column 0"),
        (r#"{"Statement":[],"Statement":[]}"#, USER, "\"Statement\" comes twice"),
        ("[]", USER, "must be an object"),
        (r#"{"Version":"2012-10-17"}"#, USER, "it has no Statement"),
        (r#"{"Statement":[]}"#, USER, "no statement"),
        (r#"{"Statements":[]}"#, USER, "“Statements” is no element of a policy"),
        (
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"s3:*"}]}"#,
            USER,
            "statement 2: Policy statement must contain resources",
        ),
        (r#"{"Statement":{"Sid":"Read","Effect":"Allow","Actions":"s3:*","Resource":"*"}}"#, USER, "statement 1 (Read): “Actions” is no element"),
        (r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#, USER, "Effect must be"),
        (r#"{"Statement":{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}}"#, USER, "both Action and NotAction"),
        (r#"{"Statement":{"Effect":"Allow","Action":[1],"Resource":"*"}}"#, USER, "Action must be a text"),
        (r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}"#, USER, "should not specify a principal"),
        (r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/ł"}}"#, USER, "IAM takes no"),
        (r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#, Place::Trust, "Missing required field Principal"),
    ] {
        let error = check(text, place).unwrap_err();
        assert!(error.message.contains(message) && !error.hint.is_empty(), "{text}: {}", error.message);
    }
}

#[test]
fn sizes_are_awss_and_white_space_is_free() {
    let of = |size: usize, start: &str, end: &str| format!("{start}{}{end}", "x".repeat(size - start.len() - end.len()));
    let identity = |size| of(size, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"#, r#""}}"#);
    let trust = |size| of(size, r#"{"Statement":{"Effect":"Allow","Principal":{"Federated":""#, r#""},"Action":"sts:AssumeRoleWithSAML"}}"#);
    for (place, limit) in [(USER, 2048), (Place::Group { others: 0 }, 5120), (Place::Role { others: 0 }, 10240), (Place::Managed, 6144), (Place::Trust, 2048)] {
        let text = |size| if place == Place::Trust { trust(size) } else { identity(size) };
        check(&pretty(&text(limit)), place).unwrap();
        let error = check(&text(limit + 1), place).unwrap_err();
        let told = |number: usize| format!("{},{:03}", number / 1000, number % 1000);
        assert!(error.message.contains(&told(limit)) && error.message.contains(&told(limit + 1)), "{}", error.message);
    }
    check(&identity(1048), Place::User { others: 1000 }).unwrap();
    let error = check(&identity(1049), Place::User { others: 1000 }).unwrap_err();
    assert!(error.message.contains("1,049 characters with the 1,000 of the other") && error.hint.contains("managed"), "{}", error.message);
}

#[test]
fn the_same_is_what_means_the_same() {
    let base = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/a"]},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    for other in [
        pretty(base),
        base.replace("[{", "{").replace("}}}]}", "}}}}"),
        base.replace("\"Principal\":{\"AWS\":", "\"Principal\": {\n\"AWS\" :"),
        base.replace(r#""arn:aws:iam::111122223333:root","arn:aws:iam::111122223333:user/a""#, r#""arn:aws:iam::111122223333:user/a","111122223333""#),
        base.replace(r#"["sts:AssumeRole","sts:TagSession"]"#, r#"["sts:tagsession","sts:assumerole"]"#),
        base.replace(r#""true""#, "[true]"),
        format!("{},\"Version\":\"2012-10-17\"}}", base.replace(r#""Version":"2012-10-17","#, "").strip_suffix('}').unwrap()),
    ] {
        assert!(same(base, &other), "{other}");
    }
    for other in [
        base.replace("true", "false"),
        base.replace("user/a", "user/A"),
        base.replace("Allow", "Deny"),
        base.replace(r#","sts:TagSession""#, ""),
        base.replace(r#""Bool""#, r#""BoolIfExists""#),
        base.replace(r#""Effect""#, r#""Sid":"a","Effect""#),
        base.replace("2012", "2008"),
        "{".to_owned(),
    ] {
        assert!(!same(base, &other), "{other}");
    }
    assert!(same("no json", " no json\n") && !same("no json", "none"));
    assert_eq!(pretty("no json"), "no json");
    assert_eq!(pretty(r#"{"b":1,"a":[],"c":{}}"#), "{\n  \"b\": 1,\n  \"a\": [],\n  \"c\": {}\n}");
}

#[test]
fn a_diff_has_the_lines_that_change() {
    let before =
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::a","arn:aws:s3:::b"]}]}"#;
    let after = before.replace(r#""arn:aws:s3:::b""#, r#""arn:aws:s3:::b","arn:aws:s3:::c""#);
    let lines = diff(Some(before), Some(&after));
    let changed: Vec<(DiffKind, &str)> =
        lines.iter().filter(|line| !matches!(line.kind, DiffKind::Same | DiffKind::Gap)).map(|line| (line.kind, line.text.trim())).collect();
    assert_eq!(changed, [(DiffKind::Removed, r#""arn:aws:s3:::b""#), (DiffKind::Added, r#""arn:aws:s3:::b","#), (DiffKind::Added, r#""arn:aws:s3:::c""#)]);
    assert_eq!(lines[0].kind, DiffKind::Gap);
    assert!(lines.iter().all(|line| line.kind != DiffKind::Removed || (line.old.is_some() && line.new.is_none())));
    assert!(diff(Some(before), Some(&pretty(before))).is_empty());
    let new = diff(None, Some(before));
    assert!(new.iter().all(|line| line.kind == DiffKind::Added) && new[0].new == Some(1) && new.len() == pretty(before).lines().count());
    assert!(diff(Some(before), None).iter().all(|line| line.kind == DiffKind::Removed));
}
