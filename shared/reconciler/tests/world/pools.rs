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
    cognito::Refusal,
    wire::{Side, Wire},
};

type Outcome<T> = Result<T, PoolError>;

fn refused(refusal: Refusal) -> PoolError {
    let (code, problem) = match refusal {
        Refusal::Duplicate => ("DuplicateProviderException", Problem::Duplicate),
        Refusal::NotFound => ("ResourceNotFoundException", Problem::NotFound),
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
        self.read(Side::Cognito, |state| Ok(state.cognito.list())).await
    }

    async fn describe_provider(&self, name: &ProviderName) -> Outcome<Option<ObservedProvider>> {
        self.trial().described += 1;
        self.read(Side::Cognito, |state| Ok(state.cognito.describe(name))).await
    }

    async fn create_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Outcome<Timestamp> {
        self.change(Side::Cognito, |state| {
            let made = state.cognito.create(name, spec, secret).map_err(refused)?;
            state.made.insert(name.clone());
            state.tampered.remove(name);
            Ok(made)
        })
        .await
    }

    async fn update_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Outcome<Timestamp> {
        self.change(Side::Cognito, |state| {
            let written = state.cognito.update(name, spec, secret).map_err(refused)?;
            state.tampered.remove(name);
            Ok(written)
        })
        .await
    }

    async fn delete_provider(&self, name: &ProviderName) -> Outcome<()> {
        self.change(Side::Cognito, |state| {
            state.made.remove(name);
            state.cognito.delete(name);
            Ok(())
        })
        .await
    }

    async fn list_app_clients(&self) -> Outcome<Vec<AppClientId>> {
        self.read(Side::Cognito, |state| Ok(state.cognito.clients.keys().cloned().collect())).await
    }

    async fn describe_app_client(&self, id: &AppClientId) -> Outcome<Option<AppClient>> {
        self.read(Side::Cognito, |state| Ok(state.cognito.clients.get(id).map(app_client))).await
    }

    /// Cognito has no conditional write: what the tenant does to an app client right between the read and the write
    /// is lost, and does not happen here.
    async fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> Outcome<()> {
        self.change(Side::Cognito, |state| {
            let before = state.cognito.clients.get(id).ok_or_else(|| refused(Refusal::NotFound))?;
            let mut names = before.clone();
            names.retain(|name| !remove.iter().any(|removed| removed.as_str() == name));
            names.extend(add.iter().map(ToString::to_string));
            if names == *before { Ok(()) } else { state.cognito.support(id, names).map_err(refused) }
        })
        .await
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
