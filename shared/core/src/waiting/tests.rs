//! Webhooks at one pool on their way to looks, in simulated time: through instances of `ingest` that die, tables that
//! lose nothing, queues that deliver twice and late, and runs that take turns, all with clocks of their own.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

mod rules;

const ONE: Place = Place { before: 0, of: 1 };
/// How long all the ways may take together that a message goes, from the event to the look: the queues, the timer's
/// whole seconds, and a run that is under way.
const WAYS: i64 = 9_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000 + millis)
}

/// What a life of the simulation is made of, each number drawn.
#[derive(Debug, Clone)]
struct Life {
    /// When events happen, in milliseconds.
    events: Vec<i64>,
    /// How far the clocks are off of each instance of `ingest`, of `reconcile`, and of SQS.
    clocks: [i64; 5],
    /// What the others are drawn from.
    seed: u64,
    /// Whether instances die, answers are lost and queues deliver twice.
    faults: bool,
}

fn lives(faults: impl Strategy<Value = bool>) -> impl Strategy<Value = Life> {
    let sparse = prop::collection::vec(0..180_000_i64, 1..12);
    let flood = (0..60_000_i64, prop::collection::vec(0..25_000_i64, 50..300))
        .prop_map(|(begin, events)| events.into_iter().map(|event| begin + event).collect());
    let skew = i64::try_from(SKEW.as_millis()).unwrap() / 2 - 1;
    let clocks = prop_oneof![Just([0; 5]), prop::array::uniform5(-skew..=skew)];
    (prop_oneof![sparse, flood], clocks, any::<u64>(), faults).prop_map(|(events, clocks, seed, faults)| Life {
        events,
        clocks,
        seed,
        faults,
    })
}

/// What happens, in the order of its time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// An event is delivered, for the so-manieth time.
    Deliver { event: usize, time: u32 },
    /// A delivery that has read the mark decides and writes.
    Decide { event: usize, time: u32, read: Option<WaitingAt> },
    /// A delivery that has marked the pool sends its message.
    Send { event: usize, time: u32, since: i64, due: i64, number: u128 },
    /// A message of the timer is passed on.
    PassOn { id: MessageId },
    /// The queue hands over what it has.
    Receive,
    /// A run ends.
    End,
}

/// [`Waiting`] in milliseconds, which sorts.
type WaitingAt = (i64, i64, String, Option<i64>);

fn in_millis(waiting: &Waiting) -> WaitingAt {
    let again_at = waiting.again_at.map(Timestamp::millis);
    (waiting.since.millis(), waiting.due.millis(), waiting.event.clone(), again_at)
}

/// What SQS knows a message by: when its pool was marked for it, and the event's number.
type MessageId = (i64, u128);

struct World {
    random: u64,
    faults: bool,
    clocks: [i64; 5],
    happens: BTreeSet<(i64, u64, Happens)>,
    number: u64,
    mark: Mark,
    standing: Standing,
    /// Deduplication IDs that the queue has taken, and what waits there, with the time that SQS sent it at.
    taken: BTreeSet<MessageId>,
    queue: Vec<Timestamp>,
    running: Option<(Timestamp, bool)>,
    /// Since when each event is answered with 200, and when each happened.
    answered: BTreeMap<usize, i64>,
    died: bool,
    looks: Vec<i64>,
    looks_by_clock: Vec<Timestamp>,
    most_waiting: usize,
    waiting: BTreeSet<MessageId>,
}

impl World {
    fn new(life: &Life) -> Self {
        let mut world = Self {
            random: life.seed | 1,
            faults: life.faults,
            clocks: life.clocks,
            happens: BTreeSet::new(),
            number: 0,
            mark: Mark::default(),
            standing: Standing::default(),
            taken: BTreeSet::new(),
            queue: Vec::new(),
            running: None,
            answered: BTreeMap::new(),
            died: false,
            looks: Vec::new(),
            looks_by_clock: Vec::new(),
            most_waiting: 0,
            waiting: BTreeSet::new(),
        };
        for (event, when) in life.events.iter().enumerate() {
            world.then(*when, Happens::Deliver { event, time: 0 });
        }
        world
    }

    fn then(&mut self, when: i64, what: Happens) {
        self.number += 1;
        self.happens.insert((when, self.number, what));
    }

