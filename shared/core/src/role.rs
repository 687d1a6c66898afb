//! The role that a tenant makes for Causeway: the same in every form in which it is handed out.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::{
    id::{AccountId, ExternalId, RoleName, UserPoolId},
    tenant::Tenant,
    user_pool::UserPool,
};

/// The calls of Cognito that Causeway makes in a tenant's account; the role allows these on the pool and
/// nothing else, and each session is narrowed to them once more.
pub const ACTIONS: [&str; 9] = [
    "cognito-idp:CreateIdentityProvider",
    "cognito-idp:DeleteIdentityProvider",
    "cognito-idp:DescribeIdentityProvider",
    "cognito-idp:DescribeUserPool",
    "cognito-idp:DescribeUserPoolClient",
    "cognito-idp:ListIdentityProviders",
    "cognito-idp:ListUserPoolClients",
    "cognito-idp:UpdateIdentityProvider",
    "cognito-idp:UpdateUserPoolClient",
];

/// The path of the functions' roles in the integration account; tenants' trust policies name it.
pub const FUNCTION_ROLE_PATH: &str = "/causeway/";

/// The template in `onboarding/`, which holds nothing of any tenant.
pub const TEMPLATE: &str = include_str!("../../../onboarding/role.yaml");

/// The template's key in its bucket, which `template.yaml` opens for all.
pub const TEMPLATE_KEY: &str = "role.yaml";

/// Where anybody reads the template, in the bucket whose own host is `domain` (CloudFormation: `RegionalDomainName`).
pub fn template_url(domain: &str) -> String {
    format!("https://{domain}/{TEMPLATE_KEY}")
}

/// Where the template takes the external ID, and how it takes two of them.
const ONE_EXTERNAL_ID: &str = "sts:ExternalId: !Ref ExternalId\n";
const EXTERNAL_IDS: &str = "sts:ExternalId: !Split [\",\", !Ref ExternalId]\n";

/// All that a role depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRequest {
    /// The external ID of the tenant.
    pub external_id: ExternalId,
    /// The previous one, where the role must still take it too.
    pub former_external_id: Option<ExternalId>,
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// The account that the pool and the role are in.
    pub account_id: AccountId,
    /// The role's name.
    pub role_name: RoleName,
    /// The account that Causeway runs in.
    pub integration_account_id: AccountId,
}

impl RoleRequest {
    /// The role of a pool of `tenant` that is new to Causeway: it needs no former external ID.
    pub fn new(
        integration_account: &AccountId,
        tenant: &Tenant,
        (account, role): (&AccountId, &RoleName),
        pool: &UserPoolId,
    ) -> Self {
        Self {
            external_id: tenant.external_id.clone(),
            former_external_id: None,
            user_pool_id: pool.clone(),
            account_id: account.clone(),
            role_name: role.clone(),
            integration_account_id: integration_account.clone(),
        }
    }

    /// The role of a registered pool of `tenant`.
    pub fn of(integration_account: &AccountId, tenant: &Tenant, pool: &UserPool) -> Self {
        let place = (&pool.account_id, &pool.role_name);
        Self {
            former_external_id: tenant.former_external_id_of(pool).cloned(),
            ..Self::new(integration_account, tenant, place, &pool.user_pool_id)
        }
    }

    fn principal(&self) -> String {
        format!("arn:{}:iam::{}:root", self.user_pool_id.partition(), self.integration_account_id)
    }

    /// One external ID as itself, several as a list, as IAM takes them.
    fn trusted_external_ids(&self) -> Value {
        match &self.former_external_id {
            None => json!(self.external_id),
            Some(former) => json!([self.external_id, former]),
        }
    }

    /// The template's parameter: the external IDs, separated by commas. Those that Causeway generates have none.
    fn external_id_parameter(&self) -> String {
        let ids = [Some(&self.external_id), self.former_external_id.as_ref()];
        ids.into_iter().flatten().map(ExternalId::as_str).collect::<Vec<_>>().join(",")
    }

    fn function_roles(&self) -> String {
        format!("arn:{}:iam::{}:role{FUNCTION_ROLE_PATH}*", self.user_pool_id.partition(), self.integration_account_id)
    }

