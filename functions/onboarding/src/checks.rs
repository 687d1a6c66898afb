//! Step 3: register the pool, run the checks, and see what to do about those that fail.

use axum::{
    extract::RawQuery,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::{
    app_clients::AppClients,
    check::{Check, CheckOutcome, all_hold},
    errand::Task,
    health::ErrorClass,
    id::AccountId,
    onboarding::Admission,
    user_pool::{PoolOptions, PoolStatus, UserPool},
};
use causeway_page::{copyable, sentence};
use causeway_store::RecordedChecks;
use causeway_tenancy::{NewPool, TenancyError, register as register_pool};
use maud::{Markup, html};

use crate::{
    failure::Failure,
    form::Form,
    layout::{self, Step, error_summary, query_of, under_way},
    page::next_step_of,
    role::{pool_fields, read, suggest},
    visitor::Visitor,
};

/// How many pools of a tenant its links may register. More of them are an operator's affair.
const MOST_POOLS: usize = 50;
/// How often a registration is tried where others register at the same time.
const TRIES: usize = 3;

/// The checks by name, in their order, as people call them. Others are shown by their name.
const NAMES: [(&str, &str); 10] = [
    ("workos_api_key", "WorkOS takes the API key"),
    ("workos_callback", "Sign-ins may return from WorkOS"),
    ("workos_webhook", "WorkOS reports changes"),
    ("role_assumable", "Causeway can use the role"),
    ("role_requires_external_id", "Nobody can use the role without your external ID"),
    ("user_pool", "The user pool is there"),
    ("user_pool_domain", "The user pool has a domain"),
    ("attribute_mapping", "The users' attributes fit"),
    ("app_clients", "The app clients fit"),
    ("role_permissions", "The role allows what is needed"),
];

/// Asks for account and pool.
pub async fn ask(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let mut form = Form::parse(query.unwrap_or_default().as_bytes());
    suggest(&visitor, &mut form).await?;
    Ok(asked(&visitor, &form).await?.into_response())
}

async fn asked(visitor: &Visitor, form: &Form) -> Result<layout::Page, Failure> {
    let pools = visitor.pools().await?;
    let body = html! {
        p { "Say where the role and the user pool are. Nothing in your account is changed by the checks." }
        (error_summary(form))
        form method="post" action=(visitor.path("check")) {
            (pool_fields(form))
            p.actions { button type="submit" { "Register the user pool" } }
        }
        @if !pools.is_empty() {
            section aria-labelledby="registered" {
                h2 id="registered" { "Registered already" }
                ul.plain {
                    @for pool in &pools {
                        li {
                            a href=(visitor.path(&next_step_of(pool))) { (pool.user_pool_id) }
                            " in account " (pool.account_id) " – " (status(pool))
                        }
                    }
                }
            }
        }
    };
    Ok(layout::step(visitor, Step::Checks, "Check the connection", &body))
}

fn status(pool: &UserPool) -> &'static str {
    match pool.status {
        PoolStatus::Pending if pool.awaits_admission => "waits for the operator",
        PoolStatus::Pending => "not checked yet",
        PoolStatus::Active => "connected",
        PoolStatus::Removing => "being removed",
    }
}

