//! The domain of Causeway: what a tenant's user pool should look like, what must be done to make it so,
//! and what a sign-in carries. Pure: no AWS, no HTTP, no clock, no randomness; they come in as arguments.
//!
//! Read [`plan`] first: it is what the rest of the system exists for.

pub mod adoption;
pub mod app_clients;
pub mod approval;
pub mod audit;
pub mod check;
pub mod claim;
pub mod connection;
pub mod decisions;
pub mod desired;
pub mod domain;
pub mod environment;
pub mod errand;
pub mod external_id;
pub mod foreign;
pub mod guard;
pub mod health;
pub mod id;
pub mod idempotency;
pub mod identifier;
pub mod lenient;
pub mod lookup;
pub mod object;
pub mod offering;
pub mod oidc;
pub mod onboarding;
pub mod organization;
pub mod plan;
pub mod port;
pub mod provider;
pub mod removal;
pub mod role;
pub mod run;
pub mod schema;
pub mod secret;
pub mod serving;
pub mod shown;
pub mod sign_in_links;
pub mod standing;
pub mod start;
pub mod tenant;
pub mod timestamp;
pub mod trouble;
pub mod unknown;
pub mod user_pool;
pub mod waiting;
pub mod wake_up;
pub mod webhook;
pub mod webhook_endpoint;
