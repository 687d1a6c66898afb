//! `signin`: each endpoint of a sign-in, warm, and the two that a browser and Cognito wait for, cold.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::calls::{Counts, beginning, counted, of_aws, shown, waited};
use super::events::status;
use super::figures::{Spread, count, milliseconds, number};
use super::instance::LIMIT;
use super::instance::Program;
use super::journey::Journey;
use super::report::{Report, Table};
use super::runtime::Answered;
use super::stage::{ACCOUNT, Stage};

const WARM: usize = 100;
const COLD: usize = 10;
/// What `/token` may take of its own when warm, in milliseconds.
const OWN: f64 = 15.0;
/// What it may take in all when cold, in milliseconds.
const WHEN_COLD: f64 = 300.0;

/// One endpoint's answers.
#[derive(Default)]
struct Measured {
    took: Vec<f64>,
    own: Vec<f64>,
    of_workos: Vec<f64>,
    calls: Counts,
    answers: usize,
}

impl Measured {
    async fn add(&mut self, stage: &Stage, answered: &Answered, took: Duration) -> Result<()> {
        let calls = stage.calls_of(answered).await?;
        let waited_for = |calls: &[_]| Duration::from_micros(waited(calls, answered.begin_micros, answered.end_micros));
        self.took.push(milliseconds(took));
        self.own.push(milliseconds(took.saturating_sub(waited_for(&calls))));
        let of_workos: Vec<_> = calls.iter().filter(|call| call.service == "workos").cloned().collect();
        self.of_workos.push(milliseconds(waited_for(&of_workos)));
        for (name, number) in counted(&calls) {
            *self.calls.entry(name).or_default() += number;
        }
        self.answers += 1;
        Ok(())
    }

    fn row(&self, name: &str, when: &str) -> Vec<String> {
        let of = |values: &[f64]| Spread::of(values.iter().copied());
        let calls: Vec<String> =
            self.calls.iter().map(|(name, calls)| format!("{} {name}", self.each(*calls))).collect();
        let calls = if calls.is_empty() { "none".to_owned() } else { calls.join(", ") };
        let of_workos = of(&self.of_workos);
        let of_workos = if of_workos.max > 0.0 { of_workos.shown() } else { "0".to_owned() };
        vec![name.to_owned(), when.to_owned(), of(&self.took).shown(), of(&self.own).shown(), of_workos, calls]
    }

    /// How many of so many calls there are for each answer.
    fn each(&self, calls: usize) -> String {
        let each = count(calls) / count(self.answers.max(1));
        if each.fract() == 0.0 { format!("{each}") } else { number(each) }
    }

    fn figure(&self) -> Value {
        let of = |values: &[f64]| Spread::of(values.iter().copied());
        json!({
            "took_ms": of(&self.took), "own_ms": of(&self.own), "workos_ms": of(&self.of_workos),
            "answers": self.answers, "calls": self.calls,
        })
    }
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("signin", &["signin.example"]).await?;
    let connections = stage.connections(&organization, 1).await?;
    let pool = stage.pool(&tenant, ACCOUNT, &[&organization]).await?;
    stage.silence_workos().await?;
    stage.run(&stage.function("reconcile").await?.start().await?, &pool, LIMIT).await?;
    let signin = stage.function("signin").await?;
    let journey = Journey::new(stage, &signin, &pool, &connections[0]).await?;

    let warm = warm(stage, &signin, &journey).await?;
    let cold = cold(stage, &signin, &journey).await?;
    let mut table =
        Table::new(&["endpoint", "instance", "took, ms", "of it own, ms", "of it WorkOS's, ms", "calls of each"]);
    for name in ["/authorize", "/callback", "/token", "/jwks", "/userinfo"] {
        if let Some(measured) = warm.get(name) {
            table.row(measured.row(name, "warm"));
            report.figure(&format!("warm {name}"), measured.figure());
        }
    }
    for (name, measured) in &cold {
        table.row(measured.row(name, "cold, from the start of the process"));
        report.figure(&format!("cold {name}"), measured.figure());
    }
    report.table(table);
    targets(report, &warm, &cold);
    Ok(())
}

fn targets(report: &mut Report, warm: &BTreeMap<&str, Measured>, cold: &BTreeMap<&str, Measured>) {
    let median = |values: &[f64]| Spread::of(values.iter().copied()).median;
    if let Some(token) = warm.get("/token") {
        let own = median(&token.own);
        report.target("/token, warm: under 15 ms of our own", format!("{} ms", number(own)), own < OWN);
        let few = beginning(&token.calls, "kms:Sign") == token.answers && of_aws(&token.calls) == 3 * token.answers;
        let what = "/token, warm: the code is taken, the token signed, the sign-in noted, and nothing else";
        report.target(what, shown(&token.calls), few);
    }
    for name in ["/authorize", "/jwks"] {
        if let Some(measured) = warm.get(name) {
            let what = format!("{name}, warm: no call");
            report.target(what, shown(&measured.calls), measured.calls.is_empty());
        }
    }
    if let Some(token) = cold.get("/token") {
        let took = median(&token.took);
        report.target("/token, cold: under 300 ms", format!("{} ms", number(took)), took < WHEN_COLD);
    }
}

async fn warm(stage: &Stage, signin: &Program, journey: &Journey) -> Result<BTreeMap<&'static str, Measured>> {
    let instance = signin.start().await?;
    // What the first ones read is known afterwards.
    for number in 0..3 {
        journey.signs_in(&instance, &format!("warm-up{number}@signin.example")).await?;
    }
    let mut all = BTreeMap::<_, Measured>::new();
    for number in 0..WARM {
        for (name, answered) in journey.signs_in(&instance, &format!("user{number}@signin.example")).await? {
            all.entry(name).or_default().add(stage, &answered, answered.took()).await?;
        }
    }
    Ok(all)
}

async fn cold(stage: &Stage, signin: &Program, journey: &Journey) -> Result<BTreeMap<&'static str, Measured>> {
    let helper = signin.start().await?;
    let mut all = BTreeMap::<_, Measured>::new();
    for number in 0..COLD {
        let token = journey.until_token(&helper, &format!("cold{number}@signin.example")).await?;
        for (name, event, expected) in [("/authorize", journey.authorize("cold"), 302), ("/token", token, 200)] {
            let instance = signin.start().await?;
            let answered = instance.invoke(&event).await?;
            ensure!(status(&answered.body) == expected, "{name} answered {}", answered.body);
            let took = answered.end.duration_since(instance.started);
            all.entry(name).or_default().add(stage, &answered, took).await?;
        }
    }
    Ok(all)
}
