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
            "sub", "iss", "aud", "exp", "iat", "nonce", "auth_time", "email", "email_verified", "given_name", "family_name", "name",
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

    /// A key of this ID, for tests that only tell keys apart.
    #[cfg(test)]
    pub(crate) fn of_id(id: &str) -> Self {
        Self { id: id.to_owned(), modulus: String::new(), exponent: String::new() }
    }

    /// The key as a JWK.
    pub fn jwk(&self) -> Value {
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": self.modulus, "e": self.exponent })
    }
}

/// The JWKS of these keys.
pub fn key_set<'a>(keys: impl IntoIterator<Item = &'a PublicKey>) -> Value {
    json!({ "keys": keys.into_iter().map(PublicKey::jwk).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use spki::{
        AlgorithmIdentifierRef,
        der::{Encode, asn1::BitStringRef},
    };

    /// The example of RFC 7638, section 3.1.
    const MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn der() -> Vec<u8> {
        let modulus = URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
        let key = RsaPublicKey {
            modulus: pkcs1::UintRef::new(&modulus).unwrap(),
            public_exponent: pkcs1::UintRef::new(&[1, 0, 1]).unwrap(),
        };
        let key = key.to_der().unwrap();
        let info = SubjectPublicKeyInfoRef {
            algorithm: AlgorithmIdentifierRef {
                oid: spki::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
                parameters: None,
            },
            subject_public_key: BitStringRef::from_bytes(&key).unwrap(),
        };
        info.to_der().unwrap()
    }

    #[test]
    fn a_key_is_published_with_its_thumbprint_as_its_id() {
        let key = PublicKey::from_der(&der()).unwrap();
        assert_eq!(key.id, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        let keys = key_set([&key]);
        assert_eq!(
            keys,
            json!({ "keys": [{
                "kty": "RSA", "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB",
                "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            }] })
        );
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [&[][..], &[0x30, 0x00], &der()[..100]] {
            assert_eq!(PublicKey::from_der(bytes), Err(NotAnRsaKey));
        }
    }

    #[test]
    fn every_endpoint_of_the_document_is_under_the_issuer() {
        let base = crate::provider::BaseUrl::parse("https://login.example.com/x").unwrap();
        let tenant = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
        let issuer = Issuer::new(&base, &tenant, &"conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap());
        let document = document(&issuer);
        assert_eq!(document["issuer"], issuer.as_str());
        for name in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
            assert!(document[name].as_str().unwrap().starts_with(&format!("{}/", issuer.as_str())), "{name}");
        }
    }
}
