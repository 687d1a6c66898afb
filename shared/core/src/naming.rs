//! By what people know a connection: its name, or its organization's, its type in our words and the end of its ID.
//!
//! Customers choose these names, so that they may lie. A name is always quoted, with what it was before beside it where
//! it changed within a week, and it decides nothing: plan, guard and approvals never see one. It is put on what they made
//! at the end, for people.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{ConnectionId, OrganizationId},
    lenient::if_readable,
    shown,
    timestamp::Timestamp,
};

/// How long a name is shown beside the one that it was changed to.
pub const FORMER_SHOWN_FOR: Duration = Duration::from_hours(7 * 24);
/// The most characters of a name that are shown in a sentence or a table.
const LONGEST: usize = 40;
/// How many characters of an ID tell apart what is called alike.
const END_OF_ID: usize = 6;

/// A name that something has no more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct FormerName {
    /// The name.
    pub name: String,
    /// When a run found it changed.
    pub until: Timestamp,
}

/// The former names that may still be shown at `now`.
pub(crate) fn recent(former: &[FormerName], now: Timestamp) -> Vec<FormerName> {
    former.iter().filter(|former| now.since(former.until) < FORMER_SHOWN_FOR).cloned().collect()
}

/// The former names of what was called `before` and is found at `now` to be called otherwise. Two are kept of a week: the
/// first, which further changes can't push out, and the last.
pub(crate) fn renamed(former: &[FormerName], before: Option<String>, now: Timestamp) -> Vec<FormerName> {
    let mut kept = recent(former, now);
    kept.extend(before.map(|name| FormerName { name, until: now }));
    if kept.len() > 2 {
        kept.drain(1..kept.len() - 1);
    }
    kept
}

/// Reads former names; none where they can't be read.
pub(crate) fn former_if_readable<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<FormerName>, D::Error> {
    Ok(if_readable(deserializer)?.unwrap_or_default())
}

/// By what people know a connection, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Naming {
    /// The connection's name in WorkOS, cut to what may be shown. Customers choose it.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Former ones by which people knew it, of the last seven days.
    #[serde(default, deserialize_with = "former_if_readable", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub former_names: Vec<FormerName>,
    /// The connection's organization.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    /// Its name in WorkOS, cut in the same way.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    /// Former ones by which people knew it, of the last seven days.
    #[serde(default, deserialize_with = "former_if_readable", skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub former_organization_names: Vec<FormerName>,
    /// The connection's type in WorkOS's word, such as `OktaSAML`.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub connection_type: Option<String>,
}

/// By what people know the connections of a pool.
pub type Names = BTreeMap<ConnectionId, Naming>;

impl Naming {
    /// A connection as people read it: `"Acme" (Okta …1A2B3C)`, and `"Acme" (until 24 November "Evil") (Okta …1A2B3C)`
    /// where it was called otherwise within a week. It is called by its organization's name, else by its own, else by its
    /// ID alone. With `{:#}` the ID is there in full, for a text that nothing else goes with, such as a line of a log.
    pub fn called<'a>(&'a self, id: &'a str) -> Called<'a> {
        Called { naming: self, id }
    }

    /// Takes the place of what was known of a connection, where something is.
    pub(crate) fn put(&mut self, names: &Names, id: Option<&ConnectionId>) {
        if let Some(naming) = id.and_then(|id| names.get(id)) {
            self.clone_from(naming);
        }
    }

    /// Whether it is called by anything but its ID.
    pub fn is_named(&self) -> bool {
        self.label().is_some()
    }

    /// The name that it is called by.
    fn label(&self) -> Option<&str> {
        self.organization_name.as_deref().or(self.name.as_deref())
    }

    /// What it was called before, by the one name or by the other.
    fn former_labels(&self) -> Vec<&FormerName> {
        let mut former: Vec<&FormerName> = self.former_names.iter().chain(&self.former_organization_names).collect();
        former.sort_by_key(|former| former.until);
        former
    }
}

/// A connection as people read it ([`Naming::called`]).
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    naming: &'a Naming,
    id: &'a str,
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.naming.connection_type.as_deref().map(in_our_words);
        let Some(name) = self.naming.label() else {
            let word = word.map(|word| format!(" ({word})")).unwrap_or_default();
            return write!(formatter, "{}{word}", self.id);
        };
        // Words of ours stand around the ID, so that none of its digits is drawn to a name that is read from the right.
        let word = word.unwrap_or("connection");
        let id = if formatter.alternate() { self.id.to_owned() } else { end_of(self.id) };
        write!(formatter, "{}{} ({word} {id})", quoted(name), told(name, &self.naming.former_labels()))
    }
}

/// A name as it stands in a sentence: in quotation marks, of which it has none itself, and no longer than 40 characters.
pub fn quoted(name: &str) -> String {
    quoted_within(name, LONGEST)
}