/// Registers the pool, unless this tenant has it already, and goes on to its checks.
pub async fn register(visitor: Visitor, mut form: Form) -> Result<Response, Failure> {
    for _ in 0..TRIES {
        match registered(&visitor, &mut form).await {
            Ok(Some(pool)) => return Ok(visitor.redirect(&format!("pools/{}/check?run", pool.user_pool_id))),
            Ok(None) => return Ok((StatusCode::BAD_REQUEST, asked(&visitor, &form).await?).into_response()),
            // Another registration came first: they are counted again.
            Err(Failure::Tenancy(TenancyError::Store(error))) if error.class() == ErrorClass::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Err(Failure::Busy)
}

async fn registered(visitor: &Visitor, form: &mut Form) -> Result<Option<UserPool>, Failure> {
    let Some(wanted) = read(visitor, form) else { return Ok(None) };
    let service = &visitor.service;
    let turn = service.store.registration_turn(&visitor.tenant.id, service.number()).await?;
    let all = visitor.all_pools().await?;
    let known = all.items.iter().find(|pool| pool.user_pool_id == wanted.user_pool_id && visitor.link.governs(pool));
    if let Some(pool) = known {
        if (&pool.account_id, &pool.role_name) == (&wanted.account_id, &wanted.role_name) {
            return Ok(Some(pool.clone()));
        }
        let rule = format!(
            "this user pool is registered with account {} and role {}: use these, or ask the operator to remove it",
            pool.account_id, pool.role_name
        );
        form.refuse("user_pool_id", rule);
        return Ok(None);
    }
    if all.items.len() + all.unreadable.len() >= MOST_POOLS {
        form.refuse("user_pool_id", format!("{MOST_POOLS} user pools are registered: ask the operator for more"));
        return Ok(None);
    }
    let admission = visitor.link.admits(&wanted.account_id, &all.items);
    if admission == Admission::Refused {
        let named: Vec<&str> = visitor.link.account_ids.iter().map(AccountId::as_str).collect();
        let rule = format!("your link is for account {}: ask the operator for another", named.join(", "));
        form.refuse("account_id", rule);
        return Ok(None);
    }
    let new = NewPool {
        account_id: wanted.account_id,
        role_name: wanted.role_name,
        user_pool_id: wanted.user_pool_id.clone(),
        options: PoolOptions::default(),
        awaits_admission: admission == Admission::Waits,
        registered_by: Some(visitor.link.id.clone()),
        turn: Some(turn),
    };
    let registered = Box::pin(register_pool(&service.store, &service.rules, &visitor.tenant, new, service.now()));
    let fields = ["account_id", "role_name", "user_pool_id"];
    match visitor.recorded(Some(&wanted.user_pool_id), "check", &fields, registered).await {
        Ok(pool) => Ok(Some(pool)),
        Err(TenancyError::Invalid { field, rule }) => {
            form.refuse(&field, rule);
            Ok(None)
        }
        // The same whoever has it, so that nobody learns that by a link.
        Err(TenancyError::Conflict(_)) => {
            form.refuse("user_pool_id", "this user pool can't be registered by your link: ask the operator");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the checks as far as they have been run.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let pool = visitor.pool()?;
    let (store, place) = (&visitor.service.store, (&visitor.tenant.id, &pool.user_pool_id));
    let (recorded, errands) =
        tokio::try_join!(store.recorded_checks(place.0, place.1), store.errands(place.0, place.1))?;
    let now = visitor.service.now();
    let runs = errands
        .asked
        .as_ref()
        .is_some_and(|errand| errand.task == Task::Check && errand.is_under_way(errands.ended.as_deref(), now));
    // What was found before says nothing while it is looked at again.
    let recorded = recorded
        .filter(|recorded| !runs || errands.asked.as_ref().is_some_and(|errand| recorded.began_at >= errand.asked_at));
    // Asked for right after the registration: the script presses the button, where there is one.
    let at_once = query.as_deref() == Some("run");
    let body = body(&visitor, pool, recorded.as_ref(), runs, at_once);
    Ok(layout::step(&visitor, Step::Checks, "Check the connection", &body).into_response())
}

/// Has the checks run. Each is shown as soon as it has ended.
pub async fn run(visitor: Visitor) -> Result<Response, Failure> {
    let pool = visitor.pool()?;
    if !pool.awaits_admission {
        visitor.ask(pool, Task::Check).await?;
    }
    Ok(visitor.redirect(&format!("pools/{}/check", pool.user_pool_id)))
}

fn body(visitor: &Visitor, pool: &UserPool, recorded: Option<&RecordedChecks>, runs: bool, at_once: bool) -> Markup {
    let checks = recorded.map_or(&[][..], |recorded| &recorded.checks);
    let action = visitor.path(&format!("pools/{}/check", pool.user_pool_id));
    html! {
        dl {
            dt { "User pool" } dd { code { (pool.user_pool_id) } }
            dt { "Role" } dd { code { (pool.role_arn()) } }
        }
        @if pool.awaits_admission {
            div.notice id="checks" {
                p { strong { "Your operator has to admit this account first." } }
                p {
                    "It is the first time that account " (pool.account_id) " is named, and your link names none. The "
                    "operator sees the user pool in the list and admits it there. Then come back to this page."
                }
            }
        } @else {
            div id="checks" aria-live="polite" data-runs[runs] {
                (verdict(visitor, pool, recorded, runs))
                ol.checks {
                    @for (name, title) in NAMES {
                        @for check in checks.iter().filter(|check| check.name == name) { (shown(visitor, pool, title, check)) }
                        @if !checks.iter().any(|check| check.name == name) {
                            li.waiting { span.outcome { (absent(pool, name, runs)) } " " span.title { (title) } }
                        }
                    }
                    @for check in checks.iter().filter(|check| !NAMES.iter().any(|(name, _)| *name == check.name)) {
                        (shown(visitor, pool, &check.name, check))
                    }
                }
            }
            form method="post" action=(action) data-watch data-at-once[at_once && !runs] {
                p.actions {
                    button.quiet[pool.status == PoolStatus::Active] type="submit" {
                        (if checks.is_empty() { "Run the checks" } else { "Run the checks again" })
                    }
                }
            }
        }
    }
}

/// What is said of a check that did not end.
fn absent(pool: &UserPool, name: &str, runs: bool) -> &'static str {
    match name {
        // There are none before the next step.
        "app_clients" if pool.options.app_clients == AppClients::default() => "Later",
        _ if runs => "Waiting",
        _ => "Not run",
    }
}

fn verdict(visitor: &Visitor, pool: &UserPool, recorded: Option<&RecordedChecks>, runs: bool) -> Markup {
    let Some(recorded) = recorded else {
        return html! { @if runs { (under_way("The checks wait to be run.")) } };
    };
    let is_failed = |check: &&Check| matches!(check.outcome, CheckOutcome::Fail | CheckOutcome::Unknown);
    let failed = recorded.checks.iter().filter(is_failed).count();
    html! {
        @if runs {
            (under_way("The checks are running."))
        } @else if failed > 0 {
            div.notice.bad {
                p { strong { @if failed == 1 { "One check failed." } @else { (failed) " checks failed." } }
                    " What to do is next to it. Then run the checks again." }
            }
        } @else if pool.status == PoolStatus::Active && all_hold(&recorded.checks) {
            div.notice.good {
                p { strong { "All checks passed. The user pool is connected." } }
                p { a.button href=(visitor.path(&format!("pools/{}/app-clients", pool.user_pool_id))) { "Continue" } }
            }
        } @else {
            div.notice.bad { p { strong { "The checks did not end." } " Run them again." } }
        }
    }
}

fn shown(visitor: &Visitor, pool: &UserPool, title: &str, check: &Check) -> Markup {
    let (class, outcome) = match check.outcome {
        CheckOutcome::Pass => ("passed", "Passed"),
        CheckOutcome::Warn => ("warned", "Note"),
        CheckOutcome::Fail | CheckOutcome::Unknown => ("failed", "Failed"),
    };
    let (remedy, exact) = remedy_parts(&check.remedy);
    html! {
        li class=(class) {
            span.outcome { (outcome) } " " span.title { (title) }
            @if check.outcome != CheckOutcome::Pass {
                p { (sentence(&check.message)) }
                div.remedy {
                    @if !remedy.is_empty() { p { strong { "What to do: " } (remedy) } }
                    @if let Some(exact) = exact { (copyable(&format!("remedy-{}", check.name), "what to use", &exact)) }
                    @if check.name.starts_with("role_") {
                        p { a href={ (visitor.path("role")) "?" (query_of(pool)) } { "Show the role again" } }
                    }
                }
            }
        }
    }
}

/// A remedy's words, and the policy or the command that it ends with, if it does.
fn remedy_parts(remedy: &str) -> (String, Option<String>) {
    if let Some((words, policy)) = remedy.split_once(": {") {
        let policy = format!("{{{policy}");
        let pretty = serde_json::from_str::<serde_json::Value>(&policy).map(|value| format!("{value:#}"));
        return (sentence(&format!("{words}:")), Some(pretty.unwrap_or(policy)));
    }
    match remedy.split_once(": aws ") {
        Some((words, command)) => (sentence(&format!("{words}:")), Some(format!("aws {command}"))),
        None => (remedy.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_ends_with_the_policy_or_the_command_to_be_copied() {
        let (words, policy) = remedy_parts(r#"Give the role this policy: {"Version":"2012-10-17"}"#);
        assert_eq!(words, "Give the role this policy:");
        assert_eq!(policy.unwrap(), "{\n  \"Version\": \"2012-10-17\"\n}");
        let (words, command) = remedy_parts("Give the pool a domain: aws cognito-idp create-user-pool-domain");
        assert_eq!(
            (words.as_str(), command.unwrap().as_str()),
            ("Give the pool a domain:", "aws cognito-idp create-user-pool-domain")
        );
        assert_eq!(remedy_parts("Try again."), ("Try again.".to_owned(), None));
    }
}
