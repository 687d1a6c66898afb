//! Who gets which identifier. One identifier can be on one provider of a pool only (Cognito API:
//! `IdpIdentifiers`), so an organization with several connections needs a rule, and one that keeps still.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    connection::ConnectionState,
    desired::{Desired, DesiredConnection},
    id::{ConnectionId, Identifier, OrganizationId, ProviderName},
    step::Note,
};

/// The most identifiers that a provider may have (Cognito API: `IdpIdentifiers`).
pub(crate) const MOST: usize = 50;

/// The identifiers of each of Causeway's providers, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignment {
    /// By connection.
    pub identifiers: BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    /// What was left out, and why.
    pub notes: Vec<Note>,
}

/// Decides who gets which identifier.
///
/// `current` is what each claimed provider has now, `foreign` what the providers have that are not ours.
/// A connection has its own ID; an organization's ID and domains are with its holder: the present one
/// while it is active, else the oldest active connection, else the oldest validating one, else they stay.
pub fn assign(
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    foreign: &BTreeMap<Identifier, Option<ProviderName>>,
) -> Assignment {
    assign_among(desired, current, foreign, &Left::default())
}

/// The connections that an assignment leaves as they are.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// They get nothing, as their provider can't be written.
    pub blocked: BTreeSet<ConnectionId>,
    /// They keep all that they have, as nothing is concluded from their provider.
    pub kept: BTreeSet<ConnectionId>,
}

/// As [`assign`], with connections that are left as they are.
pub(crate) fn assign_among(
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    foreign: &BTreeMap<Identifier, Option<ProviderName>>,
    left: &Left,
) -> Assignment {
    let Left { blocked, kept } = left;
    let mut assigner =
        Assigner { desired, current, blocked, kept, owners: BTreeMap::new(), result: Assignment::default() };
    assigner.keep_untouched();
    for (id, wanted) in &desired.connections {
        if wanted.presence.is_provided() && !blocked.contains(id) {
            assigner.result.identifiers.entry(id.clone()).or_default();
            match Identifier::of_id(id) {
                Some(identifier) => assigner.give(id, identifier),
                None => assigner.result.notes.push(Note::on_connection(id.clone(), too_long(id))),
            }
        }
    }
    for (organization, holder) in holders(desired, current, blocked) {
        if Identifier::of_id(&organization).is_none() {
            assigner.result.notes.push(Note::on_connection(holder.clone(), too_long(&organization)));
        }
        let mut shared = assigner.shared(&organization);
        // Where there is no room for all, the organization's ID goes before its domains, and what the holder has already
        // is not displaced by what sorts before it.
        let has = current.get(&holder);
        let is_new = |identifier: &Identifier| has.is_none_or(|has| !has.contains(identifier));
        shared.sort_by_cached_key(|identifier| (is_domain(identifier), is_new(identifier)));
        for identifier in shared {
            assigner.give(&holder, identifier);
        }
    }
    assigner.keep_what_nobody_takes();
    assigner.leave_out_foreign(foreign);
    let mut result = assigner.result;
    for domain in &desired.unfit_domains {
        result.notes.push(Note::general(format!(
            "the domain {domain} is left out: Cognito takes identifiers of at most 40 letters, digits and characters of _+=.@-, and only what is a domain is made one"
        )));
    }
    result
}

fn too_long(id: &impl std::fmt::Display) -> String {
    format!("the ID {id} is left out of the identifiers: Cognito takes at most {} characters", Identifier::LONGEST)
}

/// The holder of each organization's identifiers.
fn holders(
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    blocked: &BTreeSet<ConnectionId>,
) -> BTreeMap<OrganizationId, ConnectionId> {
    let mut members: BTreeMap<&OrganizationId, Vec<&DesiredConnection>> = BTreeMap::new();
    for wanted in desired.connections.values().filter(|wanted| !blocked.contains(&wanted.connection.id)) {
        if let Some(organization) = &wanted.connection.organization_id {
            members.entry(organization).or_default().push(wanted);
        }
    }
    let mut holders = BTreeMap::new();
    for (organization, mut connections) in members {
        connections.sort_by_key(|wanted| wanted.connection.age());
        let identifier = Identifier::of_id(organization);
        let has_it = |id: &ConnectionId| {
            current.get(id).zip(identifier.as_ref()).is_some_and(|(held, identifier)| held.contains(identifier))
        };
        let present = connections.iter().find(|wanted| has_it(&wanted.connection.id));
        let in_state = |state: &ConnectionState| connections.iter().find(|wanted| wanted.connection.state == *state);
        let stays = present.filter(|wanted| {
            wanted.connection.state == ConnectionState::Active || desired.is_untouched(&wanted.connection.id)
        });
        let holder = stays
            .or_else(|| in_state(&ConnectionState::Active))
            .or_else(|| in_state(&ConnectionState::Validating))
            .or(present);
        if let Some(holder) = holder {
            holders.insert(organization.clone(), holder.connection.id.clone());
        }
    }
    holders
}

