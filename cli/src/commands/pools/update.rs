//! `causeway pools update`.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::{
        Session,
        pools::options::{Mode, mapped_attribute, start},
    },
    failure::{Ending, Failure},
    shown,
};

/// `causeway pools update`.
#[derive(Debug, Args)]
pub struct Update {
    #[command(flatten)]
    pub pool: PoolArguments,
    #[command(flatten)]
    changes: Changes,
}

/// Whether users may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SignIn {
    /// They may
    Enabled,
    /// They may not, by any provider of Causeway's
    Disabled,
}

#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own on the command line")]
struct Changes {
    /// What runs may do
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Whether users may sign in
    #[arg(long, value_enum)]
    sign_in: Option<SignIn>,
    /// Exactly these app clients are given the providers; may be repeated
    #[arg(long = "app-client", value_name = "ID", conflicts_with_all = ["add_app_clients", "remove_app_clients", "all_app_clients", "no_app_clients"])]
    app_clients: Vec<String>,
    /// One app client more; may be repeated
    #[arg(long = "add-app-client", value_name = "ID", conflicts_with_all = ["all_app_clients", "no_app_clients"])]
    add_app_clients: Vec<String>,
    /// One app client less; may be repeated
    #[arg(long = "remove-app-client", value_name = "ID", conflicts_with_all = ["all_app_clients", "no_app_clients"])]
    remove_app_clients: Vec<String>,
    /// All app clients of the pool, those that come too
    #[arg(long, conflicts_with = "no_app_clients")]
    all_app_clients: bool,
    /// No app client
    #[arg(long)]
    no_app_clients: bool,
    /// Only the connections of exactly these organizations; may be repeated
    #[arg(long = "organization", value_name = "ID", conflicts_with_all = ["add_organizations", "remove_organizations", "all_organizations"])]
    organizations: Vec<String>,
    /// One organization more; may be repeated
    #[arg(long = "add-organization", value_name = "ID", conflicts_with = "all_organizations")]
    add_organizations: Vec<String>,
    /// One organization less; may be repeated
    #[arg(long = "remove-organization", value_name = "ID", conflicts_with = "all_organizations")]
    remove_organizations: Vec<String>,
    /// The connections of all organizations
    #[arg(long)]
    all_organizations: bool,
    /// Whether verified domains of an organization become identifiers too
    #[arg(long, value_name = "BOOL")]
    domain_identifiers: Option<bool>,
    /// Maps exactly these of Cognito's attributes, such as custom:team=raw.team; may be repeated
    #[arg(long = "attribute", value_name = "ATTRIBUTE=CLAIM", value_parser = mapped_attribute, conflicts_with = "usual_attributes")]
    attributes: Vec<(String, String)>,
    /// Maps the usual attributes
    #[arg(long)]
    usual_attributes: bool,
    /// Whether attributes that the identity provider no longer sends are emptied, where the pool's schema allows it
    #[arg(long, value_name = "BOOL")]
    clear_missing_attributes: Option<bool>,
    /// Answers anybody which provider the users of a verified domain have, and lets pages of exactly these origins ask;
    /// may be repeated. It makes your customers' domains public
    #[arg(long = "lookup-origin", value_name = "ORIGIN", conflicts_with = "no_domain_lookup")]
    lookup_origins: Vec<String>,
    /// Answers nobody any more which provider the users of a domain have
    #[arg(long)]
    no_domain_lookup: bool,
    /// Where sign-ins lead that begin at the customer's identity provider: the application's own login
    #[arg(long, value_name = "URL", conflicts_with_all = ["start_app_client", "start_redirect_uri", "no_start"])]
    login_url: Option<String>,
    /// Or this app client, for an application that takes a sign-in that it did not begin
    #[arg(long, value_name = "ID", requires = "start_redirect_uri", conflicts_with = "no_start")]
    start_app_client: Option<String>,
    /// The callback of that app client
    #[arg(long, value_name = "URL", requires = "start_app_client")]
    start_redirect_uri: Option<String>,
    /// Refuses sign-ins that begin at the customer's identity provider
    #[arg(long)]
    no_start: bool,
}

impl Update {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let present = session.api.get(&self.pool.path()).await?;
        let body = self.changes.body(&present.body)?;
        let answer = session.api.patch(&self.pool.path(), body, present.etag.as_deref()).await?.body;
        session.output.show(&answer, || shown::pool::details(&answer))?;
        Ok(Ending::Done)
    }
}

impl Changes {
    /// Where sign-ins from a tile are to lead.
    fn start(&self) -> Option<Value> {
        start(self.login_url.as_deref(), self.start_app_client.as_deref(), self.start_redirect_uri.as_deref())
    }

