//! Another key signs from now on, or another client secret is good, and nobody who signs in notices.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::eventually::eventually;
use jsonwebtoken::decode_header;
use serde_json::json;
use tokio::{pin, select};

use crate::pool::client_secret;
use crate::relying_party::{RelyingParty, get};
use crate::sign_in::scene;
use crate::tenancy::{SOON, next_api_key, text, unique};

/// The lead, and what the functions remember of the keys.
pub const SIGNS_WITHIN: Duration = Duration::from_mins(2);

/// Signs somebody in, and gives the ID token with the ID of its key, which was in the key set.
pub async fn signed(party: &RelyingParty) -> Result<(String, String)> {
    let tokens = party.redeemed(&party.code(&unique("nia@")).await?).await?;
    let token = text(&tokens, "id_token")?;
    party.checked(&token).await?;
    Ok((decode_header(&token)?.kid.context("no key is named")?, token))
}

/// Does something while one user after the other signs in, and gives the key of each. A sign-in that fails fails it.
pub async fn while_users_sign_in(party: &RelyingParty, work: impl Future<Output = Result<()>>) -> Result<Vec<String>> {
    pin!(work);
    let mut keys = Vec::new();
    loop {
        let signing = signed(party);
        pin!(signing);
        // One that has begun by the end of the work is waited for, so that there is one however long it takes.
        let (signed, is_done) = select! {
            done = &mut work => {
                done?;
                (signing.await, true)
            }
            signed = &mut signing => (signed, false),
        };
        match signed {
            Ok((key, _)) => keys.push(key),
            Err(error) if was_ended(&error) => {}
            Err(error) => return Err(error.context("a sign-in failed")),
        }
        if is_done {
            return Ok(keys);
        }
    }
}

#[tokio::test]
async fn while_a_client_secret_is_replaced_no_sign_in_with_the_one_before_fails() -> Result<()> {
    let (pool, _, connections) = scene("secrets", 1).await?;
    let before = RelyingParty::of(&pool, &connections[0]).await?;
    let provider = pool.provider_of(&connections[0]).await?;
    // Cognito may go on for a while with what it has read.
    let meanwhile = while_users_sign_in(&before, async {
        pool.tamper(&provider, "client_secret", "known-to-somebody").await?;
        eventually(SOON, "there is a new secret", async || {
            pool.run().await?;
            let now = client_secret(&pool.provider_of(&connections[0]).await?)?;
            Ok((now != before.secret && now != "known-to-somebody").then_some(()))
        })
        .await
    });
    assert!(!meanwhile.await?.is_empty(), "nobody signed in meanwhile");
    before.signs_in(&unique("nia@")).await.context("the previous secret is refused at once")?;
    RelyingParty::of(&pool, &connections[0]).await?.signs_in(&unique("nia@")).await.map(drop)
}

#[tokio::test]
async fn while_a_tenants_key_webhook_and_external_id_are_replaced_no_sign_in_fails() -> Result<()> {
    let (pool, _, connections) = scene("all anew", 1).await?;
    let (tenancy, party) = (&pool.tenancy, RelyingParty::of(&pool, &connections[0]).await?);
    let key = next_api_key(&tenancy.cloud)?;
    let meanwhile = while_users_sign_in(&party, async {
        tenancy.patch("", &json!({"workos": {"api_key": key}}), None).await?.expect(200)?;
        for rotation in ["/webhook-rotation", "/external-id-rotation"] {
            tenancy.post(rotation, &json!({})).await?.expect(202)?;
        }
        tenancy.stop_listening().await?;
        let run = pool.run().await?;
        ensure!(run["failures"] == json!([]), "{run:#}");
        Ok(())
    });
    assert!(!meanwhile.await?.is_empty(), "nobody signed in meanwhile");
    party.signs_in(&unique("nia@")).await.map(drop)
}

/// Whether the emulator ended the function in the middle of the call, as it does when the function's settings
/// change. Lambda lets what runs come to its end.
fn was_ended(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("Runtime.ExitError")
}

pub async fn published(party: &RelyingParty) -> Result<Vec<String>> {
    let keys = get(&text(&party.discovery, "jwks_uri")?).await?.expect(200)?.json()?;
    let kids = keys["keys"].as_array().context("no keys")?.iter().filter_map(|key| key["kid"].as_str());
    Ok(kids.map(str::to_owned).collect())
}
