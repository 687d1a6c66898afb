//! The plan of a look, with what the guard holds back.

use causeway_core::{
    approval::PlannedSteps,
    port::{Ports, Table},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};

use crate::{LookError, Reconciler, describe::Described};

impl<P: Ports> Reconciler<P> {
    /// What a run would do now. Changes nothing. Where the time is too short for that, what the last run held back.
    pub async fn planned(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        deadline: Timestamp,
    ) -> Result<PlannedSteps, LookError> {
        match Box::pin(self.look(tenant, pool, None, None, deadline, deadline)).await {
            Ok(look) if look.described != Described::Part => {
                let plan = self.shown(&look, pool, deadline).await.plan;
                Ok(PlannedSteps::new(plan.recorded(), plan.notes).named(&look.names(self.now())))
            }
            Ok(_) | Err(LookError::OutOfTime) => self.held_back(pool).await?.ok_or(LookError::OutOfTime),
            Err(error) => Err(error),
        }
    }

    async fn held_back(&self, pool: &UserPool) -> Result<Option<PlannedSteps>, LookError> {
        let Some(last) = &pool.run.last_run else { return Ok(None) };
        let report = self.table.run(&pool.tenant_id, &pool.user_pool_id, &last.id).await?;
        Ok(report.and_then(PlannedSteps::held_back_by))
    }
}
