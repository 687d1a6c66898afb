//! Step 2: the role, in every form. Nothing is registered here.

use axum::{
    extract::RawQuery,
    response::{IntoResponse, Response},
};
use causeway_core::{
    id::{AccountId, RoleName, UserPoolId},
    role::RoleRequest,
};
use causeway_page::copyable;
use maud::{Markup, html};

use crate::{
    failure::Failure,
    form::Form,
    layout::{self, Field, Step, error_summary},
    visitor::Visitor,
};

/// Asks which pool the role is for, and shows the role once that is known.
pub async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let mut form = Form::parse(query.unwrap_or_default().as_bytes());
    let is_asked = !form.text("user_pool_id").is_empty() || !form.text("account_id").is_empty();
    let role = if is_asked { read(&visitor, &mut form) } else { None };
    suggest(&visitor, &mut form).await?;
    let launch_url =
        role.as_ref().filter(|_| visitor.link.offers_launch).and_then(|role| visitor.service.launch_url(role));
    let body = html! {
        p {
            "Causeway works in your account through one IAM role. It may do what it takes to keep the identity "
            "providers of one user pool right, and nothing else. Only Causeway can assume it, and only with "
            "your external ID."
        }
        (error_summary(&form))
        form method="get" action=(visitor.path("role")) {
            (pool_fields(&form))
            p.actions { button.quiet[role.is_some()] type="submit" { "Show the role" } }
        }
        @if let Some(role) = &role { (documents(&visitor, role, launch_url.as_deref())) }
    };
    let page = layout::step(&visitor, Step::Role, "Create the role", &body);
    let status =
        if form.errors().is_empty() { axum::http::StatusCode::OK } else { axum::http::StatusCode::BAD_REQUEST };
    Ok((status, page).into_response())
}

/// The fields that say which pool, in which account, by which role.
pub fn pool_fields(form: &Form) -> Markup {
    let field = |name, label, hint, keyboard| Field { name, label, hint, keyboard, is_secret: false }.render(form);
    html! {
        (field("account_id", "AWS account", "12 digits: the account that the user pool is in.", "numeric"))
        (field("user_pool_id", "User pool ID", "As the Cognito console shows it, such as eu-west-1_AbCdEf123.", "text"))
        (field("role_name", "Role name", "Keep the suggestion unless you already have a role of that name.", "text"))
    }
}

/// Fills in what can be known, so that it need not be typed.
pub async fn suggest(visitor: &Visitor, form: &mut Form) -> Result<(), Failure> {
    let pools = visitor.pools().await?;
    if let (true, Some(pool)) = (form.text("user_pool_id").is_empty(), pools.first()) {
        form.suggest("account_id", pool.account_id.as_str());
        form.suggest("user_pool_id", pool.user_pool_id.as_str());
        form.suggest("role_name", pool.role_name.as_str());
    }
    if let (1, Some(account)) = (visitor.link.account_ids.len(), visitor.link.account_ids.first()) {
        form.suggest("account_id", account.as_str());
    }
    form.suggest("role_name", format!("{}Login", visitor.service.rules.role_name_prefix));
    Ok(())
}

/// Reads the three fields, and notes what is wrong with them.
pub fn read(visitor: &Visitor, form: &mut Form) -> Option<RoleRequest> {
    let account: Option<AccountId> = form.read("account_id");
    let pool: Option<UserPoolId> = form.read("user_pool_id");
    let role: Option<RoleName> = form.read("role_name");
    if let Some(Err(error)) = role.as_ref().map(|role| visitor.service.rules.check_role_name(role)) {
        form.refuse("role_name", error.to_string());
        return None;
    }
    let integration_account = &visitor.service.rules.integration_account_id;
    Some(RoleRequest::new(integration_account, &visitor.tenant, (&account?, &role?), &pool?))
}

fn documents(visitor: &Visitor, role: &RoleRequest, launch_url: Option<&str>) -> Markup {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("account_id", role.account_id.as_str())
        .append_pair("user_pool_id", role.user_pool_id.as_str())
        .append_pair("role_name", role.role_name.as_str())
        .finish();
    html! {
        section aria-labelledby="ways" {
            h2 id="ways" { "Create it in one of these ways" }
            p { "All of them make the same role, " code { (role.role_name) } " in " code { (role.account_id) } "." }
            @if let Some(launch_url) = launch_url {
                div.card {
                    h3 { "In the AWS console" }
                    p {
                        "Opens CloudFormation in " code { (role.user_pool_id.region()) } " with everything filled in. "
                        "Sign in to account " code { (role.account_id) } " first, then acknowledge that an IAM role is "
                        "made and choose “Create stack”."
                    }
                    p { a.button href=(launch_url) target="_blank" rel="noopener noreferrer" {
                        "Launch the stack" span.visually-hidden { " (opens in a new tab)" }
                    } }
                }
            }
            details open[launch_url.is_none()] {
                summary { "CloudFormation template" }
                p { "Save it as " code { "role.yaml" } ". Your values are its parameters' defaults." }
                (copyable("deploy", "the command that deploys the template", &role.deploy_command()))
                (copyable("cloudformation", "the CloudFormation template", &role.cloudformation()))
            }
            details {
                summary { "Terraform" }
                p { "Put it into your configuration. It uses your own " code { "aws" } " provider." }
                (copyable("terraform", "the Terraform configuration", &role.terraform()))
            }
            details {
                summary { "AWS CLI" }
                (copyable("aws-cli", "the commands of the AWS CLI", &role.aws_cli()))
            }
            p.actions {
                a.button href={ (visitor.path("check")) "?" (query) } { "I have created the role" }
            }
        }
    }
}
