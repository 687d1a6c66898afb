//! What the onboarding page asks to have done in a tenant's account. `onboarding`, which anybody can reach, never enters
//! one: it writes the errand down and `reconcile` does it, after it has read session, link and pool again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    app_clients::AppClients,
    id::{AppClientId, TenantId, UserPoolId},
    timestamp::Timestamp,
};

/// How many errands a session may ask for within [`WITHIN`].
const MOST: usize = 10;
/// Within which time they count.
const WITHIN: Duration = Duration::from_mins(1);
/// After how long an errand that has not ended never will, so that another may be asked for. Longer than a run that holds
/// the pool's message group up, and than the message of a function that was killed takes to come again.
const LONGEST: Duration = Duration::from_mins(10);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Run the checks.
    Check,
    /// See which app clients there are.
    SeeAppClients,
    /// Give these app clients the providers.
    ChooseAppClients(AppClients),
}

/// One errand. A pool has at most one that waits or is being done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Its ID.
    pub id: String,
    /// What is to be done.
    pub task: Task,
    /// Under what the session stands that asked.
    pub session: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

impl Errand {
    /// Whether it still waits or is being done at `now`, where the last errand that ended is `ended`.
    pub fn is_under_way(&self, ended: Option<&str>, now: Timestamp) -> bool {
        ended != Some(self.id.as_str()) && now.since(self.asked_at) < LONGEST
    }
}

/// When a session asked for errands, with one more at `now`. `None` if it has to wait.
pub fn one_more(asked_at: &[Timestamp], now: Timestamp) -> Option<Vec<Timestamp>> {
    let mut recent: Vec<Timestamp> = asked_at.iter().copied().filter(|at| now.since(*at) < WITHIN).collect();
    recent.push(now);
    (recent.len() <= MOST).then_some(recent)
}

/// The queue's message that has `reconcile` look for an errand of a pool. It says nothing about what is to be done.
/// One of a later version may say more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrandCall {
    /// The tenant that the pool belongs to.
    pub tenant_id: TenantId,
    /// The pool; also the queue's message group.
    pub user_pool_id: UserPoolId,
    /// The errand's ID.
    pub errand_id: String,
}

/// An app client, as far as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAppClient {
    /// Its ID.
    pub id: AppClientId,
    /// The first of its callback URLs.
    #[serde(default)]
    pub callback_url: Option<String>,
    /// The scopes that it allows.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// What an errand saw of a pool's app clients, for the page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAppClients {
    /// Every app client with its name; none where there are too many to choose from.
    pub offered: Vec<(AppClientId, String)>,
    /// Those that are given the providers, as far as there are few.
    pub given: Vec<SeenAppClient>,
    /// Why the last choice was not taken; none where it was.
    #[serde(default)]
    pub refused: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_session_asks_ten_times_a_minute_and_then_waits() {
        let mut asked = Vec::new();
        for second in 0..10 {
            asked = one_more(&asked, at(second)).unwrap();
        }
        assert_eq!(one_more(&asked, at(59)), None);
        assert_eq!(one_more(&asked, at(60)).unwrap().len(), 10, "the first is a minute ago");
    }

    #[test]
    fn an_errand_is_under_way_until_it_ended_or_is_given_up() {
        let errand = Errand { id: "2".to_owned(), task: Task::Check, session: String::new(), asked_at: at(0) };
        assert!(errand.is_under_way(None, at(0)) && errand.is_under_way(Some("1"), at(599)));
        assert!(!errand.is_under_way(Some("2"), at(1)));
        assert!(!errand.is_under_way(Some("1"), at(600)));
    }
}
