//! Reading JSON.

use anyhow::{Context, Result};
use serde_json::Value;

/// The text of a member.
pub fn text(value: &Value, member: &str) -> Result<String> {
    value[member].as_str().map(str::to_owned).with_context(|| format!("no text {member} in {value}"))
}
