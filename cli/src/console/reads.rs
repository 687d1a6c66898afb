//! The calls that the console makes: a closed list, none of which changes anything.

use causeway_core::id::TenantId;
use serde_json::{Value, json};

use super::place::{Cursor, List, PoolId};
use crate::{api::Api, failure::Failure};

/// How many items of a list are on a page of its own.
const PAGE: u32 = 100;

/// One call.
#[derive(Debug, Clone)]
pub enum Read<'a> {
    /// A page of a list, of this many items at most.
    List(&'a List, Option<&'a Cursor>, u32),
    /// A tenant.
    Tenant(&'a TenantId),
    /// A user pool.
    Pool(&'a PoolId),
    /// What a run would do now: a look at both sides, which IAM grants as `reconcile`.
    Plan(&'a PoolId),
}

impl<'a> Read<'a> {
    /// A whole page of a list.
    pub fn page(list: &'a List, after: Option<&'a Cursor>) -> Self {
        Self::List(list, after, PAGE)
    }

    fn path(&self) -> String {
        let of_pool = |PoolId { tenant, user_pool }: &PoolId| format!("/v1/tenants/{tenant}/user-pools/{user_pool}");
        let (list, after, limit) = match self {
            Self::Tenant(tenant) => return format!("/v1/tenants/{tenant}"),
            Self::Pool(pool) => return of_pool(pool),
            Self::Plan(pool) => return format!("{}/reconcile", of_pool(pool)),
            Self::List(list, after, limit) => (list, after, limit),
        };
        let path = match list {
            List::Fleet => "/v1/status".to_owned(),
            List::Tenants => "/v1/tenants".to_owned(),
            List::Pools(tenant) => format!("/v1/tenants/{tenant}/user-pools"),
            List::Changes(tenant) => format!("/v1/tenants/{tenant}/audit"),
            List::Providers(pool) => format!("{}/providers", of_pool(pool)),
            List::Runs(pool) => format!("{}/runs", of_pool(pool)),
            List::SignIns(pool) => format!("{}/sign-ins", of_pool(pool)),
        };
        let after = after.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        format!("{path}?limit={limit}{after}")
    }

    /// Makes the call.
    pub async fn made(self, api: &Api) -> Result<Value, Failure> {
        let path = self.path();
        let answer = match self {
            Self::Plan(_) => api.post(&path, json!({ "dry_run": true })).await?,
            _ => api.get(&path).await?,
        };
        Ok(answer.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The method of the call that the API describes for a path.
    fn described(path: &str, method: &str) -> bool {
        let document: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        let path = path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (wanted, there): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
            let same = |(wanted, there): (&&str, &&str)| wanted.starts_with('{') || wanted == there;
            wanted.len() == there.len() && wanted.iter().zip(&there).all(same)
        };
        document["paths"].as_object().unwrap().iter().any(|(template, item)| fits(template) && item[method].is_object())
    }

    #[test]
    fn the_console_reads_and_has_nothing_else_done_but_a_look() {
        let tenant: TenantId = "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".parse().unwrap();
        let pool = PoolId { tenant: tenant.clone(), user_pool: "eu-west-1_AbCdEf123".parse().unwrap() };
        let cursor = Cursor::parse("YWJj").unwrap();
        let lists = [
            List::Fleet,
            List::Tenants,
            List::Pools(tenant.clone()),
            List::Changes(tenant.clone()),
            List::Providers(pool.clone()),
            List::Runs(pool.clone()),
            List::SignIns(pool.clone()),
        ];
        for list in &lists {
            let (first, next) = (Read::page(list, None).path(), Read::page(list, Some(&cursor)).path());
            assert!(described(&first, "get") && first.ends_with("?limit=100"), "{first}");
            assert_eq!(next, format!("{first}&cursor=YWJj"));
        }
        for read in [Read::Tenant(&tenant), Read::Pool(&pool)] {
            assert!(described(&read.path(), "get"), "{read:?}");
        }
        assert!(described(&Read::Plan(&pool).path(), "post"));
        assert!(Read::Plan(&pool).path().ends_with("/user-pools/eu-west-1_AbCdEf123/reconcile"));
    }
}
