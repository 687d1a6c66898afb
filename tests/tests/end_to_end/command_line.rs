//! The operator's command, by an IAM user: from a tenant's registration to an approval.

use anyhow::{Context, Result};
use causeway_local_cloud::command_line::CommandLine;
use causeway_local_cloud::tenant_role::deploy_stack;
use serde_json::json;

use crate::access::allowing;
use crate::tenancy::{Tenancy, next_api_key, text, unique};

#[tokio::test]
async fn an_operator_takes_a_tenant_from_nothing_to_providers_and_approves_their_removal() -> Result<()> {
    let mut tenancy = Tenancy::new("command").await?;
    let cloud = tenancy.cloud.clone();
    let user = cloud.integration().create_user(&unique("operator"), Some(&allowing(&cloud, &["*"]))).await?;
    let causeway = CommandLine::new(&cloud, user.credentials());

    let arguments = ["tenants", "create", "--name", "By command", "--client-id", &cloud.workos_client_id];
    let key = next_api_key(&cloud)?;
    let arguments = [&arguments[..], &["--api-key-from", "-", "--json"]].concat();
    let tenant = causeway.run_with_input(&arguments, &key).await?.expect(0)?.json()?;
    (tenancy.id, tenancy.external_id) = (text(&tenant, "id")?, text(&tenant, "external_id")?);
    let shown = causeway.run(&["tenants", "show", &tenancy.id]).await?.expect(0)?.stdout;
    assert!(shown.contains("By command") && shown.contains(&tenancy.external_id), "{shown}");
    assert!(!shown.contains(&key));

    let (organization, connections) = tenancy.organization_with(2).await?;
    let pool = tenancy.user_pool().await?;
    let of_pool = |command: &'static str| [command, tenancy.id.as_str(), pool.id.as_str()];
    let account = ["--account-id", tenancy.account.id.as_str(), "--role-name", &pool.role_name];
    let chosen = ["--organization", &organization, "--app-client", &pool.app_client];
    causeway.run(&[&["pools"], &of_pool("create")[..], &account, &chosen].concat()).await?.expect(0)?;

    let refused = causeway.run(&of_pool("verify")).await?.expect(6)?.stdout;
    assert!(refused.contains("To do for role_assumable:"), "{refused}");
    let role = causeway.run(&of_pool("role")).await?.expect(0)?.stdout;
    deploy_stack(&tenancy.account, tenancy.region, &pool.role_name, &role, &[]).await?;
    causeway.run(&of_pool("verify")).await?.expect(0)?;
    tenancy.stop_listening().await?;

    causeway.run(&[&of_pool("reconcile")[..], &["--wait"]].concat()).await?.expect(0)?;
    let plan = causeway.run(&of_pool("plan")).await?.expect(0)?.stdout;
    assert_eq!(plan, "Nothing to do: the user pool is in line.\n");
    let providers = causeway.run(&[&of_pool("providers")[..], &["--json"]].concat()).await?.expect(0)?.json()?;
    let mut listed: Vec<String> = Vec::new();
    for provider in providers["items"].as_array().context("no items")? {
        listed.push(text(provider, "connection_id")?);
    }
    listed.reverse();
    assert_eq!(listed, connections);

    futures::future::try_join_all(connections.iter().map(|id| tenancy.workos.delete_connection(id))).await?;
    let run = causeway.run(&[&of_pool("reconcile")[..], &["--wait", "--json"]].concat()).await?.expect(6)?.json()?;
    assert_eq!(run["outcome"], "partial", "{run:#}");
    let plan = causeway.run(&[&of_pool("plan")[..], &["--json"]].concat()).await?.expect(6)?.json()?;
    let hash = text(&plan, "hash")?;
    causeway.run(&of_pool("approve")).await?.expect(2)?;
    causeway.run(&[&of_pool("approve")[..], &["--hash", "0", "--yes"]].concat()).await?.expect(5)?;
    pool.settles_on(&[&connections[0], &connections[1]]).await?;
    let approval = [&of_pool("approve")[..], &["--hash", &hash, "--yes", "--wait"]].concat();
    let approved = causeway.run(&approval).await?.expect(0)?.stdout;
    assert_eq!(approved.matches("- delete ").count(), 2, "{approved}");
    pool.settles_on(&[]).await?;

    let run = text(&run, "id")?;
    let runs = causeway.run(&of_pool("runs")).await?.expect(0)?.stdout;
    assert!(runs.contains(&run), "{runs}");
    let report = causeway.run(&[&of_pool("runs")[..], &[&run]].concat()).await?.expect(0)?.stdout;
    assert_eq!(report.matches("HELD BACK").count(), 4, "{report}");
    Ok(())
}

#[tokio::test]
async fn the_command_does_what_iam_grants_and_says_what_it_does_not() -> Result<()> {
    let tenancy = Tenancy::new("granted").await?;
    let organization = tenancy.organization().await?;
    let pool = tenancy.pool(&[&organization]).await?;
    let (cloud, account) = (&tenancy.cloud, tenancy.cloud.integration());
    let policy = allowing(cloud, &["GET/v1/*"]);
    let reader = account.create_user(&unique("reader"), Some(&policy)).await?;
    let causeway = CommandLine::new(cloud, reader.credentials());
    let shown = causeway.run(&["pools", "show", &tenancy.id, &pool.id, "--json"]).await?.expect(0)?.json()?;
    // What runs write may differ from one look to the next.
    for field in ["user_pool_id", "tenant_id", "role_arn", "app_clients", "organizations", "status", "created_at"] {
        assert_eq!(shown[field], pool.shown().await?[field], "{field} of {shown:#}");
    }
    let denied = causeway.run(&["reconcile", &tenancy.id, &pool.id]).await?.expect(4)?;
    assert!(denied.stderr.contains("execute-api:Invoke"), "{denied:?}");

    let nobody = account.create_user(&unique("nobody"), None).await?;
    CommandLine::new(cloud, nobody.credentials()).run(&["tenants", "list"]).await?.expect(4)?;
    causeway.run(&["tenants", "show", "tnt_01KAPJ7M7VYGJ5GM8WXT1C4D2N"]).await?.expect(3)?;
    let problem = causeway.run(&["runs", &tenancy.id, "eu-west-1_Nothing", "--json"]).await?.expect(3)?.stderr;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&problem)?["status"], json!(404));
    Ok(())
}
