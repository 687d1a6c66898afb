// Unpacks the browser of @sparticuz/chromium, with the libraries that a bare machine lacks, into the folder browser.
// The package's own code would put it into the machine's folder for temporary files, where everybody may write.
import { createReadStream, createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';

const require = createRequire(import.meta.url);
// build/cjs/index.cjs is what the package gives.
const packageFolder = join(dirname(require.resolve('@sparticuz/chromium')), '..', '..');
const tar = createRequire(join(packageFolder, 'package.json'))('tar-fs');

const unpacked = (name, to) => pipeline(createReadStream(join(packageFolder, 'bin', name)), createBrotliDecompress(), to);

mkdirSync('browser', { recursive: true });
await Promise.all([
  unpacked('chromium.br', createWriteStream('browser/chromium', { mode: 0o755 })),
  // Beside the program, where it looks for them; the libraries in browser/lib.
  unpacked('swiftshader.tar.br', tar.extract('browser')),
  unpacked('al2023.tar.br', tar.extract('browser')),
  unpacked('fonts.tar.br', tar.extract('browser/fonts')),
]);
// Theirs names folders of Lambda only; a bare machine has no font of its own.
writeFileSync('browser/fonts/fonts.conf', `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${resolve('browser/fonts/fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${resolve('browser/fonts/cache')}</cachedir>
</fontconfig>
`);
rmSync('node_modules', { recursive: true });
