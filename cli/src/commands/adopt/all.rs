//! `causeway adopt --all`: a user pool that moves here from another deployment.

use std::{fs::File, io::Read, path::Path};

use causeway_core::export::{ExportedPool, ExportedProvider, LARGEST_FILE, MOST_AT_ONCE, PoolExport};
use serde_json::{Value, json};

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
    question::confirm,
    shown::moving,
};

/// Takes over every provider of the export, once all of them are what it says.
pub async fn run(session: &Session, pool: &PoolArguments, file: &Path, yes: bool) -> Result<Ending, Failure> {
    let export = read(file)?;
    let of = export.pool.user_pool_id.as_str();
    if of != pool.user_pool {
        return Err(Failure::Usage(format!("the export is of the user pool {of}, and not of {}", pool.user_pool)));
    }
    let path = format!("{}/adoptions", pool.path());
    let compared = each_part(session, &path, &export, true).await?;
    if compared["differences"].as_array().is_none_or(|differences| !differences.is_empty()) {
        session.output.show(&compared, || moving::differing(&compared))?;
        return Ok(Ending::NeedsSomebody);
    }
    confirm(&moving::comparison(&compared)?, "Take all of these over?", yes)?;
    let adopted = each_part(session, &path, &export, false).await.map_err(|failure| Failure::Partly {
        done: "Some of them may be taken over already. Send the same command again: it goes on with the others."
            .to_owned(),
        failure: Box::new(failure),
    })?;
    if adopted["adopted"] != true {
        // Somebody changed something since they were compared.
        session.output.show(&adopted, || moving::differing(&adopted))?;
        return Ok(Ending::NeedsSomebody);
    }
    session.output.show(&adopted, || moving::comparison(&adopted))?;
    session.output.remark(&moving::after(&export, &pool.tenant));
    Ok(Ending::Done)
}

/// The export in a file.
fn read(file: &Path) -> Result<PoolExport, Failure> {
    let shown = file.display();
    let failed = |source: std::io::Error| Failure::Local { what: format!("can't read {shown}"), source: source.into() };
    let most = u64::try_from(LARGEST_FILE).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
    PoolExport::read(&bytes).map_err(|fault| Failure::Usage(format!("{shown} can't be adopted: {fault}")))
}

/// Compares, or takes over, as many as one call takes after the other, and gives what the API would answer for all of them.
/// What is taken over ends at the first part that differs.
async fn each_part(session: &Session, path: &str, export: &PoolExport, dry_run: bool) -> Result<Value, Failure> {
    let (mut providers, mut differences, mut adopted) = (Vec::new(), Vec::new(), true);
    for part in export.providers.chunks(MOST_AT_ONCE) {
        let doing = if dry_run { "compared" } else { "taken over" };
        session.output.progress(&format!("{} of {} {doing}", providers.len(), export.providers.len()));
        // Twice is once: what is taken over already is left as it is.
        let mut answer = session.api.post(path, body(&export.pool, part, dry_run)?).await?.body;
        adopted &= answer["adopted"] == true;
        for (all, member) in [(&mut providers, "providers"), (&mut differences, "differences")] {
            if let Value::Array(items) = answer[member].take() {
                all.extend(items);
            }
        }
        if !dry_run && !adopted {
            break;
        }
    }
    session.output.end_of_progress();
    // A difference of the user pool is one, however many parts there are.
    let mut seen = Vec::new();
    differences.retain(|difference| {
        !seen.contains(difference) && {
            seen.push(difference.clone());
            true
        }
    });
    Ok(json!({ "adopted": adopted, "providers": providers, "differences": differences }))
}

fn body(pool: &ExportedPool, part: &[ExportedProvider], dry_run: bool) -> Result<Value, Failure> {
    let value = |result: Result<Value, serde_json::Error>| {
        result.map_err(|source| Failure::Unreadable { call: "the export".to_owned(), source })
    };
    let mut body =
        json!({ "pool": value(serde_json::to_value(pool))?, "providers": value(serde_json::to_value(part))? });
    if dry_run {
        body["dry_run"] = json!(true);
    }
    Ok(body)
}
