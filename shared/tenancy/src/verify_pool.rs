//! The checks of the tenant's account: the role, what it allows, and the pool. None changes anything there.

use std::collections::BTreeMap;

use causeway_cognito::{Access, PoolAccess};
use causeway_core::{
    app_clients::AppClients,
    check::{Check, MOST_CHECKED, check_all, check_mapping, check_named, check_test_organization, check_unnamed},
    health::ErrorClass,
    id::{AppClientId, ProviderName, ulid_text},
    port::{Assumption, PoolDescription, PoolError, RoleToAssume},
    role::RoleRequest,
    rotation::kept_parameter,
    schema::SchemaAttribute,
    tenant::Tenant,
    user_pool::{UserPool, callbacks},
};

use crate::verify::{Checks, Verifier};

const ASSUMABLE: &str = "role_assumable";
const CLOSED: &str = "role_requires_external_id";
const PERMISSIONS: &str = "role_permissions";
const POOL: &str = "user_pool";
const DOMAIN: &str = "user_pool_domain";
const APP_CLIENTS: &str = "app_clients";

/// What was seen of a pool that is kept with it; nothing where a check failed on the way.
#[derive(Debug, Default)]
pub struct Seen {
    /// The pool's name.
    pub name: Option<String>,
    /// The callbacks of the pool's domains.
    pub callbacks: Vec<String>,
    /// The attributes of its users.
    pub schema: Vec<SchemaAttribute>,
}

/// Checks the role and, as far as it leads there, the pool.
pub async fn check_pool(verifier: &Verifier<'_>, tenant: &Tenant, pool: &UserPool, checks: &mut Checks) -> Seen {
    let role = RoleToAssume::of(pool, &tenant.external_id);
    let document = verifier.role_of(tenant, pool);
    let (access, assumable) = match enter(verifier, tenant, pool, &document).await {
        Ok(entered) => entered,
        Err(error) => {
            checks.push(not_assumable(&role, &document, &error));
            return Seen::default();
        }
    };
    checks.push(assumable);
    let closed = check_closed(verifier, &role, &document).await;
    let is_closed = closed.outcome == causeway_core::check::CheckOutcome::Pass;
    checks.push(closed);
    // A role that lets others in is not used for anything more.
    if !is_closed {
        return Seen::default();
    }
    let description = match access.describe().await {
        Ok(description) => description,
        Err(error) => {
            checks.push(not_described(pool, &document, &error));
            return Seen::default();
        }
    };
    checks.push(check_arn(pool, &description));
    checks.push(check_domain(verifier, pool, &description));
    checks.extend(check_mapping(&pool.options.mapping(), &description.attributes));
    checks.extend(check_app_clients(pool, &access).await);
    checks.extend(check_unnamed_app_clients(verifier, pool, &access).await);
    checks.extend(check_test_organization(pool.options.organizations.as_deref()));
    checks.push(check_permissions(verifier, &access, &document).await);
    let domains = callbacks(&pool.user_pool_id, description.domain.as_deref(), description.custom_domain.as_deref());
    Seen { name: description.name, callbacks: domains, schema: description.attributes }
}

/// Enters the role with the external ID, or while that is being rotated with the previous one.
async fn enter(
    verifier: &Verifier<'_>,
    tenant: &Tenant,
    pool: &UserPool,
    document: &RoleRequest,
) -> Result<(PoolAccess, Check), PoolError> {
    let role = RoleToAssume::of(pool, &tenant.external_id);
    let access = &verifier.reconciler.pools;
    let refused = match access.fresh_pool(&role).await {
        Ok(entered) => {
            let message = format!("{} can be assumed with the external ID", role.role_arn);
            return Ok((entered, Check::pass(ASSUMABLE, message)));
        }
        Err(error) => error,
    };
    if let Some(former) = tenant.former_external_id.as_ref().filter(|_| refused.class() == ErrorClass::Denied)
        && let Ok(entered) = access.fresh_pool(&RoleToAssume::of(pool, &former.external_id)).await
    {
        let former = &former.external_id;
        let message = format!("{} can be assumed with the former external ID {former} only", role.role_arn);
        return Ok((entered, Check::warn(ASSUMABLE, message, kept_parameter(former, document))));
    }
    Err(refused)
}

