resource "aws_iam_role" "causeway" {
  name                 = "CausewayLogin"
  description          = "Lets Causeway manage the identity providers of one user pool"
  max_session_duration = 3600

  assume_role_policy = <<-POLICY
    {
      "Statement": [
        {
          "Action": "sts:AssumeRole",
          "Condition": {
            "ArnLike": {
              "aws:PrincipalArn": "arn:aws:iam::111111111111:role/causeway/*"
            },
            "StringEquals": {
              "sts:ExternalId": "causeway-0f8e2d4c6b5a49788a1b2c3d4e5f6071"
            }
          },
          "Effect": "Allow",
          "Principal": {
            "AWS": "arn:aws:iam::111111111111:root"
          }
        }
      ],
      "Version": "2012-10-17"
    }
  POLICY
}

resource "aws_iam_role_policy" "causeway" {
  name = "IdentityProvidersOfOneUserPool"
  role = aws_iam_role.causeway.id

  policy = <<-POLICY
    {
      "Statement": [
        {
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
          "Effect": "Allow",
          "Resource": "arn:aws:cognito-idp:eu-west-1:222222222222:userpool/eu-west-1_AbCdEf123"
        }
      ],
      "Version": "2012-10-17"
    }
  POLICY
}
