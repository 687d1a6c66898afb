//! `GET .../sign-ins`: what sign-ins came to.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, Path, State},
    response::Response,
};
use causeway_core::{
    id::ConnectionId,
    naming::{Names, Naming},
    oidc::sign_in_log::{SignInEntry, SignInError, SignInOutcome},
    timestamp::Timestamp,
};
use causeway_store::SignInQuery;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::{
    page,
    page::{List, PageRequest},
    problem::Problem,
    service::Service,
    user_pools::PoolPath,
};

/// What a sign-in came to. Nothing in it tells who signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignInEntry)]
pub struct SignInEntryAnswer {
    /// Its ID, a ULID.
    id: String,
    /// When it came to this.
    at: Timestamp,
    /// The connection.
    connection_id: ConnectionId,
    /// By what people know it today.
    #[serde(flatten)]
    naming: Naming,
    /// What it came to.
    outcome: SignInOutcome,
    /// Why it is over; null where it is not, or succeeded.
    #[schema(required = true)]
    error: Option<SignInErrorAnswer>,
    /// The claims that were too long for Cognito and were cut or left out.
    cut: Vec<String>,
    /// The claims that the pool asks for and that the sign-in had nothing for: the pool keeps their old values.
    kept: Vec<String>,
}

/// Why a sign-in is over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignInError)]
pub struct SignInErrorAnswer {
    /// The kind of the error.
    code: SignInError,
    /// What happened and what to do about it.
    message: &'static str,
}

impl SignInEntryAnswer {
    fn of(entry: SignInEntry, names: &Names) -> Self {
        Self {
            naming: names.get(&entry.connection_id).cloned().unwrap_or_default(),
            id: entry.id,
            at: entry.at,
            connection_id: entry.connection_id,
            outcome: entry.outcome,
            error: entry.error.map(|code| SignInErrorAnswer { code, message: code.message() }),
            cut: entry.cut,
            kept: entry.kept,
        }
    }
}

/// Which sign-ins a list has.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Chosen {
    /// Only those of this connection; a page can then have fewer items than `limit` and not be the last.
    #[param(value_type = Option<ConnectionId>)]
    connection_id: Option<ConnectionId>,
}

impl Chosen {
    /// Takes what chooses out of a query; the rest is what every list takes.
    fn parse(query: Option<&str>) -> Result<(Self, String), Problem> {
        let mut rest = form_urlencoded::Serializer::new(String::new());
        let mut connection_id = None;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name == "connection_id" {
                let parsed = value.parse().map_err(|_| Problem::invalid("connection_id", "not a connection's ID"))?;
                connection_id = Some(parsed);
            } else {
                rest.append_pair(&name, &value);
            }
        }
        Ok((Self { connection_id }, rest.finish()))
    }
}

/// Lists what the sign-ins of a user pool came to, the newest first
///
/// Kept for 30 days, without anything that tells who signed in.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}/sign-ins", operation_id = "list_sign_ins",
    tag = "user pools", params(PoolPath, PageRequest, Chosen),
    responses((status = 200, description = "A page.", body = List<SignInEntryAnswer>))
)]
pub async fn sign_ins(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, Problem> {
    let (chosen, rest) = Chosen::parse(uri.query())?;
    let request = PageRequest::parse(uri.path(), Some(&rest))?;
    let pool = service.pool(&path).await?;
    let query = SignInQuery {
        tenant: &pool.tenant_id,
        pool: &pool.user_pool_id,
        connection: chosen.connection_id.as_ref(),
        limit: request.limit,
        after: request.after.as_deref(),
    };
    let page = service.store().sign_ins(query, service.now()).await?;
    let names = if page.items.is_empty() { Names::new() } else { service.names(&pool).await? };
    Ok(page::answer(&request, page, |entry| SignInEntryAnswer::of(entry, &names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_chosen_beside_what_every_list_takes() {
        let (chosen, rest) =
            Chosen::parse(Some("limit=2&connection_id=conn_01E4ZCR3C56J083X43JQXF3JK5&cursor=YQ")).unwrap();
        assert_eq!(chosen.connection_id.unwrap().as_str(), "conn_01E4ZCR3C56J083X43JQXF3JK5");
        assert_eq!(rest, "limit=2&cursor=YQ");
        assert!(Chosen::parse(Some("connection_id=conn.1")).is_err());
        assert!(Chosen::parse(None).unwrap().0.connection_id.is_none());
    }
}
