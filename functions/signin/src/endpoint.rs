//! Whose endpoint a request came to: the IDs in its path. A malformed one is refused here, before anything
//! is looked up.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use causeway_core::{
    id::{ConnectionId, TenantId},
    provider::{BaseUrl, Issuer},
};
use tracing::{Span, field::display};

use crate::{answer::NoSuchPlace, bridge::Bridge};

/// `/oidc/{tenant_id}/{connection_id}`: the OpenID provider of one connection.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The connection.
    pub connection_id: ConnectionId,
    /// The issuer that the two make.
    pub issuer: Issuer,
}

impl Endpoint {
    /// The provider of a tenant's connection.
    pub fn new(base: &BaseUrl, tenant_id: TenantId, connection_id: ConnectionId) -> Self {
        let issuer = Issuer::new(base, &tenant_id, &connection_id);
        Self { tenant_id, connection_id, issuer }
    }
}

impl FromRequestParts<Arc<Bridge>> for Endpoint {
    type Rejection = NoSuchPlace;

    async fn from_request_parts(parts: &mut Parts, bridge: &Arc<Bridge>) -> Result<Self, NoSuchPlace> {
        let Path((tenant, connection)) =
            Path::<(String, String)>::from_request_parts(parts, bridge).await.map_err(|_| NoSuchPlace)?;
        let tenant_id: TenantId = tenant.parse().map_err(|_| NoSuchPlace)?;
        let connection_id: ConnectionId = connection.parse().map_err(|_| NoSuchPlace)?;
        Span::current().record("tenant_id", display(&tenant_id)).record("connection_id", display(&connection_id));
        Ok(Self::new(&bridge.base, tenant_id, connection_id))
    }
}

/// `/oidc/{tenant_id}`: where WorkOS sends the browsers of a tenant's users back to.
#[derive(Debug, Clone)]
pub struct TenantEndpoint(pub TenantId);

impl FromRequestParts<Arc<Bridge>> for TenantEndpoint {
    type Rejection = NoSuchPlace;

    async fn from_request_parts(parts: &mut Parts, bridge: &Arc<Bridge>) -> Result<Self, NoSuchPlace> {
        let Path(tenant) = Path::<String>::from_request_parts(parts, bridge).await.map_err(|_| NoSuchPlace)?;
        let tenant_id: TenantId = tenant.parse().map_err(|_| NoSuchPlace)?;
        Span::current().record("tenant_id", display(&tenant_id));
        Ok(Self(tenant_id))
    }
}
