//! The bridge as an OpenID provider, held to it by relying parties that are strict, and by one that is not ours.

use anyhow::{Context, Result};
use causeway_local_cloud::browser::{follow, parameter};
use causeway_local_cloud::node_script;
use serde_json::json;

use crate::relying_party::RelyingParty;
use crate::sign_in::scene;
use crate::tenancy::{now_in_millis, text, unique};

#[tokio::test]
async fn a_certified_relying_party_signs_in_through_discovery_code_signature_and_userinfo() -> Result<()> {
    let (pool, organization, connections) = scene("openid-client", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let user = format!("{}@acme.example", unique("ivy"));
    let arguments = [&party.issuer, &party.client_id, &party.redirect_uri, &user].map(String::as_str);
    let sign_in =
        async |secret: &str| node_script::run("relying_party.mjs", &arguments, &[("CLIENT_SECRET", secret)]).await;
    let signed_in = sign_in(&party.secret).await?;
    for part in ["claims", "userinfo"] {
        assert_eq!(signed_in[part]["email"], user, "{signed_in:#}");
        assert_eq!(signed_in[part]["organization_id"], organization, "{signed_in:#}");
    }
    assert_eq!(signed_in["claims"]["sub"], signed_in["userinfo"]["sub"]);
    assert_eq!(signed_in["claims"]["iss"], party.issuer);

    let refused = sign_in("wrong").await.err().context("signed in with a wrong secret")?;
    assert!(format!("{refused:#}").contains("invalid_client"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn a_certified_relying_party_gets_its_nonce_back_and_a_new_login_or_is_told_that_one_is_required() -> Result<()> {
    let (pool, _, connections) = scene("nonce", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let sign_in = async |user: &str, asked: &[(&str, &str)]| {
        let arguments = [party.issuer.as_str(), &party.client_id, &party.redirect_uri, user];
        let environment = [&[("CLIENT_SECRET", party.secret.as_str())], asked].concat();
        node_script::run("relying_party.mjs", &arguments, &environment).await
    };
    let user = format!("{}@acme.example", unique("kim"));
    let plain = sign_in(&user, &[]).await?;
    assert!(plain["claims"]["nonce"].as_str().is_some_and(|nonce| nonce.len() > 20), "{plain:#}");
    assert_eq!(plain["userinfo"].get("nonce"), None);
    let anew = sign_in(&user, &[("PROMPT", "login")]).await?;
    assert_eq!(anew["claims"]["sub"], plain["claims"]["sub"]);

    let unprompted = format!("{}@acme.example", unique("unprompted"));
    for (user, asked) in [(&user, ("PROMPT", "none")), (&user, ("MAX_AGE", "60")), (&unprompted, ("PROMPT", "login"))] {
        let refused = sign_in(user, &[asked]).await.err().with_context(|| format!("{asked:?}"))?;
        assert!(format!("{refused:#}").contains("login_required"), "{asked:?}: {refused:#}");
    }
    // WorkOS saying when it was is what lets a user in whose login has to be new, and no clock of ours.
    let now = i64::try_from(now_in_millis())? / 1000;
    pool.tenancy.workos.changes_profile(&user, &json!({"auth_time": now})).await?;
    let recent = sign_in(&user, &[("MAX_AGE", "600")]).await?;
    assert_eq!(recent["claims"]["auth_time"], now, "{recent:#}");
    pool.tenancy.workos.changes_profile(&user, &json!({"auth_time": now - 3600})).await?;
    let refused = sign_in(&user, &[("MAX_AGE", "600")]).await.err().context("an old login")?;
    assert!(format!("{refused:#}").contains("login_required"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn who_does_what_cognito_does_signs_in_and_is_told_of_errors() -> Result<()> {
    let (pool, _, connections) = scene("as cognito", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let user = unique("jan@");
    let claims = party.signs_in(&user).await?;
    assert_eq!((&claims["email"], &claims["aud"]), (&json!(user), &json!(pool.id)));

    // The error of WorkOS is one that the relying party can show.
    let at_workos = follow(party.authorize_url(&[])?, &format!("{}/sso", pool.tenancy.cloud.workos_url)).await?;
    let state = parameter(at_workos.last().context("there is always one")?, "state").context("no state")?;
    let back = format!("{}/oidc/{}/callback", pool.tenancy.cloud.api_url, pool.tenancy.id);
    let back = [("error", "access_denied"), ("error_description", "not assigned"), ("state", state.as_str())]
        .iter()
        .fold(url::Url::parse(&back)?, |mut url, (name, value)| {
            url.query_pairs_mut().append_pair(name, value);
            url
        });
    let callback = follow(back, &party.redirect_uri).await?;
    let refused = party.arrives(callback.last().context("there is always one")?).err().context("no error")?;
    assert!(refused.to_string().contains("access_denied: not assigned"), "{refused}");

    // A code that is no longer good is an error of the token endpoint, in its form.
    let code = party.code(&user).await?;
    party.redeemed(&code).await?;
    let refused = party.redeemed(&code).await.err().context("redeemed twice")?;
    assert!(refused.to_string().contains("invalid_grant"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_state_of_4_kb_and_a_login_hint_in_any_script_come_through() -> Result<()> {
    let (pool, _, connections) = scene("long state", 1).await?;
    let party = RelyingParty::of(&pool, &connections[0]).await?;
    let state = "s".repeat(4096);
    let user = format!("jürgen.日本{}@acme.example", unique(""));
    let begin = party.authorize_url(&[("state", &state), ("login_hint", &user)])?;
    let visited = follow(begin, &party.redirect_uri).await?;
    let callback = visited.last().context("there is always one")?;
    assert_eq!(parameter(callback, "state").as_deref(), Some(state.as_str()));
    let tokens = party.redeemed(&parameter(callback, "code").context("no code")?).await?;
    assert_eq!(party.checked(&text(&tokens, "id_token")?).await?["email"], user);
    Ok(())
}
