//! Which tenant and which user pool a command is about: by ID, by name, or as [`crate::chosen`] has it. Only an ID becomes a
//! part of a path; a name is looked for in what the API lists, and goes nowhere.

use causeway_core::naming::quoted_within;
use serde_json::Value;

use crate::{
    api,
    arguments::{PoolArguments, TenantArgument},
    chosen::Chosen,
    commands::Session,
    failure::Failure,
    ids::{tenant_id, user_pool_id},
};

/// How many of several that fit are told.
const MOST_TOLD: usize = 10;
/// How many characters of a name are told.
const LONGEST: usize = 60;

/// What a command does to what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It shows it: the beginning of a name is enough.
    Look,
    /// It changes something: that takes an ID, a whole name or what was chosen.
    Change,
    /// It removes it: that takes an ID or a whole name, and never what was chosen some other day.
    Remove,
}

/// What a command is about.
#[derive(Debug)]
pub enum Place<'a> {
    /// A tenant.
    Tenant(&'a mut TenantArgument),
    /// A user pool of a tenant.
    Pool(&'a mut PoolArguments),
    /// A user pool that is not registered yet, and so has an ID only.
    NewPool(&'a mut PoolArguments),
}

/// A tenant or a user pool that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its ID.
    pub id: String,
    /// Its name, where it has one.
    pub name: Option<String>,
}

impl Found {
    /// One of the API's list, whose ID is this member.
    fn of(item: &Value, id: &str) -> Option<Self> {
        Some(Self { id: item[id].as_str()?.to_owned(), name: item["name"].as_str().map(str::to_owned) })
    }

    /// The whole ID, and the name.
    pub fn text(&self) -> String {
        let name = self.name.as_deref().map(|name| format!(" {}", quoted_within(name, LONGEST))).unwrap_or_default();
        format!("{}{name}", self.id)
    }
}

/// The one that is meant by `reference`, which is no ID. Two that fit are none.
fn meant(reference: &str, all: &[Found], access: Access, what: &str) -> Result<Found, Failure> {
    let exact = |found: &&Found| found.name.as_deref() == Some(reference);
    let beginning = reference.to_lowercase();
    let begins = |found: &&Found| {
        let name = found.name.as_deref().unwrap_or_default().to_lowercase();
        name.starts_with(&beginning) || found.id.starts_with(reference)
    };
    let mut fitting: Vec<&Found> = all.iter().filter(exact).collect();
    if fitting.is_empty() && access == Access::Look {
        fitting = all.iter().filter(begins).collect();
    }
    match fitting[..] {
        [one] => Ok(one.clone()),
        [] => {
            let rule = if access == Access::Look { "" } else { ": what changes something takes an ID or a whole name" };
            Err(Failure::NotFound(format!("there is no {what} {}{rule}", quoted_within(reference, LONGEST))))
        }
        _ => {
            let told: Vec<String> =
                fitting.iter().take(MOST_TOLD).map(|found| format!("\n  {}", found.text())).collect();
            let more = fitting.len().saturating_sub(MOST_TOLD);
            let more = if more > 0 { format!("\n  and {more} more") } else { String::new() };
            let name = quoted_within(reference, LONGEST);
            Err(Failure::Usage(format!("{name} fits more than one {what}: say which by its ID{}{more}", told.concat())))
        }
    }
}

/// The tenant of this ID or name.
pub async fn tenant(session: &Session, reference: &str, access: Access) -> Result<Found, Failure> {
    if tenant_id(reference).is_ok() {
        return Ok(Found { id: reference.to_owned(), name: None });
    }
    if user_pool_id(reference).is_ok() {
        return Err(Failure::Usage(format!("{reference} is a user pool's ID, and stands where a tenant is meant")));
    }
    let list = session.api.list("/v1/tenants", None).await?;
    let all: Vec<Found> = api::items(&list).iter().filter_map(|item| Found::of(item, "id")).collect();
    meant(reference, &all, access, "tenant")
}

/// The user pools of a tenant.
pub async fn pools(session: &Session, tenant: &str) -> Result<Vec<Found>, Failure> {
    let list = session.api.list(&format!("/v1/tenants/{tenant}/user-pools"), None).await?;
    Ok(api::items(&list).iter().filter_map(|item| Found::of(item, "user_pool_id")).collect())
}

/// The user pool of this ID or name, of a tenant.
pub async fn pool(session: &Session, tenant: &str, reference: &str, access: Access) -> Result<Found, Failure> {
    if user_pool_id(reference).is_ok() {
        return Ok(Found { id: reference.to_owned(), name: None });
    }
    if tenant_id(reference).is_ok() {
        return Err(Failure::Usage(format!("{reference} is a tenant's ID, and stands where a user pool is meant")));
    }
    meant(reference, &pools(session, tenant).await?, access, "user pool of this tenant")
}

fn missing(what: &str, how: &str) -> Failure {
    Failure::Usage(format!("which {what}? Name it, or choose one for all commands: `causeway use {how}`"))
}

/// What `causeway use` has chosen, for a command that names none.
fn chosen(session: &Session, access: Access) -> Result<Chosen, Failure> {
    if access == Access::Remove {
        let rule = "what removes something takes no choice of `causeway use`: name the tenant, and the user pool";
        return Err(Failure::Usage(rule.to_owned()));
    }
    session.chosen()
}

impl Place<'_> {
    /// Puts the IDs in the place of what was given. Where something is to be changed and was not named by its ID, the whole
    /// IDs are shown first.
    pub async fn resolve(self, session: &Session, access: Access) -> Result<(), Failure> {
        let told = match self {
            Self::Tenant(argument) => {
                let found = match &argument.named {
                    Some(reference) => tenant(session, reference, access).await?,
                    None => chosen_tenant(&chosen(session, access)?)?,
                };
                argument.tenant.clone_from(&found.id);
                let is_id = argument.named.as_ref() == Some(&found.id);
                (!is_id).then(|| format!("tenant {}", found.text()))
            }
            Self::Pool(argument) => of_pool(session, argument, access).await?,
            Self::NewPool(argument) => {
                let Some((id, before)) = argument.named.split_last() else {
                    return Err(Failure::Usage("which user pool? Give its ID".to_owned()));
                };
                argument.user_pool = user_pool_id(id).map_err(Failure::Usage)?;
                let found = match before {
                    [reference, ..] => tenant(session, reference, access).await?,
                    [] => chosen_tenant(&chosen(session, access)?)?,
                };
                let is_id = before.first() == Some(&found.id);
                argument.tenant.clone_from(&found.id);
                (!is_id).then(|| format!("tenant {}", found.text()))
            }
        };
        if let Some(told) = told.filter(|_| access != Access::Look) {
            session.output.remark(&told);
        }
        Ok(())
    }
}

