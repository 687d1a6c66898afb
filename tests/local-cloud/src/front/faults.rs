//! What goes wrong on purpose: drawn from a seed, so that a scenario can be played again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often what goes wrong, as shares of 1, for the requests that contain one of `containing`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The service as signatures name it, such as `cognito-idp` or `sqs`, or `workos`.
    pub service: String,
    /// Whom it hits: texts of which a request contains one.
    pub containing: Vec<String>,
    /// What the fates are drawn from.
    pub seed: u64,
    /// Throttled, and not passed on.
    pub throttles: f64,
    /// Refused as somebody who may not, and not passed on: a key that was revoked.
    pub denied: f64,
    /// The connection is cut, before or after the request was passed on.
    pub resets: f64,
    /// Answered late.
    pub slow: f64,
    /// How long an answer takes at least, in milliseconds, where nothing else goes wrong.
    pub takes_ms: u64,
    /// Passed on, and the answer ends in its middle.
    pub truncated: f64,
    /// Answered 500, before or after the request was passed on.
    pub errors: f64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It is passed on, and so is the answer.
    Normal,
    /// It is throttled.
    Throttled,
    /// It is refused as somebody's who may not.
    Denied,
    /// The connection is cut.
    Reset {
        /// Only after the request was passed on.
        late: bool,
    },
    /// It is passed on after this time.
    Slow(Duration),
    /// It is passed on at once, and its answer comes after this time at the earliest.
    Takes(Duration),
    /// The answer ends in its middle.
    Truncated,
    /// It is answered 500.
    Error {
        /// Only after the request was passed on.
        late: bool,
    },
}

impl Faults {
    fn draw(&self, random: &mut fastrand::Rng) -> Fate {
        // Drawn in any case, so that the fates that follow don't depend on this one.
        let (point, late, wait) = (random.f64(), random.bool(), random.u64(200..1200));
        let fates = [
            (self.throttles, Fate::Throttled),
            (self.denied, Fate::Denied),
            (self.resets, Fate::Reset { late }),
            (self.slow, Fate::Slow(Duration::from_millis(wait))),
            (self.truncated, Fate::Truncated),
            (self.errors, Fate::Error { late }),
        ];
        let mut end = 0.0;
        for (share, fate) in fates {
            end += share;
            if point < end {
                return fate;
            }
        }
        if self.takes_ms > 0 { Fate::Takes(Duration::from_millis(self.takes_ms)) } else { Fate::Normal }
    }
}

/// All that goes wrong at present, by a name for each.
#[derive(Debug, Default)]
pub struct AllFaults {
    by_name: Mutex<BTreeMap<String, (Faults, fastrand::Rng)>>,
}

impl AllFaults {
    /// Has things go wrong from now on, in place of what went wrong under this name before.
    pub fn set(&self, name: &str, faults: Faults) {
        let random = fastrand::Rng::with_seed(faults.seed);
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.to_owned(), (faults, random));
    }

    /// Has nothing go wrong any more under this name.
    pub fn clear(&self, name: &str) {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// What becomes of a request to `service` that is about `about`.
    pub fn fate(&self, service: &str, about: &str) -> Fate {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let hit = by_name.values_mut().find(|(faults, _)| {
            faults.service == service && faults.containing.iter().any(|text| about.contains(text.as_str()))
        });
        hit.map_or(Fate::Normal, |(faults, random)| faults.draw(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Fate> {
        let all = AllFaults::default();
        let faults = Faults {
            service: "workos".to_owned(),
            containing: vec!["key_1".to_owned()],
            seed,
            throttles: 0.3,
            resets: 0.05,
            ..Faults::default()
        };
        all.set("one", faults);
        assert_eq!(all.fate("workos", "key_2"), Fate::Normal, "others are not hit");
        assert_eq!(all.fate("cognito-idp", "key_1"), Fate::Normal, "nor other services");
        (0..1000).map(|_| all.fate("workos", "Bearer key_1")).collect()
    }

    #[test]
    fn a_seed_gives_the_same_fates_again_and_another_gives_others() {
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }

    #[test]
    fn as_many_go_wrong_as_asked_for() {
        let fates = fates(7);
        let count = |what: fn(&Fate) -> bool| fates.iter().filter(|fate| what(fate)).count();
        let throttled = count(|fate| *fate == Fate::Throttled);
        let reset = count(|fate| matches!(fate, Fate::Reset { .. }));
        assert!((250..350).contains(&throttled) && (25..80).contains(&reset), "{throttled} {reset}");
        assert_eq!(count(|fate| *fate == Fate::Normal), 1000 - throttled - reset);
    }
}
