//! Step 9: what must fail.

use crate::browser::{follow, form, parameter, post_form};
use crate::signed_http::{Answer, plain_client};
use crate::tenant_role::{RoleParameters, deploy_tenant_role};
use anyhow::{Context, Result, ensure};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use serde_json::json;

use super::scene::{Scene, make_pool, provider_name};
use super::{SOON, shown};

pub async fn show(scene: &Scene<'_>) -> Result<()> {
    forged_webhook(scene).await?;
    unsigned_call(scene).await?;
    codes_of_others(scene).await?;
    role_on_another_pool(scene).await
}

fn refused(what: &str, answer: &Answer, statuses: &[u16]) -> Result<()> {
    ensure!(statuses.contains(&answer.status), "{what} was answered {}: {}", answer.status, answer.text());
    shown::refused(what, &format!("{} {}", answer.status, shown::reason(&answer.text())));
    Ok(())
}

async fn forged_webhook(scene: &Scene<'_>) -> Result<()> {
    let url = format!("{}/webhooks/{}", scene.cloud.api_url, scene.tenant_id);
    let body = json!({ "id": "event_forged", "event": "connection.deleted" }).to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
    let request = plain_client()?.post(url).header("workos-signature", format!("t={now}, v1={}", "0".repeat(64)));
    let response = request.body(body).send().await?;
    let answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    };
    refused("a forged webhook", &answer, &[401])
}

async fn unsigned_call(scene: &Scene<'_>) -> Result<()> {
    let answer = scene.api.send_unsigned("GET", "/v1/tenants", &[], b"").await?;
    refused("an unsigned call of the API", &answer, &[401, 403])
}

/// A code is good at the token endpoint of its own connection, for its own pool, and nowhere else.
async fn codes_of_others(scene: &Scene<'_>) -> Result<()> {
    let connection = scene.workos.create_connection(&scene.organizations[1], "Globex again").await?;
    let own = scene.provider_of(&scene.connections[0], SOON).await?;
    let other = scene.provider_of(&connection, SOON).await?;
    let code = code_on_its_way(scene).await?;
    let answer = post_form(&other.details["token_url"], &grant(scene, &scene.pool, &other.details, &code)).await?;
    refused("a code of another connection at /token", &answer, &[400])?;

    let pool = second_pool(scene).await?;
    let in_other_pool = scene.provider_in(&pool, &scene.connections[0], SOON).await?;
    let answer =
        post_form(&in_other_pool.details["token_url"], &grant(scene, &pool, &in_other_pool.details, &code)).await?;
    refused("a code of another pool at /token", &answer, &[400])?;

    let good = post_form(&own.details["token_url"], &grant(scene, &scene.pool, &own.details, &code)).await?;
    ensure!(good.status == 200, "the code was no good where it belongs: {}", good.text());
    shown::held("the same code where it belongs: 200, with an ID token");
    let again = post_form(&own.details["token_url"], &grant(scene, &scene.pool, &own.details, &code)).await?;
    refused("the same code once more", &again, &[400])?;
    scene.workos.delete_connection(&connection).await?;
    crate::eventually::eventually(SOON, "the second provider goes", async || {
        Ok((!scene.provider_names().await?.contains(&other.name)).then_some(()))
    })
    .await
}

/// A code of Causeway on its way to Cognito, which never sees it.
async fn code_on_its_way(scene: &Scene<'_>) -> Result<String> {
    let provider = provider_name(&scene.connections[0]);
    let request = scene.sign_in(&provider);
    let visited = follow(request.start()?, &callback(scene)).await?;
    parameter(&visited[visited.len() - 1], "code").context("no code came back")
}

fn callback(scene: &Scene<'_>) -> String {
    let port = scene.cloud.aws_endpoint.rsplit(':').next().unwrap_or_default();
    format!("http://localhost:{port}/oauth2/idpresponse")
}

fn grant(scene: &Scene<'_>, pool: &str, details: &std::collections::BTreeMap<String, String>, code: &str) -> String {
    form(&[
        ("grant_type", "authorization_code"),
        ("client_id", pool),
        ("client_secret", details.get("client_secret").map_or("", String::as_str)),
        ("code", code),
        ("redirect_uri", &callback(scene)),
    ])
}

/// A second pool of the same tenant, verified.
async fn second_pool(scene: &Scene<'_>) -> Result<String> {
    let pool = make_pool(&scene.cognito, "demo, second").await?;
    let role_name = format!("{}Second", scene.role_name);
    scene.register(&pool, &role_name, &[]).await?;
    let parameters = RoleParameters {
        external_id: scene.external_id.clone(),
        user_pool_id: pool.clone(),
        role_name,
        integration_account_id: scene.cloud.integration_account.clone(),
    };
    deploy_tenant_role(&scene.tenant, scene.region, &parameters).await?;
    scene.api.verified(&format!("/v1/tenants/{}/user-pools/{pool}", scene.tenant_id)).await?;
    Ok(pool)
}

/// The tenant's role, entered as Causeway enters it, on a pool that it is not for.
async fn role_on_another_pool(scene: &Scene<'_>) -> Result<()> {
    let other = make_pool(&scene.cognito, "none of Causeways").await?;
    let function = scene.cloud.function_session("Reconcile").await?;
    let role = format!("arn:aws:iam::222222222222:role/{}", scene.role_name);
    let session = function.assume_role(&role, Some(&scene.external_id)).await?;
    let cognito = Cognito::new(&session.sdk(scene.region));
    cognito.describe_user_pool().user_pool_id(&scene.pool).send().await.context("the role on its own pool")?;
    let answer = cognito.describe_user_pool().user_pool_id(&other).send().await;
    let error = answer.err().context("the role may describe another pool")?;
    ensure!(error.code().is_some_and(|code| code.contains("AccessDenied")), "not a refusal: {error:?}");
    shown::refused("the tenant's role on another pool", error.message().unwrap_or_default());
    Ok(())
}
