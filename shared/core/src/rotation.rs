//! The rotation of a tenant's external ID. From its beginning on the new one is the tenant's; the previous one is
//! shown to the roles that don't take the new one yet, until every role takes the new one and refuses the other.
//!
//! | the role takes | Causeway shows it | its documents carry |
//! | --- | --- | --- |
//! | the former one only | the new one, refused, then the former one | both |
//! | both | the new one | the new one only |
//! | the new one only | the new one | the new one only |

use crate::{
    external_id::{FormerExternalId, SeenExternalIds},
    id::ExternalId,
    role::RoleRequest,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{PoolStatus, UserPool},
};

impl SeenExternalIds {
    /// What the tenant has to do next, where the former external ID is `former` and the role is to be as `document`
    /// has it. `None` once the role takes the new one alone.
    pub fn remedy(&self, former: &ExternalId, document: &RoleRequest) -> Option<String> {
        let role = &document.role_name;
        match (self.takes_new, self.takes_former) {
            (true, false) => None,
            (true, true) => Some(format!(
                "The role {role} still takes the former external ID {former} as well. Deploy its document again: by \
                 now it has the new one only."
            )),
            (false, true) => Some(kept_parameter(former, document)),
            (false, false) => Some(format!(
                "The role {role} takes neither external ID, or is not there. Create it from its document. Where it \
                 was deleted by hand, its stack has nothing to change and does not make it again: delete the stack \
                 first (aws cloudformation delete-stack --stack-name {}).",
                document.stack_name()
            )),
        }
    }
}

/// What is said of a role that takes the former external ID only: a stack that was updated from a new template keeps
/// the previous value of each parameter that is not passed.
pub fn kept_parameter(former: &ExternalId, document: &RoleRequest) -> String {
    format!(
        "The role {} still has the former external ID {former}. If a new template was deployed, its stack kept the old \
         parameter: pass every parameter.\n{}With the AWS CLI or Terraform, apply the role's document again.",
        document.role_name,
        document.deploy_command()
    )
}

impl Tenant {
    /// The tenant with another external ID. Where nothing needs the previous one, since no pool has a role in use, it
    /// is forgotten at once.
    #[must_use]
    pub fn with_external_id(self, new: ExternalId, is_needed: bool, now: Timestamp) -> Self {
        let former = FormerExternalId { external_id: self.external_id, rotated_at: now };
        Self { external_id: new, former_external_id: is_needed.then_some(former), ..self }
    }

    /// What the role of a pool was seen to take since the rotation began.
    pub fn seen_external_ids<'a>(&self, pool: &'a UserPool) -> Option<&'a SeenExternalIds> {
        let former = self.former_external_id.as_ref()?;
        pool.run.external_ids.as_ref().filter(|seen| seen.seen_at >= former.rotated_at)
    }

    /// The previous external ID, if the documents of a pool's role must carry it beside the new one.
    pub fn former_external_id_of(&self, pool: &UserPool) -> Option<&ExternalId> {
        let former = self.former_external_id.as_ref()?;
        let takes_new = self.seen_external_ids(pool).is_some_and(|seen| seen.takes_new);
        (!takes_new).then_some(&former.external_id)
    }

    /// Whether every role in use takes the new external ID and refuses the previous one.
    pub fn is_rotated(&self, pools: &[UserPool]) -> bool {
        let is_done =
            |pool: &UserPool| self.seen_external_ids(pool).is_some_and(|seen| seen.takes_new && !seen.takes_former);
        pools.iter().filter(|pool| has_role_in_use(pool)).all(is_done)
    }
}

/// Whether a pool has been verified: a role that nobody has entered yet can be made with the new ID at once.
pub fn has_role_in_use(pool: &UserPool) -> bool {
    pool.status != PoolStatus::Pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_pool::RunState;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn tenant() -> Tenant {
        Tenant { external_id: "causeway-old".parse().unwrap(), ..crate::tenant::tests::tenant() }
    }

    fn pool(status: PoolStatus, seen: Option<(bool, bool, i64)>) -> UserPool {
        let mut run = RunState::new(at(0));
        run.external_ids = seen.map(|(takes_new, takes_former, seconds)| SeenExternalIds {
            takes_new,
            takes_former,
            seen_at: at(seconds),
        });
        UserPool { status, run, ..crate::user_pool::tests::pool() }
    }

    fn rotated(pools: &[UserPool]) -> Tenant {
        tenant().with_external_id("causeway-new".parse().unwrap(), pools.iter().any(has_role_in_use), at(100))
    }

    #[test]
    fn the_former_id_stays_as_long_as_a_role_in_use_does_not_take_the_new_one_alone() {
        for (seen, is_done) in [
            (None, false),
            (Some((false, true, 101)), false),
            (Some((true, true, 101)), false),
            (Some((false, false, 101)), false),
            (Some((true, false, 101)), true),
            // Of another rotation.
            (Some((true, false, 99)), false),
        ] {
            let pools = [pool(PoolStatus::Active, seen), pool(PoolStatus::Pending, None)];
            assert_eq!(rotated(&pools).is_rotated(&pools), is_done, "{seen:?}");
            let with_another = [pools[0].clone(), pool(PoolStatus::Removing, None)];
            assert!(!rotated(&with_another).is_rotated(&with_another), "{seen:?}");
        }
    }

    #[test]
    fn a_role_that_is_not_rotated_yet_comes_with_what_to_do_and_names_the_id_that_it_has() {
        let account = "111111111111".parse().unwrap();
        let remedy = |takes_new, takes_former| {
            let pool = pool(PoolStatus::Active, Some((takes_new, takes_former, 101)));
            let rotated = rotated(std::slice::from_ref(&pool));
            let document = RoleRequest::of(&account, &rotated, &pool);
            rotated.seen_external_ids(&pool).unwrap().remedy(&"causeway-old".parse().unwrap(), &document)
        };
        let kept = remedy(false, true).unwrap();
        assert!(kept.contains("former external ID causeway-old") && kept.contains("kept the old parameter"), "{kept}");
        assert!(kept.contains("ExternalId='causeway-new,causeway-old'"), "{kept}");
        assert!(remedy(true, true).unwrap().contains("still takes the former external ID causeway-old"));
        assert!(remedy(false, false).unwrap().contains("delete-stack"));
        assert_eq!(remedy(true, false), None);
    }

    #[test]
    fn without_a_role_in_use_the_former_id_is_forgotten_at_once() {
        let rotated = rotated(&[pool(PoolStatus::Pending, None)]);
        assert_eq!((rotated.external_id.as_str(), rotated.former_external_id), ("causeway-new", None));
    }

    #[test]
    fn a_roles_documents_carry_both_ids_until_it_takes_the_new_one() {
        for (seen, carries_both) in [
            (None, true),
            (Some((false, true, 101)), true),
            (Some((true, true, 99)), true),
            (Some((true, true, 101)), false),
            (Some((true, false, 101)), false),
        ] {
            let pool = pool(PoolStatus::Active, seen);
            let rotated = rotated(std::slice::from_ref(&pool));
            let former = rotated.former_external_id_of(&pool).map(ExternalId::as_str);
            assert_eq!(former, carries_both.then_some("causeway-old"), "{seen:?}");
            assert_eq!(tenant().former_external_id_of(&pool), None);
        }
    }
}
