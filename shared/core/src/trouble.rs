//! What is the matter with a user pool that is not well, how bad that is, and who has to mend it. The API, the metrics
//! and the alarms all go by this, so that they agree.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{health::HealthState, timestamp::Timestamp};

/// What is the matter with a pool, the worst first: what an operator has to mend, then what a tenant has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Causeway's own mistake, or an item of the table that can't be read.
    Bug,
    /// Steps that would take many sign-ins away wait for an operator.
    Held,
    /// The last run met a failure that may pass.
    Transient,
    /// Cognito, STS or WorkOS asked to slow down.
    Throttled,
    /// Somebody else was writing to the pool.
    Conflict,
    /// It is verified, and no run has ended yet.
    NeverRan,
    /// An onboarding link registered it in an account that waits for the operator's admission.
    AwaitsAdmission,
    /// The role or the WorkOS key no longer lets Causeway in, or the role lets in too many.
    Denied,
    /// A request was refused as wrong, or the checks show that sign-ins will be.
    Rejected,
    /// The pool is full.
    Quota,
    /// It is registered, and `verify` has not passed yet.
    Pending,
}

/// Whose a pool is that is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The operator's.
    Operator,
    /// Its tenant's.
    Tenant,
}

impl Trouble {
    /// All there are, the worst first.
    pub const ALL: [Self; 11] = [
        Self::Bug,
        Self::Held,
        Self::Transient,
        Self::Throttled,
        Self::Conflict,
        Self::NeverRan,
        Self::AwaitsAdmission,
        Self::Denied,
        Self::Rejected,
        Self::Quota,
        Self::Pending,
    ];

    /// What a run leaves a pool in whose health is `state`; `None` where it is well. What is held back waits for a person,
    /// whatever else failed: only a mistake is worse.
    pub fn left_by(state: HealthState, holds_back: bool) -> Option<Self> {
        let trouble = match state {
            HealthState::Ok => None,
            // No run of this version leaves it: what nobody here can know is not a tenant's to mend.
            HealthState::Bug | HealthState::Unknown => Some(Self::Bug),
            HealthState::Held => Some(Self::Held),
            HealthState::Transient => Some(Self::Transient),
            HealthState::Throttled => Some(Self::Throttled),
            HealthState::Conflict => Some(Self::Conflict),
            HealthState::Denied => Some(Self::Denied),
            HealthState::Rejected => Some(Self::Rejected),
            HealthState::Quota => Some(Self::Quota),
        };
        if holds_back { trouble.filter(|trouble| *trouble == Self::Bug).or(Some(Self::Held)) } else { trouble }
    }

