//! One reconcile: looks at both sides completely, lets `causeway_core::plan` decide, carries the plan out.

mod adoption;
mod creating;
mod describe;
mod domains;
mod ending;
mod execute;
mod external_ids;
mod guard;
mod in_line;
mod look;
mod moving;
mod planned;
mod providers;
mod removal;
mod run;
mod webhooks;
mod wiring;
mod writing;

use std::time::Duration;

use causeway_core::{port::Ports, provider::BaseUrl, timestamp::Timestamp};

pub use adoption::{Adopted, AdoptionError, AdoptionRequest};
pub use look::{Look, LookError};
pub use moving::{Compared, MoveRequest};
pub use run::{Deadlines, LEASE_AFTER_DEADLINE, Ran, RunError};

/// What every run depends on besides its pool.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What issuers are built from.
    pub base: BaseUrl,
    /// How long a pool in line is left alone.
    pub interval: Duration,
    /// How often everything is described, moved or not.
    pub full_pass: Duration,
}

/// Where time and randomness come from.
#[derive(Debug, Clone, Copy)]
pub struct Sources {
    /// The time.
    pub now: fn() -> Timestamp,
    /// 32 random bytes, fit for secrets.
    pub random: fn() -> [u8; 32],
}

impl Sources {
    /// A random number of 128 bits.
    pub fn number(&self) -> u128 {
        let bytes = (self.random)();
        bytes.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
    }

    /// A random number from 0 to 1.
    pub fn fraction(&self) -> f64 {
        let [byte, other, ..] = (self.random)();
        f64::from(u16::from_be_bytes([byte, other])) / f64::from(u16::MAX)
    }
}

/// Reconciles user pools.
#[derive(Debug, Clone)]
pub struct Reconciler<P: Ports> {
    /// The table.
    pub table: P::Table,
    /// The way into the tenants' pools.
    pub pools: P::Pools,
    /// WorkOS.
    pub directory: P::Directory,
    /// What every run depends on.
    pub settings: Settings,
    /// Time and randomness.
    pub sources: Sources,
}
