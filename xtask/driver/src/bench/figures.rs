//! Many measurements as a few figures.

use std::time::Duration;

use serde::Serialize;

/// The median of several measurements, with the least and the most of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Half of them are no more than this.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// How many there are.
    pub runs: usize,
}

impl Spread {
    /// Of measurements in any order; all zero where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let runs = sorted.len();
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let median = if runs.is_multiple_of(2) {
            f64::midpoint(at((runs / 2).wrapping_sub(1)), at(runs / 2))
        } else {
            at(runs / 2)
        };
        Self { median, min: at(0), max: at(runs.wrapping_sub(1)), runs }
    }

    /// Of times, in milliseconds.
    pub fn of_times(times: impl IntoIterator<Item = Duration>) -> Self {
        Self::of(times.into_iter().map(milliseconds))
    }

    /// For a table: the median, and the least and the most in brackets.
    pub fn shown(&self) -> String {
        format!("{} ({} to {})", number(self.median), number(self.min), number(self.max))
    }
}

/// A time in milliseconds.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A number with as many places as a reader has use for.
pub fn number(value: f64) -> String {
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}

/// Any count as a number that is calculated with. Counts here stay far below what is exact.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
pub fn count(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_lies_between_the_two_middle_ones_whatever_the_order() {
        assert_eq!(Spread::of([9.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 9.0, runs: 3 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 100.0]), Spread { median: 3.0, min: 1.0, max: 100.0, runs: 4 });
        assert_eq!(Spread::of([7.0]), Spread { median: 7.0, min: 7.0, max: 7.0, runs: 1 });
        assert_eq!(Spread::of([]).runs, 0);
    }

    #[test]
    fn times_are_shown_in_milliseconds_with_three_digits_or_so() {
        let spread =
            Spread::of_times([Duration::from_micros(1234), Duration::from_micros(45_678), Duration::from_secs(1)]);
        assert_eq!(spread.shown(), "45.7 (1.23 to 1000)");
    }
}