    /// A number below `below`, of xorshift.
    fn draw(&mut self, below: i64) -> i64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        i64::try_from(self.random >> 33).unwrap() % below.max(1)
    }

    /// Whether a fault happens that does in one of so many.
    fn fails(&mut self, one_of: i64) -> bool {
        self.faults && self.draw(one_of) == 0
    }

    fn clock(&self, which: usize, now: i64) -> Timestamp {
        at(now + self.clocks[which])
    }

    fn run(&mut self) {
        while let Some((now, _, what)) = self.happens.pop_first() {
            match what {
                Happens::Deliver { event, time } => self.deliver(now, event, time),
                Happens::Decide { event, time, read } => self.decide(now, event, time, read.as_ref()),
                Happens::Send { event, time, since, due, number } => self.send(now, event, time, (since, due, number)),
                Happens::PassOn { id } => self.pass_on(now, id),
                Happens::Receive => self.receive(now),
                Happens::End => self.end(now),
            }
            self.most_waiting = self.most_waiting.max(self.waiting.len());
        }
    }

    /// An instance that dies answers nothing: the event is delivered again, at some time.
    fn again(&mut self, now: i64, event: usize, time: u32) {
        self.died = true;
        let later = 1 + self.draw(60_000);
        self.then(now + later, Happens::Deliver { event, time: time + 1 });
    }

    fn deliver(&mut self, now: i64, event: usize, time: u32) {
        if self.fails(30) {
            let later = self.draw(5_000);
            self.then(now + later, Happens::Deliver { event, time: time + 1 });
        }
        let read = self.mark.waiting.as_ref().map(in_millis);
        let takes = 1 + self.draw(20);
        self.then(now + takes, Happens::Decide { event, time, read });
    }

    fn decide(&mut self, now: i64, event: usize, time: u32, read: Option<&WaitingAt>) {
        let clock = self.clock(event % 2, now);
        let waiting = read.map(|(since, due, event, again_at)| Waiting {
            since: Timestamp::from_millis(*since),
            due: Timestamp::from_millis(*due),
            event: event.clone(),
            again_at: again_at.map(Timestamp::from_millis),
        });
        let mark = Mark { waiting: waiting.clone(), looked_at: self.mark.looked_at };
        let message = match step(&mark, ONE, &event.to_string(), clock) {
            Step::Nothing => None,
            Step::InDoubt => return self.again(now, event, time),
            // The table's condition: the mark is still the one that was read.
            Step::AgainLater(_) if self.mark.waiting != waiting => return self.again(now, event, time),
            // The table's condition: nobody else marked it since it was read.
            Step::Send(_) if self.mark.waiting.is_some() && self.mark.waiting != waiting => None,
            Step::Again(waiting) => Some(waiting),
            Step::AgainLater(waiting) | Step::Send(waiting) => {
                self.mark.waiting = Some(waiting.clone());
                Some(waiting)
            }
        };
        let Some(waiting) = message else {
            self.answered.insert(event, now);
            return;
        };
        if self.fails(8) {
            // It dies between the mark and the message.
            return self.again(now, event, time);
        }
        let takes = 1 + self.draw(200);
        let (since, due, number) = (waiting.since.millis(), waiting.due.millis(), waiting.number());
        self.then(now + takes, Happens::Send { event, time, since, due, number });
    }

    fn send(&mut self, now: i64, event: usize, time: u32, (since, due, number): (i64, i64, u128)) {
        if self.fails(10) {
            // The queue refuses it: the mark comes off, and the event is delivered again.
            if self.mark.waiting.as_ref().is_some_and(|waiting| waiting.since.millis() == since) {
                self.mark.waiting = None;
            }
            return self.again(now, event, time);
        }
        let id = (since, number);
        self.waiting.insert(id);
        let clock = self.clock(event % 2, now).millis();
        let delay = if due > clock { (due - clock + 999) / 1000 * 1000 } else { 0 };
        for _ in 0..if self.fails(4) { 2 } else { 1 } {
            let late = self.draw(if delay > 0 { 1_000 } else { 50 });
            self.then(now + delay + late, Happens::PassOn { id });
        }
        if self.fails(10) {
            // It was sent, and whoever sent it dies before it answers.
            return self.again(now, event, time);
        }
        self.answered.insert(event, now);
    }

    fn pass_on(&mut self, now: i64, id: MessageId) {
        if self.taken.insert(id) {
            let sent_at = self.clock(4, now);
            self.queue.push(sent_at);
            let late = self.draw(1_000);
            self.then(now + late, Happens::Receive);
        } else {
            self.waiting.remove(&id);
        }
    }

    fn receive(&mut self, now: i64) {
        if self.queue.is_empty() || self.running.is_some() {
            return;
        }
        let (which, messages) = (2 + usize::from(self.draw(2) == 1), std::mem::take(&mut self.queue));
        let clock = self.clock(which, now);
        let urgency = Urgency::Since(messages.iter().copied().max().unwrap());
        match refusal(self.standing, Call { cause: Cause::Webhook, urgency }, clock) {
            None => {
                // The mark comes off, and then it looks.
                self.mark = Mark { waiting: None, looked_at: Some(clock) };
                self.standing.webhook_look_at = Some(clock);
                self.looks.push(now);
                self.looks_by_clock.push(clock);
                self.waiting.clear();
                self.running = Some((clock, !self.fails(5)));
                let takes = 50 + self.draw(4_000);
                self.then(now + takes, Happens::End);
            }
            Some(Refusal::Covered) => self.waiting.clear(),
            Some(Refusal::Held(until) | Refusal::TooSoon(until)) => {
                let wait = (until.millis() - clock.millis() + 999) / 1000 * 1000;
                let (late, id) = (self.draw(1_000), (-i64::try_from(self.number).unwrap(), 0));
                self.then(now + wait + late, Happens::PassOn { id });
            }
        }
    }

    fn end(&mut self, now: i64) {
        if let Some((began, true)) = self.running.take() {
            self.standing.looked_at = Some(began);
        }
        self.then(now + 1, Happens::Receive);
    }

    /// When the first look began after a time.
    fn next_look(&self, after: i64) -> Option<i64> {
        self.looks.iter().copied().find(|look| *look >= after)
    }
}

