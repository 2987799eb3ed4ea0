//! S3 as far as a role's use can be felt: the buckets of the account, their policies, and objects to read.
//!
//! Nothing can be stored in them but a bucket policy. S3 speaks REST: a row is found by method and path, the caller's policies
//! and the bucket's both have a say, and what the caller may not list it may not know to be missing either.

mod buckets;
mod policies;
mod refusals;

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, text},
    ids::hex,
    table::{Action, Api, Permission, Route, Run},
    xml::{Xml, escape},
};
pub(super) use buckets::Bucket;
pub(super) use refusals::{link_out_of_time, malformed_token, skewed, spoken};

const PREFIX: Field = optional("prefix", text(0, 1024, Chars::Free));
const MAX_KEYS: Field = optional("max-keys", Rule::Number { min: 0, max: 1_000_000 });

pub(super) static ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/",
        with: None,
        action: row("ListBuckets", "ListAllMyBuckets", Permission::Needed(super::table::everything), &[], list_buckets),
    },
    on_bucket("GET", "policy", Action { run: Run::Object(policies::get), ..own("GetBucketPolicy") }),
    on_bucket("PUT", "policy", Action { run: Run::Object(policies::put), ..own("PutBucketPolicy") }),
    on_bucket("DELETE", "policy", Action { run: Run::Object(policies::delete), ..own("DeleteBucketPolicy") }),
    on_bucket("GET", "location", row("GetBucketLocation", "GetBucketLocation", Permission::Own, &[], buckets::location)),
    Route { method: "HEAD", path: "/{Bucket}", with: None, action: Action { run: Run::Object(buckets::head), ..own("HeadBucket") } },
    Route { method: "GET", path: "/{Bucket}", with: None, action: row("ListObjectsV2", "ListBucket", Permission::Own, &[PREFIX, MAX_KEYS], buckets::list) },
    Route { method: "GET", path: "/{Bucket}/{Key+}", with: None, action: Action { run: Run::Object(buckets::object), ..own("GetObject") } },
    Route { method: "HEAD", path: "/{Bucket}/{Key+}", with: None, action: Action { run: Run::Object(buckets::object), ..own("HeadObject") } },
];

const fn row(
    name: &'static str,
    permission_name: &'static str,
    permission: Permission,
    fields: &'static [Field],
    run: fn(&mut Exchange<'_>) -> Outcome<Xml>,
) -> Action {
    Action { name, service: Api::S3, permission, permission_name, fields, run: Run::Xml(run) }
}

/// The bucket has a say too, so the action asks by itself.
const fn own(name: &'static str) -> Action {
    Action { name, service: Api::S3, permission: Permission::Own, permission_name: name, fields: &[], run: Run::Object(buckets::object) }
}

const fn on_bucket(method: &'static str, with: &'static str, action: Action) -> Route {
    Route { method, path: "/{Bucket}", with: Some(with), action }
}

fn list_buckets(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let buckets = account.buckets.iter().fold(Xml::new(), |list, (name, bucket)| {
        list.element("Bucket", Xml::new().text("Name", name).text("CreationDate", super::time_text(bucket.created)).text("BucketRegion", "us-east-1"))
    });
    let owner = Xml::new().text("ID", owner_id(&account.id)).text("DisplayName", account.alias.as_deref().unwrap_or("practice"));
    Ok(Xml::new().element("Owner", owner).element("Buckets", buckets))
}

/// The canonical user ID of an account: 64 hex digits.
fn owner_id(account: &str) -> String {
    use sha2::Digest;
    hex(&sha2::Sha256::digest(account))
}

fn no_such_bucket() -> Fault {
    Fault::new("NoSuchBucket", "The specified bucket does not exist")
}

/// S3's answers are named after what they hold, not after the action.
pub(super) fn document(action: &str, result: Xml, namespace: &str) -> String {
    let root = match action {
        "ListBuckets" => "ListAllMyBucketsResult",
        "ListObjectsV2" => "ListBucketResult",
        "GetBucketLocation" => "LocationConstraint",
        other => other,
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root} xmlns=\"{}\">{}</{root}>", escape(namespace), result.into_string())
}
