//! What `sub` is in the sign-ins of a connection.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the claim `sub` of a sign-in is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// WorkOS's ID of the profile.
    #[default]
    ProfileId,
    /// The identity provider's own ID of the user.
    IdpId,
}

impl Subject {
    /// Whether it is what a provider that Causeway made has.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
