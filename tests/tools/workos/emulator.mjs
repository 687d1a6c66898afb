// Starts WorkOS's own emulator: node emulator.mjs PORT SEED_FILE.
// Prints one line of JSON when it listens, and ends on SIGTERM.
import { readFileSync } from 'node:fs';
import { Server } from 'node:net';
import { createEmulator } from 'workos/emulate';

// The emulator has no option for the address and would listen on every interface of the machine.
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, host ?? '127.0.0.1', ...rest);
};

const [port, seedFile] = process.argv.slice(2);
const seed = JSON.parse(readFileSync(seedFile, 'utf8'));
const emulator = await createEmulator({ port: Number(port), seed });
console.log(JSON.stringify({ url: `http://127.0.0.1:${emulator.port}`, api_key: emulator.apiKey }));
process.on('SIGTERM', () => process.exit(0));
