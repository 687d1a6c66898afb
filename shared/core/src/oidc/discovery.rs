//! What an issuer says of itself (OpenID Connect Discovery 1.0, section 3; RFC 7517).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pkcs1::RsaPublicKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spki::{SubjectPublicKeyInfoRef, der::Decode};

use crate::provider::Issuer;

/// The discovery document of an issuer.
pub fn document(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.endpoint("authorize"),
        "token_endpoint": issuer.endpoint("token"),
        "userinfo_endpoint": issuer.endpoint("userinfo"),
        "jwks_uri": issuer.endpoint("jwks"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "scopes_supported": ["openid", "email", "profile"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "email", "email_verified", "given_name", "family_name", "name",
            "groups", "connection_id", "organization_id", "idp_id"
        ],
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}

/// A public RSA key as an issuer publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The key's ID: its thumbprint (RFC 7638), so that each key has one of its own.
    pub id: String,
    modulus: String,
    exponent: String,
}

/// Bytes that are no RSA key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the public key is not an RSA key in DER (SubjectPublicKeyInfo)")]
pub struct NotAnRsaKey;

impl PublicKey {
    /// Reads a key as KMS's `GetPublicKey` gives it: DER, `SubjectPublicKeyInfo`.
    pub fn from_der(der: &[u8]) -> Result<Self, NotAnRsaKey> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| NotAnRsaKey)?;
        let bits = info.subject_public_key.as_bytes().ok_or(NotAnRsaKey)?;
        let key = RsaPublicKey::from_der(bits).map_err(|_| NotAnRsaKey)?;
        let modulus = URL_SAFE_NO_PAD.encode(key.modulus.as_bytes());
        let exponent = URL_SAFE_NO_PAD.encode(key.public_exponent.as_bytes());
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        Ok(Self { id, modulus, exponent })
    }

    /// The key as a JWK.
    pub fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": self.modulus, "e": self.exponent })
    }
}

/// The JWKS of these keys.
pub fn key_set(keys: &[PublicKey]) -> Value {
    json!({ "keys": keys.iter().map(PublicKey::jwk).collect::<Vec<_>>() })
}
