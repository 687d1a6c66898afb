//! The places of the console, as paths. What a browser sends becomes a [`Place`] or nothing: from then on there are IDs of
//! the API's own types, and no text.

use std::fmt;

use causeway_core::id::{TenantId, UserPoolId};

/// The longest cursor that the API gives, and more.
const LONGEST_CURSOR: usize = 400;

/// After which item a list goes on, in the API's own word: base64url, which needs no quoting in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Reads a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_one = (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(is_of_one);
        is_one.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A user pool of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolId {
    /// The tenant.
    pub tenant: TenantId,
    /// The user pool.
    pub user_pool: UserPoolId,
}

/// What a list is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// The user pools that need somebody.
    Fleet,
    /// All tenants.
    Tenants,
    /// The user pools of a tenant.
    Pools(TenantId),
    /// What was changed of a tenant.
    Changes(TenantId),
    /// The identity providers of a user pool.
    Providers(PoolId),
    /// Its runs.
    Runs(PoolId),
    /// Its sign-ins.
    SignIns(PoolId),
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A page of a list.
    List(List, Option<Cursor>),
    /// A tenant.
    Tenant(TenantId),
    /// A user pool.
    Pool(PoolId),
    /// What a run would do in it.
    Plan(PoolId),
}

impl Place {
    /// Reads a path, without the slash that it begins with, and a query.
    pub fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        let cursor = match query {
            None => None,
            Some(query) => Some(Cursor::parse(query.strip_prefix("cursor=")?)?),
        };
        let segments: Vec<&str> = path.split('/').collect();
        let list = |list| Some(Self::List(list, cursor.clone()));
        let pool =
            |tenant: &str, pool: &str| Some(PoolId { tenant: tenant.parse().ok()?, user_pool: pool.parse().ok()? });
        // What is no list has no pages.
        let whole = |place: Option<Self>| place.filter(|_| cursor.is_none());
        match segments[..] {
            [""] => list(List::Fleet),
            ["tenants"] => list(List::Tenants),
            ["tenants", tenant] => whole(Some(Self::Tenant(tenant.parse().ok()?))),
            ["tenants", tenant, "pools"] => list(List::Pools(tenant.parse().ok()?)),
            ["tenants", tenant, "changes"] => list(List::Changes(tenant.parse().ok()?)),
            ["tenants", tenant, "pools", id] => whole(pool(tenant, id).map(Self::Pool)),
            ["tenants", tenant, "pools", id, "plan"] => whole(pool(tenant, id).map(Self::Plan)),
            ["tenants", tenant, "pools", id, "providers"] => list(List::Providers(pool(tenant, id)?)),
            ["tenants", tenant, "pools", id, "runs"] => list(List::Runs(pool(tenant, id)?)),
            ["tenants", tenant, "pools", id, "sign-ins"] => list(List::SignIns(pool(tenant, id)?)),
            _ => None,
        }
    }

    /// Its path, without the slash that it begins with, and its query.
    pub fn path(&self) -> String {
        let of_pool = |PoolId { tenant, user_pool }: &PoolId| format!("tenants/{tenant}/pools/{user_pool}");
        let (list, cursor) = match self {
            Self::Tenant(tenant) => return format!("tenants/{tenant}"),
            Self::Pool(pool) => return of_pool(pool),
            Self::Plan(pool) => return format!("{}/plan", of_pool(pool)),
            Self::List(list, cursor) => (list, cursor),
        };
        let path = match list {
            List::Fleet => String::new(),
            List::Tenants => "tenants".to_owned(),
            List::Pools(tenant) => format!("tenants/{tenant}/pools"),
            List::Changes(tenant) => format!("tenants/{tenant}/changes"),
            List::Providers(pool) => format!("{}/providers", of_pool(pool)),
            List::Runs(pool) => format!("{}/runs", of_pool(pool)),
            List::SignIns(pool) => format!("{}/sign-ins", of_pool(pool)),
        };
        cursor.as_ref().map_or_else(|| path.clone(), |cursor| format!("{path}?cursor={cursor}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tenant() -> impl Strategy<Value = TenantId> {
        "tnt_[0-7][0-9A-HJKMNP-TV-Z]{25}".prop_filter_map("no tenant's ID", |text| text.parse().ok())
    }

    fn pool() -> impl Strategy<Value = PoolId> {
        let user_pool = "[a-z]{2}-[a-z]{4,9}-[1-9]_[0-9A-Za-z]{9}".prop_filter_map("no ID", |text| text.parse().ok());
        (tenant(), user_pool).prop_map(|(tenant, user_pool)| PoolId { tenant, user_pool })
    }

    fn list() -> impl Strategy<Value = List> {
        prop_oneof![
            Just(List::Fleet),
            Just(List::Tenants),
            tenant().prop_map(List::Pools),
            tenant().prop_map(List::Changes),
            pool().prop_map(List::Providers),
            pool().prop_map(List::Runs),
            pool().prop_map(List::SignIns),
        ]
    }

    /// Any place.
    fn place() -> impl Strategy<Value = Place> {
        let cursor = proptest::option::of("[A-Za-z0-9_-]{1,60}".prop_filter_map("none", |text| Cursor::parse(&text)));
        prop_oneof![
            (list(), cursor).prop_map(|(list, cursor)| Place::List(list, cursor)),
            tenant().prop_map(Place::Tenant),
            pool().prop_map(Place::Pool),
            pool().prop_map(Place::Plan),
        ]
    }

    fn parsed(path: &str) -> Option<Place> {
        match path.split_once('?') {
            Some((path, query)) => Place::parse(path, Some(query)),
            None => Place::parse(path, None),
        }
    }

    proptest! {
        #[test]
        fn each_place_has_one_path(place in place()) {
            let is_list = matches!(place, Place::List(..));
            let later = Place::parse(place.path().split('?').next().unwrap_or_default(), Some("cursor=YQ"));
            prop_assert_eq!(later.is_some(), is_list, "only lists have pages");
            prop_assert_eq!(parsed(&place.path()), Some(place));
        }

        #[test]
        fn what_is_not_the_path_of_a_place_letter_by_letter_is_none(place in place(), at in any::<prop::sample::Index>(), c in "[%/.\\\\?&=#;@:\\n\\x00 a~\u{202e}]") {
            let mut path = place.path();
            path.insert_str(at.index(path.len() + 1), &c);
            if let Some(other) = parsed(&path) {
                prop_assert_eq!(other.path(), path);
            }
        }

        #[test]
        fn whatever_is_sent_is_a_place_by_its_own_path_or_none(path in "(tenants|pools|plan|runs|\\.\\.|/|%2f|\\\\|[a-z]{0,3}|\\PC{0,9}){0,9}", query in proptest::option::of("(cursor=)?[&=a-zA-Z0-9%._/-]{0,500}")) {
            if let Some(place) = Place::parse(&path, query.as_deref()) {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                prop_assert_eq!(place.path(), format!("{path}{query}"));
            }
        }
    }
}
