//! When a call is sent again.

use std::time::Duration;

use reqwest::{Response, header::RETRY_AFTER};

/// How often a call is sent at most.
const ATTEMPTS: u32 = 4;
/// The pause before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that a `Retry-After` is followed for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No connection: nothing was sent.
    NotSent,
    /// It was sent, and no whole answer came: nobody knows whether it was done.
    Lost,
    /// An answer.
    Answered {
        /// Its status.
        status: u16,
        /// After how long it asks to come again.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// The outcome of an attempt.
    pub fn of(sent: &Result<Response, reqwest::Error>) -> Self {
        match sent {
            Ok(response) => {
                let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Self::Answered { status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) }
            }
            Err(error) if error.is_connect() => Self::NotSent,
            Err(_) => Self::Lost,
        }
    }
}

/// How long to wait before the call is sent again, after the attempt of this number (from 0); none where it
/// is not sent again. `random` is a number from 0 to 1.
pub fn pause(attempt: u32, outcome: Outcome, is_repeatable: bool, random: f64) -> Option<Duration> {
    if attempt + 1 >= ATTEMPTS {
        return None;
    }
    let own = FIRST_PAUSE.saturating_mul(1 << attempt).mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0);
    match outcome {
        Outcome::NotSent => Some(own),
        // Refused before anything was done.
        Outcome::Answered { status: 429, retry_after } => Some(asked_for(retry_after, own)),
        Outcome::Lost if is_repeatable => Some(own),
        Outcome::Answered { status: 503 | 504, retry_after } if is_repeatable => Some(asked_for(retry_after, own)),
        Outcome::Lost | Outcome::Answered { .. } => None,
    }
}

fn asked_for(retry_after: Option<Duration>, own: Duration) -> Duration {
    retry_after.map_or(own, |asked| asked.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None }
    }

    #[test]
    fn what_may_have_been_done_is_sent_again_only_if_that_does_no_more() {
        for (outcome, if_repeatable, else_) in [
            (Outcome::NotSent, true, true),
            (answered(429), true, true),
            (Outcome::Lost, true, false),
            (answered(503), true, false),
            (answered(504), true, false),
            (answered(500), false, false),
            (answered(502), false, false),
            (answered(409), false, false),
            (answered(200), false, false),
        ] {
            assert_eq!(pause(0, outcome, true, 0.5).is_some(), if_repeatable, "{outcome:?}");
            assert_eq!(pause(0, outcome, false, 0.5).is_some(), else_, "{outcome:?}");
        }
    }

    #[test]
    fn the_pauses_grow_and_the_attempts_end() {
        let pauses: Vec<_> = (0..5).map(|attempt| pause(attempt, answered(503), true, 1.0)).collect();
        let millis = |pause: &Option<Duration>| pause.map(|pause| pause.as_millis());
        assert_eq!(pauses.iter().map(millis).collect::<Vec<_>>(), [Some(500), Some(1000), Some(2000), None, None]);
    }

    #[test]
    fn a_retry_after_is_followed_up_to_half_a_minute() {
        let after = |seconds| Outcome::Answered { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(pause(0, after(3), false, 0.0), Some(Duration::from_secs(3)));
        assert_eq!(pause(0, after(3600), false, 0.0), Some(LONGEST_PAUSE));
    }
}