struct Assigner<'a> {
    desired: &'a Desired,
    current: &'a BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    blocked: &'a BTreeSet<ConnectionId>,
    kept: &'a BTreeSet<ConnectionId>,
    /// Who gets which identifier so far.
    owners: BTreeMap<Identifier, ConnectionId>,
    result: Assignment,
}

impl Assigner<'_> {
    /// Providers about which nothing is concluded keep all they have, before anybody is given anything.
    fn keep_untouched(&mut self) {
        for (id, held) in self.current {
            if self.is_left(id) {
                for identifier in held {
                    self.owners.insert(identifier.clone(), id.clone());
                }
                self.result.identifiers.insert(id.clone(), held.clone());
            }
        }
    }

    fn is_left(&self, id: &ConnectionId) -> bool {
        self.desired.is_untouched(id) || self.kept.contains(id)
    }

    /// What the holder of an organization's identifiers is given.
    fn shared(&self, organization: &OrganizationId) -> Vec<Identifier> {
        let mut shared: Vec<Identifier> = Identifier::of_id(organization).into_iter().collect();
        shared.extend(self.desired.domains.get(organization).into_iter().flatten().cloned());
        if self.desired.organizations_unseen.contains(organization) {
            let members = self
                .desired
                .connections
                .values()
                .filter(|wanted| wanted.connection.organization_id.as_ref() == Some(organization));
            let had = members.filter_map(|wanted| self.current.get(&wanted.connection.id)).flatten();
            shared.extend(had.filter(|identifier| is_domain(identifier)).cloned());
        }
        shared
    }

    /// Gives an identifier to `taker`, unless another connection got it (two organizations that share a
    /// domain): then the one that has it now keeps it, and else the first.
    fn give(&mut self, taker: &ConnectionId, identifier: Identifier) {
        if !self.desired.connections.get(taker).is_some_and(|wanted| wanted.presence.is_provided()) {
            return;
        }
        if let Some(owner) = self.owners.get(&identifier).filter(|owner| *owner != taker).cloned() {
            let has_it = self.current.get(taker).is_some_and(|held| held.contains(&identifier));
            let (keeper, loser) = if has_it { (taker, &owner) } else { (&owner, taker) };
            let message = format!("the identifier {identifier} is left out: the connection {keeper} has it");
            self.result.notes.push(Note::on_connection(loser.clone(), message));
            if !has_it {
                return;
            }
            if let Some(identifiers) = self.result.identifiers.get_mut(&owner) {
                identifiers.remove(&identifier);
            }
        }
        let given = self.result.identifiers.entry(taker.clone()).or_default();
        if given.len() >= MOST && !given.contains(&identifier) {
            let message = format!("the identifier {identifier} is left out: a provider has at most {MOST}");
            self.result.notes.push(Note::on_connection(taker.clone(), message));
        } else {
            given.insert(identifier.clone());
            self.owners.insert(identifier, taker.clone());
        }
    }

    /// Providers that are kept as they are, or that will be deleted, keep what nobody else takes.
    fn keep_what_nobody_takes(&mut self) {
        for (id, held) in self.current {
            let provided = self.desired.connections.get(id).is_some_and(|wanted| wanted.presence.is_provided());
            if (provided && !self.blocked.contains(id)) || self.is_left(id) {
                continue;
            }
            let kept = held.iter().filter(|identifier| !self.owners.contains_key(*identifier)).cloned().collect();
            self.result.identifiers.insert(id.clone(), kept);
        }
    }

    /// What one of our own providers has now can't be on a foreign one as well: what is known of the
    /// foreign one is out of date then.
    fn leave_out_foreign(&mut self, foreign: &BTreeMap<Identifier, Option<ProviderName>>) {
        let ours: BTreeSet<&Identifier> = self.current.values().flatten().collect();
        for (id, identifiers) in &mut self.result.identifiers {
            let blocked: Vec<Identifier> = identifiers
                .iter()
                .filter(|identifier| foreign.contains_key(*identifier) && !ours.contains(identifier))
                .cloned()
                .collect();
            for identifier in blocked {
                identifiers.remove(&identifier);
                let holder = foreign.get(&identifier).cloned().flatten();
                let whose =
                    holder.as_ref().map_or_else(|| "a provider".to_owned(), |name| format!("the provider {name}"));
                self.result.notes.push(Note {
                    connection_id: Some(id.clone()),
                    provider_name: holder,
                    message: format!(
                        "the identifier {identifier} is left out: {whose}, which Causeway did not make, has it"
                    ),
                    remedy: None,
                });
            }
        }
    }
}

