//! Both sides of one user pool, the table between them, and everything that happens to them, in memory.
//!
//! The reconciler that runs here is the one that is deployed. Behind its ports stand a directory, a pool that is as strict
//! as Cognito, and a table that keeps what is stored in its stored form.

pub mod check;
pub mod clock;
pub mod cognito;
mod directory;
#[path = "../../../../core/tests/scene/names.rs"]
pub mod names;
mod pools;
pub mod runner;
mod table;
mod tenant;
pub mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_core::{
    app_clients::AppClients,
    claim::Claim,
    connection::Connection,
    decisions::Decisions,
    guard::Held,
    id::{Identifier, ProviderName, TenantId},
    provider::{BaseUrl, Issuer, ObservedProvider},
    timestamp::Timestamp,
    unknown::Unknown,
    user_pool::{Mode, PoolOptions, PoolStatus, RunState, UserPool},
};
use cognito::{Cognito, Past, Provider};
use names::{client, conn, org};
use pools::Write;
use table::Items;
pub use tenant::{Edit, Field};

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
    /// WorkOS's list lacks an organization that exists, or no longer.
    HideOrganization(char),
    /// WorkOS shows a record without an ID, or stops to.
    GarbleUnknown,
    /// An organization's verified domains change.
    Domains(char, Vec<&'static str>),
    /// The operator chooses organizations, or all.
    Choose(Option<Vec<char>>),
    SetMode(Mode),
    /// The public URL, and so every issuer, changes.
    MoveBase,
    /// The tenant does something to the pool by hand.
    Edit(Edit),
    /// WorkOS shows a connection without its organization, or with it again.
    Orphan(char),
    /// The pool takes so many providers more than it has, or as many as it likes.
    Fill(Option<u8>),
    /// Cognito refuses every mapping of an attribute, or takes it again.
    RefuseMapping(bool),
    /// Cognito takes identifiers that differ in case only for the same, if it has none yet, or not any more.
    IgnoreCase(bool),
    /// The operator chooses all app clients, or names them.
    ChooseClients(bool),
    /// A version of Causeway that is to come writes members of its own into every item.
    WriteNewer,
}

#[derive(Debug, Clone)]
pub struct State {
    pub connections: BTreeMap<char, Connection>,
    garbled: BTreeSet<char>,
    hidden: BTreeSet<char>,
    hidden_organizations: BTreeSet<char>,
    orphaned: BTreeSet<char>,
    has_unknown: bool,
    domains: BTreeMap<char, Vec<&'static str>>,
    pub base: &'static str,
    pub cognito: Cognito,
    past: Past,
    /// What Cognito has yet to do, and when it does.
    late: Vec<(Timestamp, Write)>,
    pub items: Items,
    /// The providers that Causeway made and that are there; what the world knows and the code must find out.
    pub made: BTreeSet<ProviderName>,
    /// Those of them that hold a secret of the tenant's.
    pub tampered: BTreeSet<ProviderName>,
    /// The tenant's own providers, as the tenant left them.
    theirs: BTreeMap<ProviderName, Provider>,
}

const BASES: [&str; 2] = ["https://sign-in.example.com", "https://new.example.com"];

pub fn tenant_id() -> TenantId {
    "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap()
}

fn registered() -> UserPool {
    let now = clock::now();
    let options = PoolOptions {
        domain_identifiers: true,
        domain_lookup: serde_json::from_value(serde_json::json!({ "origins": [] })).unwrap(),
        app_clients: AppClients::Named(vec![client("mobile"), client("web")]),
        ..PoolOptions::default()
    };
    UserPool {
        tenant_id: tenant_id(),
        user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
        account_id: "222222222222".parse().unwrap(),
        role_name: "CausewayLogin".parse().unwrap(),
        status: PoolStatus::Active,
        removal: None,
        options,
        awaits_admission: false,
        registered_by: None,
        created_at: now,
        updated_at: now,
        version: 1,
        run: RunState::new(now),
        held: Held::new(),
        decisions: Decisions::default(),
        due_at: Some(now),
        unknown: Unknown::default(),
    }
}

impl State {
    fn new() -> Self {
        let mut cognito = Cognito::default();
        for web in ["mobile", "web"] {
            cognito.clients.insert(client(web), ["COGNITO".to_owned()].into());
        }
        let mut items = Items::default();
        items.put_tenant(&table::tenant(&tenant_id(), clock::now()));
        items.put_pool(&registered());
        Self {
            connections: BTreeMap::new(),
            garbled: BTreeSet::new(),
            hidden: BTreeSet::new(),
            hidden_organizations: BTreeSet::new(),
            orphaned: BTreeSet::new(),
            has_unknown: false,
            domains: BTreeMap::new(),
            base: BASES[0],
            cognito,
            past: Past::default(),
            late: Vec::new(),
            items,
            made: BTreeSet::new(),
            tampered: BTreeSet::new(),
            theirs: BTreeMap::new(),
        }
    }

    /// What the operator chose; nothing in particular once the pool is removed.
    pub fn options(&self) -> PoolOptions {
        self.items.pool().map(|pool| pool.options).unwrap_or_default()
    }

    pub fn base(&self) -> BaseUrl {
        BaseUrl::parse(self.base).unwrap()
    }

