//! Cognito behind the reconciler's ports.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    id::{AppClientId, ProviderName},
    port::{AppClient, Assumption, Pool, PoolDescription, PoolError, Pools, RoleToAssume},
    provider::{ObservedProvider, ProviderSpec},
    timestamp::Timestamp,
};
use secrecy::SecretString;

use crate::{Access, PoolAccess};

impl Pools for Access {
    type Pool = PoolAccess;

    async fn enter(&self, role: &RoleToAssume) -> Result<PoolAccess, PoolError> {
        self.pool(role).await
    }

    fn forget(&self, role: &RoleToAssume) {
        Self::forget(self, role);
    }

    async fn probe(&self, role: &RoleToAssume, external_id: Option<&str>) -> Assumption {
        Self::probe(self, role, external_id).await
    }
}

impl Pool for PoolAccess {
    async fn describe(&self) -> Result<PoolDescription, PoolError> {
        Self::describe(self).await
    }

    async fn list_providers(&self) -> Result<BTreeMap<ProviderName, ObservedProvider>, PoolError> {
        Self::list_providers(self).await
    }

    async fn describe_provider(&self, name: &ProviderName) -> Result<Option<ObservedProvider>, PoolError> {
        Self::describe_provider(self, name).await
    }

    async fn create_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, PoolError> {
        Self::create_provider(self, name, spec, secret).await
    }

    async fn update_provider(
        &self,
        name: &ProviderName,
        spec: &ProviderSpec,
        secret: &SecretString,
    ) -> Result<Timestamp, PoolError> {
        Self::update_provider(self, name, spec, secret).await
    }

    async fn delete_provider(&self, name: &ProviderName) -> Result<(), PoolError> {
        Self::delete_provider(self, name).await
    }

    async fn list_app_clients(&self) -> Result<Vec<AppClientId>, PoolError> {
        Self::list_app_clients(self).await
    }

    async fn describe_app_client(&self, id: &AppClientId) -> Result<Option<AppClient>, PoolError> {
        Self::describe_app_client(self, id).await
    }

    async fn change_app_client(
        &self,
        id: &AppClientId,
        add: &BTreeSet<ProviderName>,
        remove: &BTreeSet<ProviderName>,
    ) -> Result<(), PoolError> {
        Self::change_app_client(self, id, add, remove).await
    }
}
