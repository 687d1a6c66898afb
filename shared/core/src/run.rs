//! What a run did, for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    health::{ErrorClass, Health, named},
    id::ConnectionId,
    naming::{Names, Naming},
    step::{Note, RecordedStep},
    timestamp::Timestamp,
    wake_up::Cause,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing had to be done.
    NoChange,
    /// All that was planned was done.
    Changed,
    /// Some steps failed or were held back; the others were done.
    Partial,
    /// Time ran out; the next run goes on.
    OutOfTime,
    /// Both sides could not be seen completely; nothing was done.
    Failed,
    /// In a way that a later version knows, in what it recorded.
    #[serde(other)]
    Unknown,
}

/// A step that failed, or the look that did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The connection that it concerns; none where it concerns the whole run.
    pub connection_id: Option<ConnectionId>,
    /// By what people know it.
    #[serde(flatten)]
    pub naming: Naming,
    /// What was tried.
    pub attempted: String,
    /// The class.
    pub class: ErrorClass,
    /// What went wrong, for people.
    pub message: String,
}

impl Failure {
    /// One that concerns a connection, or the whole run.
    pub fn of(connection_id: Option<ConnectionId>, attempted: &str, class: ErrorClass, message: String) -> Self {
        Self { connection_id, naming: Naming::default(), attempted: attempted.to_owned(), class, message }
    }

    /// The failure with what was tried, and for which connection.
    pub fn told(&self) -> String {
        let Self { connection_id, naming, attempted, message, .. } = self;
        match connection_id {
            Some(id) => format!("{attempted} for {:#}: {message}", naming.called(id.as_str())),
            None => format!("{attempted}: {message}"),
        }
    }
}

/// The report of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunReport {
    /// A ULID; later runs sort after earlier ones.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Why it ran.
    pub cause: Cause,
    /// How it ended.
    pub outcome: Outcome,
    /// The steps that were done, and those that were held back.
    pub steps: Vec<RecordedStep>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// What was left out, and why.
    #[serde(default)]
    pub notes: Vec<Note>,
    /// How many steps, failures and notes were left out to keep the report below its size.
    #[serde(default)]
    pub omitted: usize,
}

/// The most that a report may take, in bytes: DynamoDB refuses items over 400 KB.
const LARGEST: usize = 300_000;

impl RunReport {
    /// The class of the failure that counts most.
    pub fn worst(&self) -> Option<ErrorClass> {
        self.worst_failure().map(|failure| failure.class)
    }

    /// The failure that counts most: one that needs somebody before one that passes by itself.
    fn worst_failure(&self) -> Option<&Failure> {
        self.failures.iter().max_by_key(|failure| failure.class)
    }

    /// The steps that were held back.
    pub fn held(&self) -> impl Iterator<Item = &RecordedStep> {
        self.steps.iter().filter(|step| step.held)
    }

    /// The health that the run leaves its pool in: its worst failure, else that steps are held back, else that something
    /// was left out that somebody has to do something about. The message tells of each of these. Of a full pool the
    /// connections that were left out are named.
    pub fn health(&self) -> Health {
        let now = self.finished_at;
        let mut health = Health::ok(now);
        if let Some(worst) = self.worst_failure() {
            let message = if worst.class == ErrorClass::Quota { full(&self.failures) } else { worst.told() };
            health = Health::from_failure(worst.class, message, now);
        }
        if self.held().next().is_some() {
            health = health.and(Health::held(self.held(), now));
        }
        health.and_noted(&self.notes)
    }

    /// With what people know the connections by.
    #[must_use]
    pub fn named(mut self, names: &Names) -> Self {
        self.each_naming(|naming, id| naming.put(names, id));
        self
    }

    fn each_naming(&mut self, mut change: impl FnMut(&mut Naming, Option<&ConnectionId>)) {
        self.steps.iter_mut().for_each(|step| change(&mut step.naming, Some(&step.connection_id)));
        self.failures.iter_mut().for_each(|failure| change(&mut failure.naming, failure.connection_id.as_ref()));
        self.notes.iter_mut().for_each(|note| change(&mut note.naming, note.connection_id.as_ref()));
    }

    fn is_too_large(&self) -> bool {
        serde_json::to_vec(self).is_ok_and(|bytes| bytes.len() > LARGEST)
    }