fn chosen_tenant(chosen: &Chosen) -> Result<Found, Failure> {
    let id = chosen.tenant.clone().ok_or_else(|| missing("tenant", "TENANT"))?;
    Ok(Found { id, name: None })
}

/// Finds a user pool, and gives what is to be told of it where it was not named by its ID.
async fn of_pool(session: &Session, argument: &mut PoolArguments, access: Access) -> Result<Option<String>, Failure> {
    let (tenant, found) = match argument.named.as_slice() {
        [of, reference, ..] => {
            let tenant = tenant(session, of, access).await?;
            let found = pool(session, &tenant.id, reference, access).await?;
            (tenant, found)
        }
        [reference] => {
            let tenant = chosen_tenant(&chosen(session, access)?)?;
            let found = pool(session, &tenant.id, reference, access).await?;
            (tenant, found)
        }
        [] => {
            let chosen = chosen(session, access)?;
            let tenant = chosen_tenant(&chosen)?;
            let id = chosen.user_pool.ok_or_else(|| missing("user pool", "TENANT USER_POOL"))?;
            (tenant, Found { id, name: None })
        }
    };
    argument.tenant.clone_from(&tenant.id);
    argument.user_pool.clone_from(&found.id);
    let is_ids = argument.named == [tenant.id.clone(), found.id.clone()];
    Ok((!is_ids).then(|| format!("tenant {}, user pool {}", tenant.text(), found.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, name: Option<&str>) -> Found {
        Found { id: id.to_owned(), name: name.map(str::to_owned) }
    }

    fn id_of(reference: &str, all: &[Found], access: Access) -> Result<String, u8> {
        meant(reference, all, access, "tenant").map(|found| found.id).map_err(|failure| failure.code())
    }

    #[test]
    fn a_whole_name_is_enough_for_all_and_its_beginning_to_look() {
        let all = [found("tnt_1", Some("Acme")), found("tnt_2", Some("Acme, production")), found("tnt_3", None)];
        for access in [Access::Look, Access::Change] {
            assert_eq!(id_of("Acme", &all, access), Ok("tnt_1".to_owned()), "one whole name, though another begins so");
        }
        assert_eq!(id_of("acme, p", &all, Access::Look), Ok("tnt_2".to_owned()));
        assert_eq!(id_of("tnt_3", &all, Access::Look), Ok("tnt_3".to_owned()));
        for beginning in ["Acme, p", "acme", "ACME, PRODUCTION", "tnt_3", ""] {
            assert_eq!(id_of(beginning, &all, Access::Change), Err(3), "{beginning:?}");
        }
        assert_eq!(id_of("Initech", &all, Access::Look), Err(3));
    }

    #[test]
    fn two_that_fit_are_refused_with_both_ids_and_no_name_hides_that_or_controls_the_terminal() {
        let all = [found("tnt_1", Some("Acme")), found("tnt_2", Some("Acme")), found("tnt_3", Some("Acme\"\n\u{1b}x"))];
        for (reference, access) in [("Acme", Access::Change), ("Acme", Access::Look), ("ac", Access::Look)] {
            let failure = meant(reference, &all, access, "tenant").unwrap_err();
            let told = failure.text();
            assert!(failure.code() == 2 && told.contains("tnt_1") && told.contains("tnt_2"), "{told}");
            assert!(!told.contains('\u{1b}'), "{told}");
        }
        let many: Vec<Found> = (0..30).map(|number| found(&format!("tnt_{number}"), Some("Acme"))).collect();
        assert!(meant("Acme", &many, Access::Look, "tenant").unwrap_err().text().contains("and 20 more"));
    }
}
