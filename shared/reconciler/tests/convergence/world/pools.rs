//! The tenant's pool behind the ports.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    check::AppClientSettings,
    health::ErrorClass,
    id::{AppClientId, ProviderName},
    port::{AppClient, Assumption, Pool, PoolDescription, PoolError, Pools, Problem, RoleToAssume},
    provider::{ObservedProvider, ProviderSpec},
    schema::SchemaAttribute,
    timestamp::Timestamp,
    user_pool::default_mapping,
};
use secrecy::SecretString;

use super::{
    State, clock,
    cognito::Refusal,
    wire::{Side, Wire},
};

/// A change of the pool.
#[derive(Debug, Clone)]
pub enum Write {
    Create(ProviderName, ProviderSpec, SecretString),
    Update(ProviderName, ProviderSpec, SecretString),
    Delete(ProviderName),
    AppClient(AppClientId, BTreeSet<ProviderName>, BTreeSet<ProviderName>),
}

type Outcome<T> = Result<T, PoolError>;

fn refused(refusal: Refusal) -> PoolError {
    let (code, problem) = match refusal {
        Refusal::Duplicate => ("DuplicateProviderException", Problem::Duplicate),
        Refusal::NotFound => ("ResourceNotFoundException", Problem::NotFound),
        Refusal::Full => ("LimitExceededException", Problem::Other(ErrorClass::Quota)),
        Refusal::UnknownName | Refusal::Invalid => ("InvalidParameterException", Problem::Other(ErrorClass::Rejected)),
    };
    let (code, message) = (code.to_owned(), "no".to_owned());
    PoolError { operation: "a call", code, message, problem, outcome_is_unclear: false }
}

impl Pools for Wire {
    type Pool = Self;

    async fn enter(&self, _: &RoleToAssume) -> Outcome<Self> {
        Ok(self.clone())
    }

    fn forget(&self, _: &RoleToAssume) {}

    async fn probe(&self, _: &RoleToAssume, _: Option<&str>) -> Assumption {
        match self.read(Side::Cognito, |_| Ok::<_, PoolError>(())).await {
            Ok(()) => Assumption::Refused,
            Err(error) => Assumption::Unclear(error),
        }
    }
}

impl Pool for Wire {
    async fn describe(&self) -> Outcome<PoolDescription> {
        self.read(Side::Cognito, |_| {
            let attributes = default_mapping().into_keys().map(attribute).collect();
            Ok(PoolDescription { domain: Some("acme".to_owned()), attributes, ..PoolDescription::default() })
        })
        .await
    }

    async fn list_providers(&self) -> Outcome<BTreeMap<ProviderName, ObservedProvider>> {
        let (behind, _) = self.behind();
        self.read(Side::Cognito, |state| Ok(state.shown(behind).list())).await
    }

    async fn describe_provider(&self, name: &ProviderName) -> Outcome<Option<ObservedProvider>> {
        self.trial().described += 1;
        let (_, behind) = self.behind();
        self.read(Side::Cognito, |state| Ok(state.described(name, behind))).await
    }

    async fn create_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Outcome<Timestamp> {
        self.write(Write::Create(name.clone(), spec.clone(), secret.clone())).await
    }

    async fn update_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Outcome<Timestamp> {
        self.write(Write::Update(name.clone(), spec.clone(), secret.clone())).await
    }

    async fn delete_provider(&self, name: &ProviderName) -> Outcome<()> {
        self.write(Write::Delete(name.clone())).await.map(drop)
    }

    async fn list_app_clients(&self) -> Outcome<Vec<AppClientId>> {
        self.read(Side::Cognito, |state| Ok(state.cognito.clients.keys().cloned().collect())).await
    }

    async fn describe_app_client(&self, id: &AppClientId) -> Outcome<Option<AppClient>> {
        self.read(Side::Cognito, |state| Ok(state.cognito.clients.get(id).map(app_client))).await
    }

    async fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> Outcome<()> {
        self.write(Write::AppClient(id.clone(), add.clone(), remove.clone())).await.map(drop)
    }
}

impl Wire {
    async fn write(&self, write: Write) -> Outcome<Timestamp> {
        self.change_pool(&write, |state| state.carry_out(&write).map_err(refused)).await
    }
}

impl State {
    /// Does to the pool what a run asked for.
    pub fn carry_out(&mut self, write: &Write) -> Result<Timestamp, Refusal> {
        match write {
            Write::Create(name, spec, secret) => {
                let made = self.cognito.create(name, spec, secret)?;
                self.made.insert(name.clone());
                self.tampered.remove(name);
                Ok(made)
            }
            Write::Update(name, spec, secret) => {
                let written = self.cognito.update(name, spec, secret)?;
                self.tampered.remove(name);
                Ok(written)
            }
            Write::Delete(name) => {
                self.made.remove(name);
                self.cognito.delete(name);
                Ok(clock::now())
            }
            // Cognito has no conditional write: what the tenant does to an app client right between the read and the
            // write is lost, and does not happen here.
            Write::AppClient(id, add, remove) => {
                let before = self.cognito.clients.get(id).ok_or(Refusal::NotFound)?;
                let mut names = before.clone();
                names.retain(|name| !remove.iter().any(|removed| removed.as_str() == name));
                names.extend(add.iter().map(ToString::to_string));
                if names != *before {
                    self.cognito.support(id, names)?;
                }
                Ok(clock::now())
            }
        }
    }
}

fn app_client(supported: &BTreeSet<String>) -> AppClient {
    AppClient {
        supported_identity_providers: supported.clone(),
        callback_urls: vec!["https://app.example.com".to_owned()],
        settings: AppClientSettings {
            uses_code_flow: true,
            allows_oauth: true,
            scopes: vec!["openid".to_owned()],
            write_attributes: None,
            explicit_auth_flows: None,
        },
        registered_itself: false,
    }
}

fn attribute(name: String) -> SchemaAttribute {
    let data_type = if name == "email_verified" { "Boolean" } else { "String" };
    SchemaAttribute {
        name,
        data_type: data_type.to_owned(),
        required: false,
        mutable: true,
        min_length: None,
        max_length: Some(2048),
    }
}
