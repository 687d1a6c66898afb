//! IDs on the command line: only what can't be one is refused here, since each becomes a part of a path.

/// A tenant's ID.
pub fn tenant_id(text: &str) -> Result<String, String> {
    let is_one = text
        .strip_prefix("tnt_")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    taken(text, is_one, "a tenant's ID is `tnt_` and letters and digits")
}

/// A user pool's ID.
pub fn user_pool_id(text: &str) -> Result<String, String> {
    let is_one = text.split_once('_').is_some_and(|(region, rest)| {
        let is_region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !region.is_empty()
            && region.bytes().all(is_region)
            && region.contains('-')
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    taken(text, is_one, "a user pool's ID is a Region, `_`, and letters and digits")
}

/// A connection's ID.
pub fn connection_id(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    taken(text, is_one, "a connection's ID is of letters, digits, `_` and `-`")
}

/// An onboarding link's ID.
pub fn link_id(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    taken(text, is_one, "an onboarding link's ID is of letters, digits and `_`")
}

fn taken(text: &str, is_one: bool, rule: &str) -> Result<String, String> {
    if is_one { Ok(text.to_owned()) } else { Err(rule.to_owned()) }
}
