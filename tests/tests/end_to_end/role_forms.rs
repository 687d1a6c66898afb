//! The forms of the role: whichever a tenant takes, the same role comes of it.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use causeway_local_cloud::onboarding_page::{OnboardingPage, get, text_of};
use causeway_local_cloud::query_api::elements;
use causeway_local_cloud::signed_http::plain_client;
use causeway_local_cloud::tenant_role::deploy_stack;
use causeway_local_cloud::tools::{self, Tool};
use causeway_local_cloud::workspace;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use url::Url;

use crate::onboarding_links::link;
use crate::pool::Pool;
use crate::role::decoded;
use crate::tenancy::{ACCOUNT, Tenancy, text};

/// The name of the role's one policy.
const POLICY: &str = "IdentityProvidersOfOneUserPool";

/// What a role is.
#[derive(Debug, PartialEq)]
struct Role {
    name: String,
    description: String,
    longest_session: String,
    trust: Value,
    policy_name: String,
    permissions: Value,
}

/// A role as IAM has it.
async fn deployed(pool: &Pool) -> Result<Role> {
    let iam = pool.tenancy.account.iam()?;
    let role = iam.call("GetRole", &[("RoleName", &pool.role_name)]).await?;
    let policies = iam.call("ListRolePolicies", &[("RoleName", &pool.role_name)]).await?;
    let policies = elements(&policies, "member");
    ensure!(policies == [POLICY], "not one policy: {policies:?}");
    let policy = iam.call("GetRolePolicy", &[("RoleName", &pool.role_name), ("PolicyName", POLICY)]).await?;
    let one = |answer: &str, name: &str| elements(answer, name).into_iter().next().with_context(|| name.to_owned());
    Ok(Role {
        name: one(&role, "RoleName")?,
        description: one(&role, "Description")?,
        longest_session: one(&role, "MaxSessionDuration")?,
        trust: decoded(&one(&role, "AssumeRolePolicyDocument")?)?,
        policy_name: one(&policy, "PolicyName")?,
        permissions: decoded(&one(&policy, "PolicyDocument")?)?,
    })
}

/// What a Terraform configuration makes, by a parser of Terraform's language, with these values for its references.
async fn by_terraform(configuration: &str, values: &[(&str, &str)]) -> Result<Role> {
    let environment = tools::folder(Tool::Checks)?;
    let parse = "import hcl2, json, sys; json.dump(hcl2.load(sys.stdin), sys.stdout)";
    let mut python = Command::new(environment.join("bin/python"));
    python.args(["-c", parse]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut parser = python.spawn().context("cannot start python")?;
    let mut input = parser.stdin.take().context("no standard input")?;
    input.write_all(configuration.as_bytes()).await?;
    drop(input);
    let parsed = parser.wait_with_output().await?;
    ensure!(parsed.status.success(), "Terraform could not read this: {configuration}");
    let parsed: Value = serde_json::from_slice(&parsed.stdout)?;
    let resource = |kind: &str| -> Result<Value> {
        let resources = parsed["resource"].as_array().context("no resources")?;
        let found = resources.iter().find_map(|resource| resource[format!("\"{kind}\"")].get("\"causeway\""));
        found.cloned().with_context(|| format!("no {kind} in {parsed:#}"))
    };
    let value = |resource: &Value, name: &str| -> Result<String> {
        let written = match &resource[name] {
            Value::String(text) => text.trim_matches('"').to_owned(),
            other => other.to_string(),
        };
        let written = values.iter().fold(written, |text, (from, to)| text.replace(&format!("${{{from}}}"), to));
        let reference = values.iter().find(|(from, _)| *from == written);
        Ok(reference.map_or(written, |(_, to)| (*to).to_owned()))
    };
    let document = |resource: &Value, name: &str| -> Result<Value> {
        let text = value(resource, name)?;
        let body = text.strip_prefix("<<-POLICY").and_then(|text| text.trim_end().strip_suffix("POLICY"));
        serde_json::from_str(body.with_context(|| format!("no document: {text}"))?).with_context(|| text.clone())
    };
    let (role, policy) = (resource("aws_iam_role")?, resource("aws_iam_role_policy")?);
    ensure!(value(&policy, "role")?.trim_matches(['$', '{', '}']) == "aws_iam_role.causeway.id", "{policy}");
    Ok(Role {
        name: value(&role, "name")?,
        description: value(&role, "description")?,
        longest_session: value(&role, "max_session_duration")?,
        trust: document(&role, "assume_role_policy")?,
        policy_name: value(&policy, "name")?,
        permissions: document(&policy, "policy")?,
    })
}

/// What the commands of the AWS CLI make where there is no such role: a shell says with which arguments it would call
/// it.
async fn by_command_line(commands: &str) -> Result<Role> {
    let script = format!("aws() {{ test \"$2\" != get-role && printf '%s\\0' \"$@\" ''; }}\n{commands}");
    let ran = Command::new("sh").args(["-euc", &script]).output().await?;
    ensure!(ran.status.success(), "not for a shell: {commands}: {ran:?}");
    let said = String::from_utf8(ran.stdout)?;
    let mut given = BTreeMap::new();
    let mut calls = Vec::new();
    for call in said.split("\0\0").filter(|call| !call.is_empty()) {
        let words: Vec<&str> = call.split('\0').filter(|word| !word.is_empty()).collect();
        calls.push(words[..2].join(" "));
        given.extend(words[2..].chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())));
    }
    ensure!(calls == ["iam create-role", "iam put-role-policy"], "{calls:?}");
    let value = |name: &str| given.get(name).cloned().with_context(|| format!("no {name} in {given:?}"));
    Ok(Role {
        name: value("--role-name")?,
        description: value("--description")?,
        longest_session: value("--max-session-duration")?,
        trust: serde_json::from_str(&value("--assume-role-policy-document")?)?,
        policy_name: value("--policy-name")?,
        permissions: serde_json::from_str(&value("--policy-document")?)?,
    })
}

