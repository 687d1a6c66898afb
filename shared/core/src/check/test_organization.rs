//! Whether a pool lets the users of WorkOS's Test Organization in.

use super::Check;
use crate::id::OrganizationId;

const TEST_ORGANIZATION: &str = "test_organization";

/// A warning as long as a pool names the Test Organization: its identity provider vouches for whatever its user types,
/// and everybody who has the sign-in's address can use it.
pub fn check_test_organization(organizations: Option<&[OrganizationId]>) -> Option<Check> {
    let test = organizations.into_iter().flatten().find(|organization| organization.is_test())?;
    Some(Check::warn(
        TEST_ORGANIZATION,
        format!("anybody can sign in through WorkOS's Test Organization, {test}, under any name"),
        format!("Take {test} out of `organizations` once the sign-in is tested."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckOutcome;

    #[test]
    fn a_pool_is_warned_as_long_as_it_names_the_test_organization() {
        let found = |ids: &[&str]| {
            let organizations: Vec<OrganizationId> = ids.iter().map(|id| id.parse().unwrap()).collect();
            check_test_organization(Some(&organizations)).map(|check| check.outcome)
        };
        assert_eq!(found(&["org_1", "org_test_idp"]), Some(CheckOutcome::Warn));
        assert_eq!(found(&["org_1", "org_test_idp_2"]), None);
        assert_eq!(check_test_organization(None), None, "it has no provider where all are meant");
    }
}
