//! Moments on a line of time, a lane for each kind: told by where they stand, not by their colour.

use causeway_core::timestamp::Timestamp;
use maud::{Markup, html};

use super::frame::moment;

/// Into how many columns the time is divided.
const COLUMNS: usize = 30;
/// How high the highest column is, in pixels.
const HIGHEST: u64 = 36;

/// One kind.
#[derive(Debug, Clone)]
pub struct Lane {
    /// What it is called.
    pub name: String,
    /// How its marks look.
    pub class: &'static str,
}

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// The number of its lane.
    pub lane: usize,
    /// When.
    pub at: Timestamp,
}

/// The time that is shown.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    /// From the first mark on, up to `now`.
    fn of(marks: &[Mark], now: Timestamp) -> Self {
        let times = || marks.iter().map(|mark| mark.at);
        Self { from: times().min().unwrap_or(now).min(now), to: times().max().unwrap_or(now).max(now) }
    }

    /// Where a moment is in it, of `all` places from 0 on.
    fn place(self, at: Timestamp, all: u64) -> u64 {
        let (passed, whole) = (at.since(self.from).as_millis(), self.to.since(self.from).as_millis());
        let last = all.saturating_sub(1);
        let place = (passed * u128::from(all)).checked_div(whole).unwrap_or_default();
        u64::try_from(place).unwrap_or(last).min(last)
    }
}

/// A part of the width, of a thousand.
fn percent(thousandth: u64) -> String {
    format!("{}.{}%", thousandth / 10, thousandth % 10)
}

/// Each moment as a mark of its own.
pub fn time_line(what: &str, lanes: &[Lane], marks: &[Mark], now: Timestamp) -> Markup {
    let span = Span::of(marks, now);
    // The last begins a little before the end, so that it is seen.
    let shown = |lane: usize| {
        let places: Vec<u64> =
            marks.iter().filter(|mark| mark.lane == lane).map(|mark| span.place(mark.at, 990)).collect();
        html! {
            @for place in places {
                rect x=(percent(place)) y="4" width="5" height="16" rx="2" {}
            }
        }
    };
    plot(what, "24", lanes, marks, span, &shown)
}

/// How many there were in each part of the time, as columns.
pub fn columns(what: &str, lanes: &[Lane], marks: &[Mark], now: Timestamp) -> Markup {
    let span = Span::of(marks, now);
    let counts: Vec<[u64; COLUMNS]> = (0..lanes.len()).map(|lane| counted(span, marks, lane)).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or_default().max(1);
    let shown = |lane: usize| {
        let height = |count: u64| (count * HIGHEST).div_ceil(most);
        let columns = (0..).zip(counts[lane]).filter(|(_, count)| *count > 0);
        let columns: Vec<(u64, u64)> = columns.map(|(number, count)| (number, height(count))).collect();
        html! {
            @for (number, height) in columns {
                rect x=(percent(number * 1_000 / COLUMNS as u64)) y=(HIGHEST + 2 - height) width="2.6%" height=(height) {}
            }
        }
    };
    plot(what, "40", lanes, marks, span, &shown)
}

fn counted(span: Span, marks: &[Mark], lane: usize) -> [u64; COLUMNS] {
    let mut counts = [0; COLUMNS];
    for mark in marks.iter().filter(|mark| mark.lane == lane) {
        let number = usize::try_from(span.place(mark.at, COLUMNS as u64)).unwrap_or_default();
        counts[number.min(COLUMNS - 1)] += 1;
    }
    counts
}

/// The lanes that have marks, each with how many they are, and the time below.
fn plot(
    what: &str,
    height: &str,
    lanes: &[Lane],
    marks: &[Mark],
    span: Span,
    shown: &dyn Fn(usize) -> Markup,
) -> Markup {
    let count = |lane: usize| marks.iter().filter(|mark| mark.lane == lane).count();
    html! {
        div.plot {
            @for (number, lane) in lanes.iter().enumerate().filter(|(number, _)| count(*number) > 0) {
                div.lane {
                    span.lane-name { strong { (count(number)) } " " (lane.name) }
                    svg class=(lane.class) role="img" width="100%" height=(height)
                        aria-label={ (count(number)) " " (what) ": " (lane.name) } { (shown(number)) }
                }
            }
            p.axis { (moment(&span.from.to_string())) (moment(&span.to.to_string())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lanes() -> Vec<Lane> {
        ["a", "b"].map(|name| Lane { name: name.to_owned(), class: "is-good" }).to_vec()
    }

    proptest! {
        #[test]
        fn every_moment_is_in_the_plot_and_in_its_place_whatever_the_times_are(
            times in proptest::collection::vec((0..2usize, prop_oneof![0..i64::MAX, 0..1000i64, Just(5i64)]), 1..40),
            now in prop_oneof![0..i64::MAX, Just(0i64)],
        ) {
            let marks: Vec<Mark> =
                times.iter().map(|(lane, at)| Mark { lane: *lane, at: Timestamp::from_millis(*at) }).collect();
            let now = Timestamp::from_millis(now);
            let span = Span::of(&marks, now);
            for mark in &marks {
                prop_assert!(span.place(mark.at, 990) < 990);
                let earlier = marks.iter().filter(|other| other.at <= mark.at);
                prop_assert!(earlier.map(|other| span.place(other.at, 990)).max() == Some(span.place(mark.at, 990)));
            }
            let line = time_line("runs", &lanes(), &marks, now).into_string();
            prop_assert_eq!(line.matches("<rect").count(), marks.len());
            let all: u64 = (0..2).flat_map(|lane| counted(span, &marks, lane)).sum();
            prop_assert_eq!(all, marks.len() as u64);
            columns("sign-ins", &lanes(), &marks, now);
        }
    }
}
