//! Which providers of a look are described, and how far time allows.

use std::{collections::BTreeSet, ops::Bound};

use causeway_core::{
    foreign::{ForeignProvider, ForeignProviders},
    id::ProviderName,
    plan::to_describe,
    port::{Pool, Ports},
    provider::ObservedProvider,
    timestamp::Timestamp,
    user_pool::UserPool,
};

use crate::{Look, LookError, Reconciler};

/// How many providers were described, of those that should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Described {
    /// Time was too short for all that a plan needs: nothing may be planned.
    Part,
    /// All that a plan needs.
    Needed,
    /// All that a plan needs, and of a full pass the providers up to this one.
    Until(ProviderName),
    /// Every provider, by this run and those before it.
    Every,
}

/// A look that describes every provider, as far as half of its time allows.
#[derive(Debug, Clone)]
pub(crate) struct FullPass {
    /// The last provider that the runs before have described.
    pub after: Option<ProviderName>,
}

impl<P: Ports> Reconciler<P> {
    /// Describes the providers that are not ours and that moved since they were last described, and until `all_until`
    /// the others too.
    pub(crate) async fn describe_foreign(
        &self,
        look: &mut Look<P>,
        all_until: Option<Timestamp>,
        deadline: Timestamp,
    ) -> Result<(), LookError> {
        let claimed: BTreeSet<&ProviderName> = look.claims.values().map(|claim| &claim.provider_name).collect();
        let listed = look.observed.providers.iter().filter(|(name, _)| !claimed.contains(name));
        let listed: Vec<(ProviderName, Timestamp)> =
            listed.map(|(name, provider)| (name.clone(), provider.last_modified)).collect();
        let mut known = ForeignProviders::default();
        for (name, last_modified) in listed {
            let remembered = look.foreign.providers.get(&name);
            let provider = if let Some(remembered) = remembered.filter(|known| known.last_modified == last_modified)
                && all_until.is_none_or(|until| self.is_over(until))
            {
                remembered.clone()
            } else if self.is_over(deadline) {
                look.described = Described::Part;
                continue;
            } else {
                let Some(seen) = look.access.describe_provider(&name).await? else { continue };
                let identifiers = seen.description.map(|seen| seen.spec.identifiers).unwrap_or_default();
                ForeignProvider { last_modified, identifiers }
            };
            known.providers.insert(name, provider);
        }
        look.foreign_moved = known != look.foreign;
        look.foreign = known;
        Ok(())
    }

    /// Describes the claimed providers that must be, and in a full pass the others until its time is over.
    pub(crate) async fn describe_claimed(
        &self,
        look: &mut Look<P>,
        pool: &UserPool,
        full: Option<(FullPass, Timestamp)>,
        deadline: Timestamp,
    ) -> Result<Described, LookError> {
        let foreign = look.foreign_identifiers();
        let needed = to_describe(&look.situation(&foreign, pool));
        let listed = look.claims.values().map(|claim| &claim.provider_name);
        let others: BTreeSet<ProviderName> = listed
            .filter(|name| !needed.contains(name) && look.observed.providers.contains_key(name))
            .cloned()
            .collect();
        for name in needed {
            if self.is_over(deadline) {
                return Ok(Described::Part);
            }
            describe(look, name).await?;
        }
        let Some((FullPass { mut after }, until)) = full else { return Ok(Described::Needed) };
        let from = after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        for name in others.range((from, Bound::Unbounded)) {
            if self.is_over(until) {
                return Ok(after.map_or(Described::Needed, Described::Until));
            }
            describe(look, name.clone()).await?;
            after = Some(name.clone());
        }
        Ok(Described::Every)
    }

    /// The middle of the time that is left.
    pub(crate) fn half_time(&self, deadline: Timestamp) -> Timestamp {
        let now = (self.sources.now)();
        now.plus(deadline.since(now) / 2)
    }

    fn is_over(&self, deadline: Timestamp) -> bool {
        (self.sources.now)() >= deadline
    }
}

async fn describe<P: Ports>(look: &mut Look<P>, name: ProviderName) -> Result<(), LookError> {
    let seen: Option<ObservedProvider> = look.access.describe_provider(&name).await?;
    match seen {
        // The list's date is the one that later lists are compared with.
        Some(seen) => {
            if let Some(listed) = look.observed.providers.get_mut(&name) {
                listed.description = seen.description;
            }
        }
        // Deleted between the list and now.
        None => {
            look.observed.providers.remove(&name);
        }
    }
    Ok(())
}
