//! Step 1: the WorkOS API key, where the operator did not give one.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_core::tenant::{Purpose, Tenant};
use causeway_telemetry::chain;
use causeway_tenancy::{check_form, refusal as refusal_of_workos};
use maud::{Markup, html};
use secrecy::SecretString;

use crate::{
    failure::Failure,
    form::Form,
    layout::{self, Field, Step, error_summary},
    visitor::Visitor,
};

const KEY: &str = "api_key";

/// Shows what there is, or asks for the key.
pub async fn show(visitor: Visitor) -> Response {
    layout::step(&visitor, Step::Workos, "Connect WorkOS", &body(&visitor, &Form::default())).into_response()
}

/// Tries the key, and seals it if WorkOS takes it. One that is there is never replaced from here.
pub async fn give(visitor: Visitor, mut form: Form) -> Result<Response, Failure> {
    if visitor.tenant.workos_api_key.is_some() {
        return Ok(visitor.redirect("role"));
    }
    let key = SecretString::from(form.text(KEY).to_owned());
    if let Some(rule) = refusal(&visitor, &key).await? {
        form.refuse(KEY, rule);
        let page = layout::step(&visitor, Step::Workos, "Connect WorkOS", &body(&visitor, &form));
        return Ok((StatusCode::BAD_REQUEST, page).into_response());
    }
    let service = &visitor.service;
    let sealed = service.sealer.seal(&visitor.tenant.id, Purpose::WorkosApiKey, &key).await?;
    let tenant = Tenant { workos_api_key: Some(sealed), updated_at: service.now(), ..visitor.tenant.clone() };
    let change = Box::pin(async { Ok(service.store.update_tenant(&tenant).await?) });
    visitor.recorded(None, "workos", &["workos.api_key"], change).await?;
    Ok(visitor.redirect("role"))
}

/// Why a key is not taken.
async fn refusal(visitor: &Visitor, key: &SecretString) -> Result<Option<String>, Failure> {
    if let Err(error) = check_form(key) {
        return Ok(Some(error.to_string()));
    }
    visitor.count_ask().await?;
    Ok(match refusal_of_workos(&visitor.service.workos, &visitor.tenant, key).await {
        Ok(refusal) => refusal,
        Err(error) => Some(format!("WorkOS could not be asked, try again in a minute: {}", chain(&error))),
    })
}

fn body(visitor: &Visitor, form: &Form) -> Markup {
    let client = &visitor.tenant.workos_client_id;
    if visitor.tenant.workos_api_key.is_some() {
        return html! {
            div.notice.good { p { strong { "WorkOS is connected." } " There is nothing to do in this step." } }
            dl {
                dt { "Client ID" } dd { code { (client) } }
                dt { "API key" } dd { "Stored encrypted. It is never shown." }
            }
            p.actions { a.button href=(visitor.path("role")) { "Continue" } }
        };
    }
    let field = Field {
        name: KEY,
        label: "WorkOS API key",
        hint: "WorkOS dashboard, API Keys. It begins with sk_.",
        keyboard: "text",
        is_secret: true,
    };
    html! {
        p {
            "Causeway reads your connections and their organizations from WorkOS, and exchanges the codes of "
            "sign-ins there. Take the key from the environment with the client ID " code { (client) } "."
        }
        (error_summary(form))
        form method="post" action=(visitor.path("workos")) {
            (field.render(form))
            p.hint { "It is tried at once, stored encrypted, and never shown again." }
            p.actions { button type="submit" { "Try the key and continue" } }
        }
    }
}
