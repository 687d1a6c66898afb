//! The plan of a look as the guard lets it through: confirmed, then judged.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    guard::{Guarded, Record, Unconfirmed, Unjudged},
    id::ConnectionId,
    plan::Note,
    port::{Directory, Ports},
    timestamp::Timestamp,
    user_pool::UserPool,
};
use futures::stream::{self, StreamExt as _};

use crate::{Look, Reconciler, execute::StepError};

/// How many connections WorkOS is asked for at once.
const ASKED_AT_ONCE: usize = 8;

/// The connections that were not confirmed to be gone, with the reason: none where time was too short to ask.
pub(crate) type Unanswered = BTreeMap<ConnectionId, Option<StepError>>;

impl<P: Ports> Reconciler<P> {
    /// Plans what is to be done after a look that was complete, has confirmed what seems to be gone, and judges.
    pub(crate) async fn guarded(&self, look: &Look<P>, pool: &UserPool, deadline: Timestamp) -> (Guarded, Unanswered) {
        let foreign = look.foreign.holders(self.now());
        let unjudged = Unjudged::new(look.situation(&foreign, pool), Record::of(pool), self.now());
        let unanswered = self.confirm(look, unjudged.to_confirm(), self.half_time(deadline)).await;
        let mut unconfirmed = Unconfirmed::default();
        for (id, reason) in &unanswered {
            let kind = if reason.is_some() { &mut unconfirmed.not_gone } else { &mut unconfirmed.unasked };
            kind.insert(id.clone());
        }
        let mut guarded = unjudged.judge(&unconfirmed);
        guarded.plan.notes.extend(look.notes.iter().cloned());
        (guarded, unanswered)
    }

    /// The same for people to read: without the steps that would be left out.
    pub(crate) async fn shown(&self, look: &Look<P>, pool: &UserPool, deadline: Timestamp) -> Guarded {
        let (mut guarded, unanswered) = self.guarded(look, pool, deadline).await;
        guarded.plan.steps.retain(|step| !unanswered.contains_key(&step.connection_id));
        guarded.plan.notes.extend(unanswered.into_iter().map(|(id, reason)| {
            let reason =
                reason.map_or_else(|| "there was no time to ask WorkOS for it".to_owned(), |why| why.to_string());
            Note::on_connection(
                id,
                format!("nothing is done about the connection, which WorkOS does not list: {reason}"),
            )
        }));
        guarded
    }

    /// Asks WorkOS for connections that seem to be gone. A list can be wrong; only a 404 to a question for the connection
    /// itself is believed.
    async fn confirm(&self, look: &Look<P>, ids: BTreeSet<ConnectionId>, until: Timestamp) -> Unanswered {
        let asked = ids.into_iter().map(|id| async move {
            let Some(key) = &look.key else { return Some((id, Some(StepError::NotGone))) };
            if (self.sources.now)() >= until {
                return Some((id, None));
            }
            match self.directory.connection_is_gone(key, &id).await {
                Ok(true) => None,
                Ok(false) => Some((id, Some(StepError::NotGone))),
                Err(error) => Some((id, Some(StepError::Directory(error)))),
            }
        });
        let answers: Vec<Option<_>> = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE).collect().await;
        answers.into_iter().flatten().collect()
    }
}
