//! What may be chosen for a user pool.

use std::collections::BTreeMap;

use causeway_core::{
    app_clients::{AppClients, MOST_NAMED},
    check::never_sent,
    id::OrganizationId,
};

use crate::TenancyError;

/// The most organizations that a pool may choose.
const MOST_ORGANIZATIONS: usize = 1000;

/// Refuses options that are too many or that Cognito would refuse; those that are not given are right.
pub fn check_options(
    app_clients: Option<&AppClients>,
    organizations: Option<&Vec<OrganizationId>>,
    attribute_mapping: Option<&BTreeMap<String, String>>,
) -> Result<(), TenancyError> {
    if app_clients.is_some_and(|chosen| chosen.named().len() > MOST_NAMED) {
        return Err(TenancyError::invalid("app_clients", format!("at most {MOST_NAMED} app clients")));
    }
    if organizations.is_some_and(|chosen| chosen.len() > MOST_ORGANIZATIONS) {
        return Err(TenancyError::invalid("organizations", format!("at most {MOST_ORGANIZATIONS} organizations")));
    }
    check_mapping(attribute_mapping)
}

/// Cognito's own rules for `AttributeMapping` (Cognito API: `AttributeMappingKeyType`), and room for claims.
fn check_mapping(mapping: Option<&BTreeMap<String, String>>) -> Result<(), TenancyError> {
    for (attribute, claim) in mapping.into_iter().flatten() {
        let invalid = |rule: &str| Err(TenancyError::invalid(format!("attribute_mapping.{attribute}"), rule));
        if !(1..=32).contains(&attribute.chars().count()) || attribute.chars().any(char::is_whitespace) {
            return invalid("an attribute's name is 1 to 32 characters without spaces");
        }
        if attribute == "username" {
            return invalid("the username is always made from the claim `sub`");
        }
        if !(1..=128).contains(&claim.chars().count()) {
            return invalid("a claim's name is 1 to 128 characters");
        }
        if let Some(why) = never_sent(claim) {
            return invalid(&why);
        }
    }
    Ok(())
}
