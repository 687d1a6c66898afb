//! ID tokens: what is signed, and how the parts are put together (RFC 7515, compact serialization).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{id::UserPoolId, oidc::ID_TOKEN_GOOD_FOR, provider::Issuer, timestamp::Timestamp};

/// An ID token that has yet to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedIdToken(String);

impl UnsignedIdToken {
    /// A token of `issuer` for `pool` with these claims, good from `now` on.
    pub fn new(issuer: &Issuer, pool: &UserPoolId, key_id: &str, claims: &Map<String, Value>, now: Timestamp) -> Self {
        let mut payload = claims.clone();
        payload.insert("iss".into(), json!(issuer.as_str()));
        payload.insert("aud".into(), json!(pool));
        payload.insert("iat".into(), json!(now.seconds()));
        payload.insert("exp".into(), json!(now.plus(ID_TOKEN_GOOD_FOR).seconds()));
        let header = json!({ "alg": "RS256", "kid": key_id, "typ": "JWT" });
        let part = |value: String| URL_SAFE_NO_PAD.encode(value);
        Self(format!("{}.{}", part(header.to_string()), part(Value::Object(payload).to_string())))
    }

    /// SHA-256 of what is signed.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The token with its signature (RSASSA-PKCS1-v1_5 over the digest).
    pub fn signed(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_claim_of_a_profile_overwrites_issuer_audience_or_times() {
        let base = crate::provider::BaseUrl::parse("https://login.example.com").unwrap();
        let issuer = Issuer::new(
            &base,
            &"tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            &"conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap(),
        );
        let claims = json!({ "iss": "evil", "aud": "evil", "exp": 9_999_999_999_u64, "iat": 0, "sub": "prof_1" });
        let token = UnsignedIdToken::new(
            &issuer,
            &"eu-west-1_Pool".parse().unwrap(),
            "key",
            claims.as_object().unwrap(),
            Timestamp::from_seconds(1000),
        );
        let signed = token.signed(b"signature");
        let parts: Vec<&str> = signed.split('.').collect();
        let payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(
            payload,
            json!({ "iss": issuer.as_str(), "aud": "eu-west-1_Pool", "exp": 1300, "iat": 1000, "sub": "prof_1" })
        );
        assert_eq!(parts.len(), 3);
        // RFC 7515, 5.1: what is signed is the header and the payload as they are sent, with the dot between them.
        let sent = format!("{}.{}", parts[0], parts[1]);
        assert_eq!(token.digest().as_slice(), Sha256::digest(sent.as_bytes()).as_slice());
    }
}
