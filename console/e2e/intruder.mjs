// a page of another origin sends requests to every endpoint with the cookie of a signed-in user. Reads {url, user,
// chromium} from its input.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { launch, open } from './browser.mjs';
import { graphql, signIn } from './steps.mjs';

const { url, user, chromium } = JSON.parse(await text(process.stdin));

/** A hostile page on another port, and thus of the same site: the browser sends the cookie. */
const hostile = createServer((_, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end('<!doctype html><title>Hostile</title><h1>Hostile</h1>');
});
await new Promise((resolve) => hostile.listen(0, '127.0.0.1', resolve));
const { port } = hostile.address();

const mutation = JSON.stringify({ query: 'mutation { endSessions(input: { keepCurrent: false }) { ended } }' });
const read = JSON.stringify({ query: '{ viewer { username } }' });

/** Requests that a page can send without a preflight. */
const SIMPLE_REQUESTS = [
  ['POST', '/graphql', mutation],
  ['POST', '/graphql', read],
  ['POST', '/session', JSON.stringify({ username: 'mallory', password: 'correct horse battery staple' })],
  ['POST', '/session/confirm', JSON.stringify({ password: user.password })],
  ['POST', '/organizations/acme/tokens.csv', '{}'],
  ['GET', '/graphql?query=%7Bviewer%7Busername%7D%7D', undefined],
];

const browser = await launch(chromium);
try {
  for (const host of ['127.0.0.1', 'localhost']) {
    const { context, page } = await open(browser, url);
    await signIn(page, url, user);
    const attacker = await context.newPage();
    const answers = [];
    attacker.on('response', (response) => {
      if (!response.url().startsWith(url)) return;
      answers.push([response.request().method(), new URL(response.url()).pathname, response.status()]);
    });
    await attacker.goto(`http://${host}:${port}/`);
    for (const [method, path, body] of SIMPLE_REQUESTS) {
      for (const type of method === 'GET'
        ? [undefined]
        : ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        const headers = type ? { 'Content-Type': type } : {};
        const init = { method, body, headers, mode: 'no-cors', credentials: 'include' };
        await attacker.evaluate(([address, init]) => fetch(address, init).catch(() => undefined), [url + path, init]);
      }
    }
    // Requests that need a preflight are not allowed, and thus never sent.
    const unreadable = await attacker.evaluate(
      async ([url, body]) => {
        const requests = [];
        for (const [method, path] of [
          ['POST', '/graphql'],
          ['DELETE', '/session'],
          ['POST', '/session'],
          ['POST', '/organizations/acme/tokens.csv'],
        ]) {
          const headers = { 'Content-Type': 'application/json', 'X-Tokenward-Console': '1' };
          const answer = await fetch(url + path, { method, body, headers, credentials: 'include' }).catch(() => 'refused');
          requests.push(answer === 'refused');
        }
        return requests;
      },
      [url, mutation],
    );
    assert.deepEqual(unreadable, [true, true, true, true], 'no answer can be read');
    // A submitted form, whose response the browser shows.
    for (const path of ['/graphql', '/session', '/session/confirm', '/organizations/acme/tokens.csv']) {
      const answer = attacker.waitForResponse(
        (response) => response.url() === url + path && response.request().method() === 'POST',
      );
      await attacker.evaluate((address) => {
        const form = document.createElement('form');
        Object.assign(form, { method: 'POST', action: address, enctype: 'text/plain' });
        document.body.append(form);
        form.submit();
      }, url + path);
      await answer;
      await attacker.waitForURL(url + path);
      await attacker.goto(`http://${host}:${port}/`);
    }
    const accepted = answers.filter(([method, , status]) => method !== 'OPTIONS' && status < 400);
    assert.deepEqual(accepted, [], `nothing is done from ${host}`);
    assert.ok(answers.length > 15, `${answers.length} answers`);
    if (host === '127.0.0.1') {
      const responses = answers.filter(([method]) => method !== 'OPTIONS');
      assert.deepEqual(
        responses.filter(([, , status]) => status !== 403),
        [],
        'with the cookie: 403 before anything is read',
      );
    }
    const still = await graphql(page, '{ viewer { username } session { id } }');
    assert.equal(still.viewer.username, user.username);
    await context.close();
  }
} finally {
  await browser.close();
  hostile.close();
}
