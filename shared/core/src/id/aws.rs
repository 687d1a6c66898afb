//! What AWS names: accounts, roles, user pools and what they have.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use super::{ConnectionId, InvalidValue, is_alphanumeric};

text_type!(
    /// A Cognito user pool, `<region>_<name>` (Cognito API: `UserPoolIdType`), which tells its Region.
    UserPoolId,
    "a user pool ID is a Region, `_` and letters and digits, at most 55 characters, such as eu-west-1_AbCdEf123",
    r"^[a-z]+(-[a-z]+)+-[0-9]{1,2}_[0-9A-Za-z]+$",
    55,
    is_user_pool_id
);

text_type!(
    /// An AWS account.
    AccountId,
    "an AWS account ID is 12 digits",
    r"^[0-9]{12}$",
    12,
    |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
);

text_type!(
    /// The name of an IAM role, without its path (IAM API: `RoleName`).
    RoleName,
    "a role name is 1 to 64 letters, digits and characters of _+=,.@-",
    r"^[0-9A-Za-z_+=,.@-]{1,64}$",
    64,
    |text| (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
);

text_type!(
    /// What Causeway shows to a tenant's role to say for whom it comes (STS API: `ExternalId`).
    ExternalId,
    "an external ID is 2 to 1224 letters, digits and characters of _+=,.@:/-",
    r"^[0-9A-Za-z_+=,.@:/-]{2,1224}$",
    1224,
    |text| (2..=1224).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c))
);

text_type!(
    /// The name of a Cognito identity provider (Cognito API: `ProviderNameType`, which every call but
    /// `CreateIdentityProvider` takes; that one takes fewer, see [`ProviderName::for_connection`]). The API takes
    /// letters, marks, symbols, numbers, punctuation and spaces, and so every character but those that have no
    /// place in a text; of these only control characters are told apart here.
    ProviderName,
    "a provider name is 1 to 32 characters without control characters",
    r"^[^\x00-\x1f\x7f-\x9f]{1,32}$",
    32,
    |text| (1..=32).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
);

text_type!(
    /// One of a provider's `IdpIdentifiers` (Cognito API: `IdpIdentifierType`, whose `\w` and `\s` are ASCII).
    Identifier,
    "an identifier is 1 to 40 letters, digits, spaces and characters of _+=.@-, all of ASCII",
    r"^[0-9A-Za-z_ \t\n\x0b\x0c\r+=.@-]{1,40}$",
    40,
    |text| (1..=40).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_ \t\n\u{b}\u{c}\r+=.@-".contains(c))
);

text_type!(
    /// An app client of a user pool (Cognito API: `ClientIdType`).
    AppClientId,
    "an app client ID is 1 to 128 letters, digits and characters of _+",
    r"^[0-9A-Za-z_+]{1,128}$",
    128,
    |text| (1..=128).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+".contains(c))
);

fn is_user_pool_id(text: &str) -> bool {
    let Some((region, name)) = text.split_once('_') else {
        return false;
    };
    let parts: Vec<&str> = region.split('-').collect();
    let (Some((number, words)), true) = (parts.split_last(), parts.len() >= 3) else {
        return false;
    };
    text.len() <= 55
        && !name.is_empty()
        && is_alphanumeric(name)
        && matches!(number.len(), 1 | 2)
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
}

impl ExternalId {
    /// A new external ID from 128 bits of randomness. AWS asks that the vendor makes it, one per customer.
    pub fn generate(random: u128) -> Self {
        Self(format!("causeway-{random:032x}"))
    }
}

/// How many characters a hash of an ID has: five bits each, so that there are 130.
const HASH_LENGTH: usize = 26;

/// What the names of the providers that Causeway makes begin with: for an ID that is `conn_<ULID>`, and for any other.
const OF_ULID: &str = "conn-";
const OF_ANY: &str = "idp-";

impl ProviderName {
    /// Whether a text begins as the names do of the providers that Causeway makes.
    pub fn begins_as_ours(text: &str) -> bool {
        [OF_ULID, OF_ANY].iter().any(|begin| text.starts_with(begin))
    }

    /// The name of the provider that Causeway makes for a connection. It never changes, since Cognito builds usernames
    /// from it. `CreateIdentityProvider` takes 3 to 32 characters without `_`, so it is `conn-` and the rest of
    /// `conn_<ULID>`, and for an ID of any other form `idp-` and a hash.
    pub fn for_connection(connection: &ConnectionId) -> Self {
        match ulid_of(connection) {
            Some(rest) => Self(format!("{OF_ULID}{rest}")),
            None => Self(format!("{OF_ANY}{}", hash_of(connection.as_str()))),
        }
    }
}

/// The rest of an ID after `conn_`, if it has the length and the characters of a ULID; lowercase ones are read too.
fn ulid_of(connection: &ConnectionId) -> Option<&str> {
    connection.as_str().strip_prefix("conn_").filter(|rest| rest.len() == HASH_LENGTH && is_alphanumeric(rest))
}

/// 130 bits of the SHA-256 of an ID, in lowercase letters and digits.
fn hash_of(id: &str) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let hash = Sha256::digest(id.as_bytes());
    let bit = |number: usize| usize::from(hash[number / 8] >> (7 - number % 8) & 1);
    (0..HASH_LENGTH)
        .map(|digit| (0..5).fold(0, |value, number| value * 2 + bit(digit * 5 + number)))
        .map(|value| char::from(DIGITS[value]))
        .collect()
}

