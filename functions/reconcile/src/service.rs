//! What runs and errands need.

use causeway_core::id::AccountId;
use causeway_queue::{DeadLetters, Queue};
use causeway_tenancy::{DeployedReconciler, Verifier};

/// What runs and errands need.
#[derive(Debug)]
pub struct Service {
    /// Runs pools; holds the table, the keys, and the ways to Cognito and WorkOS.
    pub reconciler: DeployedReconciler,
    /// The queue of wake-ups, for a pool whose checks passed.
    pub queue: Queue,
    /// Where messages go that can't be read.
    pub dead_letters: DeadLetters,
    /// The account that Causeway runs in.
    pub integration_account_id: AccountId,
    /// The callback of a pool without a domain, on the local cloud.
    pub local_callback: Option<String>,
    /// The events that the webhook endpoint asks for; none means all.
    pub webhook_events: Vec<String>,
}

impl Service {
    /// What runs the checks of a pool.
    pub fn verifier(&self) -> Verifier<'_> {
        Verifier {
            reconciler: &self.reconciler,
            queue: &self.queue,
            integration_account_id: &self.integration_account_id,
            local_callback: self.local_callback.as_deref(),
            webhook_events: &self.webhook_events,
        }
    }
}
