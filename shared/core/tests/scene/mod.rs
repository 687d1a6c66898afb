//! A scene: both sides of one pool at one moment, set up in few words, and a plan in few words.
//!
//! Connections are called by a letter, which is also their age: `A` is the oldest. Each is in an
//! organization of its own unless told otherwise.

pub mod exported;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    claim::{Claim, ClaimState},
    connection::{Connection, Organization, UnreadableRecord, WorkosSnapshot},
    decisions::Decisions,
    desired::Desired,
    guard::{Guarded, Held, Loss, Record, Unconfirmed, Unjudged},
    id::{ConnectionId, Identifier, ProviderName, TenantId},
    plan::{Action, Plan, Situation, SpecOf, Step, plan, to_describe},
    provider::{BaseUrl, CLIENT_SECRET, Issuer, Observed, ObservedProvider, ProviderDescription, ProviderSpec},
    secret::SecretHash,
    timestamp::Timestamp,
    user_pool::PoolOptions,
};
pub use names::*;
use secrecy::{ExposeSecret, SecretString};

/// When everything in a scene happened.
pub fn then() -> Timestamp {
    Timestamp::from_seconds(1_790_000_000)
}

/// The identifiers that a connection alone in its organization has.
pub fn both_ids(letter: char) -> BTreeSet<Identifier> {
    [Identifier::of_id(&conn(letter)).unwrap(), Identifier::of_id(&org(letter)).unwrap()].into()
}

/// Makes specs as the service does.
#[derive(Debug, Clone)]
pub struct Specs {
    pub base: &'static str,
    pub mapping: BTreeMap<String, String>,
}

impl Specs {
    pub fn of(options: &PoolOptions) -> Self {
        Self { base: "https://sign-in.example.com", mapping: options.mapping() }
    }

    pub fn tenant() -> TenantId {
        "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap()
    }

    pub fn issuer(&self, connection: &ConnectionId) -> Issuer {
        Issuer::new(&BaseUrl::parse(self.base).unwrap(), &Self::tenant(), connection)
    }
}

impl SpecOf for Specs {
    fn spec(&self, connection: &ConnectionId, identifiers: BTreeSet<Identifier>) -> ProviderSpec {
        let pool = "eu-west-1_AbCdEf123".parse().unwrap();
        ProviderSpec::new(&self.issuer(connection), &pool, self.mapping.clone(), identifiers)
    }
}

/// Something that is done to a scene.
pub type Edit<'a> = &'a dyn Fn(&mut Scene);

#[derive(Debug, Clone)]
pub struct Scene {
    pub snapshot: WorkosSnapshot,
    pub options: PoolOptions,
    pub observed: Observed,
    pub claims: BTreeMap<ConnectionId, Claim>,
    pub foreign: BTreeMap<Identifier, Option<ProviderName>>,
    pub specs: Specs,
}

/// What stands on a pool for the guard, and the time.
#[derive(Debug, Clone)]
pub struct OnRecord {
    pub losses: Vec<Loss>,
    pub held: Held,
    pub holds_unnamed: bool,
    pub decisions: Decisions,
    pub now: Timestamp,
}

impl Default for OnRecord {
    fn default() -> Self {
        Self {
            losses: Vec::new(),
            held: Held::new(),
            holds_unnamed: false,
            decisions: Decisions::default(),
            now: then(),
        }
    }
}

impl OnRecord {
    pub fn as_record(&self) -> Record<'_> {
        Record { losses: &self.losses, held: &self.held, holds_unnamed: self.holds_unnamed, decisions: &self.decisions }
    }

    /// What a run leaves that did all that `guarded` lets through.
    pub fn follow(&mut self, guarded: &Guarded) {
        let done = guarded.plan.steps.iter().filter(|step| !step.held);
        self.decisions = guarded.decisions_after(&self.decisions, done, self.now);
        self.losses.clone_from(&guarded.losses);
        self.held.clone_from(&guarded.held);
        self.holds_unnamed = false;
    }

    /// Somebody approves all that is held.
    pub fn approve(&mut self, guarded: &Guarded) {
        let held = guarded.plan.recorded().into_iter().filter(|step| step.held).collect();
        self.decisions = self.decisions.approve(held, None, "an operator", self.now).unwrap().0;
    }
}

/// The secret of each provider that Causeway made in a scene.
pub fn our_secret(letter: char) -> SecretString {
    SecretString::from(format!("canary-of-{letter}"))
}

impl Scene {
    pub fn new() -> Self {
        let options = PoolOptions::default();
        Self {
            snapshot: WorkosSnapshot::default(),
            specs: Specs::of(&options),
            options,
            observed: Observed::default(),
            claims: BTreeMap::new(),
            foreign: BTreeMap::new(),
        }
    }

