//! What depends on what: which later steps a failure stops, and where a run must not pause.

use std::collections::{BTreeMap, BTreeSet};

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
/// | a step of another, for which an identifier was to be freed | updates: they were planned for a provider without it |
/// | what all its steps need, such as that WorkOS confirms that it is gone | everything |
#[derive(Debug, Clone, Default)]
pub struct Failed {
    stopped: BTreeMap<ConnectionId, Extent>,
    /// The connections whose providers keep what they were to give away.
    keeping: BTreeSet<ConnectionId>,
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

    /// Records that a connection's provider keeps, or has back, what it was to give away. An update of it that was planned
    /// for later would take that away all the same. One that goes goes: nobody signs in by it.
    pub fn keeps(&mut self, id: &ConnectionId) {
        self.keeping.insert(id.clone());
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
        if matches!(step.action, Action::Update { .. }) && self.keeping.contains(&step.connection_id) {
            return true;
        }
        let least = match step.action {
            Action::Unwire => Extent::Everything,
            Action::Delete(_) | Action::Forget => Extent::Removal,
            Action::Create(_) | Action::Update { .. } | Action::Wire => Extent::AllButUnwires,
        };
        self.stopped.get(&step.connection_id).is_some_and(|extent| *extent >= least)
    }

    /// The connections for which anything failed.
    pub fn connections(&self) -> impl Iterator<Item = &ConnectionId> {
        self.stopped.keys().chain(&self.keeping)
    }

    /// Whether a step frees something for another that will not take it: something failed for that one, or it needs as
    /// well what is `stuck`, or what a later step was to free that is left out. Then it is not worth a write, and the
    /// identifier has to stay where it works.
    pub fn frees_in_vain(&self, step: &Step, to_come: &[&Step], stuck: &BTreeSet<Identifier>) -> bool {
        let given: BTreeSet<&Identifier> = gives(step).collect();
        let left_out = to_come.iter().filter(|other| self.stops(other)).flat_map(|other| gives(other));
        let missed: BTreeSet<&Identifier> = left_out.chain(stuck).collect();
        let wants = |other: &&&Step| gains(other).any(|identifier| given.contains(identifier));
        let mut takers = to_come.iter().filter(wants).peekable();
        let is_left_out =
            |taker: &&Step| self.stops(taker) || gains(taker).any(|identifier| missed.contains(identifier));
        takers.peek().is_some() && takers.all(is_left_out)
    }
}

/// What an update takes from a provider.
fn gives(step: &Step) -> impl Iterator<Item = &Identifier> {
    let identifiers = match &step.action {
        Action::Update { before, after, .. } => Some(before.identifiers.difference(&after.identifiers)),
        _ => None,
    };
    identifiers.into_iter().flatten()
}

/// What a step has a provider found by that was not before.
fn gains(step: &Step) -> impl Iterator<Item = &Identifier> {
    let (before, after) = match &step.action {
        Action::Create(spec) => (None, Some(spec)),
        Action::Update { before, after, .. } => (Some(before), Some(after)),
        Action::Wire | Action::Unwire | Action::Delete(_) | Action::Forget => (None, None),
    };
    let had = move |identifier: &&Identifier| before.is_some_and(|before| before.identifiers.contains(*identifier));
    after.into_iter().flat_map(|after| &after.identifiers).filter(move |identifier| !had(identifier))
}

/// What providers gave away in a run for others, until it is taken.
#[derive(Debug, Clone, Default)]
pub struct Freed {
    given: Vec<(ConnectionId, BTreeSet<Identifier>)>,
    on_nobody: BTreeSet<Identifier>,
    written: BTreeMap<ConnectionId, ProviderSpec>,
}

impl Freed {
    /// Records that a provider was changed, or made, from nothing.
    pub fn wrote(&mut self, holder: &ConnectionId, before: &ProviderSpec, after: &ProviderSpec) {
        let gave: BTreeSet<Identifier> = before.identifiers.difference(&after.identifiers).cloned().collect();
        self.on_nobody.extend(gave.iter().cloned());
        self.on_nobody.retain(|identifier| !after.identifiers.contains(identifier));
        if !gave.is_empty() {
            self.given.push((holder.clone(), gave));
        }
        self.written.insert(holder.clone(), after.clone());
    }

    /// Whether one of the steps to come takes what is on nobody: a run that pauses before it leaves it there.
    pub fn is_taken_by(&self, to_come: &[&Step]) -> bool {
        to_come.iter().any(|step| self.is_taken_for(step))
    }

    /// Whether a step takes what another gave away.
    pub fn is_taken_for(&self, step: &Step) -> bool {
        gains(step).any(|identifier| self.on_nobody.contains(identifier))
    }

