//! Whether users can sign in through the app clients that are given the providers.

use std::collections::BTreeMap;

use super::{Check, claim::grants, settings::AppClientSettings};
use crate::id::AppClientId;

const APP_CLIENTS: &str = "app_clients";

/// The most app clients that are looked at where all are meant: each is a call, at under five a second.
pub const MOST_CHECKED: usize = 20;

/// The scope whose tokens change a user's own attributes (Cognito: "Scopes, M2M, and resource servers").
const OWN_ATTRIBUTES: &str = "aws.cognito.signin.user.admin";

/// Attributes that no app client can be given to write, and that a provider writes all the same (Cognito: "Attribute
/// permissions and scopes"; a list with one of them is refused).
const NEVER_IN_LISTS: [&str; 3] = ["username", "email_verified", "phone_number_verified"];

/// The `ExplicitAuthFlows` with which the pool's own users don't sign in.
const NOT_FOR_USERS: [&str; 2] = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"];

/// Checks an app client that is named: it must let users in, or nobody can sign in through it.
pub fn check_named(
    id: &AppClientId,
    client: Option<&AppClientSettings>,
    mapping: &BTreeMap<String, String>,
) -> Vec<Check> {
    let Some(client) = client else {
        return vec![not_there(id)];
    };
    let mut checks = Vec::new();
    if !client.uses_code_flow {
        checks.push(Check::fail(
            APP_CLIENTS,
            format!("the app client {id} does not use the authorization code flow"),
            format!("Allow it `code` in AllowedOAuthFlows, and set AllowedOAuthFlowsUserPoolClient, for {id}."),
        ));
    } else if !client.allows_oauth {
        checks.push(Check::fail(
            APP_CLIENTS,
            format!("the app client {id} may use no OAuth flow: AllowedOAuthFlowsUserPoolClient is false"),
            format!("Set AllowedOAuthFlowsUserPoolClient for {id}."),
        ));
    }
    let missing = unwritable(client, mapping);
    if !missing.is_empty() {
        checks.push(Check::fail(APP_CLIENTS, cannot_write(id, &missing), give_write_access(id, &missing)));
    }
    checks.extend(users_may_write(id, client, mapping));
    if checks.iter().all(|check| check.outcome != super::CheckOutcome::Fail) {
        checks.insert(0, Check::pass(APP_CLIENTS, format!("users can sign in through the app client {id}")));
    }
    checks
}

/// The check of an app client that is named and that the pool does not have.
pub fn not_there(id: &AppClientId) -> Check {
    Check::fail(
        APP_CLIENTS,
        format!("the pool has no app client {id}"),
        format!("Choose app clients that the pool has (`app_clients`), and take {id} out: nobody gets in through it."),
    )
}

/// Checks app clients of which all are meant: `looked_at` of `count`. Which of them sign users in is the tenant's own
/// affair, and strangers can be among them, so that none of them fails the whole.
pub fn check_all(
    looked_at: &BTreeMap<AppClientId, AppClientSettings>,
    count: usize,
    mapping: &BTreeMap<String, String>,
) -> Vec<Check> {
    let usable = || looked_at.iter().filter(|(_, client)| client.can_sign_in());
    if count == 0 || (usable().next().is_none() && looked_at.len() == count) {
        let what =
            if count == 0 { "the pool has no app client yet" } else { "no app client of the pool signs users in" };
        return vec![Check::warn(
            APP_CLIENTS,
            what,
            "Make an app client that allows `code` in AllowedOAuthFlows and has AllowedOAuthFlowsUserPoolClient set: \
             the next run gives it the providers.",
        )];
    }
    let rest =
        if looked_at.len() < count { format!("; {} of them were looked at", looked_at.len()) } else { String::new() };
    let mut checks =
        vec![Check::pass(APP_CLIENTS, format!("all app clients of the pool get the providers: {count}{rest}"))];
    for (id, client) in usable() {
        let missing = unwritable(client, mapping);
        if !missing.is_empty() {
            checks.push(Check::warn(APP_CLIENTS, cannot_write(id, &missing), give_write_access(id, &missing)));
        }
        checks.extend(users_may_write(id, client, mapping));
    }
    checks
}

/// The mapped attributes that a sign-in through the client could not write: Cognito writes them with the client's own
/// permissions (Cognito API: `WriteAttributes`).
fn unwritable<'a>(client: &AppClientSettings, mapping: &'a BTreeMap<String, String>) -> Vec<&'a str> {
    let names = mapping.keys().map(String::as_str);
    names.filter(|name| !NEVER_IN_LISTS.contains(name) && !client.may_write(name)).collect()
}

fn cannot_write(id: &AppClientId, missing: &[&str]) -> String {
    format!(
        "the app client {id} may not write {}, which the pool's mapping fills: every sign-in through it fails",
        missing.join(", ")
    )
}

fn give_write_access(id: &AppClientId, missing: &[&str]) -> String {
    format!("Add {} to the WriteAttributes of {id}, or take them out of `attribute_mapping`.", missing.join(", "))
}

