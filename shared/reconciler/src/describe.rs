//! Which providers of a look are asked for alone, and how far time allows.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use causeway_core::{
    claim::Claim,
    foreign::{ForeignProvider, ForeignProviders},
    id::{AppClientId, ConnectionId, ProviderName},
    plan::{hides_late_write, to_describe, to_find},
    port::{Pool, PoolError, Ports},
    provider::{Observed, ObservedProvider},
    timestamp::Timestamp,
    user_pool::UserPool,
};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::{Look, Reconciler};

/// How many providers and app clients are asked for at once: as many as keep the rate up where an answer takes half a
/// second, and few enough to leave time for steps where Cognito takes a question in four seconds only.
pub(crate) const ASKED_AT_ONCE: usize = 3;

/// How many providers were described, of those that should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Described {
    /// Time was too short for all that a plan needs: nothing is concluded from the others.
    Part,
    /// All that a plan needs.
    Needed,
    /// All that a plan needs, and of a full pass the providers up to this one.
    Until(ProviderName),
    /// Every provider, by this run and those before it.
    Every,
}

/// A look that describes every provider, as far as its time allows.
#[derive(Debug, Clone)]
pub(crate) struct FullPass {
    /// The last provider that the runs before have described.
    pub after: Option<ProviderName>,
}

/// What came of a question for one provider.
#[derive(Debug)]
enum Answer {
    Seen(ObservedProvider),
    Absent,
    /// Time was too short.
    Unasked,
}

impl<P: Ports> Reconciler<P> {
    /// Asks for everything that a plan needs, and in a full pass for the other providers, until time is over.
    pub(crate) async fn describe(
        &self,
        look: &mut Look<P>,
        pool: &UserPool,
        full: Option<FullPass>,
        until: Timestamp,
    ) -> Result<(), PoolError> {
        self.find(look, pool, until).await?;
        if !look.desired.is_removal {
            self.describe_foreign(look, full.as_ref().is_some_and(|full| full.after.is_none()), until).await?;
        }
        self.describe_claimed(look, pool, full, until).await?;
        let now = self.now();
        let unsettled = look.claims.values().filter(|claim| claim.may_be_written_late(now));
        look.observed.unsettled = unsettled.map(|claim| claim.provider_name.clone()).collect();
        Ok(())
    }

    /// Asks for the providers that the list lacks: it can be behind.
    async fn find(&self, look: &mut Look<P>, pool: &UserPool, until: Timestamp) -> Result<(), PoolError> {
        let lacking = to_find(&look.situation(&BTreeMap::new(), pool));
        for (name, asked) in self.ask(look, lacking, until).await? {
            look.learn(name, asked, self.now());
        }
        Ok(())
    }

    /// Describes the providers that are not ours and that moved since they were last described, or `all` of them.
    async fn describe_foreign(&self, look: &mut Look<P>, all: bool, until: Timestamp) -> Result<(), PoolError> {
        let claimed: BTreeSet<&ProviderName> = look.claims.values().map(|claim| &claim.provider_name).collect();
        let listed = look.observed.providers.iter().filter(|(name, _)| !claimed.contains(name));
        let is_known = |name: &ProviderName, seen: &ObservedProvider| {
            look.foreign.providers.get(name).is_some_and(|known| known.last_modified == seen.last_modified)
        };
        let (known, moved): (Vec<_>, Vec<_>) =
            listed.map(|(name, seen)| (name.clone(), is_known(name, seen))).partition(|(_, known)| *known && !all);
        let mut foreign = ForeignProviders { unknown: look.foreign.unknown.clone(), ..ForeignProviders::default() };
        let remembered = |name: &ProviderName| look.foreign.providers.get(name).cloned();
        foreign.providers.extend(known.into_iter().filter_map(|(name, _)| Some((name.clone(), remembered(&name)?))));
        let asked = self.ask(look, moved.iter().map(|(name, _)| name.clone()), until).await?;
        for ((name, asked), (_, was_known)) in asked.into_iter().zip(moved) {
            match asked {
                Answer::Seen(seen) => {
                    let date = look.observed.providers.get(&name).map_or(seen.last_modified, |seen| seen.last_modified);
                    let identifiers = seen.description.map(|seen| seen.spec.identifiers).unwrap_or_default();
                    foreign.providers.insert(name, ForeignProvider { last_modified: date, identifiers });
                }
                Answer::Absent => look.learn(name, Answer::Absent, self.now()),
                // What is remembered of a provider that has not moved is still good.
                Answer::Unasked if was_known => {
                    let known = look.foreign.providers.get(&name).cloned();
                    foreign.providers.extend(known.map(|known| (name, known)));
                }
                Answer::Unasked => look.learn(name, Answer::Unasked, self.now()),
            }
        }
        let foreign = foreign.with_taken(look.foreign.taken.clone(), self.now());
        look.foreign_moved = foreign != look.foreign;
        look.foreign = foreign;
        Ok(())
    }

