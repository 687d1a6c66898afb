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
    /// The one of before, where the role must still take it too.
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
    /// has no use for an external ID of before. `None` in a partition whose console is not known.
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What IAM takes for a role's name (IAM API: `RoleName`).
    const ROLE_NAME: &str = "[a-zA-Z0-9_+=,.@-]{1,64}";

    fn request() -> RoleRequest {
        RoleRequest {
            external_id: "causeway-0123".parse().unwrap(),
            former_external_id: None,
            user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
            account_id: "222222222222".parse().unwrap(),
            role_name: "CausewayLogin".parse().unwrap(),
            integration_account_id: "111111111111".parse().unwrap(),
        }
    }

    #[test]
    fn the_template_has_each_of_its_four_parameters_with_the_tenants_value_as_default() {
        let template = request().cloudformation();
        for value in ["causeway-0123", "eu-west-1_AbCdEf123", "CausewayLogin", "111111111111"] {
            assert_eq!(template.matches(&format!("    Default: \"{value}\"\n")).count(), 1, "{value}");
        }
        assert_eq!(template.matches("    Default: ").count(), 4);
        assert!(!TEMPLATE.contains("Default:"), "the template in onboarding/ holds nothing of a tenant");
    }

    #[test]
    fn every_form_carries_both_external_ids_while_the_role_must_take_both() {
        let one = request();
        let both = RoleRequest { former_external_id: Some("causeway-old".parse().unwrap()), ..request() };
        let ids = |request: &RoleRequest| {
            request.trust_policy()["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].clone()
        };
        assert_eq!(ids(&one), json!("causeway-0123"));
        assert_eq!(ids(&both), json!(["causeway-0123", "causeway-old"]));
        let template = both.cloudformation();
        assert!(template.contains("    Default: \"causeway-0123,causeway-old\"\n") && template.contains(EXTERNAL_IDS));
        assert!(one.cloudformation().contains(ONE_EXTERNAL_ID));
        for form in [both.terraform(), both.aws_cli()] {
            assert!(form.contains("causeway-0123") && form.contains("causeway-old"), "{form}");
        }
    }

    #[test]
    fn every_form_of_the_role_allows_the_same_actions_and_no_wildcard() {
        let request = request();
        for form in [request.cloudformation(), request.terraform(), request.aws_cli()] {
            let mut actions: Vec<&str> = form
                .match_indices("cognito-idp:")
                .map(|(at, _)| word(&form[at..]))
                .filter(|word| word.len() > 14)
                .collect();
            actions.sort_unstable();
            assert_eq!(actions, ACTIONS, "{form}");
            assert!(form.contains("sts:ExternalId") && form.contains("role/causeway/*"));
        }
    }

    #[test]
    fn the_command_that_deploys_the_template_passes_every_parameter_that_the_template_has() {
        let both = RoleRequest { former_external_id: Some("causeway-old".parse().unwrap()), ..request() };
        for (request, external_ids) in [(request(), "causeway-0123"), (both, "causeway-0123,causeway-old")] {
            let command = request.deploy_command();
            let (_, overrides) = command.split_once("--parameter-overrides").unwrap();
            let template = request.cloudformation();
            assert_eq!(overrides.matches('=').count(), template.matches("    Default: ").count(), "{command}");
            for (name, value) in request.parameters(external_ids) {
                assert!(overrides.contains(&format!(" {name}='{value}'")), "{name} is not in {command}");
            }
        }
    }

    fn word(text: &str) -> &str {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == ':' || c == '-')).unwrap_or(text.len());
        let word = &text[..end];
        if word.matches(':').count() == 1 { word } else { "" }
    }

    #[test]
    fn the_launch_link_opens_the_console_of_the_pools_region_and_partition_with_every_parameter_filled_in() {
        let template = "https://bucket.s3.eu-west-1.amazonaws.com/role.yaml";
        let link = |pool: &str| RoleRequest { user_pool_id: pool.parse().unwrap(), ..request() }.launch_url(template);
        assert_eq!(
            link("eu-west-1_AbCdEf123").unwrap(),
            "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/quickcreate\
             ?templateURL=https%3A%2F%2Fbucket.s3.eu-west-1.amazonaws.com%2Frole.yaml&stackName=CausewayLogin\
             &param_ExternalId=causeway-0123&param_UserPoolId=eu-west-1_AbCdEf123&param_RoleName=CausewayLogin\
             &param_IntegrationAccountId=111111111111"
        );
        for (pool, console) in [
            ("cn-north-1_a", "https://cn-north-1.console.amazonaws.cn/"),
            ("us-gov-west-1_a", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ] {
            assert!(link(pool).unwrap().starts_with(console), "{pool}");
        }
        assert_eq!(link("us-iso-east-1_a"), None, "no console is known there");
    }

    #[test]
    fn a_stack_is_named_like_its_role_in_characters_that_a_stacks_name_may_have() {
        let named = |role: &str| RoleRequest { role_name: role.parse().unwrap(), ..request() }.stack_name();
        for usual in ["CausewayLogin", "causeway-login-eu-1", "a", &"a".repeat(64)] {
            assert_eq!(named(usual), usual, "it stays what it was");
        }
        assert_eq!(named("Causeway_login.eu@1"), "Causeway-login-eu-1--6b544769fb17dd49445af368acce148d");
        assert_eq!(named("1Causeway"), "role-1Causeway--a5031e56bddb7f83b927c12bfeb93639");
    }

    proptest! {
        #[test]
        fn no_two_roles_have_one_stack(one in ROLE_NAME, other in ROLE_NAME, swapped in any::<prop::sample::Index>()) {
            let named = |role: &str| RoleRequest { role_name: role.parse().unwrap(), ..request() }.stack_name();
            // Beside two of any kind: one that differs in one character, and one that is called like another's stack.
            let at = swapped.index(one.len());
            let near = format!("{}{}{}", &one[..at], if one[at..].starts_with('-') { '_' } else { '-' }, &one[at + 1..]);
            let like_a_stack: String = named(&one).chars().take(64).collect();
            for role in [&other, &near, &like_a_stack] {
                prop_assert!((named(&one) == named(role)) == (one == **role), "{one} {role}");
            }
            let name = named(&one);
            prop_assert!((1..=128).contains(&name.len()), "{name}");
            prop_assert!(name.starts_with(|first: char| first.is_ascii_alphabetic()), "{name}");
            prop_assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
        }
    }

    #[test]
    fn a_session_policy_stays_below_the_2048_characters_that_sts_takes() {
        let pool = format!("ap-southeast-99_{}", "a".repeat(39)).parse().unwrap();
        let policy = permissions_policy(&pool, &"222222222222".parse().unwrap()).to_string();
        assert!(policy.len() <= 2048, "{}", policy.len());
    }
}
