//! The fleet as a whole: how many pools are how, what waits and what was given up. No call of it grows with the number of
//! pools but the counts, and these by a page of keys for some 5,000 pools.

use std::collections::BTreeMap;

use causeway_core::{
    timestamp::Timestamp,
    trouble::{Trouble, Whose},
};
use causeway_store::{DUE_SHARDS, Unwell};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, service::Service};

/// What an operator has to look at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Nothing.
    Ok,
    /// Messages were given up.
    DeadLetters,
    /// User pools that are an operator's to mend.
    UserPools,
}

impl DeploymentState {
    /// By how many messages were given up, and whether a pool is an operator's.
    pub fn of(given_up: u64, is_for_operator: bool) -> Self {
        match (given_up, is_for_operator) {
            (1.., _) => Self::DeadLetters,
            (0, true) => Self::UserPools,
            (0, false) => Self::Ok,
        }
    }
}

/// The messages that wait, are worked on, or were given up. The numbers are SQS's, which are approximate while messages
/// come and go.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    /// How many messages the dead-letter queue of wake-ups has.
    pub dead_letters: u64,
    /// How many messages the timer's own dead-letter queue has.
    pub timer_dead_letters: u64,
    /// How many wake-ups wait.
    pub wake_ups_waiting: u64,
    /// How many wake-ups are being worked on.
    pub wake_ups_in_flight: u64,
}

impl Messages {
    /// The messages of the deployment.
    pub async fn of(service: &Service) -> Result<Self, Problem> {
        let (dead, timer_dead, queue) =
            tokio::try_join!(service.dead_letters.depth(), service.timer_dead_letters.depth(), service.queue.depth())?;
        Ok(Self {
            dead_letters: dead.waiting + dead.in_flight,
            timer_dead_letters: timer_dead.waiting + timer_dead.in_flight,
            wake_ups_waiting: queue.waiting,
            wake_ups_in_flight: queue.in_flight,
        })
    }

    /// How many were given up.
    pub fn given_up(&self) -> u64 {
        self.dead_letters + self.timer_dead_letters
    }
}

/// The fleet as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fleet {
    /// `ok`, or what an operator has to look at first.
    state: DeploymentState,
    /// How many user pools are how: by the `state` of `items`, and `ok` for all others that are verified, paused ones among
    /// them. They are counted in the table's indexes for each answer, and can be a second behind.
    #[schema(value_type = BTreeMap<String, u64>)]
    counts: BTreeMap<&'static str, u64>,
    /// How many messages the dead-letter queue of wake-ups has.
    dead_letters: u64,
    /// How many messages the timer's own dead-letter queue has.
    timer_dead_letters: u64,
    /// How many wake-ups wait.
    wake_ups_waiting: u64,
    /// How many wake-ups are being worked on.
    wake_ups_in_flight: u64,
}

impl Fleet {
    /// The fleet as it is now.
    pub async fn of(service: &Service) -> Result<Self, Problem> {
        let store = service.store();
        let unwell = try_join_all(Trouble::ALL.map(async |trouble| Ok((trouble, store.unwell(trouble).await?))));
        let with_runs = try_join_all((0..DUE_SHARDS).map(async |shard| Ok(store.pools_with_runs(shard).await?)));
        let (unwell, with_runs, messages): (Vec<_>, Vec<u64>, _) =
            tokio::try_join!(unwell, with_runs, Messages::of(service))?;
        let is_for_operator = is_for_operator(&unwell, service);
        let state = DeploymentState::of(messages.given_up(), is_for_operator);
        let counts = counts(&unwell, with_runs.iter().sum());
        let Messages { dead_letters, timer_dead_letters, wake_ups_waiting, wake_ups_in_flight } = messages;
        Ok(Self { state, counts, dead_letters, timer_dead_letters, wake_ups_waiting, wake_ups_in_flight })
    }
}

/// Whether one of the pools that were counted is an operator's to mend.
fn is_for_operator(unwell: &[(Trouble, Unwell)], service: &Service) -> bool {
    let now = service.now();
    unwell.iter().any(|(trouble, unwell)| {
        let is_operators = |since: Timestamp| trouble.whose(now.since(since), service.oldest_sync);
        unwell.since.is_some_and(|since| is_operators(since) == Some(Whose::Operator))
    })
}

/// How many pools are how, of so many `with_runs`, which those are among that are in trouble but for the ones that are not
/// verified. Index and index can be a moment apart.
fn counts(unwell: &[(Trouble, Unwell)], with_runs: u64) -> BTreeMap<&'static str, u64> {
    let has_runs = |trouble: &Trouble| !matches!(trouble, Trouble::Pending | Trouble::AwaitsAdmission);
    let in_trouble: u64 = unwell.iter().filter(|(trouble, _)| has_runs(trouble)).map(|(_, unwell)| unwell.count).sum();
    let each = unwell.iter().map(|(trouble, unwell)| (trouble.as_str(), unwell.count));
    each.chain([("ok", with_runs.saturating_sub(in_trouble))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pool_is_counted_once_and_one_that_is_not_verified_is_no_part_of_those_with_runs() {
        let unwell: Vec<(Trouble, Unwell)> = Trouble::ALL
            .into_iter()
            .zip(1..)
            .map(|(trouble, count)| (trouble, Unwell { count, since: None }))
            .collect();
        let counted = counts(&unwell, 100);
        assert_eq!(counted.len(), Trouble::ALL.len() + 1);
        let unverified = counted["pending"] + counted["awaits_admission"];
        assert_eq!(counted.values().sum::<u64>(), 100 + unverified, "{counted:?}");
        assert_eq!(counts(&unwell, 1)["ok"], 0, "the indexes are a moment apart");
    }

    #[test]
    fn what_was_given_up_comes_first_and_a_pool_of_a_tenants_makes_no_state() {
        for (given_up, is_for_operator, state) in [
            (0, false, DeploymentState::Ok),
            (0, true, DeploymentState::UserPools),
            (1, false, DeploymentState::DeadLetters),
            (2, true, DeploymentState::DeadLetters),
        ] {
            assert_eq!(DeploymentState::of(given_up, is_for_operator), state);
        }
    }
}
