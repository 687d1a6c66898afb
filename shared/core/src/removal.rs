//! The removal of a user pool: an operator's own word, so that neither mode nor guard has a say in it.
//!
//! Sign-ins end with the status. What is left is what becomes of the providers: with [`Providers::Keep`] the
//! claims are dropped, which needs nothing of the tenant's account; with [`Providers::Delete`] the providers
//! are taken out of the app clients, then deleted. Each claim goes after its provider, so that a run that
//! ends anywhere leaves the next one what is still to be done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

/// What becomes of the providers of a pool that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Providers {
    /// They stay in the pool, and sign nobody in any more.
    Keep,
    /// They are taken out of the app clients, then deleted.
    Delete,
}

/// The removal of a pool that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Removal {
    /// What becomes of the providers.
    pub providers: Providers,
    /// When an operator asked for it.
    pub requested_at: Timestamp,
}

impl Removal {
    /// What was asked for at `now`: once more where a removal is on its way, whose choice stays unless another
    /// one is `wanted`. Without any word nothing is taken away.
    pub fn asked_for(before: Option<&Self>, wanted: Option<Providers>, now: Timestamp) -> Self {
        let providers = wanted.or(before.map(|before| before.providers)).unwrap_or(Providers::Keep);
        let requested_at = before.map_or(now, |before| before.requested_at);
        Self { providers, requested_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removal_keeps_the_providers_unless_asked_to_delete_them_and_its_choice_until_another_is_made() {
        let (first, later) = (Timestamp::from_seconds(1), Timestamp::from_seconds(2));
        let before = |providers| Removal { providers, requested_at: first };
        for (before, wanted, providers) in [
            (None, None, Providers::Keep),
            (None, Some(Providers::Delete), Providers::Delete),
            (Some(before(Providers::Delete)), None, Providers::Delete),
            (Some(before(Providers::Delete)), Some(Providers::Keep), Providers::Keep),
            (Some(before(Providers::Keep)), Some(Providers::Delete), Providers::Delete),
        ] {
            let asked = Removal::asked_for(before.as_ref(), wanted, later);
            assert_eq!(asked.providers, providers, "{before:?} {wanted:?}");
            assert_eq!(asked.requested_at, if before.is_some() { first } else { later });
        }
    }
}
