// Every page is accessible in both color schemes and at both widths, and loads only what it may. Reads {url, users: {owner,
// administrator}, chromium, pictures} from its input; each user has {username, password}.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import { assertFits, assertNoProblems, launch, open } from './browser.mjs';
import { graphql, signIn } from './steps.mjs';

const { url, users, chromium, pictures } = JSON.parse(await text(process.stdin));
mkdirSync(pictures, { recursive: true });

const browser = await launch(chromium);

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The maximum size of scripts before the first row, in bytes of gzip. */
const BUDGET = 150 * 1024;
/** The maximum layout shift until the first row. */
const MAX_SHIFT = 0.1;

/** The pages of an owner and an administrator, by the name of their screenshot. */
async function addresses(page, role) {
  const { viewer } = await graphql(page, '{ viewer { tokens(first: 1) { nodes { id } } } }');
  const audit = `{ organization(slug: "acme") { tokenGrants(first: 1, filter: { neverUsed: false }) { nodes { tokenId } } } }`;
  const audited = role === 'administrator' && (await graphql(page, audit)).organization.tokenGrants.nodes[0];
  const own = viewer.tokens.nodes[0];
  return [
    ['tokens', '/tokens'],
    ['new-token', '/tokens/new'],
    own && ['token', `/tokens/${own.id}`],
    ['settings', '/settings'],
    ['members', '/organizations/acme/members'],
    ...(audited
      ? [
          ['audit', '/organizations/acme/audit'],
          ['audit-filtered', '/organizations/acme/audit?q=admin+graphql+unused%3A90d'],
          ['audit-nothing', '/organizations/acme/audit?q=no-token-matches-this'],
          ['audit-wrong', '/organizations/acme/audit?q=ownr%3Aada'],
          ['audited-token', `/organizations/acme/audit/${audited.tokenId}`],
          ['log', '/organizations/acme/log'],
          ['organization', '/organizations/acme/settings'],
        ]
      : [['audit-forbidden', '/organizations/acme/audit']]),
    ['missing', '/tokens/token_00000000000000000000000000'],
  ].filter(Boolean);
}

async function settled(page) {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  await page.evaluate(() => document.fonts.ready);
}

async function assertUsable(page, name) {
  await assertFits(page, name);
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const messages = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join('\n    ')}`);
  assert.deepEqual(messages, [], name);
  assert.match(await page.title(), /Tokenward$/, name);
}

/** Asserts that the keyboard reaches every control, and that the focus is visible. */
async function assertReachable(page, name) {
  const controls = await page.evaluate(() => {
    const all = document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary');
    return [...all].filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.type !== 'radio')
      .length;
  });
  const focused = new Set();
  for (let step = 0; step < controls + 5; step += 1) {
    await page.keyboard.press('Tab');
    const where = await page.evaluate(async () => {
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const { activeElement: one } = document;
      if (!one || one === document.body) return undefined;
      window.numbers ??= new Map();
      if (!window.numbers.has(one)) window.numbers.set(one, window.numbers.size);
      const box = one.getBoundingClientRect();
      const seen = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
      return { number: window.numbers.get(one), seen, html: one.outerHTML.slice(0, 120) };
    });
    if (!where) continue;
    assert.ok(where.seen, `${name}: the focused element is not visible: ${where.html}`);
    focused.add(where.number);
  }
  assert.ok(focused.size >= Math.min(controls, 40) - 3, `${name}: ${focused.size} of ${controls} controls get the focus`);
}

/** Measures the first row with an empty cache. A slow machine shifts one load, not two. */
async function budget(storageState) {
  let shift = await firstRow(storageState);
  if (shift >= MAX_SHIFT) shift = Math.min(shift, await firstRow(storageState));
  assert.ok(shift < MAX_SHIFT, `the layout shifts by ${shift}`);
}

/** Loads the list and returns its layout shift. */
async function firstRow(storageState) {
  const opened = await open(browser, url, { storageState });
  const { context, page } = opened;
  const scripts = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) scripts.push(response.body().then((body) => gzipSync(body).length));
  });
  await page.goto(`${url}/organizations/acme/audit`);
  await page.locator('tbody tr a').first().waitFor();
  const sizes = await Promise.all(scripts);
  const total = sizes.reduce((all, one) => all + one, 0);
  console.log(`JavaScript before the first row: ${(total / 1024).toFixed(1)} KiB in ${sizes.length} files`);
  assert.ok(total <= BUDGET, `${total} bytes are more than ${BUDGET}`);
  const shift = await page.evaluate(
    () =>
      new Promise((resolve) => {
        let total = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) total += entry.value;
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(total), 500);
      }),
  );
  console.log(`Layout shift until then: ${shift.toFixed(4)}`);
  assertNoProblems(opened);
  await context.close();
  return shift;
}

try {
  for (const [role, user] of Object.entries(users)) {
    const first = await open(browser, url);
    await first.page.goto(`${url}/sign-in`);
    await settled(first.page);
    if (role === 'owner') {
      await assertUsable(first.page, 'sign-in');
      await first.page.screenshot({ path: `${pictures}/sign-in.png` });
    }
    await signIn(first.page, url, user);
    const storageState = await first.context.storageState();
    const pages = await addresses(first.page, role);
    await first.context.close();
    if (role === 'administrator') await budget(storageState);
    for (const scheme of ['light', 'dark']) {
      for (const width of [1280, 320]) {
        const opened = await open(browser, url, { scheme, width, storageState });
        const { context, page } = opened;
        for (const [name, path] of pages) {
          if (role === 'owner' && !/^(tokens|new-token|token|settings|members|audit-forbidden)$/.test(name)) continue;
          if (role === 'administrator' && /^(new-token|settings|tokens|token)$/.test(name) && width === 1280) continue;
          await page.goto(url + path);
          await settled(page);
          await assertUsable(page, `${role} ${scheme} ${width} ${name}`);
          await page.screenshot({ path: `${pictures}/${role}-${name}-${scheme}-${width}.png`, fullPage: width < 720 });
          if (scheme === 'light' && width === 1280) await assertReachable(page, name);
        }
        assertNoProblems(opened);
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
