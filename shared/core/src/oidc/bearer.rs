//! Codes, access tokens and the keys of states in the table. Each says until when it is good and carries a MAC, so that one that is made up, changed,
//! over or another connection's is told from a good one before anything is looked up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::envelope::{Key, NotOurs},
    timestamp::Timestamp,
};

/// How many random bytes a bearer has.
const RANDOM: usize = 32;
/// The end of a bearer, in seconds since 1970: 32 bits, big-endian.
const END: usize = 4;
/// How much of HMAC-SHA-256 a bearer has. Each guess is one request to us, so that 64 bits are many.
const MAC: usize = 8;

/// What a bearer is for. It is good for nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerKind<'a> {
    /// A code of this connection, which only this pool may redeem: whoever has one can't have others looked up with
    /// it.
    Code(&'a ConnectionId, &'a UserPoolId),
    /// An access token of this connection.
    Access(&'a ConnectionId),
    /// What stands at WorkOS for a state that is too long to go there: the tenant's callback alone knows the tenant,
    /// and nothing of the connection.
    State,
}

/// At which endpoint a bearer is good, and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BearerScope<'a> {
    /// What it is for.
    pub kind: BearerKind<'a>,
    /// The tenant.
    pub tenant: &'a TenantId,
}

/// The key of the MACs: one for the deployment.
pub struct BearerKey(SecretBox<[u8; 32]>);

impl BearerKey {
    /// A key from its text, as [`crate::secret::new_client_secret`] writes one.
    pub fn from_text(text: &SecretString) -> Result<Self, NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).map_err(|_| NotOurs)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NotOurs)?;
        Ok(Self(SecretBox::new(Box::new(bytes))))
    }

    /// The MAC of a bearer's first bytes. Each field comes after its length, so that no two scopes are one text.
    fn mac(&self, scope: BearerScope<'_>, begin: &[u8]) -> Result<Hmac<Sha256>, NotOurs> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).map_err(|_| NotOurs)?;
        let (kind, connection, pool) = match scope.kind {
            BearerKind::Code(connection, pool) => ("code", connection.as_str(), pool.as_str()),
            BearerKind::Access(connection) => ("access", connection.as_str(), ""),
            BearerKind::State => ("state", "", ""),
        };
        let fields = [kind, scope.tenant.as_str(), connection, pool].map(str::as_bytes);
        for field in fields.into_iter().chain([begin]) {
            mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(field);
        }
        Ok(mac)
    }
}

/// A random value whose holder may fetch what is stored under it: a code or an access token. What is stored is found
/// by its SHA-256 and encrypted under a key derived from it, so that who reads the table can neither use nor read it.
#[derive(Debug, Clone)]
pub struct Bearer(SecretString);

