//! The runbooks that concern the whole deployment: each has it to itself.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use causeway_local_cloud::deployment::Build;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::page::blocks;
use causeway_local_cloud::workspace;
use serde_json::json;

use super::book::Book;
use crate::pool::{Pool, in_line};
use crate::relying_party::{RelyingParty, get};
use crate::rotation::{SIGNS_WITHIN, published, signed, while_users_sign_in};
use crate::shell::Shell;
use crate::sign_in::scene;
use crate::tenancy::{SOON, now_in_millis, string, unique};

/// A run failed three times, by something that is over.
pub async fn dead_letters(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("dead letters runbook", 1).await?;
    let tenancy = &pool.tenancy;
    eventually(SOON, "what other tests left is gone", async || {
        tenancy.api.post("/v1/dead-letters/redrive", &json!({"discard_malformed": true})).await?.expect(200)?;
        Ok((tenancy.api.get("/v1/health").await?.expect(200)?.json()?["dead_letters"] == 0).then_some(()))
    })
    .await?;
    let sqs = Sqs::new(&tenancy.cloud.integration().sdk(&tenancy.cloud.region));
    let body = json!({"tenant_id": tenancy.id, "user_pool_id": pool.id, "cause": "webhook"}).to_string();
    let request = sqs.send_message().queue_url(&tenancy.cloud.dead_letter_queue_url).message_group_id(&pool.id);
    request.message_deduplication_id(unique("dead")).message_body(body).send().await?;
    let since = now_in_millis();
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.rest().await?;
    eventually(SOON, "the pool is looked at for the message that was sent back", async || {
        Ok(pool.runs_since(since).await?.iter().any(|run| run["cause"] == "webhook").then_some(()))
    })
    .await?;
    operator.is_done()
}

