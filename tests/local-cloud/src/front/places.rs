//! Where user pools and callers are, learned from what goes through the front: a session's key does not say
//! whose account it is in, and a browser's request has no credentials at all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::emulator::Place;
use super::proxy::{Received, Reply};
use crate::ministack::INTEGRATION_ACCOUNT;
use crate::query_api::element;

/// The caller of a signed request, as its signature names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credential {
    /// The access key.
    pub key: String,
    /// The Region that it was signed for.
    pub region: String,
    /// The service that it was signed for.
    pub service: String,
}

impl Credential {
    /// Reads `Authorization` (Signature Version 4: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`).
    pub fn of(request: &Received) -> Self {
        let header = request.header("authorization");
        let scope = header.split("Credential=").nth(1).and_then(|rest| rest.split([',', ' ']).next());
        let mut parts = scope.unwrap_or_default().split('/');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (key, _date, region, service) = (part(), part(), part(), part());
        Self { key, region, service }
    }
}

/// An app client's user pool and where that is.
#[derive(Clone, Debug)]
pub struct ClientPlace {
    /// The user pool.
    pub pool: String,
    /// Where it is.
    pub place: Place,
}

/// What was learned so far.
#[derive(Debug, Default)]
pub struct Places {
    learned: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    accounts_by_key: HashMap<String, String>,
    pools: HashMap<String, Place>,
    clients: HashMap<String, ClientPlace>,
}

impl Places {
    /// Whose session an answer of `AssumeRole` is.
    pub fn learn_session(&self, request: &Received, reply: &Reply) {
        let form = url::form_urlencoded::parse(&request.body);
        let role = form.into_iter().find(|(name, _)| name == "RoleArn").map(|(_, value)| value.into_owned());
        let account = role.as_deref().and_then(|arn| arn.split(':').nth(4)).map(str::to_owned);
        let key = element(&String::from_utf8_lossy(&reply.body), "AccessKeyId").ok();
        if let Some((key, account)) = key.zip(account) {
            self.with(|learned| drop(learned.accounts_by_key.insert(key, account)));
        }
    }

    /// Where the caller works: its account, as far as it is known, and its Region.
    pub fn of_caller(&self, caller: &Credential, pool: &str) -> Option<Place> {
        let is_root = caller.key.len() == 12 && caller.key.bytes().all(|byte| byte.is_ascii_digit());
        let account = match caller.key.as_str() {
            "test" => Some(INTEGRATION_ACCOUNT.to_owned()),
            key if is_root => Some(key.to_owned()),
            key => self.with(|learned| {
                let of_session = learned.accounts_by_key.get(key).cloned();
                of_session.or_else(|| learned.pools.get(pool).map(|place| place.account.clone()))
            }),
        };
        account.map(|account| Place { account, region: caller.region.clone() })
    }

    /// Which user pools and app clients an answer tells of.
    pub fn learn_pool(&self, place: &Place, answer: &Value) {
        let text = |of: &str, member: &str| answer[of][member].as_str().map(str::to_owned);
        self.with(|learned| {
            if let Some(pool) = text("UserPool", "Id") {
                learned.pools.insert(pool, place.clone());
            }
            if let Some((client, pool)) = text("UserPoolClient", "ClientId").zip(text("UserPoolClient", "UserPoolId")) {
                learned.pools.insert(pool.clone(), place.clone());
                learned.clients.insert(client, ClientPlace { pool, place: place.clone() });
            }
        });
    }

    /// Where an app client is.
    pub fn of_client(&self, client: &str) -> Option<ClientPlace> {
        self.with(|learned| learned.clients.get(client).cloned())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Learned) -> T) -> T {
        work(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
