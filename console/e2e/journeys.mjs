// The main tasks of owners and administrators in the console, with demo data. Reads {url, mail, people: {owner, administrator},
// invitation, chromium, pictures} from its input; each user has {username, password}, and `mail` is the folder of emails.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fits, kept, launch, nothingIsWrong, open } from './browser.mjs';
import { graphql, signIn } from './steps.mjs';

const { url, mail, people, invitation, chromium, pictures } = JSON.parse(await text(process.stdin));
mkdirSync(pictures, { recursive: true });

const browser = await launch(chromium);
const owner = await open(browser, url, { permissions: ['clipboard-read', 'clipboard-write'] });
const administrator = await open(browser, url);
const picture = ({ page }, name) => page.screenshot({ path: `${pictures}/${name}.png` });
const button = ({ page }, name) => page.getByRole('button', { name, exact: true });
const heading = ({ page }, name) => page.getByRole('heading', { name, level: 1 });
const DESCRIPTION = 'Journey <img src=x onerror=alert(1)>';

/** Verifies a value for an organization, as a gateway does. */
const verified = (value) =>
  fetch(`${url}/verify?organization=acme&scope=read_builds`, { headers: { Authorization: `Bearer ${value}` } });

/** */
async function signsIn() {
  const { page, seen } = owner;
  await page.goto(`${url}/tokens?ended=shown`);
  await page.waitForURL((address) => address.pathname === '/sign-in');
  await page.getByLabel('Username or email').fill(people.owner.username);
  await page.getByLabel('Password', { exact: true }).fill('not the password of anybody');
  await button(owner, 'Sign in').click();
  await page.getByText('Incorrect username or password').waitFor();
  assert.equal(await page.getByLabel('Username or email').inputValue(), people.owner.username, 'nothing is lost');
  await picture(owner, 'sign-in-refused');
  seen.complaints = seen.complaints.filter((what) => !/status of 401/.test(what));
  await page.getByLabel('Password', { exact: true }).fill(people.owner.password);
  await button(owner, 'Sign in').click();
  // Redirected to the requested page.
  await page.waitForURL((address) => address.pathname === '/tokens' && address.search === '?ended=shown');
  await heading(owner, 'API Access Tokens').waitFor();
  nothingIsWrong(owner);
}

/** */
async function makesATokenAndSeesItOnce() {
  const { page, context } = owner;
  await page.goto(`${url}/tokens/new?description=From+the+address&scopes[]=read_builds&organizations[]=acme`);
  await heading(owner, 'New API Access Token').waitFor();
  const description = page.getByLabel('Description');
  await page.waitForFunction(() => document.querySelector('input[name=description]')?.value === 'From the address');
  assert.ok(await page.getByLabel(/^Acme Widgets/).isChecked(), 'the organization of the address is chosen');
  assert.ok(await page.getByLabel('30 days').isChecked(), '30 days are chosen before');
  await description.fill('');
  await button(owner, 'Create token').click();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('name')), 'description');
  await description.fill(DESCRIPTION);
  await button(owner, 'Read only').click();
  await page.getByText(/^9 of 15 selected/).waitFor();
  await picture(owner, 'new-token');
  await button(owner, 'Create token').click();
  await heading(owner, 'Copy the token value now').waitFor();
  const value = await page.locator('code', { hasText: /^twd_[0-9A-Za-z]{38}$/ }).textContent();
  await picture(owner, 'once');
  await button(owner, 'Copy value').click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
  assert.match(await page.locator('pre').textContent(), /^read -rs TOKEN && curl .*\/v2\/access-token/);
  await button(owner, 'Done').click();
  await heading(owner, 'API Access Tokens').waitFor();
  assert.ok(!(await page.content()).includes(value), 'the value is shown once');
  await page.goBack();
  await page.waitForTimeout(300);
  assert.ok(!(await page.content()).includes(value), 'going back does not show it again');
  await valueIsKeptNowhere({ page, context }, value);
  const told = await fetch(`${url}/v2/access-token`, { headers: { Authorization: `Bearer ${value}` } });
  assert.equal((await told.json()).description, DESCRIPTION);
  assert.equal((await verified(value)).status, 200);
  nothingIsWrong(owner);
  return value;
}

/** */
async function valueIsKeptNowhere({ page, context }, value) {
  for (const [place, what] of (await kept(context, page)).entries()) {
    assert.ok(!what.includes(value) && !what.includes(value.slice(0, 20)), `the value is kept in place ${place}`);
  }
}

const box = ({ page }) => page.getByRole('search').getByRole('textbox');

