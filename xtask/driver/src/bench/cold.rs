//! `cold`: from the start of a function's process to the end of its first answered event.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::front::control::now;
use causeway_local_cloud::process::run;
use serde_json::{Value, json};

use super::calls::{counted, shown, waited};
use super::events::{request, status, wake_up, wake_ups, webhook};
use super::figures::{Spread, milliseconds, number};
use super::instance::{LIMIT, Program};
use super::journey::Journey;
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Stage};

const RUNS: usize = 15;
/// How much later than that of a function that does nothing an answer may come, in milliseconds.
const LATER: f64 = 25.0;
/// How large what is uploaded may be, in bytes.
const LARGEST_ZIP: u64 = 3_000_000;

/// One function's first events.
#[derive(Default)]
struct Measured {
    /// Until it asks for an event.
    asked: Vec<f64>,
    /// Until its answer.
    answered: Vec<f64>,
    /// Until its answer, less what others worked on meanwhile.
    own: Vec<f64>,
    memory: Vec<f64>,
    calls: String,
}

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let subjects = subjects(stage).await?;
    let mut all: Vec<Measured> = subjects.iter().map(|_| Measured::default()).collect();
    // One of each in turn, so that what slows the machine down for a moment slows all of them down.
    for round in 0..=RUNS {
        for ((program, event), measured) in subjects.iter().zip(&mut all) {
            let one = first_event(stage, program, &event(round)?, measured).await;
            one.with_context(|| format!("the first event of {}", program.name))?;
            if round == 0 {
                // The program's file was read from the disk for this one.
                *measured = Measured::default();
            }
        }
    }
    tabulate(stage, report, &subjects, &all).await
}

type MakeEvent = Box<dyn Fn(usize) -> Result<Value>>;

/// Each function with what makes its first events.
async fn subjects(stage: &Stage) -> Result<Vec<(Program, MakeEvent)>> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("cold", &[]).await?;
    let connections = stage.connections(&organization, 1).await?;
    let pool = stage.pool(&tenant, ACCOUNT, &[&organization]).await?;
    stage.silence_workos().await?;
    let reconcile = stage.function("reconcile").await?;
    let instance = reconcile.start().await?;
    // The first makes the provider, the second finds nothing to do.
    for _ in 0..2 {
        stage.run(&instance, &pool, LIMIT).await?;
    }
    let signin = stage.function("signin").await?;
    let journey = Journey::new(stage, &signin, &pool, &connections[0]).await?;
    let secret = stage.webhook_secret(&tenant.id).await?;
    let (id, looked_at) = (tenant.id.clone(), wake_ups(&[wake_up(&pool.tenant, &pool.id, "schedule")]));
    let list = request("GET", "/v1/tenants", "limit=10", &[], "");
    let authorize = journey.authorize("cold");
    let style = request("GET", "/onboarding/assets/page.css", "", &[], "");
    let webhooks = move |round| webhook(&id, &secret, &format!("event_cold{}x{round}", now()), now());
    Ok(vec![
        (stage.hello(), Box::new(|_| Ok(json!({})))),
        (stage.function("ingest").await?, Box::new(webhooks)),
        (stage.function("schedule").await?, Box::new(|_| Ok(json!({})))),
        (reconcile, Box::new(move |_| Ok(looked_at.clone()))),
        (stage.function("tenants").await?, Box::new(move |_| Ok(list.clone()))),
        (stage.function("onboarding").await?, Box::new(move |_| Ok(style.clone()))),
        (signin, Box::new(move |_| Ok(authorize.clone()))),
    ])
}

async fn first_event(stage: &Stage, program: &Program, event: &Value, measured: &mut Measured) -> Result<()> {
    let instance = program.start().await?;
    let (asked, answered) = tokio::try_join!(instance.first_asked(), instance.invoke(event))?;
    ensure!([0, 200, 302].contains(&status(&answered.body)), "not what was expected: {}", answered.body);
    let total = answered.end.duration_since(instance.started);
    let calls = stage.calls_of(&answered).await?;
    let others = Duration::from_micros(waited(&calls, answered.begin_micros, answered.end_micros));
    measured.asked.push(milliseconds(asked.duration_since(instance.started)));
    measured.answered.push(milliseconds(total));
    measured.own.push(milliseconds(total.saturating_sub(others)));
    measured.memory.push(instance.peak_memory()?);
    measured.calls = shown(&counted(&calls));
    Ok(())
}

async fn tabulate(
    stage: &Stage,
    report: &mut Report,
    subjects: &[(Program, MakeEvent)],
    all: &[Measured],
) -> Result<()> {
    let mut times = Table::new(&[
        "function",
        "asks for an event after, ms",
        "answered after, ms",
        "of it own, ms",
        "own, later than hello, ms",
        "memory, MiB",
        "calls of the first event",
    ]);
    let mut sizes = Table::new(&["function", "binary, MB", "zip, MB"]);
    let of = |values: &[f64]| Spread::of(values.iter().copied());
    let hello = of(&all[0].own).median;
    for ((program, _), measured) in subjects.iter().zip(all) {
        let (asked, answered, own) = (of(&measured.asked), of(&measured.answered), of(&measured.own));
        let (memory, later) = (of(&measured.memory), own.median - hello);
        let calls = measured.calls.clone();
        times.row([
            program.name.clone(),
            asked.shown(),
            answered.shown(),
            own.shown(),
            number(later),
            number(memory.median),
            calls,
        ]);
        let binary = std::fs::metadata(&program.path)?.len();
        let zip = zipped(stage, program).await?;
        sizes.row([program.name.clone(), megabytes(binary), megabytes(zip)]);
        report.figure(
            &program.name,
            json!({
                "asked_ms": asked, "answered_ms": answered, "own_ms": own, "later_than_hello_ms": later,
                "memory_mib": memory, "binary_bytes": binary, "zip_bytes": zip, "calls": measured.calls,
            }),
        );
        if program.name != "hello" {
            let what = format!("{}: first answer at most {LATER} ms later than hello's", program.name);
            report.target(what, format!("{} ms", number(later)), later <= LATER);
            let what = format!("{}: zip under 3 MB", program.name);
            report.target(what, format!("{} MB", megabytes(zip)), zip < LARGEST_ZIP);
        }
    }
    report.table(times);
    report.table(sizes);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "no file here comes near 2^53 bytes")]
fn megabytes(bytes: u64) -> String {
    number(bytes as f64 / 1e6)
}

/// The size of a program's zip, as SAM CLI makes it: Python's, with its usual compression.
async fn zipped(stage: &Stage, program: &Program) -> Result<u64> {
    let zip = stage.cloud.log_dir.join(format!("{}.zip", program.name));
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-c"]).arg(&zip).arg("bootstrap");
    python.current_dir(program.path.parent().unwrap_or(Path::new(".")));
    run("python3 -m zipfile", &mut python, &stage.cloud.log_dir.join("zip.log")).await?;
    Ok(std::fs::metadata(&zip)?.len())
}
