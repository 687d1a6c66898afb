//! The log of sign-ins.

use std::time::Duration;

use causeway_core::{
    id::{ConnectionId, TenantId, UserPoolId},
    oidc::sign_in_log::SignInEntry,
    timestamp::Timestamp,
};

use crate::{Found, Page, Store, StoreError, key::Key, number, read_all, text};

/// How long an entry is kept.
const KEPT: Duration = Duration::from_hours(720);
/// How many pages of DynamoDB, of 1 MB each, are searched for the sign-ins of one connection before the list
/// goes on with its next page: an answer must be given in time.
const MOST_SEARCHED: u32 = 10;

/// Which sign-ins are asked for.
#[derive(Debug, Clone, Copy)]
pub struct SignInQuery<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The pool.
    pub pool: &'a UserPoolId,
    /// Only those of this connection.
    pub connection: Option<&'a ConnectionId>,
    /// At most so many.
    pub limit: i32,
    /// After this entry.
    pub after: Option<&'a str>,
}

impl Store {
    /// Writes an entry, in place of an earlier one of the same sign-in.
    pub async fn put_sign_in(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        entry: &SignInEntry,
    ) -> Result<(), StoreError> {
        self.put_until(&Key::sign_in(tenant, pool, &entry.id), entry, entry.at.plus(KEPT)).await
    }

    /// A page of the sign-ins that are kept at `now`, the newest first. Where only one connection's are asked for, a
    /// page can have fewer than `limit` and not be the last.
    pub async fn sign_ins(&self, query: SignInQuery<'_>, now: Timestamp) -> Result<Page<SignInEntry>, StoreError> {
        let limit = usize::try_from(query.limit).unwrap_or(0);
        let mut page: Page<SignInEntry> =
            Page { items: Vec::new(), unreadable: Vec::new(), next: query.after.map(str::to_owned) };
        for _ in 0..MOST_SEARCHED {
            let found = self.some_sign_ins(query, page.next.as_deref(), now).await?;
            page.items.extend(found.items);
            page.unreadable.extend(found.unreadable);
            page.next = found.next;
            if page.items.len() > limit {
                page.items.truncate(limit);
                page.next = page.items.last().map(|entry| entry.id.clone());
            }
            if page.next.is_none() || page.items.len() == limit {
                break;
            }
        }
        Ok(page)
    }

    async fn some_sign_ins(
        &self,
        SignInQuery { tenant, pool, connection, limit, .. }: SignInQuery<'_>,
        after: Option<&str>,
        now: Timestamp,
    ) -> Result<Page<SignInEntry>, StoreError> {
        let key = Key::sign_in(tenant, pool, "");
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&key.partition))
            .expression_attribute_values(":now", number(now.seconds()))
            .scan_index_forward(false)
            .set_exclusive_start_key(after.map(|id| Key::sign_in(tenant, pool, id).attributes()));
        request = match connection {
            // DynamoDB's limit counts what it looks at and not what it finds.
            Some(connection) => request
                .filter_expression("expires_at > :now AND connection_id = :connection")
                .expression_attribute_values(":connection", text(connection)),
            None => request.filter_expression("expires_at > :now").limit(limit),
        };
        let answer = request.send().await.map_err(|error| StoreError::from_sdk("Query", error))?;
        let Found { items, unreadable } = read_all(answer.items.unwrap_or_default());
        let next = answer.last_evaluated_key.and_then(|key| key.get("sk")?.as_s().ok().cloned());
        Ok(Page { items, unreadable, next })
    }
}