/** Waits until the list has loaded and has this number of rows, or any. */
async function found({ page }, count, what) {
  const isThere = (count) => {
    const { length } = document.querySelectorAll('tbody tr:not([aria-hidden])');
    return !document.querySelector('[aria-busy="true"]') && (count === 'some' ? length > 0 : length === count);
  };
  await page.waitForFunction(isThere, count).catch((cause) => assert.fail(`${what}: not ${count} rows: ${cause.message}`));
}

/** each filter finds tokens, and a typed or pasted value is in no URL, history or storage. */
async function findsByEachFilter(value) {
  const { page, context } = administrator;
  await signIn(page, url, people.administrator);
  await page.goto(`${url}/organizations/acme/audit`);
  await heading(administrator, 'API Access Audit').waitFor();
  await page.getByText(/^1–50 of \d+ tokens$/).waitFor();
  await picture(administrator, 'audit');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText(/^51–\d+ of \d+ tokens$/).waitFor();
  await page.goBack();
  await page.getByText(/^1–50 of \d+ tokens$/).waitFor();

  for (const words of ['bob journey', 'read_artifacts bob', '127.0.0.1', `owner:${people.owner.username} read_builds`]) {
    await box(administrator).fill(words);
    await page.waitForFunction((words) => new URLSearchParams(location.search).get('q') === words, words);
    await found(administrator, 'some', words);
  }
  await box(administrator).fill('');
  for (const chip of ['Administrators', 'GraphQL', 'Unused for 90 days']) await button(administrator, chip).click();
  await page.waitForFunction(() => new URLSearchParams(location.search).get('q') === 'admin graphql unused:90d');
  await found(administrator, 'some', 'administrators with GraphQL that were not used for 90 days');
  await page.getByText('Owner is admin').waitFor();
  await picture(administrator, 'audit-filtered');
  const cut = await page.locator('tbody tr a').first().getAttribute('href');

  await box(administrator).fill('ownr:bob');
  await page.locator('[aria-invalid="true"]').waitFor();
  await box(administrator).fill('');
  for (let length = 5; length < value.length; length += 9) {
    await box(administrator).fill(value.slice(0, length));
    await page.waitForTimeout(300);
    assert.ok(!page.url().includes('twd_'), 'the beginning of a value is in no address');
  }
  await page.getByText('part of a token value').waitFor();
  await box(administrator).fill(value);
  assert.ok((await box(administrator).inputValue()).startsWith('value:'), 'the box shows the hint only');
  await page.waitForFunction(() => location.search.includes('value'));
  await found(administrator, 1, 'the value finds its token');
  await valueIsKeptNowhere({ page, context }, value);
  await page.reload();
  await found(administrator, 1, 'after a reload its hint does');
  nothingIsWrong(administrator);
  return cut;
}

async function exportsTheList() {
  const { page } = administrator;
  await page.goto(`${url}/organizations/acme/audit?q=bob`);
  await page.locator('tbody tr a').first().waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), button(administrator, 'Export CSV').click()]);
  const csv = readFileSync(await download.path(), 'utf8');
  assert.match(
    csv,
    /^\uFEFFOwner,Owner e-mail,Owner id,Token UUID,Description,Last used at,Last request IP,Created at,Scopes,Hint,Expires at,/,
  );
  assert.ok(csv.includes('Journey <img'), csv.slice(0, 400));
  assert.match(download.suggestedFilename(), /^acme-api-access-tokens-filtered-.*\.csv$/);
}

/** Removes the organization from a token with the keyboard only. */
async function removesTheOrganization(value) {
  const { page } = administrator;
  await page.goto(`${url}/organizations/acme/audit`);
  await page.locator('tbody tr a').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.insertText(value);
  await page.getByText('1 token', { exact: true }).waitFor();
  await page.locator('tbody tr a').first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: /^API Access Token owned by/ }).waitFor();
  await page.getByText(DESCRIPTION).first().waitFor();
  await picture(administrator, 'audited-token');
  await page.getByLabel('Reason').fill('Journey over');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const question = page.getByRole('alertdialog');
  await question.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Keep access', 'the safe answer has the focus');
  await picture(administrator, 'question');
  await page.keyboard.press('Escape');
  await question.waitFor({ state: 'detached' });
  assert.equal((await verified(value)).status, 200, 'who keeps it changes nothing');
  await button(administrator, 'Remove Organization from Token').click();
  await question.getByText('Journey over').waitFor();
  await page.getByRole('button', { name: 'Remove organization', exact: true }).click();
  await question.waitFor({ state: 'detached' });
  await page.getByText('Journey over').first().waitFor();
  await fits(page, 'after the removal');
  assert.equal((await verified(value)).status, 403, 'refused from the acknowledgement on');
  nothingIsWrong(administrator);
}

