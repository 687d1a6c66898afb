//! What operators and tenants do with a tenant's user pools: register one, give and try a key, run the checks, choose
//! app clients. Without HTTP: `tenants` does it for the API, `onboarding` and `reconcile` do it for the page.

mod app_clients;
mod audit;
mod deployed;
mod errands;
mod error;
mod options;
mod registration;
mod verify;
mod verify_pool;
mod verify_workos;
mod workos_key;

pub use app_clients::refuse_absent_app_clients;
pub use audit::recorded;
pub use deployed::{Deployed, DeployedReconciler};
pub use errands::{Came, run_errand};
pub use error::TenancyError;
pub use options::check_options;
pub use registration::{NewPool, Rules, register};
pub use verify::{Checks, Verification, Verifier};
pub use workos_key::{check_form, refusal};
