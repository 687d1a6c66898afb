//! Names and IDs that only hold valid values. Each parses from text, shows itself as that text, and says
//! its rule when it refuses one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::timestamp::Timestamp;

/// A value that broke the rule of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}")]
pub struct InvalidValue {
    /// What a valid value looks like, as a sentence for the one who sent it.
    pub rule: &'static str,
}

macro_rules! text_type {
    ($(#[$documentation:meta])* $name:ident, $rule:literal, $pattern:literal, $longest:literal, $is_valid:expr) => {
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What a valid value looks like.
            pub const RULE: &'static str = $rule;

            /// The rule as a regular expression (ECMA-262), for the API's description.
            pub const PATTERN: &'static str = $pattern;

            /// How many characters a value has at most.
            pub const LONGEST: usize = $longest;

            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;

            fn try_from(text: String) -> Result<Self, InvalidValue> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidValue { rule: Self::RULE })
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidValue;

            fn from_str(text: &str) -> Result<Self, InvalidValue> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.description(Some($rule)).pattern(Some($pattern)).max_length(Some($longest)).into()
            }
        }

        impl ToSchema for $name {}
    };
}

mod aws;

pub use aws::{AccountId, AppClientId, ExternalId, Identifier, ProviderName, RoleName, UserPoolId, partition_of};

text_type!(
    /// A tenant: `tnt_` and a ULID.
    TenantId,
    "a tenant ID is `tnt_` followed by a ULID in capitals",
    r"^tnt_[0-9A-HJKMNP-TV-Z]{26}$",
    30,
    |text| text
        .strip_prefix("tnt_")
        .is_some_and(is_ulid)
);

text_type!(
    /// An onboarding link: `onb_` and a ULID. Names the link, and opens nothing.
    OnboardingLinkId,
    "an onboarding link's ID is `onb_` followed by a ULID in capitals",
    r"^onb_[0-9A-HJKMNP-TV-Z]{26}$",
    30,
    |text| text
        .strip_prefix("onb_")
        .is_some_and(is_ulid)
);

text_type!(
    /// A connection of WorkOS. Usually `conn_` and a ULID, and an opaque text all the same: WorkOS promises no form
    /// (WorkOS API: `Connection.id`). Its letters are kept as they are, since whether Cognito's identifiers are case
    /// sensitive is not documented.
    ConnectionId,
    "a connection ID is 1 to 64 letters, digits, `_` and `-`",
    r"^[0-9A-Za-z_-]{1,64}$",
    64,
    is_workos_id
);

text_type!(
    /// An organization of WorkOS. As opaque as a [`ConnectionId`].
    OrganizationId,
    "an organization ID is 1 to 64 letters, digits, `_` and `-`",
    r"^[0-9A-Za-z_-]{1,64}$",
    64,
    is_workos_id
);

text_type!(
    /// The name of a tenant, for people.
    TenantName,
    "a name is 1 to 128 characters, not blank, without control characters",
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    128,
    |text| (1..=128).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control)
);

text_type!(
    /// Whom an operator turns to about a tenant: an address, a name, a channel. For people; nothing is sent there.
    Contact,
    "a contact is 1 to 256 characters, not blank, without control characters",
    r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
    256,
    |text| (1..=256).contains(&text.chars().count())
        && !text.trim().is_empty()
        && !text.chars().any(char::is_control)
);

text_type!(
    /// The client ID of a WorkOS environment.
    WorkosClientId,
    "a WorkOS client ID is 1 to 128 letters, digits, `_` and `-`",
    r"^[0-9A-Za-z_-]{1,128}$",
    128,
    |text| (1..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
);

/// An ID of WorkOS's, whatever it is of.
fn is_workos_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)))
}

/// The organization that every staging environment of WorkOS has, for a newcomer's first test. Its identity provider
/// vouches for whatever its user types (WorkOS: "Test SSO", Test Organization).
const TEST_ORGANIZATION: &str = "org_test_idp";

impl OrganizationId {
    /// Whether it is WorkOS's Test Organization: nothing that its identity provider says of a user is true.
    pub fn is_test(&self) -> bool {
        self.0 == TEST_ORGANIZATION
    }
}

impl TenantId {
    /// A new ID from the time and 80 bits of randomness; later ones sort after earlier ones.
    pub fn generate(now: Timestamp, random: u128) -> Self {
        Self(format!("tnt_{}", ulid_text(now, random)))
    }
}

impl OnboardingLinkId {
    /// A new ID from the time and 80 bits of randomness; later ones sort after earlier ones.
    pub fn generate(now: Timestamp, random: u128) -> Self {
        Self(format!("onb_{}", ulid_text(now, random)))
    }
}

/// A ULID as text, from the time and the low 80 bits of `random`.
pub fn ulid_text(now: Timestamp, random: u128) -> String {
    Ulid::from_parts(u64::try_from(now.millis()).unwrap_or(0), random).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) fn accepts<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn ids_that_their_service_would_refuse_are_refused() {
        assert!(accepts::<TenantId>("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N"));
        assert!(!accepts::<TenantId>("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2"));
        assert!(!accepts::<TenantId>("tnt_01KAPJ7M7VYGJ5GM8WXT1C4DIL"));
        assert!(accepts::<ConnectionId>("conn_01E4ZCR3C56J083X43JQXF3JK5"));
        assert!(accepts::<OrganizationId>("org_01EHWNCE74X7JSDV0X3SZ3KJNY"));
        for (id, is_valid) in
            [("org_test_idp", true), ("a", true), ("", false), ("a/b", false), ("a b", false), ("ä", false)]
        {
            assert_eq!((accepts::<ConnectionId>(id), accepts::<OrganizationId>(id)), (is_valid, is_valid), "{id}");
        }
        assert!(accepts::<ConnectionId>(&"a".repeat(64)) && !accepts::<ConnectionId>(&"a".repeat(65)));
        assert!(!accepts::<TenantName>("   "));
    }

    #[test]
    fn a_generated_tenant_id_is_valid() {
        let id = TenantId::generate(Timestamp::from_millis(1_763_000_000_000), u128::MAX);
        assert!(accepts::<TenantId>(id.as_str()));
    }

    /// Texts that fit a pattern, which is to match the whole text.
    pub(super) fn described(pattern: &str) -> impl Strategy<Value = String> {
        let inside = pattern.strip_prefix('^').unwrap().strip_suffix('$').unwrap();
        proptest::string::string_regex(inside).unwrap()
    }

    proptest! {
        #[test]
        fn what_fits_the_described_pattern_is_accepted(
            tenant in described(TenantId::PATTERN),
            connection in described(ConnectionId::PATTERN),
            organization in described(OrganizationId::PATTERN),
            name in described(TenantName::PATTERN),
            client in described(WorkosClientId::PATTERN),
        ) {
            prop_assert!(accepts::<TenantId>(&tenant));
            prop_assert!(accepts::<ConnectionId>(&connection));
            prop_assert!(accepts::<OrganizationId>(&organization));
            prop_assert!(accepts::<TenantName>(&name), "{:?}", name);
            prop_assert!(accepts::<WorkosClientId>(&client));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (accepts::<TenantId>(&text), accepts::<TenantName>(&text));
        }
    }
}
