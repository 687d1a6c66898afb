//! A user pool as strict as Cognito: unique names, identifiers on one provider only, no unknown names in an
//! app client, and names that stay in an app client when their provider is deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use causeway_core::{
    id::{AppClientId, Identifier, ProviderName},
    provider::{CLIENT_SECRET, ObservedProvider, ProviderDescription, ProviderSpec},
    secret::SecretHash,
    timestamp::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub kind: &'static str,
    pub details: BTreeMap<String, String>,
    pub mapping: BTreeMap<String, String>,
    pub identifiers: BTreeSet<Identifier>,
    pub last_modified: Timestamp,
}

impl Provider {
    pub fn secret(&self) -> Option<SecretHash> {
        self.details.get(CLIENT_SECRET).map(|secret| SecretHash::of(&SecretString::from(secret.clone())))
    }

    pub fn issuer(&self) -> Option<&str> {
        self.details.get("oidc_issuer").map(String::as_str)
    }
}

/// What Cognito says instead of doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Duplicate,
    NotFound,
    UnknownName,
    Invalid,
    Full,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cognito {
    pub providers: BTreeMap<ProviderName, Provider>,
    pub clients: BTreeMap<AppClientId, BTreeSet<String>>,
    /// How many providers it takes.
    pub quota: Option<usize>,
    /// An attribute that no mapping may name.
    pub refused_attribute: Option<String>,
    /// Whether identifiers that differ in case only are the same.
    pub ignores_case: bool,
    writes: i64,
}

/// What lists and descriptions showed, which can be behind.
#[derive(Debug, Clone, Default)]
pub struct Past(Vec<(Timestamp, BTreeMap<ProviderName, Provider>)>);

impl Past {
    /// Remembers what is shown from now on.
    pub fn remember(&mut self, cognito: &Cognito, now: Timestamp) {
        if self.0.last().is_none_or(|(_, providers)| *providers != cognito.providers) {
            // What is older than the longest delay shows nowhere any more.
            let kept = self.0.iter().rposition(|(at, _)| now.since(*at) > LONGEST_DELAY).unwrap_or_default();
            self.0.drain(..kept);
            self.0.push((now, cognito.providers.clone()));
        }
    }

    /// The pool as it was shown then.
    pub fn at(&self, then: Timestamp, cognito: &Cognito) -> Cognito {
        let shown = self.0.iter().rev().find(|(at, _)| *at <= then).or(self.0.first());
        let providers = shown.map_or_else(|| cognito.providers.clone(), |(_, providers)| providers.clone());
        Cognito { providers, ..cognito.clone() }
    }
}

/// How far behind anything is at most.
pub const LONGEST_DELAY: Duration = Duration::from_mins(1);

impl Cognito {
    /// All identifiers by which a provider is found.
    pub fn identifiers(&self) -> BTreeSet<Identifier> {
        self.providers.values().flat_map(|provider| &provider.identifiers).cloned().collect()
    }

    /// Takes identifiers that differ in case only for the same from now on, if there are none.
    pub fn ignore_case(&mut self, is_ignored: bool) {
        let all = self.identifiers();
        let lower: BTreeSet<String> = all.iter().map(|identifier| identifier.as_str().to_ascii_lowercase()).collect();
        self.ignores_case = is_ignored && lower.len() == all.len();
    }

    /// `LastModifiedDate` of the next write.
    fn date(&mut self) -> Timestamp {
        self.writes += 1;
        Timestamp::from_seconds(1_700_000_000 + self.writes)
    }

    fn accepts(&self, name: &ProviderName, spec: &ProviderSpec) -> Result<(), Refusal> {
        let refused = |attribute: &String| spec.attribute_mapping.contains_key(attribute);
        let is_invalid = spec.identifiers.len() > 50 || spec.details.is_empty();
        if is_invalid || self.refused_attribute.as_ref().is_some_and(refused) {
            return Err(Refusal::Invalid);
        }
        let taken = self.providers.iter().filter(|(other, _)| *other != name);
        let mut taken = taken.flat_map(|(_, provider)| &provider.identifiers);
        let is_same = |taken: &Identifier, wanted: &Identifier| {
            taken == wanted || (self.ignores_case && taken.as_str().eq_ignore_ascii_case(wanted.as_str()))
        };
        let is_free = |taken: &Identifier| !spec.identifiers.iter().any(|wanted| is_same(taken, wanted));
        if taken.all(is_free) { Ok(()) } else { Err(Refusal::Duplicate) }
    }

