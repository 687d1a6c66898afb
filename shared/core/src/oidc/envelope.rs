//! Authenticated encryption of what leaves our hands or lies in the table for a while: the state that
//! travels through the browser, and the claims of a sign-in until Cognito fetches them.

use std::time::Duration;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::{STATE_GOOD_FOR, bearer::Bearer, pkce::PkceVerifier},
    timestamp::Timestamp,
};

/// How far WorkOS's clock may be from ours.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(30);

/// A sealed text that does not open: changed on the way, of another tenant, or not ours at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not one that was sealed here")]
pub struct NotOurs;

/// 32 random bytes as a key.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// A key from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key from its text, as [`crate::secret::new_client_secret`] writes one.
    pub fn from_text(text: &SecretString) -> Result<Self, NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(text.expose_secret()).map_err(|_| NotOurs)?;
        bytes.try_into().map(Self).map_err(|_| NotOurs)
    }

    /// A key from a random text.
    pub(crate) fn derived(from: &SecretString, label: &str) -> Self {
        let mut key = [0; 32];
        // 32 bytes are never too many for HKDF-SHA-256, so that this can't fail.
        let _ = Hkdf::<Sha256>::new(None, from.expose_secret().as_bytes()).expand(label.as_bytes(), &mut key);
        Self(key)
    }

    /// Encrypts a value. `nonce` is used once with this key; the value opens only where `bound_to` is the same.
    pub(crate) fn seal<T: Serialize>(&self, value: &T, nonce: [u8; 12], bound_to: &str) -> Result<String, NotOurs> {
        let message = serde_json::to_vec(value).map_err(|_| NotOurs)?;
        let cipher = Aes256Gcm::new_from_slice(&self.0).map_err(|_| NotOurs)?;
        let payload = Payload { msg: &message, aad: bound_to.as_bytes() };
        let sealed = cipher.encrypt(&nonce.into(), payload).map_err(|_| NotOurs)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Decrypts what [`Key::seal`] encrypted.
    pub(crate) fn open<T: DeserializeOwned>(&self, text: &str, bound_to: &str) -> Result<T, NotOurs> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs)?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or(NotOurs)?;
        let cipher = Aes256Gcm::new_from_slice(&self.0).map_err(|_| NotOurs)?;
        let payload = Payload { msg: sealed, aad: bound_to.as_bytes() };
        let message = cipher.decrypt(&(*nonce).into(), payload).map_err(|_| NotOurs)?;
        serde_json::from_slice(&message).map_err(|_| NotOurs)
    }
}

/// What `/authorize` will need to come back, carried as WorkOS's `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInState {
    /// The pool that the user signs in to.
    pub user_pool_id: UserPoolId,
    /// The connection that was asked for.
    pub connection_id: ConnectionId,
    /// Where Cognito wants the answer.
    pub redirect_uri: String,
    /// Cognito's own state, given back as it came.
    pub state: Option<String>,
    /// Cognito's nonce, for the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Whether the user is to show anew who they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prompts: bool,
    /// How many seconds before `at` the user may have shown it; none where it does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// What proves to WorkOS that its code is ours; none only in a state of a version that had no PKCE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<PkceVerifier>,
    /// When it was sealed.
    pub at: Timestamp,
}

impl SignInState {
    /// A number that this sign-in alone has, as far as its verifier is random.
    pub fn number(&self) -> u128 {
        let digest = Sha256::digest(serde_json::to_vec(self).unwrap_or_default());
        digest.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
    }

    /// Seals the state under the tenant's key. `nonce` must be random.
    pub fn seal(&self, key: &Key, tenant: &TenantId, nonce: [u8; 12]) -> Result<String, NotOurs> {
        key.seal(self, nonce, &bound_to(tenant))
    }

    /// Seals the state for who holds `key`, under which it lies in the table.
    pub fn seal_for(&self, key: &Bearer, tenant: &TenantId) -> Result<String, NotOurs> {
        key.seal(self, &bound_to(tenant))
    }

    /// Opens a state; it must be of this tenant and not too old.
    pub fn open(text: &str, key: &Key, tenant: &TenantId, now: Timestamp) -> Result<Self, NotOurs> {
        let state: Self = key.open(text, &bound_to(tenant))?;
        state.of_age(now)
    }

