//! A pool that moves here: what of its export is taken for true, and what of it takes over nothing.
#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

#[allow(dead_code, reason = "each test binary uses its own part")]
mod scene;

use std::collections::BTreeMap;

use causeway_core::{
    adoption::NotAdoptable,
    app_clients::AppClients,
    claim::{Claim, ClaimState},
    connection::{Connection, WorkosSnapshot},
    desired::Desired,
    export::{ExportedProvider, PoolExport},
    id::{ConnectionId, ProviderName},
    moving::{Differs, Here, Move, compare},
    provider::{BaseUrl, Issuer, ObservedProvider, ProviderDescription, ProviderSpec},
    subject::Subject,
    user_pool::{PoolStatus, RunState, UserPool},
};
use proptest::prelude::*;
use scene::{
    Specs, conn,
    exported::{LETTERS, export, exported, old_issuer, old_tenant, options},
    identifier, org, then,
};

/// Both sides as they are when a pool moves here, and what was exported of it.
struct Scene {
    export: PoolExport,
    pool: UserPool,
    providers: BTreeMap<ProviderName, Option<ObservedProvider>>,
    snapshot: WorkosSnapshot,
    claims: BTreeMap<ConnectionId, Claim>,
}

impl Scene {
    fn new() -> Self {
        let pool = UserPool {
            tenant_id: Specs::tenant(),
            user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
            account_id: "222222222222".parse().unwrap(),
            role_name: "CausewayLogin".parse().unwrap(),
            status: PoolStatus::Active,
            removal: None,
            options: options(),
            awaits_admission: false,
            registered_by: None,
            created_at: then(),
            updated_at: then(),
            version: 1,
            run: RunState::new(then()),
            held: BTreeMap::new(),
            decisions: causeway_core::decisions::Decisions::default(),
            due_at: None,
            unknown: causeway_core::unknown::Unknown::default(),
        };
        let connections = LETTERS.map(|letter| Connection {
            id: conn(letter),
            organization_id: Some(org(letter)),
            name: None,
            connection_type: None,
            state: "active".to_owned().into(),
            created_at: Some(then()),
        });
        let mut scene = Self {
            export: export(),
            pool,
            providers: BTreeMap::new(),
            snapshot: WorkosSnapshot { connections: connections.into(), ..WorkosSnapshot::default() },
            claims: BTreeMap::new(),
        };
        for letter in LETTERS {
            scene.shows(letter, "OIDC", &old_issuer(letter));
        }
        scene
    }

    /// What the pool shows of a connection's provider.
    fn shows(&mut self, letter: char, kind: &str, issuer: &Issuer) {
        let identifiers = [identifier(conn(letter).as_str()), identifier(&format!("{letter}.example"))];
        let spec = ProviderSpec::new(issuer, &self.pool.user_pool_id, options().mapping(), identifiers.clone().into());
        let observed = ObservedProvider {
            provider_type: kind.to_owned(),
            last_modified: then(),
            description: Some(ProviderDescription::new(
                spec.details,
                spec.attribute_mapping,
                identifiers.map(|identifier| identifier.to_string()),
            )),
        };
        self.providers.insert(ProviderName::for_connection(&conn(letter)), Some(observed));
    }

    fn connection(&mut self, letter: char) -> &mut Connection {
        self.snapshot.connections.iter_mut().find(|connection| connection.id == conn(letter)).unwrap()
    }

    /// It was taken over before.
    fn claims(&mut self, letter: char, change: impl FnOnce(&mut Claim)) {
        let issuer = Specs::of(&options()).issuer(&conn(letter));
        let mut claim = Claim::intended(Specs::tenant(), conn(letter), Some(org(letter)), issuer);
        (claim.state, claim.subject) = (ClaimState::Held, exported(letter).subject);
        change(&mut claim);
        self.claims.insert(claim.connection_id.clone(), claim);
    }

    fn compared(&self) -> Result<Vec<Move>, Vec<(Option<ConnectionId>, Differs)>> {
        let specs = Specs::of(&options());
        let desired = Desired::new(&self.snapshot, &self.pool.options);
        let here = Here { pool: &self.pool, providers: &self.providers, desired: &desired, claims: &self.claims };
        let compared = compare(&self.export.pool, &self.export.providers, here, &specs, &|id| specs.issuer(id));
        let moves = compared.map(|moves| moves.into_iter().map(|(_, one)| one).collect());
        moves.map_err(|differences| {
            let of = |difference: causeway_core::moving::Difference| {
                (difference.provider.map(|provider| provider.connection_id), difference.differs)
            };
            differences.into_iter().map(of).collect()
        })
    }
}

