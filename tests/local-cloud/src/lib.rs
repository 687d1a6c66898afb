//! The local cloud, and what the end-to-end tests and the commands do with it.
//!
//! [`cloud::Cloud`] starts `MiniStack` and `WorkOS`'s emulator, builds the functions and deploys
//! `template.yaml`. The other modules speak to what runs there: [`api`] to Causeway's own API,
//! [`account`] to the emulated AWS as any account, [`workos`] to the emulated `WorkOS`.

pub mod account;
pub mod api;
pub mod browser;
pub mod chromium;
pub mod cloud;
pub mod command_line;
pub mod cost;
pub mod demo;
pub mod deployment;
pub mod eventually;
pub mod front;
pub mod interrupt;
pub mod json;
pub mod lambda;
pub mod ministack;
pub mod node_script;
pub mod onboarding_page;
pub mod page;
pub mod process;
pub mod query_api;
pub mod raw_http;
pub mod signed_http;
pub mod tenant_role;
pub mod tools;
pub mod workos;

pub use causeway_machine::workspace;
