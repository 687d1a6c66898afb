//! `PATCH .../user-pools/{pool}`: changes what the operator chose.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::HeaderMap,
};
use causeway_core::{
    app_clients::AppClients,
    id::OrganizationId,
    lookup::{DomainLookup, DomainLookupFields},
    start::{Start, StartFields},
    user_pool::{Mode, PoolOptions, PoolStatus, SignIn, UserPool},
};
use causeway_tenancy::{check_options, refuse_absent_app_clients};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    input,
    problem::{PROBLEM, Problem, ProblemAnswer},
    service::Service,
    user_pools::{PoolPath, UserPoolAnswer},
    version::{Precondition, Versioned},
};

/// What of a user pool is changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
struct UserPoolChanges {
    /// What runs may do.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Mode, required = false)]
    mode: Option<Mode>,
    /// Whether users may sign in.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = SignIn, required = false)]
    sign_in: Option<SignIn>,
    /// The app clients that are given the providers, in place of all that were named before.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = AppClients, required = false)]
    app_clients: Option<AppClients>,
    /// Only the connections of these organizations; null means all.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<Vec<OrganizationId>>, required = false, max_items = 1000)]
    organizations: Option<Option<Vec<OrganizationId>>>,
    /// Whether verified domains become identifiers.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = bool, required = false)]
    domain_identifiers: Option<bool>,
    /// Cognito's attribute to the claim that it is taken from, in place of the whole mapping; null means the
    /// standard claims.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<BTreeMap<String, String>>, required = false)]
    attribute_mapping: Option<Option<BTreeMap<String, String>>>,
    /// Whether an attribute that the identity provider no longer sends is emptied, where the pool's schema allows it.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = bool, required = false)]
    clear_missing_attributes: Option<bool>,
    /// Where sign-ins lead that begin at the customer's identity provider; null means that they are refused.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<StartFields>, required = false)]
    start: Option<Option<Start>>,
    /// Whether the lookup by domain is answered, and to which pages; null means that it is not.
    #[serde(default, deserialize_with = "input::present")]
    #[schema(value_type = Option<DomainLookupFields>, required = false)]
    domain_lookup: Option<Option<DomainLookup>>,
}

impl UserPoolChanges {
    fn check(&self) -> Result<(), Problem> {
        Ok(check_options(
            self.app_clients.as_ref(),
            self.organizations.iter().flatten().next(),
            self.attribute_mapping.iter().flatten().next(),
        )?)
    }

    /// The options with these changes.
    fn applied(self, options: PoolOptions) -> PoolOptions {
        PoolOptions {
            mode: self.mode.unwrap_or(options.mode),
            sign_in: self.sign_in.unwrap_or(options.sign_in),
            app_clients: self.app_clients.unwrap_or(options.app_clients),
            organizations: self.organizations.unwrap_or(options.organizations),
            domain_identifiers: self.domain_identifiers.unwrap_or(options.domain_identifiers),
            attribute_mapping: self.attribute_mapping.unwrap_or(options.attribute_mapping),
            clear_missing_attributes: self.clear_missing_attributes.unwrap_or(options.clear_missing_attributes),
            start: self.start.unwrap_or(options.start),
            domain_lookup: self.domain_lookup.unwrap_or(options.domain_lookup),
        }
    }
}

/// Changes a user pool
///
/// A run that makes the change true begins at once where the pool has runs. An app client that is named anew and that a
/// verified pool does not have is refused.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant_id}/user-pools/{user_pool_id}", operation_id = "update_user_pool",
    tag = "user pools", request_body = Option<UserPoolChanges>,
    params(PoolPath),
    responses(
        (status = 200, description = "The user pool as it is now.", body = UserPoolAnswer,
            headers(("ETag", description = "Its version; runs don't change it."))),
        (status = 409, description = "The pool is being removed, or was changed at the same time.",
            body = ProblemAnswer, content_type = PROBLEM),
        (status = 412, description = "It is not the version of `If-Match`.",
            body = ProblemAnswer, content_type = PROBLEM),
    )
)]
pub async fn update(
    State(service): State<Arc<Service>>,
    Path(path): Path<PoolPath>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Versioned<UserPoolAnswer>, Problem> {
    let pool = service.pool(&path).await?;
    let changes: UserPoolChanges = input::read(&body)?;
    changes.check()?;
    let precondition = Precondition::of(&headers);
    precondition.check(pool.version)?;
    if pool.status == PoolStatus::Removing {
        return Err(Problem::conflict("the user pool is being removed: it can't be changed any more"));
    }
    let options = changes.applied(pool.options.clone());
    if options == pool.options {
        return Ok(Versioned::ok(pool.version, pool.into()));
    }
    if options.app_clients != pool.options.app_clients {
        let tenant = service.tenant(&path.tenant_id).await?;
        refuse_absent_app_clients(&service.reconciler, &tenant, &pool, &options.app_clients).await?;
    }
    let mut updated = UserPool { options, updated_at: service.now(), ..pool };
    match service.store().update_options(&updated).await {
        Ok(version) => updated.version = version,
        Err(error) if error.is_conflict() => return Err(precondition.lost()),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(tenant_id = %updated.tenant_id, user_pool_id = %updated.user_pool_id, "user pool changed");
    if updated.due_at.is_some() {
        updated.due_at = Some(updated.updated_at);
    }
    if updated.is_reconciled() {
        service.try_to_wake_up(&updated).await;
    }
    Ok(Versioned::ok(updated.version, updated.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PoolOptions {
        PoolOptions {
            mode: Mode::Observe,
            sign_in: SignIn::Disabled,
            app_clients: AppClients::All,
            organizations: Some(vec!["org_1".parse().unwrap()]),
            domain_identifiers: true,
            attribute_mapping: Some([("email".to_owned(), "email".to_owned())].into()),
            clear_missing_attributes: true,
            start: None,
            domain_lookup: serde_json::from_value(serde_json::json!({"origins": ["https://app.example.com"]})).unwrap(),
        }
    }

    fn changes(body: &str) -> Result<UserPoolChanges, Problem> {
        input::read(&Bytes::from(body.to_owned()))
    }

    #[test]
    fn what_is_left_out_stays() {
        assert_eq!(changes("{}").unwrap().applied(options()), options());
        let changed = changes(r#"{"mode":"sync"}"#).unwrap().applied(options());
        assert_eq!(changed, PoolOptions { mode: Mode::Sync, ..options() });
    }

    #[test]
    fn null_means_all_organizations_the_standard_claims_no_start_and_no_lookup() {
        let body = r#"{"organizations":null,"attribute_mapping":null,"start":null,"domain_lookup":null}"#;
        let changed = changes(body).unwrap().applied(options());
        assert_eq!((changed.organizations, changed.attribute_mapping), (None, None));
        assert_eq!((changed.start, changed.domain_lookup), (None, None));
    }

    #[test]
    fn null_is_refused_where_it_means_nothing() {
        for field in ["mode", "sign_in", "app_clients", "domain_identifiers", "clear_missing_attributes"] {
            assert!(changes(&format!(r#"{{"{field}":null}}"#)).is_err(), "{field}");
        }
    }

    #[test]
    fn a_change_is_checked_as_a_registration_is() {
        let organizations = serde_json::json!({"organizations": vec!["org_1"; 1001]}).to_string();
        for body in [organizations.as_str(), r#"{"attribute_mapping":{"username":"email"}}"#] {
            assert!(changes(body).unwrap().check().is_err());
        }
    }
}
