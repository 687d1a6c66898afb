//! The routes that attacks aim at, and which of them API Gateway gives a path to.

use serde_json::Value;

/// The IDs that stand in the place of a path's parameters.
#[derive(Clone, Debug)]
pub struct Named {
    /// A tenant.
    pub tenant: String,
    /// A user pool.
    pub user_pool: String,
    /// A connection.
    pub connection: String,
    /// An onboarding link.
    pub link: String,
    /// A word that stands in whatever is written: where it turns up, an attack was carried out.
    pub mark: String,
}

impl Named {
    /// IDs that nobody has.
    #[must_use]
    pub fn made_up() -> Self {
        Self {
            tenant: "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N".to_owned(),
            user_pool: "eu-west-1_Example12".to_owned(),
            connection: "conn_01KAPJ7M7VYGJ5GM8WXT1C4D2N".to_owned(),
            link: "onb_01KAPJ7M7VYGJ5GM8WXT1C4D2N".to_owned(),
            mark: "attacker".to_owned(),
        }
    }

    /// A path with the IDs in the place of its parameters.
    pub(crate) fn put_into(&self, path: &str) -> String {
        path.replace("{tenant_id}", &self.tenant)
            .replace("{user_pool_id}", &self.user_pool)
            .replace("{connection_id}", &self.connection)
            .replace("{link_id}", &self.link)
            .replace("{secret}", &"A".repeat(43))
            .replace("{number}", "1")
    }
}

/// A route, as the template declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: String,
    /// The path, with its parameters.
    pub path: String,
    /// Whether API Gateway asks IAM.
    pub guarded: bool,
}

impl Route {
    fn open(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), guarded: false }
    }

    /// What API Gateway calls it.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn takes(&self, segments: &[&str]) -> bool {
        let mut given = segments.iter();
        for wanted in self.path.split('/').skip(1) {
            let Some(segment) = given.next() else { return false };
            if wanted == "{proxy+}" {
                return !segment.is_empty();
            }
            if wanted != *segment && (!wanted.starts_with('{') || segment.is_empty()) {
                return false;
            }
        }
        given.next().is_none()
    }
}

/// What there is below `/onboarding/`, which is one route for API Gateway.
pub const PAGES: [&str; 9] = [
    "/onboarding/assets/page.css",
    "/onboarding/assets/page.js",
    "/onboarding/{tenant_id}/link/{secret}",
    "/onboarding/{tenant_id}/start",
    "/onboarding/{tenant_id}/workos",
    "/onboarding/{tenant_id}/role",
    "/onboarding/{tenant_id}/check",
    "/onboarding/{tenant_id}/pools/{user_pool_id}/check",
    "/onboarding/{tenant_id}/pools/{user_pool_id}/app-clients",
];

/// The routes that IAM guards: the API that `docs/openapi.json` describes.
///
/// # Panics
///
/// If the document is none.
#[must_use]
pub fn api_routes() -> Vec<Route> {
    const DOCUMENT: &str = include_str!("../../../docs/openapi.json");
    let document: Value = serde_json::from_str(DOCUMENT).unwrap_or_default();
    let paths = document["paths"].as_object().into_iter().flatten();
    let routes: Vec<Route> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
            methods.map(|method| Route { method, path: path.clone(), guarded: true })
        })
        .collect();
    assert!(!routes.is_empty(), "docs/openapi.json describes nothing");
    routes
}