    /// `UpdateIdentityProvider` replaces everything that it is given.
    fn write(&mut self, name: &ProviderName, spec: &ProviderSpec, secret: &SecretString) -> Timestamp {
        let mut details = spec.details.clone();
        details.insert(CLIENT_SECRET.to_owned(), secret.expose_secret().to_owned());
        let last_modified = self.date();
        let (mapping, identifiers) = (spec.attribute_mapping.clone(), spec.identifiers.clone());
        self.providers.insert(name.clone(), Provider { kind: "OIDC", details, mapping, identifiers, last_modified });
        last_modified
    }

    pub fn create(
        &mut self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, Refusal> {
        if self.providers.contains_key(name) {
            return Err(Refusal::Duplicate);
        }
        self.accepts(name, spec)?;
        if self.quota.is_some_and(|quota| self.providers.len() >= quota) {
            return Err(Refusal::Full);
        }
        Ok(self.write(name, spec, secret))
    }

    pub fn update(
        &mut self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, Refusal> {
        if !self.providers.contains_key(name) {
            return Err(Refusal::NotFound);
        }
        self.accepts(name, spec)?;
        Ok(self.write(name, spec, secret))
    }

    /// One that is not there is deleted already.
    pub fn delete(&mut self, name: &ProviderName) {
        self.providers.remove(name);
    }

    pub fn list(&self) -> BTreeMap<ProviderName, ObservedProvider> {
        let listed = self.providers.iter().map(|(name, provider)| {
            let (kind, last_modified) = (provider.kind.to_owned(), provider.last_modified);
            (name.clone(), ObservedProvider { provider_type: kind, last_modified, description: None })
        });
        listed.collect()
    }

    /// `DescribeIdentityProvider` shows a key that nobody sent.
    pub fn describe(&self, name: &ProviderName) -> Option<ObservedProvider> {
        let provider = self.providers.get(name)?;
        let mut details = provider.details.clone();
        details.insert("attributes_url_add_attributes".to_owned(), "false".to_owned());
        let identifiers = provider.identifiers.iter().map(Identifier::to_string);
        let description = ProviderDescription::new(details, provider.mapping.clone(), identifiers);
        let (kind, last_modified) = (provider.kind.to_owned(), provider.last_modified);
        Some(ObservedProvider { provider_type: kind, last_modified, description: Some(description) })
    }

    /// Whether an app client may name it.
    pub fn can_support(&self, name: &str) -> bool {
        name == "COGNITO" || name.parse().is_ok_and(|name: ProviderName| self.providers.contains_key(&name))
    }

    /// `UpdateUserPoolClient`, as far as it concerns `SupportedIdentityProviders`.
    pub fn support(&mut self, client: &AppClientId, names: BTreeSet<String>) -> Result<(), Refusal> {
        if !names.iter().all(|name| self.can_support(name)) {
            return Err(Refusal::UnknownName);
        }
        self.clients.insert(client.clone(), names);
        Ok(())
    }

    /// What the tenant does to a provider by hand.
    pub fn edit(&mut self, name: &ProviderName, edit: impl FnOnce(&mut Provider)) {
        let last_modified = self.date();
        if let Some(provider) = self.providers.get_mut(name) {
            edit(provider);
            provider.last_modified = last_modified;
        }
    }

    /// What the tenant makes by hand, if Cognito takes it.
    pub fn add_theirs(&mut self, name: &ProviderName, identifiers: BTreeSet<Identifier>, kind: &'static str) -> bool {
        let details = BTreeMap::from([("oidc_issuer".to_owned(), "https://theirs.example.com".to_owned())]);
        let spec = ProviderSpec { details, attribute_mapping: BTreeMap::new(), identifiers };
        let is_made = self.create(name, &spec, &SecretString::from("theirs")).is_ok();
        if is_made {
            self.edit(name, |provider| provider.kind = kind);
        }
        is_made
    }
}
