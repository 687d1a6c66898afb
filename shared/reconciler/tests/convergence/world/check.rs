//! What must be true: at every moment, of every single effect of a run, and once both sides are in line.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    connection::{Connection, ConnectionState},
    desired::{Desired, Presence},
    domain::VerifiedDomains,
    id::{ConnectionId, Identifier, ProviderName},
    user_pool::Mode,
};

use super::{
    State, clock,
    cognito::{Cognito, Provider},
    names::{conn, letter, name, org},
    wire::Trial,
};

/// What a run was shown of WorkOS.
#[derive(Debug, Clone)]
pub struct Bounds {
    pub desired: Desired,
    /// The connections that exist and that WorkOS's list left out.
    pub hidden: BTreeSet<char>,
}

impl Bounds {
    /// Whether a provider that is there keeps its place in the app clients.
    fn keeps_place(&self, id: &ConnectionId, mode: Mode) -> bool {
        match self.desired.connections.get(id) {
            Some(wanted) => matches!(wanted.presence, Presence::Wired | Presence::Untouched),
            None => mode == Mode::Upsert,
        }
    }
}

impl State {
    /// What is true at every moment, also between any two effects of a run.
    pub fn check(&self) {
        for (name, left) in &self.theirs {
            assert_eq!(self.cognito.providers.get(name), Some(left), "a provider that is not ours was changed");
        }
        let mut found = BTreeSet::new();
        for identifier in self.cognito.providers.values().flat_map(|provider| &provider.identifiers) {
            assert!(found.insert(identifier), "{identifier} is on two providers");
        }
        assert_eq!(self.items.without_newer(), Vec::<&str>::new(), "what a later version wrote is lost");
        let claims = self.items.claims();
        for name in &self.made {
            let Some(provider) = self.cognito.providers.get(name) else { continue };
            let claim = claims.iter().find(|claim| claim.provider_name == *name);
            let claim = claim.unwrap_or_else(|| panic!("{name} is ours, and nobody knows any more"));
            let secret = provider.secret().unwrap();
            let is_accepted = claim.secrets.accepts(&secret, clock::now());
            assert!(is_accepted || self.tampered.contains(name), "{name} holds a secret that no sign-in accepts");
        }
    }

    /// What is true of each effect that a run has on the pool, which was `before`.
    pub fn check_effect(&self, before: &Cognito, trial: &Trial) {
        for (client, names) in &self.cognito.clients {
            let others = |names: &BTreeSet<String>| -> BTreeSet<String> {
                names.iter().filter(|name| self.is_not_ours(name)).cloned().collect()
            };
            assert_eq!(others(names), others(&before.clients[client]), "names that are not ours in {client}");
        }
        if trial.is_removal {
            return;
        }
        let Some(bounds) = &trial.bounds else { panic!("the pool is written without a look at WorkOS") };
        let mode = trial.mode();
        if mode == Mode::Observe {
            assert_eq!(self.cognito, *before, "observe changes the pool");
        }
        let gone: Vec<&ProviderName> =
            before.providers.keys().filter(|name| !self.cognito.providers.contains_key(name)).collect();
        assert!(gone.is_empty() || mode == Mode::Sync, "{mode:?} deletes");
        for claim in self.items.claims().iter().filter(|claim| gone.contains(&&claim.provider_name)) {
            let id = &claim.connection_id;
            let is_there = self.connections.contains_key(&letter(id)) && !bounds.desired.excluded.contains(id);
            assert!(!is_there, "{id} is there, and was taken for gone");
        }
        for letter in bounds.hidden.iter().filter(|letter| self.connections.contains_key(letter)) {
            let name = name(*letter);
            let (is, was) = (self.cognito.providers.get(&name), before.providers.get(&name));
            assert_eq!(is, was, "{letter} is there, and was taken for gone");
        }
        self.check_places(before, bounds, mode);
    }

