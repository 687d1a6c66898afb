//! Onboarding links: what a tenant's platform engineer opens to connect a user pool, and what it lets them do.
//!
//! A link is good for one tenant and until it ends or is revoked. Whoever holds it may register, verify, wire
//! and read; what else there is, such as modes, approvals and adoption, is the operator's alone.

use std::{collections::BTreeSet, fmt, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    id::{AccountId, OnboardingLinkId, TenantId},
    provider::BaseUrl,
    timestamp::Timestamp,
    user_pool::UserPool,
};

/// How long a link is good unless the operator says otherwise.
pub const USUAL_LIFE: Duration = Duration::from_hours(168);
/// How long a link may be good at most.
pub const LONGEST_LIFE: Duration = Duration::from_hours(720);

/// The secret in a link, or in the cookie that it is traded for: 256 random bits as 43 characters. Only its
/// SHA-256 is stored.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// A new token.
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretString::from(URL_SAFE_NO_PAD.encode(random)))
    }

    /// Reads what a browser sent; `None` if it can't be a token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(SecretString::from(text.to_owned())))
    }

    /// Under what it is stored: its SHA-256 in hexadecimal.
    pub fn lookup(&self) -> String {
        hex::encode(Sha256::digest(self.expose().as_bytes()))
    }

    /// The token itself, for the link or the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl BaseUrl {
    /// The onboarding link with this secret. Whatever stands behind the tenant's part of it is no link of
    /// another tenant.
    pub fn onboarding_link(&self, tenant: &TenantId, secret: &Token) -> String {
        format!("{}/onboarding/{tenant}/link/{}", self.as_str(), secret.expose())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// A link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnboardingLink {
    /// Its ID, by which it is revoked and named in the audit trail.
    pub id: OnboardingLinkId,
    /// The one tenant that it is for.
    pub tenant_id: TenantId,
    /// The accounts that it is for. Empty: any, but the first pool of an account waits for the operator.
    pub account_ids: BTreeSet<AccountId>,
    /// Who made it: the caller's ARN.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, and the session with it.
    pub ends_at: Timestamp,
    /// When its button was pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When an operator revoked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Whether the role's template stood in its bucket when the link was made, so that the page can offer to launch it.
    #[serde(default)]
    pub offers_launch: bool,
}

impl OnboardingLink {
    /// Whether it, or the session that it was traded for, lets anybody in at `now`.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.ends_at
    }

    /// Whom a change by its holder is put down to.
    pub fn caller(&self) -> String {
        format!("onboarding-link:{}", self.id)
    }

    /// Whether this link's holder may see and change a pool of its tenant: one in an account that the link names or,
    /// where it names none, one that it registered. All others are not there for its holder.
    pub fn governs(&self, pool: &UserPool) -> bool {
        let is_in_reach = if self.account_ids.is_empty() {
            pool.registered_by.as_ref() == Some(&self.id)
        } else {
            self.account_ids.contains(&pool.account_id)
        };
        is_in_reach && pool.tenant_id == self.tenant_id
    }

    /// What becomes of a pool that is registered by this link, given the tenant's pools.
    pub fn admits(&self, account: &AccountId, pools: &[UserPool]) -> Admission {
        if self.account_ids.contains(account) {
            return Admission::Given;
        }
        if !self.account_ids.is_empty() {
            return Admission::Refused;
        }
        let known = pools.iter().any(|pool| pool.account_id == *account && !pool.awaits_admission);
        if known { Admission::Given } else { Admission::Waits }
    }
}

/// Whether an account may be entered for a link's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The link names the account, or the operator knows it.
    Given,
    /// The link names no accounts and this one is new: the operator has the word.
    Waits,
    /// The link is for other accounts.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_pool::tests::pool;

    fn link(accounts: &[&str]) -> OnboardingLink {
        OnboardingLink {
            id: OnboardingLinkId::generate(Timestamp::from_seconds(1), 7),
            tenant_id: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap(),
            account_ids: accounts.iter().map(|account| account.parse().unwrap()).collect(),
            created_by: "arn:aws:iam::111111111111:user/operator".to_owned(),
            created_at: Timestamp::from_seconds(1_000),
            ends_at: Timestamp::from_seconds(2_000),
            opened_at: None,
            revoked_at: None,
            offers_launch: false,
        }
    }

    #[test]
    fn a_link_is_good_until_it_ends_or_is_revoked() {
        let link = link(&[]);
        assert!(link.is_good(Timestamp::from_millis(1_999_999)));
        assert!(!link.is_good(Timestamp::from_seconds(2_000)));
        let revoked = OnboardingLink { revoked_at: Some(Timestamp::from_seconds(1_500)), ..link };
        assert!(!revoked.is_good(Timestamp::from_seconds(1_501)));
    }

    #[test]
    fn a_link_that_names_accounts_admits_these_and_one_that_names_none_lets_the_first_pool_of_an_account_wait() {
        let (two, three): (AccountId, AccountId) = ("222222222222".parse().unwrap(), "333333333333".parse().unwrap());
        assert_eq!(link(&["222222222222"]).admits(&two, &[]), Admission::Given);
        assert_eq!(link(&["222222222222"]).admits(&three, &[]), Admission::Refused);
        assert_eq!(link(&[]).admits(&two, &[]), Admission::Waits);
        let mut pool = pool();
        assert_eq!(pool.account_id, two);
        assert_eq!(link(&[]).admits(&two, std::slice::from_ref(&pool)), Admission::Given);
        assert_eq!(link(&[]).admits(&three, std::slice::from_ref(&pool)), Admission::Waits);
        pool.awaits_admission = true;
        assert_eq!(link(&[]).admits(&two, &[pool]), Admission::Waits, "one that waits vouches for no other");
    }

    #[test]
    fn a_link_governs_the_pools_of_its_accounts_or_those_that_it_registered_and_no_others() {
        let (of_account, of_none) = (link(&["222222222222"]), link(&[]));
        let mut pool = pool();
        assert!(of_account.governs(&pool) && !of_none.governs(&pool));
        pool.registered_by = Some(of_none.id.clone());
        assert!(of_none.governs(&pool));
        pool.registered_by = Some(OnboardingLinkId::generate(Timestamp::from_seconds(1), 8));
        assert!(!of_none.governs(&pool), "another link registered it");
        pool.account_id = "333333333333".parse().unwrap();
        pool.registered_by = Some(of_account.id.clone());
        assert!(!of_account.governs(&pool), "an account that the link does not name");
        pool.account_id = "222222222222".parse().unwrap();
        pool.tenant_id = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2P".parse().unwrap();
        assert!(!of_account.governs(&pool), "another tenant's");
    }

    #[test]
    fn a_token_is_read_back_and_neither_it_nor_its_hash_shows() {
        let token = Token::new([7; 32]);
        let read = Token::parse(token.expose()).unwrap();
        assert_eq!(read.lookup(), token.lookup());
        assert_ne!(token.lookup(), token.expose());
        assert_eq!(format!("{token:?}"), "Token(..)");
        for text in ["", "short", &"a".repeat(44), &"!".repeat(43)] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