#[test]
fn what_is_as_it_was_exported_is_taken_over_with_its_name_its_sub_and_the_ways_in_which_it_is_found() {
    let scene = Scene::new();
    let moves = scene.compared().unwrap();
    assert_eq!(moves.len(), LETTERS.len());
    for (letter, one) in LETTERS.into_iter().zip(moves) {
        let Move::Adopt(adoption) = one else { panic!("{letter}: {one:?}") };
        let expected = exported(letter);
        assert_eq!(adoption.claim.tenant_id, Specs::tenant());
        assert_eq!(adoption.claim.provider_name, expected.provider_name);
        assert_eq!(adoption.claim.subject, expected.subject);
        assert_eq!(adoption.claim.organization_id, expected.organization_id);
        assert_eq!(adoption.after.issuer(), Some(Specs::of(&options()).issuer(&conn(letter)).as_str()));
        assert_eq!(adoption.after.identifiers, adoption.before.identifiers, "a way to be found is lost");
        let changed = adoption.before.changes_to(&adoption.after);
        assert!(
            changed.iter().all(|change| change.field.ends_with("url")
                || change.field.ends_with("uri")
                || change.field == "oidc_issuer"),
            "{changed:?}"
        );
    }
}

#[test]
fn whatever_state_a_connection_is_in_its_provider_moves_too() {
    for state in ["active", "validating", "inactive", "draft", "requires_type", "deleting", "of the future"] {
        let mut scene = Scene::new();
        scene.connection('B').state = state.to_owned().into();
        assert_eq!(scene.compared().map(|moves| moves.len()), Ok(3), "{state}");
    }
}

#[test]
fn what_was_taken_over_before_is_left_as_it_is() {
    let mut scene = Scene::new();
    scene.claims('A', |_| ());
    // It shows this deployment's issuer by now.
    scene.shows('A', "OIDC", &Specs::of(&options()).issuer(&conn('A')));
    let moves = scene.compared().unwrap();
    assert_eq!(moves[0], Move::Done);
    assert!(moves[1..].iter().all(|one| matches!(one, Move::Adopt(_))));
}

