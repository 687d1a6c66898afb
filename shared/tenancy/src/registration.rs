//! Registering a user pool of a tenant.

use causeway_core::{
    decisions::Decisions,
    guard::Held,
    id::{AccountId, OnboardingLinkId, RoleName, UserPoolId},
    tenant::Tenant,
    timestamp::Timestamp,
    unknown::Unknown,
    user_pool::{PoolOptions, PoolStatus, RunState, UserPool},
};
use causeway_store::{RegistrationTurn, Store};

use crate::{TenancyError, options::check_options};

/// What a deployment asks of user pools and of the roles that let it in.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How the names of tenants' roles begin.
    pub role_name_prefix: String,
    /// The account that Causeway runs in.
    pub integration_account_id: AccountId,
    /// The partition that Causeway runs in.
    pub partition: &'static str,
}

impl Rules {
    /// Refuses a role that the functions may not assume.
    pub fn check_role_name(&self, name: &RoleName) -> Result<(), TenancyError> {
        if name.as_str().starts_with(&self.role_name_prefix) {
            return Ok(());
        }
        let rule = format!("the role's name must begin with {}", self.role_name_prefix);
        Err(TenancyError::invalid("role_name", rule))
    }

    fn check(&self, new: &NewPool) -> Result<(), TenancyError> {
        if new.account_id == self.integration_account_id {
            let rule = "the integration account itself can't be a tenant's account";
            return Err(TenancyError::invalid("account_id", rule));
        }
        if new.user_pool_id.partition() != self.partition {
            let rule = format!("the user pool is not in the partition {}, where Causeway runs", self.partition);
            return Err(TenancyError::invalid("user_pool_id", rule));
        }
        self.check_role_name(&new.role_name)?;
        let options = &new.options;
        check_options(Some(&options.app_clients), options.organizations.as_ref(), options.attribute_mapping.as_ref())
    }
}

/// A user pool to be registered.
#[derive(Debug, Clone)]
pub struct NewPool {
    /// The account that the pool and the role are in; not the integration account.
    pub account_id: AccountId,
    /// The role that lets Causeway in.
    pub role_name: RoleName,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// What is chosen for it.
    pub options: PoolOptions,
    /// Whether it can't be verified until the operator admits it.
    pub awaits_admission: bool,
    /// The onboarding link that registers it.
    pub registered_by: Option<OnboardingLinkId>,
    /// The turn under which the tenant's pools were counted, where there is a limit to them.
    pub turn: Option<RegistrationTurn>,
}

/// Registers a pool of `tenant`. It claims nothing: the pool is owned by the first tenant whose checks pass. Where somebody
/// took a turn since the pool's was given, the table's conflict is the error, and the pools have to be counted again.
pub async fn register(
    store: &Store,
    rules: &Rules,
    tenant: &Tenant,
    new: NewPool,
    now: Timestamp,
) -> Result<UserPool, TenancyError> {
    rules.check(&new)?;
    if tenant.removing_since.is_some() {
        return Err(TenancyError::conflict("the tenant is being removed"));
    }
    if let Some(owner) = store.owner(&new.user_pool_id).await? {
        let whose = if owner == tenant.id { "this tenant" } else { "another tenant" };
        return Err(TenancyError::conflict(format!("the user pool is verified by {whose} already")));
    }
    let turn = new.turn.clone();
    let pool = registered(tenant, new, now);
    match store.create_pool(&pool, turn.as_ref()).await {
        Ok(()) => {}
        Err(error) if error.is_conflict() => {
            // It may have been removed meanwhile.
            store.tenant(&tenant.id).await?.ok_or(TenancyError::NotFound)?;
            if turn.is_some() && store.pool(&tenant.id, &pool.user_pool_id).await?.is_none() {
                return Err(error.into());
            }
            return Err(TenancyError::conflict("the tenant has registered this user pool already"));
        }
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %tenant.id, user_pool_id = %pool.user_pool_id, "user pool registered");
    Ok(pool)
}

fn registered(tenant: &Tenant, new: NewPool, now: Timestamp) -> UserPool {
    UserPool {
        tenant_id: tenant.id.clone(),
        user_pool_id: new.user_pool_id,
        account_id: new.account_id,
        role_name: new.role_name,
        status: PoolStatus::Pending,
        removal: None,
        options: new.options,
        awaits_admission: new.awaits_admission,
        registered_by: new.registered_by,
        created_at: now,
        updated_at: now,
        version: first_version(now),
        run: RunState::new(now),
        held: Held::new(),
        decisions: Decisions::default(),
        due_at: None,
        unknown: Unknown::default(),
    }
}

/// Above every version of a pool that was registered before under the same ID and removed since, so that an `ETag` of
/// that one is none of this one: nobody changes a pool a thousand times a second.
fn first_version(now: Timestamp) -> u64 {
    u64::try_from(now.millis()).unwrap_or(1)
}