fn played(life: &Life) -> World {
    let mut world = World::new(life);
    world.run();
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_covered_by_a_look_that_begins_within_half_a_minute(life in lives(Just(false))) {
        let world = played(&life);
        for (event, happened) in life.events.iter().enumerate() {
            prop_assert!(world.answered.contains_key(&event));
            let look = world.next_look(*happened);
            let within = i64::try_from(APART.as_millis()).unwrap() + WAYS;
            prop_assert!(within <= 30_000);
            prop_assert!(look.is_some_and(|look| look - happened <= within), "{happened}: {look:?} of {:?}", world.looks);
        }
    }

    #[test]
    fn whatever_dies_fails_or_comes_twice_an_event_that_was_answered_is_covered_once_all_was_delivered_again(
        life in lives(Just(true))
    ) {
        let world = played(&life);
        for (event, happened) in life.events.iter().enumerate() {
            prop_assert!(world.answered.contains_key(&event));
            prop_assert!(world.next_look(*happened).is_some(), "{happened} of {:?}", world.looks);
        }
        if !world.died {
            let last = world.answered.values().max().copied().unwrap_or_default();
            prop_assert!(world.next_look(*life.events.iter().max().unwrap()).unwrap() - last <= 30_000);
        }
    }

    #[test]
    fn looks_for_webhooks_begin_a_quarter_of_a_minute_apart(life in lives(any::<bool>())) {
        let world = played(&life);
        for looks in world.looks_by_clock.windows(2) {
            prop_assert!(looks[1].since(looks[0]) >= APART, "{:?}", world.looks);
        }
    }

    #[test]
    fn a_pool_has_one_message_that_waits_however_many_events_come(life in lives(Just(false))) {
        prop_assert!(played(&life).most_waiting <= 1);
    }

    #[test]
    fn the_first_event_after_quiet_is_looked_at_at_once(life in lives(Just(false)), quiet in 60_000..600_000_i64) {
        let last = life.events.iter().max().unwrap() + quiet;
        let world = played(&Life { events: [life.events.clone(), vec![last]].concat(), ..life });
        prop_assert!(world.next_look(last).is_some_and(|look| look - last <= 1_500), "{last}: {:?}", world.looks);
    }

    #[test]
    fn of_three_hundred_events_in_a_quarter_of_a_minute_at_most_five_lead_to_a_look(
        events in prop::collection::vec(0..15_000_i64, 300), life in lives(any::<bool>())
    ) {
        let world = played(&Life { events, ..life });
        prop_assert!(world.died || world.looks.len() <= 5, "{:?}", world.looks);
    }

    #[test]
    fn a_tenant_puts_ten_pools_in_motion_at_once_and_five_each_second_after_them(of in 1..2_000_u32) {
        let mut due = Vec::new();
        for before in 0..of {
            let Step::Send(waiting) = step(&Mark::default(), Place { before, of }, "event", at(0)) else {
                panic!("nobody waits for it")
            };
            due.push(waiting.due.since(at(0)).as_secs());
        }
        prop_assert!(due.is_sorted());
        prop_assert_eq!(due.iter().filter(|due| **due == 0).count(), usize::try_from(of.min(10)).unwrap());
        for second in 1..=*due.last().unwrap() {
            prop_assert!(due.iter().filter(|due| **due == second).count() <= 5, "{due:?}");
        }
        // The next ones wait for as long as all of them take.
        let again = Mark { looked_at: Some(at(0)), waiting: None };
        let Step::Send(waiting) = step(&again, Place { before: 0, of }, "event", at(1)) else { panic!() };
        prop_assert!(waiting.due.since(at(0)) >= APART.max(Duration::from_secs((of / 5).into())));
    }

    #[test]
    fn no_clock_makes_a_pool_wait_for_ever(
        since in any::<i64>(), due in any::<i64>(), looked_at in any::<i64>(), before in 0..10_000_u32,
    ) {
        let wild = |millis: i64| Timestamp::from_millis(at(0).millis().saturating_add(millis));
        let waiting = Waiting { since: wild(since), due: wild(due), event: "another".to_owned(), again_at: None };
        let mark = Mark { waiting: Some(waiting), looked_at: Some(wild(looked_at)) };
        let place = Place { before, of: 10_000 };
        let longest = LONGEST + APART + SKEW;
        if step(&mark, place, "event", at(0)) == Step::Nothing {
            let later = step(&mark, place, "event", at(0).plus(longest));
            prop_assert!(matches!(later, Step::Send(_)), "{later:?}");
        }
        let Step::Send(sent) = step(&Mark { waiting: None, ..mark }, place, "event", at(0)) else { panic!() };
        prop_assert!(sent.due.since(at(0)) <= LONGEST);
    }
}
