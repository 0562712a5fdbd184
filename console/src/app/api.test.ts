import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TypedDocumentString } from '../gql/graphql';
import { ask, confirmWith, isServiceError, setHooks } from './api';

// biome-ignore lint/suspicious/noExplicitAny: the test does not use the type
const SOME = new TypedDocumentString<any, object>('query Some { some }');

interface Sent {
  path: string;
  answer: (status: number, body: object) => void;
}

let sent: Sent[];
const signedOut = vi.fn();

beforeEach(() => {
  sent = [];
  signedOut.mockReset();
  setHooks({ signedOut });
  vi.stubGlobal('fetch', (path: string) => {
    return new Promise((resolve) => {
      sent.push({ path, answer: (status, body) => resolve(new Response(JSON.stringify(body), { status })) });
    });
  });
});

afterEach(() => vi.unstubAllGlobals());

const UNAUTHENTICATED = { errors: [{ message: 'Sign in.', extensions: { code: 'UNAUTHENTICATED' } }] };
const refused = (error: unknown) => isServiceError(error, 'UNAUTHENTICATED');
const rest = () => new Promise((resolve) => setTimeout(resolve, 20));
/** Waits for a number of requests: reading a response takes an unknown number of ticks. */
const until = (count: number) => vi.waitFor(() => expect(sent.length).toBe(count), { timeout: 10_000, interval: 5 });

it('signs out after a response without a user', async () => {
  const some = ask(SOME, {});
  sent[0]!.answer(401, UNAUTHENTICATED);
  expect(await some.catch(refused)).toBe(true);
  expect(sent.length).toBe(1);
  expect(signedOut).toHaveBeenCalledOnce();
});

it('repeats a request that was in progress during a confirmation', async () => {
  const some = ask(SOME, {});
  const confirmation = confirmWith('secret');
  expect(sent.map(({ path }) => path)).toEqual(['/graphql', '/session/confirm']);
  sent[1]!.answer(200, {});
  await confirmation;
  sent[0]!.answer(401, UNAUTHENTICATED);
  await until(3);
  sent[2]!.answer(200, { data: { some: 1 } });
  expect(await some).toEqual({ some: 1 });
  expect(signedOut).not.toHaveBeenCalled();
});

it('waits for a pending confirmation and repeats a request only once', async () => {
  const confirmation = confirmWith('secret').catch(refused);
  const some = ask(SOME, {}).catch(refused);
  sent[1]!.answer(401, UNAUTHENTICATED);
  await rest();
  expect(sent.length).toBe(2);
  sent[0]!.answer(401, { message: 'The password is wrong.' });
  expect(await confirmation).toBe(true);
  await until(3);
  expect(signedOut).not.toHaveBeenCalled();
  sent[2]!.answer(401, UNAUTHENTICATED);
  expect(await some).toBe(true);
  expect(sent.length).toBe(3);
  expect(signedOut).toHaveBeenCalledOnce();
});

it('does not repeat a request that started after a confirmation', async () => {
  const confirmation = confirmWith('secret');
  sent[0]!.answer(200, {});
  await confirmation;
  await rest();
  const some = ask(SOME, {}).catch(refused);
  sent[1]!.answer(401, UNAUTHENTICATED);
  expect(await some).toBe(true);
  expect(sent.length).toBe(2);
});