fn trust_remedy(document: &RoleRequest) -> String {
    format!("Give the role this trust policy: {}", document.trust_policy())
}

fn permissions_remedy(document: &RoleRequest) -> String {
    format!("Give the role this policy: {}", document.permissions_policy())
}

fn not_assumable(role: &RoleToAssume, document: &RoleRequest, error: &PoolError) -> Check {
    let message = format!("{} can't be assumed: {error}", role.role_arn);
    if error.class() == ErrorClass::Denied {
        let create = "Create the role from its document, or mend its trust. Where it was deleted by hand, its stack \
                      has nothing to change and does not make it again: delete the stack first. ";
        Check::fail(ASSUMABLE, message, format!("{create}{}", trust_remedy(document)))
    } else {
        Check::fail(ASSUMABLE, message, "Run the checks again in a minute.")
    }
}

/// Two plain refusals are asked for; anything else is no pass.
async fn check_closed(verifier: &Verifier<'_>, role: &RoleToAssume, document: &RoleRequest) -> Check {
    let access: &Access = &verifier.reconciler.pools;
    let other = format!("causeway-{:032x}", verifier.reconciler.sources.number());
    for (external_id, what) in [(None, "without an external ID"), (Some(other.as_str()), "with another external ID")] {
        match access.probe(role, external_id).await {
            Assumption::Refused => {}
            Assumption::Assumed => {
                let message =
                    format!("{} can be assumed {what}: anybody's request could be passed off as yours", role.role_arn);
                return Check::fail(CLOSED, message, trust_remedy(document));
            }
            Assumption::Unclear(error) => {
                let message =
                    format!("whether {} can be assumed {what} could not be found out: {error}", role.role_arn);
                return Check::fail(CLOSED, message, "Run the checks again in a minute.");
            }
        }
    }
    Check::pass(CLOSED, "the role can't be assumed without the external ID, nor with another")
}

fn not_described(pool: &UserPool, document: &RoleRequest, error: &PoolError) -> Check {
    let message = format!("the user pool {} could not be read: {error}", pool.user_pool_id);
    let remedy = match error.class() {
        ErrorClass::Denied => permissions_remedy(document),
        ErrorClass::Rejected => {
            format!("Check that {} exists in the account {}.", pool.user_pool_id, pool.account_id)
        }
        _ => "Run the checks again in a minute.".to_owned(),
    };
    Check::fail(POOL, message, remedy)
}

fn check_arn(pool: &UserPool, description: &PoolDescription) -> Check {
    let expected = pool.user_pool_id.arn(&pool.account_id);
    if description.arn == expected {
        Check::pass(POOL, format!("the user pool is {expected}"))
    } else {
        let message = format!("the user pool is {}, and not {expected}", description.arn);
        Check::fail(POOL, message, "Have the pool registered with the account that it is in.")
    }
}

fn check_domain(verifier: &Verifier<'_>, pool: &UserPool, description: &PoolDescription) -> Check {
    let known = callbacks(&pool.user_pool_id, description.domain.as_deref(), description.custom_domain.as_deref());
    if let Some(callback) = known.first() {
        return Check::pass(DOMAIN, format!("sign-ins return to {callback}"));
    }
    let remedy = format!(
        "Give the pool a domain: aws cognito-idp create-user-pool-domain --user-pool-id {} --domain YOUR-PREFIX --region {}",
        pool.user_pool_id,
        pool.user_pool_id.region()
    );
    match verifier.local_callback {
        Some(callback) => Check::warn(DOMAIN, format!("the user pool has no domain; {callback} stands in"), remedy),
        None => Check::fail(DOMAIN, "the user pool has no domain, so that nobody can sign in", remedy),
    }
}

async fn check_app_clients(pool: &UserPool, access: &PoolAccess) -> Vec<Check> {
    let mapping = pool.options.mapping();
    match &pool.options.app_clients {
        AppClients::All => check_all_app_clients(access, &mapping).await,
        AppClients::Named(named) => check_named_app_clients(named, access, &mapping).await,
    }
}

