//! WorkOS behind its port.

use causeway_core::{
    connection::{
        Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord, WorkosSnapshot,
    },
    desired::{Desired, with_known_organizations},
    id::ConnectionId,
    port::{Directory, DirectoryError},
    timestamp::Timestamp,
};
use secrecy::SecretString;

use super::{
    State,
    names::{conn, letter, org},
    wire::{Side, Wire},
};

impl State {
    /// What WorkOS lists now.
    pub fn snapshot(&self) -> WorkosSnapshot {
        let record = |id: String| UnreadableRecord { id, problem: "odd".to_owned() };
        let is_listed = |letter: &char| self.connections.contains_key(letter) && !self.hidden.contains(letter);
        let garbled = self.garbled.iter().filter(|letter| is_listed(letter));
        let unknown = self.has_unknown.then(|| record(String::new()));
        let shown = |letter: &char| is_listed(letter) && !self.garbled.contains(letter);
        let readable = self.connections.iter().filter(|(letter, _)| shown(letter));
        let is_there = |letter: &char| !self.hidden_organizations.contains(letter);
        let organizations = ['O', 'P', 'Q'].into_iter().filter(is_there).map(|letter| Organization {
            id: org(letter),
            name: None,
            domains: self.domains.get(&letter).into_iter().flatten().map(|domain| verified(domain)).collect(),
        });
        let seen = |letter: &char, connection: &Connection| Connection {
            organization_id: connection.organization_id.clone().filter(|_| !self.orphaned.contains(letter)),
            ..connection.clone()
        };
        WorkosSnapshot {
            connections: readable.map(|(letter, connection)| seen(letter, connection)).collect(),
            organizations: organizations.collect(),
            unreadable: garbled.map(|letter| record(conn(*letter).to_string())).chain(unknown).collect(),
            unreadable_organizations: Vec::new(),
        }
    }

    /// What the pool should have, by what WorkOS lists now.
    pub fn desired(&self) -> Desired {
        let claims = self.items.claims().into_iter().map(|claim| (claim.connection_id.clone(), claim)).collect();
        let options = self.options();
        Desired::new(&with_known_organizations(self.snapshot(), &options, &claims), &options)
    }

    pub(super) fn connect(&mut self, letter: char, state: &str, organization: char) {
        let connection = Connection {
            id: conn(letter),
            organization_id: Some(org(organization)),
            name: None,
            connection_type: None,
            state: ConnectionState::from(state.to_owned()),
            created_at: Some(Timestamp::from_seconds(i64::from(u32::from(letter)))),
        };
        self.connections.insert(letter, connection);
    }
}

fn verified(domain: &str) -> OrganizationDomain {
    OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified }
}

impl Directory for Wire {
    async fn snapshot(&self, _: &SecretString, with_organizations: bool) -> Result<WorkosSnapshot, DirectoryError> {
        let options = self.trial().options.clone();
        let (snapshot, desired, hidden) = self
            .read(Side::Workos, |state| {
                let (snapshot, options) = (state.snapshot(), options.clone().unwrap_or_else(|| state.options()));
                let claims =
                    state.items.claims().into_iter().map(|claim| (claim.connection_id.clone(), claim)).collect();
                let desired = Desired::new(&with_known_organizations(snapshot.clone(), &options, &claims), &options);
                Ok((snapshot, desired, state.hidden()))
            })
            .await?;
        self.showed(desired, hidden);
        let organizations = if with_organizations { snapshot.organizations } else { Vec::new() };
        Ok(WorkosSnapshot { organizations, ..snapshot })
    }

    async fn connection_is_gone(&self, _: &SecretString, id: &ConnectionId) -> Result<bool, DirectoryError> {
        // What one connection is asked for is no part of the look.
        self.call(Side::Workos, |state| Ok(!state.connections.contains_key(&letter(id)))).await
    }

    async fn delete_webhook_endpoint(&self, _: &SecretString, _: &str) -> Result<(), DirectoryError> {
        self.read(Side::Workos, |_| Ok(())).await
    }
}
