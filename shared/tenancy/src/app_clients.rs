//! Which app clients that an operator names a pool does not have.

use std::time::Duration;

use causeway_core::{
    app_clients::AppClients,
    id::AppClientId,
    port::PoolError,
    tenant::Tenant,
    user_pool::{PoolStatus, UserPool},
};
use causeway_telemetry::chain;

use crate::{DeployedReconciler, TenancyError};

/// How long the tenant's account is asked: whoever called waits, and API Gateway gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses app clients that are named anew and that the pool surely does not have. A pool that can't be asked refuses
/// none: the choice must be possible while the account does not answer, and the pool's health tells of it later.
pub async fn refuse_absent_app_clients(
    reconciler: &DeployedReconciler,
    tenant: &Tenant,
    pool: &UserPool,
    chosen: &AppClients,
) -> Result<(), TenancyError> {
    if pool.status != PoolStatus::Active {
        return Ok(());
    }
    let present = pool.options.app_clients.named();
    let new = chosen.named().iter().enumerate().filter(|(_, id)| !present.contains(id)).collect::<Vec<_>>();
    if new.is_empty() {
        return Ok(());
    }
    match tokio::time::timeout(PATIENCE, Box::pin(first_absent(reconciler, tenant, pool, &new))).await {
        Ok(Some((number, id))) => {
            let rule = format!("the user pool has no app client {id}");
            Err(TenancyError::invalid(format!("app_clients[{number}]"), rule))
        }
        Ok(None) | Err(_) => Ok(()),
    }
}

async fn first_absent<'a>(
    reconciler: &DeployedReconciler,
    tenant: &Tenant,
    pool: &UserPool,
    named: &[(usize, &'a AppClientId)],
) -> Option<(usize, &'a AppClientId)> {
    let asked = async {
        let access = reconciler.enter(tenant, pool).await?;
        for (number, id) in named {
            if access.describe_app_client(id).await?.is_none() {
                return Ok(Some((*number, *id)));
            }
        }
        Ok::<_, PoolError>(None)
    };
    asked.await.unwrap_or_else(|error| {
        tracing::warn!(error = chain(&error), "whether the pool has the app clients could not be found out");
        None
    })
}
