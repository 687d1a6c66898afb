//! Where an attack begins: on a path that its sender may call.

use crate::routes::Named;

/// The methods that strangers try.
pub(crate) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// What an attack begins with, and what it ends with so that it seems to be what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The method.
    pub method: String,
    /// What stands before the first way up. Without a slash at its end, one follows, however it is written.
    pub path: String,
    /// What follows the path that is aimed at.
    pub end: String,
}

impl Beginning {
    /// Every method below every open prefix, with and without IDs.
    pub(crate) fn open(named: &Named) -> Vec<Self> {
        const PLACES: [(&str, &str); 18] = [
            ("/", ""),
            ("/onboarding/", ""),
            ("/onboarding/x", ""),
            ("/onboarding/assets", ""),
            ("/onboarding/{tenant_id}/", ""),
            ("/onboarding/{tenant_id}/link/", ""),
            ("/onboarding/{tenant_id}/pools/{user_pool_id}", ""),
            ("/oidc/", ""),
            ("/oidc/", "/callback"),
            ("/oidc/{tenant_id}/", "/jwks"),
            ("/oidc/tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2M/x", "/userinfo"),
            ("/oidc/{tenant_id}/{connection_id}", ""),
            ("/webhooks/", ""),
            ("/webhooks/{tenant_id}", ""),
            ("/start/", ""),
            ("/start/{tenant_id}/", ""),
            ("/discover/", ""),
            ("/discover/{tenant_id}/", ""),
        ];
        let of = |method: &str| {
            let method = method.to_owned();
            PLACES.map(|(path, end)| Self { method: method.clone(), path: named.put_into(path), end: end.to_owned() })
        };
        METHODS.into_iter().flat_map(of).collect()
    }

    /// Where somebody can begin who may call a route, as a policy's resource has it after the stage:
    /// `POST/v1/tenants/*/user-pools/*/verify`. Each `*` in turn is where the way up is written.
    #[must_use]
    pub fn granted(route: &str, named: &Named) -> Vec<Self> {
        let Some((method, path)) = route.split_once('/') else { return Vec::new() };
        let parts: Vec<&str> = path.split('*').collect();
        let filled = |parts: &[&str], first: usize| {
            let mut text = String::new();
            for (number, part) in parts.iter().enumerate() {
                if number > 0 {
                    text.push_str(if first + number == 1 { &named.tenant } else { &named.user_pool });
                }
                text.push_str(part);
            }
            text
        };
        let starts = (1..parts.len()).map(|star| Self {
            method: method.to_owned(),
            path: format!("/{}", filled(&parts[..star], 0)),
            end: filled(&parts[star..], star),
        });
        let at = |path: String| Self { method: method.to_owned(), path, end: String::new() };
        // A star at the end takes further segments, and so all that a tenant's routes have.
        let deepest = format!("v1/tenants/{}/user-pools/", named.tenant);
        let begun = path.strip_suffix('*').is_some_and(|begun| deepest.starts_with(begun));
        let deeper = begun.then(|| at(format!("/{deepest}")));
        starts.chain(deeper).chain([at(format!("/{}", filled(&parts, 0)))]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_entered_at_each_of_its_stars_and_behind_it() {
        let named = Named { tenant: "T".to_owned(), user_pool: "P".to_owned(), ..Named::made_up() };
        let begun = Beginning::granted("POST/v1/tenants/*/user-pools/*/verify", &named);
        let begun: Vec<_> = begun.iter().map(|it| (it.method.as_str(), it.path.as_str(), it.end.as_str())).collect();
        let expected = [
            ("POST", "/v1/tenants/", "/user-pools/P/verify"),
            ("POST", "/v1/tenants/T/user-pools/", "/verify"),
            ("POST", "/v1/tenants/T/user-pools/P/verify", ""),
        ];
        assert_eq!(begun, expected);
        let begun = Beginning::granted("GET/v1/tenants/T/*", &named);
        let begun: Vec<_> = begun.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(begun, ["/v1/tenants/T/", "/v1/tenants/T/user-pools/", "/v1/tenants/T/T"]);
        let begun = Beginning::granted("GET/v1/*", &named);
        let begun: Vec<_> = begun.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(begun, ["/v1/", "/v1/tenants/T/user-pools/", "/v1/T"]);
        let plain = Beginning::granted("GET/v1/tenants", &named);
        assert_eq!(plain, [Beginning { method: "GET".to_owned(), path: "/v1/tenants".to_owned(), end: String::new() }]);
    }
}
