//! The plan of a look, with what the guard holds back.

use causeway_core::{
    approval::hash_of_held,
    guard::hold_back,
    plan::{Plan, Step, ours, plan},
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};

use crate::{Look, LookError, Reconciler, describe::Described};

/// A plan as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSteps {
    /// The hash of the held steps, for an approval.
    pub hash: String,
    /// All steps, in order.
    pub steps: Vec<Step>,
    /// What is left out, and why.
    pub notes: Vec<causeway_core::plan::Note>,
}

impl Look {
    /// Plans, and holds back what must wait for an operator.
    pub(crate) fn plan(&self, pool: &UserPool, now: Timestamp) -> Plan {
        let foreign = self.foreign_identifiers();
        let situation = self.situation(&foreign, pool);
        let mut plan = plan(situation);
        hold_back(&mut plan, &ours(&situation), &pool.run.losses, pool.approval.as_ref(), now);
        plan.notes.extend(self.notes.iter().cloned());
        plan
    }
}

impl Reconciler {
    /// What a run would do now. Changes nothing.
    pub async fn planned(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        deadline: Timestamp,
    ) -> Result<PlannedSteps, LookError> {
        let look = Box::pin(self.look(tenant, pool, None, deadline)).await?;
        if look.described == Described::Part {
            return Err(LookError::OutOfTime);
        }
        let plan = look.plan(pool, (self.sources.now)());
        Ok(PlannedSteps { hash: hash_of_held(&plan.steps), steps: plan.steps, notes: plan.notes })
    }
}
