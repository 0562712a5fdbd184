// A browser for the tests: what it is started with, and what is noticed while a page is open.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** Chromium, which asks nobody outside for anything. */
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

/** A fresh context with one page, and what is noticed in it. */
export async function open(browser, url, { scheme = 'light', width = 1280, storageState, permissions } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: width < 720 ? 640 : 800 },
    storageState,
    permissions,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const seen = { complaints: [], foreign: [], asked: [], fetched: new Map() };
  await page.exposeFunction('complain', (what) => seen.complaints.push(what));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', (event) =>
      window.complain(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`),
    ),
  );
  page.on('pageerror', (error) => seen.complaints.push(`error: ${error}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    seen.complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const from = request.url();
    if (!from.startsWith(`${url}/`) && !from.startsWith(`blob:${url}/`)) seen.foreign.push(from);
    seen.asked.push(`${request.method()} ${new URL(from).pathname}`);
  });
  return { context, page, seen };
}

/** Takes away what the browser itself says of an answer that was expected, in its own time, and finds so many of it. */
export async function expected(seen, status, path, count = 1) {
  const told = () => seen.complaints.filter((what) => what.includes(`status of ${status}`) && what.endsWith(path));
  for (let tries = 0; told().length < count && tries < 300; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100));
  const found = told();
  assert.equal(found.length, count, `${status} at ${path}: ${seen.complaints.join('\n')}`);
  seen.complaints = seen.complaints.filter((what) => !found.includes(what));
}

export function nothingIsWrong({ seen }) {
  assert.deepEqual(seen.complaints, []);
  assert.deepEqual(seen.foreign, []);
}

/** Nothing is cut, and nothing scrolls sideways. */
export async function fits(page, when) {
  const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(needed <= there, `${when}: ${needed} px are needed, ${there} are there`);
}

/** Whatever the browser would still have after the page is gone. */
export async function kept(context, page) {
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