impl Bearer {
    /// A new one from 256 random bits, good until `end`.
    pub fn new(random: [u8; RANDOM], end: Timestamp, scope: BearerScope<'_>, key: &BearerKey) -> Result<Self, NotOurs> {
        let end = u32::try_from(end.seconds()).map_err(|_| NotOurs)?;
        let mut bytes = [random.as_slice(), &end.to_be_bytes()].concat();
        let mac = key.mac(scope, &bytes)?.finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC]);
        Ok(Self(SecretString::from(URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The text that its holder shows.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Under what it is stored: SHA-256 in hexadecimal.
    pub fn lookup(&self) -> String {
        hex::encode(Sha256::digest(self.expose().as_bytes()))
    }

    /// Encrypts `value` for the holder. A bearer encrypts one value only, so the nonce can be fixed.
    pub fn seal<T: Serialize>(&self, value: &T, bound_to: &str) -> Result<String, NotOurs> {
        Key::derived(&self.0, "causeway stored sign-in").seal(value, [0; 12], bound_to)
    }

    /// Decrypts what was encrypted for the holder.
    pub fn open<T: DeserializeOwned>(&self, text: &str, bound_to: &str) -> Result<T, NotOurs> {
        Key::derived(&self.0, "causeway stored sign-in").open(text, bound_to)
    }
}

/// What somebody shows as a code or an access token. Nothing can be looked up with it before it is [`Self::checked`].
#[derive(Debug, Clone)]
pub struct ShownBearer(SecretString);

impl ShownBearer {
    /// Reads it; `None` where it has not the form of one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = bytes_of(text).is_some();
        is_one.then(|| Self(SecretString::from(text.to_owned())))
    }

    /// The bearer, if it was made here for this scope and is not over at `now`.
    pub fn checked(&self, scope: BearerScope<'_>, key: &BearerKey, now: Timestamp) -> Option<Bearer> {
        let bytes = bytes_of(self.0.expose_secret())?;
        let (begin, mac) = bytes.split_last_chunk::<MAC>()?;
        // In a time that does not tell how much of it is right.
        key.mac(scope, begin).ok()?.verify_truncated_left(mac).ok()?;
        let end = u32::from_be_bytes(*begin.last_chunk::<END>()?);
        (i64::from(end) > now.seconds()).then(|| Bearer(self.0.clone()))
    }
}

/// The bytes of a text of ours. No two texts stand for the same bytes.
fn bytes_of(text: &str) -> Option<[u8; RANDOM + END + MAC]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::new_client_secret;

    fn key(byte: u8) -> BearerKey {
        BearerKey::from_text(&new_client_secret([byte; 32])).unwrap()
    }

    /// A scope that owns what it names: a code's has a pool and a connection, an access token's a connection.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Owned {
        pool: Option<UserPoolId>,
        tenant: TenantId,
        connection: Option<ConnectionId>,
    }

    impl Owned {
        fn scope(&self) -> BearerScope<'_> {
            let kind = match (&self.connection, &self.pool) {
                (Some(connection), Some(pool)) => BearerKind::Code(connection, pool),
                (Some(connection), None) => BearerKind::Access(connection),
                (None, _) => BearerKind::State,
            };
            BearerScope { kind, tenant: &self.tenant }
        }
    }

    prop_compose! {
        // From few values, so that two scopes often differ in one of them alone.
        fn scope()(
            pool in prop_oneof![Just(None), "eu-west-1_[AB]{1,2}".prop_map(Some)],
            tenant in "tnt_[01]0{24}[01]",
            connection in prop_oneof![Just(None), "conn_[01]0{24}[01]".prop_map(Some)],
        ) -> Owned {
            let (tenant, pool) = (tenant.parse().unwrap(), pool.filter(|_| connection.is_some()));
            let connection = connection.map(|connection| connection.parse().unwrap());
            Owned { pool: pool.map(|pool| pool.parse().unwrap()), tenant, connection }
        }
    }

    const NOW: i64 = 1_763_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn is_good(text: &str, scope: &Owned, key: &BearerKey, now: i64) -> bool {
        ShownBearer::parse(text).and_then(|shown| shown.checked(scope.scope(), key, at(now))).is_some()
    }

    proptest! {
        #[test]
        fn a_bearer_is_good_at_its_place_until_its_end_and_nowhere_else_and_not_after(
            random: [u8; 32], scope in scope(), other in scope(), lasts in 1_i64..1000, passed in 0_i64..2000,
        ) {
            let bearer = Bearer::new(random, at(NOW + lasts), scope.scope(), &key(1)).unwrap();
            let text = bearer.expose();
            prop_assert_eq!(text.len(), 59);
            prop_assert_eq!(is_good(text, &scope, &key(1), NOW + passed), passed < lasts);
            prop_assert_eq!(is_good(text, &other, &key(1), NOW), scope == other);
            prop_assert!(!is_good(text, &scope, &key(2), NOW), "another deployment's");
        }

        #[test]
        fn a_bearer_of_which_any_byte_was_changed_is_good_for_nothing(
            random: [u8; 32], scope in scope(), position in 0_usize..44, change in 1_u8..=255,
        ) {
            let bearer = Bearer::new(random, at(NOW + 60), scope.scope(), &key(1)).unwrap();
            let mut bytes = bytes_of(bearer.expose()).unwrap();
            bytes[position] ^= change;
            prop_assert!(!is_good(&URL_SAFE_NO_PAD.encode(bytes), &scope, &key(1), NOW));
        }

        #[test]
        fn a_bearer_of_which_any_character_was_changed_taken_or_added_is_good_for_nothing(
            random: [u8; 32], scope in scope(), position in 0_usize..59, character in "\\PC", how in 0..3,
        ) {
            let bearer = Bearer::new(random, at(NOW + 60), scope.scope(), &key(1)).unwrap();
            let text = bearer.expose();
            let (before, after) = text.split_at(position);
            let changed = match how {
                0 => format!("{before}{character}{}", &after[1..]),
                1 => format!("{before}{character}{after}"),
                _ => format!("{before}{}", &after[1..]),
            };
            prop_assert_eq!(is_good(&changed, &scope, &key(1), NOW), changed == text);
        }

        #[test]
        fn what_anybody_makes_up_is_good_for_nothing(bytes: [[u8; 22]; 2], text in "[A-Za-z0-9_-]{59}", scope in scope()) {
            prop_assert!(!is_good(&URL_SAFE_NO_PAD.encode(bytes.as_flattened()), &scope, &key(1), NOW));
            prop_assert!(!is_good(&text, &scope, &key(1), NOW));
        }
    }

    #[test]
    fn what_is_stored_for_a_bearer_opens_with_it_alone_and_where_it_belongs() {
        let (tenant, connection) =
            ("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(), "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap());
        let scope = BearerScope { kind: BearerKind::Access(&connection), tenant: &tenant };
        let [bearer, other] = [1, 2].map(|byte| Bearer::new([byte; 32], at(NOW), scope, &key(1)).unwrap());
        let sealed = bearer.seal(&"claims", "pool a").unwrap();
        assert_eq!(bearer.open::<String>(&sealed, "pool a").unwrap(), "claims");
        assert!(bearer.open::<String>(&sealed, "pool b").is_err());
        assert!(other.open::<String>(&sealed, "pool a").is_err());
        assert_ne!(bearer.lookup(), other.lookup());
    }

    #[test]
    fn neither_a_bearer_nor_what_is_shown_for_one_shows_in_debug_output() {
        let text = URL_SAFE_NO_PAD.encode([7; 44]);
        let shown = ShownBearer::parse(&text).unwrap();
        assert!(!format!("{shown:?} {:?}", Bearer(shown.0.clone())).contains(&text));
        assert!(ShownBearer::parse("sso_code_01KAPJ7M7VYGJ5GM8WXT1C4D2N").is_none());
    }
}
