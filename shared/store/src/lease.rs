//! The lease on a pool: one run at a time, and none without need. Each call may be made twice, as the SDK does where an
//! answer is lost.

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, error::ConditionalCheckFailedException},
};
use causeway_core::{
    id::{TenantId, UserPoolId},
    lenient::if_readable,
    port::{Lease, Taken},
    timestamp::Timestamp,
    trouble::Trouble,
    waiting::{APART, LONGEST_LEASE, Refusal, SKEW, Standing, Urgency, refusal},
    wake_up::Cause,
};
use serde::Deserialize;

use crate::{Store, StoreError, key::Key, read, text};

/// The status of a pool that is being removed, as it stands in the table.
const REMOVING: &str = "removing";

/// The parts of a pool's item that decide whether a run begins. One that can't be read keeps none from it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StandingItem {
    #[serde(default, deserialize_with = "if_readable")]
    status: Option<String>,
    #[serde(default, deserialize_with = "if_readable")]
    lease_until: Option<Timestamp>,
    #[serde(default, deserialize_with = "if_readable")]
    webhook_look_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "if_readable")]
    run: Option<Looked>,
}

#[derive(Debug, Default, Deserialize)]
struct Looked {
    #[serde(default, deserialize_with = "if_readable")]
    looked_at: Option<Timestamp>,
}

impl StandingItem {
    fn standing(&self) -> Standing {
        Standing {
            held_until: self.lease_until,
            is_removing: self.status.as_deref() == Some(REMOVING),
            looked_at: self.run.as_ref().and_then(|run| run.looked_at),
            webhook_look_at: self.webhook_look_at,
        }
    }
}

/// What [`refusal`] decides as a condition of the table, so that it takes one call, with the values in it. A run that has
/// the lease has it, whatever else: it asks for the second time. What is no text is no time, and counts as missing.
fn condition(lease: Lease<'_>) -> (String, Vec<(&'static str, AttributeValue)>) {
    let Lease { run_id, call, now, .. } = lease;
    let longest = text(now.plus(LONGEST_LEASE + SKEW));
    let mut values = vec![(":run", text(run_id)), (":now", text(now)), (":text", text("S")), (":longest", longest)];
    let mut begins =
        "(NOT attribute_type(lease_until, :text) OR lease_until <= :now OR lease_until > :longest)".to_owned();
    if let Urgency::Since(sent_at) = call.urgency {
        values.push((":removing", text(REMOVING)));
        values.push((":covered", text(sent_at.plus(SKEW))));
        values.push((":ahead", text(now.plus(SKEW))));
        let mut called_for = "(NOT attribute_type(run.looked_at, :text) OR run.looked_at <= :covered OR \
             run.looked_at > :ahead)"
            .to_owned();
        if call.cause == Cause::Webhook {
            values.push((":apart", text(now.minus(APART))));
            called_for.push_str(
                " AND (NOT attribute_type(webhook_look_at, :text) OR webhook_look_at <= :apart OR \
                 webhook_look_at > :ahead)",
            );
        }
        begins = format!("{begins} AND (#status = :removing OR {called_for})");
    }
    // AND binds closer than OR, and DynamoDB refuses parentheses that change nothing.
    (format!("attribute_exists(pk) AND (lease_holder = :run OR {begins})"), values)
}

impl Store {
    /// Takes the lease on a pool, unless another run has it or a look is not called for at the time. On one that can't be
    /// read the lease is given back, so that its message comes again until it is given up.
    pub async fn take_lease(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        lease: Lease<'_>,
    ) -> Result<Taken, StoreError> {
        let Lease { run_id, call, now, until } = lease;
        let looks = if call.cause == Cause::Webhook { ", webhook_look_at = :now" } else { "" };
        let (condition, values) = condition(lease);
        let names_status = condition.contains("#status").then(|| [("#status".to_owned(), "status".to_owned())].into());
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(tenant, pool).attributes()))
            .update_expression(format!("SET lease_holder = :run, lease_until = :until{looks}"))
            .condition_expression(condition)
            .set_expression_attribute_names(names_status)
            .expression_attribute_values(":until", text(until))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        match request.send().await {
            Ok(answer) => {
                let Some(item) = answer.attributes else { return Ok(Taken::Nothing) };
                let read = read(item).map(|pool| Taken::Pool(Box::new(pool)));
                if read.is_err() {
                    self.release_unreadable(tenant, pool, run_id, now).await?;
                }
                read
            }
            Err(error) => match refused(&error).map(ConditionalCheckFailedException::item) {
                None => Err(StoreError::from_sdk("UpdateItem", error)),
                Some(None) => Ok(Taken::Nothing),
                Some(Some(item)) => {
                    let standing = read::<StandingItem>(item.clone())?.standing();
                    // A text that is no time can sort among those that are, for as long as a lease lasts.
                    let refusal = refusal(standing, call, now).unwrap_or(Refusal::Held(now.plus(APART)));
                    Ok(Taken::Refused(refusal))
                }
            },
        }
    }

    /// Gives the lease back on a pool that, or whose tenant, can't be read, which counts as not well for it until a run
    /// can.
    pub async fn release_unreadable(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::pool(tenant, pool);
        let update =
            "SET unwell = :bug, unwell_since = if_not_exists(unwell_since, :now) REMOVE lease_holder, lease_until";
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()))
            .update_expression(update)
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":bug", text(Trouble::Bug.as_str()))
            .expression_attribute_values(":now", text(now))
            .expression_attribute_values(":run", text(run_id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error))?;
        Ok(())
    }

    /// Gives a lease back without recording anything. Without effect where the run holds it no more.
    pub async fn release_lease(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), StoreError> {
        self.release(tenant, pool, run_id, "REMOVE lease_holder, lease_until").await
    }

    /// Gives the lease back on a pool that has no runs at present, and takes it out of the index `unwell`.
    pub async fn release_idle(&self, tenant: &TenantId, pool: &UserPoolId, run_id: &str) -> Result<(), StoreError> {
        self.release(tenant, pool, run_id, "REMOVE lease_holder, lease_until, unwell, unwell_since").await
    }

    async fn release(
        &self,
        tenant: &TenantId,
        pool: &UserPoolId,
        run_id: &str,
        update: &str,
    ) -> Result<(), StoreError> {
        let released = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::pool(tenant, pool).attributes()))
            .update_expression(update)
            .condition_expression("lease_holder = :run")
            .expression_attribute_values(":run", text(run_id))
            .send()
            .await
            .map_err(|error| StoreError::from_sdk("UpdateItem", error));
        match released {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }
}

/// That a condition did not hold, with the item that it did not hold of, if there is one; `None` for any other failure.
pub(crate) fn refused<R>(
    error: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>,
) -> Option<&ConditionalCheckFailedException> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(failed) => Some(failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
