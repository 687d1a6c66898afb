//! A tenant's external IDs: which one came before, and which ones a role was seen to take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{id::ExternalId, timestamp::Timestamp};

/// A previous external ID, as long as a role may still need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerExternalId {
    /// The ID.
    pub external_id: ExternalId,
    /// When another took its place.
    pub rotated_at: Timestamp,
}

/// Which external IDs a role was seen to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenExternalIds {
    /// Whether it takes the new one.
    pub takes_new: bool,
    /// Whether it takes the previous one.
    pub takes_former: bool,
    /// When it was tried.
    pub seen_at: Timestamp,
}