    /// Its word, in the table and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Held => "held",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Conflict => "conflict",
            Self::NeverRan => "never_ran",
            Self::AwaitsAdmission => "awaits_admission",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Quota => "quota",
            Self::Pending => "pending",
        }
    }

    /// The one of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.as_str() == word)
    }

    /// Whether it mostly passes by itself, and is nobody's before it has lasted longer than the service level.
    pub fn passes_by_itself(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled | Self::Conflict | Self::NeverRan)
    }

    /// Whether time or Causeway's developers alone can mend it: no tenant and no operator is asked to do anything at first.
    pub fn is_nobody_elses_to_mend(self) -> bool {
        self.passes_by_itself() || self == Self::Bug
    }

    /// Whose it is once it has lasted for so long. What passes by itself is the operator's once it has lasted longer than
    /// the service level, when `OldestSyncAlarm` fires.
    pub fn whose(self, lasts: Duration, service_level: Duration) -> Option<Whose> {
        match self {
            Self::Bug | Self::Held | Self::AwaitsAdmission => Some(Whose::Operator),
            Self::Denied | Self::Rejected | Self::Quota | Self::Pending => Some(Whose::Tenant),
            Self::Transient | Self::Throttled | Self::Conflict | Self::NeverRan => {
                (lasts > service_level).then_some(Whose::Operator)
            }
        }
    }

    /// Before which time it must have begun to be somebody's at `now`; `None` where it is from the beginning. It is
    /// [`Trouble::whose`] as a condition of the table.
    pub fn somebodys_before(self, now: Timestamp, service_level: Duration) -> Option<Timestamp> {
        self.passes_by_itself().then(|| now.minus(service_level))
    }

    /// What is wrong and what to do about it, where no run has told yet.
    pub fn told_before_a_run(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::AwaitsAdmission => Some((
                "An onboarding link registered it in an account that the link does not name.",
                "Admit it if the account is the tenant's own (`POST .../admission`), or remove it.",
            )),
            Self::Pending => Some((
                "It is registered, and `verify` has not passed yet.",
                "The tenant creates the role (`GET .../role`); then call `verify`.",
            )),
            Self::NeverRan => Some((
                "It is verified, and no run has ended yet.",
                "Ask for a run (`POST .../reconcile`). Where none ends, read the log of `reconcile`, and the dead letters.",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rings_an_alarm_is_the_operators_and_what_a_role_or_a_key_mends_the_tenants() {
        const LEVEL: Duration = Duration::from_mins(30);
        let (operator, tenant) = (Some(Whose::Operator), Some(Whose::Tenant));
        let expected = [
            (Trouble::Bug, operator, operator),
            (Trouble::Held, operator, operator),
            (Trouble::Transient, None, operator),
            (Trouble::Throttled, None, operator),
            (Trouble::Conflict, None, operator),
            (Trouble::NeverRan, None, operator),
            (Trouble::AwaitsAdmission, operator, operator),
            (Trouble::Denied, tenant, tenant),
            (Trouble::Rejected, tenant, tenant),
            (Trouble::Quota, tenant, tenant),
            (Trouble::Pending, tenant, tenant),
        ];
        assert_eq!(expected.map(|(trouble, ..)| trouble), Trouble::ALL);
        for (trouble, soon, late) in expected {
            assert_eq!(trouble.whose(Duration::ZERO, LEVEL), soon, "{trouble:?}");
            assert_eq!(trouble.whose(LEVEL, LEVEL), soon, "{trouble:?}");
            assert_eq!(trouble.whose(LEVEL + Duration::from_millis(1), LEVEL), late, "{trouble:?}");
            assert_eq!(trouble.passes_by_itself(), soon.is_none(), "{trouble:?}");
        }
    }

    #[test]
    fn what_the_table_is_asked_for_is_what_is_somebodys() {
        let (now, level) = (Timestamp::from_seconds(1_000_000), Duration::from_mins(30));
        for trouble in Trouble::ALL {
            for millis in [0, 1, 1_799_999, 1_800_000, 1_800_001, 90_000_000] {
                let since = now.minus(Duration::from_millis(millis));
                let is_asked_for = trouble.somebodys_before(now, level).is_none_or(|before| since < before);
                assert_eq!(is_asked_for, trouble.whose(now.since(since), level).is_some(), "{trouble:?} {millis}");
            }
        }
    }

    #[test]
    fn the_worst_stands_first_and_nothing_of_a_tenants_before_something_of_the_operators() {
        let late = |trouble: &Trouble| trouble.whose(Duration::MAX, Duration::ZERO);
        assert!(Trouble::ALL.is_sorted() && Trouble::ALL[0] == Trouble::Bug);
        assert!(Trouble::ALL.is_sorted_by_key(|trouble| late(trouble) == Some(Whose::Tenant)));
    }

    #[test]
    fn each_has_one_word_everywhere() {
        for trouble in Trouble::ALL {
            assert_eq!(serde_json::json!(trouble), trouble.as_str());
            assert_eq!(Trouble::of_word(trouble.as_str()), Some(trouble));
        }
        assert_eq!(Trouble::of_word("ok"), None);
    }

    #[test]
    fn what_is_held_back_waits_for_the_operator_whatever_else_failed_but_a_mistake() {
        use HealthState::{Bug, Conflict, Denied, Held, Ok, Quota, Rejected, Throttled, Transient, Unknown};
        for state in [Ok, Held, Transient, Throttled, Conflict, Denied, Rejected, Quota] {
            assert_eq!(Trouble::left_by(state, true), Some(Trouble::Held), "{state:?}");
            let alone = Trouble::left_by(state, false);
            assert_eq!(alone.is_none(), state == Ok, "{state:?}");
            assert!(alone.is_none_or(|trouble| serde_json::json!(trouble) == serde_json::json!(state)), "{state:?}");
        }
        for state in [Bug, Unknown] {
            assert_eq!([true, false].map(|held| Trouble::left_by(state, held)), [Some(Trouble::Bug); 2], "{state:?}");
        }
    }

    #[test]
    fn a_pool_that_no_run_has_looked_at_is_told_of_and_of_any_other_its_run_tells() {
        for trouble in Trouble::ALL {
            let is_before = [Trouble::NeverRan, Trouble::AwaitsAdmission, Trouble::Pending].contains(&trouble);
            assert_eq!(trouble.told_before_a_run().is_some(), is_before, "{trouble:?}");
        }
        let mut pool = crate::user_pool::tests::pool();
        assert_eq!(pool.trouble_of_new(), Trouble::Pending);
        pool.awaits_admission = true;
        assert_eq!(pool.trouble_of_new(), Trouble::AwaitsAdmission);
    }
}
