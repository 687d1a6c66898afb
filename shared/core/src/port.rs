//! The three sides of a run, as the reconciler sees them: the table, the tenant's user pool, and WorkOS's directory.
//!
//! Adapters stand behind these traits where Causeway is deployed, and a world in memory where it is simulated. What
//! crosses them is of the domain; an error carries its class and its cause.

mod directory;
mod pool;
mod table;

pub use directory::{Directory, DirectoryError};
pub use pool::{AppClient, Assumption, Pool, PoolDescription, PoolError, Pools, Problem, RoleToAssume};
pub use table::{Recorded, Table, TableError};

/// The three sides together.
pub trait Ports: std::fmt::Debug + Clone + Send + Sync + 'static {
    /// The table.
    type Table: Table;
    /// The way into the tenants' pools.
    type Pools: Pools;
    /// WorkOS.
    type Directory: Directory;
}