impl Identifier {
    /// An ID of WorkOS's as an identifier; `None` for one that is longer than Cognito takes.
    pub fn of_id(id: &impl fmt::Display) -> Option<Self> {
        id.to_string().parse().ok()
    }
}

impl UserPoolId {
    /// The Region that the pool is in.
    pub fn region(&self) -> &str {
        self.0.split_once('_').map_or("", |(region, _)| region)
    }

    /// The partition of the pool's Region (AWS: "Amazon Resource Names", partitions).
    pub fn partition(&self) -> &'static str {
        partition_of(self.region())
    }

    /// The pool's ARN in `account`.
    pub fn arn(&self, account: &AccountId) -> String {
        format!("arn:{}:cognito-idp:{}:{account}:userpool/{self}", self.partition(), self.region())
    }
}

/// The AWS partition that a Region belongs to.
pub fn partition_of(region: &str) -> &'static str {
    const BY_PREFIX: [(&str, &str); 5] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eusc-", "aws-eusc"),
    ];
    BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::tests::{accepts, described};

    #[test]
    fn names_that_aws_would_refuse_are_refused() {
        assert!(accepts::<AccountId>("222222222222"));
        assert!(!accepts::<AccountId>("22222222222"));
        assert!(!accepts::<AccountId>("２２２２２２２２２２２２"));
        assert!(accepts::<RoleName>("Causeway-Login"));
        assert!(!accepts::<RoleName>("path/Causeway"));
        assert!(!accepts::<ExternalId>("x"));
        assert!(accepts::<ProviderName>("conn-01E4ZCR3C56J083X43JQXF3JK5"));
        assert!(!accepts::<ProviderName>(""));
        assert!(!accepts::<ProviderName>("a\nb"));
        assert!(!accepts::<ProviderName>(&"a".repeat(33)));
        assert!(accepts::<Identifier>("example.com"));
        assert!(!accepts::<Identifier>("a/b"));
        assert!(!accepts::<Identifier>(&"a".repeat(41)));
        assert!(!accepts::<Identifier>("müller.test") && !accepts::<Identifier>("a\u{a0}b"), "beyond ASCII");
    }

    #[test]
    fn every_provider_name_that_cognito_can_have_is_read() {
        for name in ["My Okta", " ", "Prüfstelle №1 (alt)_x", "会社\u{a0}ログイン", &"é".repeat(32)] {
            assert!(accepts::<ProviderName>(name), "{name:?}");
        }
    }

    #[test]
    fn connections_of_any_other_form_have_names_with_130_bits_of_their_ids_hash() {
        let name = |id: &str| ProviderName::for_connection(&id.parse().unwrap()).to_string();
        // The first bits of SHA-256 of "conn_test", counted out by hand elsewhere: the name must never change.
        assert_eq!(name("conn_test"), "idp-0rnyj52a0cc17s28s0vypb8ata");
        let ids = ["conn_test", "Conn_test", "conn-test", "conn_01E4ZCR3C56J083X43JQXF3JK", "test_idp", "a"];
        let names: std::collections::BTreeSet<String> = ids.iter().map(|id| name(id).to_lowercase()).collect();
        assert_eq!(names.len(), ids.len());
        assert!(names.iter().all(|name| name.len() == "idp-".len() + 26), "{names:?}");
    }

    #[test]
    fn a_user_pool_id_tells_its_region_and_partition() {
        for (text, region, partition) in [
            ("eu-west-1_AbCdEf123", "eu-west-1", "aws"),
            ("us-gov-west-1_Ab", "us-gov-west-1", "aws-us-gov"),
            ("cn-north-1_Ab", "cn-north-1", "aws-cn"),
        ] {
            let pool: UserPoolId = text.parse().unwrap();
            assert_eq!((pool.region(), pool.partition()), (region, partition));
        }
        for text in ["eu-west-1", "eu-west_Ab", "_Ab", "eu-west-1_", "eu-west-1_a/b", "EU-west-1_a"] {
            assert!(!accepts::<UserPoolId>(text), "{text}");
        }
    }

    #[test]
    fn a_generated_external_id_is_valid() {
        assert!(accepts::<ExternalId>(ExternalId::generate(0).as_str()));
    }

    proptest! {
        #[test]
        fn every_connection_gets_a_name_that_cognito_takes(id in described(ConnectionId::PATTERN)) {
            let name = ProviderName::for_connection(&id.parse().unwrap());
            prop_assert!((3..=32).contains(&name.as_str().len()));
            prop_assert!(name.as_str().chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        }

        #[test]
        fn a_connection_with_a_ulid_keeps_it_in_its_name(rest in "[0-9A-Za-z]{26}") {
            let name = ProviderName::for_connection(&format!("conn_{rest}").parse().unwrap());
            prop_assert_eq!(name.as_str(), format!("conn-{rest}"));
        }

        #[test]
        fn what_fits_the_described_pattern_is_accepted(
            pool in described(UserPoolId::PATTERN),
            account in described(AccountId::PATTERN),
            role in described(RoleName::PATTERN),
            provider in described(ProviderName::PATTERN),
            app_client in described(AppClientId::PATTERN),
        ) {
            prop_assert!(accepts::<UserPoolId>(&pool) || pool.len() > UserPoolId::LONGEST);
            prop_assert!(accepts::<AccountId>(&account));
            prop_assert!(accepts::<RoleName>(&role));
            prop_assert!(accepts::<ProviderName>(&provider));
            prop_assert!(accepts::<AppClientId>(&app_client));
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in ".*") {
            let _ = (accepts::<UserPoolId>(&text), accepts::<Identifier>(&text), accepts::<ProviderName>(&text));
        }
    }
}