    pub fn issuer(&self, letter: char) -> Issuer {
        Issuer::new(&self.base(), &tenant_id(), &conn(letter))
    }

    pub fn happen(&mut self, event: &Event) {
        self.do_what_is_late();
        self.take_place(event);
        self.changed();
    }

    /// The pool has changed: what is shown of it follows.
    fn changed(&mut self) {
        self.past.remember(&self.cognito, clock::now());
        self.check();
    }

    /// Whether Cognito has refused an identifier that is not tried again for now.
    pub fn has_refused_identifiers(&self) -> bool {
        self.items.has_refused_identifiers()
    }

    /// How many claims have no provider.
    pub fn missing(&self) -> usize {
        let claims = self.items.claims();
        claims.iter().filter(|claim| !self.cognito.providers.contains_key(&claim.provider_name)).count()
    }

    /// The pool as it is shown with this delay.
    fn shown(&self, behind: Duration) -> Cognito {
        if behind.is_zero() { self.cognito.clone() } else { self.past.at(clock::now().minus(behind), &self.cognito) }
    }

    /// What is shown of a single provider. Only Causeway's own writes can show late: what somebody else made is asked for
    /// long after.
    fn described(&self, name: &ProviderName, behind: Duration) -> Option<ObservedProvider> {
        let behind = if self.theirs.contains_key(name) { Duration::ZERO } else { behind };
        self.shown(behind).describe(name)
    }

    /// Cognito carries out what it has not answered.
    fn do_what_is_late(&mut self) {
        let now = clock::now();
        while let Some(next) = self.late.iter().position(|(at, _)| *at <= now) {
            let (at, write) = self.late.remove(next);
            // What it refuses now nobody hears of.
            let _ = self.carry_out(&write);
            self.past.remember(&self.cognito, at);
            self.check();
        }
    }

    fn take_place(&mut self, event: &Event) {
        match event {
            Event::Connect(letter, state, organization) => self.connect(*letter, state, *organization),
            Event::Disconnect(letter) => drop(self.connections.remove(letter)),
            Event::Garble(letter) => toggle(&mut self.garbled, *letter),
            Event::Hide(letter) => toggle(&mut self.hidden, *letter),
            Event::HideOrganization(letter) => toggle(&mut self.hidden_organizations, *letter),
            Event::GarbleUnknown => self.has_unknown = !self.has_unknown,
            Event::Domains(organization, domains) => drop(self.domains.insert(*organization, domains.clone())),
            Event::Choose(chosen) => {
                let organizations = chosen.as_ref().map(|those| those.iter().copied().map(org).collect());
                self.set_options(|options| options.organizations = organizations);
            }
            Event::SetMode(mode) => self.set_options(|options| options.mode = *mode),
            Event::MoveBase => self.base = if self.base == BASES[0] { BASES[1] } else { BASES[0] },
            Event::Edit(edit) => self.edit(edit),
            Event::Orphan(letter) => toggle(&mut self.orphaned, *letter),
            Event::Fill(room) => {
                self.cognito.quota = room.map(|room| self.cognito.providers.len() + usize::from(room));
            }
            Event::RefuseMapping(is_refused) => {
                self.cognito.refused_attribute = is_refused.then(|| "given_name".to_owned());
            }
            Event::IgnoreCase(is_ignored) => self.cognito.ignore_case(*is_ignored),
            Event::ChooseClients(all) => {
                let named = vec![client("mobile"), client("web")];
                let chosen = if *all { AppClients::All } else { AppClients::Named(named) };
                self.set_options(|options| options.app_clients = chosen);
            }
            Event::WriteNewer => self.items.write_newer(),
        }
    }

    /// An operator's change of a pool's options: it is due at once, also if a run that goes on records another time.
    pub fn set_options(&mut self, change: impl FnOnce(&mut PoolOptions)) {
        let Some(pool) = self.items.pool() else { return };
        let mut options = pool.options;
        change(&mut options);
        let now = serde_json::to_value(clock::now()).unwrap();
        self.items.set([
            ("options", serde_json::to_value(options).unwrap()),
            ("version", (pool.version + 1).into()),
            ("updated_at", now.clone()),
            ("due_at", now.clone()),
            ("look_again_at", now),
        ]);
    }

    /// What happens while a run is under way, whose look does not show it.
    pub fn happen_meanwhile(&mut self, event: &Event) {
        let comes_back = |letter| !self.connections.contains_key(letter) && self.items.claim(&conn(*letter)).is_some();
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
        self.hidden_organizations.clear();
        self.orphaned.clear();
        self.has_unknown = false;
        (self.cognito.quota, self.cognito.refused_attribute) = (None, None);
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
        let refuses = self.cognito.quota.is_some() || self.cognito.refused_attribute.is_some();
        let is_unsure = |claim: &Claim| {
            !claim.is_settled(clock::now()) && !self.cognito.providers.contains_key(&claim.provider_name)
        };
        let names_unsure = self.items.claims().iter().any(is_unsure);
        refuses || names_unsure || !self.late.is_empty() || !self.hidden().is_empty() || !self.dead_names().is_empty()
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

/// How often a pool in line is looked at, and everything described.
pub const INTERVAL: Duration = Duration::from_mins(15);
pub const FULL_PASS: Duration = Duration::from_hours(24);
