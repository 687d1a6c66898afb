// Drives one browser window: node driver.mjs CHROMIUM [LIBRARIES].
// Takes one command as JSON a line, and answers each with one line: {"answer": ...} or {"error": "..."}.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { serve } from './application.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE = 30_000;

const executablePath = execFileSync('sh', ['-c', 'command -v "$0"', process.argv[2]], { encoding: 'utf8' }).trim();
// A browser that came with its libraries has fonts too, beside them.
const libraries = process.argv[3];
const own = libraries ? { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: join(libraries, '..', 'fonts') } : {};
const browser = await chromium.launch({ executablePath, headless: !process.env.SEEN, args: ['--no-sandbox'], env: { ...process.env, ...own } });
const context = await browser.newContext({ viewport: { width: 1024, height: 900 } });
context.setDefaultTimeout(PATIENCE);
// What nobody should have to see: violations of the policy, errors, and requests that go elsewhere.
const faults = [];
const requests = [];
await context.exposeBinding('reportViolation', (_, text) => faults.push(text));
await context.addInitScript(() => {
  document.addEventListener('securitypolicyviolation', (event) => {
    globalThis.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI}`);
  });
});
// Evaluated as a script of the browser's own, which the page's policy has no say in.
await context.addInitScript(axe);
const page = await context.newPage();
page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
page.on('console', (message) => {
  // A page that is refused is one of the things that are tried.
  const isStatus = message.text().startsWith('Failed to load resource: the server responded with a status');
  if (message.type() === 'error' && !isStatus) faults.push(`console: ${message.text()}`);
});
page.on('request', (request) => requests.push(request.url()));

const field = (name) => page.getByLabel(name, { exact: true });
const focused = () => page.evaluate(() => {
  const element = document.activeElement;
  const label = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label') ?? element.textContent;
  return { tag: element.tagName.toLowerCase(), name: label.replace(/\s+/g, ' ').trim() };
});

const commands = {
  // Opens an address, as if it was typed in or clicked on in a mail.
  open: async ({ url }) => ({ status: (await page.goto(url)).status() }),
  // The same of a page that goes on to another by itself.
  begin: async ({ url }) => { await page.goto(url, { waitUntil: 'commit' }); },
  click: async ({ role, name }) => page.getByRole(role, { name, exact: true }).click(),
  fill: async ({ name, value }) => field(name).fill(value),
  check: async ({ name, checked }) => page.getByRole('checkbox', { name, exact: true }).setChecked(checked),
  value: async ({ name }) => field(name).inputValue(),
  // Shows what stands below a summary.
  unfold: async ({ name }) => page.locator('details', { has: page.getByText(name, { exact: true }) })
    .evaluate((details) => { details.open = true; }),
  press: async ({ key }) => page.keyboard.press(key),
  focused,
  type: async ({ text }) => page.keyboard.type(text),
  // Waits for a text to be seen.
  sees: async ({ text, within }) => page.getByText(text).first().waitFor({ timeout: within ?? PATIENCE }),
  // Waits for an address that ends so; without a query.
  arrives: async ({ end }) => page.waitForURL((url) => url.pathname.endsWith(end)),
  text: async ({ selector }) => page.locator(selector).first().innerText(),
  attributes: async ({ selector, name }) =>
    page.locator(selector).evaluateAll((elements, name) => elements.map((element) => element.getAttribute(name)), name),
  here: async () => page.url(),
  looks: async ({ scheme, width, height }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
  },
  // How far the page is wider than the window: then it has to be moved to be read.
  overflow: async () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  audit: async () => {
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  },
  screenshot: async ({ file }) => { await page.screenshot({ path: file, fullPage: true }); },
  cookies: async () => context.cookies(),
  // Serves the application of application.mjs, until this process ends.
  serve: async (options) => serve(options),
  // A page of another site, for this browser only.
  pretend: async ({ url, html }) => context.route(url, (route) => route.fulfill({ contentType: 'text/html', body: html })),
  faults: async () => faults.splice(0),
  requests: async () => requests.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...options } = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify({ answer: (await commands[command](options)) ?? null })}\n`);
  } catch (error) {
    const where = await page.locator('body').innerText().catch(() => '');
    process.stdout.write(`${JSON.stringify({ error: `${error.message}\n${page.url()}\n${where}` })}\n`);
  }
}
await browser.close();
