//! The console: pages for a browser of this machine, served at `127.0.0.1` for as long as the command runs, and signed with
//! the operator's own credentials. Nothing of it is in the cloud.
//!
//! [`door`] says who is let in, [`place`] what can be asked for, [`reads`] what the API is asked, [`views`] what is shown.
//! [`server`] puts them together.

pub mod door;
pub mod entrance;
pub mod place;
mod policy;
pub mod reads;
pub mod server;
mod views;
