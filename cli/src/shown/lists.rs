//! Lists that are only a table.

use std::{collections::BTreeMap, fmt::Write};

use causeway_core::naming::Naming;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    failure::Failure,
    shown::{self, table},
};

/// An identity provider that Causeway made.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the API's names")]
pub(crate) struct Provider {
    pub(crate) connection_id: String,
    pub(crate) organization_id: Option<String>,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) connection_state: Option<String>,
    pub(crate) provider_name: String,
    #[serde(default)]
    pub(crate) identifiers: Vec<String>,
    pub(crate) in_sync: bool,
    #[serde(default)]
    pub(crate) app_clients: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) held_since: Option<String>,
    #[serde(default)]
    pub(crate) refused: Option<Refusal>,
    #[serde(default)]
    sign_in: Option<SignInLinks>,
}

/// How an application begins a sign-in with it.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the API's names")]
pub(crate) struct SignInLinks {
    by_connection: String,
    by_organization: Option<String>,
    by_provider_name: String,
}

impl Provider {
    /// How it stands: whether something is to be done about it, and by whom.
    pub(crate) fn standing(&self) -> String {
        if let Some(refusal) = &self.refused {
            return format!("refused: {}", refusal.reason);
        }
        match &self.held_since {
            Some(since) => format!("held since {}", shown::time(since)),
            None if self.in_sync => "yes".to_owned(),
            None => "NO".to_owned(),
        }
    }
}

/// The refusal to have anything taken from a connection.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) connection_id: String,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) refused_by: String,
    #[serde(default)]
    pub(crate) refused_at: String,
    #[serde(default)]
    pub(crate) until: Option<String>,
}

/// What stands for a connection in a table, beside its ID: a dash where it has no name.
fn name(naming: &Naming, id: &str) -> String {
    if naming.is_named() { naming.called(id).to_string() } else { "-".to_owned() }
}

/// The connections of which nothing is to be taken, and below them why.
pub fn refusals(items: &[Value]) -> Result<String, Failure> {
    let (mut rows, mut reasons) = (Vec::new(), String::new());
    for item in items {
        let refusal: Refusal = shown::read(item, "a refusal")?;
        let until = refusal.until.as_deref().map_or_else(|| "let go".to_owned(), shown::minute);
        let told = format!("{}, by {}", refusal.reason, refusal.refused_by);
        let _ = write!(reasons, "\n{}\n{}", refusal.connection_id, shown::wrapped(&told, table::WIDTH, "  "));
        let name = name(&refusal.naming, &refusal.connection_id);
        rows.push(vec![name, shown::day(&refusal.refused_at), until, refusal.connection_id]);
    }
    let header = ["NAME", "REFUSED", "UNTIL", "CONNECTION"];
    Ok(format!("{}{reasons}", table::fitting(&header, rows, &header[1..])))
}

/// The providers of a user pool, and below them where each is offered and how a sign-in with it begins.
pub fn providers(items: &[Value]) -> Result<String, Failure> {
    let (mut rows, mut details) = (Vec::new(), String::new());
    for item in items {
        let provider: Provider = shown::read(item, "a provider")?;
        let _ = write!(details, "\n{}\n{}", provider.provider_name, provider.details());
        let standing = match (&provider.refused, &provider.held_since) {
            (Some(_), _) => "refused".to_owned(),
            (None, Some(_)) => "held".to_owned(),
            (None, None) => provider.standing(),
        };
        let state = provider.connection_state.unwrap_or_else(|| "-".to_owned());
        rows.push(vec![name(&provider.naming, &provider.connection_id), state, standing, provider.connection_id]);
    }
    let header = ["NAME", "STATE", "IN SYNC", "CONNECTION"];
    let table = table::fitting(&header, rows, &header[1..]);
    let how = "How an application begins a sign-in with each: it adds its own parameters.";
    Ok(format!("{table}\n{how}\n{details}"))
}