/** The email links to the token’s page and contains no credentials. */
async function readsTheLetter() {
  let letter;
  for (let tries = 0; !letter && tries < 100; tries += 1) {
    const letters = readdirSync(mail).map((name) => readFileSync(join(mail, name), 'utf8').replace(/=\r?\n/g, ''));
    letter = letters.find((one) => one.includes('Journey over'));
    if (!letter) await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(letter, 'a letter came');
  const link = /https?:\/\/[^\s"<>]+\/tokens\/token_[0-9a-z]+/.exec(letter)?.[0];
  assert.ok(link?.startsWith(`${url}/tokens/`), letter);
  const notice = /delivery_[0-9a-z]+|[0-9a-f]{8}-[0-9a-f-]{27}/.exec(letter.slice(letter.indexOf('Journey over')))?.[0];
  return { link, notice };
}

/** The owner sees who removed the organization, when and why, and adds it again. */
async function addsAgain(value, { link }) {
  const { page } = owner;
  await page.goto(link);
  await page.getByText('Journey over').first().waitFor();
  await page.getByText('Ada Okafor').first().waitFor();
  await picture(owner, 'token');
  await page
    .getByRole('button', { name: /^Add .*again$/ })
    .first()
    .click();
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  for (let tries = 0; (await verified(value)).status !== 200 && tries < 300; tries += 1) await page.waitForTimeout(100);
  assert.equal((await verified(value)).status, 200, 'it reaches the organization again');
  nothingIsWrong(owner);
}

async function revokes(value) {
  const { page } = owner;
  await page
    .getByRole('button', { name: /^Revoke/ })
    .first()
    .click();
  const question = page.getByRole('alertdialog');
  await question.waitFor();
  await picture(owner, 'revoke');
  await question.getByRole('button', { name: /^Revoke/ }).click();
  await question.waitFor({ state: 'detached' });
  await page
    .getByText(/revoked/i)
    .first()
    .waitFor();
  assert.equal((await verified(value)).status, 401);
  nothingIsWrong(owner);
}

/** */
async function signsOut() {
  const { page, context, seen } = owner;
  const before = await context.storageState();
  await button(owner, 'Sign out').click();
  await page.waitForURL((address) => address.pathname === '/sign-in');
  const replayed = await open(browser, url, { storageState: before });
  await replayed.page.goto(`${url}/tokens`);
  await replayed.page.waitForURL((address) => address.pathname === '/sign-in');
  await replayed.context.close();
  seen.complaints = seen.complaints.filter((what) => !/status of 401/.test(what));
  nothingIsWrong(owner);
}

/** An invited user sets a password, and the link works only once. */
async function acceptsTheInvitation() {
  const guest = await open(browser, url);
  const { page, context, seen } = guest;
  await page.goto(invitation);
  const password = page.getByLabel(/^(New )?[Pp]assword$/).first();
  await password.fill('passwordpassword');
  await page.locator('form button[type=submit]').click();
  await page.locator('[aria-invalid="true"]').first().waitFor();
  await picture(guest, 'invitation');
  await password.fill('a journey of a thousand miles');
  await page.locator('form button[type=submit]').click();
  await page.waitForURL((address) => address.pathname === '/tokens');
  await page.getByText('You have no tokens yet').waitFor();
  await picture(guest, 'empty');
  const { viewer } = await graphql(page, '{ viewer { username } }');
  assert.equal(viewer.username, 'carla');
  await page.goto(invitation);
  await page
    .getByLabel(/^(New )?[Pp]assword$/)
    .first()
    .fill('a journey of another thousand miles');
  await page.locator('form button[type=submit]').click();
  await page.getByText('This link is no longer valid').first().waitFor();
  seen.complaints = seen.complaints.filter((what) => !/status of 4(04|22)/.test(what));
  nothingIsWrong(guest);
  await context.close();
}

try {
  await signsIn();
  const value = await makesATokenAndSeesItOnce();
  await findsByEachFilter(value);
  await exportsTheList();
  await removesTheOrganization(value);
  await addsAgain(value, await readsTheLetter());
  await revokes(value);
  await signsOut();
  await acceptsTheInvitation();
} catch (error) {
  await picture(owner, 'failed-owner');
  await picture(administrator, 'failed-administrator');
  throw error;
} finally {
  await browser.close();
}