    /// Leaves out what makes the report too large to store: first the names, however long they are, so that they decide
    /// of no step whether somebody can approve it, then the end of the longest lists.
    #[must_use]
    pub fn within_size(mut self) -> Self {
        if self.is_too_large() {
            self.each_naming(|naming, _| *naming = Naming::default());
        }
        while self.is_too_large() {
            let (steps, failures, notes) = (self.steps.len(), self.failures.len(), self.notes.len());
            let before = steps + failures + notes;
            if steps >= failures && steps >= notes {
                self.steps.truncate(steps / 2);
            } else if failures >= notes {
                self.failures.truncate(failures / 2);
            } else {
                self.notes.truncate(notes / 2);
            }
            let after = self.steps.len() + self.failures.len() + self.notes.len();
            self.omitted += before - after;
            if before == after {
                break;
            }
        }
        self
    }
}

/// Of a full pool: which connections were left out.
fn full(failures: &[Failure]) -> String {
    let left_out: Vec<String> = failures
        .iter()
        .filter(|failure| failure.class == ErrorClass::Quota)
        .filter_map(|failure| Some(format!("{:#}", failure.naming.called(failure.connection_id.as_ref()?.as_str()))))
        .collect();
    format!("the user pool is full, and {} connections wait: {}", left_out.len(), named(&left_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::HealthState;

    fn failure(letter: char, class: ErrorClass) -> Failure {
        let connection_id = Some(format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap());
        Failure::of(connection_id, "create", class, "no".to_owned())
    }

    fn report(failures: Vec<Failure>, held: usize) -> RunReport {
        let step = serde_json::json!({
            "action": "delete", "connection_id": format!("conn_{}", "A".repeat(26)), "provider_name": "a",
            "reason": "", "changes": [], "held": true,
        });
        let step: RecordedStep = serde_json::from_value(step).unwrap();
        let at = Timestamp::from_seconds(1_800_000_000);
        RunReport {
            id: "run".to_owned(),
            started_at: at,
            finished_at: at,
            cause: Cause::Schedule,
            outcome: Outcome::Partial,
            steps: vec![step; held],
            failures,
            notes: Vec::new(),
            omitted: 0,
        }
    }

    #[test]
    fn a_full_pool_says_which_connections_wait() {
        let failures =
            vec![failure('A', ErrorClass::Quota), failure('B', ErrorClass::Transient), failure('C', ErrorClass::Quota)];
        let health = report(failures, 0).health();
        let message = health.message;
        assert_eq!(health.state, HealthState::Quota);
        assert!(message.contains(&"A".repeat(26)) && message.contains(&"C".repeat(26)), "{message}");
        assert!(message.contains("2 connections") && !message.contains(&"B".repeat(26)), "{message}");
        let many = vec![failure('A', ErrorClass::Quota); 70];
        assert!(report(many, 0).health().message.ends_with("and 20 more"), "the message has an end");
    }

    #[test]
    fn what_needs_somebody_is_told_before_what_passes_by_itself() {
        let failures = vec![failure('A', ErrorClass::Rejected), failure('B', ErrorClass::Throttled)];
        let health = report(failures, 0).health();
        assert_eq!(
            (health.state, health.message),
            (HealthState::Rejected, format!("create for conn_{}: no", "A".repeat(26)))
        );
    }

    #[test]
    fn a_failure_does_not_hide_that_steps_wait_for_an_operator() {
        for class in [ErrorClass::Quota, ErrorClass::Rejected, ErrorClass::Transient] {
            let alone = report(vec![failure('A', class)], 0).health();
            let health = report(vec![failure('A', class)], 3).health();
            assert_eq!(health.state, class.into());
            assert!(health.message.starts_with(&alone.message), "{health:?}");
            assert!(health.message.contains("3 steps") && health.message.contains("held back"), "{health:?}");
            assert!(health.remedy.starts_with(&alone.remedy) && health.remedy.contains("approve"), "{health:?}");
        }
    }

    #[test]
    fn what_is_held_is_named_and_what_to_do_about_it_said() {
        let health = report(vec![failure('B', ErrorClass::Rejected)], 3).health();
        assert!(health.message.contains(&"A".repeat(26)), "{health:?}");
        for remedy in ["approve its hash", "`POST .../refusals`"] {
            assert!(health.remedy.contains(remedy), "{health:?}");
        }
    }

    fn noted(remedies: &[Option<&str>], failures: Vec<Failure>, held: usize) -> Health {
        let mut report = report(failures, held);
        report.notes = remedies
            .iter()
            .enumerate()
            .map(|(number, remedy)| Note {
                remedy: remedy.map(str::to_owned),
                ..Note::on_connection(format!("conn_{number}").parse().unwrap(), "it has no provider".to_owned())
            })
            .collect();
        report.health()
    }

    #[test]
    fn a_pool_of_which_something_is_left_out_that_somebody_must_mend_is_not_well() {
        assert_eq!(noted(&[None], Vec::new(), 0).state, HealthState::Ok);
        let health = noted(&[None, Some("adopt it"), Some("adopt it")], Vec::new(), 0);
        assert_eq!((health.state, health.remedy.as_str()), (HealthState::Rejected, "adopt it"));
        assert_eq!(health.message, "conn_1: it has no provider; conn_2: it has no provider");
        let many = noted(&[Some("adopt it"); 70], Vec::new(), 0);
        assert!(many.message.ends_with("and 60 more: read the notes of the last run"), "{many:?}");
        for (failures, held, state) in
            [(vec![failure('A', ErrorClass::Quota)], 0, HealthState::Quota), (Vec::new(), 1, HealthState::Held)]
        {
            let health = noted(&[Some("adopt it")], failures, held);
            assert_eq!(health.state, state);
            assert!(health.message.contains("conn_0") && health.remedy.contains("adopt it"), "{health:?}");
        }
    }

    #[test]
    fn steps_that_are_held_back_are_told_where_nothing_failed() {
        let health = report(Vec::new(), 3).health();
        assert_eq!(health.state, HealthState::Held);
        assert!(health.message.starts_with("3 steps") && health.remedy.contains("approve"), "{health:?}");
        assert_eq!(report(Vec::new(), 0).health(), Health::ok(Timestamp::from_seconds(1_800_000_000)));
    }

    #[test]
    fn names_are_told_with_what_failed_and_what_is_held_and_the_ids_stand_behind_them() {
        let naming = |name: &str| Naming {
            organization_name: Some(name.to_owned()),
            connection_type: Some("OktaSAML".to_owned()),
            ..Naming::default()
        };
        let mut full = report(vec![failure('A', ErrorClass::Quota), failure('B', ErrorClass::Quota)], 0);
        let names: Names = [('A', "Acme"), ('B', "Contoso\" (Okta conn_1)")]
            .map(|(letter, name)| (format!("conn_{}", letter.to_string().repeat(26)).parse().unwrap(), naming(name)))
            .into();
        full = full.named(&names);
        let (a, b) = (format!("conn_{}", "A".repeat(26)), format!("conn_{}", "B".repeat(26)));
        assert_eq!(
            full.health().message,
            format!(
                "the user pool is full, and 2 connections wait: \"Acme\" (Okta {a}), \"Contoso' (Okta conn_1)\" (Okta {b})"
            )
        );
        assert_eq!(full.failures[0].told(), format!("create for \"Acme\" (Okta {a}): no"));
        let held = report(Vec::new(), 2).named(&names).health();
        assert!(held.message.ends_with(&format!("held back: \"Acme\" (Okta {a})")), "{held:?}");
        let mut noted = report(Vec::new(), 0);
        let note = Note::on_connection(a.parse().unwrap(), "it has no provider".to_owned()).with_remedy("adopt it");
        noted.notes = vec![note];
        let told = noted.named(&names).health().message;
        assert_eq!(told, format!("\"Acme\" (Okta {a}): it has no provider"));
    }

    #[test]
    fn no_name_takes_the_room_of_a_step() {
        let long = Naming { name: Some("\u{1f600}".repeat(128)), ..Naming::default() };
        let id = |letter: &str| format!("conn_{}", letter.repeat(26)).parse().unwrap();
        let named = report(Vec::new(), 1_000).named(&[(id("A"), long.clone())].into());
        assert!(serde_json::to_vec(&named).unwrap().len() > LARGEST);
        let cut = named.within_size();
        assert_eq!((cut.steps.len(), cut.omitted), (1_000, 0));
        let small = report(Vec::new(), 10).named(&[(id("A"), long.clone())].into()).within_size();
        assert!(small.steps.iter().all(|step| step.naming == long), "where there is room they stay");
    }

    #[test]
    fn a_report_that_is_too_large_says_how_much_it_leaves_out() {
        let long = Failure { message: "a".repeat(1000), ..failure('A', ErrorClass::Rejected) };
        let cut = report(vec![long; 1000], 3).within_size();
        assert!(serde_json::to_vec(&cut).unwrap().len() <= LARGEST);
        assert_eq!((cut.steps.len(), cut.failures.len() + cut.omitted), (3, 1000));
    }
}
