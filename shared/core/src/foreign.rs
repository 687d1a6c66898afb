//! What is known of the providers of a pool that Causeway did not make: described once, and again when their date
//! moves, so that an identifier they hold is known without asking each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    id::{Identifier, ProviderName},
    keeps_unknown,
    timestamp::Timestamp,
    unknown::Unknown,
};

/// A provider that Causeway did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProvider {
    /// Its date when it was described.
    pub last_modified: Timestamp,
    /// Its identifiers then.
    pub identifiers: BTreeSet<Identifier>,
}

/// All of them, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct ForeignProviders {
    /// By name.
    pub providers: BTreeMap<ProviderName, ForeignProvider>,
    /// The identifiers that Cognito refused, as another provider has them, and when. None of those that are known does:
    /// they may differ in case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub taken: BTreeMap<Identifier, Timestamp>,
    /// What a later version wrote into it.
    #[serde(skip)]
    pub unknown: Unknown,
}

/// How long an identifier that Cognito refused is not tried again.
const TAKEN_FOR: Duration = Duration::from_hours(24);

impl ForeignProviders {
    /// Who has which identifier at `now`; none where it is not known who.
    pub fn holders(&self, now: Timestamp) -> BTreeMap<Identifier, Option<ProviderName>> {
        let taken = self.taken.iter().filter(|(_, at)| now.since(**at) < TAKEN_FOR);
        let taken = taken.map(|(identifier, _)| (identifier.clone(), None));
        let held = self.providers.iter().flat_map(|(name, provider)| {
            provider.identifiers.iter().map(move |identifier| (identifier.clone(), Some(name.clone())))
        });
        taken.chain(held).collect()
    }

    /// What is left of `taken` at `now`: what a provider that is known has is free when that one goes.
    #[must_use]
    pub fn with_taken(mut self, taken: BTreeMap<Identifier, Timestamp>, now: Timestamp) -> Self {
        let is_known = |identifier: &Identifier| self.providers.values().any(|it| it.identifiers.contains(identifier));
        self.taken = taken.into_iter().filter(|(it, at)| now.since(*at) < TAKEN_FOR && !is_known(it)).collect();
        self
    }
}

keeps_unknown!(ForeignProviders);