async fn check_all_app_clients(access: &PoolAccess, mapping: &BTreeMap<String, String>) -> Vec<Check> {
    let clients = match access.list_app_clients().await {
        Ok(clients) => clients,
        Err(error) => return vec![not_readable("the app clients could not be listed", &error)],
    };
    let (mut looked_at, mut checks, mut strangers) = (BTreeMap::new(), Vec::new(), 0);
    for id in clients.iter().take(MOST_CHECKED) {
        match access.describe_app_client(id).await {
            // It is none of all.
            Ok(Some(client)) if client.registered_itself => strangers += 1,
            Ok(Some(client)) => drop(looked_at.insert(id.clone(), client.settings)),
            // Deleted between the list and now.
            Ok(None) => {}
            Err(error) => {
                checks.push(not_readable(&format!("the app client {id} could not be read"), &error));
                break;
            }
        }
    }
    checks.extend(check_all(&looked_at, clients.len() - strangers, mapping));
    checks
}

async fn check_named_app_clients(
    named: &[AppClientId],
    access: &PoolAccess,
    mapping: &BTreeMap<String, String>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for id in named {
        match access.describe_app_client(id).await {
            Ok(client) => checks.extend(check_named(id, client.map(|client| client.settings).as_ref(), mapping)),
            Err(error) => checks.push(not_readable(&format!("the app client {id} could not be read"), &error)),
        }
    }
    checks
}

/// The app clients that the pool does not name and that offer its providers. What can't be read of them is no fault of
/// the pool's: the other checks tell of permissions.
async fn check_unnamed_app_clients(verifier: &Verifier<'_>, pool: &UserPool, access: &PoolAccess) -> Vec<Check> {
    let AppClients::Named(named) = &pool.options.app_clients else { return Vec::new() };
    let Ok(clients) = access.list_app_clients().await else { return Vec::new() };
    let Ok(claims) = verifier.reconciler.table.store.claims(&pool.user_pool_id).await else { return Vec::new() };
    let claimed = claims.items.into_iter().map(|claim| claim.provider_name).collect();
    let mut checks = Vec::new();
    for id in clients.iter().filter(|id| !named.contains(id)).take(MOST_CHECKED) {
        let Ok(Some(client)) = access.describe_app_client(id).await else { continue };
        checks.extend(check_unnamed(&pool.user_pool_id, id, &client.supported_identity_providers, &claimed));
    }
    checks
}

fn not_readable(what: &str, error: &PoolError) -> Check {
    Check::fail(APP_CLIENTS, format!("{what}: {error}"), "Give the role the permissions of its template.")
}

/// Tries each call: reads for real, writes on names that don't exist. A create can't be tried without
/// making something, so that one shows at the first run.
async fn check_permissions(verifier: &Verifier<'_>, access: &PoolAccess, document: &RoleRequest) -> Check {
    let missing =
        format!("none-{}", ulid_text((verifier.reconciler.sources.now)(), verifier.reconciler.sources.number()));
    let (Ok(name), Ok(client)) = (
        missing.to_lowercase().parse::<ProviderName>(),
        missing.replace('-', "").to_lowercase().parse::<AppClientId>(),
    ) else {
        return Check::fail(
            PERMISSIONS,
            "the permissions could not be tried",
            "Report this: it is Causeway's mistake.",
        );
    };
    let tried = [
        access.list_providers().await.map(|_| ()),
        access.list_app_clients().await.map(|_| ()),
        access.describe_provider(&name).await.map(|_| ()),
        access.probe_update(&name).await,
        access.delete_provider(&name).await,
        access.describe_app_client(&client).await.map(|_| ()),
        access.probe_update_app_client(&client).await,
    ];
    let failed: Vec<String> = tried.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    if failed.is_empty() {
        Check::pass(PERMISSIONS, "the role allows what can be tried without changing anything")
    } else {
        Check::fail(PERMISSIONS, failed.join("; "), permissions_remedy(document))
    }
}
