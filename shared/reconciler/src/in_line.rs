//! A pool is brought in line: looked at on both sides, planned for, and changed.

use std::borrow::Cow;

use causeway_core::{
    port::{Ports, Table},
    user_pool::Mode,
};
use causeway_telemetry::chain;

use crate::{
    Look,
    describe::FullPass,
    ending::Attempt,
    execute::{Executed, Execution},
    run::Run,
};

impl<P: Ports> Run<'_, P> {
    pub(crate) async fn bring_in_line(&self) -> Attempt {
        let (reconciler, tenant, pool) = (self.reconciler, self.tenant, self.pool);
        reconciler.end_webhooks(tenant, self.started_at).await;
        let external_ids = reconciler.external_ids_seen(tenant, pool, self.started_at).await;
        let attempt = self.attempt().await;
        Attempt { external_ids, ..attempt }
    }

    async fn attempt(&self) -> Attempt {
        let (reconciler, pool) = (self.reconciler, self.pool);
        let probed = self.probes_role();
        if probed && let Err(error) = reconciler.check_role(self.tenant, pool).await {
            return Attempt::blind(&error);
        }
        // Twice as far ahead as it is meant to be it can't be: it is spread by a tenth.
        let full_pass_is_due = pool.run.full_pass_due_at.has_come(self.started_at, 2 * reconciler.settings.full_pass);
        let full = full_pass_is_due.then(|| FullPass { after: pool.run.full_pass_after.clone() });
        // The rest of the time is for what the plan finds to do.
        let describe_until = reconciler.half_time(self.deadline);
        let look = reconciler.look(self.tenant, pool, Some(self.cause), full, self.deadline, describe_until);
        let look = match Box::pin(look).await {
            Ok(look) => look,
            // A role that can't be assumed at all refuses the wrong external ID as well: nothing is shown by it.
            Err(error) => return Attempt::blind(&error),
        };
        let (mut guarded, unanswered) = reconciler.guarded(&look, pool, self.deadline).await;
        let only_look = pool.options.mode == Mode::Observe;
        if only_look {
            guarded.observe(&pool.run.losses, self.now());
        }
        let executed = Execution::new(self, &look).without(unanswered).carry_out(&guarded, only_look).await;
        self.remember_foreign(&look, &executed).await;
        Attempt { probed, ..Attempt::of(self, &look, guarded, executed) }
    }

    /// Only a memory: without it the providers are described again.
    async fn remember_foreign(&self, look: &Look<P>, executed: &Executed) {
        let mut foreign = Cow::Borrowed(&look.foreign);
        if !executed.taken.is_empty() {
            let taken = executed.taken.iter().map(|identifier| (identifier.clone(), self.now()));
            let foreign = foreign.to_mut();
            foreign.taken.extend(taken);
            // Who has them is found by describing all of them again.
            foreign.providers.clear();
        } else if !look.foreign_moved {
            return;
        }
        if let Err(error) = self.reconciler.table.put_foreign_providers(&self.pool.user_pool_id, &foreign).await {
            tracing::warn!(error = chain(&error), "what is known of foreign providers was not stored");
        }
    }
}
