//! `signin`: each endpoint of a sign-in, warm, and cold.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use causeway_local_cloud::cost::{Endpoint, SIGN_IN};
use serde_json::{Value, json};

use super::calls::{Counts, beginning, counted, of_aws, shown, waited};
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
    async fn add(&mut self, stage: &Stage, answered: &Answered) -> Result<()> {
        let (calls, took) = (stage.calls_of(answered).await?, answered.took());
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
    for (when, all) in [("warm", &warm), ("cold", &cold)] {
        for (name, measured) in all {
            table.row(measured.row(name, when));
            report.figure(&format!("{when} {name}"), measured.figure());
        }
    }
    report.table(table);
    targets(report, &warm, &cold);
    let counted: Vec<String> = SIGN_IN.iter().filter_map(|endpoint| not_as_counted(endpoint, &cold)).collect();
    let what = "cold: each endpoint takes the calls that docs/cost.md counts with";
    report.target(what, if counted.is_empty() { "all do".to_owned() } else { counted.join("; ") }, counted.is_empty());
    Ok(())
}

fn targets(report: &mut Report, warm: &ByEndpoint, cold: &ByEndpoint) {
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

/// The calls of an endpoint on a new instance, where they are not those that the model of the costs has. What an instance
/// asks for at its start, before it takes an event, is none of them.
fn not_as_counted(endpoint: &Endpoint, cold: &ByEndpoint) -> Option<String> {
    let Some(measured) = cold.get(endpoint.name) else { return Some(format!("{} was not measured", endpoint.name)) };
    let expected = endpoint.new.calls();
    let counts = [("dynamodb:", expected.dynamodb), ("kms:", expected.kms), ("workos:", expected.workos)];
    let is_as_counted = counts.iter().all(|(service, each)| {
        usize::try_from(*each).is_ok_and(|each| beginning(&measured.calls, service) == each * measured.answers)
    });
    (!is_as_counted).then(|| format!("{}: {}", endpoint.name, shown(&measured.calls)))
}

type ByEndpoint = BTreeMap<&'static str, Measured>;

async fn warm(stage: &Stage, signin: &Program, journey: &Journey) -> Result<ByEndpoint> {
    let instance = signin.start().await?;
    let invoke = async |event: &Value| instance.invoke(event).await;
    // What the first ones read is known afterwards.
    for number in 0..3 {
        journey.signs_in(&format!("warm-up{number}@signin.example"), invoke).await?;
    }
    let mut all = ByEndpoint::new();
    for number in 0..WARM {
        for (name, answered) in journey.signs_in(&format!("user{number}@signin.example"), invoke).await? {
            all.entry(name).or_default().add(stage, &answered).await?;
        }
    }
    Ok(all)
}

/// Each event is the first one of a new instance. The time begins with its process.
async fn cold(stage: &Stage, signin: &Program, journey: &Journey) -> Result<ByEndpoint> {
    let invoke = async |event: &Value| {
        let instance = signin.start().await?;
        let answered = instance.invoke(event).await?;
        Ok(Answered { begin: instance.started, ..answered })
    };
    let mut all = ByEndpoint::new();
    for number in 0..COLD {
        for (name, answered) in journey.signs_in(&format!("cold{number}@signin.example"), invoke).await? {
            all.entry(name).or_default().add(stage, &answered).await?;
        }
    }
    Ok(all)
}
