// Writes templates.json: the user pools and app clients of CDK and Amplify as these packages make them when nothing is
// chosen, and with the little that is usually chosen. To take newer ones, in an empty folder:
//
//   npm install --ignore-scripts aws-cdk-lib@2.276.0 constructs @aws-amplify/auth-construct@1.12.0
//   cp .../shared/cognito/tests/samples/generate.mjs . && node generate.mjs > .../shared/cognito/tests/samples/templates.json
import { readFileSync } from 'node:fs';
import cdk from 'aws-cdk-lib';
import cognito from 'aws-cdk-lib/aws-cognito';
import { Template } from 'aws-cdk-lib/assertions';
import { AmplifyAuth } from '@aws-amplify/auth-construct';

const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;

// The properties of the one user pool and the one app client that `make` puts into a stack.
function made(make) {
  const stack = new cdk.Stack(new cdk.App(), 'Stack');
  make(stack);
  const template = Template.fromStack(stack);
  const [pool, client] = ['UserPool', 'UserPoolClient'].map((kind) => {
    const found = Object.values(template.findResources(`AWS::Cognito::${kind}`));
    if (found.length !== 1) throw new Error(`${found.length} of ${kind}`);
    return found[0].Properties;
  });
  return { pool, client };
}

const email = { signInAliases: { email: true }, standardAttributes: { email: { required: true, mutable: true } } };
const externalProviders = {
  callbackUrls: ['http://localhost:3000/'], logoutUrls: ['http://localhost:3000/'], domainPrefix: 'example',
};
const templates = {
  CDK: made((stack) => new cognito.UserPool(stack, 'Pool').addClient('web')),
  'CDK by address': made((stack) => new cognito.UserPool(stack, 'Pool', email).addClient('web')),
  Amplify: made((stack) => new AmplifyAuth(stack, 'Auth')),
  'Amplify with providers': made((stack) => new AmplifyAuth(stack, 'Auth', { loginWith: { email: true, externalProviders } })),
};
const source = `npm aws-cdk-lib ${version('aws-cdk-lib')}, @aws-amplify/auth-construct ${version('@aws-amplify/auth-construct')}`;
console.log(JSON.stringify({ source, templates }, null, 1));
