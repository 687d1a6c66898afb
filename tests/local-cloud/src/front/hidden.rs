//! Connections that `WorkOS` leaves out of its lists although it knows them: a list can be wrong.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use serde_json::Value;

use super::proxy::Reply;

/// The connections that are not listed.
#[derive(Debug, Default)]
pub struct Hidden(Mutex<BTreeSet<String>>);

impl Hidden {
    /// Hides a connection, or shows it again.
    pub fn set(&self, connection: String, is_hidden: bool) {
        let mut hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_hidden {
            hidden.insert(connection);
        } else {
            hidden.remove(&connection);
        }
    }

    /// A list without them.
    pub fn left_out_of(&self, reply: Reply) -> Result<Reply> {
        let hidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.is_empty() || !reply.status.is_success() {
            return Ok(reply);
        }
        let mut list: Value = serde_json::from_slice(&reply.body)?;
        if let Some(connections) = list["data"].as_array_mut() {
            connections.retain(|connection| connection["id"].as_str().is_none_or(|id| !hidden.contains(id)));
        }
        Ok(Reply { body: list.to_string().into(), ..reply })
    }
}
