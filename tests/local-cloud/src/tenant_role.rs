//! The role that a tenant deploys, and stacks in general.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::account::Account;
use crate::eventually::eventually;
use crate::query_api::{QueryApi, element, elements};
use crate::workspace;

const STACK_DEADLINE: Duration = Duration::from_mins(1);

/// The parameters of `onboarding/role.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleParameters {
    /// The tenant's external ID.
    pub external_id: String,
    /// The user pool that the role is for.
    pub user_pool_id: String,
    /// The role's name.
    pub role_name: String,
    /// The account that may enter the role.
    pub integration_account_id: String,
}

/// The template that tenants deploy.
fn template() -> Result<String> {
    let path = workspace::root().join("onboarding/role.yaml");
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A name for the role of a pool that no other pool's has: role names are the account's.
#[must_use]
pub fn role_name(user_pool_id: &str) -> String {
    format!("Causeway{}", user_pool_id.replace('_', "-"))
}

/// Deploys the template as the tenant does, in a stack named like the role, and gives the role's ARN.
///
/// An existing stack of that name is updated.
pub async fn deploy_tenant_role(tenant: &Account, region: &str, parameters: &RoleParameters) -> Result<String> {
    let given = [
        ("ExternalId", parameters.external_id.as_str()),
        ("UserPoolId", &parameters.user_pool_id),
        ("RoleName", &parameters.role_name),
        ("IntegrationAccountId", &parameters.integration_account_id),
    ];
    let outputs = deploy_stack(tenant, region, &parameters.role_name, &template()?, &given).await?;
    let arn = outputs.into_iter().find(|(name, _)| name == "RoleArn");
    Ok(arn.context("the stack has no output RoleArn")?.1)
}

/// Creates or updates a stack and gives its outputs.
pub async fn deploy_stack(
    account: &Account,
    region: &str,
    name: &str,
    template: &str,
    parameters: &[(&str, &str)],
) -> Result<Vec<(String, String)>> {
    deploy_keeping(account, region, name, template, parameters, &[]).await
}

/// As [`deploy_stack`]; the stack, if it is there, keeps the previous value of each parameter in `kept`, as the AWS CLI
/// asks for those that it is not given (`cloudformation deploy`).
pub async fn deploy_keeping(
    account: &Account,
    region: &str,
    name: &str,
    template: &str,
    parameters: &[(&str, &str)],
    kept: &[&str],
) -> Result<Vec<(String, String)>> {
    let cloudformation = account.cloudformation(region)?;
    let mut request = vec![
        ("StackName".to_owned(), name.to_owned()),
        ("TemplateBody".to_owned(), template.to_owned()),
        ("Capabilities.member.1".to_owned(), "CAPABILITY_NAMED_IAM".to_owned()),
    ];
    for (number, (key, value)) in (1..).zip(parameters) {
        let member = format!("Parameters.member.{number}");
        request.push((format!("{member}.ParameterKey"), (*key).to_owned()));
        request.push((format!("{member}.ParameterValue"), (*value).to_owned()));
    }
    let exists = cloudformation.call("DescribeStacks", &[("StackName", name)]).await.is_ok();
    for (number, key) in (parameters.len() + 1..).zip(kept).take_while(|_| exists) {
        let member = format!("Parameters.member.{number}");
        request.push((format!("{member}.ParameterKey"), (*key).to_owned()));
        request.push((format!("{member}.UsePreviousValue"), "true".to_owned()));
    }
    let request: Vec<_> = request.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let action = if exists { "UpdateStack" } else { "CreateStack" };
    cloudformation.call(action, &request).await?;
    let stack = finished(&cloudformation, name).await?;
    let status = element(&stack, "StackStatus")?;
    if !["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status.as_str()) {
        bail!("stack {name} is {status}: {stack}");
    }
    Ok(outputs(&stack))
}

/// Deletes a stack.
pub async fn delete_stack(account: &Account, region: &str, name: &str) -> Result<()> {
    let cloudformation = account.cloudformation(region)?;
    cloudformation.call("DeleteStack", &[("StackName", name)]).await?;
    eventually(STACK_DEADLINE, &format!("stack {name} is gone"), async || {
        let stack = cloudformation.call("DescribeStacks", &[("StackName", name)]).await;
        Ok(stack.map_or(true, |stack| stack.contains("DELETE_COMPLETE")).then_some(()))
    })
    .await
}

/// The outputs of a stack.
pub async fn stack_outputs(account: &Account, region: &str, name: &str) -> Result<Vec<(String, String)>> {
    let cloudformation = account.cloudformation(region)?;
    Ok(outputs(&cloudformation.call("DescribeStacks", &[("StackName", name)]).await?))
}

async fn finished(cloudformation: &QueryApi, name: &str) -> Result<String> {
    eventually(STACK_DEADLINE, &format!("stack {name} is deployed"), async || {
        let stack = cloudformation.call("DescribeStacks", &[("StackName", name)]).await?;
        let status = element(&stack, "StackStatus")?;
        Ok((!status.ends_with("_IN_PROGRESS")).then_some(stack))
    })
    .await
}

fn outputs(stack: &str) -> Vec<(String, String)> {
    let names = elements(stack, "OutputKey");
    names.into_iter().zip(elements(stack, "OutputValue")).collect()
}
