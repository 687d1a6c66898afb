// Starts WorkOS's own emulator: node emulator.mjs PORT SEED_FILE.
// Prints one line of JSON when it listens, and ends on SIGTERM.
//
// An emulator has one store for all its API keys. So there are two of them, as WorkOS has environments that know
// nothing of each other, and a router before them that goes by the API key or the client ID of each request. The
// second one has the keys and the client ID that the seed names as `other`; all else goes to the first.
//
// The router has what WorkOS has and its emulator lacks: PKCE, a `prompt` that can be refused (to users whose address
// begins with `unprompted`), and users of whom the identity provider says something else than before
// (`PUT /router/profiles/EMAIL` with the members of the profile that change).
import { createHash } from 'node:crypto';
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
  if (url.pathname === '/sso/token') {
    const { code, code_verifier: verifier } = parsed(body);
    const expected = challenges.get(code);
    challenges.delete(code);
    const hash = createHash('sha256').update(String(verifier)).digest('base64url');
    if (expected !== undefined && expected !== hash) {
      return asJson(response, 400, { error: 'invalid_grant', error_description: 'The code verifier does not match.' });
    }
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
function passedOn(url, answer, body) {
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
    const body = passedOn(url, answer, Buffer.concat(parts));
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