    /// Who may assume the role: Causeway's functions, with the external ID.
    pub fn trust_policy(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": self.principal() },
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": { "sts:ExternalId": self.trusted_external_ids() },
                    "ArnLike": { "aws:PrincipalArn": self.function_roles() },
                },
            }],
        })
    }

    /// What the role may do; also the policy of each session.
    pub fn permissions_policy(&self) -> Value {
        permissions_policy(&self.user_pool_id, &self.account_id)
    }

    /// The CloudFormation template, with this tenant's values as its parameters' defaults.
    pub fn cloudformation(&self) -> String {
        let template = match &self.former_external_id {
            None => TEMPLATE.to_owned(),
            Some(_) => TEMPLATE.replacen(ONE_EXTERNAL_ID, EXTERNAL_IDS, 1),
        };
        self.parameters(&self.external_id_parameter()).into_iter().fold(template, |template, (name, value)| {
            let head = format!("  {name}:\n    Type: String\n");
            template.replacen(&head, &format!("{head}    Default: \"{value}\"\n"), 1)
        })
    }

    /// The page of the tenant's AWS console that makes the role's stack with everything filled in
    /// (CloudFormation: "Create quick-create links for stacks"), in the pool's own Region and partition. The
    /// template is read from `template_url`, an HTTPS address in S3 that needs no signature. A role that is new
    /// has no use for a previous external ID. `None` in a partition whose console is not known.
    pub fn launch_url(&self, template_url: &str) -> Option<String> {
        let console = console_domain(self.user_pool_id.partition())?;
        let region = self.user_pool_id.region();
        let parameters = self.parameters(self.external_id.as_str());
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("templateURL", template_url)
            .append_pair("stackName", &self.stack_name())
            .extend_pairs(parameters.map(|(name, value)| (format!("param_{name}"), value)))
            .finish();
        Some(format!("https://{region}.{console}/cloudformation/home?region={region}#/stacks/quickcreate?{query}"))
    }

    /// A name for the role's stack, in the letters, digits and hyphens that CloudFormation takes (CloudFormation API:
    /// `StackName`, 128 characters at most), and no other role's: a stack that another role's command updates gives up its
    /// own. It is the role's, if that is a stack's name already and has no two hyphens in a row. Else it is made of the
    /// role's name and, after two hyphens, a digest of it.
    pub fn stack_name(&self) -> String {
        let role = self.role_name.as_str();
        let name: String = role.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let begins = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if begins && name == role && !name.contains("--") {
            return name;
        }
        let digest = hex::encode(&Sha256::digest(role)[..16]);
        let prefix = if begins { "" } else { "role-" };
        format!("{prefix}{}--{digest}", name.trim_end_matches('-'))
    }

    /// The template's parameters and their values.
    fn parameters<'a>(&'a self, external_id: &'a str) -> [(&'static str, &'a str); 4] {
        [
            ("ExternalId", external_id),
            ("UserPoolId", self.user_pool_id.as_str()),
            ("RoleName", self.role_name.as_str()),
            ("IntegrationAccountId", self.integration_account_id.as_str()),
        ]
    }

    /// The same role for Terraform.
    pub fn terraform(&self) -> String {
        format!(
            r#"resource "aws_iam_role" "causeway" {{
  name                 = "{name}"
  description          = "Lets Causeway manage the identity providers of one user pool"
  max_session_duration = 3600

  assume_role_policy = <<-POLICY
{trust}
  POLICY
}}

resource "aws_iam_role_policy" "causeway" {{
  name = "IdentityProvidersOfOneUserPool"
  role = aws_iam_role.causeway.id

  policy = <<-POLICY
{permissions}
  POLICY
}}
"#,
            name = self.role_name,
            trust = indented(&self.trust_policy()),
            permissions = indented(&self.permissions_policy()),
        )
    }

    /// The same role as commands of the AWS CLI, for a POSIX shell. They make the role, or give the one that is there
    /// the trust and the permissions of now.
    pub fn aws_cli(&self) -> String {
        format!(
            "if aws iam get-role --role-name '{name}' > /dev/null 2>&1; then\n  \
             aws iam update-assume-role-policy --role-name '{name}' \\\n    \
             --policy-document '{trust}'\n\
             else\n  \
             aws iam create-role --role-name '{name}' --max-session-duration 3600 \\\n    \
             --description 'Lets Causeway manage the identity providers of one user pool' \\\n    \
             --assume-role-policy-document '{trust}'\n\
             fi\n\
             aws iam put-role-policy --role-name '{name}' --policy-name IdentityProvidersOfOneUserPool \\\n  \
             --policy-document '{permissions}'\n",
            name = self.role_name,
            trust = self.trust_policy(),
            permissions = self.permissions_policy(),
        )
    }

    /// The command that makes the stack of the role from the template, or updates it. It passes every parameter: a
    /// stack keeps the previous value of one that is left out, whatever default a new template has for it (AWS CLI:
    /// `cloudformation deploy`, `--parameter-overrides`).
    pub fn deploy_command(&self) -> String {
        let external_ids = self.external_id_parameter();
        let parameters = self.parameters(&external_ids).map(|(name, value)| format!("    {name}='{value}'"));
        format!(
            "aws cloudformation deploy --stack-name {} --template-file role.yaml \\\n  \
             --capabilities CAPABILITY_NAMED_IAM --parameter-overrides \\\n{}\n",
            self.stack_name(),
            parameters.join(" \\\n"),
        )
    }
}

/// Where a partition's console is, behind the Region (AWS: "AWS Management Console endpoints", and the same of
/// AWS China, `GovCloud` and the European Sovereign Cloud).
fn console_domain(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("console.aws.amazon.com"),
        "aws-cn" => Some("console.amazonaws.cn"),
        "aws-us-gov" => Some("console.amazonaws-us-gov.com"),
        "aws-eusc" => Some("console.amazonaws-eusc.eu"),
        _ => None,
    }
}

/// The policy that allows [`ACTIONS`] on one pool.
pub fn permissions_policy(pool: &UserPoolId, account: &AccountId) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": ACTIONS, "Resource": pool.arn(account) }],
    })
}

fn indented(policy: &Value) -> String {
    let text = format!("{policy:#}");
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
