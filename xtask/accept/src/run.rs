//! A run, from the question to the report.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::cloud::Cloud;
use causeway_machine::options::Accept;
use causeway_machine::progress::{say, step};
use causeway_machine::terminal::{Look, look};
use time::OffsetDateTime;

use crate::checks::{CHECKS, COLD, Check, PHASES, Reach};
use crate::cleaning::take_all_away;
use crate::finding::{Finding, Outcome};
use crate::ledger::Ledger;
use crate::report::{Entry, Report};
use crate::settings::{self, Settings};
use crate::world::World;

/// What a run makes, for whoever is asked.
const MAKES: &str = "\
It makes, in the integration account:
  the stack `causeway`, with tables, keys, queues, functions, alarms and an HTTP API, and SAM CLI's own stack with its
  bucket, which stays; some IAM roles without access keys.
In the tenant's account:
  two user pools with app clients, identity providers and users; an IAM role, several times, and a stack with one.
In WorkOS:
  organizations, a webhook endpoint, redirect URIs.
All of it has the tag or the name of this run, is on a list on disk, and is taken away at the end. The keys go seven days
later, as AWS has it. It costs some cents.";

/// Proves a deployment as the options say, on a local cloud where one is given, writes the report, and gives it.
///
/// # Errors
///
/// Fails where what is needed is missing or refused, and where a report can't be written. What a check finds is no error.
pub async fn accept(options: &Accept, local: Option<Cloud>) -> Result<Report> {
    let settings = settings::of(options, local).await?;
    say(MAKES);
    ensure!(options.yes || is_agreed()?, "nothing was made");
    let to = options.report.clone().map_or_else(|| settings.folder.clone(), PathBuf::from);
    if settings.local.is_some() {
        leave_something(&settings).await?;
    }
    take_up_unfinished(&settings).await?;
    let report = made(settings, &run_name()).await?;
    write(&report, &to)?;
    Ok(report)
}

/// Takes away what runs have left that were interrupted.
///
/// # Errors
///
/// As [`accept`], and where something is left still.
pub async fn clean(options: &Accept, local: Option<Cloud>) -> Result<()> {
    take_up_unfinished(&settings::of(options, local).await?).await
}

/// Makes some things and stops, as a run does that is killed: the next one has to take them away.
async fn leave_something(settings: &Settings) -> Result<()> {
    let mut world = settings.world(&run_name()).await?;
    world.look_at_deployment().await?;
    world.make_scene().await?;
    let left = Ledger::unfinished(&settings.folder)?;
    ensure!(left.contains(&world.ledger.run), "a run that was cut off left nothing on its list");
    Ok(())
}

fn run_name() -> String {
    let now = OffsetDateTime::now_utc();
    let (date, time) = (now.date(), now.time());
    let day = format!("{:02}{:02}{:02}", date.year() % 100, u8::from(date.month()), date.day());
    format!("r{day}{:02}{:02}{:02}{:03}", time.hour(), time.minute(), time.second(), time.millisecond())
}

fn is_agreed() -> Result<bool> {
    print_now("Go on? (yes/no) ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim()))
}

fn print_now(text: &str) -> Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Takes away what earlier runs have left.
async fn take_up_unfinished(settings: &Settings) -> Result<()> {
    for run in Ledger::unfinished(&settings.folder)? {
        say(&format!("run {run} was interrupted: what it has left is taken away"));
        let mut world = settings.world(&run).await?;
        // There may be no deployment any more.
        let _ = world.look_at_deployment().await;
        let finding = take_all_away(&mut world).await;
        let seen: Vec<String> = finding.seen.iter().map(|seen| world.redaction.of(seen)).collect();
        ensure!(finding.outcome == Outcome::Holds, "of run {run}: {}", seen.join("; "));
    }
    Ok(())
}

/// Makes a run.
async fn made(settings: Settings, run: &str) -> Result<Report> {
    let begin = Instant::now();
    let mut world = settings.world(run).await?;
    let mut checks = Vec::new();
    let mut phase = 0;
    for check in CHECKS {
        if check.phase != phase {
            phase = check.phase;
            say(&format!("\n{}", look(Look::Heading, &format!("{phase:>2}  {}", PHASES[phase - 1]))));
        }
        let entry = look_at(&mut world, check, settings.cold).await;
        show(&entry, &world);
        checks.push(entry);
    }
    world.renew().await?;
    let begin_of_end = Instant::now();
    let finding = take_all_away(&mut world).await;
    let name = "taken-away".to_owned();
    let claim = "Everything that was made is taken away".to_owned();
    let milliseconds = u64::try_from(begin_of_end.elapsed().as_millis()).unwrap_or(u64::MAX);
    let entry = Entry { phase: PHASES.len() + 1, name, claim, is_open: false, finding, milliseconds };
    say("");
    show(&entry, &world);
    checks.push(entry);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        run: run.to_owned(),
        is_local: world.local.is_some(),
        region: world.integration.region.clone(),
        tenant_region: world.tenant.region.clone(),
        seconds: begin.elapsed().as_secs(),
        checks,
    };
    Ok(report.redacted(&world.redaction))
}

/// Makes one check, if it can be made here and now.
async fn look_at(world: &mut World, check: &Check, cold: bool) -> Entry {
    let begin = Instant::now();
    let finding = if let Some(why) = why_not(world, check, cold) {
        Finding::cannot_tell(why)
    } else {
        let looking = step(check.name);
        let finding = within_budget(world, check).await;
        drop(looking);
        finding.unwrap_or_else(|error| Finding::cannot_tell(format!("{error:#}")))
    };
    Entry::new(check, finding, u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX))
}

async fn within_budget(world: &mut World, check: &Check) -> Result<Finding> {
    world.renew().await?;
    let left = world.left();
    tokio::time::timeout(left, (check.act)(world)).await.context("the budget of minutes was used up")?
}

fn why_not(world: &World, check: &Check, cold: bool) -> Option<String> {
    if check.name == COLD && !cold {
        return Some("skipped: it waits for half an hour (--cold)".to_owned());
    }
    if let (Reach::AwsOnly(why), true) = (check.reach, world.local.is_some()) {
        return Some(format!("not on the local cloud: {why}"));
    }
    let needed = Duration::from_mins(check.minutes);
    (world.left() < needed)
        .then(|| format!("skipped: it may take {} minutes, which the budget no longer has", check.minutes))
}

fn show(entry: &Entry, world: &World) {
    let outcome = match entry.finding.outcome {
        Outcome::Holds => look(Look::Good, "holds     "),
        Outcome::Differs => look(Look::Bad, "differs   "),
        Outcome::CannotTell => look(Look::Aside, "can't tell"),
    };
    say(&format!("  {outcome} {:<22} {}", entry.name, entry.claim));
    for seen in &entry.finding.seen {
        say(&format!("             {}", look(Look::Aside, &world.redaction.of(seen))));
    }
}

/// Writes both forms.
fn write(report: &Report, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for (name, text) in [("report.md", report.markdown()), ("report.json", report.json()?)] {
        let file = to.join(name);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("{}", file.display()));
    }
    Ok(())
}
