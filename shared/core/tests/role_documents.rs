//! The role as it is handed out, whole, in every form. `UPDATE_GOLDEN=1` writes the files anew; what changes in
//! them is what every tenant will be asked to deploy.

#![allow(clippy::unwrap_used, reason = "a file that can't be read fails the test")]

use std::path::Path;

use causeway_core::role::RoleRequest;

fn role() -> RoleRequest {
    RoleRequest {
        former_external_id: None,
        external_id: "causeway-0f8e2d4c6b5a49788a1b2c3d4e5f6071".parse().unwrap(),
        user_pool_id: "eu-west-1_AbCdEf123".parse().unwrap(),
        account_id: "222222222222".parse().unwrap(),
        role_name: "CausewayLogin".parse().unwrap(),
        integration_account_id: "111111111111".parse().unwrap(),
    }
}

fn is_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
}

#[test]
fn the_cloudformation_template_is_the_one_that_was_agreed_on() {
    is_golden("role.yaml", &role().cloudformation());
}

#[test]
fn the_terraform_configuration_is_the_one_that_was_agreed_on() {
    is_golden("role.tf", &role().terraform());
}

#[test]
fn the_commands_of_the_aws_cli_are_the_ones_that_were_agreed_on() {
    is_golden("role.sh", &role().aws_cli());
}

#[test]
fn the_policies_are_the_ones_that_were_agreed_on() {
    is_golden("trust_policy.json", &format!("{:#}\n", role().trust_policy()));
    is_golden("permissions_policy.json", &format!("{:#}\n", role().permissions_policy()));
}