impl Provider {
    /// What does not fit into a table, a line each.
    fn details(&self) -> String {
        let mut lines = Vec::new();
        if self.refused.is_some() || self.held_since.is_some() {
            lines.push(self.standing());
        }
        lines.extend(self.organization_id.as_ref().map(|id| format!("of the organization {id}")));
        lines.push(match &self.app_clients {
            Some(clients) if clients.is_empty() => "offered by none".to_owned(),
            Some(clients) => format!("offered by {}", clients.join(", ")),
            None => "offered by ?".to_owned(),
        });
        // The connection's own ID is on every provider.
        let further = self.identifiers.iter().filter(|identifier| **identifier != self.connection_id);
        let further: Vec<&str> = further.map(String::as_str).collect();
        if !further.is_empty() {
            lines.push(format!("found by {} too", further.join(", ")));
        }
        if let Some(links) = &self.sign_in {
            lines.push(links.by_connection.clone());
            lines.extend(links.by_organization.clone());
            // The same where the connection's ID is too long for an identifier.
            lines.extend(Some(&links.by_provider_name).filter(|link| **link != links.by_connection).cloned());
        }
        lines.iter().map(|line| shown::wrapped(line, table::WIDTH, "  ")).collect()
    }
}

/// What was changed over the API, and by whom.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) at: String,
    pub(crate) caller: String,
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) user_pool_id: Option<String>,
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) changed: Vec<String>,
}

/// What a sign-in came to.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    pub(crate) at: String,
    pub(crate) connection_id: String,
    #[serde(flatten)]
    pub(crate) naming: Naming,
    pub(crate) outcome: String,
    pub(crate) error: Option<SignInError>,
    #[serde(default)]
    cut: Vec<String>,
    #[serde(default)]
    kept: Vec<String>,
}

/// Why a sign-in is over.
#[derive(Deserialize)]
pub(crate) struct SignInError {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What sign-ins came to. What to do about an error stands below the table, once, and so do the claims that did not reach
/// the pool as the identity provider has them.
pub fn sign_ins(items: &[Value]) -> Result<String, Failure> {
    let (mut rows, mut errors) = (Vec::new(), BTreeMap::new());
    let (mut cut, mut kept) = (BTreeMap::new(), BTreeMap::new());
    for item in items {
        let sign_in: SignIn = shown::read(item, "a sign-in")?;
        // Of the last month, so that the year says nothing.
        let at = shown::time(&sign_in.at);
        let at = at.split_once('-').map_or(at.clone(), |(_, day)| day.to_owned());
        for (claims, of) in [(&mut cut, sign_in.cut), (&mut kept, sign_in.kept)] {
            for claim in of {
                *claims.entry(claim).or_insert(0) += 1;
            }
        }
        let code = sign_in.error.as_ref().map_or(&sign_in.outcome, |error| &error.code).clone();
        errors.extend(sign_in.error.map(|error| (error.code, (sign_in.outcome, error.message))));
        let name = name(&sign_in.naming, &sign_in.connection_id);
        rows.push(vec![at, name, code, sign_in.connection_id]);
    }
    let mut text = table::fitting(&["AT", "NAME", "OUTCOME", "CONNECTION"], rows, &["AT", "OUTCOME", "CONNECTION"]);
    for (code, (outcome, message)) in errors {
        let _ = write!(text, "\n{code} ({outcome})\n{}", shown::wrapped(&message, table::WIDTH, "  "));
    }
    for (what, claims) in
        [("Too long for Cognito, cut or left out", cut), ("Not sent: the pool keeps what it had", kept)]
    {
        let claims: Vec<String> = claims
            .into_iter()
            .map(|(claim, number)| format!("{claim} ({})", shown::count(number, "sign-in", "sign-ins")))
            .collect();
        if !claims.is_empty() {
            let _ = write!(text, "\n{what}\n{}", shown::wrapped(&claims.join(", "), table::WIDTH, "  "));
        }
    }
    Ok(text)
}