/// Whether an identifier is a domain: no ID of WorkOS's has a dot.
pub(crate) fn is_domain(identifier: &Identifier) -> bool {
    identifier.as_str().contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::Connection, desired::Presence, timestamp::Timestamp};

    fn connection(letter: char) -> ConnectionId {
        format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap()
    }

    fn organization() -> OrganizationId {
        "org_1".parse().unwrap()
    }

    fn desired(connections: &[(char, &str, i64)]) -> Desired {
        let mut desired = Desired::default();
        for (letter, state, created) in connections {
            let state = ConnectionState::from((*state).to_owned());
            let presence = match state {
                ConnectionState::Active | ConnectionState::Validating => Presence::Wired,
                ConnectionState::Inactive => Presence::Unwired,
                ConnectionState::Unknown(_) => Presence::Untouched,
                _ => Presence::KeptUnwired,
            };
            let connection = Connection {
                id: connection(*letter),
                organization_id: Some(organization()),
                name: None,
                connection_type: None,
                state,
                created_at: Some(Timestamp::from_seconds(*created)),
            };
            desired.connections.insert(connection.id.clone(), DesiredConnection { connection, presence });
        }
        desired
    }

    fn holding(letter: char) -> BTreeMap<ConnectionId, BTreeSet<Identifier>> {
        [(connection(letter), [Identifier::of_id(&organization()).unwrap()].into())].into()
    }

    fn holder(desired: &Desired, current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>) -> Option<char> {
        let assignment = assign(desired, current, &BTreeMap::new());
        let holders: Vec<char> = assignment
            .identifiers
            .iter()
            .filter(|(_, identifiers)| identifiers.contains(&Identifier::of_id(&organization()).unwrap()))
            .filter_map(|(id, _)| id.as_str().chars().last())
            .collect();
        assert!(holders.len() <= 1, "one identifier on two providers: {holders:?}");
        holders.first().copied()
    }

    #[test]
    fn an_organizations_id_stays_where_it_is_while_that_connection_is_active() {
        let both = desired(&[('A', "active", 1), ('B', "active", 2)]);
        assert_eq!(holder(&both, &holding('B')), Some('B'));
        assert_eq!(holder(&both, &BTreeMap::new()), Some('A'));
    }

    #[test]
    fn an_organizations_id_goes_to_the_oldest_active_then_the_oldest_validating_connection_else_it_stays() {
        type Case<'a> = (&'a [(char, &'a str, i64)], Option<char>, Option<char>);
        let cases: [Case<'_>; 6] = [
            (&[('A', "inactive", 1), ('B', "validating", 2), ('C', "active", 3)], Some('A'), Some('C')),
            (&[('A', "validating", 1), ('B', "active", 2)], Some('A'), Some('B')),
            (&[('A', "inactive", 1), ('B', "validating", 3), ('C', "validating", 2)], Some('A'), Some('C')),
            (&[('A', "inactive", 1), ('B', "inactive", 2)], Some('B'), Some('B')),
            (&[('A', "draft", 1), ('B', "inactive", 2)], Some('A'), Some('A')),
            (&[('A', "of_the_future", 1), ('B', "active", 2)], Some('A'), Some('A')),
        ];
        for (connections, now, then) in cases {
            let current = now.map(holding).unwrap_or_default();
            assert_eq!(holder(&desired(connections), &current), then, "{connections:?}");
        }
    }

    #[test]
    fn an_identifier_that_a_foreign_provider_has_is_left_out_and_reported() {
        let foreign = [(Identifier::of_id(&organization()).unwrap(), Some("Okta".parse().unwrap()))].into();
        let assignment = assign(&desired(&[('A', "active", 1)]), &BTreeMap::new(), &foreign);
        assert_eq!(assignment.identifiers[&connection('A')], [Identifier::of_id(&connection('A')).unwrap()].into());
        assert!(assignment.notes[0].message.contains("Okta"));
    }

    #[test]
    fn a_provider_that_goes_gives_the_organizations_id_to_the_connection_that_stays() {
        let assignment = assign(&desired(&[('B', "active", 2)]), &holding('A'), &BTreeMap::new());
        assert!(assignment.identifiers[&connection('A')].is_empty());
        assert!(assignment.identifiers[&connection('B')].contains(&Identifier::of_id(&organization()).unwrap()));
    }
}
