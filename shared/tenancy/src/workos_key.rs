//! A WorkOS API key before it is taken.

use causeway_core::tenant::Tenant;
use causeway_workos::{Workos, WorkosError};
use secrecy::{ExposeSecret, SecretString};

use crate::TenancyError;

/// Refuses a key that does not fit into a header; what else it is, only WorkOS can tell.
pub fn check_form(key: &SecretString) -> Result<(), TenancyError> {
    let text = key.expose_secret();
    if (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    let rule = "a WorkOS API key is 1 to 512 printable characters without spaces";
    Err(TenancyError::invalid("workos.api_key", rule))
}

/// Why WorkOS does not take a key for the tenant's client ID; `None` if it does.
pub async fn refusal(workos: &Workos, tenant: &Tenant, key: &SecretString) -> Result<Option<String>, WorkosError> {
    let client = &tenant.workos_client_id;
    let is_taken = workos.key_belongs_to_client(client, key).await?;
    Ok((!is_taken).then(|| {
        format!(
            "WorkOS refuses the API key, or it does not belong to the client ID {client}: take both from the same \
             environment of the WorkOS dashboard, API Keys"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        for key in ["", "a b", "a\nb", &"a".repeat(513)] {
            assert!(check_form(&SecretString::from(key.to_owned())).is_err(), "{key:?}");
        }
        assert!(check_form(&SecretString::from("sk_test_1".to_owned())).is_ok());
    }
}
