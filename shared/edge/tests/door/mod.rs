//! A door with every route of Causeway's behind it, each of which says which one it is.
#![allow(dead_code, reason = "each of the tests that share this uses a part of it")]

use std::panic::RefUnwindSafe;

use axum::{Router, extract::MatchedPath, http::Method, routing::any};
use causeway_attackers::{PAGES, Route, api_routes, is_plain, open_routes, route_of};
use causeway_core::provider::BaseUrl;
use causeway_edge::{Answer, Door, Edge, RequestId};
use serde_json::Value;
use tokio::runtime::Runtime;

/// All routes of the template.
pub fn routes() -> Vec<Route> {
    api_routes().into_iter().chain(open_routes()).collect()
}

/// The door, and what its answers are waited for on.
pub struct Entrance {
    edge: Edge,
    runtime: Runtime,
    routes: Vec<Route>,
}

/// A panic behind it ends at the door.
impl RefUnwindSafe for Entrance {}

impl Entrance {
    pub fn new(door: Door) -> Self {
        let routes = routes();
        let mut paths: Vec<&str> = routes.iter().map(|route| route.path.as_str()).collect();
        paths.retain(|path| !path.ends_with("{proxy+}"));
        paths.extend(PAGES);
        paths.sort_unstable();
        paths.dedup();
        let said = async |method: Method, matched: MatchedPath| format!("{method} {}", matched.as_str());
        let behind = paths.into_iter().fold(Router::new(), |behind, path| behind.route(path, any(said)));
        let edge = Edge::new(behind, &BaseUrl::parse("https://login.example.com").unwrap(), door);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { edge, runtime, routes }
    }

    pub fn answer(&self, payload: &str) -> Answer {
        self.runtime.block_on(self.edge.answer(payload, RequestId("id".to_owned())))
    }

    /// What is wrong with how an event was answered; nothing where it is refused, or got to the route that API Gateway
    /// authorised by a path that is this route's.
    pub fn fault(&self, event: &Value) -> Option<String> {
        let answer = self.answer(&event.to_string());
        let text = |place: &Value| place.as_str().unwrap_or_default().to_owned();
        let (key, path) = (text(&event["routeKey"]), text(&event["rawPath"]));
        match answer.status_code {
            400 | 403 | 404 => None,
            200 => {
                let matched = answer.body;
                let in_proxy = key.strip_suffix("{proxy+}").is_some_and(|prefix| matched.starts_with(prefix));
                let (method, _) = key.split_once(' ').unwrap_or_default();
                let is_its_own = route_of(&self.routes, method, &path).is_some_and(|route| route.key() == key);
                let is_right = (matched == key || in_proxy) && is_its_own && is_plain(&path);
                (!is_right).then(|| format!("{key} let {path:?} through to {matched}"))
            }
            status => Some(format!("{key} {path:?} was answered {status}")),
        }
    }
}
