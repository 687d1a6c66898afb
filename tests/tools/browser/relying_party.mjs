// Signs in at an OpenID provider as openid-client does it, which is a certified relying party and not of Causeway's
// making: node relying_party.mjs ISSUER CLIENT_ID REDIRECT_URI LOGIN_HINT, the client secret in CLIENT_SECRET.
// Checks the nonce, and `max_age` where MAX_AGE gives one; PROMPT is asked for where it is given.
// Prints the claims of the ID token and of userinfo as one line of JSON, or fails with what it refused.
import * as client from 'openid-client';

const [issuer, clientId, redirectUri, loginHint] = process.argv.slice(2);
const config = await client.discovery(
  new URL(issuer),
  clientId,
  { id_token_signed_response_alg: 'RS256' },
  client.ClientSecretPost(process.env.CLIENT_SECRET),
  // Plain HTTP on this machine; and the signature checked against the key set, which a token that comes from the
  // token endpoint itself could do without.
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);
const expectedState = client.randomState();
const expectedNonce = client.randomNonce();
const { PROMPT: prompt, MAX_AGE: maxAge } = process.env;
let here = client.buildAuthorizationUrl(config, {
  redirect_uri: redirectUri,
  scope: 'openid email profile',
  state: expectedState,
  login_hint: loginHint,
  nonce: expectedNonce,
  ...(prompt && { prompt }),
  ...(maxAge && { max_age: maxAge }),
});
for (let hops = 0; !here.href.startsWith(`${redirectUri}?`); hops += 1) {
  const answer = await fetch(here, { redirect: 'manual' });
  const location = answer.headers.get('location');
  if (hops > 10 || location === null) throw new Error(`${here} answered ${answer.status}: ${await answer.text()}`);
  here = new URL(location, here);
}
const tokens = await client.authorizationCodeGrant(config, here, {
  expectedState,
  expectedNonce,
  idTokenExpected: true,
  ...(maxAge && { maxAge: Number(maxAge) }),
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
console.log(JSON.stringify({ claims, userinfo }));
