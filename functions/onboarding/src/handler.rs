//! The pages, each request of which is logged.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
};
use causeway_edge::logged;

use crate::{page, service::Service};

/// The pages, each request of which is logged.
pub fn router(service: Arc<Service>) -> Router {
    let pages = page::router(&service.base).layer(from_fn(async |request: Request, next: Next| {
        let path = page::loggable(request.uri().path());
        logged(request, next, &path).await
    }));
    pages.with_state(service)
}
