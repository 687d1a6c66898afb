//! What the checks act on: two accounts, WorkOS, the deployment, and what the run has made so far. The local cloud and
//! AWS differ here, and in no check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use causeway_local_cloud::api::Api;
use causeway_local_cloud::cloud::Cloud;
use causeway_local_cloud::eventually::eventually;
use causeway_local_cloud::workos::WorkOs;
use causeway_local_cloud::workspace;
use serde_json::{Value, json};

use crate::aws::{Aws, CLOUDFORMATION, IAM, Place};
use crate::ledger::{Ledger, Thing, Whose};
use crate::redaction::Redaction;
use crate::scene::Scene;

/// The tag of all that a run makes, whose value is the run's name.
pub(crate) const TAG: &str = "causeway-accept";
/// The stack that is deployed, and proven.
pub(crate) const STACK: &str = "causeway";
/// How long a role may take until everybody knows it.
const ROLE_KNOWN: Duration = Duration::from_mins(1);
/// How long what a wake-up leads to may take.
pub(crate) const SOON: Duration = Duration::from_mins(1);

/// Where the credentials of a real account come from, again and again: a session may end before the run does.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    pub(crate) integration: SharedCredentialsProvider,
    pub(crate) tenant: SharedCredentialsProvider,
}

/// Causeway as it is deployed.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// The base of the API, as the stack gives it.
    pub(crate) api_url: String,
    /// The API's ID.
    pub(crate) api_id: String,
    /// All outputs of the stack.
    pub(crate) outputs: BTreeMap<String, String>,
}

/// All of it.
pub(crate) struct World {
    pub(crate) integration: Aws,
    pub(crate) tenant: Aws,
    pub(crate) profiles: Option<Profiles>,
    pub(crate) workos: WorkOs,
    pub(crate) workos_client_id: String,
    /// The custom domain's base URL, where there is one.
    pub(crate) domain: Option<String>,
    /// The local cloud that stands for all of this, where one does.
    pub(crate) local: Option<Cloud>,
    /// The folder of the built functions and their template.
    pub(crate) build: PathBuf,
    /// Where logs of what is started go.
    pub(crate) logs: PathBuf,
    pub(crate) ledger: Ledger,
    pub(crate) redaction: Redaction,
    pub(crate) deployment: Option<Deployment>,
    pub(crate) scene: Option<Scene>,
    /// A user pool of the tenant's that Causeway knows nothing of.
    pub(crate) probed_pool: Option<String>,
    /// When the budget is used up.
    pub(crate) deadline: Instant,
}

impl World {
    /// The run's name.
    pub(crate) fn run(&self) -> &str {
        &self.ledger.run
    }

    /// A name of this run's for something.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{TAG}-{}-{what}", self.run())
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Takes new credentials, where the previous ones may have ended.
    pub(crate) async fn renew(&mut self) -> Result<()> {
        let Some(profiles) = &self.profiles else { return Ok(()) };
        for (aws, provider) in [(&mut self.integration, &profiles.integration), (&mut self.tenant, &profiles.tenant)] {
            aws.credentials = provider.provide_credentials().await.context("the profile gives no credentials")?;
            hide_credentials(&mut self.redaction, aws);
        }
        Ok(())
    }

    /// The account of either side.
    pub(crate) fn of(&self, whose: Whose) -> &Aws {
        match whose {
            Whose::Integration => &self.integration,
            Whose::Tenant => &self.tenant,
        }
    }

    /// The deployment, or why there is none.
    pub(crate) fn deployed(&self) -> Result<&Deployment> {
        self.deployment.as_ref().context("there is no deployment of Causeway in this account")
    }

    /// Reads what the stack says of itself.
    pub(crate) async fn look_at_deployment(&mut self) -> Result<()> {
        let outputs: BTreeMap<_, _> = self.integration.outputs(STACK).await?.into_iter().collect();
        let output = |name: &str| outputs.get(name).cloned().with_context(|| format!("the stack has no output {name}"));
        self.deployment = Some(Deployment { api_url: output("ApiUrl")?, api_id: output("ApiId")?, outputs });
        Ok(())
    }

    /// The API, called by somebody.
    pub(crate) fn api(&self, caller: &Aws) -> Result<Api> {
        Api::in_region(&self.deployed()?.api_url, caller.credentials.clone(), &self.integration.region)
    }

    /// The API, called by an operator.
    pub(crate) async fn operator(&mut self) -> Result<Api> {
        let mut policies = Vec::new();
        for name in ["read", "operate"] {
            policies.push((name, self.policy_of_file(name)?));
        }
        let session = self.session("operator", &policies).await?;
        self.api(&session)
    }

    /// A policy of `docs/iam`, with what it is for here in place of what stands there.
    pub(crate) fn policy_of_file(&self, name: &str) -> Result<Value> {
        let file = workspace::root().join(format!("docs/iam/{name}.json"));
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let api_id = self.deployment.as_ref().map_or("API_ID", |deployment| &deployment.api_id);
        let text = text.replace("REGION", &self.integration.region).replace("API_ID", api_id);
        Ok(serde_json::from_str(&text.replace("ACCOUNT_ID", &self.integration.account))?)
    }