    /// A connection in an organization of its own.
    pub fn connection(&mut self, letter: char, state: &str) -> &mut Self {
        self.connection_of(letter, state, letter)
    }

    pub fn connection_of(&mut self, letter: char, state: &str, organization: char) -> &mut Self {
        self.snapshot.connections.retain(|connection| connection.id != conn(letter));
        self.snapshot.connections.push(Connection {
            id: conn(letter),
            organization_id: Some(org(organization)),
            name: None,
            connection_type: None,
            state: state.to_owned().into(),
            created_at: Some(Timestamp::from_seconds(i64::from(u32::from(letter)))),
        });
        self
    }

    pub fn unreadable(&mut self, id: &str) -> &mut Self {
        let problem = "created_at is no date".to_owned();
        self.snapshot.unreadable.push(UnreadableRecord { id: id.to_owned(), problem });
        self
    }

    pub fn domains(&mut self, organization: char, domains: &[&str]) -> &mut Self {
        self.options.domain_identifiers = true;
        let domains = domains.iter().map(|domain| causeway_core::connection::OrganizationDomain {
            domain: (*domain).to_owned(),
            state: causeway_core::connection::DomainState::Verified,
        });
        self.snapshot.organizations.push(Organization {
            id: org(organization),
            name: None,
            domains: domains.collect(),
        });
        self
    }

    /// A provider of ours as it should be, held, with its connection's and its organization's ID.
    pub fn ours(&mut self, letter: char) -> &mut Self {
        self.ours_with(letter, both_ids(letter))
    }

    pub fn ours_with(&mut self, letter: char, identifiers: BTreeSet<Identifier>) -> &mut Self {
        let spec = self.specs.spec(&conn(letter), identifiers);
        let mut claim = self.claim(letter, ClaimState::Held);
        claim.fingerprint = Some(spec.fingerprint());
        claim.identifiers.clone_from(&spec.identifiers);
        claim.last_modified = Some(then());
        self.provider(name(letter).as_str(), "OIDC", spec, Some(our_secret(letter)));
        self.claims.insert(conn(letter), claim);
        self
    }

    pub fn claim(&self, letter: char, state: ClaimState) -> Claim {
        let issuer = self.specs.issuer(&conn(letter));
        let mut claim = Claim::intended(Specs::tenant(), conn(letter), Some(org(letter)), issuer);
        claim.secrets.intend(SecretHash::of(&our_secret(letter)));
        if state == ClaimState::Held {
            claim.state = ClaimState::Held;
            claim.secrets.confirm(&SecretHash::of(&our_secret(letter)), then());
        }
        claim
    }

    /// A claim that nobody knows the outcome of; if no provider is there, `Describe` says so.
    pub fn intended(&mut self, letter: char) -> &mut Self {
        let claim = self.claim(letter, ClaimState::Intended);
        self.observed.gone.insert(name(letter));
        self.claims.insert(conn(letter), claim);
        self
    }

    /// A claim whose provider was deleted behind our back, as `Describe` says.
    pub fn held_without_provider(&mut self, letter: char) -> &mut Self {
        self.held_and_not_listed(letter);
        self.observed.gone.insert(name(letter));
        self
    }

    /// A claim whose provider the list lacks.
    pub fn held_and_not_listed(&mut self, letter: char) -> &mut Self {
        self.ours(letter);
        self.observed.providers.remove(&name(letter));
        self
    }

    /// A provider in the pool, described.
    pub fn provider(&mut self, name: &str, kind: &str, spec: ProviderSpec, secret: Option<SecretString>) -> &mut Self {
        let mut details = spec.details;
        if let Some(secret) = secret {
            details.insert(CLIENT_SECRET.to_owned(), secret.expose_secret().to_owned());
        }
        let identifiers = spec.identifiers.iter().map(Identifier::to_string);
        let description = ProviderDescription::new(details, spec.attribute_mapping, identifiers);
        let provider =
            ObservedProvider { provider_type: kind.to_owned(), last_modified: then(), description: Some(description) };
        self.observed.providers.insert(name.parse().unwrap(), provider);
        self
    }

    /// A provider that somebody else made.
    pub fn foreign_provider(&mut self, name: &str, identifiers: &[&str]) -> &mut Self {
        let spec = ProviderSpec {
            details: [("oidc_issuer".to_owned(), "https://other.example.com".to_owned())].into(),
            attribute_mapping: BTreeMap::new(),
            identifiers: identifiers.iter().copied().map(identifier).collect(),
        };
        for identifier in &spec.identifiers {
            self.foreign.insert(identifier.clone(), Some(name.parse().unwrap()));
        }
        self.provider(name, "OIDC", spec, Some(SecretString::from("theirs")))
    }

