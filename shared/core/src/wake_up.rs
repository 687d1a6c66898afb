//! The queue's message: which user pool to look at, and nothing about what changed.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::id::{TenantId, UserPoolId};

/// Why somebody looks at a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The pool was due.
    Schedule,
    /// An operator or the tenant asked.
    Api,
    /// WorkOS reported an event.
    Webhook,
}

/// A wake-up for one user pool. Late, doubled, reordered or lost ones are harmless, since a run looks at
/// both sides itself. One with more members, or with another cause, is of a later version, and is read all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WakeUp {
    /// The tenant that the pool belongs to.
    pub tenant_id: TenantId,
    /// The pool; also the queue's message group.
    pub user_pool_id: UserPoolId,
    /// Why. A word that this version doesn't know asks for no more than the schedule does: a look.
    #[serde(deserialize_with = "cause")]
    pub cause: Cause,
}

fn cause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cause, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(serde_json::from_value(word.into()).unwrap_or(Cause::Schedule))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn message() -> serde_json::Value {
        json!({"tenant_id": "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N", "user_pool_id": "eu-west-1_a", "cause": "webhook"})
    }

    proptest! {
        #[test]
        fn a_wake_up_of_a_later_version_is_read(name in "[a-z_]{1,12}", value in ".*", cause in "[a-z_]{1,12}") {
            let mut newer = message();
            if !["tenant_id", "user_pool_id", "cause"].contains(&name.as_str()) {
                newer[name] = json!({ "said": value });
            }
            let read: WakeUp = serde_json::from_value(newer.clone()).unwrap();
            prop_assert_eq!(read.cause, Cause::Webhook);
            newer["cause"] = json!(cause);
            let read: WakeUp = serde_json::from_value(newer).unwrap();
            prop_assert!(json!(read.cause) == json!(cause) || read.cause == Cause::Schedule);
        }

        #[test]
        fn what_names_no_pool_is_no_wake_up(text in ".*") {
            prop_assert!(serde_json::from_str::<WakeUp>(&text).is_err());
        }
    }

    #[test]
    fn a_wake_up_without_any_of_its_members_is_none() {
        for name in ["tenant_id", "user_pool_id", "cause"] {
            let mut less = message();
            less.as_object_mut().unwrap().remove(name);
            assert!(serde_json::from_value::<WakeUp>(less).is_err(), "{name}");
        }
    }
}
