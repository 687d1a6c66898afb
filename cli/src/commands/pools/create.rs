//! `causeway pools create`.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    arguments::{IdempotencyArgument, PoolArguments},
    commands::{
        Session,
        pools::options::{Mode, mapped_attribute, start},
    },
    failure::{Ending, Failure},
    shown,
};

/// `causeway pools create`.
#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    pub pool: PoolArguments,
    #[command(flatten)]
    new: NewPool,
    #[command(flatten)]
    idempotency: IdempotencyArgument,
}

/// What a user pool is registered with.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
pub struct NewPool {
    /// The AWS account that the pool is in
    #[arg(long)]
    pub account_id: String,
    /// The role that the tenant makes there; begins with Causeway unless the deployment says otherwise
    #[arg(long)]
    pub role_name: String,
    /// What runs may do; sync without it
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// An app client that is given the providers; may be repeated
    #[arg(long = "app-client", value_name = "ID")]
    pub app_clients: Vec<String>,
    /// All app clients of the pool, those that come too
    #[arg(long, conflicts_with = "app_clients")]
    pub all_app_clients: bool,
    /// Only the connections of this organization; may be repeated; all without it
    #[arg(long = "organization", value_name = "ID")]
    pub organizations: Vec<String>,
    /// Makes verified domains of an organization identifiers too
    #[arg(long)]
    pub domain_identifiers: bool,
    /// Maps one of Cognito's attributes, such as custom:team=raw.team; may be repeated; the usual ones without it
    #[arg(long = "attribute", value_name = "ATTRIBUTE=CLAIM", value_parser = mapped_attribute)]
    pub attributes: Vec<(String, String)>,
    /// Empties attributes that the identity provider no longer sends, where the pool's schema allows it
    #[arg(long)]
    pub clear_missing_attributes: bool,
    /// Answers anybody which provider the users of a verified domain have, which makes your customers' domains public
    #[arg(long)]
    pub domain_lookup: bool,
    /// An origin whose pages may ask for it, such as https://app.example.com; may be repeated
    #[arg(long = "lookup-origin", value_name = "ORIGIN", requires = "domain_lookup")]
    pub lookup_origins: Vec<String>,
    /// Where sign-ins lead that begin at the customer's identity provider: the application's own login; without it they are
    /// refused
    #[arg(long, value_name = "URL", conflicts_with_all = ["start_app_client", "start_redirect_uri"])]
    pub login_url: Option<String>,
    /// Or this app client, for an application that takes a sign-in that it did not begin
    #[arg(long, value_name = "ID", requires = "start_redirect_uri")]
    pub start_app_client: Option<String>,
    /// The callback of that app client
    #[arg(long, value_name = "URL", requires = "start_app_client")]
    pub start_redirect_uri: Option<String>,
}

impl NewPool {
    /// Where sign-ins from a tile are to lead.
    fn start(&self) -> Option<Value> {
        start(self.login_url.as_deref(), self.start_app_client.as_deref(), self.start_redirect_uri.as_deref())
    }

    /// The body of the registration. What was not chosen is left out, so that the API's defaults hold.
    pub fn body(&self, user_pool: &str) -> Value {
        let mut body = json!({
            "account_id": self.account_id,
            "role_name": self.role_name,
            "user_pool_id": user_pool,
        });
        if let Some(mode) = self.mode {
            body["mode"] = json!(mode.name());
        }
        if self.all_app_clients {
            body["app_clients"] = json!("all");
        } else if !self.app_clients.is_empty() {
            body["app_clients"] = json!(self.app_clients);
        }
        if !self.organizations.is_empty() {
            body["organizations"] = json!(self.organizations);
        }
        if self.domain_identifiers {
            body["domain_identifiers"] = json!(true);
        }
        if !self.attributes.is_empty() {
            body["attribute_mapping"] = json!(self.attributes.iter().cloned().collect::<BTreeMap<_, _>>());
        }
        if self.clear_missing_attributes {
            body["clear_missing_attributes"] = json!(true);
        }
        if self.domain_lookup {
            body["domain_lookup"] = json!({ "origins": self.lookup_origins });
        }
        if let Some(start) = self.start() {
            body["start"] = start;
        }
        body
    }
}

impl Create {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let path = format!("/v1/tenants/{}/user-pools", self.pool.tenant);
        let key = self.idempotency.idempotency_key.as_deref();
        let answer = session.api.create(&path, self.new.body(&self.pool.user_pool), key).await?.body;
        session.output.show(&answer, || shown::pool::details(&answer))?;
        session.output.remark(&format!(
            "\nNext: have the tenant create the role (`causeway role {tenant} {pool}`), then `causeway verify {tenant} {pool}`.",
            tenant = self.pool.tenant,
            pool = self.pool.user_pool,
        ));
        Ok(Ending::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_chosen_is_left_to_the_api() {
        let new =
            NewPool { account_id: "222222222222".into(), role_name: "CausewayLogin".into(), ..NewPool::default() };
        let body = json!({"account_id": "222222222222", "role_name": "CausewayLogin", "user_pool_id": "eu-west-1_a"});
        assert_eq!(new.body("eu-west-1_a"), body);
    }

    #[test]
    fn everything_that_was_chosen_is_sent() {
        let new = NewPool {
            mode: Some(Mode::Observe),
            app_clients: vec!["a".into(), "b".into()],
            organizations: vec!["org_1".into()],
            domain_identifiers: true,
            attributes: vec![mapped_attribute("custom:team=raw.a=b").unwrap()],
            clear_missing_attributes: true,
            domain_lookup: true,
            lookup_origins: vec!["https://app.example.com".into()],
            login_url: Some("https://app.example.com/login".into()),
            ..NewPool::default()
        };
        let body = new.body("eu-west-1_a");
        assert_eq!(body["start"], json!({"login_url": "https://app.example.com/login"}));
        assert_eq!(body["mode"], "observe");
        assert_eq!(body["app_clients"], json!(["a", "b"]));
        assert_eq!(body["organizations"], json!(["org_1"]));
        assert_eq!((&body["domain_identifiers"], &body["clear_missing_attributes"]), (&json!(true), &json!(true)));
        assert_eq!(body["domain_lookup"], json!({"origins": ["https://app.example.com"]}));
        let all = NewPool { all_app_clients: true, ..NewPool::default() };
        assert_eq!(all.body("eu-west-1_a")["app_clients"], "all");
        assert_eq!(body["attribute_mapping"], json!({"custom:team": "raw.a=b"}));
    }
}
