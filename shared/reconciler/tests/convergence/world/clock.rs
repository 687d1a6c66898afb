//! The world's time and its dice. A world lives in a runtime whose time stands still until everybody waits, so that a
//! minute of it takes no time of ours.

use std::{cell::Cell, future::Future, time::Duration};

use causeway_core::timestamp::Timestamp;
use causeway_reconciler::Sources;
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    static BEGIN: Cell<Option<Instant>> = const { Cell::new(None) };
    static ROLLED: Cell<u64> = const { Cell::new(0) };
}

/// When every world begins.
pub fn then() -> Timestamp {
    Timestamp::from_seconds(1_790_000_000)
}

/// Lives a life, from the beginning.
pub fn live<T>(life: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            BEGIN.set(Some(Instant::now()));
            ROLLED.set(0);
            life.await
        })
    })
}

pub fn now() -> Timestamp {
    then().plus(BEGIN.get().map_or(Duration::ZERO, |begin| begin.elapsed()))
}

pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Different bytes each time, and the same ones in each life: the generator of Steele, Lea and Flood.
fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    for part in bytes.chunks_mut(8) {
        let state = ROLLED.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        ROLLED.set(state);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    bytes
}

pub const SOURCES: Sources = Sources { now, random };
