//! The look at both sides: completely, or not at all.

use std::collections::{BTreeMap, BTreeSet};

use causeway_core::{
    app_clients::AppClients,
    calling::names,
    check::{Check, CheckOutcome, check_mapping, check_named, check_test_organization},
    claim::Claim,
    connection::{Connection, Organization},
    desired::{Desired, with_known_organizations},
    foreign::ForeignProviders,
    health::ErrorClass,
    id::{ConnectionId, Identifier, ProviderName, TenantId, UserPoolId},
    naming::{Names, Naming},
    organization::note_on_domains,
    plan::{Note, Situation, SpecOf},
    port::{Assumption, Directory, DirectoryError, Pool, PoolError, Pools, Ports, RoleToAssume, Table, TableError},
    provider::{BaseUrl, Issuer, Observed, ProviderSpec},
    run::Failure,
    schema::SchemaAttribute,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::{UserPool, callbacks},
    wake_up::Cause,
};
use causeway_telemetry::chain;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use secrecy::SecretString;

use crate::{
    Reconciler,
    describe::{ASKED_AT_ONCE, Described, FullPass},
};

/// What to do about a record of `WorkOS`'s that can't be read.
const UNREADABLE: &str = "Look at the record in WorkOS's dashboard, and put right there what can't be read. If nothing is \
    wrong with it, report it to those who make Causeway.";

/// How long a role that was shown to be closed is not tried again.
pub(crate) const ROLE_PROBE: std::time::Duration = std::time::Duration::from_hours(24);

/// A pool that was entered.
pub(crate) type Entered<P> = <<P as Ports>::Pools as Pools>::Pool;

/// Why a look was not complete. Nothing is done then.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The table.
    #[error("the table could not be read")]
    Table(#[from] TableError),
    /// The WorkOS key could not be opened.
    #[error("the WorkOS API key could not be opened")]
    Key(#[source] TableError),
    /// WorkOS.
    #[error("WorkOS could not be looked at completely")]
    Directory(#[from] DirectoryError),
    /// STS or Cognito.
    #[error("the user pool could not be looked at completely")]
    Pool(#[from] PoolError),
    /// The tenant has given no WorkOS key yet.
    #[error("the tenant has no WorkOS API key")]
    NoKey,
    /// The role can be assumed by who does not know the external ID.
    #[error("the role {role_arn} can be assumed without the external ID")]
    OpenRole {
        /// The role.
        role_arn: String,
    },
    /// The time ran out.
    #[error("the time ran out before everything was seen")]
    OutOfTime,
}

impl LookError {
    /// The class of the failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Table(error) | Self::Key(error) => error.class(),
            Self::Directory(error) => error.class(),
            Self::Pool(error) => error.class(),
            Self::NoKey | Self::OpenRole { .. } => ErrorClass::Denied,
            Self::OutOfTime => ErrorClass::Transient,
        }
    }
}

/// Makes the specs of one tenant's pool.
#[derive(Debug, Clone)]
pub(crate) struct Specs {
    base: BaseUrl,
    tenant: TenantId,
    pool: UserPoolId,
    mapping: BTreeMap<String, String>,
}

impl Specs {
    pub fn issuer(&self, connection: &ConnectionId) -> Issuer {
        Issuer::new(&self.base, &self.tenant, connection)
    }
}

impl SpecOf for Specs {
    fn spec(&self, connection: &ConnectionId, identifiers: BTreeSet<Identifier>) -> ProviderSpec {
        ProviderSpec::new(&self.issuer(connection), &self.pool, self.mapping.clone(), identifiers)
    }
}

/// Everything that a plan needs, as it was seen.
#[derive(Debug)]
pub struct Look<P: Ports> {
    /// What the pool should have.
    pub desired: Desired,
    /// What it has.
    pub observed: Observed,
    /// What Causeway made.
    pub claims: BTreeMap<ConnectionId, Claim>,
    /// Every connection whose record in WorkOS can be read, chosen or not.
    pub seen: BTreeMap<ConnectionId, Connection>,
    /// Every organization that WorkOS has; none where they were not looked at.
    pub organizations: Option<Vec<Organization>>,
    /// The claims that can't be read: nothing is done about their connections.
    pub unreadable: Vec<Failure>,
    /// The pool's name.
    pub name: Option<String>,
    /// The callbacks of the pool's domains.
    pub callbacks: Vec<String>,
    /// The attributes of the pool's users.
    pub schema: Vec<SchemaAttribute>,
    /// What could not be used, and why.
    pub notes: Vec<Note>,
    /// What the checks of the pool's settings failed on, as sign-ins will, and that the Test Organization is let in.
    pub found: Vec<Check>,
    pub(crate) described: Described,
    pub(crate) foreign: ForeignProviders,
    pub(crate) foreign_moved: bool,
    pub(crate) access: Entered<P>,
    /// WorkOS's API key; none where only the pool was looked at.
    pub(crate) key: Option<SecretString>,
    pub(crate) specs: Specs,
}

impl<P: Ports> Look<P> {
    pub(crate) fn situation<'a>(
        &'a self,
        foreign: &'a BTreeMap<Identifier, Option<ProviderName>>,
        pool: &UserPool,
    ) -> Situation<'a> {
        Situation {
            desired: &self.desired,
            observed: &self.observed,
            claims: &self.claims,
            foreign,
            mode: pool.options.mode,
            spec: &self.specs,
        }
    }

    /// By what people know the connections.
    pub(crate) fn names(&self, now: Timestamp) -> Names {
        names(&self.claims, &self.seen, self.organizations.as_deref(), now)
    }
}

