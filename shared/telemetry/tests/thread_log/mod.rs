//! The log of one thread, for tests that look at what is logged: each test has a thread of its own.

use std::{
    cell::RefCell,
    io::{self, Write},
};

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where a subscriber of all tests writes. One of a thread's own would miss what other threads met first.
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What this thread has logged so far.
pub fn written() -> String {
    WRITTEN.with_borrow(|written| String::from_utf8(written.clone()).unwrap())
}
