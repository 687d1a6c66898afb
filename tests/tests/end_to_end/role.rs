//! The tenant's role: what is handed out, what is refused, and how far it reaches.

use anyhow::{Context, Result};
use aws_sdk_cognitoidentityprovider::Client as Cognito;
use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use causeway_local_cloud::query_api::elements;
use causeway_local_cloud::tenant_role::deploy_stack;
use serde_json::{Value, json};

use crate::pool::Pool;
use crate::tenancy::{Tenancy, check, text, unique};

fn trust(pool: &Pool, condition: &Value) -> Value {
    let principal = format!("arn:aws:iam::{}:root", pool.tenancy.cloud.integration_account);
    let mut statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    if condition.is_object() {
        statement["Condition"] = condition.clone();
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// Makes the role by hand, with the right permissions and a trust of the tenant's own invention.
async fn make_role(pool: &Pool, condition: &Value) -> Result<()> {
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let iam = pool.tenancy.account.iam()?;
    let trust = trust(pool, condition).to_string();
    iam.call("CreateRole", &[("RoleName", &pool.role_name), ("AssumeRolePolicyDocument", &trust)]).await?;
    let policy = role["permissions_policy"].to_string();
    let name = ("RoleName", pool.role_name.as_str());
    iam.call("PutRolePolicy", &[name, ("PolicyName", "p"), ("PolicyDocument", &policy)]).await?;
    Ok(())
}

async fn change_trust(pool: &Pool, trust: &Value) -> Result<()> {
    let parameters = [("RoleName", pool.role_name.as_str()), ("PolicyDocument", &trust.to_string())];
    pool.tenancy.account.iam()?.call("UpdateAssumeRolePolicy", &parameters).await?;
    Ok(())
}

pub fn decoded(policy: &str) -> Result<Value> {
    let text = url::form_urlencoded::parse(format!("p={policy}").replace('+', "%2B").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned());
    serde_json::from_str(&text.unwrap_or_default()).with_context(|| format!("no policy: {policy}"))
}

#[tokio::test]
async fn the_role_of_the_api_is_the_one_that_its_template_deploys() -> Result<()> {
    let tenancy = Tenancy::new("role").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    // With its defaults, so that nothing has to be filled in.
    let template = text(&role, "cloudformation")?;
    let outputs = deploy_stack(&tenancy.account, tenancy.region, &pool.role_name, &template, &[]).await?;
    let arn = format!("arn:aws:iam::{}:role/{}", tenancy.account.id, pool.role_name);
    assert_eq!(outputs, [("RoleArn".to_owned(), arn)]);

    let iam = tenancy.account.iam()?;
    let deployed = iam.call("GetRole", &[("RoleName", &pool.role_name)]).await?;
    let trust = elements(&deployed, "AssumeRolePolicyDocument");
    assert_eq!(decoded(&trust[0])?, role["trust_policy"]);
    let parameters = [("RoleName", pool.role_name.as_str()), ("PolicyName", "IdentityProvidersOfOneUserPool")];
    let policy = iam.call("GetRolePolicy", &parameters).await?;
    assert_eq!(decoded(&elements(&policy, "PolicyDocument")[0])?, role["permissions_policy"]);

    // The other forms carry the same two policies.
    for form in ["terraform", "aws_cli"] {
        let form = text(&role, form)?;
        for needed in [&pool.role_name, &tenancy.external_id, &pool.id, "cognito-idp:CreateIdentityProvider"] {
            assert!(form.contains(needed), "{needed} is not in {form}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_role_asks_for_the_external_id_and_allows_named_calls_on_one_pool() -> Result<()> {
    let tenancy = Tenancy::new("role").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.get("/role").await?.expect(200)?.json()?;
    let trust = &role["trust_policy"]["Statement"];
    assert_eq!(trust.as_array().context("no statement")?.len(), 1);
    assert_eq!(trust[0]["Principal"], json!({"AWS": "arn:aws:iam::111111111111:root"}));
    let functions = &tenancy.cloud.outputs["FunctionRolePath"];
    let condition = json!({
        "StringEquals": {"sts:ExternalId": tenancy.external_id},
        "ArnLike": {"aws:PrincipalArn": functions},
    });
    assert_eq!(trust[0]["Condition"], condition);

    let allowed = &role["permissions_policy"]["Statement"];
    let arn = format!("arn:aws:cognito-idp:{}:{}:userpool/{}", tenancy.region, tenancy.account.id, pool.id);
    assert_eq!((allowed.as_array().context("no statement")?.len(), &allowed[0]["Resource"]), (1, &json!(arn)));
    assert!(!allowed[0]["Action"].to_string().contains('*'), "{allowed}");
    Ok(())
}

#[tokio::test]
async fn a_role_that_can_be_assumed_without_the_external_id_is_refused_until_it_can_not() -> Result<()> {
    let tenancy = Tenancy::new("open role").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let nothing_there = pool.verify().await?;
    assert_eq!(check(&nothing_there, "role_assumable")?["outcome"], "fail");

    make_role(&pool, &Value::Null).await?;
    let open = pool.verify().await?;
    assert_eq!(open["status"], "pending", "{open:#}");
    let refused = check(&open, "role_requires_external_id")?;
    assert_eq!(refused["outcome"], "fail");
    assert!(text(refused, "message")?.contains("without an external ID"), "{refused}");

    // The remedy is what helps: the trust policy, as it is to be.
    let role = pool.get("/role").await?.expect(200)?.json()?;
    assert!(text(refused, "remedy")?.contains(&role["trust_policy"].to_string()), "{refused}");
    change_trust(&pool, &role["trust_policy"]).await?;
    pool.verified().await
}

#[tokio::test]
async fn a_role_that_takes_any_external_id_is_refused() -> Result<()> {
    let tenancy = Tenancy::new("any external ID").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    make_role(&pool, &json!({"StringLike": {"sts:ExternalId": "causeway-*"}})).await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "pending", "{verified:#}");
    let refused = check(&verified, "role_requires_external_id")?;
    assert_eq!(refused["outcome"], "fail");
    assert!(text(refused, "message")?.contains("with another external ID"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_role_without_the_permissions_is_refused_with_the_policy_as_remedy() -> Result<()> {
    let tenancy = Tenancy::new("no permissions").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    make_role(&pool, &json!({"StringEquals": {"sts:ExternalId": tenancy.external_id}})).await?;
    let arn = format!("arn:aws:cognito-idp:{}:{}:userpool/{}", tenancy.region, tenancy.account.id, pool.id);
    let only_reads = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["cognito-idp:DescribeUserPool", "cognito-idp:ListIdentityProviders",
            "cognito-idp:DescribeIdentityProvider", "cognito-idp:DescribeUserPoolClient"],
        "Resource": arn,
    }]});
    let parameters = [("RoleName", pool.role_name.as_str()), ("PolicyName", "p")];
    let policy = only_reads.to_string();
    tenancy.account.iam()?.call("PutRolePolicy", &[&parameters[..], &[("PolicyDocument", &policy)]].concat()).await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "pending", "{verified:#}");
    let refused = check(&verified, "role_permissions")?;
    assert_eq!(refused["outcome"], "fail", "{refused}");
    assert!(text(refused, "remedy")?.contains("cognito-idp:UpdateIdentityProvider"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn checks_find_a_missing_pool_a_missing_app_client_and_a_mapping_that_can_not_work() -> Result<()> {
    let tenancy = Tenancy::new("checks").await?;
    let mut pool = tenancy.user_pool().await?;
    let mut registration = tenancy.registration(&pool, &["org_01NONE"]);
    registration["app_clients"] = json!(["nosuchclient"]);
    registration["attribute_mapping"] = json!({"custom:nowhere": "email"});
    tenancy.post("/user-pools", &registration).await?.expect(201)?;
    pool.deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(verified["status"], "pending");
    for (name, says) in [("app_clients", "nosuchclient"), ("attribute_mapping", "custom:nowhere")] {
        let failed = check(&verified, name)?;
        assert_eq!(failed["outcome"], "fail", "{failed}");
        assert!(text(failed, "message")?.contains(says) && !text(failed, "remedy")?.is_empty(), "{failed}");
    }
    // On the local cloud a pool may do without a domain, and hears of it.
    assert_eq!(check(&verified, "user_pool_domain")?["outcome"], "warn");

    pool.id = format!("{}_Nowhere1234", tenancy.region);
    pool.role_name = unique("CausewayNowhere");
    tenancy.post("/user-pools", &tenancy.registration(&pool, &["org_01NONE"])).await?.expect(201)?;
    pool.deploy_role().await?;
    let verified = pool.verify().await?;
    assert_eq!(check(&verified, "user_pool")?["outcome"], "fail", "{verified:#}");
    Ok(())
}

#[tokio::test]
async fn the_role_opens_for_the_functions_only() -> Result<()> {
    let tenancy = Tenancy::new("insider").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let role = pool.deploy_role().await?;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
    ]});
    let insider = tenancy.cloud.integration().create_user(&unique("insider"), Some(&policy)).await?;
    let refused = insider.assume_role(&role, Some(&tenancy.external_id)).await;
    let refused = refused.err().context("a user of the integration account got in")?.to_string();
    assert!(refused.contains("AccessDenied"), "{refused}");
    let function = tenancy.cloud.function_session("Reconcile").await?;
    function.assume_role(&role, Some(&tenancy.external_id)).await?;
    // And not for the ones that have no business with tenants.
    let ingest = tenancy.cloud.function_session("Ingest").await?;
    let refused = ingest.assume_role(&role, Some(&tenancy.external_id)).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("AccessDenied")), "ingest got in");
    Ok(())
}

