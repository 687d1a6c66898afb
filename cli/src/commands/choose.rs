//! `causeway use`: the tenant and the user pool of all commands that name none.

use clap::Args;
use serde_json::json;

use crate::{
    chosen::{Choices, Chosen},
    commands::Session,
    failure::{Ending, Failure},
    place::{self, Access, Found},
};

/// `causeway use`.
#[derive(Debug, Args)]
pub struct Use {
    /// The tenant, and a user pool of it, each by its ID, its name or the beginning of its name. Without a user pool the only
    /// one that the tenant has. Without anything: shows what is chosen
    #[arg(value_names = ["TENANT", "USER_POOL"], num_args = 0..=2)]
    named: Vec<String>,
    /// Chooses nothing any more
    #[arg(long, conflicts_with = "named")]
    none: bool,
}

impl Use {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let (choices, base) = (Choices::of_operator()?, session.api.base());
        let chosen = if self.none {
            Chosen::default()
        } else if let Some(tenant) = self.named.first() {
            let tenant = place::tenant(session, tenant, Access::Look).await?;
            let pool = self.pool(session, &tenant).await?;
            Chosen { tenant: Some(tenant.id), user_pool: pool.map(|pool| pool.id) }
        } else {
            choices.of(base)?
        };
        let text = told(session, &chosen).await?;
        if self.none || !self.named.is_empty() {
            choices.choose(base, chosen.clone())?;
        }
        let answer = json!({ "tenant": chosen.tenant, "user_pool": chosen.user_pool });
        session.output.show(&answer, || Ok(text))?;
        Ok(Ending::Done)
    }

    /// The user pool that was named, or the only one.
    async fn pool(&self, session: &Session, tenant: &Found) -> Result<Option<Found>, Failure> {
        if let Some(pool) = self.named.get(1) {
            return Ok(Some(place::pool(session, &tenant.id, pool, Access::Look).await?));
        }
        let mut all = place::pools(session, &tenant.id).await?;
        Ok(all.pop().filter(|_| all.is_empty()))
    }
}

/// What is chosen, by whole IDs and names, which also shows that it is there.
async fn told(session: &Session, chosen: &Chosen) -> Result<String, Failure> {
    let Some(tenant) = &chosen.tenant else { return Ok("Nothing is chosen.\n".to_owned()) };
    let found = async |id: &str, path: &str| -> Result<String, Failure> {
        let name = session.api.get(path).await?.body["name"].as_str().map(str::to_owned);
        Ok(Found { id: id.to_owned(), name }.text())
    };
    let path = format!("/v1/tenants/{tenant}");
    let mut text = format!("tenant {}\n", found(tenant, &path).await?);
    if let Some(pool) = &chosen.user_pool {
        let pool = found(pool, &format!("{path}/user-pools/{pool}")).await?;
        text = format!("{text}user pool {pool}\n");
    }
    Ok(text)
}
