//! WorkOS over HTTP: the connections and organizations of an environment, the codes of sign-ins, and what
//! Causeway registers with WorkOS by itself.
//!
//! A list is complete or an error, since a connection that is missing from a list loses its identity
//! provider. No secret is ever part of an error: neither what Causeway sends nor what WorkOS answers is
//! quoted, but for WorkOS's own words about a refusal, from which the secrets of the request are taken out.

mod call;
mod client;
mod connections;
mod error;
mod pages;
mod port;
mod record;
mod refusal;
mod registration;
mod sign_in;

pub use call::Call;
pub use client::Workos;
pub use error::WorkosError;
pub use refusal::Refusal;
pub use registration::WebhookEndpoint;
