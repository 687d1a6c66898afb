//! Which providers can be adopted, and what becomes of one whose adoption was interrupted.
#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    adoption::{Adoption, NotAdoptable, Request, adopt},
    claim::Claim,
    connection::{Connection, ConnectionState, WorkosSnapshot},
    desired::Desired,
    id::{ConnectionId, Identifier, ProviderName},
    plan::{Action, Situation, plan},
    provider::{Observed, ObservedProvider, ProviderDescription},
    secret::SecretHash,
    subject::Subject,
    user_pool::{Mode, PoolOptions},
};
use scene::{Specs, conn, identifier, org, then};
use secrecy::SecretString;

fn theirs() -> ProviderName {
    "Okta".parse().unwrap()
}

fn provider(kind: &str, identifiers: &[Identifier]) -> ObservedProvider {
    let details = [("client_id", "theirs"), ("client_secret", "theirs"), ("oidc_issuer", "https://okta.example.com")];
    let details = details.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let identifiers = identifiers.iter().map(ToString::to_string);
    ObservedProvider {
        provider_type: kind.to_owned(),
        last_modified: then(),
        description: Some(ProviderDescription::new(details, BTreeMap::new(), identifiers)),
    }
}

/// WorkOS has the connections A and B.
fn desired() -> Desired {
    desired_with(&ConnectionState::Active)
}

/// WorkOS has the connections A and B, in this state.
fn desired_with(state: &ConnectionState) -> Desired {
    let connections = ['A', 'B'].map(|letter| Connection {
        id: conn(letter),
        organization_id: Some(org('O')),
        name: None,
        connection_type: None,
        state: state.clone(),
        created_at: Some(then()),
    });
    Desired::new(
        &WorkosSnapshot { connections: connections.into(), ..WorkosSnapshot::default() },
        &PoolOptions::default(),
    )
}

fn claim_of(letter: char, name: &ProviderName) -> BTreeMap<ConnectionId, Claim> {
    let issuer = specs().issuer(&conn(letter));
    let claim = Claim::intended(Specs::tenant(), conn(letter), None, issuer);
    [(conn(letter), Claim { provider_name: name.clone(), ..claim })].into()
}

fn specs() -> Specs {
    Specs::of(&PoolOptions::default())
}

fn tried(
    provider: Option<&ObservedProvider>,
    connection: Option<&ConnectionId>,
    claims: &BTreeMap<ConnectionId, Claim>,
) -> Result<Adoption, NotAdoptable> {
    let (name, specs, tenant) = (theirs(), specs(), Specs::tenant());
    let request = Request { tenant: &tenant, provider_name: &name, connection, subject: Subject::IdpId };
    adopt(request, provider, &desired(), claims, &specs, |id| specs.issuer(id))
}

#[test]
fn a_provider_is_adopted_for_the_connection_that_it_carries_or_that_is_named() {
    let none = BTreeMap::new();
    let id = |letter| Identifier::of_id(&conn(letter)).unwrap();
    let carried = tried(Some(&provider("OIDC", &[id('A'), identifier("okta.example.com")])), None, &none).unwrap();
    assert_eq!((&carried.claim.connection_id, &carried.claim.provider_name), (&conn('A'), &theirs()));
    assert_eq!(carried.claim.subject, Subject::IdpId);
    assert_eq!(carried.before.issuer(), Some("https://okta.example.com"));
    assert_eq!(carried.after.issuer(), Some(specs().issuer(&conn('A')).as_str()));
    assert_eq!(carried.after.identifiers, carried.before.identifiers, "a way to be found is lost");
    let named = tried(Some(&provider("OIDC", &[])), Some(&conn('B')), &none).unwrap();
    assert_eq!(named.claim.connection_id, conn('B'));
}

#[test]
fn other_identifiers_of_a_provider_do_not_hide_which_connection_it_is_for() {
    let (none, text) = (BTreeMap::new(), |text: &str| text.parse::<Identifier>().unwrap());
    let its = Identifier::of_id(&conn('A')).unwrap();
    for beside in ["acme", "org_01EHWNCE74X7JSDV0X3SZ3KJNY", "acme.example.com"] {
        let carried = tried(Some(&provider("OIDC", &[its.clone(), text(beside)])), None, &none).unwrap();
        assert_eq!(carried.claim.connection_id, conn('A'), "{beside}");
    }
    assert_eq!(tried(Some(&provider("OIDC", &[text("acme")])), None, &none), Err(NotAdoptable::NoConnection));
}

