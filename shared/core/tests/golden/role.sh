if aws iam get-role --role-name 'CausewayLogin' > /dev/null 2>&1; then
  aws iam update-assume-role-policy --role-name 'CausewayLogin' \
    --policy-document '{"Statement":[{"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/causeway/*"},"StringEquals":{"sts:ExternalId":"causeway-0f8e2d4c6b5a49788a1b2c3d4e5f6071"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"}}],"Version":"2012-10-17"}'
else
  aws iam create-role --role-name 'CausewayLogin' --max-session-duration 3600 \
    --description 'Lets Causeway manage the identity providers of one user pool' \
    --assume-role-policy-document '{"Statement":[{"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/causeway/*"},"StringEquals":{"sts:ExternalId":"causeway-0f8e2d4c6b5a49788a1b2c3d4e5f6071"}},"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"}}],"Version":"2012-10-17"}'
fi
aws iam put-role-policy --role-name 'CausewayLogin' --policy-name IdentityProvidersOfOneUserPool \
  --policy-document '{"Statement":[{"Action":["cognito-idp:CreateIdentityProvider","cognito-idp:DeleteIdentityProvider","cognito-idp:DescribeIdentityProvider","cognito-idp:DescribeUserPool","cognito-idp:DescribeUserPoolClient","cognito-idp:ListIdentityProviders","cognito-idp:ListUserPoolClients","cognito-idp:UpdateIdentityProvider","cognito-idp:UpdateUserPoolClient"],"Effect":"Allow","Resource":"arn:aws:cognito-idp:eu-west-1:222222222222:userpool/eu-west-1_AbCdEf123"}],"Version":"2012-10-17"}'
