// Starts WorkOS's own emulator: node emulator.mjs PORT SEED_FILE.
// Prints one line of JSON when it listens, and ends on SIGTERM.
//
// An emulator has one store for all its API keys. So there are two of them, as WorkOS has environments that know
// nothing of each other, and a router before them that goes by the API key or the client ID of each request. The
// second one has the keys and the client ID that the seed names as `other`; all else goes to the first.
//
// The router has what WorkOS has and its emulator lacks: PKCE, a `prompt` that can be refused (to users whose address
// begins with `unprompted`), users of whom the identity provider says something else than before
// (`PUT /router/profiles/EMAIL` with the members of the profile that change), and the Test Organization of a staging
// environment, which the emulator could not call by its ID (`PUT /router/test-organization`, for the API key alone that
// asks for it: all keys share one store).
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, createServer, request as forward } from 'node:http';
import { createServer as createTcpServer, Server } from 'node:net';
import { createEmulator } from 'workos/emulate';

// The emulator has no option for the address and would listen on every interface of the machine.
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, host ?? '127.0.0.1', ...rest);
};

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createTcpServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const [port, seedFile] = process.argv.slice(2);
const { other, ...seed } = JSON.parse(readFileSync(seedFile, 'utf8'));
const first = await createEmulator({ port: await freePort(), seed });
const second = await createEmulator({ port: await freePort(), seed: { apiKeys: other.apiKeys } });

// Whose request it is: the key in the header; the key in the body, where a code is redeemed; the client ID in the
// address, where a browser is.
function emulatorOf(request, body) {
  const url = new URL(request.url, 'http://router');
  const key = request.headers.authorization?.replace(/^Bearer /, '');
  const isOther =
    (key !== undefined && key in other.apiKeys) ||
    url.searchParams.get('client_id') === other.clientId ||
    (url.pathname === '/sso/token' && Object.keys(other.apiKeys).some((known) => body.includes(`"${known}"`)));
  return isOther ? second : first;
}

// The challenge that each code was given out for, and what is said of users now.
const challenges = new Map();
const changes = new Map();

// The Test Organization and its connection, whose identity provider vouches for whatever address is typed in.
const since = '2026-01-15T12:00:00.000Z';
const dates = { created_at: since, updated_at: since };
const testDomain = { object: 'organization_domain', id: 'org_domain_test_idp', domain: 'example.com', state: 'verified' };
const testOrganization = {
  object: 'organization', id: 'org_test_idp', name: 'Test Organization', domains: [testDomain], ...dates,
};
const testConnection = {
  object: 'connection', id: 'conn_test_idp', organization_id: 'org_test_idp', connection_type: 'TestIdp',
  name: 'Test Identity Provider', state: 'active', domains: [], ...dates,
};
const testRecords = { '/organizations': testOrganization, '/connections': testConnection };
// The API keys that see it, and the address behind each code of a test sign-in.
const testers = new Set();
const testCodes = new Map();

function testProfile(email) {
  const [first] = email.split('@');
  return {
    object: 'profile', id: `prof_test_${createHash('sha256').update(email).digest('hex').slice(0, 20)}`,
    connection_id: testConnection.id, connection_type: 'TestIdp', organization_id: testOrganization.id,
    idp_id: email, email, first_name: first, last_name: 'Test', name: `${first} Test`, groups: [],
    custom_attributes: {}, raw_attributes: { email },
  };
}

// Where a browser goes on that asks for the test connection.
function testSignIn(query, response) {
  const [code, back] = [`test_${randomUUID()}`, new URL(query.get('redirect_uri'))];
  testCodes.set(code, query.get('login_hint') ?? 'user@example.com');
  back.searchParams.set('code', code);
  if (query.has('state')) back.searchParams.set('state', query.get('state'));
  if (query.has('code_challenge')) challenges.set(code, query.get('code_challenge'));
  return response.writeHead(302, { location: back.href }).end();
}

const asJson = (response, status, body) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

