// A small application that signs its users in with Cognito, as any other does: it sends a state that it keeps in a
// cookie, and takes no answer without it.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';

// Serves the application on `port` of localhost; `cognito` is where Cognito's endpoints are. /login takes
// `idp_identifier` or `identity_provider`, and `login_hint`, and /callback shows what came of the sign-in, as JSON in #shown.
export function serve({ port, cognito, client_id: clientId }) {
  const app = `http://localhost:${port}`;
  const redirectUri = `${app}/callback`;

  function login(url, response) {
    const state = randomUUID();
    const authorize = new URL(`${cognito}/oauth2/authorize`);
    const query = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid email profile', state };
    for (const [name, value] of Object.entries(query)) authorize.searchParams.set(name, value);
    const provider = ['idp_identifier', 'identity_provider'].find((name) => url.searchParams.has(name));
    if (url.searchParams.has('login_hint')) authorize.searchParams.set('login_hint', url.searchParams.get('login_hint'));
    if (provider) authorize.searchParams.set(provider, url.searchParams.get(provider));
    response.writeHead(302, { location: authorize.href, 'set-cookie': `state=${state}; HttpOnly; SameSite=Lax` }).end();
  }

  async function signedIn(url, cookies) {
    const state = url.searchParams.get('state');
    if (!state || !cookies.split('; ').includes(`state=${state}`)) return { refused: 'a sign-in that did not begin here' };
    if (url.searchParams.has('error')) return { refused: url.searchParams.get('error_description') };
    const code = url.searchParams.get('code');
    const form = { grant_type: 'authorization_code', client_id: clientId, redirect_uri: redirectUri, code };
    const answer = await fetch(`${cognito}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) });
    const tokens = await answer.json();
    if (!answer.ok) return { refused: tokens };
    return { claims: JSON.parse(Buffer.from(tokens.id_token.split('.')[1], 'base64url').toString()) };
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, app);
    if (url.pathname === '/login') {
      login(url, response);
    } else if (url.pathname === '/callback') {
      const shown = JSON.stringify(await signedIn(url, request.headers.cookie ?? '')).replaceAll('<', '&lt;');
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<!doctype html><title>Application</title><pre id="shown">${shown}</pre>`);
    } else {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', () => resolve()));
}
