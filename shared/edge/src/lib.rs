//! The one way from an event of API Gateway's HTTP API (payload format 2.0) to a request of a function's router, and
//! from its response back.
//!
//! No URL parser sees the path: one that resolves `..` or `\` leads a request past the route that API Gateway
//! authorised. The path is taken byte by byte, one that no route of ours needs is refused unread, and the route that
//! the router matches must be the one that API Gateway matched.

mod answer;
mod edge;
mod event;
mod limit;
mod path;
mod request_log;
mod source;

pub use answer::Answer;
pub use edge::{Door, Edge, run};
pub use event::{Caller, RequestId};
pub use limit::{Limit, Rate};
pub use request_log::{logged, measured_as_request};
pub use source::Source;
