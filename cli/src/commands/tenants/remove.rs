//! `causeway tenants remove`.

use std::fmt::Write;

use clap::Args;
use serde_json::Value;

use crate::{
    arguments::TenantArgument,
    commands::Session,
    failure::{Ending, Failure},
    question::confirm,
    shown,
};

/// `causeway tenants remove`.
#[derive(Debug, Args)]
pub struct Remove {
    #[command(flatten)]
    pub tenant: TenantArgument,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let tenant = session.api.get(&self.tenant.path()).await?;
        confirm(&shown::tenant::details(&tenant.body)?, "Remove this tenant?", self.yes)?;
        let answer = session.api.delete(&self.tenant.path(), tenant.etag.as_deref()).await?.body;
        session.output.show(&answer, || Ok(removed(&answer)))?;
        Ok(Ending::Done)
    }
}

/// What is left in WorkOS, which has no call to remove it.
fn removed(answer: &Value) -> String {
    let mut text = "Removed.\n".to_owned();
    let left = answer["left_in_workos"].as_object().into_iter().flatten();
    let left: Vec<(&String, &str)> =
        left.flat_map(|(name, value)| texts(value).map(move |text| (name, text))).collect();
    if !left.is_empty() {
        text.push_str("Left in WorkOS, to be removed in its dashboard:\n");
    }
    for (name, value) in left {
        let _ = writeln!(text, "  {}: {value}", name.replace('_', " "));
    }
    text
}

/// The text or texts that a value is.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_in_workos_is_named() {
        let answer = json!({"removed": true, "left_in_workos": {"redirect_uri": "https://a.example/callback", "webhook_urls": ["https://a.example/w"]}});
        let text = "Removed.\nLeft in WorkOS, to be removed in its dashboard:\n  redirect uri: https://a.example/callback\n  webhook urls: https://a.example/w\n";
        assert_eq!(removed(&answer), text);
        assert_eq!(removed(&json!({"removed": true})), "Removed.\n");
    }
}
