// how a session expires. Reads {url, user, phase, state, chromium} from its input: the test moves the clock
// between the phases `sign-in`, `confirm` and `idle`, and the browser keeps its storage in the file `state`.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { assertNoProblems, expectStatus, launch, open } from './browser.mjs';
import { signIn } from './steps.mjs';

const { url, user, phase, state, chromium } = JSON.parse(await text(process.stdin));

const browser = await launch(chromium);
const opened = await open(browser, url, { storageState: phase === 'sign-in' ? undefined : state });
const { context, page, seen } = opened;

/** After more than 15 minutes, creating a token asks for the password and keeps the form. */
async function confirms() {
  await page.goto(`${url}/tokens/new?description=Later&scopes[]=read_builds&organizations[]=acme`);
  const create = page.getByRole('button', { name: 'Create token', exact: true });
  await create.click();
  const dialog = page.getByRole('dialog', { name: 'Confirm your password' });
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Confirm your password to make this change.').waitFor();
  assert.equal(await page.getByLabel('Description').inputValue(), 'Later');

  await create.click();
  await dialog.getByLabel('Password', { exact: true }).fill('an incorrect password');
  await page.keyboard.press('Enter');
  await dialog.locator('[aria-invalid="true"]').waitFor();
  await expectStatus(seen, 401, '/session/confirm');
  await dialog.getByLabel('Password', { exact: true }).fill(user.password);
  await page.keyboard.press('Enter');
  await page.getByText('This value is shown only once').waitFor();
}

try {
  if (phase === 'sign-in') await signIn(page, url, user);
  if (phase === 'confirm') await confirms();
  if (phase === 'idle') {
    await page.goto(`${url}/tokens`);
    await page.waitForURL((address) => address.pathname === '/sign-in' && address.searchParams.get('next') === '/tokens');
    seen.problems = seen.problems.filter((what) => !/status of 401/.test(what));
  }
  assertNoProblems(opened);
  await context.storageState({ path: state });
} finally {
  await browser.close();
}
