# The role that lets Causeway keep the identity providers of one Amazon Cognito user pool equal to your WorkOS
# connections. It can do nothing else, and nobody but Causeway's functions can assume it, with your external ID only.
# The same role as role.yaml, as a Terraform module.

variable "external_id" {
  type        = string
  description = "Your external ID, as Causeway generated it for you."
}

variable "user_pool_id" {
  type        = string
  description = "The user pool, such as eu-west-1_AbCdEf123. It must be in this account."
}

variable "role_name" {
  type        = string
  description = "The role's name. Causeway assumes only roles whose name begins with the prefix that it told you."
}

variable "integration_account_id" {
  type        = string
  description = "The AWS account that Causeway runs in."
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  partition        = data.aws_partition.current.partition
  account_id       = data.aws_caller_identity.current.account_id
  user_pool_region = split("_", var.user_pool_id)[0]
}

resource "aws_iam_role" "causeway" {
  name                 = var.role_name
  description          = "Lets Causeway manage the identity providers of one user pool"
  max_session_duration = 3600

  assume_role_policy = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": { "AWS": "arn:${local.partition}:iam::${var.integration_account_id}:root" },
          "Action": "sts:AssumeRole",
          "Condition": {
            "StringEquals": { "sts:ExternalId": "${var.external_id}" },
            "ArnLike": {
              "aws:PrincipalArn": "arn:${local.partition}:iam::${var.integration_account_id}:role/causeway/*"
            }
          }
        }
      ]
    }
  POLICY
}

resource "aws_iam_role_policy" "causeway" {
  name = "IdentityProvidersOfOneUserPool"
  role = aws_iam_role.causeway.id

  policy = <<-POLICY
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": [
            "cognito-idp:CreateIdentityProvider",
            "cognito-idp:DeleteIdentityProvider",
            "cognito-idp:DescribeIdentityProvider",
            "cognito-idp:DescribeUserPool",
            "cognito-idp:DescribeUserPoolClient",
            "cognito-idp:ListIdentityProviders",
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:UpdateIdentityProvider",
            "cognito-idp:UpdateUserPoolClient"
          ],
          "Resource": "arn:${local.partition}:cognito-idp:${local.user_pool_region}:${local.account_id}:userpool/${var.user_pool_id}"
        }
      ]
    }
  POLICY
}

output "role_arn" {
  description = "The role's ARN"
  value       = aws_iam_role.causeway.arn
}
