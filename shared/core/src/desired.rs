//! What a pool should have, derived from what WorkOS has and what the operator chose.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    claim::Claim,
    connection::{Connection, ConnectionState, WorkosSnapshot},
    domain,
    id::{ConnectionId, Identifier, OrganizationId},
    user_pool::PoolOptions,
};

/// What a connection's state asks for.
///
/// | state | provider | in the app clients |
/// | --- | --- | --- |
/// | `active`, `validating` | made | yes |
/// | `inactive` | made | no |
/// | `draft`, `requires_type`, `deleting` | never made, kept as it is | no |
/// | one that Causeway does not know | unchanged | unchanged |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A provider that users sign in with.
    Wired,
    /// A provider that no app client offers.
    Unwired,
    /// No provider is made; one that is there is kept, and no app client offers it.
    KeptUnwired,
    /// Nothing is concluded.
    Untouched,
}

impl Presence {
    fn of(state: &ConnectionState) -> Self {
        match state {
            // `validating` ends only with the first successful sign-in, so it must be able to happen.
            ConnectionState::Active | ConnectionState::Validating => Self::Wired,
            ConnectionState::Inactive => Self::Unwired,
            ConnectionState::Draft | ConnectionState::RequiresType | ConnectionState::Deleting => Self::KeptUnwired,
            ConnectionState::Unknown(_) => Self::Untouched,
        }
    }

    /// Whether a provider is made where there is none.
    pub fn is_provided(self) -> bool {
        matches!(self, Self::Wired | Self::Unwired)
    }
}

/// A connection that the operator chose, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredConnection {
    /// The connection.
    pub connection: Connection,
    /// What its state asks for.
    pub presence: Presence,
}

/// What a pool should have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The chosen connections.
    pub connections: BTreeMap<ConnectionId, DesiredConnection>,
    /// Connections that exist, and that the operator did not choose.
    pub excluded: BTreeSet<ConnectionId>,
    /// Connections that exist, and whose record could not be read or does not say whether they are chosen:
    /// nothing is concluded from them.
    pub unreadable: BTreeSet<ConnectionId>,
    /// Connections that somebody refused to have anything taken from, and from which a plan would take something: they
    /// are left as they are.
    pub parked: BTreeSet<ConnectionId>,
    /// Organizations whose domains were asked for and did not come: their providers keep the ones they have.
    pub organizations_unseen: BTreeSet<OrganizationId>,
    /// The verified domains of each organization that become identifiers, in their ASCII form.
    pub domains: BTreeMap<OrganizationId, BTreeSet<Identifier>>,
    /// Whether nothing is chosen because the pool is being removed.
    pub is_removal: bool,
    /// Verified domains that can't be identifiers: too long in their ASCII form, or no domains at all.
    pub unfit_domains: Vec<String>,
}

impl Desired {
    /// Derives what a pool should have. The order of the snapshot's records does not matter.
    pub fn new(snapshot: &WorkosSnapshot, options: &PoolOptions) -> Self {
        let mut desired = Self::default();
        desired.add_unreadable(snapshot);
        let unreadable = desired.unreadable.clone();
        for connection in snapshot.connections.iter().filter(|connection| !unreadable.contains(&connection.id)) {
            let Some(is_chosen) = is_chosen(connection, options) else {
                desired.unreadable.insert(connection.id.clone());
                continue;
            };
            if is_chosen {
                let presence = Presence::of(&connection.state);
                let wanted = DesiredConnection { connection: connection.clone(), presence };
                desired.connections.insert(connection.id.clone(), wanted);
            } else {
                desired.excluded.insert(connection.id.clone());
            }
        }
        if options.domain_identifiers {
            desired.add_domains(snapshot);
        }
        desired
    }

    /// What a pool that is being removed should have: nothing of these connections.
    pub fn nothing(claimed: impl IntoIterator<Item = ConnectionId>) -> Self {
        Self { excluded: claimed.into_iter().collect(), is_removal: true, ..Self::default() }
    }

    /// The same, with nothing concluded about these connections: what Causeway made for them is not known.
    #[must_use]
    pub fn without(mut self, connections: impl IntoIterator<Item = ConnectionId>) -> Self {
        for id in connections {
            self.connections.remove(&id);
            self.excluded.remove(&id);
            self.unreadable.insert(id);
        }
        self
    }

