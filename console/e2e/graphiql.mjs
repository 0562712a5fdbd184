// GraphiQL works in a browser under its content security policy and stores nothing. Reads {url, credential, username, chromium,
// pictures} from its input and exits with 0 on success.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { assertFits, assertNoProblems, expectStatus, open as fresh, launch, storedData } from './browser.mjs';

const { url, credential, username, chromium: executablePath, pictures } = JSON.parse(await text(process.stdin));
mkdirSync(pictures, { recursive: true });

const browser = await launch(executablePath);

async function open(look) {
  const opened = await fresh(browser, url, look);
  const { page } = opened;
  await page.goto(`${url}/graphiql`);
  await page.locator('.graphiql-query-editor .CodeMirror').waitFor();
  await page.evaluate(() => document.fonts.ready);
  // It looks up the signed-in user; there is none.
  await expectStatus(opened.seen, 401, '/graphql');
  return opened;
}

const field = (page) => page.getByLabel('Credential');
const run = (page) => page.getByRole('button', { name: /Execute query/ }).click();
const result = (page) => page.locator('.result-window .CodeMirror-code').first();
const notice = (page) => page.getByRole('status');

async function firstQuery({ scheme, width }) {
  const opened = await open({ scheme, width });
  const { context, page, seen } = opened;
  const picture = (name) => page.screenshot({ path: `${pictures}/${scheme}-${width}-${name}.png`, fullPage: width < 720 });
  await assertFits(page, 'at first');
  await picture('1-first');

  await run(page);
  await notice(page).getByText('A credential is required').waitFor();
  await expectStatus(seen, 401, '/graphql');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'credential');
  await assertFits(page, 'without a credential');
  await picture('2-missing');

  await field(page).fill(`Bearer ${credential}`);
  await field(page).press('Enter');
  await result(page).getByText(username).first().waitFor();
  assert.equal(await notice(page).textContent(), '');
  await assertFits(page, 'with an answer');
  await picture('3-answer');

  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.getByRole('link', { name: 'Query', exact: true }).click();
  await page.getByRole('link', { name: 'viewer', exact: true }).waitFor();
  await assertFits(page, 'with the documentation');
  await picture('4-documentation');
  await page.getByRole('button', { name: 'Hide Documentation Explorer' }).click();
  await page.getByRole('button', { name: 'Open settings dialog' }).click();
  await assertFits(page, 'with the settings');
  const hiddenWidth = await page.getByRole('dialog').evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
  assert.ok(hiddenWidth <= 0, `${hiddenWidth} px of the settings are hidden`);
  await page.screenshot({ path: `${pictures}/${scheme}-${width}-5-settings.png` });
  await page.keyboard.press('Escape');

  for (const [place, content] of [...(await storedData(context, page)), await page.content()].entries()) {
    assert.ok(!content.includes(credential), `the credential is kept in place ${place}`);
  }
  assert.deepEqual((await context.storageState()).origins, []);
  assert.equal(page.url(), `${url}/graphiql`);
  await page.reload();
  assert.equal(await field(page).inputValue(), '', 'a reload forgets the credential');
  await expectStatus(seen, 401, '/graphql');
  assertNoProblems(opened);
  await context.close();
}

async function rejectedCredential() {
  const opened = await open({ scheme: 'light', width: 1280 });
  const { context, page, seen } = opened;
  await field(page).fill('two words');
  await run(page);
  await notice(page).getByText('Invalid credential').waitFor();
  assert.equal(seen.requests.filter((content) => content === 'POST /graphql').length, 1, 'no query was sent');
  await field(page).fill('no-such-credential');
  await run(page);
  await notice(page).getByText('rejected (401)').waitFor();
  await result(page).getByText('UNAUTHENTICATED').first().waitFor();
  await page.screenshot({ path: `${pictures}/light-1280-5-refused.png` });
  await expectStatus(seen, 401, '/graphql');
  assertNoProblems(opened);
  await context.close();
}

async function keyboardAndMenus() {
  const opened = await open({ scheme: 'dark', width: 1280 });
  const { context, page } = opened;
  const focused = () => page.evaluate(() => document.activeElement.closest('.CodeMirror, button, input, a')?.className);

  // Tab moves into the editor and out of it without changing the query.
  const editor = page.locator('.graphiql-query-editor .CodeMirror');
  const written = () => editor.evaluate((element) => element.CodeMirror.getValue());
  const before = await written();
  await editor.click();
  await page.keyboard.press('Tab');
  assert.ok(!(await focused())?.includes('CodeMirror'), 'Tab leaves the editor');
  await page.keyboard.press('Shift+Tab');
  assert.ok((await focused())?.includes('CodeMirror'), 'Shift and Tab lead back');
  assert.equal(await written(), before);

  // Every focused control is visible.
  await field(page).focus();
  for (let step = 0; step < 25; step += 1) {
    await page.keyboard.press('Tab');
    const where = await page.evaluate(() => {
      const box = document.activeElement.getBoundingClientRect();
      return { name: document.activeElement.outerHTML.slice(0, 120), left: box.left };
    });
    assert.ok(where.left >= 0, `not visible: ${where.name}`);
  }

  // Completion uses the schema.
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('\nquery Second { ');
  await page.keyboard.press('Control+Space');
  await page.locator('.CodeMirror-hints').getByText('viewer').first().waitFor();
  await page.screenshot({ path: `${pictures}/dark-1280-6-completion.png` });
  await page.keyboard.press('Escape');

  // A selected theme applies to the bar too; settings are not stored.
  await page.getByRole('button', { name: 'Open settings dialog' }).click();
  await page.getByRole('button', { name: 'Light' }).click();
  const canvas = await page.evaluate(() => getComputedStyle(document.querySelector('.bar')).backgroundColor);
  assert.equal(canvas, 'rgb(255, 255, 255)');
  await page.screenshot({ path: `${pictures}/dark-1280-7-settings.png` });
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Open short keys dialog' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Close dialog' }).waitFor();
  await page.screenshot({ path: `${pictures}/dark-1280-8-keys.png` });
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Show History' }).click();
  assert.deepEqual((await context.storageState()).origins, []);
  assertNoProblems(opened);
  await context.close();
}

try {
  for (const scheme of ['light', 'dark']) {
    for (const width of [1280, 320]) await firstQuery({ scheme, width });
  }
  await rejectedCredential();
  await keyboardAndMenus();
} finally {
  await browser.close();
}
