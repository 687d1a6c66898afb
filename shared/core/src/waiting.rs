//! When a user pool is looked at for webhooks, however many come: at once after quiet, then once in 15 seconds, and
//! with one message at a time that waits for it.
//!
//! `ingest` marks a pool before it sends a message for it ([`Mark`]), and the run takes the mark off before it looks.
//! So an event that finds a mark needs nothing: the look that the message leads to begins after it. No clock has a say
//! in that. Clocks decide how long a mark is believed and how far looks are apart, and none is trusted by more than
//! [`SKEW`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{lenient::if_readable, timestamp::Timestamp, wake_up::Cause};

/// How far the beginnings of two looks for webhooks at a pool are apart at least.
pub const APART: Duration = Duration::from_secs(15);
/// How far two clocks may be apart, SQS's among them.
pub const SKEW: Duration = Duration::from_secs(5);
/// The longest that a run holds its pool: for as long as a function may take (Lambda: 15 minutes), and what a lease
/// outlasts it by.
pub const LONGEST_LEASE: Duration = Duration::from_mins(16);
/// How long a mark is believed: who made it may have died before it sent the message.
const BELIEVED: Duration = Duration::from_secs(30);
/// How long after a message that waits for its time was sent once more it is sent again at the soonest.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How many pools of a tenant are looked at at once, and how many more with each second.
const AT_ONCE: u32 = 10;
const EACH_SECOND: u32 = 5;
/// The longest that a message waits (SQS: `DelaySeconds` is at most 900), with some for the way.
const LONGEST: Duration = Duration::from_secs(880);

/// What is known of the message that waits for a pool, and of the last look that one led to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The message on its way; none where nobody waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// When the last look for webhooks began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
}

/// A message that waits for a pool, or was about to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// When it was marked.
    pub since: Timestamp,
    /// When it is due.
    pub due: Timestamp,
    /// The event that it was sent for.
    pub event: String,
    /// When it was last sent once more, or was about to be; none where that never was.
    #[serde(default, deserialize_with = "if_readable", skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
}

impl Waiting {
    fn is_believed(&self, now: Timestamp) -> bool {
        let until = self.since.plus(BELIEVED).max(self.due.plus(APART));
        self.since <= now.plus(SKEW) && self.due <= now.plus(LONGEST + SKEW) && now < until
    }

    /// A number that tells its message from those of other marks of the same time: clocks are apart, so that a mark that
    /// is made later can be of the time of an earlier one. Of the same event, whose earlier look covers it, it is the same.
    pub fn number(&self) -> u128 {
        u128::from_str_radix(&self.event, 16).unwrap_or_default()
    }

    /// What another delivery of its event needs.
    fn again(&self, now: Timestamp) -> Step {
        if self.due <= now {
            return Step::Again(self.clone());
        }
        let is_recent = self.again_at.is_some_and(|at| at <= now.plus(SKEW) && now < at.plus(AGAIN_AFTER));
        if is_recent { Step::InDoubt } else { Step::AgainLater(Self { again_at: Some(now), ..self.clone() }) }
    }
}

/// The place of a pool among all of its tenant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How many come before it.
    pub before: u32,
    /// How many there are.
    pub of: u32,
}

impl Place {
    /// How long it waits for those before it, so that one tenant's pools keep nobody else's waiting.
    fn turn(self) -> Duration {
        let later = (self.before + 1).saturating_sub(AT_ONCE);
        Duration::from_secs(later.div_ceil(EACH_SECOND).into()).min(LONGEST)
    }

    /// How far looks for webhooks are apart: those at all of the tenant's pools are no more than [`EACH_SECOND`].
    fn apart(self) -> Duration {
        APART.max(Duration::from_secs(self.of.div_ceil(EACH_SECOND).into())).min(LONGEST)
    }
}

/// What an event needs for a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: a message is on its way.
    Nothing,
    /// The message of an earlier delivery of the event once more, by the same ID: nobody knows whether it was sent.
    Again(Waiting),
    /// The same, where it waits for its time, among messages of which no two are taken for one by their ID. First this
    /// mark, in the place of the one that was read and of no other: so one of many deliveries sends it.
    AgainLater(Waiting),
    /// Nothing now, and the event must be delivered again: its message was sent once more a moment ago, or was about to be,
    /// and nobody knows whether it was.
    InDoubt,
    /// This mark, and then its message.
    Send(Waiting),
}

/// What `event` needs at `now` for a pool with this mark.
pub fn step(mark: &Mark, place: Place, event: &str, now: Timestamp) -> Step {
    if let Some(waiting) = mark.waiting.as_ref().filter(|waiting| waiting.is_believed(now)) {
        return if waiting.event == event { waiting.again(now) } else { Step::Nothing };
    }
    let last = mark.looked_at.filter(|at| *at <= now.plus(SKEW));
    let due = last.map_or(now, |last| last.plus(place.apart())).max(now.plus(place.turn()));
    Step::Send(Waiting { since: now, due: due.min(now.plus(LONGEST)), event: event.to_owned(), again_at: None })
}

/// Whether a look may be left out, or put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It may not: whoever asked gets a run.
    AtOnce,
    /// A look does as well that began after this time, when the last of the messages was sent.
    Since(Timestamp),
}

/// What asks for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Why.
    pub cause: Cause,
    /// Whether it may be left out.
    pub urgency: Urgency,
}

/// What decides whether a run may begin, as it stands on the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Until when another run holds the pool.
    pub held_until: Option<Timestamp>,
    /// Whether the pool is being removed: each run takes it down further.
    pub is_removing: bool,
    /// When the last complete look began that took the pool's mark off first.
    pub looked_at: Option<Timestamp>,
    /// When the last look for webhooks began, complete or not.
    pub webhook_look_at: Option<Timestamp>,
}

/// Why a run does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another run holds the pool. To be asked again at this time.
    Held(Timestamp),
    /// It is a look for webhooks, and the last one began a moment ago. To be asked again at this time.
    TooSoon(Timestamp),
    /// A complete look began after the message was sent.
    Covered,
}

/// Why a run that `call` asks for at `now` does not begin; `None` where it does. A time that is ahead by more than
/// [`SKEW`] is of a clock that is wrong, and keeps nobody from looking; neither does a lease that ends later than one can.
pub fn refusal(standing: Standing, call: Call, now: Timestamp) -> Option<Refusal> {
    let is_held = |until: &Timestamp| *until > now && *until <= now.plus(LONGEST_LEASE + SKEW);
    if let Some(until) = standing.held_until.filter(is_held) {
        return Some(Refusal::Held(until.min(now.plus(APART))));
    }
    let Urgency::Since(sent_at) = call.urgency else { return None };
    if standing.is_removing {
        return None;
    }
    let past = |time: Option<Timestamp>| time.filter(|at| *at <= now.plus(SKEW));
    if past(standing.looked_at).is_some_and(|began| began > sent_at.plus(SKEW)) {
        return Some(Refusal::Covered);
    }
    let soonest = past(standing.webhook_look_at).map(|last| last.plus(APART));
    soonest.filter(|at| *at > now && call.cause == Cause::Webhook).map(Refusal::TooSoon)
}

#[cfg(test)]
mod tests;
