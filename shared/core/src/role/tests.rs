//! What the forms of a role say, and what its stack is called.

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
