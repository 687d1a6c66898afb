//! Both sides of one user pool, the table between them, and everything that happens to them.

pub mod cognito;
pub mod runner;

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    approval::{APPROVED_FOR, Approval, ApprovedStep, hash_of_held},
    claim::Claim,
    connection::{
        Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord, WorkosSnapshot,
    },
    desired::{Desired, Presence},
    guard::Loss,
    id::{ConnectionId, Identifier, ProviderName},
    timestamp::Timestamp,
    user_pool::{Mode, PoolOptions},
};
use cognito::{Cognito, Provider};

use crate::scene::{Specs, client, conn, identifier, name, org, then};

/// What happens to a pool between runs.
#[derive(Debug, Clone)]
pub enum Event {
    /// A connection appears, changes its state or moves to another organization.
    Connect(char, &'static str, char),
    /// A connection disappears.
    Disconnect(char),
    /// WorkOS's record of a connection can't be read, or can be read again.
    Garble(char),
    /// WorkOS shows a record without an ID, or stops to.
    GarbleUnknown,
    /// An organization's verified domains change.
    Domains(char, Vec<&'static str>),
    /// The operator chooses organizations, or all.
    Choose(Option<Vec<char>>),
    SetMode(Mode),
    /// The public URL, and so every issuer, changes.
    MoveBase,
    /// The operator approves what is held back now.
    Approve,
    Wait(u8),
    /// The tenant does something to the pool by hand.
    Edit(Edit),
}

/// What a tenant does by hand, also while a run is under way.
#[derive(Debug, Clone)]
pub enum Edit {
    DeleteOurs(char),
    /// Changes one field of a provider of ours.
    Change(char, Field),
    /// Makes a provider, with a name and an identifier that Causeway may want too.
    AddTheirs(&'static str, &'static str, &'static str),
    /// Makes one under the very name that a connection's provider gets.
    AddCollision(char, &'static str),
    DeleteTheirs,
    /// Sets an app client's list to these of the providers that there are.
    SetClient(Vec<char>),
}

#[derive(Debug, Clone, Copy)]
pub enum Field {
    Secret,
    Issuer,
    TokenUrl,
    Mapping,
    Identifiers,
}

#[derive(Debug, Clone)]
pub struct World {
    pub connections: BTreeMap<char, Connection>,
    garbled: BTreeSet<char>,
    has_unknown: bool,
    domains: BTreeMap<char, Vec<&'static str>>,
    pub options: PoolOptions,
    pub specs: Specs,
    pub cognito: Cognito,
    pub claims: BTreeMap<ConnectionId, Claim>,
    /// What runs remember of the providers that are not ours.
    pub foreign: BTreeMap<ProviderName, (Timestamp, BTreeSet<Identifier>)>,
    pub losses: Vec<Loss>,
    pub approval: Option<Approval>,
    /// Whether an operator has asked to remove the pool with its providers.
    pub is_removed: bool,
    pub now: Timestamp,
    pub secrets_made: u32,
    /// The providers that Causeway made and that are there; what the model knows and the code must find out.
    pub made: BTreeSet<ProviderName>,
    /// Those of them that hold a secret of the tenant's.
    pub tampered: BTreeSet<ProviderName>,
    /// The tenant's own providers, as the tenant left them.
    theirs: BTreeMap<ProviderName, Provider>,
}

impl World {
    pub fn new() -> Self {
        let options = PoolOptions { domain_identifiers: true, ..PoolOptions::default() };
        let mut cognito = Cognito::default();
        for web in ["mobile", "web"] {
            cognito.clients.insert(client(web), ["COGNITO".to_owned()].into());
        }
        Self {
            connections: BTreeMap::new(),
            garbled: BTreeSet::new(),
            has_unknown: false,
            domains: BTreeMap::new(),
            specs: Specs::of(&options),
            options,
            cognito,
            claims: BTreeMap::new(),
            foreign: BTreeMap::new(),
            losses: Vec::new(),
            approval: None,
            is_removed: false,
            now: then(),
            secrets_made: 0,
            made: BTreeSet::new(),
            tampered: BTreeSet::new(),
            theirs: BTreeMap::new(),
        }
    }

    pub fn snapshot(&self) -> WorkosSnapshot {
        let record = |id: String| UnreadableRecord { id, problem: "odd".to_owned() };
        let garbled = self.garbled.iter().filter(|letter| self.connections.contains_key(letter));
        let unknown = self.has_unknown.then(|| record(String::new()));
        let readable = self.connections.iter().filter(|(letter, _)| !self.garbled.contains(letter));
        let organizations = ['O', 'P', 'Q'].map(|letter| Organization {
            id: org(letter),
            domains: self.domains.get(&letter).into_iter().flatten().map(|domain| verified(domain)).collect(),
        });
        WorkosSnapshot {
            connections: readable.map(|(_, connection)| connection.clone()).collect(),
            organizations: organizations.into(),
            unreadable: garbled.map(|letter| record(conn(*letter).to_string())).chain(unknown).collect(),
        }
    }

    pub fn desired(&self) -> Desired {
        if self.is_removed {
            return Desired::nothing(self.claims.keys().cloned());
        }
        Desired::new(&self.snapshot(), &self.options)
    }

    pub fn happen(&mut self, event: &Event) {
        match event {
            Event::Connect(letter, state, organization) => {
                let created_at = Timestamp::from_seconds(i64::from(u32::from(*letter)));
                let state = ConnectionState::from((*state).to_owned());
                let organization_id = Some(org(*organization));
                let connection = Connection { id: conn(*letter), organization_id, state, created_at };
                self.connections.insert(*letter, connection);
            }
            Event::Disconnect(letter) => drop(self.connections.remove(letter)),
            Event::Garble(letter) => {
                if !self.garbled.remove(letter) {
                    self.garbled.insert(*letter);
                }
            }
            Event::GarbleUnknown => self.has_unknown = !self.has_unknown,
            Event::Domains(organization, domains) => drop(self.domains.insert(*organization, domains.clone())),
            Event::Choose(chosen) => {
                self.options.organizations = chosen.as_ref().map(|those| those.iter().copied().map(org).collect());
            }
            Event::SetMode(mode) => self.options.mode = *mode,
            Event::MoveBase => {
                let bases = ["https://sign-in.example.com", "https://new.example.com"];
                self.specs.base = if self.specs.base == bases[0] { bases[1] } else { bases[0] };
            }
            Event::Approve => self.approve(),
            Event::Wait(minutes) => self.now = self.now.plus(std::time::Duration::from_mins(u64::from(*minutes))),
            Event::Edit(edit) => self.edit(edit),
        }
    }

    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::DeleteOurs(letter) => {
                if self.made.remove(&name(*letter)) {
                    self.cognito.providers.remove(&name(*letter));
                }
            }
            Edit::Change(letter, field) => {
                // What tells an unconfirmed provider from a foreign one is left alone: once that is gone, it
                // is foreign.
                let tells = matches!(field, Field::Secret | Field::Issuer);
                let is_held = self.claims.get(&conn(*letter)).is_some_and(Claim::is_held);
                if self.made.contains(&name(*letter)) && (is_held || !tells) {
                    self.tamper(&name(*letter), *field);
                }
            }
            Edit::AddTheirs(name, of, kind) => self.add_theirs(&name.parse().unwrap(), of, kind),
            // Under a held claim a provider of the same name and kind counts as ours, changed.
            Edit::AddCollision(letter, of) => {
                if !self.claims.get(&conn(*letter)).is_some_and(Claim::is_held) {
                    self.add_theirs(&name(*letter), of, "OIDC");
                }
            }
            Edit::DeleteTheirs => {
                for name in std::mem::take(&mut self.theirs).keys() {
                    self.cognito.providers.remove(name);
                }
            }
            Edit::SetClient(letters) => {
                let there = letters.iter().map(|letter| name(*letter)).filter(|name| self.made.contains(name));
                let names = there.map(|name| name.to_string()).chain(["COGNITO".to_owned()]).collect();
                self.cognito.support(&client("web"), names).unwrap();
            }
        }
    }

    fn add_theirs(&mut self, name: &ProviderName, identifier_text: &str, kind: &'static str) {
        if self.cognito.add_theirs(name, [identifier(identifier_text)].into(), kind) {
            self.theirs.insert(name.clone(), self.cognito.providers[name].clone());
        }
    }

    fn tamper(&mut self, name: &ProviderName, field: Field) {
        self.cognito.edit(name, |provider| match field {
            Field::Secret => drop(provider.details.insert("client_secret".to_owned(), "theirs".to_owned())),
            Field::Issuer => drop(provider.details.insert("oidc_issuer".to_owned(), "https://elsewhere".to_owned())),
            Field::TokenUrl => drop(provider.details.remove("token_url")),
            Field::Mapping => provider.mapping.clear(),
            Field::Identifiers => provider.identifiers.clear(),
        });
        if matches!(field, Field::Secret) {
            self.tampered.insert(name.clone());
        }
    }

    fn approve(&mut self) {
        let plan = self.guarded_plan();
        self.approval = Some(Approval {
            hash: hash_of_held(&plan.steps),
            steps: plan.steps.iter().filter(|step| step.held).map(ApprovedStep::of).collect(),
            approved_by: "an operator".to_owned(),
            expires_at: self.now.plus(APPROVED_FOR),
        });
    }

    /// What is true at every moment, also between any two effects of a run.
    pub fn check(&self) {
        for (name, left) in &self.theirs {
            assert_eq!(self.cognito.providers.get(name), Some(left), "a provider that is not ours was changed");
        }
        for name in &self.made {
            let Some(provider) = self.cognito.providers.get(name) else { continue };
            let claim = self.claims.values().find(|claim| claim.provider_name == *name);
            let claim = claim.unwrap_or_else(|| panic!("{name} is ours, and nobody knows any more"));
            let secret = provider.secret().unwrap();
            let is_accepted = claim.secrets.accepts(&secret, self.now);
            assert!(is_accepted || self.tampered.contains(name), "{name} holds a secret that no sign-in accepts");
        }
    }

    /// Faults stop and every record can be read.
    pub fn calm_down(&mut self) {
        self.garbled.clear();
        self.has_unknown = false;
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
        for claim in self.claims.values().filter(|_| self.options.mode != Mode::Upsert) {
            let is_missing = desired.is_missing(&claim.connection_id);
            assert!(!is_missing && !desired.excluded.contains(&claim.connection_id), "{claim:?} is kept");
        }
        self.check_organizations(&desired);
    }

    /// What is true once the pool is removed: all that Causeway made is gone.
    pub fn check_removed(&self) {
        assert_eq!(self.claims.len(), 0, "what was made is known as long as it is there");
        for name in &self.made {
            assert!(!self.cognito.providers.contains_key(name), "{name} is left behind");
        }
        for (client, supported) in &self.cognito.clients {
            let left = supported.iter().find(|name| self.made.iter().any(|made| made.as_str() == name.as_str()));
            assert_eq!(left, None, "{client} can't be changed any more");
        }
    }

    fn check_provider(&self, letter: char, provider: &Provider) {
        let own = Identifier::from(&conn(letter));
        let is_taken = self.theirs.values().any(|theirs| theirs.identifiers.contains(&own));
        assert!(provider.identifiers.contains(&own) || is_taken, "{letter} can't be found by its own ID");
        assert_eq!(provider.mapping, self.specs.mapping);
        let issuer = self.specs.issuer(&conn(letter));
        assert_eq!(provider.issuer(), Some(issuer.as_str()));
        assert_eq!(self.claims[&conn(letter)].issuer, issuer, "sign-ins of {letter} are refused");
        assert!(self.claims[&conn(letter)].secrets.is_live(&provider.secret().unwrap()));
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
            let holder = self.holder_of(&Identifier::from(&org(organization)));
            if !is_active || holder.is_some_and(|holder| self.theirs.contains_key(holder)) {
                continue;
            }
            let holder = holder.unwrap_or_else(|| panic!("nobody has the ID of {organization}"));
            let untouched = |id: &ConnectionId| desired.is_untouched(id) && ProviderName::for_connection(id) == *holder;
            let is_member = members
                .clone()
                .any(|(letter, connection)| name(*letter) == *holder && connection.state == ConnectionState::Active);
            assert!(is_member || self.claims.keys().any(untouched), "{organization} is found at {holder}");
        }
    }

    pub fn holder_of(&self, identifier: &Identifier) -> Option<&ProviderName> {
        let holder = self.cognito.providers.iter().find(|(_, provider)| provider.identifiers.contains(identifier));
        holder.map(|(name, _)| name)
    }
}

fn verified(domain: &str) -> OrganizationDomain {
    OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified }
}