    /// Opens a state that lay in the table.
    pub fn open_with(text: &str, key: &Bearer, tenant: &TenantId, now: Timestamp) -> Result<Self, NotOurs> {
        let state: Self = key.open(text, &bound_to(tenant))?;
        state.of_age(now)
    }

    fn of_age(self, now: Timestamp) -> Result<Self, NotOurs> {
        let age_is_right = now.since(self.at) < STATE_GOOD_FOR && self.at <= now.plus(STATE_GOOD_FOR);
        if age_is_right { Ok(self) } else { Err(NotOurs) }
    }

    /// Whether the user showed who they are as recently as Cognito asked for (OpenID Connect Core, 3.1.2.1:
    /// `max_age`). It is known from WorkOS or not at all: that the user came back now says nothing.
    pub fn is_recent_enough(&self, authenticated_at: Option<Timestamp>) -> bool {
        let Some(max_age) = self.max_age else { return true };
        let age = Duration::from_secs(max_age.into()) + CLOCKS_DIFFER_BY;
        authenticated_at.is_some_and(|at| at.plus(age) >= self.at)
    }
}

fn bound_to(tenant: &TenantId) -> String {
    format!("sign-in state of {tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(last: char) -> TenantId {
        format!("tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2{last}").parse().unwrap()
    }

    fn state() -> SignInState {
        SignInState {
            user_pool_id: "eu-west-1_Pool".parse().unwrap(),
            connection_id: "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap(),
            redirect_uri: "https://a.auth.eu-west-1.amazoncognito.com/oauth2/idpresponse".into(),
            state: Some("x".repeat(4096)),
            nonce: Some("n".to_owned()),
            prompts: true,
            max_age: Some(60),
            verifier: Some(PkceVerifier::new([7; 32])),
            at: Timestamp::from_seconds(1_000_000),
        }
    }

    #[test]
    fn a_state_of_before_opens_though_it_has_less_in_it() {
        let key = Key::new([7; 32]);
        let before = serde_json::json!({
            "user_pool_id": "eu-west-1_Pool", "connection_id": "conn_01E4ZCR3C56J083X43JQXF3JK5",
            "redirect_uri": "https://a", "state": null, "at": state().at,
        });
        let sealed = key.seal(&before, [1; 12], &bound_to(&tenant('A'))).unwrap();
        let opened = SignInState::open(&sealed, &key, &tenant('A'), state().at).unwrap();
        assert_eq!((opened.nonce, opened.prompts, opened.max_age, opened.verifier), (None, false, None, None));
    }

    #[test]
    fn a_sign_in_is_recent_only_where_workos_says_when_it_was() {
        let at = |seconds: i64| Some(Timestamp::from_seconds(1_000_000 + seconds));
        let recent = state();
        assert!(recent.is_recent_enough(at(5)) && recent.is_recent_enough(at(-60)) && recent.is_recent_enough(at(-90)));
        assert!(!recent.is_recent_enough(at(-91)) && !recent.is_recent_enough(None));
        let whenever = SignInState { max_age: None, ..state() };
        assert!(whenever.is_recent_enough(None));
    }

    #[test]
    fn a_state_opens_for_ten_minutes_and_for_its_tenant_only() {
        let key = Key::new([7; 32]);
        let sealed = state().seal(&key, &tenant('A'), [1; 12]).unwrap();
        let open = |text: &str, key: &Key, tenant: &TenantId, seconds: u64| {
            SignInState::open(text, key, tenant, state().at.plus(Duration::from_secs(seconds)))
        };
        assert_eq!(open(&sealed, &key, &tenant('A'), 599), Ok(state()));
        assert_eq!(open(&sealed, &key, &tenant('A'), 600), Err(NotOurs));
        assert_eq!(open(&sealed, &key, &tenant('B'), 1), Err(NotOurs));
        assert_eq!(open(&sealed, &Key::new([8; 32]), &tenant('A'), 1), Err(NotOurs));
        for position in [0, 20, sealed.len() - 1] {
            let mut changed = sealed.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&changed, &key, &tenant('A'), 1), Err(NotOurs), "position {position}");
        }
    }
}
