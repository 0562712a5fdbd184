// Sends requests to the service: GraphQL operations and the session endpoints.
import type { TypedDocumentString } from '../gql/graphql';

/** The header that proves that a request comes from the console and not from another site. */
const CONSOLE_HEADER = { 'X-Tokenward-Console': '1' };

/** An error with a message that can be shown. */
export class ServiceError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** The path of the invalid input, such as `input.scopes.1`. */
    readonly field?: string,
    /** The ID of the request in the service’s log. */
    readonly requestId?: string,
    /** The number of seconds after which to retry. */
    readonly retryAfter?: number,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

export const isServiceError = (error: unknown, code: string): error is ServiceError =>
  error instanceof ServiceError && error.code === code;

const UNREACHABLE = 'Could not reach the service. Check your connection and try again.';
const UNAVAILABLE = 'The service is temporarily unavailable. Try again in a moment.';
const UNEXPECTED_RESPONSE =
  'The service returned an unexpected response. Try again. If the problem persists, contact your operator.';

interface GraphQLError {
  message: string;
  extensions?: { code?: string; field?: string; reauthenticate?: boolean; requestId?: string; retryAfter?: number };
}

interface Hooks {
  /** Asks for the password; resolves to whether it was confirmed. */
  confirm: () => Promise<boolean>;
  /** Called when the session has expired. */
  signedOut: () => void;
}

const hooks: Hooks = { confirm: async () => false, signedOut: () => {} };

/** Sets the functions that ask for the password and handle an expired session. */
export function setHooks(given: Partial<Hooks>) {
  Object.assign(hooks, given);
}

/** Runs an operation, and repeats it once after fresh authentication if it needs that. */
export async function ask<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  const answer = await execute<Result>(document.toString(), variables, signal);
  if (!answer.errors?.some((error) => error.extensions?.reauthenticate)) return dataOf(answer);
  if (!(await hooks.confirm())) {
    throw new ServiceError('Confirm your password to make this change.', 'UNAUTHENTICATED');
  }
  return dataOf(await execute<Result>(document.toString(), variables, signal));
}

/** Returns whether a user is signed in, without treating a signed-out user as an expired session. */
export async function isSignedIn(signal?: AbortSignal): Promise<boolean> {
  const response = await send('/graphql', {
    method: 'POST',
    headers: { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: 'query Here { viewer { id } }' }),
    signal,
  });
  return response.ok;
}

interface Answer<Result> {
  data?: Result | null;
  errors?: GraphQLError[];
  requestId?: string;
  /** Whether the cookie identifies no user. */
  unauthenticated: boolean;
}

/** The password confirmation in progress, if any, and the number of finished ones. */
let confirming: Promise<unknown> | undefined;
let confirmed = 0;

/** Confirms the password. The session gets a new cookie. */
export async function confirmWith(password: unknown) {
  const request = call('POST', '/session/confirm', { password });
  const completion = request
    .catch(() => {})
    .then(() => {
      confirmed += 1;
      if (confirming === completion) confirming = undefined;
    });
  confirming = completion;
  await request;
}

async function execute<Result>(query: string, variables: unknown, signal?: AbortSignal): Promise<Answer<Result>> {
  const before = confirmed;
  let answer = await executeOnce<Result>(query, variables, signal);
  if (answer.unauthenticated && (confirming || confirmed !== before)) {
    // The request may have carried the cookie that was replaced in the meantime.
    await confirming;
    answer = await executeOnce<Result>(query, variables, signal);
  }
  if (!answer.unauthenticated) return answer;
  hooks.signedOut();
  throw new ServiceError('You are signed out. Sign in to continue.', 'UNAUTHENTICATED', undefined, answer.requestId);
}

async function executeOnce<Result>(query: string, variables: unknown, signal?: AbortSignal): Promise<Answer<Result>> {
  const response = await send('/graphql', {
    method: 'POST',
    headers: { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
    signal,
  });
  const requestId = response.headers.get('X-Request-Id') ?? undefined;
  let answer: Omit<Answer<Result>, 'unauthenticated'>;
  try {
    answer = await response.json();
  } catch {
    throw new ServiceError(response.status >= 500 ? UNAVAILABLE : UNEXPECTED_RESPONSE, 'INTERNAL', undefined, requestId);
  }
  const fresh = answer.errors?.some((error) => error.extensions?.reauthenticate);
  return { ...answer, requestId, unauthenticated: response.status === 401 && !fresh };
}

function dataOf<Result>({ data, errors, requestId }: Answer<Result>): Result {
  const error = errors?.[0];
  if (error) {
    const { code = 'INTERNAL', field, requestId: id = requestId, retryAfter } = error.extensions ?? {};
    throw new ServiceError(messageOf(code, error.message), code, field, id, retryAfter);
  }
  if (!data) throw new ServiceError(UNEXPECTED_RESPONSE, 'INTERNAL', undefined, requestId);
  return data;
}

const messageOf = (code: string, message: string) => {
  if (code === 'UNAVAILABLE') return UNAVAILABLE;
  if (code === 'INTERNAL')
    return 'An internal error occurred. Try again. If the problem persists, send the request ID to your operator.';
  return message;
};

/** Sends a request to an endpoint other than GraphQL; throws its error. */
export async function call(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<Response> {
  const response = await send(path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const requestId = response.headers.get('X-Request-Id') ?? undefined;
  const retryAfter = Number(response.headers.get('Retry-After')) || undefined;
  const code = CODES[response.status] ?? 'INTERNAL';
  throw new ServiceError(
    problem.message ? messageOf(code, problem.message) : UNEXPECTED_RESPONSE,
    code,
    problem.field,
    requestId,
    retryAfter,
  );
}

const CODES: Record<number, string> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  400: 'INVALID_INPUT',
  422: 'INVALID_INPUT',
  429: 'RATE_LIMITED',
  503: 'UNAVAILABLE',
};

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { ...init, credentials: 'same-origin', headers: { ...init.headers, ...CONSOLE_HEADER } });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ServiceError(UNREACHABLE, 'NETWORK');
  }
}