    fn add_unreadable(&mut self, snapshot: &WorkosSnapshot) {
        for record in &snapshot.unreadable {
            // One that does not even show whose it is keeps nobody: what seems gone is asked for by its own ID.
            if let Ok(id) = record.id.parse() {
                self.unreadable.insert(id);
            }
        }
        // A list that changes while its pages are read can show one connection twice, and does not tell
        // which of the two is the newer.
        let mut seen: BTreeMap<&ConnectionId, &Connection> = BTreeMap::new();
        for connection in &snapshot.connections {
            if *seen.entry(&connection.id).or_insert(connection) != connection {
                self.unreadable.insert(connection.id.clone());
            }
        }
    }

    fn add_domains(&mut self, snapshot: &WorkosSnapshot) {
        let chosen: BTreeSet<OrganizationId> =
            self.connections.values().filter_map(|wanted| wanted.connection.organization_id.clone()).collect();
        self.organizations_unseen.clone_from(&chosen);
        let is_whole = |id: &OrganizationId| {
            snapshot.unreadable_organizations.iter().all(|unreadable| unreadable.id != id.as_str())
        };
        for organization in snapshot.organizations.iter().filter(|organization| chosen.contains(&organization.id)) {
            if is_whole(&organization.id) {
                self.organizations_unseen.remove(&organization.id);
            }
            if organization.id.is_test() {
                continue;
            }
            for domain in organization.domains.iter().filter(|domain| domain.is_verified()) {
                match domain::ascii(&domain.domain).and_then(|ascii| ascii.parse().ok()) {
                    Some(identifier) => {
                        self.domains.entry(organization.id.clone()).or_default().insert(identifier);
                    }
                    None => self.unfit_domains.push(domain.domain.clone()),
                }
            }
        }
        self.unfit_domains.sort();
    }

    /// Whether WorkOS no longer has a connection, as far as one can tell.
    pub fn is_missing(&self, id: &ConnectionId) -> bool {
        !self.connections.contains_key(id) && !self.excluded.contains(id) && !self.unreadable.contains(id)
    }

    /// Whether nothing is to be done about a connection, whatever it looks like.
    pub fn is_untouched(&self, id: &ConnectionId) -> bool {
        self.unreadable.contains(id)
            || self.parked.contains(id)
            || self.connections.get(id).is_some_and(|wanted| wanted.presence == Presence::Untouched)
    }
}

/// The snapshot, with the organization that its claim knows for each connection that shows none. `WorkOS` documents that it
/// can be missing (Connection object), and nobody leaves an organization by that. Where the pool does not choose that
/// organization any more it stays missing: nothing is taken from anybody because of what a claim says.
#[must_use]
pub fn with_known_organizations(
    mut snapshot: WorkosSnapshot,
    options: &PoolOptions,
    claims: &BTreeMap<ConnectionId, Claim>,
) -> WorkosSnapshot {
    let is_chosen = |id: &OrganizationId| options.organizations.as_ref().is_none_or(|chosen| chosen.contains(id));
    for connection in snapshot.connections.iter_mut().filter(|connection| connection.organization_id.is_none()) {
        let known = claims.get(&connection.id).and_then(|claim| claim.organization_id.clone());
        connection.organization_id = known.filter(is_chosen);
    }
    snapshot
}

/// Whether the operator chose a connection; `None` where that depends on an organization that it does not
/// show, which WorkOS documents as possible: nothing may be taken away for it. WorkOS's Test Organization is chosen
/// only by its name, since its identity provider lets in whoever comes, and what is like it in another organization
/// never: there its users could have an address that is taken for verified.
fn is_chosen(connection: &Connection, options: &PoolOptions) -> Option<bool> {
    let in_test = connection.organization_id.as_ref().is_some_and(OrganizationId::is_test);
    match &options.organizations {
        _ if connection.is_test() && !in_test => Some(false),
        None => Some(!in_test),
        Some(chosen) => connection.organization_id.as_ref().map(|organization| chosen.contains(organization)),
    }
}
