//! GetCallerIdentity, and the account's alias where the caller may see it.
//!
//! The one call that needs no permission, which makes it the proof that a key works. The alias is a courtesy: where it may not
//! be seen, it is left out.

use serde::{Deserialize, Serialize};

use super::client;
use crate::{
    aws::{Carried, Signer, told_without},
    error::{Code, Error, Result},
};

/// Who AWS says one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct CallerIdentity {
    /// 12 digits.
    pub account: String,
    /// The user, the assumed role or the federated user.
    pub arn: String,
    /// `AIDA…`, or `AROA…:session`.
    pub user_id: String,
    /// The account's alias (`iam:ListAccountAliases`), where there is one and it may be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub account_alias: Option<String>,
}

/// STS GetCallerIdentity, which needs no permission. With `alias`, IAM ListAccountAliases is tried too; its refusal is no error.
pub async fn caller_identity(config: &aws_config::SdkConfig, signer: &Signer, alias: bool) -> Result<CallerIdentity> {
    let asked = format!("GetCallerIdentity with {}", signer.access_key_id());
    let answer = client(config, signer, false).get_caller_identity().send().await;
    let answer = answer.map_err(|error| told_without(&asked, &error, Carried::by(signer)))?;
    let (Some(account), Some(arn), Some(user_id)) = (answer.account, answer.arn, answer.user_id) else {
        return Err(Error::new(
            Code::AwsUnreachable,
            format!("The answer to {asked} is incomplete"),
            "Check the endpoint_url: something other than AWS may have answered",
        ));
    };
    let account_alias = if alias { account_alias(config, signer).await } else { None };
    Ok(CallerIdentity { account, arn, user_id, account_alias })
}

async fn account_alias(config: &aws_config::SdkConfig, signer: &Signer) -> Option<String> {
    let iam = aws_sdk_iam::config::Builder::from(config).credentials_provider(signer.credentials()).build();
    let answer = aws_sdk_iam::Client::from_conf(iam).list_account_aliases().send().await.ok()?;
    answer.account_aliases.into_iter().next()
}
