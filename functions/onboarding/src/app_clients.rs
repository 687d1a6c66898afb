//! Step 4: the app clients, the providers as they appear, and a sign-in to try.

use axum::{
    extract::RawQuery,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    app_clients::{AppClients, MOST_NAMED},
    claim::Claim,
    errand::{SeenAppClient, SeenAppClients, Task},
    health::HealthState,
    id::AppClientId,
    user_pool::{PoolStatus, UserPool},
};
use causeway_page::sentence;
use maud::{Markup, html};

use crate::{
    connections::{providers, to_try},
    failure::Failure,
    form::Form,
    layout::{self, Step, error_summary, under_way},
    sign_in_link::sign_in_link,
    visitor::Visitor,
};

const FIELD: &str = "app_clients";
/// The field of the button that asks for the app clients as they are now.
const AGAIN: &str = "again";
/// What stands for all app clients.
const ALL: &str = "all";

/// Shows the app clients, the providers and, for one app client, the links to try.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let pool = visitor.pool()?;
    if pool.status == PoolStatus::Pending {
        return Ok(visitor.redirect(&format!("pools/{}/check", pool.user_pool_id)));
    }
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    Ok(Box::pin(page(&visitor, pool, None, &query)).await?.into_response())
}

/// Takes the choice of app clients. Whether the pool has them and they can sign users in, `reconcile` looks, and gives
/// them the providers.
pub async fn choose(visitor: Visitor, mut form: Form) -> Result<Response, Failure> {
    let pool = visitor.pool()?;
    if pool.status != PoolStatus::Active {
        return Ok(visitor.redirect(&format!("pools/{}/check", pool.user_pool_id)));
    }
    if !form.text(AGAIN).is_empty() {
        visitor.ask(pool, Task::SeeAppClients).await?;
        return Ok(visitor.redirect(&format!("pools/{}/app-clients", pool.user_pool_id)));
    }
    let Some(chosen) = chosen(&mut form) else {
        let page = Box::pin(page(&visitor, pool, Some(&form), &Form::default())).await?;
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    };
    visitor.ask(pool, Task::ChooseAppClients(chosen)).await?;
    Ok(visitor.redirect(&format!("pools/{}/app-clients", pool.user_pool_id)))
}

/// The app clients of a form, if they can be some.
fn chosen(form: &mut Form) -> Option<AppClients> {
    let text = form.all(FIELD).collect::<Vec<_>>().join("\n");
    if form.all(FIELD).any(|one| one == ALL) {
        return Some(AppClients::All);
    }
    let mut chosen: Vec<AppClientId> = Vec::new();
    for id in text.split(|c: char| c.is_whitespace() || c == ',').filter(|id| !id.is_empty()) {
        match id.parse::<AppClientId>() {
            Ok(id) if chosen.contains(&id) => {}
            Ok(id) => chosen.push(id),
            Err(error) => {
                form.refuse(FIELD, error.to_string());
                return None;
            }
        }
    }
    if chosen.len() > MOST_NAMED {
        form.refuse(FIELD, format!("at most {MOST_NAMED} app clients"));
        return None;
    }
    Some(AppClients::Named(chosen))
}

async fn page(
    visitor: &Visitor,
    pool: &UserPool,
    refused: Option<&Form>,
    query: &Form,
) -> Result<layout::Page, Failure> {
    let (store, place) = (&visitor.service.store, (&visitor.tenant.id, &pool.user_pool_id));
    let (claims, seen, errands) = tokio::try_join!(
        store.claims(place.1),
        store.seen_app_clients(place.0, place.1),
        store.errands(place.0, place.1),
    )?;
    let mut claims = claims.told();
    claims.retain(|claim| claim.tenant_id == pool.tenant_id && claim.is_held());
    let now = visitor.service.now();
    let is_under_way = errands
        .asked
        .is_some_and(|errand| errand.task != Task::Check && errand.is_under_way(errands.ended.as_deref(), now));
    let refused = refused.cloned().unwrap_or_else(|| last_choice(&seen));
    let tried = seen.given.iter().find(|client| client.id.as_str() == query.text("client")).or(seen.given.first());
    let body = html! {
        div id="choice" aria-live="polite" data-runs[is_under_way] {
            @if is_under_way { (under_way("The app clients are being looked at.")) }
            (error_summary(&refused))
        }
        (choice(visitor, pool, &seen.offered, &refused))
        section aria-labelledby="providers-heading" {
            h2 id="providers-heading" { "Identity providers" }
            div id="providers" aria-live="polite" data-refreshes[pool.status == PoolStatus::Active] {
                (health(pool))
                (providers(pool, &claims, now))
            }
        }
        section aria-labelledby="try-heading" {
            h2 id="try-heading" { "Try a sign-in" }
            div id="sign-ins" {
                @match tried {
                    None => { p { "Choose an app client first: a sign-in needs one." } }
                    Some(client) => { (sign_ins((visitor, pool), &claims, client, &seen.given)) }
                }
            }
        }
    };
    Ok(layout::step(visitor, Step::AppClients, "Offer the sign-ins", &body))
}

