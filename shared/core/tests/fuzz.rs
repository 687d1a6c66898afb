//! Fuzz targets of what strangers send to be read. As tests they run for a second each, in `cargo xtask test --long` for
//! minutes; `BOLERO_RANDOM_SEED` plays a failure again.
#![allow(clippy::unwrap_used, reason = "a test that can not go on fails")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bolero::check;
use causeway_core::{
    oidc::{
        envelope::{Key, SignInState},
        token::TokenRequest,
    },
    timestamp::Timestamp,
    webhook::{Event, verify_signature},
};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

const FIELDS: [&str; 5] = ["grant_type", "client_id", "client_secret", "code", "redirect_uri"];
const NOW: i64 = 1_763_800_000;

#[test]
fn a_token_form_is_read_or_refused_and_gives_only_what_it_says() {
    check!().for_each(|bytes: &[u8]| {
        let form = String::from_utf8_lossy(bytes);
        assert!(TokenRequest::parse(&form).is_err(), "{form}");
    });
    // Forms with the right fields, of which some are odd, there twice, or not there.
    check!().with_type::<([String; 5], [u8; 5], [u8; 32])>().for_each(|(odd, times, bytes)| {
        // 44 bytes in base64, as a code has them.
        let code = URL_SAFE_NO_PAD.encode([&bytes[..], &bytes[..12]].concat());
        let sound = ["authorization_code", "eu-west-1_Pool", "the secret", &code, "https://a.example/"];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let (mut is_sound, mut is_once) = (true, true);
        for (at, name) in FIELDS.into_iter().enumerate() {
            // Most fields are once there and sound.
            let is_odd = times[at] % 16 == 15;
            let value = if is_odd { odd[at].as_str() } else { sound[at] };
            let number = [0, 2].get(usize::from(times[at])).copied().unwrap_or(1);
            form.extend_pairs(std::iter::repeat_n((name, value), number));
            is_sound &= !is_odd;
            is_once &= number == 1;
        }
        match TokenRequest::parse(&form.finish()) {
            Ok(request) => {
                assert!(is_once, "a field was there twice or not at all");
                assert_eq!(request.redirect_uri, if times[4] % 16 == 15 { &odd[4] } else { sound[4] });
            }
            Err(error) => assert!(!(is_sound && is_once), "{error:?}"),
        }
    });
}

#[test]
fn a_webhook_is_believed_only_where_the_secret_has_signed_it_within_its_time() {
    let secret = SecretString::from("whsec_test".to_owned());
    let now = Timestamp::from_seconds(NOW);
    check!().with_type::<(String, Vec<u8>)>().for_each(|(header, body)| {
        assert!(verify_signature(Some(header), body, &secret, now).is_err());
        // Whatever was signed, it is read or refused.
        let _event = Event::read(body);
    });
    check!().with_type::<(i64, i32, Vec<u8>, u8)>().for_each(|(far, near, body, how)| {
        // Any time that a number can say, and times about now, in seconds and milliseconds.
        let time = match how % 3 {
            0 => *far,
            1 => NOW + i64::from(*near) / 4096,
            _ => 1000 * NOW + i64::from(*near),
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(b"whsec_test").unwrap();
        mac.update(format!("{time}.").as_bytes());
        mac.update(body);
        let signed = hex::encode(mac.finalize().into_bytes());
        let outcome = verify_signature(Some(&format!("t={time}, v1={signed}")), body, &secret, now);
        let millis = if time < 100_000_000_000 { 1000 * i128::from(time) } else { i128::from(time) };
        let age = 1000 * i128::from(NOW) - millis;
        assert_eq!(outcome.is_ok(), (-300_000..=4 * 86_400_000).contains(&age), "{time}: {outcome:?}");
        let mut other = body.clone();
        other.push(*how);
        assert!(verify_signature(Some(&format!("t={time}, v1={signed}")), &other, &secret, now).is_err());
    });
}

#[test]
fn a_sealed_state_opens_only_as_it_was_sealed() {
    let key = Key::new([7; 32]);
    let tenant = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
    let now = Timestamp::from_seconds(NOW);
    let state = |of_cognito: &str| SignInState {
        user_pool_id: "eu-west-1_Pool".parse().unwrap(),
        connection_id: "conn_01E4ZCR3C56J083X43JQXF3JK5".parse().unwrap(),
        redirect_uri: "https://a.example/oauth2/idpresponse".to_owned(),
        state: Some(of_cognito.to_owned()),
        nonce: Some(of_cognito.to_owned()),
        prompts: false,
        max_age: None,
        verifier: None,
        at: now,
    };
    check!().with_type::<(String, String, [u8; 12], u16, u8)>().for_each(|(text, of_cognito, nonce, at, with)| {
        assert!(SignInState::open(text, &key, &tenant, now).is_err());
        let state = state(of_cognito);
        let sealed = state.seal(&key, &tenant, *nonce).unwrap();
        assert_eq!(SignInState::open(&sealed, &key, &tenant, now).as_ref(), Ok(&state));
        let mut changed = sealed.clone().into_bytes();
        // At its end as often as anywhere else: there something could be left unread.
        let last = changed.len() - 1;
        let at = if at % 2 == 0 { last } else { usize::from(*at) % last };
        match with % 3 {
            0 => changed[at] = with % 128,
            1 => changed.truncate(at),
            _ => changed.insert(at + 1, with % 128),
        }
        let changed = String::from_utf8(changed).unwrap();
        if changed != sealed {
            assert!(SignInState::open(&changed, &key, &tenant, now).is_err(), "{changed}");
        }
    });
}
