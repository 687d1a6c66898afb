//! The style and the script of the page: the only ones that its Content-Security-Policy lets in.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use causeway_page::{COPYING, STYLE};

/// A browser may keep them for five minutes, as long as an update of Causeway may look odd.
const CACHED: &str = "public, max-age=300";

/// The style.
pub async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

/// The script.
pub async fn script() -> Response {
    asset("text/javascript; charset=utf-8", format!("{COPYING}\n{}", include_str!("assets/page.js")))
}

fn asset(kind: &'static str, text: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, CACHED)], text).into_response()
}
