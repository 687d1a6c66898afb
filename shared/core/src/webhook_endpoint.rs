//! The webhook endpoints of a tenant: the present one and the previous ones, whose events are still taken.
//!
//! Each endpoint has a number of its own, which is part of its URL, so that the next one can be registered with
//! WorkOS beside it. WorkOS delivers an event again for three days, signed with the secret of the endpoint that it
//! was made for: until then and a day longer a previous endpoint is good, so that no event is lost.

use std::time::Duration;

use crate::{former_webhook::FormerWebhook, sealed::Sealed, tenant::Tenant, timestamp::Timestamp};

/// How long what a previous endpoint receives is still taken.
pub const OVERLAP: Duration = Duration::from_hours(96);

/// How many previous endpoints there are at most.
pub const MOST_FORMER: usize = 4;

/// A secret for the webhooks of a tenant, from here on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// The number of the endpoint.
    pub number: u32,
    /// WorkOS's ID of it, if it is known.
    pub endpoint_id: Option<String>,
    /// Its secret.
    pub secret: Sealed,
}

impl Tenant {
    /// The tenant with this endpoint in place of the one that it has, which is still taken for a while.
    #[must_use]
    pub fn with_webhook(self, new: NewWebhook, now: Timestamp) -> Self {
        let mut former = self.former_webhooks;
        // An endpoint that is in use again must not be deleted for what it was.
        let is_new = |id: &Option<String>| id.is_some() && *id == new.endpoint_id;
        former.iter_mut().filter(|webhook| is_new(&webhook.endpoint_id)).for_each(|webhook| webhook.endpoint_id = None);
        former.retain(|webhook| webhook.good_until > now || webhook.endpoint_id.is_some());
        if let Some(secret) = self.webhook_secret {
            let is_replaced = new.number != self.webhook_number;
            let endpoint_id = self.webhook_endpoint_id.filter(|_| is_replaced);
            former.push(FormerWebhook {
                number: self.webhook_number,
                endpoint_id,
                secret,
                good_until: now.plus(OVERLAP),
            });
        }
        Self {
            webhook_number: new.number,
            webhook_endpoint_id: new.endpoint_id,
            webhook_secret: Some(new.secret),
            former_webhooks: former,
            ..self
        }
    }

    /// The tenant whose former endpoints and secrets end at once, since one of them is in wrong hands: what is signed
    /// with them from `now` on is refused, and what WorkOS has yet to deliver to them is lost.
    #[must_use]
    pub fn ending_former_webhooks(mut self, now: Timestamp) -> Self {
        for former in &mut self.former_webhooks {
            former.good_until = former.good_until.min(now);
        }
        self
    }

    /// The previous endpoints whose time is over.
    pub fn ended_webhooks(&self, now: Timestamp) -> impl Iterator<Item = &FormerWebhook> {
        self.former_webhooks.iter().filter(move |webhook| webhook.good_until <= now)
    }

    /// The number of the next endpoint.
    pub fn next_webhook_number(&self) -> u32 {
        let former = self.former_webhooks.iter().map(|webhook| webhook.number);
        former.chain([self.webhook_number]).max().unwrap_or(0).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{former_webhook::webhook_secrets, tenant::tests::tenant};

    fn sealed(text: &str) -> Sealed {
        Sealed(text.to_owned())
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_seconds(0).plus(Duration::from_hours(hours))
    }

    fn with(tenant: Tenant, number: u32, id: Option<&str>, secret: &str, now: Timestamp) -> Tenant {
        let new = NewWebhook { number, endpoint_id: id.map(str::to_owned), secret: sealed(secret) };
        tenant.with_webhook(new, now)
    }

    fn secrets(tenant: &Tenant, number: u32, now: Timestamp) -> Vec<&str> {
        let today = (tenant.webhook_number, tenant.webhook_secret.as_ref());
        let secrets = webhook_secrets(today, &tenant.former_webhooks, number, now);
        secrets.into_iter().map(|secret| secret.0.as_str()).collect()
    }

    #[test]
    fn what_an_endpoint_of_before_receives_is_taken_for_four_days() {
        let first = with(tenant(), 0, Some("we_1"), "one", at(0));
        assert_eq!(first.next_webhook_number(), 1);
        let second = with(first, 1, Some("we_2"), "two", at(1));
        assert_eq!((secrets(&second, 0, at(2)), secrets(&second, 1, at(2))), (vec!["one"], vec!["two"]));
        assert_eq!(secrets(&second, 2, at(2)), Vec::<&str>::new());
        assert_eq!(secrets(&second, 0, at(96)), ["one"], "WorkOS still delivers again");
        assert_eq!(secrets(&second, 0, at(97)), Vec::<&str>::new());
        let ended: Vec<_> = second.ended_webhooks(at(97)).map(|webhook| webhook.endpoint_id.as_deref()).collect();
        assert_eq!(ended, [Some("we_1")]);
        assert_eq!(second.next_webhook_number(), 2);
    }

    #[test]
    fn a_new_secret_of_the_same_endpoint_is_tried_before_the_one_of_before() {
        let first = with(tenant(), 0, Some("we_1"), "one", at(0));
        let second = with(first, 0, None, "two", at(1));
        assert_eq!(secrets(&second, 0, at(2)), ["two", "one"]);
        assert_eq!(second.former_webhooks[0].endpoint_id, None, "the endpoint that is in use would be deleted");
    }

    #[test]
    fn an_endpoint_that_is_in_use_again_is_not_deleted_later() {
        let first = with(tenant(), 0, Some("we_1"), "one", at(0));
        let second = with(first, 1, Some("we_2"), "two", at(1));
        let again = with(second, 2, Some("we_1"), "three", at(2));
        let ids: Vec<_> = again.former_webhooks.iter().map(|webhook| webhook.endpoint_id.as_deref()).collect();
        assert_eq!(ids, [None, Some("we_2")]);
    }

    #[test]
    fn what_is_over_is_forgotten_unless_workos_still_has_it() {
        let first = with(tenant(), 0, None, "one", at(0));
        let second = with(first, 0, Some("we_1"), "two", at(1));
        let third = with(second, 1, Some("we_2"), "three", at(98));
        let secrets: Vec<_> = third.former_webhooks.iter().map(|webhook| webhook.secret.0.as_str()).collect();
        assert_eq!(secrets, ["two"]);
    }

    #[test]
    fn a_former_secret_that_is_ended_signs_nothing_any_more_and_its_endpoint_is_deleted() {
        let first = with(tenant(), 0, Some("we_0"), "first", at(0));
        let rotated = with(first, 1, Some("we_1"), "second", at(1));
        assert_eq!(secrets(&rotated, 0, at(1)), ["first"]);
        let ended = rotated.ending_former_webhooks(at(2));
        assert!(secrets(&ended, 0, at(2)).is_empty(), "{ended:?}");
        assert_eq!(secrets(&ended, 1, at(2)), ["second"]);
        assert_eq!(ended.ended_webhooks(at(2)).count(), 1);
        // What ended earlier keeps its time.
        assert_eq!(ended.clone().ending_former_webhooks(at(9)), ended);
    }
}
