//! What depends on what: which later steps a failure stops, and where a run must not pause.

use std::collections::BTreeMap;

use crate::{
    id::{ConnectionId, Identifier},
    plan::{Action, Step},
    provider::ProviderSpec,
};

/// What failed in a run so far. It stops what depends on it and nothing else:
///
/// | failed | left out, of the same connection |
/// | --- | --- |
/// | a wire | nothing |
/// | an unwire | delete, forget: a name left behind in an app client has Cognito refuse its every change |
/// | create, update, delete, forget | everything but unwires |
/// | a step of another, for which an identifier was freed and is put back | everything but unwires: the plan was made for a provider without it |
/// | what all its steps need, such as that WorkOS confirms that it is gone | everything |
#[derive(Debug, Clone, Default)]
pub struct Failed {
    stopped: BTreeMap<ConnectionId, Extent>,
}

/// How much a failure stops; each of these stops what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Nothing,
    Removal,
    AllButUnwires,
    Everything,
}

impl Failed {
    /// Records that `step` failed.
    pub fn step(&mut self, step: &Step) {
        let extent = match step.action {
            Action::Wire => Extent::Nothing,
            Action::Unwire => Extent::Removal,
            Action::Create(_) | Action::Update { .. } | Action::Delete(_) | Action::Forget => Extent::AllButUnwires,
        };
        self.extend(&step.connection_id, extent);
    }

    /// Records that a connection's provider has back what it had given away. An update of it that was planned would
    /// take that away again.
    pub fn put_back(&mut self, id: &ConnectionId) {
        self.extend(id, Extent::AllButUnwires);
    }

    /// Records that something failed that every step of a connection needs.
    pub fn connection(&mut self, id: &ConnectionId) {
        self.extend(id, Extent::Everything);
    }

    fn extend(&mut self, id: &ConnectionId, extent: Extent) {
        let stopped = self.stopped.entry(id.clone()).or_insert(extent);
        *stopped = extent.max(*stopped);
    }

    /// Whether `step` is left out, as something failed that it depends on.
    pub fn stops(&self, step: &Step) -> bool {
        let least = match step.action {
            Action::Unwire => Extent::Everything,
            Action::Delete(_) | Action::Forget => Extent::Removal,
            Action::Create(_) | Action::Update { .. } | Action::Wire => Extent::AllButUnwires,
        };
        self.stopped.get(&step.connection_id).is_some_and(|extent| *extent >= least)
    }

    /// The connections for which anything failed.
    pub fn connections(&self) -> impl Iterator<Item = &ConnectionId> {
        self.stopped.keys()
    }
}