    /// What `Describe` shows of a provider of ours, to be changed behind Causeway's back.
    pub fn drifted(&mut self, letter: char) -> &mut ProviderDescription {
        let provider = self.observed.providers.get_mut(&name(letter)).unwrap();
        provider.last_modified = Timestamp::from_seconds(then().seconds() + 1);
        provider.description.as_mut().unwrap()
    }

    pub fn app_client(&mut self, id: &str, supported: &[char]) -> &mut Self {
        let names = supported.iter().map(|letter| name(*letter).to_string());
        let all = names.chain(["COGNITO".to_owned()]).collect();
        self.observed.app_clients.insert(client(id), all);
        self
    }

    /// What a run looks at: `observed` is the pool, described as far as the run asked.
    pub fn with<T>(&self, observed: &Observed, look: impl FnOnce(Situation<'_>) -> T) -> T {
        let desired = Desired::new(&self.snapshot, &self.options);
        look(Situation {
            desired: &desired,
            observed,
            claims: &self.claims,
            foreign: &self.foreign,
            mode: self.options.mode,
            spec: &self.specs,
        })
    }

    /// What a run must describe once it has seen the list.
    pub fn to_describe(&self) -> BTreeSet<ProviderName> {
        let mut listed = self.observed.clone();
        for provider in listed.providers.values_mut() {
            provider.description = None;
        }
        self.with(&listed, |situation| to_describe(&situation))
    }

    /// The plan as the guard lets it through: of a pool on which nothing is on record, and where all that seems to be gone
    /// is gone.
    pub fn guarded(&self) -> Guarded {
        self.guarded_by(&OnRecord::default())
    }

    /// The plan as the guard lets it through, where all that seems to be gone is gone.
    pub fn guarded_by(&self, record: &OnRecord) -> Guarded {
        self.unjudged(record, |unjudged| unjudged.judge(&Unconfirmed::default()))
    }

    /// The plan before the guard judges it.
    pub fn unjudged<T>(&self, record: &OnRecord, judge: impl FnOnce(Unjudged<'_>) -> T) -> T {
        let mut observed = self.observed.clone();
        let asked = self.to_describe();
        for (_, provider) in observed.providers.iter_mut().filter(|(name, _)| !asked.contains(*name)) {
            provider.description = None;
        }
        self.with(&observed, |situation| judge(Unjudged::new(situation, record.as_record(), record.now)))
    }

    /// The plan of a run that describes what it must; one that describes everything has to plan the same.
    pub fn plan(&self) -> Plan {
        let asked = self.to_describe();
        let mut observed = self.observed.clone();
        for (_, provider) in observed.providers.iter_mut().filter(|(name, _)| !asked.contains(*name)) {
            provider.description = None;
        }
        let planned = self.with(&observed, plan);
        let full_pass = self.with(&self.observed, plan);
        assert_eq!(planned.steps, full_pass.steps, "what is described on the way changes the plan");
        planned
    }

    /// The plan's steps in few words: what, on whose provider, and the app client or what it has afterwards.
    pub fn steps(&self) -> Vec<String> {
        self.plan().steps.iter().map(short).collect()
    }

    /// All that the plan tells of what it leaves out.
    pub fn notes(&self) -> String {
        let notes: Vec<String> = self.plan().notes.into_iter().map(|note| note.message).collect();
        notes.join("\n")
    }
}

/// A step in few words, such as `update A [A org_A]` or `wire A web`.
pub fn short(step: &Step) -> String {
    let ids = |spec: &ProviderSpec| -> String {
        let texts = spec.identifiers.iter().map(|identifier| {
            let is_connection = identifier.as_str().starts_with("conn_");
            let id = identifier.as_str().parse().ok().filter(|_| is_connection);
            id.map_or_else(|| identifier.to_string(), |id| letter(&id).to_string())
        });
        texts.collect::<Vec<_>>().join(" ")
    };
    let rest = match &step.action {
        Action::Create(spec) => format!(" [{}]", ids(spec)),
        Action::Update { after, new_secret, .. } => {
            format!(" [{}]{}", ids(after), if *new_secret { " with a new secret" } else { "" })
        }
        Action::Delete(reason) => format!(" {reason:?}").to_lowercase(),
        Action::Wire | Action::Unwire => format!(" {}", step.app_client_id.as_ref().unwrap()),
        Action::Forget => String::new(),
    };
    format!("{} {}{rest}", step.action.kind().name(), letter(&step.connection_id))
}