#[test]
fn one_difference_anywhere_takes_over_nothing_and_is_said() {
    let shown = |letter| Differs::Issuer(Some(old_issuer(letter).as_str().to_owned()));
    let unknown = || Differs::NotAdoptable(NotAdoptable::UnknownConnection);
    let name = |letter| ProviderName::for_connection(&conn(letter));
    let of = |change: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::new();
        change(&mut scene);
        scene.compared()
    };
    let on = |letter, differs| Err(vec![(Some(conn(letter)), differs)]);
    let of_pool = |differs| Err(vec![(None, differs)]);
    let cases = [
        // A file that gives one customer's provider to another's connection.
        (
            of(&|scene| {
                scene.export.providers.truncate(1);
                scene.export.providers[0].connection_id = conn('B');
                scene.export.providers[0].organization_id = Some(org('B'));
                scene.export.providers[0].issuer = old_issuer('B');
            }),
            on('B', shown('A')),
        ),
        // The same, with the issuer that the provider shows.
        (
            of(&|scene| {
                scene.export.providers.truncate(1);
                scene.export.providers[0].connection_id = conn('B');
                scene.export.providers[0].organization_id = Some(org('B'));
            }),
            on('B', shown('A')),
        ),
        // Somebody pointed it elsewhere since.
        (
            of(&|scene| {
                let elsewhere =
                    Issuer::new(&BaseUrl::parse("https://evil.example").unwrap(), &old_tenant(), &conn('A'));
                scene.shows('A', "OIDC", &elsewhere);
            }),
            on('A', Differs::Issuer(Some(format!("https://evil.example/oidc/{}/{}", old_tenant(), conn('A'))))),
        ),
        // Of another tenant there.
        (
            of(&|scene| scene.export.pool.tenant_id = Specs::tenant()),
            Err(LETTERS.map(|l| (Some(conn(l)), shown(l))).into()),
        ),
        (
            of(&|scene| scene.shows('A', "SAML", &old_issuer('A'))),
            on('A', Differs::NotAdoptable(NotAdoptable::NotOidc("SAML".to_owned()))),
        ),
        (
            of(&|scene| drop(scene.providers.insert(name('A'), None))),
            on('A', Differs::NotAdoptable(NotAdoptable::NoProvider)),
        ),
        (
            of(&|scene| drop(scene.providers.remove(&name('A')))),
            on('A', Differs::NotAdoptable(NotAdoptable::NoProvider)),
        ),
        // WorkOS has it elsewhere, nowhere, not at all, or the pool does not choose it.
        (
            of(&|scene| scene.connection('C').organization_id = Some(org('A'))),
            on('C', Differs::Organization(Some(org('A')))),
        ),
        (of(&|scene| scene.connection('C').organization_id = None), on('C', Differs::Organization(None))),
        (of(&|scene| scene.export.providers[2].organization_id = None), on('C', Differs::Organization(Some(org('C'))))),
        (of(&|scene| scene.snapshot.connections.retain(|connection| connection.id != conn('C'))), on('C', unknown())),
        (of(&|scene| scene.pool.options.organizations = Some(vec![org('A'), org('B')])), on('C', unknown())),
        // What is taken over already is something else.
        (of(&|scene| scene.claims('C', |claim| claim.subject = Subject::ProfileId)), on('C', Differs::Subject)),
        (of(&|scene| scene.claims('C', |claim| claim.state = ClaimState::Intended)), on('C', Differs::Unsettled)),
        (
            of(&|scene| scene.claims('C', |claim| claim.provider_name = "Okta".parse().unwrap())),
            on('C', Differs::NotAdoptable(NotAdoptable::HasProvider("Okta".parse().unwrap()))),
        ),
        (
            of(&|scene| scene.claims('X', |claim| claim.provider_name = name('C'))),
            on('C', Differs::NotAdoptable(NotAdoptable::AlreadyOurs(conn('X')))),
        ),
        // The user pool is another, or set up otherwise.
        (of(&|scene| scene.pool.user_pool_id = "eu-west-1_Other".parse().unwrap()), of_pool(Differs::Pool)),
        (of(&|scene| scene.pool.options.domain_identifiers = false), of_pool(Differs::Setting("domain_identifiers"))),
        (
            of(&|scene| scene.pool.options.clear_missing_attributes = true),
            of_pool(Differs::Setting("clear_missing_attributes")),
        ),
        (of(&|scene| scene.pool.options.app_clients = AppClients::All), of_pool(Differs::Setting("app_clients"))),
        (
            of(&|scene| scene.pool.options.attribute_mapping = Some([("email".to_owned(), "email".to_owned())].into())),
            of_pool(Differs::Setting("attribute_mapping")),
        ),
    ];
    for (number, (compared, expected)) in cases.into_iter().enumerate() {
        assert_eq!(compared, expected, "case {number}");
    }
}

#[test]
fn every_difference_is_said_at_once() {
    let mut scene = Scene::new();
    scene.pool.options.domain_identifiers = false;
    scene.shows('A', "SAML", &old_issuer('A'));
    scene.connection('C').organization_id = None;
    let differing: Vec<_> = scene.compared().unwrap_err().into_iter().map(|(id, _)| id).collect();
    assert_eq!(differing, [None, Some(conn('A')), Some(conn('C'))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_file_takes_over_a_provider_for_a_connection_that_it_does_not_show(
        first in any::<prop::sample::Index>(), second in any::<prop::sample::Index>(), issuer in any::<prop::sample::Index>(),
        organization in any::<prop::sample::Index>(),
    ) {
        let letter = |index: prop::sample::Index| LETTERS[index.index(LETTERS.len())];
        let (provider, connection) = (letter(first), letter(second));
        let mut scene = Scene::new();
        scene.export.providers = vec![ExportedProvider {
            connection_id: conn(connection),
            organization_id: Some(org(letter(organization))),
            provider_name: ProviderName::for_connection(&conn(provider)),
            issuer: old_issuer(letter(issuer)),
            subject: Subject::ProfileId,
        }];
        let is_taken = scene.compared().is_ok();
        prop_assert_eq!(is_taken, [connection, letter(issuer), letter(organization)].iter().all(|one| *one == provider));
    }
}
