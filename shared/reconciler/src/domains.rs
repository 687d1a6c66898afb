//! What the lookup answers: kept in the table for the pools that offer it, and forgotten where it is not so any more.

use std::collections::BTreeSet;

use causeway_core::{
    lookup::{KnownDomain, known_domains},
    offering::offered_after,
    port::{Ports, Table, TableError},
    run::Failure,
};
use futures::stream::{self, StreamExt as _};

use crate::execute::Execution;

/// How many domains are written at once.
const WRITES_AT_ONCE: usize = 8;

impl<P: Ports> Execution<'_, P> {
    /// Keeps what the pool answers for each domain; written only where it changed. What fails is tried by the next run.
    pub(crate) async fn keep_domains(&mut self) {
        let (run, is_offered) = (&self.run.pool.run, self.run.pool.options.domain_lookup.is_some());
        if !is_offered && !run.has_domains {
            return;
        }
        // Until it is known that nothing is left.
        self.executed.kept.domains = true;
        let offered: BTreeSet<String> =
            offered_after(&self.look.observed.app_clients, &self.executed.done).into_values().flatten().collect();
        // A provider that stays though its connection is gone signs nobody in.
        let wanted_ones = &self.look.desired.connections;
        let claims = self.claims.values().filter(|claim| wanted_ones.contains_key(&claim.connection_id));
        let wanted = if is_offered { known_domains(claims, &offered) } else { Vec::new() };
        match self.write_domains(&wanted).await {
            Ok(()) => self.executed.kept.domains = !wanted.is_empty(),
            Err(error) => {
                let (class, message) = (error.class(), causeway_telemetry::chain(&error));
                self.executed.failures.push(Failure::of(None, "keep the domains for the lookup", class, message));
            }
        }
    }

    async fn write_domains(&self, wanted: &[KnownDomain]) -> Result<(), TableError> {
        let (table, pool) = (&self.run.reconciler.table, &self.run.pool.user_pool_id);
        let kept = table.known_domains(pool).await?;
        let with_unknown = wanted.iter().map(|known| {
            let there = kept.get(&known.domain).and_then(Option::as_ref);
            KnownDomain { unknown: there.map(|there| there.unknown.clone()).unwrap_or_default(), ..known.clone() }
        });
        let changed: Vec<KnownDomain> =
            with_unknown.filter(|known| kept.get(&known.domain) != Some(&Some(known.clone()))).collect();
        let puts = changed.iter().map(|known| table.put_known_domain(pool, known));
        first_failure(stream::iter(puts).buffer_unordered(WRITES_AT_ONCE).collect().await)?;
        let is_wanted = |domain: &str| wanted.binary_search_by(|known| known.domain.as_str().cmp(domain)).is_ok();
        let gone = kept.keys().filter(|domain| !is_wanted(domain));
        let deletes = gone.map(|domain| table.delete_known_domain(pool, domain));
        first_failure(stream::iter(deletes).buffer_unordered(WRITES_AT_ONCE).collect().await)
    }
}

fn first_failure(outcomes: Vec<Result<(), TableError>>) -> Result<(), TableError> {
    outcomes.into_iter().collect()
}
