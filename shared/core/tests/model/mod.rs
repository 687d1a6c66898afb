//! Both sides of one user pool, the table between them, and everything that happens to them.

pub mod check;
pub mod cognito;
pub mod look;
mod providers;
pub mod runner;
mod tenant;

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    approval::{APPROVED_FOR, Approval, ApprovedStep, hash_of_held},
    claim::Claim,
    connection::{
        Connection, ConnectionState, DomainState, Organization, OrganizationDomain, UnreadableRecord, WorkosSnapshot,
    },
    desired::Desired,
    guard::Loss,
    id::{ConnectionId, Identifier, ProviderName},
    timestamp::Timestamp,
    user_pool::{Mode, PoolOptions},
};
use cognito::{Cognito, Provider};
pub use tenant::{Edit, Field};

use crate::scene::{Specs, client, conn, org, then};

/// What happens to a pool between runs.
#[derive(Debug, Clone)]
pub enum Event {
    /// A connection appears, changes its state or moves to another organization.
    Connect(char, &'static str, char),
    /// A connection disappears.
    Disconnect(char),
    /// WorkOS's record of a connection can't be read, or can be read again.
    Garble(char),
    /// WorkOS's list leaves a connection out without saying so, or shows it again.
    Hide(char),
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

#[derive(Debug, Clone)]
pub struct World {
    pub connections: BTreeMap<char, Connection>,
    garbled: BTreeSet<char>,
    hidden: BTreeSet<char>,
    has_unknown: bool,
    domains: BTreeMap<char, Vec<&'static str>>,
    pub options: PoolOptions,
    pub specs: Specs,
    pub cognito: Cognito,
    pub claims: BTreeMap<ConnectionId, Claim>,
    /// What runs remember of the providers that are not ours.
    pub foreign: look::Foreign,
    pub losses: Vec<Loss>,
    /// Of how many connections steps are held back.
    pub held_of: Option<usize>,
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
            hidden: BTreeSet::new(),
            has_unknown: false,
            domains: BTreeMap::new(),
            specs: Specs::of(&options),
            options,
            cognito,
            claims: BTreeMap::new(),
            foreign: look::Foreign::new(),
            losses: Vec::new(),
            held_of: None,
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
        let is_listed = |letter: &char| self.connections.contains_key(letter) && !self.hidden.contains(letter);
        let garbled = self.garbled.iter().filter(|letter| is_listed(letter));
        let unknown = self.has_unknown.then(|| record(String::new()));
        let shown = |letter: &char| is_listed(letter) && !self.garbled.contains(letter);
        let readable = self.connections.iter().filter(|(letter, _)| shown(letter));
        let organizations = ['O', 'P', 'Q'].map(|letter| Organization {
            id: org(letter),
            name: None,
            domains: self.domains.get(&letter).into_iter().flatten().map(|domain| verified(domain)).collect(),
        });
        WorkosSnapshot {
            connections: readable.map(|(_, connection)| connection.clone()).collect(),
            organizations: organizations.into(),
            unreadable: garbled.map(|letter| record(conn(*letter).to_string())).chain(unknown).collect(),
            unreadable_organizations: Vec::new(),
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
                let created_at = Some(Timestamp::from_seconds(i64::from(u32::from(*letter))));
                let state = ConnectionState::from((*state).to_owned());
                let organization_id = Some(org(*organization));
                let id = conn(*letter);
                let connection =
                    Connection { id, organization_id, name: None, connection_type: None, state, created_at };
                self.connections.insert(*letter, connection);
            }
            Event::Disconnect(letter) => drop(self.connections.remove(letter)),
            Event::Garble(letter) => toggle(&mut self.garbled, *letter),
            Event::Hide(letter) => toggle(&mut self.hidden, *letter),
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

    fn approve(&mut self) {
        let plan = self.guarded_plan();
        self.approval = Some(Approval {
            hash: hash_of_held(&plan.steps),
            steps: plan.steps.iter().filter(|step| step.held).map(ApprovedStep::of).collect(),
            approved_by: "an operator".to_owned(),
            expires_at: self.now.plus(APPROVED_FOR),
        });
    }

    /// What happens while a run is under way, whose look does not show it.
    pub fn happen_meanwhile(&mut self, event: &Event) {
        let comes_back = |letter| !self.connections.contains_key(letter) && self.claims.contains_key(&conn(*letter));
        match event {
            // An ID that WorkOS has said to be gone does not come back.
            Event::Connect(letter, ..) if comes_back(letter) => {}
            event => self.happen(event),
        }
    }

    /// Faults stop, WorkOS shows all that it has, and the tenant takes the names of its own providers that it has
    /// deleted out of the app clients.
    pub fn calm_down(&mut self) {
        self.garbled.clear();
        self.hidden.clear();
        self.has_unknown = false;
        let dead = self.dead_names();
        self.cognito.clients.values_mut().for_each(|names| names.retain(|name| !dead.contains(name)));
    }

    /// The tenant's own names in app clients that are no provider's: Cognito refuses every change of such a client.
    fn dead_names(&self) -> BTreeSet<String> {
        let named = self.cognito.clients.values().flatten();
        named.filter(|name| self.is_not_ours(name) && !self.cognito.can_support(name)).cloned().collect()
    }

    /// Whether something stands in the way of runs that only WorkOS or the tenant can take away.
    pub fn is_hindered(&self) -> bool {
        !self.hidden().is_empty() || !self.dead_names().is_empty()
    }

    /// The connections that exist and that WorkOS's list leaves out.
    pub fn hidden(&self) -> BTreeSet<char> {
        self.hidden.iter().filter(|letter| self.connections.contains_key(letter)).copied().collect()
    }

    pub fn holder_of(&self, identifier: &Identifier) -> Option<&ProviderName> {
        let holder = self.cognito.providers.iter().find(|(_, provider)| provider.identifiers.contains(identifier));
        holder.map(|(name, _)| name)
    }
}

fn toggle(letters: &mut BTreeSet<char>, letter: char) {
    if !letters.remove(&letter) {
        letters.insert(letter);
    }
}

fn verified(domain: &str) -> OrganizationDomain {
    OrganizationDomain { domain: domain.to_owned(), state: DomainState::Verified }
}