#[test]
fn what_can_not_be_adopted_is_refused_for_what_it_is() {
    let none = BTreeMap::new();
    let id = |letter| Identifier::of_id(&conn(letter)).unwrap();
    let ours = ProviderName::for_connection(&conn('A'));
    let both = format!("{}, {}", conn('A'), conn('B'));
    let cases = [
        (tried(None, None, &none), NotAdoptable::NoProvider),
        (tried(Some(&provider("SAML", &[id('A')])), None, &none), NotAdoptable::NotOidc("SAML".to_owned())),
        (tried(Some(&provider("OIDC", &[])), None, &none), NotAdoptable::NoConnection),
        (tried(Some(&provider("OIDC", &[id('A'), id('B')])), None, &none), NotAdoptable::SeveralConnections(both)),
        (tried(Some(&provider("OIDC", &[id('C')])), None, &none), NotAdoptable::UnknownConnection),
        (tried(Some(&provider("OIDC", &[])), Some(&conn('C')), &none), NotAdoptable::UnknownConnection),
        (
            tried(Some(&provider("OIDC", &[id('A')])), None, &claim_of('B', &theirs())),
            NotAdoptable::AlreadyOurs(conn('B')),
        ),
        (tried(Some(&provider("OIDC", &[id('A')])), None, &claim_of('A', &ours)), NotAdoptable::HasProvider(ours)),
    ];
    for (tried, expected) in cases {
        assert_eq!(tried.unwrap_err(), expected);
    }
}

#[test]
fn a_provider_that_signs_users_in_is_not_adopted_for_a_connection_that_can_not() {
    let (name, specs, tenant, none) = (theirs(), specs(), Specs::tenant(), BTreeMap::new());
    let request = Request { tenant: &tenant, provider_name: &name, connection: None, subject: Subject::ProfileId };
    let provider = provider("OIDC", &[Identifier::of_id(&conn('A')).unwrap()]);
    let tried = |state: &ConnectionState| {
        adopt(request, Some(&provider), &desired_with(state), &none, &specs, |id| specs.issuer(id)).map(|_| ())
    };
    for state in [ConnectionState::Active, ConnectionState::Validating] {
        assert_eq!(tried(&state), Ok(()));
    }
    for state in
        [ConnectionState::Inactive, ConnectionState::Draft, ConnectionState::RequiresType, ConnectionState::Deleting]
    {
        assert_eq!(tried(&state), Err(NotAdoptable::CanNotSignIn(state.as_str().to_owned())));
    }
    let unknown = ConnectionState::Unknown("future".to_owned());
    assert_eq!(tried(&unknown), Err(NotAdoptable::UnknownConnection));
}

/// What the next run does where the adoption of Okta for A ended after its claim was written.
fn next_run(observed: ObservedProvider, claim: Claim) -> (Vec<Action>, usize) {
    let observed = Observed { providers: [(theirs(), observed)].into(), ..Observed::default() };
    let claims = [(conn('A'), claim)].into();
    let (desired, foreign, specs) = (desired(), BTreeMap::new(), specs());
    let mode = Mode::Observe;
    let plan = plan(Situation {
        desired: &desired,
        observed: &observed,
        claims: &claims,
        foreign: &foreign,
        mode,
        spec: &specs,
    });
    let of_a = plan.steps.into_iter().filter(|step| step.connection_id == conn('A'));
    (of_a.map(|step| step.action).collect(), plan.settlements.len())
}

#[test]
fn an_adoption_that_was_interrupted_is_dropped_before_the_write_and_held_after_it() {
    let secret = SecretString::from("ours".to_owned());
    let adoption =
        tried(Some(&provider("OIDC", &[Identifier::of_id(&conn('A')).unwrap()])), None, &BTreeMap::new()).unwrap();
    let mut claim = adoption.claim.clone();
    claim.secrets.intend(SecretHash::of(&secret));
    let (steps, settled) = next_run(provider("OIDC", &[Identifier::of_id(&conn('A')).unwrap()]), claim.clone());
    assert_eq!((steps, settled), (vec![Action::Forget], 0), "the provider is still theirs");

    let mut details = adoption.after.details.clone();
    details.insert("client_secret".to_owned(), "ours".to_owned());
    let identifiers: BTreeSet<Identifier> = adoption.after.identifiers.clone();
    let written = ObservedProvider {
        description: Some(ProviderDescription::new(
            details,
            adoption.after.attribute_mapping.clone(),
            identifiers.iter().map(ToString::to_string),
        )),
        ..provider("OIDC", &[])
    };
    let (steps, settled) = next_run(written, claim);
    assert!(steps.iter().all(|step| !matches!(step, Action::Create(_) | Action::Forget)), "{steps:?}");
    assert_eq!(settled, 1);
}
