//! The small OpenID provider that each connection gets: what it says of itself, what a sign-in carries
//! through the browser, and what the ID token says.

pub mod asked;
pub mod attributes;
pub mod authorize;
pub mod bearer;
pub mod callback;
pub mod claims;
pub mod discovery;
pub mod envelope;
pub mod id_token;
pub mod outward;
pub mod pkce;
pub mod profile;
pub mod sign_in_log;
pub mod signing_keys;
pub mod token;

use std::time::Duration;

/// How long a browser may take from Cognito through WorkOS and the identity provider back.
pub const STATE_GOOD_FOR: Duration = Duration::from_mins(10);
/// How long Cognito may take to redeem a code.
pub const CODE_GOOD_FOR: Duration = Duration::from_mins(1);
/// How long an access token is good, from the moment the sign-in came back.
pub const ACCESS_TOKEN_GOOD_FOR: Duration = Duration::from_mins(5);
/// How long an ID token is good.
pub const ID_TOKEN_GOOD_FOR: Duration = Duration::from_mins(5);
