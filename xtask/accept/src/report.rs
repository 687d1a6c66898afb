//! The report of a run, as Markdown and as JSON, without secrets and account numbers.

use std::fmt::Write as _;

use serde::Serialize;

use crate::checks::{CHECKS, COLD, Check, PHASES, Reach};
use crate::finding::{Finding, Outcome};
use crate::redaction::Redaction;

/// What one check came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    /// Its phase, from 1; 11 is that everything was taken away.
    pub(crate) phase: usize,
    pub(crate) name: String,
    pub(crate) claim: String,
    /// Whether nobody had seen it before.
    pub(crate) is_open: bool,
    #[serde(flatten)]
    pub(crate) finding: Finding,
    /// How long it took.
    pub(crate) milliseconds: u64,
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub(crate) version: &'static str,
    pub(crate) run: String,
    pub(crate) is_local: bool,
    pub(crate) region: String,
    pub(crate) tenant_region: String,
    pub(crate) seconds: u64,
    pub(crate) checks: Vec<Entry>,
}

impl Entry {
    pub(crate) fn new(check: &Check, finding: Finding, milliseconds: u64) -> Self {
        Self {
            phase: check.phase,
            name: check.name.to_owned(),
            claim: check.claim.to_owned(),
            is_open: check.is_open,
            finding,
            milliseconds,
        }
    }
}

impl Report {
    /// Takes out what may not be shown. Nothing is written before.
    pub(crate) fn redacted(mut self, redaction: &Redaction) -> Self {
        for entry in &mut self.checks {
            for seen in &mut entry.finding.seen {
                *seen = redaction.of(seen);
            }
        }
        self
    }

    /// How many came to that.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|entry| entry.finding.outcome == outcome).count()
    }

    /// The checks that differ, of those that are not open: what the documents say otherwise.
    #[must_use]
    pub fn wrong(&self) -> Vec<&str> {
        let wrong = self.checks.iter().filter(|entry| entry.finding.outcome == Outcome::Differs && !entry.is_open);
        wrong.map(|entry| entry.name.as_str()).collect()
    }

    /// Says where what was seen is otherwise than the documents say.
    ///
    /// # Errors
    ///
    /// Fails with the checks that differ, of those that are not open.
    pub fn is_as_documented(&self) -> anyhow::Result<()> {
        let wrong = self.wrong();
        anyhow::ensure!(wrong.is_empty(), "otherwise than the documents say: {}", wrong.join(", "));
        Ok(())
    }

    /// The checks that can be made everywhere and could not tell: something stood in their way.
    #[must_use]
    pub fn unanswered(&self) -> Vec<&str> {
        let can_be_made = |name: &str| {
            CHECKS.iter().any(|check| check.name == name && check.name != COLD && check.reach == Reach::Everywhere)
        };
        let unclear = self.checks.iter().filter(|entry| entry.finding.outcome == Outcome::CannotTell);
        unclear.map(|entry| entry.name.as_str()).filter(|name| can_be_made(name)).collect()
    }

    /// For machines.
    ///
    /// # Errors
    ///
    /// None that can happen: it consists of texts and numbers.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    /// For people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::from("# Report of `cargo xtask accept`\n\n");
        let place = if self.is_local {
            "on the local cloud. **What it says of Cognito, IAM and WorkOS is what their emulators do, and settles nothing.**"
        } else {
            "on AWS and WorkOS."
        };
        let _ = writeln!(
            text,
            "Causeway {}, run {}, in {} s {place} Causeway in {}, the tenant in {}.\n",
            self.version, self.run, self.seconds, self.region, self.tenant_region
        );
        let [holds, differs, unknown] =
            [Outcome::Holds, Outcome::Differs, Outcome::CannotTell].map(|outcome| self.count(outcome));
        let _ = writeln!(text, "{holds} hold, {differs} differ, of {unknown} it can't tell.");
        let phases = PHASES.iter().chain(&["What was made is taken away"]);
        for (number, phase) in (1..).zip(phases) {
            let entries: Vec<&Entry> = self.checks.iter().filter(|entry| entry.phase == number).collect();
            if entries.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n## {number}. {phase}\n\n| check | outcome | | seen |\n| --- | --- | --- | --- |");
            for entry in entries {
                let seen = entry.finding.seen.join("; ").replace('|', "\\|").replace(['\n', '\r'], " ");
                let (name, outcome) = (&entry.name, entry.finding.outcome.shown());
                let open = if entry.is_open { " (open)" } else { "" };
                let _ = writeln!(text, "| `{name}`{open} | **{outcome}** | {} | {seen} |", entry.claim);
            }
        }
        text
    }
}

/// What the documents have of the checks: their names, what holds if they hold, and where they can be made.
#[must_use]
pub fn table_of_checks() -> String {
    let mut text = String::new();
    for (number, phase) in (1..).zip(PHASES) {
        let _ =
            writeln!(text, "### {number}. {phase}\n\n| check | holds if | on the local cloud |\n| --- | --- | --- |");
        for check in CHECKS.iter().filter(|check| check.phase == number) {
            let local = match check.reach {
                Reach::Everywhere if check.name == crate::checks::COLD => {
                    "with `--cold` only, and there is no log to read"
                }
                Reach::Everywhere => "yes",
                Reach::AwsOnly(why) => why,
            };
            let open = if check.is_open { " (open)" } else { "" };
            let _ = writeln!(text, "| `{}`{open} | {} | {local} |", check.name, check.claim);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(seen: Vec<String>) -> Report {
        let finding = Finding { outcome: Outcome::Differs, seen };
        let checks = vec![Entry::new(&CHECKS[0], finding, 3)];
        Report {
            version: "0.0.0",
            run: "r".to_owned(),
            is_local: true,
            region: "us-east-1".to_owned(),
            tenant_region: "eu-west-1".to_owned(),
            seconds: 1,
            checks,
        }
    }

    proptest! {
        #[test]
        fn neither_form_of_a_report_shows_a_secret_that_was_seen(
            account in "[0-9]{12}", secret in "[A-Za-z0-9+/]{40}", key in "sk_test_[A-Za-z0-9]{20}",
            session in "ASIA[A-Z0-9]{16}", before in "[a-z: ]{0,9}",
        ) {
            let mut redaction = Redaction::default();
            redaction.hides(&secret, "(secret key)");
            let seen = vec![
                format!("{before} arn:aws:iam::{account}:role/x"), format!("{before}{secret}"),
                format!("{before}/{key}"), format!("<AccessKeyId>{session}</AccessKeyId>"),
            ];
            let report = report(seen).redacted(&redaction);
            for form in [report.markdown(), report.json().unwrap()] {
                for canary in [&account, &secret, &key, &session] {
                    prop_assert!(!form.contains(canary.as_str()), "{form}");
                }
            }
        }
    }

    #[test]
    fn what_was_seen_breaks_no_table() {
        let shown = report(vec!["a | b\nc".to_owned(), "d".to_owned()]).markdown();
        assert!(shown.contains("| a \\| b c; d |\n"), "{shown}");
        assert!(shown.contains("0 hold, 1 differ, of 0 it can't tell."), "{shown}");
    }
}