    /// What changes of a user pool that is like this at present.
    fn body(&self, present: &Value) -> Result<Value, Failure> {
        let mut body = json!({});
        if let Some(mode) = self.mode {
            body["mode"] = json!(mode.name());
        }
        if let Some(sign_in) = self.sign_in {
            body["sign_in"] = json!(if sign_in == SignIn::Enabled { "enabled" } else { "disabled" });
        }
        if let Some(clients) = self.new_app_clients(&present["app_clients"])? {
            body["app_clients"] = clients;
        }
        if let Some(organizations) = self.new_organizations(&present["organizations"])? {
            body["organizations"] = organizations;
        }
        if let Some(domain_identifiers) = self.domain_identifiers {
            body["domain_identifiers"] = json!(domain_identifiers);
        }
        if let Some(clear) = self.clear_missing_attributes {
            body["clear_missing_attributes"] = json!(clear);
        }
        if self.no_start {
            body["start"] = Value::Null;
        } else if let Some(start) = self.start() {
            body["start"] = start;
        }
        if self.no_domain_lookup {
            body["domain_lookup"] = Value::Null;
        } else if !self.lookup_origins.is_empty() {
            body["domain_lookup"] = json!({ "origins": self.lookup_origins });
        }
        if !self.attributes.is_empty() {
            body["attribute_mapping"] = json!(self.attributes.iter().cloned().collect::<BTreeMap<_, _>>());
        } else if self.usual_attributes {
            body["attribute_mapping"] = Value::Null;
        }
        Ok(body)
    }

    fn new_app_clients(&self, present: &Value) -> Result<Option<Value>, Failure> {
        if self.all_app_clients {
            return Ok(Some(json!("all")));
        }
        if self.no_app_clients {
            return Ok(Some(json!([])));
        }
        if !self.app_clients.is_empty() {
            return Ok(Some(json!(self.app_clients)));
        }
        changed_list(present, &self.add_app_clients, &self.remove_app_clients, "app clients")
    }

    fn new_organizations(&self, present: &Value) -> Result<Option<Value>, Failure> {
        if self.all_organizations {
            return Ok(Some(Value::Null));
        }
        if !self.organizations.is_empty() {
            return Ok(Some(json!(self.organizations)));
        }
        changed_list(present, &self.add_organizations, &self.remove_organizations, "organizations")
    }
}

/// A list with some more and some less; none where nothing changes. Of all there are nothing can be taken.
fn changed_list(present: &Value, more: &[String], less: &[String], what: &str) -> Result<Option<Value>, Failure> {
    if more.is_empty() && less.is_empty() {
        return Ok(None);
    }
    let Some(present) = present.as_array() else {
        return Err(Failure::Usage(format!("the user pool has all {what}: none can be added or removed by itself")));
    };
    let mut list: Vec<&str> =
        present.iter().filter_map(Value::as_str).filter(|id| !less.iter().any(|l| l == id)).collect();
    for id in more {
        if !list.contains(&id.as_str()) {
            list.push(id);
        }
    }
    Ok(Some(json!(list)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn what_is_added_or_removed_is_so_from_what_is_there() {
        let present = json!({"app_clients": ["a", "b"], "organizations": ["org_1"]});
        let changes = Changes {
            add_app_clients: ids(&["c", "a"]),
            remove_app_clients: ids(&["b", "x"]),
            remove_organizations: ids(&["org_1"]),
            ..Changes::default()
        };
        assert_eq!(changes.body(&present).unwrap(), json!({"app_clients": ["a", "c"], "organizations": []}));
    }

    #[test]
    fn nothing_is_taken_out_of_all_there_are() {
        let all = json!({"app_clients": "all", "organizations": null});
        let changes = Changes { add_app_clients: ids(&["c"]), ..Changes::default() };
        assert_eq!(changes.body(&all).unwrap_err().code(), 2);
        let changes = Changes { remove_organizations: ids(&["org_1"]), ..Changes::default() };
        assert_eq!(changes.body(&all).unwrap_err().code(), 2);
    }

    #[test]
    fn only_what_is_named_is_sent() {
        let changes = Changes {
            mode: Some(Mode::Paused),
            sign_in: Some(SignIn::Disabled),
            all_app_clients: true,
            all_organizations: true,
            domain_identifiers: Some(false),
            usual_attributes: true,
            clear_missing_attributes: Some(true),
            no_domain_lookup: true,
            ..Changes::default()
        };
        let body = json!({
            "mode": "paused", "sign_in": "disabled", "app_clients": "all", "organizations": null,
            "domain_identifiers": false, "attribute_mapping": null, "clear_missing_attributes": true,
            "domain_lookup": null
        });
        assert_eq!(changes.body(&json!({})).unwrap(), body);
        let changes = Changes { organizations: ids(&["org_2"]), ..Changes::default() };
        assert_eq!(changes.body(&json!({})).unwrap(), json!({"organizations": ["org_2"]}));
        let changes = Changes {
            start_app_client: Some("1a".into()),
            start_redirect_uri: Some("https://app.example.com/cb".into()),
            ..Changes::default()
        };
        let body = json!({"start": {"app_client": "1a", "redirect_uri": "https://app.example.com/cb"}});
        assert_eq!(changes.body(&json!({})).unwrap(), body);
        let changes = Changes { no_start: true, ..Changes::default() };
        assert_eq!(changes.body(&json!({})).unwrap(), json!({ "start": null }));
        let changes = Changes { lookup_origins: ids(&["https://app.example.com"]), ..Changes::default() };
        let body = json!({"domain_lookup": {"origins": ["https://app.example.com"]}});
        assert_eq!(changes.body(&json!({})).unwrap(), body);
    }
}