    /// Describes the claimed providers that must be, and in a full pass the others.
    async fn describe_claimed(
        &self,
        look: &mut Look<P>,
        pool: &UserPool,
        full: Option<FullPass>,
        until: Timestamp,
    ) -> Result<(), PoolError> {
        let foreign = look.foreign.holders(self.now());
        let needed = to_describe(&look.situation(&foreign, pool));
        let claimed = look.claims.values().map(|claim| claim.provider_name.clone());
        let others: BTreeSet<ProviderName> =
            claimed.filter(|name| !needed.contains(name) && look.observed.providers.contains_key(name)).collect();
        for (name, asked) in self.ask(look, needed, until).await? {
            look.learn(name, asked, self.now());
        }
        if !look.observed.undescribed.is_empty() {
            look.described = Described::Part;
            return Ok(());
        }
        let Some(FullPass { mut after }) = full else { return Ok(()) };
        let from = after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        let rest: Vec<ProviderName> = others.range((from, Bound::Unbounded)).cloned().collect();
        for (name, asked) in self.ask(look, rest, until).await? {
            if matches!(asked, Answer::Unasked) {
                look.described = after.map_or(Described::Needed, Described::Until);
                return Ok(());
            }
            look.learn(name.clone(), asked, self.now());
            after = Some(name);
        }
        look.described = Described::Every;
        Ok(())
    }

    /// Asks for providers, each alone, in this order.
    async fn ask(
        &self,
        look: &Look<P>,
        names: impl IntoIterator<Item = ProviderName>,
        until: Timestamp,
    ) -> Result<Vec<(ProviderName, Answer)>, PoolError> {
        let questions = names.into_iter().map(|name| async move {
            if self.now() >= until {
                return Ok((name, Answer::Unasked));
            }
            let seen = look.access.describe_provider(&name).await?;
            Ok((name, seen.map_or(Answer::Absent, Answer::Seen)))
        });
        // Collected first: the borrow checker does not follow an iterator of futures into a stream.
        let questions: Vec<_> = questions.collect();
        stream::iter(questions).buffered(ASKED_AT_ONCE).try_collect().await
    }

    /// The middle of the time that is left.
    pub(crate) fn half_time(&self, deadline: Timestamp) -> Timestamp {
        let now = self.now();
        now.plus(deadline.since(now) / 2)
    }
}

impl<P: Ports> Look<P> {
    /// Whether a provider that was written just now, or may have been, does not show yet, so that nothing is concluded about
    /// it: a later run has to see.
    pub(crate) fn waits_for_cognito(&self, pool: &UserPool) -> bool {
        let is_made = |claim: &Claim| {
            let wanted = self.desired.connections.get(&claim.connection_id);
            !claim.is_held() && wanted.is_some_and(|wanted| wanted.presence.is_provided())
        };
        self.claims.values().any(|claim| !is_made(claim) && self.is_unseen(claim))
            || hides_late_write(&self.situation(&BTreeMap::new(), pool))
    }

    /// Whether an app client names a provider of which that is so.
    pub(crate) fn names_unseen(&self, client: &AppClientId) -> bool {
        let named = self.observed.app_clients.get(client);
        let is_named = |claim: &&Claim| named.is_some_and(|names| names.contains(claim.provider_name.as_str()));
        self.claims.values().filter(is_named).any(|claim| self.is_unseen(claim))
    }

    fn is_unseen(&self, claim: &Claim) -> bool {
        let Observed { providers, gone, undescribed, .. } = &self.observed;
        let name = &claim.provider_name;
        !providers.contains_key(name) && !gone.contains(name) && !undescribed.contains(name)
    }

    /// Takes in what came of a question for a provider.
    fn learn(&mut self, name: ProviderName, asked: Answer, now: Timestamp) {
        let claim = claim_of(&self.claims, &name);
        match asked {
            Answer::Unasked => drop(self.observed.undescribed.insert(name)),
            Answer::Absent => {
                self.observed.providers.remove(&name);
                if claim.is_none_or(|claim| claim.is_settled(now)) {
                    self.observed.gone.insert(name);
                }
            }
            Answer::Seen(seen) => {
                let written = claim.filter(|claim| claim.is_held() && !claim.is_settled(now));
                let newer = written.and_then(|claim| claim.last_modified).filter(|ours| seen.last_modified < *ours);
                let listed = self.observed.providers.entry(name).or_insert_with(|| seen.clone());
                if let Some(ours) = newer {
                    // What was written just now does not show yet.
                    (listed.last_modified, listed.description) = (ours, None);
                } else {
                    // The list's date is the one that later lists are compared with.
                    listed.description = seen.description;
                }
            }
        }
    }
}

fn claim_of<'a>(claims: &'a BTreeMap<ConnectionId, Claim>, name: &ProviderName) -> Option<&'a Claim> {
    claims.values().find(|claim| claim.provider_name == *name)
}
