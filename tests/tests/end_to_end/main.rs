//! The end-to-end tests, on a local cloud that `cargo xtask up` or `cargo xtask test` started.
//!
//! All of them share one deployment and run side by side, so each has a tenant and user pools of its
//! own. The emulated `WorkOS` keeps one store for all API keys but the other environment's: every pool names
//! its organizations.

mod access;
mod adoption;
mod attackers;
mod audit;
mod bad_input;
mod burst;
mod calls;
mod changes;
mod command_line;
mod command_policies;
mod conformance;
mod costs;
mod dead_letters;
mod deploy_page;
mod due;
mod environments;
mod external_id;
mod failures;
mod faults;
mod front;
mod full_pool;
mod gone;
mod guard;
mod idempotency;
mod identifiers;
mod in_process;
mod ingest;
mod killed;
mod lease;
mod lookup;
mod losses;
mod measured;
mod modes;
mod moving;
mod names;
mod onboarding;
mod onboarding_floods;
mod onboarding_links;
mod out_of_time;
mod ownership;
mod policies;
mod pool;
mod real_browser;
mod reconcile;
mod redaction;
mod relying_party;
mod removal;
mod role;
mod role_forms;
mod rotation;
mod runbooks;
mod shell;
mod sign_in;
mod status;
mod tenancy;
mod tenants;
mod test_organization;
mod token;
mod traces;
mod unreadable;
mod wiring;
mod workos_secrets;
