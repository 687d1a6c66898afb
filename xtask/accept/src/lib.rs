//! `cargo xtask accept`: proves a deployment, on AWS or on the local cloud by the same code, and settles what nobody has
//! seen yet. `docs/accept.md` says how to run it and what each check is about.

mod aws;
mod checks;
mod cleaning;
mod finding;
mod ledger;
mod redaction;
mod report;
mod run;
mod scene;
mod settings;
mod world;

pub use checks::{CHECKS, COLD, Check, PHASES, Reach};
pub use finding::{Finding, Outcome};
pub use report::{Report, table_of_checks};
pub use run::{accept, clean};