/// The commands that the AWS CLI is given where the role is there already.
async fn on_a_role_that_is_there(commands: &str) -> Result<Vec<String>> {
    let script = format!("aws() {{ echo \"$2\"; }}\n{commands}");
    let ran = Command::new("sh").args(["-euc", &script]).output().await?;
    ensure!(ran.status.success(), "not for a shell: {commands}: {ran:?}");
    Ok(String::from_utf8(ran.stdout)?.lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn whatever_form_of_the_role_a_tenant_takes_the_same_role_comes_of_it() -> Result<()> {
    let tenancy = Tenancy::new("forms").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let template = text(&role, "cloudformation")?;
    deploy_stack(&tenancy.account, tenancy.region, &pool.role_name, &template, &[]).await?;
    let expected = deployed(&pool).await?;
    assert_eq!((&expected.trust, &expected.permissions), (&role["trust_policy"], &role["permissions_policy"]));
    let condition = &expected.trust["Statement"][0]["Condition"];
    assert_eq!(condition["StringEquals"]["sts:ExternalId"], tenancy.external_id.as_str());

    assert_eq!(by_terraform(&text(&role, "terraform")?, &[]).await?, expected);
    let commands = text(&role, "aws_cli")?;
    assert_eq!(by_command_line(&commands).await?, expected);
    assert_eq!(on_a_role_that_is_there(&commands).await?, ["update-assume-role-policy", "put-role-policy"]);

    // The module in the repository is for those who keep their values apart.
    let module = std::fs::read_to_string(workspace::root().join("onboarding/role.tf"))?;
    let values = [
        ("var.external_id", tenancy.external_id.as_str()),
        ("var.user_pool_id", &pool.id),
        ("var.role_name", &pool.role_name),
        ("var.integration_account_id", &tenancy.cloud.integration_account),
        ("local.partition", "aws"),
        ("local.account_id", &tenancy.account.id),
        ("local.user_pool_region", tenancy.region),
    ];
    assert_eq!(by_terraform(&module, &values).await?, expected);
    Ok(())
}

#[tokio::test]
async fn the_launch_link_leads_to_a_template_that_anybody_may_read_with_the_tenants_values() -> Result<()> {
    let tenancy = Tenancy::new("launch").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let launch = Url::parse(&text(&role, "launch_url")?)?;
    assert_eq!(launch.host_str(), Some(format!("{}.console.aws.amazon.com", tenancy.region).as_str()));
    let query = launch.fragment().and_then(|fragment| fragment.strip_prefix("/stacks/quickcreate?"));
    let query = url::form_urlencoded::parse(query.context("not the page to create a stack")?.as_bytes());
    let query: BTreeMap<String, String> = query.into_owned().collect();

    // No signature, no session: it stands in the bucket of Causeway's own stack, and nothing else can be read there.
    let template_url = Url::parse(&query["templateURL"])?;
    assert_eq!((template_url.scheme(), template_url.path(), template_url.query()), ("https", "/role.yaml", None));
    let bucket = template_url.host_str().and_then(|host| host.split('.').next()).context("no bucket")?.to_owned();
    let at_emulator = format!("{}/{bucket}", tenancy.cloud.aws_endpoint);
    let template = get(&format!("{at_emulator}/role.yaml"), "").await?.expect(200)?.text();
    assert_eq!(template, std::fs::read_to_string(workspace::root().join("onboarding/role.yaml"))?);
    for elsewhere in [format!("{at_emulator}/other.yaml"), at_emulator.clone()] {
        get(&elsewhere, "").await?.expect(403)?;
    }
    let written = plain_client()?.put(format!("{at_emulator}/role.yaml")).body("mine").send().await?;
    assert_eq!(written.status(), 403, "anybody may write the template");

    // The document's own parameters, and no more.
    let given: Vec<(&str, &str)> =
        query.iter().filter_map(|(name, value)| Some((name.strip_prefix("param_")?, value.as_str()))).collect();
    let mut names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(names, ["ExternalId", "IntegrationAccountId", "RoleName", "UserPoolId"]);
    for (name, value) in &given {
        let default = format!("  {name}:\n    Type: String\n    Default: \"{value}\"\n");
        assert!(text(&role, "cloudformation")?.contains(&default), "{name} is {value} in the link only");
    }
    deploy_stack(&tenancy.account, tenancy.region, &query["stackName"], &template, &given).await?;
    assert_eq!(deployed(&pool).await?.trust, role["trust_policy"]);
    pool.verified().await
}

#[tokio::test]
async fn the_page_shows_the_role_of_the_api_in_every_form() -> Result<()> {
    let tenancy = Tenancy::new("page").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let page = OnboardingPage::open(&link(&tenancy, &[ACCOUNT]).await?.url).await?;
    let shown = page.get("/role").await?.expect(200)?;
    assert!(!shown.text().contains("id=\"cloudformation\""), "a role before it is known for which pool");
    let query = format!("account_id={ACCOUNT}&user_pool_id={}&role_name={}", pool.id, pool.role_name);
    let shown = page.get(&format!("/role?{query}")).await?.expect(200)?;
    for (id, form) in [("cloudformation", "cloudformation"), ("terraform", "terraform"), ("aws-cli", "aws_cli")] {
        assert_eq!(text_of(&shown, id)?, text(&role, form)?, "{form}");
    }
    let launch = text(&role, "launch_url")?.replace('&', "&amp;");
    assert!(shown.text().contains(&launch), "no launch link");
    assert_eq!(
        json!(tenancy.external_id),
        role["trust_policy"]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
    );
    Ok(())
}
