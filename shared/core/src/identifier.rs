//! Who gets which identifier. One identifier can be on one provider of a pool only (Cognito API:
//! `IdpIdentifiers`), so an organization with several connections needs a rule, and one that keeps still.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    connection::ConnectionState,
    desired::{Desired, DesiredConnection},
    id::{ConnectionId, Identifier, OrganizationId, ProviderName},
    plan::Note,
};

/// The most identifiers that a provider may have (Cognito API: `IdpIdentifiers`).
const MOST: usize = 50;

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
    foreign: &BTreeMap<Identifier, ProviderName>,
) -> Assignment {
    let mut result = Assignment::default();
    for (id, wanted) in &desired.connections {
        if wanted.presence.is_provided() {
            result.identifiers.entry(id.clone()).or_default().insert(Identifier::from(id));
        }
    }
    let holders = holders(desired, current);
    for (organization, holder) in &holders {
        let shared = std::iter::once(Identifier::from(organization))
            .chain(desired.domains.get(organization).into_iter().flatten().cloned());
        for identifier in shared {
            give(&mut result, desired, current, holder, identifier);
        }
    }
    keep_what_does_not_move(&mut result, desired, current);
    leave_out_foreign(&mut result, foreign);
    for domain in &desired.unfit_domains {
        result.notes.push(Note::general(format!(
            "the domain {domain} is left out: Cognito takes identifiers of at most 40 letters, digits and characters of _+=.@-"
        )));
    }
    result
}

/// The holder of each organization's identifiers.
fn holders(
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
) -> BTreeMap<OrganizationId, ConnectionId> {
    let mut members: BTreeMap<&OrganizationId, Vec<&DesiredConnection>> = BTreeMap::new();
    for wanted in desired.connections.values() {
        if let Some(organization) = &wanted.connection.organization_id {
            members.entry(organization).or_default().push(wanted);
        }
    }
    let mut holders = BTreeMap::new();
    for (organization, mut connections) in members {
        connections.sort_by_key(|wanted| (wanted.connection.created_at, &wanted.connection.id));
        let identifier = Identifier::from(organization);
        let has_it = |id: &ConnectionId| current.get(id).is_some_and(|held| held.contains(&identifier));
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

/// Gives a shared identifier to `holder`, unless another connection got it (two organizations that share
/// a domain): then the one that has it now keeps it, and else the first.
fn give(
    result: &mut Assignment,
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
    holder: &ConnectionId,
    identifier: Identifier,
) {
    let other = result
        .identifiers
        .iter()
        .find(|(id, identifiers)| *id != holder && identifiers.contains(&identifier))
        .map(|(id, _)| id.clone());
    if let Some(other) = other {
        let has_it = current.get(holder).is_some_and(|held| held.contains(&identifier));
        let (keeper, loser) = if has_it { (holder.clone(), other.clone()) } else { (other.clone(), holder.clone()) };
        if has_it && let Some(identifiers) = result.identifiers.get_mut(&other) {
            identifiers.remove(&identifier);
        }
        result.notes.push(Note::on_connection(
            loser,
            format!("the identifier {identifier} is left out: the connection {keeper} has it"),
        ));
        if !has_it {
            return;
        }
    }
    let full = result.identifiers.get(holder).is_some_and(|held| held.len() >= MOST);
    if full {
        let message = format!("the identifier {identifier} is left out: a provider has at most {MOST}");
        result.notes.push(Note::on_connection(holder.clone(), message));
    } else if desired.connections.get(holder).is_some_and(|wanted| wanted.presence.is_provided()) {
        result.identifiers.entry(holder.clone()).or_default().insert(identifier);
    }
}

/// Providers that are kept as they are, or that will be deleted, keep what nobody else takes.
fn keep_what_does_not_move(
    result: &mut Assignment,
    desired: &Desired,
    current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>,
) {
    let taken: BTreeMap<Identifier, ConnectionId> = result
        .identifiers
        .iter()
        .flat_map(|(id, identifiers)| identifiers.iter().map(|identifier| (identifier.clone(), id.clone())))
        .collect();
    for (id, held) in current {
        let provided = desired.connections.get(id).is_some_and(|wanted| wanted.presence.is_provided());
        if provided {
            continue;
        }
        if desired.is_untouched(id) {
            for identifier in held {
                if let Some(taker) = taken.get(identifier)
                    && let Some(identifiers) = result.identifiers.get_mut(taker)
                {
                    identifiers.remove(identifier);
                }
            }
            result.identifiers.insert(id.clone(), held.clone());
        } else {
            let kept = held.iter().filter(|identifier| !taken.contains_key(identifier)).cloned().collect();
            result.identifiers.insert(id.clone(), kept);
        }
    }
}

fn leave_out_foreign(result: &mut Assignment, foreign: &BTreeMap<Identifier, ProviderName>) {
    for (id, identifiers) in &mut result.identifiers {
        let blocked: Vec<Identifier> =
            identifiers.iter().filter(|identifier| foreign.contains_key(identifier)).cloned().collect();
        for identifier in blocked {
            identifiers.remove(&identifier);
            let holder = &foreign[&identifier];
            result.notes.push(Note {
                connection_id: Some(id.clone()),
                provider_name: Some(holder.clone()),
                message: format!(
                    "the identifier {identifier} is left out: the provider {holder}, which Causeway did not make, has it"
                ),
            });
        }
    }
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
                state,
                created_at: Timestamp::from_seconds(*created),
            };
            desired.connections.insert(connection.id.clone(), DesiredConnection { connection, presence });
        }
        desired
    }

    fn holding(letter: char) -> BTreeMap<ConnectionId, BTreeSet<Identifier>> {
        [(connection(letter), [Identifier::from(&organization())].into())].into()
    }

    fn holder(desired: &Desired, current: &BTreeMap<ConnectionId, BTreeSet<Identifier>>) -> Option<char> {
        let assignment = assign(desired, current, &BTreeMap::new());
        let holders: Vec<char> = assignment
            .identifiers
            .iter()
            .filter(|(_, identifiers)| identifiers.contains(&Identifier::from(&organization())))
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
        let cases: [(&[(char, &str, i64)], Option<char>, Option<char>); 6] = [
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
        let foreign = [(Identifier::from(&organization()), "Okta".parse().unwrap())].into();
        let assignment = assign(&desired(&[('A', "active", 1)]), &BTreeMap::new(), &foreign);
        assert_eq!(assignment.identifiers[&connection('A')], [Identifier::from(&connection('A'))].into());
        assert!(assignment.notes[0].message.contains("Okta"));
    }

    #[test]
    fn a_provider_that_goes_gives_the_organizations_id_to_the_connection_that_stays() {
        let assignment = assign(&desired(&[('B', "active", 2)]), &holding('A'), &BTreeMap::new());
        assert!(assignment.identifiers[&connection('A')].is_empty());
        assert!(assignment.identifiers[&connection('B')].contains(&Identifier::from(&organization())));
    }
}
