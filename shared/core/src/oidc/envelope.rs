//! Authenticated encryption of what leaves our hands or lies in the table for a while: the state that
//! travels through the browser, and the claims of a sign-in until Cognito fetches them.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

use crate::{
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::STATE_GOOD_FOR,
    timestamp::Timestamp,
};

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
    /// When it was sealed.
    pub at: Timestamp,
}

impl SignInState {
    /// Seals the state under the tenant's key. `nonce` must be random.
    pub fn seal(&self, key: &Key, tenant: &TenantId, nonce: [u8; 12]) -> Result<String, NotOurs> {
        key.seal(self, nonce, &format!("sign-in state of {tenant}"))
    }

    /// Opens a state; it must be of this tenant and not too old.
    pub fn open(text: &str, key: &Key, tenant: &TenantId, now: Timestamp) -> Result<Self, NotOurs> {
        let state: Self = key.open(text, &format!("sign-in state of {tenant}"))?;
        let age_is_right = now.since(state.at) < STATE_GOOD_FOR && state.at <= now.plus(STATE_GOOD_FOR);
        if age_is_right { Ok(state) } else { Err(NotOurs) }
    }
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
            at: Timestamp::from_seconds(1_000_000),
        }
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

    use std::time::Duration;
}
