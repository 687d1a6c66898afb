//! `causeway role`.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::{
    arguments::PoolArguments,
    commands::Session,
    failure::{Ending, Failure},
};

/// `causeway role`.
#[derive(Debug, Args)]
pub struct Role {
    #[command(flatten)]
    pub pool: PoolArguments,
    /// In which form
    #[arg(long, value_enum, default_value_t = Form::Cloudformation)]
    form: Form,
}

/// The forms of one and the same role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A CloudFormation template, each value being its parameter's default
    Cloudformation,
    /// The AWS CLI's command that makes or updates the stack from the template
    DeployCommand,
    /// Terraform
    Terraform,
    /// Commands of the AWS CLI
    AwsCli,
    /// The trust policy alone
    Trust,
    /// The permissions policy alone
    Permissions,
    /// A link that opens CloudFormation's console with everything filled in
    LaunchLink,
}

impl Form {
    fn member(self) -> &'static str {
        match self {
            Self::Cloudformation => "cloudformation",
            Self::DeployCommand => "deploy_command",
            Self::Terraform => "terraform",
            Self::AwsCli => "aws_cli",
            Self::Trust => "trust_policy",
            Self::Permissions => "permissions_policy",
            Self::LaunchLink => "launch_url",
        }
    }
}

impl Role {
    pub async fn run(&self, session: &Session) -> Result<Ending, Failure> {
        let role = session.api.get(&format!("{}/role", self.pool.path())).await?.body;
        session.output.show(&role, || document(&role, self.form))?;
        Ok(Ending::Done)
    }
}

/// One form of the role, as a file has it: with a line break at its end.
fn document(role: &Value, form: Form) -> Result<String, Failure> {
    let text = match &role[form.member()] {
        Value::String(text) => text.clone(),
        Value::Null => {
            return Err(Failure::Usage(
                "the deployment does not offer the role in this form: choose another".to_owned(),
            ));
        }
        policy => format!("{policy:#}"),
    };
    Ok(if text.ends_with('\n') { text } else { format!("{text}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_is_printed_as_a_file_has_it() {
        let role = json!({"cloudformation": "a: b\n", "aws_cli": "aws iam", "trust_policy": {"a": 1}});
        assert_eq!(document(&role, Form::Cloudformation).unwrap(), "a: b\n");
        assert_eq!(document(&role, Form::AwsCli).unwrap(), "aws iam\n");
        assert_eq!(document(&role, Form::Trust).unwrap(), "{\n  \"a\": 1\n}\n");
        assert_eq!(document(&role, Form::LaunchLink).unwrap_err().code(), 2);
    }
}