    fn check_places(&self, before: &Cognito, bounds: &Bounds, mode: Mode) {
        for claim in self.items.claims() {
            let (id, name) = (&claim.connection_id, &claim.provider_name);
            let is_hidden = bounds.hidden.contains(&letter(id)) && self.connections.contains_key(&letter(id));
            let keeps_place = bounds.keeps_place(id, mode) && before.providers.contains_key(name);
            for (client, names) in self.cognito.clients.iter().filter(|_| is_hidden || keeps_place) {
                let was_in = before.clients[client].contains(name.as_str());
                assert!(names.contains(name.as_str()) || !was_in, "{id} lost its place in {client}");
            }
        }
    }

    /// Whether a name in an app client is no provider of Causeway's, nor was one.
    pub(super) fn is_not_ours(&self, text: &str) -> bool {
        !text.starts_with("conn-") || text.parse().is_ok_and(|name: ProviderName| self.theirs.contains_key(&name))
    }

    /// What is true once both sides are in line, said without the help of a plan.
    pub fn check_in_line(&self) {
        let desired = self.desired();
        for (letter, connection) in &self.connections {
            let Some(wanted) = desired.connections.get(&connection.id) else { continue };
            if self.theirs.contains_key(&name(*letter)) || wanted.presence == Presence::Untouched {
                continue;
            }
            let provider = self.cognito.providers.get(&name(*letter));
            assert!(provider.is_some() || wanted.presence == Presence::KeptUnwired, "{letter} has no provider");
            for (client, supported) in &self.cognito.clients {
                let is_wired = supported.contains(name(*letter).as_str());
                let expected = wanted.presence == Presence::Wired;
                assert_eq!(is_wired, expected, "{letter} in {client}");
            }
            if wanted.presence.is_provided() {
                self.check_provider(*letter, provider.unwrap());
            }
        }
        let claims = self.items.claims();
        for claim in claims.iter().filter(|_| self.options().mode != Mode::Upsert) {
            let is_missing = desired.is_missing(&claim.connection_id);
            assert!(!is_missing && !desired.excluded.contains(&claim.connection_id), "{claim:?} is kept");
        }
        for claim in claims.iter().filter(|claim| claim.is_held()) {
            assert!(claim.in_sync, "{claim:?} is shown as out of line");
            let Some(wanted) = desired.connections.get(&claim.connection_id) else { continue };
            assert_eq!(claim.connection_state.as_ref(), Some(&wanted.connection.state));
        }
        for (client, supported) in &self.cognito.clients {
            let dead = supported.iter().find(|name| !self.cognito.can_support(name));
            assert_eq!(dead, None, "{client} can't be changed any more");
        }
        self.check_organizations(&desired);
        self.check_domains(&desired);
    }

    /// What is true once the pool is removed: all that Causeway made is gone.
    pub fn check_removed(&self) {
        assert_eq!(self.items.claims(), [], "what was made is known as long as it is there");
        assert_eq!(self.items.known_domains(), [], "the lookup answers of a pool that is gone");
        for name in &self.made {
            assert!(!self.cognito.providers.contains_key(name), "{name} is left behind");
        }
        for (client, supported) in &self.cognito.clients {
            let left = supported.iter().find(|name| self.made.iter().any(|made| made.as_str() == name.as_str()));
            assert_eq!(left, None, "{client} can't be changed any more");
        }
    }

    fn check_provider(&self, letter: char, provider: &Provider) {
        let own = Identifier::of_id(&conn(letter)).unwrap();
        let is_taken = self.is_theirs(&own);
        assert!(provider.identifiers.contains(&own) || is_taken, "{letter} can't be found by its own ID");
        assert_eq!(provider.mapping, self.options().mapping());
        let (issuer, claim) = (self.issuer(letter), self.items.claim(&conn(letter)).unwrap());
        assert_eq!(provider.issuer(), Some(issuer.as_str()));
        assert_eq!(claim.issuer, issuer, "sign-ins of {letter} are refused");
        assert!(claim.secrets.is_live(&provider.secret().unwrap()));
    }

