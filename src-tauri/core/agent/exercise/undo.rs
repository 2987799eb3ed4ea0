//! Takes back what a step and those after it did, so that it can be done again, and all of it where it begins anew.
//!
//! Quiet: what is not there need not go, and what cannot go is told by the step that finds it in its way.

use super::{
    calls::Play,
    plan::{Asks, MARK, MAY_ASSUME, MAY_LIST, PARTNER_USER, REVOCATION, ROLE, USER},
};

impl Play<'_> {
    /// Back to where the step of this index begins.
    pub(super) async fn undo(&mut self, step: usize) {
        let root = self.iam(&self.root());
        if self.there(&self.cast.role_arn()) && tagged(root.list_role_tags().role_name(ROLE).send().await.map(|answer| answer.tags)) {
            self.undo_role(&root, step).await;
        }
        let partner = self.iam(&self.partner_root());
        if step <= 4 && self.made(&partner, &self.cast.partner, PARTNER_USER).await {
            remove_user(&partner, PARTNER_USER).await;
            (self.kept.auditor, self.kept.lent) = (None, None);
        }
        if step > 3 || !self.made(&root, &self.cast.account, USER).await {
            return;
        }
        let serial = self.cast.device_serial();
        let _ = root.deactivate_mfa_device().user_name(USER).serial_number(&serial).send().await;
        let _ = root.delete_virtual_mfa_device().serial_number(serial).send().await;
        if step <= 2 {
            let _ = root.delete_user_policy().user_name(USER).policy_name(MAY_ASSUME).send().await;
            self.kept.session = None;
        }
        if step == 0 {
            remove_user(&root, USER).await;
            self.kept.sam = None;
        }
    }

    /// Whether there is a user or role of this ARN; asked of the world, so that no refusal stands in the list of calls.
    fn there(&self, arn: &str) -> bool {
        let accounts = self.world.overview();
        accounts.iter().any(|account| account.users.iter().map(|user| &user.arn).chain(account.roles.iter().map(|role| &role.arn)).any(|own| own == arn))
    }

    /// Whether the exercise created a user.
    async fn made(&self, iam: &aws_sdk_iam::Client, account: &str, name: &str) -> bool {
        self.there(&format!("arn:aws:iam::{account}:user/{name}")) && tagged(iam.list_user_tags().user_name(name).send().await.map(|answer| answer.tags))
    }

    async fn undo_role(&mut self, root: &aws_sdk_iam::Client, step: usize) {
        let _ = root.delete_role_policy().role_name(ROLE).policy_name(REVOCATION).send().await;
        self.kept.revoked = None;
        let asks = match step {
            4 => Some(Asks::Mfa),
            2 | 3 => Some(Asks::Nothing),
            _ => None,
        };
        if let Some(asks) = asks {
            let _ = root.update_assume_role_policy().role_name(ROLE).policy_document(self.cast.trust(asks)).send().await;
        }
        if step <= 1 {
            let _ = root.delete_role_policy().role_name(ROLE).policy_name(MAY_LIST).send().await;
            let _ = root.delete_role().role_name(ROLE).send().await;
        }
    }
}

fn tagged<E>(tags: Result<Vec<aws_sdk_iam::types::Tag>, E>) -> bool {
    tags.is_ok_and(|tags| tags.iter().any(|tag| tag.key() == MARK))
}

async fn remove_user(iam: &aws_sdk_iam::Client, name: &str) {
    if let Ok(answer) = iam.list_access_keys().user_name(name).send().await {
        for id in answer.access_key_metadata.into_iter().filter_map(|key| key.access_key_id) {
            let _ = iam.delete_access_key().user_name(name).access_key_id(id).send().await;
        }
    }
    if let Ok(answer) = iam.list_user_policies().user_name(name).send().await {
        for policy in answer.policy_names {
            let _ = iam.delete_user_policy().user_name(name).policy_name(policy).send().await;
        }
    }
    let _ = iam.delete_user().user_name(name).send().await;
}
