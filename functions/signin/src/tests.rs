//! The endpoints from event to answer, in one process: the real router over an AWS and a WorkOS that are
//! made up here and count what they are asked.

mod attackers;
mod aws;
mod bearers;
mod domains;
mod flood;
mod gone;
mod journey;
mod keys;
mod log;
mod lookup;
mod made_up;
mod measured;
mod prompts;
mod refusals;
mod samples;
mod secrets;
mod sign_in_log;
mod start;
mod start_up;
mod unreadable;
mod workos;
mod world;
