//! WorkOS's webhooks: who may have sent one, and whether it is worth a look.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::{lenient::Members, timestamp::Timestamp};

/// WorkOS delivers again for three days with the signature of the first time, so a day more than that.
const OLDEST: Duration = Duration::from_hours(96);
/// How far a sender's clock may be ahead of ours.
const AHEAD: Duration = Duration::from_mins(5);
/// Numbers below are seconds (WorkOS's emulator), from there on milliseconds (WorkOS).
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header `WorkOS-Signature` is not there.
    #[error("the header WorkOS-Signature is missing")]
    Missing,
    /// The header is not `t=<time>, v1=<hex>`.
    #[error("the header WorkOS-Signature is not of the form t=<time>, v1=<hex>")]
    Malformed,
    /// Signed too long ago.
    #[error("the signature is more than 4 days old")]
    TooOld,
    /// Signed in the future.
    #[error("the signature is more than 5 minutes ahead")]
    TooNew,
    /// Not made with the endpoint's secret over this body.
    #[error("the signature does not match")]
    Forged,
}

/// Checks the header `WorkOS-Signature` over the raw body (WorkOS: "Validate the webhook requests").
pub fn verify_signature(
    header: Option<&str>,
    body: &[u8],
    secret: &SecretString,
    now: Timestamp,
) -> Result<(), Refused> {
    let header = header.ok_or(Refused::Missing)?;
    let (mut time, mut signature) = (None, None);
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => time = Some(value),
            Some(("v1", value)) => signature = Some(value),
            _ => {}
        }
    }
    let (time, signature) = time.zip(signature).ok_or(Refused::Malformed)?;
    let signature = hex::decode(signature).map_err(|_| Refused::Malformed)?;
    let number: i64 = time.parse().map_err(|_| Refused::Malformed)?;

    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(|_| Refused::Forged)?;
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&signature).map_err(|_| Refused::Forged)?;

    let signed_at =
        if number < FIRST_MILLISECONDS { Timestamp::from_seconds(number) } else { Timestamp::from_millis(number) };
    if now.since(signed_at) > OLDEST {
        return Err(Refused::TooOld);
    }
    if signed_at.since(now) > AHEAD {
        return Err(Refused::TooNew);
    }
    Ok(())
}

/// Checks the header as [`verify_signature`] does, made with one of several secrets: while they are being replaced, an
/// endpoint has more than one. That one of them has signed the body, too early or too late, says more than that the
/// others have not.
pub fn verify_signature_of_one(
    header: Option<&str>,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), Refused> {
    let mut refused = Refused::Forged;
    for secret in secrets {
        match verify_signature(header, body, secret, now) {
            Err(Refused::Forged) => {}
            Err(other) => refused = other,
            Ok(()) => return Ok(()),
        }
    }
    Err(refused)
}

/// The part of an event that decides what happens: which event it is, and whether it is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// WorkOS's ID of the event; the same for each delivery. A hash of the body where that can't be read.
    pub id: String,
    /// Its name, such as `connection.activated`; empty where that can't be read.
    pub event: String,
}