/// Something goes wrong everywhere, and nothing is to be written until it is known what.
pub async fn stop_and_start(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("stopped", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.next().await?;
    let new = pool.tenancy.workos.create_connection(&organization, "new").await?;
    pool.post("/reconcile", &json!({})).await?.expect(202)?;
    party.signs_in(&unique("nia@")).await.context("sign-ins stopped too")?;
    ensure!(pool.provider_names().await?.len() == 1, "something was written");
    operator.next().await?;
    let refused = get(party.authorize_url(&[])?.as_str()).await?;
    ensure!(refused.status >= 429, "sign-ins go on: {}", refused.status);
    operator.rest().await?;
    pool.settles_on(&[&connections[0], &new]).await?;
    eventually(SOON, "users sign in again", async || Ok(party.signs_in(&unique("nia@")).await.ok())).await?;
    operator.is_done()
}

/// The claims of a pool are gone from the table.
async fn lose_claims(pool: &Pool) -> Result<usize> {
    let cloud = &pool.tenancy.cloud;
    let client = DynamoDb::new(&cloud.integration().sdk(&cloud.region));
    let query = client.query().table_name(&cloud.table_name);
    let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
    let query = query.expression_attribute_values(":pk", string(&format!("POOL#{}", pool.id)));
    let claims = query.expression_attribute_values(":sk", string("CLAIM#")).send().await?.items.unwrap_or_default();
    let lost = claims.len();
    for mut claim in claims {
        let key = ["pk", "sk"].map(|name| (name.to_owned(), claim.remove(name)));
        let key = key.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        client.delete_item().table_name(&cloud.table_name).set_key(Some(key)).send().await?;
    }
    Ok(lost)
}

/// Somebody deleted the claims of a pool from the table.
pub async fn restore(book: Book) -> Result<()> {
    let (pool, organization, connections) = in_line("restore", 2).await?;
    let providers = pool.provider_names().await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.next().await?;
    operator.next().await?;
    // The emulator restores what is there now, whatever time is asked for: so the damage comes behind it.
    ensure!(lose_claims(&pool).await? == 2, "else nothing was lost");
    operator.rest().await?;
    ensure!(pool.items("/providers").await?.len() == 2, "they are not ours again");
    ensure!(pool.provider_names().await? == providers, "the pool was changed");
    let run = pool.run().await?;
    ensure!(run["outcome"] == "no_change" && run["failures"] == json!([]), "{run:#}");
    operator.is_done()
}

/// The stack's settings as the local cloud needs them, without a canary.
const SETTINGS: &str = "parameter_overrides = [\n  'Canary=\"none\"',\n  'Release=\"\"',\n]";

/// ID tokens are to be signed with another key.
pub async fn signing_key(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("signing keys", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.shell.has_settings(&pool.tenancy.cloud, SETTINGS)?;
    let (first, token_of_first) = signed(&party).await?;
    ensure!(published(&party).await? == std::slice::from_ref(&first), "there is more than one key");

    let deployed = async { operator.next_typing("y\n").await.map(drop) };
    let meanwhile = while_users_sign_in(&party, deployed).await?;
    ensure!(meanwhile.contains(&first), "nobody signed in during the deployment");
    // An error is an answer too: no sign-in may fail.
    let second = eventually(SIGNS_WITHIN, "the new key signs", async || {
        let signed = signed(&party).await.map(|(key, _)| key);
        Ok(signed.as_ref().map_or(true, |key| *key != first).then_some(signed))
    });
    let second = second.await??;
    ensure!(meanwhile.iter().all(|key| [&first, &second].contains(&key)), "a third key signed: {meanwhile:?}");
    let both = published(&party).await?;
    ensure!(both.len() == 2 && both.contains(&first) && both.contains(&second), "{both:?}");
    party.checked(&token_of_first).await.context("what the old key signed is refused")?;
    let made = operator.next().await?;
    ensure!(made.lines().count() == 2, "which is the younger one? {made}");

    let deployed = async { operator.next_typing("y\n").await.map(drop) };
    let meanwhile = while_users_sign_in(&party, deployed).await?;
    ensure!(!meanwhile.is_empty() && meanwhile.iter().all(|key| *key == second), "{meanwhile:?}");
    eventually(SIGNS_WITHIN, "the old key is published no more", async || {
        Ok((published(&party).await? == std::slice::from_ref(&second)).then_some(()))
    })
    .await?;
    party.signs_in(&unique("nia@")).await?;
    operator.rest().await?;
    operator.is_done()
}

/// A build like that of the release before, but for `signin`, which ends as soon as it is started.
fn broken(shell: &Shell) -> Result<PathBuf> {
    let (good, broken) = (Build::Quick.folder(), shell.folder().join("next-release"));
    std::fs::create_dir_all(broken.join("SigninFunction"))?;
    for entry in std::fs::read_dir(&good)? {
        let entry = entry?;
        if entry.file_name() != "SigninFunction" {
            symlink(entry.path(), broken.join(entry.file_name()))?;
        }
    }
    let program = broken.join("SigninFunction/bootstrap");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n")?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    Ok(broken)
}

/// The commands that deploy by hand.
fn by_hand() -> Result<String> {
    let text = std::fs::read_to_string(workspace::root().join("docs/releases.md"))?;
    let block = blocks(&text).into_iter().find(|block| block.section == "To deploy by hand");
    Ok(block.context("nothing is deployed by hand")?.commands)
}

/// A release that can sign nobody in.
pub async fn roll_back(book: Book) -> Result<()> {
    let (pool, organization, connections) = scene("rollback", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let mut operator = book.followed_for(&pool, &connections[0], &organization).await?;
    operator.shell.has_settings(&pool.tenancy.cloud, SETTINGS)?;
    party.signs_in(&unique("nia@")).await.context("before")?;
    let listed = pool.items("/providers").await?;

    operator.shell.has_build(&broken(&operator.shell)?)?;
    operator.shell.run(&by_hand()?, "y\n").await?;
    let failed = eventually(SOON, "sign-ins fail", async || Ok(party.signs_in(&unique("nia@")).await.err()));
    drop(failed.await?);

    operator.shell.has_build_in(".aws-sam/v0.1.0", &Build::Quick.folder())?;
    operator.next().await?;
    operator.next_typing("y\n").await?;
    operator.rest().await?;
    eventually(SOON, "users sign in again", async || Ok(party.signs_in(&unique("nia@")).await.ok())).await?;
    let run = pool.run().await?;
    ensure!(run["outcome"] == "no_change" && run["failures"] == json!([]), "{run:#}");
    ensure!(pool.items("/providers").await? == listed, "the API lists something else");
    operator.is_done()
}