/// The claims that are of the tenant that the pool is registered for, by connection.
fn own(pool: &UserPool, claims: Vec<Claim>) -> BTreeMap<ConnectionId, Claim> {
    let own = claims.into_iter().filter(|claim| claim.tenant_id == pool.tenant_id);
    own.map(|claim| (claim.connection_id.clone(), claim)).collect()
}

fn unreadable_claim((id, error): (ConnectionId, TableError)) -> Failure {
    Failure::of(Some(id), "read the claim", error.class(), chain(&error))
}

/// The pool's own side of a look.
struct PoolSeen<A> {
    access: A,
    observed: Observed,
    name: Option<String>,
    callbacks: Vec<String>,
    schema: Vec<SchemaAttribute>,
    notes: Vec<Note>,
    found: Vec<Check>,
}

impl<P: Ports> Reconciler<P> {
    /// Looks at both sides of a pool, for a run of this cause or for none.
    pub(crate) async fn look(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        cause: Option<Cause>,
        full: Option<FullPass>,
        deadline: Timestamp,
        describe_until: Timestamp,
    ) -> Result<Look<P>, LookError> {
        let key = self.key(tenant).await?;
        // First, since they say whether the organizations are needed, which are another list of WorkOS's.
        let claims = self.table.claims(&pool.user_pool_id).await?;
        let is_lacking = claims.items.iter().any(|claim| claim.tenant_id == tenant.id && claim.lacks_organization());
        let now = self.now();
        let is_due = |cause| pool.run.organizations.is_due(cause, is_lacking, now);
        let with_organizations = pool.options.domain_identifiers || cause.is_some_and(is_due);
        let both_sides = async {
            futures::join!(
                self.directory.snapshot(&key, with_organizations),
                self.look_at_pool(tenant, pool),
                self.table.foreign_providers(&pool.user_pool_id),
            )
        };
        // One slow side must not take the other pools of the batch down with it.
        let time = deadline.since(self.now());
        let (snapshot, seen, foreign) =
            tokio::time::timeout(time, Box::pin(both_sides)).await.map_err(|_| LookError::OutOfTime)?;
        let snapshot = snapshot?;
        let PoolSeen { access, observed, name, callbacks, schema, mut notes, found } = seen.inspect_err(|error| {
            if error.class() == ErrorClass::Denied {
                self.forget_access(tenant, pool);
            }
        })?;
        notes.extend(snapshot.unreadable.iter().chain(&snapshot.unreadable_organizations).map(|record| {
            Note::general(format!(
                "WorkOS's record {} can't be read, and nothing is concluded from it: {}",
                record.id, record.problem
            ))
            .with_remedy(UNREADABLE)
        }));
        notes.extend(claims.unreadable.iter().map(|(id, _)| {
            Note::on_connection(id.clone(), "its claim can't be read: nothing is done about it".to_owned())
        }));
        let of_tenant = claims.items.iter().filter(|claim| claim.tenant_id == tenant.id);
        let known = of_tenant.filter_map(|claim| {
            let called = format!("{:#}", Naming::of(claim, now).called(claim.connection_id.as_str()));
            Some((called, claim.organization.as_ref()?))
        });
        notes.extend(note_on_domains(known));
        let unreadable = claims.unreadable.iter().map(|(id, _)| id.clone());
        let own_claims = own(pool, claims.items);
        let snapshot = with_known_organizations(snapshot, &pool.options, &own_claims);
        let desired = Desired::new(&snapshot, &pool.options).without(unreadable);
        let seen = snapshot.connections.into_iter().map(|connection| (connection.id.clone(), connection));
        let seen = seen.filter(|(id, _)| !desired.unreadable.contains(id)).collect();
        // One that can't be read whole is as good as missing: what its claims lack, sign-ins ask for.
        let is_whole = |organization: &Organization| {
            snapshot.unreadable_organizations.iter().all(|record| record.id != organization.id.as_str())
        };
        let organizations = snapshot.organizations.into_iter().filter(is_whole).collect();
        let mut look = Look {
            desired,
            observed,
            unreadable: claims.unreadable.into_iter().map(unreadable_claim).collect(),
            claims: own_claims,
            seen,
            organizations: with_organizations.then_some(organizations),
            name,
            callbacks,
            schema,
            notes,
            found,
            described: Described::Needed,
            foreign: foreign?,
            foreign_moved: false,
            access,
            key: Some(key),
            specs: self.specs(tenant, pool),
        };
        self.describe(&mut look, pool, full, describe_until).await?;
        Ok(look)
    }

