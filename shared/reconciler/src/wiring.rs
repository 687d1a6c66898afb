//! App clients: all providers that go into or out of one client go in one write.

use std::collections::BTreeSet;

use causeway_core::{
    health::ErrorClass,
    id::ProviderName,
    plan::{Action, Step},
    port::{Pool, Ports},
};

use crate::execute::{Execution, StepError};

impl<P: Ports> Execution<'_, P> {
    /// Writes one app client for steps that are all of one action and one client. One that can't be written stops no
    /// step on another.
    pub(crate) async fn write_app_client(&mut self, steps: &[&Step]) {
        let steps: Vec<&Step> = steps.iter().filter(|step| !self.failed.stops(step)).copied().collect();
        let Some((client, action)) = steps.first().and_then(|step| Some((step.app_client_id.clone()?, &step.action)))
        else {
            return;
        };
        let names: BTreeSet<ProviderName> = steps.iter().map(|step| step.provider_name.clone()).collect();
        let (add, remove) = if *action == Action::Wire { (names, BTreeSet::new()) } else { (BTreeSet::new(), names) };
        match self.look.access.change_app_client(&client, &add, &remove).await {
            Ok(()) => steps.iter().for_each(|step| self.done(step)),
            // Cognito takes no change of an app client that names a provider which is not there. Whether that is so of one
            // that does not show is known once what was written of it must show.
            Err(error) if error.class() == ErrorClass::Rejected && self.look.names_unseen(&client) => {
                self.executed.put_off = true;
                for step in steps {
                    self.failed.step(step);
                }
            }
            Err(error) => {
                let error = StepError::from(error);
                for step in steps {
                    self.fail_step(step, &error);
                }
            }
        }
    }
}