/// Why the last choice was not taken.
fn last_choice(seen: &SeenAppClients) -> Form {
    let mut form = Form::default();
    for reason in &seen.refused {
        form.refuse(FIELD, reason.clone());
    }
    form
}

fn choice(visitor: &Visitor, pool: &UserPool, offered: &[(AppClientId, String)], refused: &Form) -> Markup {
    let present = match &pool.options.app_clients {
        AppClients::All => vec![ALL],
        AppClients::Named(named) => named.iter().map(AppClientId::as_str).collect(),
    };
    let typed: Vec<&str> = refused.all(FIELD).collect();
    let chosen = if typed.is_empty() { present } else { typed };
    let errors: Vec<&str> = refused.errors().iter().map(|(_, rule)| rule.as_str()).collect();
    html! {
        p {
            "Choose the app clients whose users sign in with your connections. Causeway adds its providers to their "
            "lists and leaves everything else of them as it is. Other app clients are never changed."
        }
        form method="post" action=(visitor.path(&format!("pools/{}/app-clients", pool.user_pool_id))) {
            @if offered.is_empty() { (as_text(&chosen, &errors)) } @else { (as_boxes(offered, &chosen, &errors)) }
            p.actions { button type="submit" { "Save the app clients" } }
        }
        form method="post" action=(visitor.path(&format!("pools/{}/app-clients", pool.user_pool_id))) {
            p.hint { "Is one missing that you have just made?" }
            p.actions { button.quiet type="submit" name=(AGAIN) value="1" { "Look for app clients again" } }
        }
    }
}

fn as_text(chosen: &[&str], errors: &[&str]) -> Markup {
    html! {
        div.field.bad[!errors.is_empty()] {
            label for=(FIELD) { "App client IDs" }
            p.hint id="app_clients-hint" { "One a line, or the word all. The Cognito console shows them under “App clients”." }
            @for error in errors { p.error { (sentence(error)) } }
            textarea id=(FIELD) name=(FIELD) rows="3" spellcheck="false" autocapitalize="off"
                aria-describedby="app_clients-hint" aria-invalid=[(!errors.is_empty()).then_some("true")] {
                (chosen.join("\n"))
            }
        }
    }
}

fn as_boxes(offered: &[(AppClientId, String)], chosen: &[&str], errors: &[&str]) -> Markup {
    let is_offered = |id: &&str| *id == ALL || offered.iter().any(|(other, _)| other.as_str() == *id);
    let row = |id: &str, text: &Markup| {
        html! {
            div.choice {
                input type="checkbox" id={ "choice-" (id) } name=(FIELD) value=(id) checked[chosen.contains(&id)];
                label for={ "choice-" (id) } { (text) }
            }
        }
    };
    html! {
        fieldset.field.bad[!errors.is_empty()] id=(FIELD) {
            legend { "App clients" }
            @for error in errors { p.error { (sentence(error)) } }
            @for (id, name) in offered { (row(id.as_str(), &html! { (name) " " code { (id) } })) }
            @for id in chosen.iter().filter(|id| !is_offered(id)) {
                (row(id, &html! { code { (id) } " (the user pool has it no more)" }))
            }
            (row(ALL, &html! { "All of them, and those that are made later" }))
        }
    }
}

fn health(pool: &UserPool) -> Markup {
    let health = &pool.run.health;
    html! {
        @if pool.status == PoolStatus::Removing {
            div.notice { p { "The operator is removing this user pool." } }
        } @else if health.state != HealthState::Ok {
            div.notice.bad {
                p { strong { "The last run did not succeed. " } (sentence(&health.message)) }
                p { (health.remedy) }
            }
        }
    }
}

fn sign_ins(
    (visitor, pool): (&Visitor, &UserPool),
    claims: &[Claim],
    client: &SeenAppClient,
    clients: &[SeenAppClient],
) -> Markup {
    let (id, now) = (&client.id, visitor.service.now());
    let domain = pool.domain_url(visitor.service.local_callback.as_deref());
    let (Some(domain), Some(redirect_uri)) = (domain, client.callback_url.as_deref()) else {
        return html! { p { "The app client " code { (id) } " has no callback URL yet, or the user pool no domain." } };
    };
    let links: Vec<(&Claim, String)> = claims
        .iter()
        .filter(|claim| claim.in_sync)
        .filter_map(|claim| {
            let link = sign_in_link(domain, id, redirect_uri, &client.scopes, &claim.provider_name)?;
            Some((claim, link))
        })
        .collect();
    html! {
        @if links.is_empty() {
            p { "The app client " code { (id) } " does not offer a provider yet. It does so after the next run." }
        } @else {
            p {
                "Each link begins a sign-in as your application would, in app client " code { (id) } ", and returns to "
                code { (redirect_uri) } ". Your application may say that it did not begin this sign-in. What counts is "
                "that you come back to it with a code."
            }
            (to_try(&links, now))
        }
        @let others: Vec<_> = clients.iter().map(|other| &other.id).filter(|other| *other != id).collect();
        @if !others.is_empty() {
            p { "Another app client: " @for other in others {
                a href={ (visitor.path(&format!("pools/{}/app-clients", pool.user_pool_id))) "?client=" (other) } {
                    (other)
                } " "
            } }
        }
    }
}
