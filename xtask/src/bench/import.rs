//! `import`: a pool that gets 300 providers, through Cognito's throttle.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::calls::{counted, shown, throttled};
use super::figures::number;
use super::report::{Report, Table};
use super::stage::{ACCOUNT, Stage};

const CONNECTIONS: usize = 300;
/// The least time for so many calls of one operation on one pool: five at once, and then five a second.
const LEAST: f64 = 59.0;
/// How many times the least time it may take.
const TIMES: f64 = 1.10;
const LIMIT: Duration = Duration::from_mins(5);

pub async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let tenant = stage.tenant().await?;
    let organization = tenant.workos.create_organization("import", &[]).await?;
    let pool = stage.pool(&tenant, ACCOUNT, &[]).await?;
    stage.silence_workos().await?;
    stage.connections(&organization, CONNECTIONS).await?;
    let instance = stage.function("reconcile").await?.start().await?;
    let answered = stage.run(&instance, &pool, LIMIT).await?;
    let providers = stage.providers(&pool).await?;
    ensure!(providers == CONNECTIONS, "{providers} providers and not {CONNECTIONS}");

    let calls = stage.calls_of(&answered).await?;
    let (counts, refused) = (counted(&calls), throttled(&calls));
    let took = answered.took().as_secs_f64();
    let (times, memory) = (took / LEAST, instance.peak_memory()?);
    let mut table =
        Table::new(&["connections", "took, s", "least, s", "times the least", "throttled", "memory, MiB", "calls"]);
    table.row([
        CONNECTIONS.to_string(),
        number(took),
        number(LEAST),
        number(times),
        refused.to_string(),
        number(memory),
        shown(&counts),
    ]);
    report.table(table);
    report.figure(
        "import",
        json!({
            "connections": CONNECTIONS, "took_s": took, "least_s": LEAST, "times": times, "throttled": refused,
            "memory_mib": memory, "calls": counts,
        }),
    );
    report.target("within 1.10 of the least time that the throttle allows", number(times), times <= TIMES);
    report.target("no throttle met", refused.to_string(), refused == 0);
    Ok(())
}
