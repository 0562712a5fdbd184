// Starts the browser for the tests and records what happens in a page.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** Starts Chromium without background connections. */
export const launch = (executablePath) =>
  chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

/** Opens a page in a new context and records errors, foreign requests and requests. */
export async function open(browser, url, { scheme = 'light', width = 1280, storageState, permissions } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: width < 720 ? 640 : 800 },
    storageState,
    permissions,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const seen = { problems: [], foreign: [], requests: [], fetched: new Map() };
  await page.exposeFunction('reportProblem', (what) => seen.problems.push(what));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', (event) =>
      window.reportProblem(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    ),
  );
  page.on('pageerror', (error) => seen.problems.push(`error: ${error}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    seen.problems.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const from = request.url();
    if (!from.startsWith(`${url}/`) && !from.startsWith(`blob:${url}/`)) seen.foreign.push(from);
    seen.requests.push(`${request.method()} ${new URL(from).pathname}`);
  });
  return { context, page, seen };
}

/** Waits for the expected number of browser messages about this status, and removes them from the record. */
export async function expectStatus(seen, status, path, count = 1) {
  const matching = () => seen.problems.filter((what) => what.includes(`status of ${status}`) && what.endsWith(path));
  for (let tries = 0; matching().length < count && tries < 300; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const found = matching();
  assert.equal(found.length, count, `${status} at ${path}: ${seen.problems.join('\n')}`);
  seen.problems = seen.problems.filter((what) => !found.includes(what));
}

export function assertNoProblems({ seen }) {
  assert.deepEqual(seen.problems, []);
  assert.deepEqual(seen.foreign, []);
}

/** Asserts that the page does not scroll horizontally. */
export async function assertFits(page, when) {
  const [needed, available] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(needed <= available, `${when}: ${needed} px are needed, ${available} are there`);
}

/** Everything that the browser stores or exposes after a page. */
export async function storedData(context, page) {
  const inPage = await page.evaluate(async () => [
    JSON.stringify({ ...localStorage }),
    JSON.stringify({ ...sessionStorage }),
    document.cookie,
    location.href,
    JSON.stringify(history.state),
    JSON.stringify(await indexedDB.databases()),
    JSON.stringify(performance.getEntriesByType('resource').map((entry) => entry.name)),
  ]);
  return inPage.concat(JSON.stringify(await context.storageState()));
}
