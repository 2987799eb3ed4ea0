//! Changes of trust policies, judged: what was asked for changed, for whom it was meant, and nothing else.
//!
//! The policies have what people's policies have: single texts, several kinds of principals, conditions of their own, Sids, a Deny.

use proptest::prelude::*;

use super::{OTHER, OWN, lets};
use crate::{
    model::{arn::Partition, params::ExternalId, setup::Trusted},
    setup::documents::{Terms, edit, pretty, same},
};

const DANA: &str = "arn:aws:iam::111122223333:user/dana";
const EVE: &str = "arn:aws:iam::111122223333:user/eve";
const ABROAD: &str = "arn:aws:iam::444455556666:user/x";
const ASSUME: &str = "sts:AssumeRole";
const MFA: (&str, &str) = ("aws:MultiFactorAuthPresent", "true");
const GONE: &str = "AIDAEXAMPLEOFONE12345";

const MIXED: &str = r#"{"Version":"2012-10-17","Id":"mine","Statement":[
    {"Sid":"People","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:user/dana","arn:aws:iam::444455556666:root","arn:aws:iam::111122223333:role/ci"],"Service":"ec2.amazonaws.com"},
     "Action":"sts:AssumeRole","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},
    {"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:user/eve"},"Action":"sts:*"}]}"#;
const HOME: (&str, &str) = ("aws:SourceIp", "10.1.2.3");

fn user(name: &str) -> Trusted {
    Trusted::User { name: name.to_owned() }
}

fn add(text: &str, who: &Trusted, terms: &Terms) -> Result<String, String> {
    edit::add(text, who, terms, OWN, Partition::Aws).map_err(|error| error.message)
}

