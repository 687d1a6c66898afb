//! Onboarding links: who gets in by one, how far, and for how long.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use causeway_core::timestamp::Timestamp;
use causeway_local_cloud::onboarding_page::{OnboardingPage, get, press};
use causeway_local_cloud::signed_http::Answer;
use serde_json::{Value, json};

use crate::pool::Pool;
use crate::redaction::table;
use crate::status::needs;
use crate::tenancy::{ACCOUNT, Tenancy, now_in_millis, string, text, unique};

/// A link of a tenant.
pub struct Link {
    pub id: String,
    pub url: String,
}

/// Makes a link for these accounts, or for any.
pub async fn link(tenancy: &Tenancy, accounts: &[&str]) -> Result<Link> {
    let made = tenancy.post("/onboarding-links", &json!({"account_ids": accounts})).await?.expect(201)?.json()?;
    assert_eq!(made["account_ids"], json!(accounts));
    Ok(Link { id: text(&made, "id")?, url: text(&made, "url")? })
}

/// A tenant, a pool that nobody registered, and a page of its own.
async fn opened(accounts: &[&str]) -> Result<(Tenancy, Pool, OnboardingPage)> {
    let tenancy = Tenancy::new("page").await?;
    let pool = tenancy.user_pool().await?;
    let page = OnboardingPage::open(&link(&tenancy, accounts).await?.url).await?;
    Ok((tenancy, pool, page))
}

fn fields(pool: &Pool) -> [(&'static str, &str); 3] {
    [("account_id", &pool.tenancy.account.id), ("user_pool_id", &pool.id), ("role_name", &pool.role_name)]
}

async fn listed(tenancy: &Tenancy, path: &str) -> Result<Vec<Value>> {
    let list = tenancy.get(path).await?.expect(200)?.json()?;
    list["items"].as_array().cloned().context("no items")
}

/// Has a link's time be over.
async fn end(tenancy: &Tenancy, link: &Link) -> Result<()> {
    let cloud = &tenancy.cloud;
    let request = DynamoDb::new(&cloud.integration().sdk(&cloud.region)).update_item().table_name(&cloud.table_name);
    let request = request.key("pk", string(&format!("TENANT#{}", tenancy.id)));
    let request = request.key("sk", string(&format!("ONBOARDING#{}", link.id)));
    request.update_expression("SET ends_at = created_at").condition_expression("attribute_exists(pk)").send().await?;
    Ok(())
}

async fn revoke(tenancy: &Tenancy, link: &Link) -> Result<()> {
    let path = format!("/v1/tenants/{}/onboarding-links/{}", tenancy.id, link.id);
    tenancy.api.send("DELETE", &path, &[], b"").await?.expect(204).map(drop)
}

#[tokio::test]
async fn looking_at_a_link_uses_it_up_never_and_its_button_once() -> Result<()> {
    let tenancy = Tenancy::new("page").await?;
    let link = link(&tenancy, &[]).await?;
    for _ in 0..3 {
        let seen = get(&link.url, "").await?.expect(200)?;
        assert!(seen.header("set-cookie").is_none());
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(seen.header(name), Some(value), "{name}");
        }
        let policy = seen.header("content-security-policy").context("no policy")?;
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    }
    assert_eq!(listed(&tenancy, "/onboarding-links").await?[0]["opened_at"], Value::Null);

    let page = OnboardingPage::open(&link.url).await?;
    let path = format!("{}/onboarding/{}", url::Url::parse(&tenancy.cloud.api_url)?.path(), tenancy.id);
    assert_eq!(page.start, format!("{path}/start"), "the address that follows has nothing of the link");
    assert!(page.set_cookie.starts_with(&format!("onboarding-{}=", tenancy.id)), "{}", page.set_cookie);
    for attribute in [format!("Path={path}"), "HttpOnly".to_owned(), "SameSite=Strict".to_owned()] {
        assert!(page.set_cookie.contains(&attribute), "{attribute}: {}", page.set_cookie);
    }
    assert!(listed(&tenancy, "/onboarding-links").await?[0]["opened_at"].is_string());
    let spent = press(&link.url).await?.expect(404)?.text();
    assert!(spent.contains("was opened before") && spent.contains("ask for a new one"), "{spent}");
    page.get("/role").await?.expect(200)?;

    // In the browser that has it already, the link leads on.
    let again = OnboardingPage { address: link.url.clone(), ..page };
    assert_eq!(again.post("", &[]).await?.expect(303)?.header("location"), Some(again.start.as_str()));
    Ok(())
}