// Answers what the emulator can't; undefined where it is asked.
function answered(url, request, body, response) {
  const query = url.searchParams;
  if (url.pathname.startsWith('/router/profiles/') && request.method === 'PUT') {
    changes.set(decodeURIComponent(url.pathname.slice('/router/profiles/'.length)), JSON.parse(body));
    return asJson(response, 200, {});
  }
  if (url.pathname === '/sso/authorize' && query.has('prompt')) {
    const refused = query.get('prompt') !== 'login' || query.get('login_hint')?.startsWith('unprompted');
    if (refused && query.has('redirect_uri')) {
      const back = new URL(query.get('redirect_uri'));
      back.searchParams.set('error', 'invalid_request');
      back.searchParams.set('error_description', 'This prompt is not supported.');
      if (query.has('state')) back.searchParams.set('state', query.get('state'));
      return response.writeHead(302, { location: back.href }).end();
    }
  }
  const key = request.headers.authorization?.replace(/^Bearer /, '');
  if (url.pathname === '/router/test-organization' && request.method === 'PUT') {
    testers.add(key);
    return asJson(response, 200, {});
  }
  const record = Object.entries(testRecords).find(([path, { id }]) => url.pathname === `${path}/${id}`)?.[1];
  if (record !== undefined && testers.has(key)) return asJson(response, 200, record);
  if (url.pathname === '/sso/authorize' && query.get('connection') === testConnection.id) {
    return testSignIn(query, response);
  }
  if (url.pathname === '/sso/token') {
    const { code, code_verifier: verifier } = parsed(body);
    const expected = challenges.get(code);
    challenges.delete(code);
    const hash = createHash('sha256').update(String(verifier)).digest('base64url');
    if (expected !== undefined && expected !== hash) {
      return asJson(response, 400, { error: 'invalid_grant', error_description: 'The code verifier does not match.' });
    }
    const email = testCodes.get(code);
    testCodes.delete(code);
    if (email !== undefined) return asJson(response, 200, { access_token: 'test', profile: testProfile(email) });
  }
  return undefined;
}

function parsed(body) {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {};
  }
}

// The emulator's answer as the router passes it on.
function passedOn(url, request, answer, body) {
  const key = request.headers.authorization?.replace(/^Bearer /, '');
  if (request.method === 'GET' && url.pathname in testRecords && testers.has(key)) {
    const list = parsed(body);
    const isLast = list.list_metadata?.after === null;
    return isLast ? Buffer.from(JSON.stringify({ ...list, data: [...list.data, testRecords[url.pathname]] })) : body;
  }
  const location = answer.headers.location;
  const challenge = url.searchParams.get('code_challenge');
  if (url.pathname === '/sso/authorize' && location !== undefined && challenge !== null) {
    challenges.set(new URL(location).searchParams.get('code'), challenge);
  }
  const { profile, ...rest } = url.pathname === '/sso/token' ? parsed(body) : {};
  const change = changes.get(profile?.email);
  return change === undefined ? body : Buffer.from(JSON.stringify({ ...rest, profile: { ...profile, ...change } }));
}

// A connection for each request: one that is kept can be closed by the emulator right when it is used again.
const agent = new Agent({ keepAlive: false });
const router = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const url = new URL(request.url, 'http://router');
  if (answered(url, request, body, response) !== undefined) return;
  const to = { host: '127.0.0.1', port: emulatorOf(request, body).port, path: request.url, method: request.method };
  const sent = forward({ ...to, headers: request.headers, agent }, async (answer) => {
    const parts = [];
    for await (const part of answer) parts.push(part);
    const body = passedOn(url, request, answer, Buffer.concat(parts));
    const headers = { ...answer.headers, 'content-length': body.length };
    delete headers['transfer-encoding'];
    response.writeHead(answer.statusCode, headers).end(body);
  });
  sent.on('error', () => response.writableEnded || response.writeHead(502).end());
  sent.end(body);
});
router.listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, api_key: first.apiKey }));
});
process.on('SIGTERM', () => process.exit(0));
