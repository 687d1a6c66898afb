//! A change that an onboarding link makes is recorded as one over the API is.

use causeway_core::{
    audit::{AuditRecord, Change},
    timestamp::Timestamp,
};
use causeway_store::Store;
use causeway_telemetry::chain;

use crate::TenancyError;

/// The status of a form that was taken: the browser is sent on (RFC 9110: 303 See Other).
const TAKEN: u16 = 303;
const REFUSED: u16 = 400;
const CONFLICT: u16 = 409;
const NOT_FOUND: u16 = 404;
const FAILED: u16 = 503;

/// Makes a change, and records it: before it is made, which it is not if that fails, and with what came of it.
/// `fields` are the names of what is changed, `number` is random.
pub async fn recorded<T>(
    store: &Store,
    (change, now, number): (Change<'_>, Timestamp, u128),
    fields: &[&str],
    work: impl Future<Output = Result<T, TenancyError>>,
) -> Result<T, TenancyError> {
    let begun = AuditRecord::begun(change, now, number);
    store.put_audit(&begun).await?;
    let outcome = work.await;
    let status = Some(outcome.as_ref().err().map_or(TAKEN, status));
    let changed = match &outcome {
        Ok(_) => fields.iter().map(|field| (*field).to_owned()).collect(),
        Err(_) => begun.changed.clone(),
    };
    let record = AuditRecord { status, changed, ..begun };
    // The change is made, or is not, whatever comes of this: the record that is there says that it may have been.
    if let Err(error) = store.put_audit(&record).await {
        tracing::error!(audit_id = record.id, error = chain(&error), "the outcome of a change was not recorded");
    }
    outcome
}

fn status(error: &TenancyError) -> u16 {
    match error {
        TenancyError::Invalid { .. } => REFUSED,
        TenancyError::NotFound => NOT_FOUND,
        TenancyError::Conflict(_) => CONFLICT,
        TenancyError::Store(error) if error.is_conflict() => CONFLICT,
        TenancyError::Store(_) | TenancyError::Seal(_) | TenancyError::Workos(_) | TenancyError::Queue(_) => FAILED,
    }
}
