//! Changes of Causeway's own, such as a release's or a parameter's: what reaches every provider is brought to one first.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    id::ConnectionId,
    plan::{Action, Note, Plan, Situation, Step},
    provider::ProviderSpec,
    standing::Standing,
};

/// The connections that a change of Causeway's own waits for: all to whose providers `plan` brings it, where it reaches
/// every wanted provider of the pool and these are two or more. One of them, whichever it succeeds for first, is to get
/// it, and the others in a later run: then one has it. It is Causeway's own where the provider still is what the claim
/// says that it was made; what somebody else changed is put right at once, everywhere.
pub fn own_changes(
    situation: &Situation<'_>,
    standing: &BTreeMap<ConnectionId, Standing>,
    plan: &Plan,
) -> BTreeSet<ConnectionId> {
    let desired = situation.desired;
    let wanted: BTreeSet<&ConnectionId> = standing
        .keys()
        .filter(|id| desired.connections.get(*id).is_some_and(|wanted| wanted.presence.is_provided()))
        .filter(|id| !desired.is_untouched(id))
        .collect();
    let mut staged = BTreeSet::new();
    // What takes the issuer is a step of its own, which can wait for a person long after the rest is done.
    for takes_away in [false, true] {
        let steps =
            plan.steps.iter().filter(|step| step.takes_away == takes_away && changes_more_than_identifiers(step));
        let changing: BTreeSet<&ConnectionId> = steps.map(|step| &step.connection_id).collect();
        if wanted.is_subset(&changing) {
            staged.extend(changing.into_iter().filter(|id| is_as_it_was_made(situation, id)).cloned());
        }
    }
    if staged.len() < 2 { BTreeSet::new() } else { staged }
}

/// What is told of a plan of which a part is for a later run.
pub fn note(staged: &BTreeSet<ConnectionId>) -> Note {
    Note::general(format!(
        "{} updates are a change of Causeway's own, which reaches every provider of the pool: one of them is done first, \
         and the others in the run after it",
        staged.len()
    ))
}

/// What is left of an update without a change of Causeway's own: what it does to the identifiers.
pub fn without_own_change(step: &Step) -> Option<Step> {
    let Action::Update { before, after, new_secret } = &step.action else { return Some(step.clone()) };
    let after = ProviderSpec { identifiers: after.identifiers.clone(), ..before.clone() };
    let takes_away = step.takes_away && !before.identifiers.is_subset(&after.identifiers);
    (after != *before || *new_secret).then(|| Step {
        changes: before.changes_to(&after),
        action: Action::Update { before: before.clone(), after, new_secret: *new_secret },
        takes_away,
        ..step.clone()
    })
}

/// Whether a step changes the details or the mapping of a provider.
pub fn changes_more_than_identifiers(step: &Step) -> bool {
    match &step.action {
        Action::Update { before, after, .. } => {
            before.details != after.details || before.attribute_mapping != after.attribute_mapping
        }
        _ => false,
    }
}

fn is_as_it_was_made(situation: &Situation<'_>, id: &ConnectionId) -> bool {
    let Some(claim) = situation.claims.get(id) else { return false };
    let described = situation.observed.providers.get(&claim.provider_name).and_then(|seen| seen.description.as_ref());
    let Some(described) = described else { return true };
    let is_ours = described.secret_hash().is_some_and(|hash| claim.secrets.is_ours(&hash));
    is_ours && claim.fingerprint.as_ref().is_none_or(|made| *made == described.spec.fingerprint())
}