    /// The tenant's WorkOS API key.
    pub(crate) async fn key(&self, tenant: &Tenant) -> Result<SecretString, LookError> {
        self.table.workos_key(tenant).await.map_err(LookError::Key)?.ok_or(LookError::NoKey)
    }

    /// The pool's claims that are of the tenant that the pool is registered for.
    pub(crate) async fn own_claims(&self, pool: &UserPool) -> Result<BTreeMap<ConnectionId, Claim>, TableError> {
        Ok(own(pool, self.table.claims(&pool.user_pool_id).await?.all()?))
    }

    pub(crate) fn specs(&self, tenant: &Tenant, pool: &UserPool) -> Specs {
        Specs {
            base: self.settings.base.clone(),
            tenant: tenant.id.clone(),
            pool: pool.user_pool_id.clone(),
            mapping: pool.options.mapping(),
        }
    }

    /// Looks at a pool that is being removed, and not at WorkOS: it goes whatever there is.
    pub(crate) async fn look_to_remove(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        claims: BTreeMap<ConnectionId, Claim>,
        deadline: Timestamp,
    ) -> Result<Look<P>, LookError> {
        let time = deadline.since(self.now());
        let seen = tokio::time::timeout(time, Box::pin(self.look_at_pool(tenant, pool))).await;
        let seen = seen.map_err(|_| LookError::OutOfTime)?.inspect_err(|error| {
            if error.class() == ErrorClass::Denied {
                self.forget_access(tenant, pool);
            }
        })?;
        let PoolSeen { access, observed, name, callbacks, schema, notes, .. } = seen;
        let mut look = Look {
            desired: Desired::nothing(claims.keys().cloned()),
            observed,
            claims,
            seen: BTreeMap::new(),
            organizations: None,
            unreadable: Vec::new(),
            name,
            callbacks,
            schema,
            notes,
            found: Vec::new(),
            described: Described::Needed,
            foreign: ForeignProviders::default(),
            foreign_moved: false,
            access,
            key: None,
            specs: self.specs(tenant, pool),
        };
        let until = self.half_time(deadline);
        self.describe(&mut look, pool, None, until).await?;
        Ok(look)
    }

    async fn look_at_pool(&self, tenant: &Tenant, pool: &UserPool) -> Result<PoolSeen<Entered<P>>, PoolError> {
        let access = self.enter(tenant, pool).await?;
        let (description, providers) = futures::try_join!(access.describe(), access.list_providers())?;
        let mut observed = Observed { providers, ..Observed::default() };
        let mut notes = Vec::new();
        let (chosen, is_named) = match &pool.options.app_clients {
            AppClients::All => (access.list_app_clients().await?, false),
            AppClients::Named(named) => (named.clone(), true),
        };
        // All that the checks ask of the pool is here already: they cost no call.
        let mapping = pool.options.mapping();
        let mut checks = check_mapping(&mapping, &description.attributes);
        let questions = chosen.into_iter().map(|id| async {
            let client = access.describe_app_client(&id).await?;
            Ok::<_, PoolError>((id, client))
        });
        let questions: Vec<_> = questions.collect();
        let described: Vec<_> = stream::iter(questions).buffered(ASKED_AT_ONCE).try_collect().await?;
        for (id, client) in described {
            if is_named {
                checks.extend(check_named(&id, client.as_ref().map(|client| &client.settings), &mapping));
            }
            match client {
                // With the providers, anybody's application would sign the tenant's users in.
                Some(client) if client.registered_itself && !is_named => {
                    notes.push(Note::general(format!(
                        "the app client {id} registered itself: it is none of all, and gets the providers where it is named"
                    )));
                }
                Some(client) => {
                    observed.app_clients.insert(id, client.supported_identity_providers);
                }
                None if is_named => {
                    notes.push(Note::general(format!("the app client {id} is not there: it is left out")));
                }
                // Deleted between the list and now.
                None => {}
            }
        }
        checks.retain(|check| check.outcome == CheckOutcome::Fail);
        checks.extend(check_test_organization(pool.options.organizations.as_deref()));
        let callbacks =
            callbacks(&pool.user_pool_id, description.domain.as_deref(), description.custom_domain.as_deref());
        let (name, schema) = (description.name, description.attributes);
        Ok(PoolSeen { access, observed, name, callbacks, schema, notes, found: checks })
    }

    /// Makes sure that the role can't be assumed without the external ID, nor with another.
    pub(crate) async fn check_role(&self, tenant: &Tenant, pool: &UserPool) -> Result<(), LookError> {
        let role = RoleToAssume::of(pool, &tenant.external_id);
        let other = format!("causeway-{:032x}", self.sources.number());
        let (without, wrong) = futures::join!(self.pools.probe(&role, None), self.pools.probe(&role, Some(&other)));
        for outcome in [without, wrong] {
            match outcome {
                Assumption::Refused => {}
                Assumption::Assumed => return Err(LookError::OpenRole { role_arn: role.role_arn }),
                Assumption::Unclear(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
