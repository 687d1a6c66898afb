//! Providers: claimed before they are made, as a reconcile does it.

use std::collections::BTreeSet;

use causeway_core::{
    claim::{Claim, ClaimState},
    id::{ConnectionId, Identifier, ProviderName},
    plan::{Action, DeleteReason, Step},
    provider::ProviderSpec,
    secret::SecretHash,
    timestamp::Timestamp,
    user_pool::Mode,
};
use secrecy::SecretString;

use super::{
    cognito::Refusal,
    runner::{Run, Side, Stop},
};
use crate::scene::{Specs, letter};

impl Run<'_> {
    pub fn write_provider(&mut self, step: &Step) -> Result<(), Stop> {
        let is_stopped = self.failed.stops(step);
        let result = if is_stopped { Err(Stop::Failed(Refusal::Depends)) } else { self.take_step(step) };
        match result {
            Ok(()) => self.ran.done.push(step.clone()),
            Err(Stop::Crashed) => return Err(Stop::Crashed),
            Err(Stop::Failed(refusal)) => {
                // What the step would have freed is not free.
                if let Action::Update { before, after, .. } = &step.action {
                    self.stuck.extend(before.identifiers.difference(&after.identifiers).cloned());
                }
                if let Action::Create(spec) | Action::Update { after: spec, .. } = &step.action {
                    self.put_back(&spec.identifiers)?;
                }
                if !is_stopped {
                    self.fail_step(step, refusal);
                }
            }
        }
        Ok(())
    }

    fn take_step(&mut self, step: &Step) -> Result<(), Stop> {
        let id = &step.connection_id;
        match &step.action {
            Action::Create(spec) => {
                self.create(id, spec)?;
                self.freed.wrote(id, &ProviderSpec::default(), spec);
                Ok(())
            }
            Action::Update { before, after, new_secret } => self.update(id, before, after, *new_secret),
            Action::Delete(reason) => self.delete(id, &step.provider_name, *reason),
            Action::Forget => self.drop_claim(id),
            Action::Wire | Action::Unwire => panic!("{step:?} is on an app client"),
        }
    }

    fn new_secret(&mut self) -> SecretString {
        self.world.secrets_made += 1;
        SecretString::from(format!("ours-{}", self.world.secrets_made))
    }

    fn drop_claim(&mut self, id: &ConnectionId) -> Result<(), Stop> {
        let Some(version) = self.claims.get(id).map(|claim| claim.version) else { return Ok(()) };
        self.call(Side::Table, |world| {
            if world.claims.get(id).is_none_or(|there| there.version != version) {
                return Err(Refusal::Stale);
            }
            world.claims.remove(id);
            Ok(())
        })?;
        self.claims.remove(id);
        Ok(())
    }

    fn create(&mut self, id: &ConnectionId, spec: &ProviderSpec) -> Result<(), Stop> {
        if !spec.identifiers.is_disjoint(&self.stuck) {
            return Err(Stop::Failed(Refusal::Depends));
        }
        let wanted = self.look.desired.connections.get(id);
        let organization = wanted.and_then(|wanted| wanted.connection.organization_id.clone());
        let issuer = self.look.specs.issuer(id);
        let mut claim = self
            .claims
            .get(id)
            .cloned()
            .unwrap_or_else(|| Claim::intended(Specs::tenant(), id.clone(), organization.clone(), issuer.clone()));
        let secret = self.new_secret();
        claim.state = ClaimState::Intended;
        claim.organization_id = organization;
        claim.issuer = issuer;
        claim.secrets.intend(SecretHash::of(&secret));
        let claim = self.put(&claim)?;
        let name = claim.provider_name.clone();
        let made = self.call(Side::Cognito, |world| {
            let made = world.cognito.create(&name, spec, &secret)?;
            world.made.insert(name.clone());
            world.tampered.remove(&name);
            Ok(made)
        });
        match made {
            Ok(last_modified) => self.hold(claim, spec, &secret, last_modified),
            Err(Stop::Failed(Refusal::Duplicate)) => self.settle_duplicate(claim),
            Err(stop) => Err(stop),
        }
    }

    /// A create that is answered by "duplicate" is ours only if the provider shows what only we know.
    fn settle_duplicate(&mut self, claim: Claim) -> Result<(), Stop> {
        let name = claim.provider_name.clone();
        let seen = self.call(Side::Cognito, |world| {
            let date = world.cognito.providers.get(&name).map(|provider| provider.last_modified);
            Ok(world.cognito.describe(&name).zip(date))
        })?;
        let Some((description, last_modified)) = seen else {
            self.foreign_outdated = true;
            return Err(Stop::Failed(Refusal::Theirs));
        };
        let expected = self.look.in_situation(|it| it.spec.spec(&claim.connection_id, BTreeSet::new()));
        let same_client = description.spec.details.get("client_id") == expected.details.get("client_id");
        let secret = description.secret_hash().filter(|hash| claim.secrets.is_ours(hash));
        let same_issuer = description.spec.issuer() == Some(claim.issuer.as_str());
        let (Some(secret), true, true) = (secret, same_client, same_issuer) else {
            self.drop_claim(&claim.connection_id)?;
            return Err(Stop::Failed(Refusal::Theirs));
        };
        let mut held = claim;
        held.secrets.confirm(&secret, self.world.now);
        held.state = ClaimState::Held;
        held.fingerprint = Some(description.spec.fingerprint());
        held.identifiers = description.spec.identifiers;
        held.last_modified = Some(last_modified);
        self.put(&held).map(drop)
    }

    fn update(
        &mut self,
        id: &ConnectionId,
        before: &ProviderSpec,
        after: &ProviderSpec,
        new_secret: bool,
    ) -> Result<(), Stop> {
        if after.identifiers.difference(&before.identifiers).any(|taken| self.stuck.contains(taken)) {
            return Err(Stop::Failed(Refusal::Depends));
        }
        self.write_update(id, after, new_secret)?;
        self.freed.wrote(id, before, after);
        Ok(())
    }

    fn write_update(&mut self, id: &ConnectionId, after: &ProviderSpec, new_secret: bool) -> Result<(), Stop> {
        let mut claim = self.claims[id].clone();
        let name = claim.provider_name.clone();
        let described = self.look.observed.providers.get(&name).and_then(|seen| seen.description.clone());
        let described = match described {
            Some(described) => Some(described),
            None => self.call(Side::Cognito, |world| Ok(world.cognito.describe(&name)))?,
        };
        let shown = described.and_then(|described| described.client_secret);
        let kept = shown.filter(|secret| !new_secret && claim.secrets.is_live(&SecretHash::of(secret)));
        let secret = if let Some(kept) = kept {
            kept
        } else {
            let secret = self.new_secret();
            claim.secrets.intend(SecretHash::of(&secret));
            claim = self.put(&claim)?;
            secret
        };
        let last_modified = self.call(Side::Cognito, |world| {
            let written = world.cognito.update(&name, after, &secret)?;
            world.tampered.remove(&name);
            Ok(written)
        })?;
        let issuer = self.look.specs.issuer(id);
        if after.issuer() == Some(issuer.as_str()) {
            claim.issuer = issuer;
        }
        self.hold(claim, after, &secret, last_modified)
    }

    fn hold(
        &mut self,
        mut claim: Claim,
        spec: &ProviderSpec,
        secret: &SecretString,
        last_modified: Timestamp,
    ) -> Result<(), Stop> {
        claim.secrets.confirm(&SecretHash::of(secret), self.world.now);
        claim.state = ClaimState::Held;
        claim.fingerprint = Some(spec.fingerprint());
        claim.identifiers.clone_from(&spec.identifiers);
        claim.last_modified = Some(last_modified);
        self.put(&claim).map(drop)
    }

    /// Gives back what was freed for a step that then failed, so that nobody stands without it.
    fn put_back(&mut self, wanted: &BTreeSet<Identifier>) -> Result<(), Stop> {
        for (holder, spec) in self.freed.put_back(wanted) {
            self.failed.put_back(&holder);
            let result = self.write_update(&holder, &spec, false);
            self.note(&holder, "put back", result)?;
        }
        Ok(())
    }

    fn delete(&mut self, id: &ConnectionId, name: &ProviderName, reason: DeleteReason) -> Result<(), Stop> {
        let is_there = self.world.connections.contains_key(&letter(id));
        assert!(reason != DeleteReason::Gone || !is_there, "{id} is there, and was taken for gone");
        assert!(self.look.is_removal() || self.look.mode == Mode::Sync, "{:?} deletes", self.look.mode);
        let deleted = self.call(Side::Cognito, |world| {
            world.made.remove(name);
            world.cognito.delete(name)
        });
        match deleted {
            Ok(()) | Err(Stop::Failed(Refusal::NotFound)) => self.drop_claim(id),
            Err(stop) => Err(stop),
        }
    }
}
