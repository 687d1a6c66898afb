//! Cognito in the tenants' accounts, reached through each tenant's role. Thin: it paces, pages, maps errors
//! to classes and copies what updates would reset; it decides nothing.

mod access;
mod app_client;
mod error;
mod fields;
mod pacer;
mod pool;
mod port;

#[cfg(test)]
mod answering;
#[cfg(test)]
mod paced_tests;
#[cfg(test)]
mod settings_tests;

pub use access::Access;
pub use pool::PoolAccess;
