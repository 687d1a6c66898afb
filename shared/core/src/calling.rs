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
            organization_name: claim.organization.as_ref().and_then(|known| known.name.clone()),
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
        if let Some(seen) = seen {
            let (before, after) = (self.connection_name.as_deref(), seen.name.as_deref());
            self.former_names = renamed(&self.former_names, before, after, now);
            self.connection_name.clone_from(&seen.name);
            self.connection_type = seen.connection_type.as_deref().and_then(shown::name);
        }
        if let Some(all) = organizations {
            let known = self.organization_id.as_ref().map(|id| KnownOrganization::of(id, all));
            let known = known.map(|known| known.called_as(self.organization.as_ref(), all));
            let name = |known: Option<&KnownOrganization>| known.and_then(|known| known.name.clone());
            let (before, after) = (name(self.organization.as_ref()), name(known.as_ref()));
            self.former_organization_names =
                renamed(&self.former_organization_names, before.as_deref(), after.as_deref(), now);
            self.organization = known;
        }
    }
}

#[cfg(test)]
mod tests;
