//! `Idempotency-Key`: a request that is sent twice is carried out once (IETF draft "The Idempotency-Key HTTP
//! Header Field").

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::{InvalidValue, TenantId},
    oidc::envelope::{Key, NotOurs},
    tenant::Sealed,
    timestamp::Timestamp,
};

/// How long the answer to a request is kept.
pub const KEPT: Duration = Duration::from_hours(24);

/// How long a request can take, in which another one with its key is refused: a little more than a call of the
/// API may last.
pub const RUNNING_FOR: Duration = Duration::from_mins(1);

/// What a client sends as `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key: 1 to 255 printable ASCII characters.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidValue> {
        let invalid = InvalidValue { rule: "an Idempotency-Key is 1 to 255 printable ASCII characters" };
        let text = std::str::from_utf8(bytes).map_err(|_| invalid.clone())?;
        let printable = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if (1..=255).contains(&text.len()) && printable { Ok(Self(text.to_owned())) } else { Err(invalid) }
    }

    /// Under what the request is stored: the key belongs to whoever sent it, and to one call.
    pub fn lookup(&self, caller: &str, method: &str, path: &str) -> String {
        digest(&[caller, method, path, &self.0].map(str::as_bytes))
    }
}

/// A digest of a body, to tell whether two are the same.
pub fn body_digest(body: &[u8]) -> String {
    digest(&[body])
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// An answer as it is given again. It can hold an onboarding link: nothing shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The header `ETag`.
    pub entity_tag: Option<String>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Encrypts the answer to the request that is stored under `lookup`. `key` and `nonce` must be random.
    pub fn seal(&self, key: &Key, nonce: [u8; 12], lookup: &str) -> Result<String, NotOurs> {
        key.seal(self, nonce, &format!("answer to {lookup}"))
    }

    /// Decrypts an answer; it must be the one to this request.
    pub fn open(text: &str, key: &Key, lookup: &str) -> Result<Self, NotOurs> {
        key.open(text, &format!("answer to {lookup}"))
    }
}

/// The answer to a request. It can hold what only the caller may read, so that it is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The tenant whose encryption context sealed it.
    pub tenant_id: TenantId,
    /// The random key of the answer, sealed.
    pub key: Sealed,
    /// The answer, encrypted under that key.
    pub sealed: String,
}

/// A request that came with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRequest {
    /// Tells this attempt from one that takes its place.
    pub attempt: String,
    /// [`body_digest`] of its body.
    pub body: String,
    /// Its answer, once it was carried out.
    pub answer: Option<StoredAnswer>,
    /// When it ends, in seconds since 1970; also DynamoDB's TTL.
    pub expires_at: i64,
}

/// What a request is whose key is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// The same one: it has this answer.
    Answered(StoredAnswer),
    /// The same one, which is not carried out yet.
    Running,
    /// Another one: the key must not be used for it.
    OtherBody,
}

impl StoredRequest {
    /// A request that is about to be carried out.
    pub fn begun(attempt: String, body: &[u8], now: Timestamp) -> Self {
        Self { attempt, body: body_digest(body), answer: None, expires_at: now.plus(RUNNING_FOR).seconds() }
    }

    /// The request once it was carried out.
    #[must_use]
    pub fn answered(self, answer: StoredAnswer, now: Timestamp) -> Self {
        Self { answer: Some(answer), expires_at: now.plus(KEPT).seconds(), ..self }
    }

    /// What a request with this body is that came with the same key.
    pub fn repeated(self, body: &[u8]) -> Repeated {
        if self.body != body_digest(body) {
            return Repeated::OtherBody;
        }
        self.answer.map_or(Repeated::Running, Repeated::Answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> StoredAnswer {
        StoredAnswer {
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            key: Sealed("key".to_owned()),
            sealed: "answer".to_owned(),
        }
    }

    #[test]
    fn an_answer_opens_only_for_the_request_that_it_is_the_answer_to() {
        let answer = Answer { status: 201, content_type: None, entity_tag: None, body: "canary".to_owned() };
        let key = Key::new([1; 32]);
        let sealed = answer.seal(&key, [2; 12], "a").unwrap();
        assert!(!sealed.contains("canary"));
        assert!(Answer::open(&sealed, &key, "a").is_ok_and(|opened| opened == answer));
        assert!(Answer::open(&sealed, &key, "b").is_err());
        assert!(Answer::open(&sealed, &Key::new([3; 32]), "a").is_err());
    }

    #[test]
    fn a_key_is_printable_and_not_too_long() {
        for good in [&b"1"[..], b"a b", &[b'x'; 255]] {
            assert!(IdempotencyKey::parse(good).is_ok());
        }
        for bad in [&b""[..], b"a\tb", &[b'x'; 256], &[0xc3, 0xa9], &[0xff]] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_belongs_to_one_caller_and_one_call() {
        let key = IdempotencyKey::parse(b"1").unwrap();
        let lookups = [
            key.lookup("alice", "POST", "/v1/tenants"),
            key.lookup("bob", "POST", "/v1/tenants"),
            key.lookup("alice", "POST", "/v1/tenants/1/user-pools"),
            key.lookup("alicePOST", "", "/v1/tenants"),
            IdempotencyKey::parse(b"2").unwrap().lookup("alice", "POST", "/v1/tenants"),
        ];
        for (index, lookup) in lookups.iter().enumerate() {
            assert!(!lookups[index + 1..].contains(lookup), "{index}");
        }
    }

    #[test]
    fn the_same_body_has_the_same_answer_and_another_body_has_none() {
        let now = Timestamp::from_seconds(1_000_000);
        let running = StoredRequest::begun("1".to_owned(), b"{}", now);
        assert_eq!(running.clone().repeated(b"{}"), Repeated::Running);
        assert_eq!(running.clone().repeated(b"{ }"), Repeated::OtherBody);
        let answered = running.answered(answer(), now);
        assert_eq!(answered.clone().repeated(b"{}"), Repeated::Answered(answer()));
        assert_eq!(answered.clone().repeated(b"[]"), Repeated::OtherBody);
        assert_eq!(answered.expires_at, now.plus(KEPT).seconds());
    }
}