/// The same, no longer than `longest` characters.
pub fn quoted_within(name: &str, longest: usize) -> String {
    let mut shown = String::new();
    for c in shown::shown(name, None).map(|c| if is_quotation_mark(c) { '\'' } else { c }) {
        // Two single ones beside each other look like a double one.
        if !(is_apostrophe(c) && shown.ends_with(is_apostrophe)) {
            shown.push(c);
        }
    }
    let words: Vec<&str> = shown.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= longest {
        return format!("\"{line}\"");
    }
    let cut: String = line.chars().take(longest.saturating_sub(1)).collect();
    format!("\"{}…\"", cut.trim_end())
}

/// What could be taken for the end of what is quoted.
fn is_quotation_mark(c: char) -> bool {
    matches!(
        c,
        '"' | '\u{ab}' | '\u{bb}' | '\u{2ba}' | '\u{2dd}' | '\u{2ee}' | '\u{2f6}' | '\u{5f2}' | '\u{5f4}'
            | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2034}' | '\u{2036}' | '\u{2037}' | '\u{2057}' | '\u{275d}'
            | '\u{275e}' | '\u{2760}' | '\u{276e}' | '\u{276f}' | '\u{2e42}' | '\u{3003}' | '\u{301d}'..='\u{301f}' | '\u{1cd3}' | '\u{ff02}' | '\u{1f676}'..='\u{1f678}'
    )
}

/// What could be taken for half of such a mark.
fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{b4}' | '\u{2b9}' | '\u{2bb}'..='\u{2bf}' | '\u{2c8}' | '\u{2ca}' | '\u{2cb}' | '\u{2f4}' | '\u{374}'
            | '\u{384}' | '\u{55a}' | '\u{55d}' | '\u{5f3}' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}'
            | '\u{2039}' | '\u{203a}' | '\u{275b}' | '\u{275c}' | '\u{275f}' | '\u{a78b}' | '\u{a78c}' | '\u{ff07}' | '\u{ff40}'
    )
}

/// What a name was before, each as it was last: ` (until 24 November "Evil")`.
fn told(name: &str, former: &[&FormerName]) -> String {
    let is_last = |at: usize| former[at + 1..].iter().all(|later| later.name != former[at].name);
    let told = former.iter().enumerate().filter(|(at, one)| one.name != name && is_last(*at));
    let told: Vec<String> = told.map(|(_, one)| format!("until {} {}", one.until.day(), quoted(&one.name))).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

/// The end of an ID, or all of one that is short.
fn end_of(id: &str) -> String {
    let count = id.chars().count();
    if count <= END_OF_ID {
        id.to_owned()
    } else {
        format!("…{}", id.chars().skip(count - END_OF_ID).collect::<String>())
    }
}

/// What people call a connection's type (WorkOS API: `Connection.connection_type`). One that is not known is a
/// `connection`.
pub fn in_our_words(connection_type: &str) -> &'static str {
    match connection_type {
        "ADFSSAML" => "AD FS",
        "AdpOidc" => "ADP",
        "AppleOAuth" => "Apple",
        "Auth0Migration" | "Auth0SAML" => "Auth0",
        "AzureSAML" | "EntraIdOIDC" => "Entra ID",
        "BitbucketOAuth" => "Bitbucket",
        "CasSAML" => "CAS",
        "ClassLinkSAML" => "ClassLink",
        "CleverOIDC" => "Clever",
        "CloudflareSAML" => "Cloudflare",
        "CyberArkSAML" => "CyberArk",
        "DiscordOAuth" => "Discord",
        "DuoSAML" => "Duo",
        "GenericOIDC" => "OIDC",
        "GenericSAML" => "SAML",
        "GithubOAuth" | "GitHubOAuth" => "GitHub",
        "GitLabOAuth" => "GitLab",
        "GoogleOAuth" | "GoogleOIDC" | "GoogleSAML" => "Google",
        "IntuitOAuth" => "Intuit",
        "JumpCloudSAML" => "JumpCloud",
        "KeycloakSAML" => "Keycloak",
        "LastPassSAML" => "LastPass",
        "LinkedInOAuth" => "LinkedIn",
        "LoginGovOidc" => "Login.gov",
        "MagicLink" => "magic link",
        "MicrosoftOAuth" => "Microsoft",
        "MiniOrangeSAML" => "miniOrange",
        "NetIqSAML" => "NetIQ",
        "OktaOIDC" | "OktaSAML" => "Okta",
        "OneLoginSAML" => "OneLogin",
        "OracleSAML" => "Oracle",
        "PingFederateSAML" => "PingFederate",
        "PingOneSAML" => "PingOne",
        "RipplingSAML" => "Rippling",
        "SalesforceOAuth" | "SalesforceSAML" => "Salesforce",
        "ShibbolethGenericSAML" | "ShibbolethSAML" => "Shibboleth",
        "SimpleSamlPhpSAML" => "SimpleSAMLphp",
        "SlackOAuth" => "Slack",
        "TestIdp" => "test",
        "VMwareSAML" => "VMware",
        "VercelMarketplaceOAuth" | "VercelOAuth" => "Vercel",
        "XeroOAuth" => "Xero",
        _ => "connection",
    }
}