fn only(principal: &str, condition: &str) -> String {
    pretty(&format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":{principal}}},"Action":"sts:AssumeRole"{condition}}}]}}"#))
}

#[test]
fn one_more_principal_is_one_more_line() {
    let text = only(&format!(r#"["{DANA}","arn:aws:iam::111122223333:user/fay"]"#), "");
    let after = add(&text, &user("eve"), &Terms::default()).unwrap();
    let new: Vec<&str> = after.lines().filter(|line| !text.contains(line.trim_end_matches(','))).collect();
    assert_eq!(new, [format!("          \"{EVE}\"")]);
    assert_eq!(add(&after, &user("eve"), &Terms::default()).unwrap(), after, "twice is once");
    assert_eq!(edit::remove(&after, EVE).unwrap(), text);
}

#[test]
fn other_terms_are_another_statement() {
    let text = only(&format!("\"{DANA}\""), "");
    let after = add(&text, &user("eve"), &Terms { mfa: true, ..Terms::default() }).unwrap();
    assert!(lets(&after, DANA, ASSUME, &[]) && lets(&after, EVE, ASSUME, &[MFA]) && !lets(&after, EVE, ASSUME, &[]));
    assert!(add(&text, &user("dana"), &Terms { mfa: true, ..Terms::default() }).unwrap_err().contains("already"), "the open way would stay open");
    let bare = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    let added = add(bare, &user("dana"), &Terms::default()).unwrap();
    assert_eq!(added.matches("Effect").count(), 2, "somebody is never put beside everybody");
    let open = only(&format!("\"{OTHER}\""), "");
    let party = Trusted::ThirdParty { id: OTHER.to_owned() };
    assert!(add(&open, &party, &Terms { external_id: ExternalId::parse("abc").ok(), ..Terms::default() }).unwrap_err().contains("already"));
}

#[test]
fn whoever_goes_goes_from_what_allows_only() {
    let after = edit::remove(MIXED, DANA).unwrap();
    assert!(!lets(&after, DANA, ASSUME, &[HOME]) && lets(&after, ABROAD, ASSUME, &[HOME]) && after.contains("\"Id\": \"mine\""));
    assert!(edit::remove(MIXED, EVE).unwrap_err().message.contains("does not name"), "a denial stays");
    assert!(!edit::remove(MIXED, OTHER).unwrap().contains(OTHER), "an account by its number");
    assert!(!edit::remove(MIXED, "ec2.amazonaws.com").unwrap().contains("Service"));
    let error = edit::remove(&only(&format!("\"{DANA}\""), ""), DANA).unwrap_err();
    assert!(error.message.contains("nobody could assume") && error.hint.contains("delete the role"));
    assert!(edit::remove("{", DANA).unwrap_err().message.contains("line 1"));
}

#[test]
fn an_external_id_is_asked_of_other_accounts_only() {
    let id = ExternalId::parse("abcd-1234").unwrap();
    let given = [HOME, ("sts:ExternalId", "abcd-1234")];
    let after = edit::set_external_id(MIXED, Some(&id), OWN).unwrap();
    assert!(lets(&after, ABROAD, ASSUME, &given) && !lets(&after, ABROAD, ASSUME, &[HOME]) && !lets(&after, ABROAD, ASSUME, &given[1..]));
    assert!(lets(&after, DANA, ASSUME, &[HOME]) && lets(&after, "ec2.amazonaws.com", ASSUME, &[HOME]) && !lets(&after, EVE, ASSUME, &given));
    let changed = edit::set_external_id(&after, ExternalId::parse("other").ok().as_ref(), OWN).unwrap();
    assert!(!lets(&changed, ABROAD, ASSUME, &given) && lets(&changed, ABROAD, ASSUME, &[HOME, ("sts:ExternalId", "other")]));
    let none = edit::set_external_id(&changed, None, OWN).unwrap();
    assert!(lets(&none, ABROAD, ASSUME, &[HOME]) && !none.contains("ExternalId") && !lets(&none, ABROAD, ASSUME, &[]));
    assert_eq!(edit::set_external_id(MIXED, None, OWN).unwrap(), MIXED, "nothing to take away");
    assert!(edit::set_external_id(&only(&format!("\"{DANA}\""), ""), Some(&id), OWN).unwrap_err().message.contains("no other account"));
    let weak = only(&format!("\"{OTHER}\""), r#","Condition":{"StringLikeIfExists":{"STS:externalid":"*"}}"#);
    let strong = edit::set_external_id(&weak, Some(&id), OWN).unwrap();
    assert!(!lets(&strong, ABROAD, ASSUME, &[]) && !lets(&strong, ABROAD, ASSUME, &[("sts:ExternalId", "x")]) && !strong.contains("IfExists"));
}

#[test]
fn an_external_id_that_is_asked_for_is_known_by_principal() {
    let id = ExternalId::parse("abcd-1234").unwrap();
    let weak = r#","Condition":{"StringLike":{"sts:ExternalId":"*"}}"#;
    assert_eq!(edit::outsiders(&only(&format!("\"{OTHER}\""), weak), OWN), [(OTHER.to_owned(), None)], "a star is nobody's ID");
    let asked = only(&format!(r#"["{OTHER}","{DANA}"]"#), r#","Condition":{"StringEquals":{"STS:ExternalID":["abcd-1234"]}}"#);
    assert_eq!(edit::outsiders(&asked, OWN), [(OTHER.to_owned(), Some(id.clone()))], "nobody of the role's own account");
    let two = format!(r#"["{OTHER}","arn:aws:iam::999988887777:root"]"#);
    let after = edit::ask_external_id(&only(&two, ""), OTHER, &id).unwrap();
    let other = "arn:aws:iam::999988887777:user/x";
    assert!(lets(&after, ABROAD, ASSUME, &[("sts:ExternalId", "abcd-1234")]) && !lets(&after, ABROAD, ASSUME, &[]) && lets(&after, other, ASSUME, &[]));
    assert_eq!(edit::ask_external_id(&after, OTHER, &ExternalId::parse("other").unwrap()).unwrap(), after);
    assert!(edit::same_account(OTHER, ABROAD) && !edit::same_account(OTHER, DANA) && !edit::same_account("*", "*"));
}

#[test]
fn mfa_is_asked_of_people_only() {
    let after = edit::set_mfa(MIXED, true, Some(900)).unwrap();
    let with = [HOME, MFA, ("aws:MultiFactorAuthAge", "899")];
    assert!(lets(&after, DANA, ASSUME, &with) && !lets(&after, DANA, ASSUME, &[HOME]) && !lets(&after, DANA, ASSUME, &with[..2]));
    assert!(lets(&after, "arn:aws:iam::111122223333:role/ci", ASSUME, &[HOME]) && lets(&after, "ec2.amazonaws.com", ASSUME, &[HOME]));
    assert_eq!(edit::set_mfa(&after, true, Some(900)).unwrap(), after);
    let ageless = edit::set_mfa(&after, true, None).unwrap();
    assert!(lets(&ageless, DANA, ASSUME, &with[..2]) && !lets(&ageless, DANA, ASSUME, &[HOME]));
    let none = edit::set_mfa(&after, false, None).unwrap();
    assert!(lets(&none, DANA, ASSUME, &[HOME]) && !none.contains("MultiFactor"));
    let weak = only(&format!("\"{DANA}\""), r#","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":true}}"#);
    assert!(lets(&weak, DANA, ASSUME, &[]) && !lets(&edit::set_mfa(&weak, true, None).unwrap(), DANA, ASSUME, &[]), "an access key by itself has no such key");
    let party = only(&format!("\"{OTHER}\""), r#","Condition":{"StringEquals":{"sts:ExternalId":"abc"}}"#);
    assert!(edit::set_mfa(&party, true, None).unwrap_err().message.contains("no users"), "a third party has no device");
    let denying = format!(
        "{}{}",
        weak.trim_end_matches(['\n', ' ', '}', ']']),
        r#"}}},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}]}"#
    );
    assert!(edit::set_mfa(&denying, false, None).unwrap_err().message.contains("denies"));
}

#[test]
fn the_deleted_are_found_and_mended() {
    let text = only(&format!(r#"["{GONE}","{DANA}","AIDAshort"]"#), "");
    assert_eq!(edit::deleted(&text), [GONE]);
    let mended = edit::mend(&text, GONE, Some(EVE)).unwrap();
    assert!(mended.contains(EVE) && !mended.contains(GONE) && mended.contains(DANA));
    let out = edit::mend(&text, GONE, None).unwrap();
    assert!(!out.contains(GONE) && out.contains(DANA));
    assert_eq!(edit::mend(&text, GONE, Some(DANA)).unwrap().matches(DANA).count(), 1, "not twice");
    assert!(edit::mend(&only(&format!("\"{GONE}\""), ""), GONE, None).unwrap_err().message.contains("nobody"));
    assert!(edit::mend(&only(&format!("\"{GONE}\""), ""), GONE, Some(EVE)).unwrap().contains(EVE));
    assert!(edit::mend(&text, "AROAEXAMPLEOFONE12345", None).is_err() && edit::mend(&text, DANA, None).is_err());
}

#[test]
fn who_is_let_in_already() {
    assert!(edit::allows(MIXED, DANA) && edit::allows(MIXED, ABROAD) && !edit::allows(MIXED, EVE));
    assert!(!edit::allows(MIXED, "arn:aws:iam::111122223333:user/dan") && !edit::allows("{", DANA));
    assert!(edit::allows(&only(&format!("\"{OWN}\""), ""), EVE) && edit::allows(&only("\"*\"", ""), ABROAD));
    let denied = MIXED.replace("sts:*", "sts:TagSession");
    assert!(!edit::allows(&denied, EVE), "not denied, but not allowed either");
    assert!(!edit::allows(&only(&format!("\"{DANA}\""), "").replace("sts:AssumeRole", "sts:TagSession"), DANA));
}

fn statement() -> impl Strategy<Value = serde_json::Value> {
    let names = prop::collection::btree_set("[a-d]{1,2}", 1..4);
    let condition = prop::sample::select(vec![
        serde_json::Value::Null,
        serde_json::json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }),
        serde_json::json!({ "StringEquals": { "aws:PrincipalTag/x": ["1", "2"] }, "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
    ]);
    (names, condition, prop::bool::ANY, prop::bool::ANY).prop_map(|(names, condition, service, deny)| {
        let names: Vec<String> = names.iter().map(|name| format!("arn:aws:iam::{OWN}:user/{name}")).collect();
        let mut principal = serde_json::json!({ "AWS": names });
        if service {
            principal["Service"] = "ec2.amazonaws.com".into();
        }
        let mut made = serde_json::json!({ "Effect": if deny { "Deny" } else { "Allow" }, "Principal": principal, "Action": "sts:AssumeRole" });
        if !condition.is_null() {
            made["Condition"] = condition;
        }
        made
    })
}

proptest! {
    #[test]
    fn who_comes_and_goes_leaves_no_trace(statements in prop::collection::vec(statement(), 1..4), mfa in prop::bool::ANY) {
        let text = pretty(&serde_json::json!({ "Id": "kept", "Version": "2012-10-17", "Statement": statements }).to_string());
        let after = add(&text, &user("zoe"), &Terms { mfa, ..Terms::default() }).unwrap();
        let zoe = format!("arn:aws:iam::{OWN}:user/zoe");
        prop_assert!(edit::allows(&after, &zoe) && !edit::allows(&text, &zoe));
        prop_assert_eq!(edit::remove(&after, &zoe).unwrap(), text);
    }

    #[test]
    fn conditions_that_come_and_go_change_nobody_elses(statements in prop::collection::vec(statement(), 1..4)) {
        let text = pretty(&serde_json::json!({ "Id": "kept", "Version": "2012-10-17", "Statement": statements }).to_string());
        if let Ok(asked) = edit::set_mfa(&text, true, Some(60)) {
            let again = edit::set_mfa(&asked, true, Some(60)).unwrap();
            prop_assert!(same(&asked, &again));
            prop_assert!(!lets(&asked, DANA, ASSUME, &[]));
            for name in ["a", "b", "ab", "zz"] {
                let arn = format!("arn:aws:iam::{OWN}:user/{name}");
                let with = [MFA, ("aws:MultiFactorAuthAge", "1"), HOME, ("aws:PrincipalTag/x", "1")];
                prop_assert!(!lets(&asked, &arn, ASSUME, &with[2..]), "without MFA nobody");
                prop_assert_eq!(lets(&asked, &arn, ASSUME, &with), lets(&text, &arn, ASSUME, &with), "with it whoever could");
            }
            prop_assert_eq!(lets(&asked, "ec2.amazonaws.com", ASSUME, &[HOME]), lets(&text, "ec2.amazonaws.com", ASSUME, &[HOME]));
            prop_assert!(asked.contains("\"Id\": \"kept\""));
        }
    }
}
