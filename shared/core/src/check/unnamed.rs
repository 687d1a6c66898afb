//! App clients that a pool does not name, and that offer Causeway's providers all the same.

use std::collections::BTreeSet;

use super::Check;
use crate::id::{AppClientId, ProviderName, UserPoolId};

/// The check's name, by which the command line finds it before a removal.
const UNNAMED: &str = "app_clients_unnamed";

/// Checks an app client that the pool does not name. Causeway writes none of these, so that the name of a provider stays
/// there when the provider is deleted, and Cognito refuses every later change of the client.
pub fn check_unnamed(
    pool: &UserPoolId,
    id: &AppClientId,
    offered: &BTreeSet<String>,
    claimed: &BTreeSet<ProviderName>,
) -> Option<Check> {
    // Those of providers that are gone too.
    let is_ours =
        |name: &&String| ProviderName::begins_as_ours(name) || claimed.iter().any(|ours| ours.as_str() == *name);
    let names: Vec<&str> = offered.iter().filter(is_ours).map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        Check::warn(
            UNNAMED,
            format!("the app client {id}, which the pool does not name, offers {}", names.join(", ")),
            format!(
                "Name {id}, or take them out before their providers are deleted (`operate/clear-app-client {pool} {id}`): \
                 a name that stays has Cognito refuse every later change of the app client."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_providers_are_told_and_those_of_others_are_not() {
        let (pool, id) = ("eu-west-1_AbCdEf123".parse().unwrap(), "client".parse().unwrap());
        let claimed = BTreeSet::from(["Adopted".parse().unwrap(), "Other".parse().unwrap()]);
        let of = |names: &[&str]| {
            let offered = names.iter().map(|name| (*name).to_owned()).collect();
            check_unnamed(&pool, &id, &offered, &claimed).map(|check| check.message)
        };
        assert_eq!(of(&["COGNITO", "Theirs", "my-conn-1"]), None);
        let told = of(&["COGNITO", "Adopted", "Theirs", "conn-1"]).unwrap();
        assert!(told.contains("client,") && told.ends_with("offers Adopted, conn-1"), "{told}");
    }
}
