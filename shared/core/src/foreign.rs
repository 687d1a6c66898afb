//! What is known of the providers of a pool that Causeway did not make: described once, and again when their date
//! moves, so that an identifier they hold is known without asking each time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::{Identifier, ProviderName},
    timestamp::Timestamp,
};

/// A provider that Causeway did not make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProvider {
    /// Its date when it was described.
    pub last_modified: Timestamp,
    /// Its identifiers then.
    pub identifiers: BTreeSet<Identifier>,
}

/// All of them, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignProviders {
    /// By name.
    pub providers: BTreeMap<ProviderName, ForeignProvider>,
}
