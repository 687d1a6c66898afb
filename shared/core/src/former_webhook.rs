//! The previous webhook endpoints and secrets, and which secrets an event may be signed with.

use serde::{Deserialize, Serialize};

use crate::{sealed::Sealed, timestamp::Timestamp};

/// A previous endpoint or secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerWebhook {
    /// Its number.
    pub number: u32,
    /// WorkOS's ID of it, where it is to be deleted there once its time is over.
    pub endpoint_id: Option<String>,
    /// Its secret.
    pub secret: Sealed,
    /// Until when its events are taken.
    pub good_until: Timestamp,
}

/// The secrets that an event to the endpoint of this number may be signed with, today's first.
pub(crate) fn webhook_secrets<'a>(
    (today, secret): (u32, Option<&'a Sealed>),
    former: &'a [FormerWebhook],
    number: u32,
    now: Timestamp,
) -> Vec<&'a Sealed> {
    let today = secret.filter(|_| number == today);
    let before = former.iter().rev().filter(|webhook| webhook.number == number && webhook.good_until > now);
    today.into_iter().chain(before.map(|webhook| &webhook.secret)).collect()
}