    /// Whether a provider of the tenant's own has an identifier, or one that Cognito takes for the same.
    fn is_theirs(&self, identifier: &Identifier) -> bool {
        let is_same = |theirs: &Identifier| {
            theirs == identifier
                || (self.cognito.ignores_case && theirs.as_str().eq_ignore_ascii_case(identifier.as_str()))
        };
        self.theirs.values().flat_map(|theirs| &theirs.identifiers).any(is_same)
    }

    /// Sign-ins know the verified domains, and the lookup answers those that lead to one organization.
    fn check_domains(&self, desired: &Desired) {
        for claim in self.items.claims().iter().filter(|claim| desired.connections.contains_key(&claim.connection_id)) {
            let kept = claim.organization.as_ref().and_then(|known| known.domains.clone());
            let id = claim.organization_id.clone().unwrap();
            let there = self.snapshot().organizations.into_iter().find(|organization| organization.id == id).unwrap();
            assert_eq!(kept, Some(VerifiedDomains::of(&there.domains)), "{claim:?} keeps other domains");
        }
        // Of each organization that has it the provider that stands for it, if one does.
        let mut found: BTreeMap<String, Vec<Option<ProviderName>>> = BTreeMap::new();
        for organization in self.snapshot().organizations {
            let is_member = |letter: &char, connection: &Connection| {
                connection.organization_id.as_ref() == Some(&organization.id)
                    && connection.state == ConnectionState::Active
                    && desired.connections.contains_key(&connection.id)
                    && !self.theirs.contains_key(&name(*letter))
            };
            let members = self.connections.iter().filter(|(letter, connection)| is_member(letter, connection));
            let mut names: Vec<ProviderName> = members.map(|(letter, _)| name(*letter)).collect();
            if names.len() > 1 {
                let holder = self.holder_of(&Identifier::of_id(&organization.id).unwrap());
                names.retain(|name| holder == Some(name));
            } else if names.is_empty() {
                continue;
            }
            for domain in VerifiedDomains::of(&organization.domains).iter() {
                found.entry(domain.to_owned()).or_default().push(names.first().cloned());
            }
        }
        let only = found.into_iter().filter(|(_, names)| names.len() == 1);
        let expected: BTreeMap<_, _> = only.filter_map(|(domain, names)| Some((domain, names[0].clone()?))).collect();
        let known = self.items.known_domains().into_iter();
        let known: BTreeMap<_, _> = known.map(|known| (known.domain, known.identity_provider)).collect();
        assert_eq!(known, expected, "what the lookup answers");
    }

    /// An organization with an active connection is found by its ID.
    fn check_organizations(&self, desired: &Desired) {
        for organization in ['O', 'P', 'Q'] {
            let members = self.connections.iter().filter(|(letter, connection)| {
                connection.organization_id == Some(org(organization))
                    && desired.connections.contains_key(&connection.id)
                    && !self.theirs.contains_key(&name(**letter))
            });
            let is_active = members.clone().any(|(_, connection)| connection.state == ConnectionState::Active);
            let holder = self.holder_of(&Identifier::of_id(&org(organization)).unwrap());
            if !is_active || self.is_theirs(&Identifier::of_id(&org(organization)).unwrap()) {
                continue;
            }
            let holder = holder.unwrap_or_else(|| panic!("nobody has the ID of {organization}"));
            let untouched = |id: &ConnectionId| desired.is_untouched(id) && ProviderName::for_connection(id) == *holder;
            let is_member = members
                .clone()
                .any(|(letter, connection)| name(*letter) == *holder && connection.state == ConnectionState::Active);
            let kept = self.items.claims().iter().any(|claim| untouched(&claim.connection_id));
            assert!(is_member || kept, "{organization} is found at {holder}");
        }
    }
}