impl Event {
    /// Reads a webhook's body (WorkOS API: `Event`). WorkOS has signed it, so that whatever can't be read of it keeps
    /// nothing from being looked at; only what is no object is no event.
    pub fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let members: Members = serde_json::from_slice(body)?;
        let text = |name: &str| members.text(name).value().filter(|text| !text.is_empty()).cloned();
        Ok(Self {
            id: text("id").unwrap_or_else(|| hex::encode(Sha256::digest(body))),
            event: text("event").unwrap_or_default(),
        })
    }

    /// What tells the event from others, of a length that whoever signed it has no say in.
    pub fn digest(&self) -> String {
        hex::encode(&Sha256::digest(self.id.as_bytes())[..16])
    }

    /// Whether the event can mean that providers must change.
    pub fn is_of_interest(&self) -> bool {
        self.event.is_empty()
            || ["connection.", "organization.", "organization_domain."]
                .iter()
                .any(|prefix| self.event.starts_with(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"id":"event_1","event":"connection.activated"}"#;

    fn secret() -> SecretString {
        SecretString::from("whsec_test".to_owned())
    }

    fn sign(time: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_test").unwrap();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("t={time}, v1={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_763_800_000)
    }

    #[test]
    fn a_signature_holds_in_milliseconds_as_workos_sends_and_in_seconds_as_its_emulator_does() {
        for time in ["1763800000000", "1763800000"] {
            assert_eq!(verify_signature(Some(&sign(time, BODY)), BODY, &secret(), now()), Ok(()));
        }
        let first = sign("100000000000", BODY);
        assert_eq!(verify_signature(Some(&first), BODY, &secret(), Timestamp::from_millis(100_000_000_000)), Ok(()));
    }

    #[test]
    fn a_signature_is_good_for_four_days_and_five_minutes_ahead() {
        let at = |seconds: i64| {
            let header = sign(&((1_763_800_000 + seconds) * 1000).to_string(), BODY);
            verify_signature(Some(&header), BODY, &secret(), now())
        };
        assert_eq!(at(-4 * 86_400), Ok(()));
        assert_eq!(at(-4 * 86_400 - 1), Err(Refused::TooOld));
        assert_eq!(at(300), Ok(()));
        assert_eq!(at(301), Err(Refused::TooNew));
    }

    #[test]
    fn what_is_not_signed_with_the_secret_is_refused_with_its_reason() {
        let good = sign("1763800000000", BODY);
        let check = |header: Option<&str>, body: &[u8]| verify_signature(header, body, &secret(), now());
        assert_eq!(check(None, BODY), Err(Refused::Missing));
        assert_eq!(check(Some("v1=00"), BODY), Err(Refused::Malformed));
        assert_eq!(check(Some("t=1763800000000, v1=zz"), BODY), Err(Refused::Malformed));
        assert_eq!(check(Some(&good), b"{}"), Err(Refused::Forged));
        assert_eq!(check(Some(&good.replace("t=1763800000000", "t=1763800000001")), BODY), Err(Refused::Forged));
        let other = SecretString::from("other".to_owned());
        assert_eq!(verify_signature(Some(&good), BODY, &other, now()), Err(Refused::Forged));
    }

    #[test]
    fn one_secret_of_several_has_to_have_signed_and_says_why_that_is_not_enough() {
        let secrets = [SecretString::from("other".to_owned()), secret(), SecretString::from("third".to_owned())];
        let check = |seconds: i64, secrets: &[SecretString]| {
            let header = sign(&((1_763_800_000 + seconds) * 1000).to_string(), BODY);
            verify_signature_of_one(Some(&header), BODY, secrets, now())
        };
        for _ in 0..secrets.len() {
            assert_eq!(check(0, &secrets), Ok(()));
            assert_eq!(check(310, &secrets), Err(Refused::TooNew));
            assert_eq!(check(-5 * 86_400, &secrets), Err(Refused::TooOld));
        }
        assert_eq!(check(310, &secrets[..1]), Err(Refused::Forged));
        assert_eq!(check(0, &[]), Err(Refused::Forged));
        assert_eq!(verify_signature_of_one(None, BODY, &secrets, now()), Err(Refused::Missing));
    }

    #[test]
    fn only_events_that_can_move_a_provider_are_of_interest() {
        let of_interest = |name: &str| Event { id: "e".into(), event: name.into() }.is_of_interest();
        assert!(of_interest("connection.deleted"));
        assert!(of_interest("organization_domain.verified"));
        assert!(!of_interest("user.created"));
        assert!(!of_interest("connection"));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_check_panic_or_pass(header in ".*", body in ".*") {
            prop_assert!(verify_signature(Some(&header), body.as_bytes(), &secret(), now()).is_err());
        }
    }
}
