//! The export of a user pool: what one deployment says of it, for another to compare.
//!
//! The form is versioned and closed: a file with any other member was not written by the version that it names. What it
//! says is believed in nothing: [`crate::moving`] compares it with what the pool and WorkOS show.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app_clients::AppClients,
    id::{ConnectionId, OrganizationId, ProviderName, TenantId, UserPoolId},
    lenient::present,
    object::{Object, object, objects},
    provider::Issuer,
    shown::shown,
    subject::Subject,
    timestamp::Timestamp,
    user_pool::{Mode, UserPool},
};

/// The version of the form.
pub const FORMAT_VERSION: u64 = 1;
/// The largest file that is read, in bytes. One with [`MOST_PROVIDERS`] has less than a tenth of it.
pub const LARGEST_FILE: usize = 8 * 1024 * 1024;
/// The most providers of an export: what Cognito's quota for a pool can be raised to (Service Quotas: L-1B44D826).
pub const MOST_PROVIDERS: usize = 1000;
/// The most providers that are compared or taken over in one call: each is described and written, at under five a second
/// (Cognito quotas: requests for one user pool).
pub const MOST_AT_ONCE: usize = 25;
/// How much of a parser's message is shown, in characters.
const LONGEST_MESSAGE: usize = 200;

/// A user pool as the deployment has it that it is to leave: whose it is, and what its providers are made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedPool {
    /// The tenant there.
    pub tenant_id: TenantId,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// What runs did there when it was exported.
    pub mode: Mode,
    /// The app clients that are given the providers.
    pub app_clients: AppClients,
    /// Whether verified domains become identifiers.
    pub domain_identifiers: bool,
    /// Cognito's attribute to the claim that it is taken from.
    pub attribute_mapping: BTreeMap<String, String>,
    /// Whether an attribute that the identity provider no longer sends is emptied.
    pub clear_missing_attributes: bool,
}

impl ExportedPool {
    /// The settings in which `pool` is another than this, by their names in the API.
    pub fn differences_to(&self, pool: &UserPool) -> Vec<&'static str> {
        let options = &pool.options;
        let set = |clients: &AppClients| match clients {
            AppClients::All => None,
            AppClients::Named(named) => Some(named.iter().cloned().collect::<BTreeSet<_>>()),
        };
        let settings = [
            ("app_clients", set(&self.app_clients) == set(&options.app_clients)),
            ("domain_identifiers", self.domain_identifiers == options.domain_identifiers),
            ("attribute_mapping", self.attribute_mapping == options.mapping()),
            ("clear_missing_attributes", self.clear_missing_attributes == options.clear_missing_attributes),
        ];
        settings.into_iter().filter(|(_, is_equal)| !is_equal).map(|(name, _)| name).collect()
    }
}

/// One provider of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedProvider {
    /// The connection that it was made for.
    pub connection_id: ConnectionId,
    /// The connection's organization; null where it shows none.
    #[serde(deserialize_with = "present")]
    #[schema(required = true)]
    pub organization_id: Option<OrganizationId>,
    /// The provider's name in the pool.
    pub provider_name: ProviderName,
    /// Its issuer.
    pub issuer: Issuer,
    /// What `sub` is in its sign-ins.
    pub subject: Subject,
}

/// An export as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolExport {
    /// [`FORMAT_VERSION`].
    pub format_version: u64,
    /// When it was made.
    pub exported_at: Timestamp,
    /// The pool.
    #[serde(deserialize_with = "object")]
    pub pool: ExportedPool,
    /// Its providers.
    #[serde(deserialize_with = "objects")]
    pub providers: Vec<ExportedProvider>,
}

/// What is wrong with an export.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct Faulty {
    /// The member, such as `providers[3].issuer`; `(file)` where it is none in particular.
    pub field: String,
    /// What is wrong with it. Holds nothing that controls how a text is shown.
    pub rule: String,
}

impl Faulty {
    fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }

    fn unreadable(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        Self::new("(file)", shown(&message, Some('\u{fffd}')).take(LONGEST_MESSAGE).collect::<String>())
    }
}

impl PoolExport {
    /// Reads a file and judges it by itself, without a look at anything.
    ///
    /// # Errors
    ///
    /// Where it is too large, no JSON, of another form or version, or breaks a rule of [`judge`].
    pub fn read(file: &[u8]) -> Result<Self, Faulty> {
        /// Read first: a later version may have any other form.
        #[derive(Deserialize)]
        struct Versioned {
            format_version: u64,
        }
        if file.len() > LARGEST_FILE {
            return Err(Faulty::new("(file)", format!("an export has at most {LARGEST_FILE} bytes")));
        }
        let Object(Versioned { format_version }) =
            serde_json::from_slice(file).map_err(|error| Faulty::unreadable(&error))?;
        if format_version != FORMAT_VERSION {
            let rule = format!("this version reads {FORMAT_VERSION}, and not {format_version}");
            return Err(Faulty::new("format_version", rule));
        }
        let Object(export): Object<Self> = serde_json::from_slice(file).map_err(|error| Faulty::unreadable(&error))?;
        judge(&export.pool, &export.providers, MOST_PROVIDERS)?;
        Ok(export)
    }
}

/// Judges an export, or a part of it, by itself: it was made while no run could change the pool any more, and it does not
/// contradict itself.
///
/// # Errors
///
/// Where the pool was not paused, there is no provider or more than `most`, a connection or a provider comes twice, or an
/// issuer is not of this tenant and connection.
pub fn judge(pool: &ExportedPool, providers: &[ExportedProvider], most: usize) -> Result<(), Faulty> {
    if pool.mode != Mode::Paused {
        let (tenant, pool) = (&pool.tenant_id, &pool.user_pool_id);
        let rule = format!(
            "the user pool was not paused where it was exported, so that runs may have changed it since. Pause it there \
             (`causeway pools update {tenant} {pool} --mode paused`) and export it again"
        );
        return Err(Faulty::new("pool.mode", rule));
    }
    if !(1..=most).contains(&providers.len()) {
        return Err(Faulty::new("providers", format!("there are 1 to {most} providers, and not {}", providers.len())));
    }
    let (mut connections, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (number, provider) in providers.iter().enumerate() {
        let field = |name: &str| format!("providers[{number}].{name}");
        if !connections.insert(&provider.connection_id) {
            let rule = format!("the connection {} comes twice", provider.connection_id);
            return Err(Faulty::new(field("connection_id"), rule));
        }
        if !names.insert(&provider.provider_name) {
            return Err(Faulty::new(field("provider_name"), "another provider has the same name"));
        }
        if !provider.issuer.is_of(&pool.tenant_id, &provider.connection_id) {
            let rule = format!("it does not end in /oidc/{}/{}", pool.tenant_id, provider.connection_id);
            return Err(Faulty::new(field("issuer"), rule));
        }
    }
    Ok(())
}