#[tokio::test]
async fn the_role_reaches_its_own_pool_and_no_other_of_the_account() -> Result<()> {
    let tenancy = Tenancy::new("two pools").await?;
    let pool = tenancy.registered_pool(&["org_01NONE"]).await?;
    let other = tenancy.user_pool().await?;
    let role = pool.deploy_role().await?;
    let function = tenancy.cloud.function_session("Reconcile").await?;
    let session = Cognito::new(&function.assume_role(&role, Some(&tenancy.external_id)).await?.sdk(tenancy.region));
    session.describe_user_pool().user_pool_id(&pool.id).send().await?;
    let errors = [
        session
            .describe_user_pool()
            .user_pool_id(&other.id)
            .send()
            .await
            .err()
            .and_then(|e| e.code().map(str::to_owned)),
        session
            .list_identity_providers()
            .user_pool_id(&other.id)
            .send()
            .await
            .err()
            .and_then(|e| e.code().map(str::to_owned)),
        session.delete_user_pool().user_pool_id(&pool.id).send().await.err().and_then(|e| e.code().map(str::to_owned)),
        session.list_users().user_pool_id(&pool.id).send().await.err().and_then(|e| e.code().map(str::to_owned)),
    ];
    for (number, code) in errors.into_iter().enumerate() {
        let code = code.with_context(|| format!("call {number} was not refused"))?;
        assert!(code.contains("AccessDenied"), "call {number}: {code}");
    }
    Ok(())
}