    /// A session of a role of the integration account that has these policies and nothing more. The role is made where
    /// it is not there yet. No access key is.
    pub(crate) async fn session(&mut self, name: &str, policies: &[(&str, Value)]) -> Result<Aws> {
        let role = self.name(name);
        let arn = format!("arn:aws:iam::{}:role/{role}", self.integration.account);
        let made = Thing::Role { whose: Whose::Integration, name: role.clone() };
        if !self.ledger.left().contains(&made) {
            self.ledger.makes(made)?;
            self.make_role(&role, policies).await?;
        }
        let session = eventually(ROLE_KNOWN, "the role can be entered", async || {
            Ok(Some(self.integration.enters(&arn, None).await??))
        })
        .await?;
        hide_credentials(&mut self.redaction, &session);
        Ok(session)
    }

    async fn make_role(&self, role: &str, policies: &[(&str, Value)]) -> Result<()> {
        let principal = json!({"AWS": format!("arn:aws:iam::{}:root", self.integration.account)});
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        let trust = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let tag = [("Tags.member.1.Key", TAG), ("Tags.member.1.Value", self.run())];
        let parameters = [&[("RoleName", role), ("AssumeRolePolicyDocument", &trust)][..], &tag].concat();
        self.integration.form(IAM, "CreateRole", &parameters).await?;
        for (name, policy) in policies {
            let document = policy.to_string();
            let parameters = [("RoleName", role), ("PolicyName", *name), ("PolicyDocument", &document)];
            self.integration.form(IAM, "PutRolePolicy", &parameters).await?;
        }
        Ok(())
    }

    /// Deploys what was built as a release of that name, with somebody's session and nothing else. `how` is how it takes
    /// over, as the parameter `Canary` has it.
    pub(crate) async fn deploy(&mut self, session: &Aws, release: &str, how: &str, template: &Path) -> Result<()> {
        use causeway_local_cloud::deployment::{ToAws, deploy_as, deploy_to_aws};
        let log = self.logs.join(format!("deploy-{release}.log"));
        if let Some(cloud) = &self.local {
            return deploy_as(cloud, &session.credentials, &log).await;
        }
        self.ledger.makes(Thing::Stack { whose: Whose::Integration, name: STACK.to_owned() })?;
        let mut parameters =
            vec![format!("Release=\"{release}\""), format!("Canary=\"{how}\""), "LaunchLinks=\"disabled\"".to_owned()];
        parameters.extend(self.domain.iter().map(|domain| format!("PublicBaseUrl=\"{domain}\"")));
        let to = ToAws {
            session: &session.credentials,
            region: &self.integration.region,
            stack: STACK,
            template,
            tag: &format!("{TAG}={}", self.ledger.run),
            parameters: &parameters,
        };
        deploy_to_aws(to, &log).await
    }

    /// The template of the built functions.
    pub(crate) fn template(&self) -> PathBuf {
        self.build.join("template.yaml")
    }

    /// Where Cognito's own pages of a user pool are.
    pub(crate) fn hosted(&self, pool_domain: &str) -> String {
        match &self.tenant.place {
            Place::At(url) => url.clone(),
            Place::Aws => format!("https://{pool_domain}.auth.{}.amazoncognito.com", self.tenant.region),
        }
    }

    /// Makes a stack with the run's tag and waits for it.
    pub(crate) async fn make_stack(&mut self, whose: Whose, name: &str, template: &str) -> Result<String> {
        self.ledger.makes(Thing::Stack { whose, name: name.to_owned() })?;
        let tag = [("Tags.member.1.Key", TAG), ("Tags.member.1.Value", self.run())];
        let capability = [("Capabilities.member.1", "CAPABILITY_NAMED_IAM")];
        let parameters = [&[("StackName", name), ("TemplateBody", template)][..], &tag, &capability].concat();
        self.of(whose).form(CLOUDFORMATION, "CreateStack", &parameters).await?;
        stack_settles(self.of(whose), name).await
    }
}

/// Waits until nothing happens to a stack any more, and gives its status.
pub(crate) async fn stack_settles(aws: &Aws, name: &str) -> Result<String> {
    const LONGEST: Duration = Duration::from_mins(15);
    eventually(LONGEST, &format!("the stack {name} settles"), async || {
        let described = aws.form(CLOUDFORMATION, "DescribeStacks", &[("StackName", name)]).await?;
        let status = causeway_local_cloud::query_api::element(&described, "StackStatus")?;
        Ok((!status.ends_with("_IN_PROGRESS")).then_some(status))
    })
    .await
}

/// Keeps somebody's credentials out of the report.
pub(crate) fn hide_credentials(redaction: &mut Redaction, aws: &Aws) {
    redaction.hides(aws.credentials.access_key_id(), "(key ID)");
    redaction.hides(aws.credentials.secret_access_key(), "(secret key)");
    redaction.hides(aws.credentials.session_token().unwrap_or_default(), "(session token)");
}