#[tokio::test]
async fn a_link_that_is_guessed_over_revoked_or_another_tenants_shows_the_same_page() -> Result<()> {
    let (tenancy, other) = (Tenancy::new("page").await?, Tenancy::new("other page").await?);
    let [over, revoked, good] = [link(&tenancy, &[]).await?, link(&tenancy, &[]).await?, link(&tenancy, &[]).await?];
    let of = |secret: &str| format!("{}/onboarding/{}/link/{secret}", tenancy.cloud.api_url, tenancy.id);
    let expected = get(&of(&"A".repeat(43)), "").await?.expect(404)?;
    assert!(expected.text().contains("This link does not work"), "{}", expected.text());
    let same = |what: &str, answer: &Answer| {
        assert_eq!((answer.status, answer.text()), (404, expected.text()), "{what}");
        let headers = |answer: &Answer| {
            let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        assert_eq!(headers(answer), headers(&expected), "{what}");
    };

    let mut sessions = Vec::new();
    for one in [link(&tenancy, &[]).await?, link(&tenancy, &[]).await?] {
        sessions.push((OnboardingPage::open(&one.url).await?, one));
    }
    end(&tenancy, &over).await?;
    end(&tenancy, &sessions[0].1).await?;
    revoke(&tenancy, &revoked).await?;
    revoke(&tenancy, &sessions[1].1).await?;
    let of_other = good.url.replace(&tenancy.id, &other.id);
    for (what, url) in [
        ("over", over.url.as_str()),
        ("revoked", &revoked.url),
        ("another tenant's", &of_other),
        ("no token", &of("x")),
        ("with more behind it", &format!("{}/more", good.url)),
        ("no page", &of("").replace("/link/", "/nothing")),
    ] {
        same(what, &get(url, "").await?);
        same(what, &press(url).await?);
    }
    for (session, _) in &sessions {
        for path in ["/start", "/workos", "/role", "/check"] {
            same("a session that is over", &session.get(path).await?);
        }
    }
    let session = OnboardingPage::open(&good.url).await?;
    session.get("/role").await?.expect(200)?;
    let elsewhere = OnboardingPage { address: session.address.replace(&tenancy.id, &other.id), ..session.clone() };
    same("another tenant's page", &elsewhere.get("/role").await?);
    same("another tenant's form", &elsewhere.post("/workos", &[("api_key", "sk_any")]).await?);
    let pool = other.registered_pool(&["org_01NONE"]).await?;
    same("another tenant's pool", &session.get(&format!("/pools/{}/check", pool.id)).await?);
    same("another tenant's pool", &session.post(&format!("/pools/{}/check", pool.id), &[]).await?);
    Ok(())
}

#[tokio::test]
async fn a_form_that_another_site_sends_changes_nothing() -> Result<()> {
    let (tenancy, pool, page) = opened(&[ACCOUNT]).await?;
    let unopened = link(&tenancy, &[]).await?;
    let at_link = OnboardingPage { address: unopened.url.clone(), cookie: String::new(), ..page.clone() };
    let origin = url::Url::parse(&page.address)?.origin().ascii_serialization();
    for from in [
        &[("origin", "https://elsewhere.example")][..],
        &[("origin", "https://elsewhere.example"), ("sec-fetch-site", "same-origin")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "same-site")],
        &[("origin", "null")],
        &[("origin", &format!("{origin}.elsewhere.example"))],
        &[],
    ] {
        let refused = page.post_from("/check", &fields(&pool), from).await?.expect(403)?;
        assert!(refused.text().contains("Nothing was changed"), "{}", refused.text());
        at_link.post_from("", &[], from).await?.expect(403)?;
    }
    assert_eq!(listed(&tenancy, "/user-pools").await?, Vec::<Value>::new());
    assert_eq!(listed(&tenancy, "/onboarding-links").await?[0]["opened_at"], Value::Null);

    // As a browser says it of the page's own forms, with a policy of `no-referrer`.
    let own = [("origin", "null"), ("sec-fetch-site", "same-origin")];
    page.post_from("/check", &fields(&pool), &own).await?.expect(303)?;
    assert_eq!(listed(&tenancy, "/user-pools").await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn whoever_holds_a_link_reaches_nothing_that_is_the_operators() -> Result<()> {
    let (tenancy, pool, page) = opened(&[ACCOUNT]).await?;
    let wishes = [("mode", "observe"), ("organizations", "org_01NONE"), ("awaits_admission", "false")];
    page.post("/check", &[&fields(&pool)[..], &wishes].concat()).await?.expect(303)?;
    let shown = pool.shown().await?;
    assert_eq!((&shown["mode"], &shown["organizations"]), (&json!("sync"), &Value::Null), "{shown}");

    for path in ["mode", "approvals", "adopt", "admission", "reconcile", "verify", "removal"] {
        page.post(&format!("/pools/{}/{path}", pool.id), &[("hash", "0")]).await?.expect(404)?;
    }
    let cookie = [("cookie", page.cookie.as_str()), ("content-type", "application/json")];
    let tenant = format!("/v1/tenants/{}", tenancy.id);
    for (method, path) in [
        ("GET", tenant.clone()),
        ("GET", format!("{tenant}/onboarding-links")),
        ("POST", format!("{tenant}/onboarding-links")),
        ("POST", format!("{tenant}/user-pools/{}/verify", pool.id)),
        ("POST", format!("{tenant}/user-pools/{}/approvals", pool.id)),
        ("POST", format!("{tenant}/user-pools/{}/admission", pool.id)),
    ] {
        let answer = tenancy.api.send_unsigned(method, &path, &cookie, b"{}").await?;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_there_is_not_replaced_by_a_link() -> Result<()> {
    let (tenancy, _, page) = opened(&[]).await?;
    page.post("/workos", &[("api_key", "sk_another")]).await?.expect(303)?;
    assert_eq!(tenancy.opened("workos_api_key", "workos-api-key", "Reconcile").await?, tenancy.workos.api_key);
    let shown = page.get("/workos").await?.expect(200)?.text();
    assert!(shown.contains("never shown") && !shown.contains(&tenancy.workos.api_key), "{shown}");
    Ok(())
}

/// Writes an errand of a session down that stands in the table as if it had just been asked for, and calls for it.
async fn ask_again(tenancy: &Tenancy, pool: &Pool, id: &str) -> Result<()> {
    let sdk = tenancy.cloud.integration().sdk(&tenancy.cloud.region);
    let now = Timestamp::from_millis(i64::try_from(now_in_millis())?).to_string();
    let request = DynamoDb::new(&sdk).update_item().table_name(&tenancy.cloud.table_name);
    let request = request.key("pk", string(&format!("ERRAND#{}#{}", tenancy.id, pool.id))).key("sk", string("ERRAND"));
    let request =
        request.update_expression("SET id = :id, asked_at = :now").condition_expression("attribute_exists(pk)");
    let request = request.expression_attribute_values(":id", string(id));
    request.expression_attribute_values(":now", string(&now)).send().await?;
    let call = json!({"tenant_id": tenancy.id, "user_pool_id": pool.id, "errand_id": id}).to_string();
    let request = Sqs::new(&sdk).send_message().queue_url(&tenancy.cloud.queue_url).message_group_id(&pool.id);
    request.message_deduplication_id(unique("errand")).message_body(call).send().await?;
    Ok(())
}

#[tokio::test]
async fn an_errand_of_a_link_that_is_over_is_not_done_and_keeps_nobody_elses_waiting() -> Result<()> {
    let tenancy = Tenancy::new("page").await?;
    let pool = tenancy.user_pool().await?;
    let over = link(&tenancy, &[ACCOUNT]).await?;
    let page = OnboardingPage::open(&over.url).await?;
    page.post("/check", &fields(&pool)).await?.expect(303)?;
    let path = format!("/pools/{}/check", pool.id);
    page.post(&path, &[]).await?.expect(303)?;
    page.settled(&path).await?;
    revoke(&tenancy, &over).await?;
    let id = unique("errand");
    ask_again(&tenancy, &pool, &id).await?;

    let next = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    next.settled(&path).await?;
    next.post(&path, &[]).await?.expect(303)?;
    next.settled(&path).await?;
    let log = tenancy.cloud.function_log("reconcile");
    let of_it: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
    assert!(!of_it.is_empty() && of_it.iter().all(|line| line.contains("errand refused")), "{of_it:#?}");
    Ok(())
}

#[tokio::test]
async fn a_session_tries_ten_keys_in_a_minute_and_no_more() -> Result<()> {
    let tenancy = Tenancy::without_key("keys", ACCOUNT).await?;
    let page = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    let mut statuses = Vec::new();
    for number in 0..20 {
        statuses.push(page.post("/workos", &[("api_key", &format!("sk_wrong_{number}"))]).await?.status);
    }
    assert_eq!(statuses[..10], [400; 10], "{statuses:?}");
    // A machine that takes a minute for these lets more through.
    assert!(statuses[10..].contains(&429), "{statuses:?}");
    Ok(())
}

#[tokio::test]
async fn the_first_pool_of_an_account_that_the_link_does_not_name_waits_for_the_operator() -> Result<()> {
    let (tenancy, pool, page) = opened(&[]).await?;
    page.post("/check", &fields(&pool)).await?.expect(303)?;
    assert_eq!(pool.shown().await?["awaits_admission"], true);
    assert_eq!(needs(&pool, "awaits_admission").await?["whose"], "operator");
    let path = format!("/pools/{}/check", pool.id);
    page.post(&path, &[]).await?.expect(303)?;
    let waits = page.get(&path).await?.expect(200)?.text();
    assert!(waits.contains("has to admit this account"), "{waits}");
    let refused = pool.post("/verify", &json!({})).await?.expect(409)?.json()?;
    assert!(text(&refused, "detail")?.contains("admission"), "{refused}");

    let admitted = pool.post("/admission", &json!({})).await?.expect(200)?.json()?;
    assert_eq!(admitted["awaits_admission"], false);
    assert_eq!(needs(&pool, "pending").await?["whose"], "tenant");
    page.post(&path, &[]).await?.expect(303)?;
    let checked = page.settled(&path).await?.text();
    assert!(checked.contains("One check failed") && checked.contains("What to do:"), "{checked}");

    // The account is known now, so that its next pool does not wait.
    let next = tenancy.user_pool().await?;
    page.post("/check", &fields(&next)).await?.expect(303)?;
    assert_eq!(next.shown().await?["awaits_admission"], false);
    Ok(())
}

#[tokio::test]
async fn what_the_checks_of_a_pool_said_goes_with_the_pool() -> Result<()> {
    let (tenancy, pool, page) = opened(&[ACCOUNT]).await?;
    page.post("/check", &fields(&pool)).await?.expect(303)?;
    let path = format!("/pools/{}/check", pool.id);
    page.post(&path, &[]).await?.expect(303)?;
    let checked = page.settled(&path).await?.text();
    assert!(checked.contains("One check failed"), "{checked}");
    let removal = format!("/v1/tenants/{}/user-pools/{}", tenancy.id, pool.id);
    tenancy.api.send("DELETE", &removal, &[], b"").await?.expect(204)?;
    tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?.expect(201)?;
    let shown = page.get(&path).await?.expect(200)?.text();
    assert!(!shown.contains("One check failed"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_link_that_names_accounts_is_good_for_no_other() -> Result<()> {
    let (tenancy, pool, page) = opened(&["333333333333"]).await?;
    let refused = page.post("/check", &fields(&pool)).await?.expect(400)?.text();
    assert!(refused.contains("account 333333333333") && refused.contains("ask the operator"), "{refused}");
    assert_eq!(listed(&tenancy, "/user-pools").await?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn nothing_of_a_link_or_its_cookie_is_logged_or_kept_or_listed() -> Result<()> {
    let tenancy = Tenancy::new("page").await?;
    let pool = tenancy.user_pool().await?;
    let link = link(&tenancy, &[ACCOUNT]).await?;
    let page = OnboardingPage::open(&link.url).await?;
    press(&link.url).await?.expect(404)?;
    for address in [format!("{}/more", link.url), format!("{}?more", link.url), link.url.replace("/link/", "/link//")] {
        get(&address, "").await?;
    }
    page.post("/check", &fields(&pool)).await?.expect(303)?;
    page.post(&format!("/pools/{}/check", pool.id), &[]).await?.expect(303)?;
    page.settled(&format!("/pools/{}/check", pool.id)).await?;
    page.get("/check?account_id=%3Cscript%3E").await?.expect(200)?;

    let (_, secret) = link.url.rsplit_once('/').context("no secret")?;
    let (_, cookie) = page.cookie.split_once('=').context("no cookie")?;
    let mut places = tenancy.cloud.function_logs();
    assert!(places["onboarding"].contains(&link.id), "else this shows little");
    places.insert("table".to_owned(), table(&tenancy.cloud).await?);
    assert!(places["table"].contains(&link.id), "else this shows little");
    places.insert("list".to_owned(), tenancy.get("/onboarding-links").await?.expect(200)?.text());
    for (place, kept) in &places {
        assert!(!kept.contains(secret), "the link is in {place}");
        assert!(!kept.contains(cookie), "the cookie is in {place}");
    }
    Ok(())
}
