//! What claims keep of names, and what of them people are shown ([`crate::naming`]).

use std::collections::BTreeMap;

use crate::{
    claim::Claim,
    connection::{Connection, Organization},
    id::{ConnectionId, OrganizationId},
    naming::{Names, Naming, recent, renamed},
    organization::KnownOrganization,
    shown,
    timestamp::Timestamp,
};

impl Naming {
    /// What a claim keeps, as it is shown at `now`.
    pub fn of(claim: &Claim, now: Timestamp) -> Self {
        Self {
            name: claim.connection_name.clone(),
            former_names: recent(&claim.former_names, now),
            organization_id: claim.organization_id.clone(),
            // What is kept of another organization, since the connection went to this one, does not name it.
            organization_name: claim.organization().and_then(|known| known.name.clone()),
            former_organization_names: recent(&claim.former_organization_names, now),
            connection_type: claim.connection_type.clone(),
        }
    }
}

/// By what the connections of a pool are known: those with a claim, and those that were `seen` in WorkOS, with what was
/// read of the organizations, if they were read.
pub fn names(
    claims: &BTreeMap<ConnectionId, Claim>,
    seen: &BTreeMap<ConnectionId, Connection>,
    organizations: Option<&[Organization]>,
    now: Timestamp,
) -> Names {
    let mut known: BTreeMap<&OrganizationId, &str> = BTreeMap::new();
    known.extend(claims.values().filter_map(|claim| {
        let organization = claim.organization.as_ref()?;
        Some((&organization.id, organization.name.as_deref()?))
    }));
    known.extend(organizations.into_iter().flatten().filter_map(|one| Some((&one.id, one.name.as_deref()?))));
    let of_seen = |connection: &Connection| Naming {
        name: connection.name.clone(),
        organization_id: connection.organization_id.clone(),
        organization_name: connection.organization_id.as_ref().and_then(|id| known.get(id)).map(|&it| it.to_owned()),
        connection_type: connection.connection_type.as_deref().and_then(shown::name),
        ..Naming::default()
    };
    let mut names: Names = seen.values().map(|connection| (connection.id.clone(), of_seen(connection))).collect();
    names.extend(claims.iter().map(|(id, claim)| {
        let mut claim = claim.clone();
        claim.note_names(seen.get(id), organizations, now);
        (id.clone(), Naming::of(&claim, now))
    }));
    names
}

impl Claim {
    /// Keeps what WorkOS calls the connection, as it was `seen`, and its organization, of those that were read. What was
    /// not seen is called as before: that a connection or an organization is gone is when people need its name.
    pub fn note_names(&mut self, seen: Option<&Connection>, organizations: Option<&[Organization]>, now: Timestamp) {
        let (own, of_organization) = (self.connection_name.clone(), self.organization_name());
        if let Some(seen) = seen {
            self.connection_name.clone_from(&seen.name);
            self.connection_type = seen.connection_type.as_deref().and_then(shown::name);
        }
        if let Some(all) = organizations {
            let known = self.organization_id.as_ref().map(|id| KnownOrganization::of(id, all));
            self.organization = known.map(|known| known.called_as(self.organization.as_ref(), all));
        }
        let is_of_organization = of_organization.is_some();
        let before = of_organization.or(own);
        if before != self.organization_name().or_else(|| self.connection_name.clone()) {
            let former = if is_of_organization { &mut self.former_organization_names } else { &mut self.former_names };
            *former = renamed(former, before, now);
        }
    }

    fn organization_name(&self) -> Option<String> {
        self.organization.as_ref().and_then(|known| known.name.clone())
    }
}

#[cfg(test)]
mod tests;
