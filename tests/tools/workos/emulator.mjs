// Starts WorkOS's own emulator: node emulator.mjs PORT SEED_FILE.
// Prints one line of JSON when it listens, and ends on SIGTERM.
//
// An emulator has one store for all its API keys. So there are two of them, as WorkOS has environments that know
// nothing of each other, and a router before them that goes by the API key or the client ID of each request. The
// second one has the keys and the client ID that the seed names as `other`; all else goes to the first.
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

// A connection for each request: one that is kept can be closed by the emulator right when it is used again.
const agent = new Agent({ keepAlive: false });
const router = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const to = { host: '127.0.0.1', port: emulatorOf(request, body).port, path: request.url, method: request.method };
  const sent = forward({ ...to, headers: request.headers, agent }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  sent.on('error', () => response.writableEnded || response.writeHead(502).end());
  sent.end(body);
});
router.listen(Number(port), '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}`, api_key: first.apiKey }));
});
process.on('SIGTERM', () => process.exit(0));
