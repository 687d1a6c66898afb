//! Which claims a sign-in can have, for those who map them.

use crate::oidc::claims::is_reserved;

/// The claims that come with every sign-in that has them, by their names.
const NAMED: [&str; 12] = [
    "sub",
    "email",
    "email_verified",
    "given_name",
    "family_name",
    "name",
    "groups",
    "role",
    "roles",
    "connection_id",
    "organization_id",
    "idp_id",
];

/// What raw attributes are mapped by: `raw.<name>`.
const RAW: &str = "raw.";

/// Where WorkOS's profile keeps other attributes. A mapping names what is in them and not the place.
const PLACES: [&str; 2] = ["custom_attributes", "raw_attributes"];

/// Why no sign-in ever has this claim, with the claims that there are; `None` where one can have it. A name that is no
/// claim of OpenID Connect may be that of a custom attribute: the environment's owner names these.
pub fn never_sent(claim: &str) -> Option<String> {
    let place = PLACES.into_iter().find(|place| claim == *place || claim.starts_with(&format!("{place}.")));
    let is_other = is_reserved(claim) && !NAMED.contains(&claim);
    let is_sent = !is_other && place.is_none() && claim != RAW && claim.trim() == claim;
    (!is_sent).then(|| {
        format!(
            "no sign-in has the claim {claim}: there are {}, `raw.<name>` for what the identity provider says itself, \
             and the names of the custom attributes that WorkOS maps",
            NAMED.join(", ")
        )
    })
}

/// What a claim holds, as far as it is known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text of at least so many characters, and often of `usual` ones.
    Text { least: u32, usual: u32 },
    /// A list, as a JSON array in a text; `[]` where there is nothing.
    List,
    /// `true` or `false`.
    Boolean,
    /// Whatever an identity provider says.
    Any,
}

/// The length of an ID of WorkOS's, which is `conn_` or the like and a ULID.
const WORKOS_ID: u32 = 30;

/// What a claim holds. The usual length of an address is the longest that mail has (RFC 5321, 4.5.3.1.3: a path of 256
/// characters with its two brackets), that of a name or a role is what no real one goes past.
pub(super) fn kind(claim: &str) -> Kind {
    match claim {
        "email_verified" => Kind::Boolean,
        "groups" | "roles" => Kind::List,
        "email" => Kind::Text { least: 6, usual: 254 },
        "sub" | "connection_id" | "organization_id" => Kind::Text { least: WORKOS_ID, usual: 64 },
        "given_name" | "family_name" | "name" | "role" | "idp_id" => Kind::Text { least: 1, usual: 64 },
        _ => Kind::Any,
    }
}

/// Whether a claim says what a user may do.
pub(super) fn grants(claim: &str) -> bool {
    matches!(claim, "groups" | "role" | "roles")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_no_sign_in_has_is_refused_with_the_list_of_those_that_there_are() {
        for claim in ["phone_number", "iss", "nonce", "raw.", "raw_attributes.team", "custom_attributes", " team"] {
            let why = never_sent(claim).unwrap_or_default();
            assert!(
                why.contains(claim) && why.contains("email_verified") && why.contains("raw.<name>"),
                "{claim}: {why}"
            );
        }
        for claim in NAMED.into_iter().chain(["raw.department", "team", "cost center"]) {
            assert_eq!(never_sent(claim), None, "{claim}");
        }
    }
}