/// Whether one of the steps to come takes an identifier that the steps before freed for it: until then it is on nobody.
/// `freed` is what each provider was before it gave something away.
pub fn takes_what_was_freed(freed: &[(ConnectionId, ProviderSpec)], to_come: &[&Step]) -> bool {
    let is_freed = |identifier: &Identifier| freed.iter().any(|(_, before)| before.identifiers.contains(identifier));
    to_come.iter().any(|step| match &step.action {
        Action::Create(spec) => spec.identifiers.iter().any(is_freed),
        Action::Update { before, after, .. } => after.identifiers.difference(&before.identifiers).any(is_freed),
        Action::Wire | Action::Unwire | Action::Delete(_) | Action::Forget => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DeleteReason, build::step};

    fn id(letter: char) -> ConnectionId {
        format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap()
    }

    fn spec(identifiers: &[&str]) -> ProviderSpec {
        let identifiers = identifiers.iter().map(|text| text.parse().unwrap()).collect();
        ProviderSpec { identifiers, ..ProviderSpec::default() }
    }

    fn update(before: &[&str], after: &[&str]) -> Action {
        Action::Update { before: spec(before), after: spec(after), new_secret: false }
    }

    fn of(letter: char, action: Action, client: Option<&str>) -> Step {
        let app_client_id = client.map(|client| client.parse().unwrap());
        Step { app_client_id, ..step(action, &id(letter), &"a-provider".parse().unwrap(), String::new()) }
    }

    /// Every step that a connection can have, on the app client `web` where it is on one.
    fn every(letter: char) -> Vec<Step> {
        vec![
            of(letter, Action::Create(spec(&[])), None),
            of(letter, update(&[], &[]), None),
            of(letter, Action::Wire, Some("web")),
            of(letter, Action::Unwire, Some("web")),
            of(letter, Action::Delete(DeleteReason::Gone), None),
            of(letter, Action::Forget, None),
        ]
    }

    fn stopped(failed: &Failed, letter: char) -> Vec<&'static str> {
        every(letter).iter().filter(|step| failed.stops(step)).map(|step| step.action.name()).collect()
    }

    #[test]
    fn a_failure_stops_what_depends_on_it_and_nothing_else() {
        let all_but_unwires = ["create", "update", "wire", "delete", "forget"];
        for (failing, expected) in [
            (Action::Wire, &[][..]),
            (Action::Unwire, &["delete", "forget"]),
            (Action::Create(spec(&[])), &all_but_unwires),
            (update(&[], &[]), &all_but_unwires),
        ] {
            let name = failing.name();
            let mut failed = Failed::default();
            failed.step(&of('A', failing, Some("mobile")));
            assert_eq!(stopped(&failed, 'A'), expected, "after a failed {name}");
            assert!(stopped(&failed, 'B').is_empty(), "another connection after a failed {name}");
            assert_eq!(failed.connections().collect::<Vec<_>>(), [&id('A')], "{name}");
        }
    }

    #[test]
    fn what_was_put_back_is_not_taken_away_again_by_a_step_that_was_planned_without_it() {
        let mut failed = Failed::default();
        failed.put_back(&id('A'));
        assert_eq!(stopped(&failed, 'A'), ["create", "update", "wire", "delete", "forget"]);
    }

    #[test]
    fn a_connection_that_is_not_confirmed_to_be_gone_loses_nothing() {
        let mut failed = Failed::default();
        failed.connection(&id('A'));
        assert_eq!(stopped(&failed, 'A').len(), every('A').len());
    }

    #[test]
    fn a_later_failure_never_frees_what_an_earlier_one_stopped() {
        let mut failed = Failed::default();
        failed.connection(&id('A'));
        failed.step(&of('A', Action::Wire, Some("web")));
        assert_eq!(stopped(&failed, 'A').len(), every('A').len());
    }

    #[test]
    fn an_identifier_is_on_nobody_from_its_first_freeing_until_it_is_taken() {
        let free_a = of('A', update(&["conn_A", "org_O"], &["conn_A"]), None);
        let free_b = of('B', update(&["conn_B", "org_P"], &["conn_B"]), None);
        let take = of('C', Action::Create(spec(&["conn_C", "org_O", "org_P"])), None);
        let wire = of('C', Action::Wire, Some("web"));
        let freed = |steps: &[&Step]| -> Vec<(ConnectionId, ProviderSpec)> {
            let before = |step: &&Step| match &step.action {
                Action::Update { before, .. } => Some((step.connection_id.clone(), before.clone())),
                _ => None,
            };
            steps.iter().filter_map(before).collect()
        };
        for (done, to_come, expected) in [
            (vec![], vec![&free_a, &free_b, &take, &wire], false),
            (vec![&free_a], vec![&free_b, &take, &wire], true),
            (vec![&free_a, &free_b], vec![&take, &wire], true),
            (vec![&free_a, &free_b], vec![&wire], false),
            (vec![&free_a], vec![&free_b, &wire], false),
        ] {
            assert_eq!(takes_what_was_freed(&freed(&done), &to_come), expected, "{} done", done.len());
        }
        let again = of('A', update(&["conn_A"], &["conn_A", "org_Q"]), None);
        assert!(!takes_what_was_freed(&freed(&[&free_a]), &[&again]), "what a provider keeps is not free");
    }
}