    /// What to write where a step that `wanted` some of it failed: who gave it away, with it and with all that they have
    /// by now, so that nothing else has to move.
    pub fn put_back(&mut self, wanted: &BTreeSet<Identifier>) -> Vec<(ConnectionId, ProviderSpec)> {
        let mut back = Vec::new();
        for (holder, gave) in self.given.iter().rev() {
            let missed: BTreeSet<Identifier> =
                gave.iter().filter(|one| wanted.contains(*one) && self.on_nobody.contains(*one)).cloned().collect();
            if let Some(spec) = self.written.get_mut(holder).filter(|_| !missed.is_empty()) {
                self.on_nobody.retain(|identifier| !missed.contains(identifier));
                spec.identifiers.extend(missed);
                back.push((holder.clone(), spec.clone()));
            }
        }
        back
    }
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
        every(letter).iter().filter(|step| failed.stops(step)).map(|step| step.action.kind().name()).collect()
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
            let name = failing.kind().name();
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
        failed.keeps(&id('A'));
        assert_eq!(stopped(&failed, 'A'), ["update"]);
        assert_eq!(failed.connections().collect::<Vec<_>>(), [&id('A')]);
    }

    #[test]
    fn nothing_is_freed_for_a_connection_that_will_not_take_it() {
        let free = of('A', update(&["A", "x"], &["A"]), None);
        let take = of('B', update(&["B"], &["B", "x"]), None);
        let (other, create) = (of('C', update(&["C"], &["C", "x"]), None), of('B', Action::Create(spec(&["B"])), None));
        let mut failed = Failed::default();
        let none = BTreeSet::new();
        assert!(!failed.frees_in_vain(&free, &[&take], &none));
        assert!(failed.frees_in_vain(&free, &[&take], &spec(&["x"]).identifiers), "it can't be had");
        failed.step(&create);
        assert!(failed.frees_in_vain(&free, &[&take], &none));
        assert!(!failed.frees_in_vain(&free, &[&take, &other], &none), "somebody takes it");
        assert!(!failed.frees_in_vain(&free, &[], &none), "nobody was to take it");
        assert!(!failed.frees_in_vain(&take, &[&other], &none), "it frees nothing");
    }

    #[test]
    fn nothing_is_freed_for_a_connection_that_needs_as_well_what_is_not_freed() {
        let free_x = of('A', update(&["A", "x"], &["A"]), None);
        let free_y = of('C', update(&["C", "y"], &["C"]), None);
        let take = of('B', update(&["B"], &["B", "x", "y"]), None);
        let mut failed = Failed::default();
        failed.connection(&id('C'));
        let none = BTreeSet::new();
        assert!(failed.frees_in_vain(&free_x, &[&free_y, &take], &none), "the other one comes later and is left out");
        assert!(
            failed.frees_in_vain(&free_x, &[&take], &spec(&["y"]).identifiers),
            "the other one was left out before"
        );
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

    fn specs(step: &Step) -> (ProviderSpec, ProviderSpec) {
        match &step.action {
            Action::Create(spec) => (ProviderSpec::default(), spec.clone()),
            Action::Update { before, after, .. } => (before.clone(), after.clone()),
            other => panic!("{other:?} writes no provider"),
        }
    }

    fn after(steps: &[&Step]) -> Freed {
        let mut freed = Freed::default();
        for step in steps {
            let (before, after) = specs(step);
            freed.wrote(&step.connection_id, &before, &after);
        }
        freed
    }

    #[test]
    fn an_identifier_is_on_nobody_from_its_first_freeing_until_it_is_taken() {
        let free_a = of('A', update(&["conn_A", "org_O"], &["conn_A"]), None);
        let free_b = of('B', update(&["conn_B", "org_P"], &["conn_B"]), None);
        let other = of('D', update(&["conn_D"], &["conn_D", "org_Q"]), None);
        let take = of('C', Action::Create(spec(&["conn_C", "org_O", "org_P"])), None);
        let wire = of('C', Action::Wire, Some("web"));
        for (done, to_come, expected) in [
            (vec![], vec![&free_a, &free_b, &take, &wire], false),
            (vec![&free_a], vec![&free_b, &take, &wire], true),
            (vec![&free_a, &free_b], vec![&take, &wire], true),
            (vec![&free_a, &other], vec![&take, &wire], true),
            (vec![&free_a, &free_b, &take], vec![&take, &wire], false),
            (vec![&free_a, &free_b], vec![&wire], false),
            (vec![&free_a], vec![&free_b, &wire], false),
        ] {
            assert_eq!(after(&done).is_taken_by(&to_come), expected, "{} done", done.len());
        }
        let again = of('A', update(&["conn_A"], &["conn_A", "org_Q"]), None);
        assert!(!after(&[&free_a]).is_taken_by(&[&again]), "what a provider keeps is not free");
    }

    #[test]
    fn where_a_circle_breaks_off_its_giver_has_back_what_nobody_took_and_keeps_what_it_has_by_now() {
        // A has x and wants y, B has y and wants z, C has z and wants x.
        let free_y = of('B', update(&["B", "y"], &["B"]), None);
        let a = of('A', update(&["A", "x"], &["A", "y"]), None);
        let free_z = of('C', update(&["C", "z"], &["C"]), None);
        let b = of('B', update(&["B"], &["B", "z"]), None);
        let mut freed = after(&[&free_y, &a, &free_z, &b]);
        let c = of('C', update(&["C"], &["C", "x"]), None);
        assert!(freed.is_taken_by(&[&c]), "x is on nobody, whatever else was taken");
        assert_eq!(freed.put_back(&specs(&c).1.identifiers), [(id('A'), spec(&["A", "x", "y"]))]);
        assert!(!freed.is_taken_by(&[&c]));
        assert_eq!(freed.put_back(&specs(&c).1.identifiers), []);
    }

    #[test]
    fn what_was_freed_for_another_step_is_not_put_back_and_is_remembered() {
        let free_a = of('A', update(&["A", "w", "x"], &["A"]), None);
        let free_b = of('B', update(&["B", "y"], &["B"]), None);
        let mut freed = after(&[&free_a, &free_b]);
        assert_eq!(freed.put_back(&spec(&["C", "x"]).identifiers), [(id('A'), spec(&["A", "x"]))]);
        assert_eq!(freed.put_back(&spec(&["D", "w"]).identifiers), [(id('A'), spec(&["A", "w", "x"]))]);
        assert_eq!(freed.put_back(&spec(&["D", "y"]).identifiers), [(id('B'), spec(&["B", "y"]))]);
    }
}