/// The routes that anybody may call.
#[must_use]
pub fn open_routes() -> Vec<Route> {
    const ISSUER: &str = "/oidc/{tenant_id}/{connection_id}";
    let of_issuer = [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/authorize"),
        ("GET", "/jwks"),
        ("POST", "/token"),
        ("GET", "/userinfo"),
        ("POST", "/userinfo"),
    ];
    let mut routes = vec![
        Route::open("POST", "/webhooks/{tenant_id}"),
        Route::open("POST", "/webhooks/{tenant_id}/{number}"),
        Route::open("GET", "/onboarding/{proxy+}"),
        Route::open("POST", "/onboarding/{proxy+}"),
        Route::open("GET", "/oidc/{tenant_id}/callback"),
        Route::open("GET", "/start/{tenant_id}/{user_pool_id}"),
        Route::open("GET", "/discover/{tenant_id}/{user_pool_id}"),
        Route::open("OPTIONS", "/discover/{tenant_id}/{user_pool_id}"),
    ];
    routes.extend(of_issuer.map(|(method, end)| Route::open(method, &format!("{ISSUER}{end}"))));
    routes
}

/// The route that API Gateway matches: the one whose path says most.
#[must_use]
pub fn route_of<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<&'a Route> {
    // Further slashes at the beginning count as one.
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let fixed = |route: &Route| {
        let parts = route.path.split('/');
        parts.map(|part| if part.ends_with("+}") { 0 } else { 1 + usize::from(!part.starts_with('{')) }).sum::<usize>()
    };
    routes.iter().filter(|route| route.method == method && route.takes(&segments)).max_by_key(|route| fixed(route))
}

/// Whether every segment of a path is what a route of ours can have. What is not must be refused unread.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut segments = path.split('/').skip(1);
    path.starts_with('/')
        && segments.all(|segment| !["", ".", ".."].contains(&segment) && segment.bytes().all(is_sound))
}

/// Every path that an attack aims at.
pub(crate) fn paths() -> Vec<String> {
    let routes = api_routes().into_iter().chain(open_routes()).map(|route| route.path);
    let mut paths: Vec<String> = routes.filter(|path| !path.ends_with("{proxy+}")).collect();
    paths.extend(PAGES.map(str::to_owned));
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_of_the_template_is_aimed_at_and_no_other() {
        const TEMPLATE: &str = include_str!("../../../template.yaml");
        let lines: Vec<&str> = TEMPLATE.lines().map(str::trim).collect();
        let mut declared: Vec<(String, bool)> = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if let Some(key) = line.strip_prefix("RouteKey: ").filter(|key| key.contains(" /")) {
                declared.push((key.to_owned(), lines[at + 1] == "AuthorizationType: AWS_IAM"));
            }
        }
        let routes = api_routes().into_iter().chain(open_routes());
        let mut known: Vec<(String, bool)> = routes.map(|route| (route.key(), route.guarded)).collect();
        declared.sort();
        known.sort();
        assert_eq!(declared, known);
    }

    #[test]
    fn a_path_has_the_route_that_says_most_of_it_or_none() {
        let routes: Vec<Route> = api_routes().into_iter().chain(open_routes()).collect();
        for (method, path, expected) in [
            ("GET", "/v1/tenants", Some("GET /v1/tenants")),
            ("GET", "//v1/tenants", Some("GET /v1/tenants")),
            ("GET", "/v1//tenants", None),
            ("GET", "/v1/tenants/", None),
            ("GET", "/v1/tenants/x", Some("GET /v1/tenants/{tenant_id}")),
            ("GET", "/v1/tenants/x/user-pools/y%5Cz", Some("GET /v1/tenants/{tenant_id}/user-pools/{user_pool_id}")),
            ("GET", "/onboarding/../v1/tenants", Some("GET /onboarding/{proxy+}")),
            ("DELETE", "/onboarding/x", None),
            ("GET", "/onboarding/", None),
            ("GET", "/oidc/t/callback", Some("GET /oidc/{tenant_id}/callback")),
            ("GET", "/oidc/t/c/jwks", Some("GET /oidc/{tenant_id}/{connection_id}/jwks")),
            ("POST", "/webhooks/t/2", Some("POST /webhooks/{tenant_id}/{number}")),
        ] {
            let found = route_of(&routes, method, path).map(Route::key);
            assert_eq!(found.as_deref(), expected, "{method} {path}");
        }
    }
}