/// A warning where what a user may do is kept in an attribute that the user can write: with a token of the scope for
/// it, or as a user of the pool's own.
fn users_may_write(id: &AppClientId, client: &AppClientSettings, mapping: &BTreeMap<String, String>) -> Option<Check> {
    let has_scope = client.scopes.iter().any(|scope| scope == OWN_ATTRIBUTES);
    let has_own_users = client
        .explicit_auth_flows
        .as_ref()
        .is_none_or(|flows| flows.iter().any(|flow| !NOT_FOR_USERS.contains(&flow.as_str())));
    if !has_scope && !has_own_users {
        return None;
    }
    let granting = mapping.iter().filter(|(name, claim)| grants(claim) && client.may_write(name));
    let names: Vec<&str> = granting.map(|(name, _)| name.as_str()).collect();
    (!names.is_empty()).then(|| {
        Check::warn(
            APP_CLIENTS,
            format!("users may write {} themselves through the app client {id}", names.join(", ")),
            format!(
                "Take {OWN_ATTRIBUTES} out of the AllowedOAuthScopes of {id}, and let it sign in none of the pool's own \
                 users (ExplicitAuthFlows: ALLOW_REFRESH_TOKEN_AUTH only), or have the application take groups and \
                 roles from somewhere else."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckOutcome;

    fn client() -> AppClientSettings {
        AppClientSettings {
            uses_code_flow: true,
            allows_oauth: true,
            scopes: vec!["openid".to_owned()],
            write_attributes: None,
            explicit_auth_flows: Some(vec!["ALLOW_REFRESH_TOKEN_AUTH".to_owned()]),
        }
    }

    fn mapping(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, claim)| ((*name).to_owned(), (*claim).to_owned())).collect()
    }

    fn id() -> AppClientId {
        "1a".parse().unwrap()
    }

    #[allow(clippy::unnecessary_wraps, reason = "as the list is, where it is set")]
    fn texts(texts: &[&str]) -> Option<Vec<String>> {
        Some(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    /// What the checks of an app client that is named find, but for what is well.
    fn named(client: Option<&AppClientSettings>, pairs: &[(&str, &str)]) -> Vec<Check> {
        let checks = check_named(&id(), client, &mapping(pairs));
        assert!(!checks.is_empty());
        checks.into_iter().filter(|check| check.outcome != CheckOutcome::Pass).collect()
    }

    #[test]
    fn an_app_client_that_is_not_there_fails_with_its_name() {
        let checks = named(None, &[]);
        assert_eq!((checks.len(), checks[0].outcome), (1, CheckOutcome::Fail));
        assert!(checks[0].message.contains("1a") && checks[0].remedy.contains("app_clients"), "{checks:?}");
    }

    #[test]
    fn an_app_client_without_the_code_flow_or_without_oauth_fails() {
        assert_eq!(named(Some(&client()), &[("email", "email")]), []);
        for (broken, member) in [
            (AppClientSettings { uses_code_flow: false, ..client() }, "AllowedOAuthFlows,"),
            (AppClientSettings { allows_oauth: false, ..client() }, "AllowedOAuthFlowsUserPoolClient"),
        ] {
            let checks = named(Some(&broken), &[]);
            assert_eq!((checks.len(), checks[0].outcome), (1, CheckOutcome::Fail));
            assert!(checks[0].remedy.contains(member), "{checks:?}");
        }
    }

    #[test]
    fn a_mapped_attribute_that_the_app_client_may_not_write_fails_but_for_those_that_no_list_can_have() {
        let listed = AppClientSettings { write_attributes: texts(&["name"]), ..client() };
        let mapped = [("email", "email"), ("name", "name"), ("email_verified", "email_verified"), ("username", "sub")];
        let checks = named(Some(&listed), &mapped);
        assert_eq!((checks.len(), checks[0].outcome), (1, CheckOutcome::Fail));
        assert!(checks[0].message.contains("may not write email,"), "{checks:?}");
        assert_eq!(named(Some(&listed), &mapped[1..]), []);
    }

    #[test]
    fn groups_and_roles_in_an_attribute_that_users_may_write_warn() {
        let scoped = AppClientSettings { scopes: vec![OWN_ATTRIBUTES.to_owned()], ..client() };
        let own_users = AppClientSettings { explicit_auth_flows: texts(&["ALLOW_USER_SRP_AUTH"]), ..client() };
        let unset = AppClientSettings { explicit_auth_flows: None, ..client() };
        for open in [&scoped, &own_users, &unset] {
            for claim in ["groups", "role", "roles"] {
                let checks = named(Some(open), &[("custom:it", claim)]);
                assert_eq!((checks.len(), checks[0].outcome), (1, CheckOutcome::Warn), "{open:?}");
                assert!(checks[0].message.contains("custom:it"), "{checks:?}");
            }
            assert_eq!(named(Some(open), &[("custom:it", "team")]), []);
        }
        assert_eq!(named(Some(&client()), &[("custom:it", "groups")]), []);
    }

    #[test]
    fn of_all_app_clients_none_fails_the_pool_and_those_that_sign_nobody_in_are_passed_over() {
        let machine = AppClientSettings { uses_code_flow: false, write_attributes: texts(&["name"]), ..client() };
        let listed = AppClientSettings { write_attributes: texts(&["name"]), ..client() };
        let outcomes = |clients: &[(&str, &AppClientSettings)], count| {
            let clients = clients.iter().map(|(id, client)| (id.parse().unwrap(), (*client).clone())).collect();
            let checks = check_all(&clients, count, &mapping(&[("email", "email")]));
            checks.iter().map(|check| check.outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&[("1a", &client()), ("2b", &machine)], 2), [CheckOutcome::Pass]);
        assert_eq!(outcomes(&[("1a", &client()), ("2b", &listed)], 2), [CheckOutcome::Pass, CheckOutcome::Warn]);
        assert_eq!(outcomes(&[("2b", &machine)], 1), [CheckOutcome::Warn]);
        assert_eq!(outcomes(&[("2b", &machine)], 30), [CheckOutcome::Pass], "not all were looked at");
        assert_eq!(outcomes(&[], 0), [CheckOutcome::Warn]);
    }
}
