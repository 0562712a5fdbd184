// Sends requests to the service: the schema without a credential, operations with one.
import type { FetcherParams } from '@graphiql/toolkit';
import { buildSchema, type GraphQLSchema } from 'graphql';

/** The response to show, and the error of the credential if there is one. */
export interface Outcome {
  answer: unknown;
  credentialError?: string;
}

/** The header of requests within a session. */
const SESSION = { 'X-Tokenward-Console': '1' };

export async function loadSchema(): Promise<GraphQLSchema> {
  const response = await fetch('/schema.graphql', { credentials: 'omit' });
  if (!response.ok) throw new Error(`/schema.graphql answered ${response.status}`);
  return buildSchema(await response.text());
}

/** Returns the name of the signed-in user, if any. */
export async function signedIn(): Promise<string | undefined> {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      credentials: 'same-origin',
      headers: { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json', ...SESSION },
      body: JSON.stringify({ query: '{ viewer { name username } }' }),
    });
    const viewer = response.ok ? (await response.json()).data?.viewer : undefined;
    return viewer ? `${viewer.name} (${viewer.username})` : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the scheme from a pasted header. */
export const withoutScheme = (pasted: string) => pasted.trim().replace(/^(Authorization:\s*)?Bearer\s+/i, '');

export async function execute(credential: string, operation: FetcherParams): Promise<Outcome> {
  const formatError = credentialFormatError(credential);
  if (formatError) return { answer: failure(formatError), credentialError: formatError };
  // Without a credential, the session applies.
  const inSession = credential === '';
  let response: Response;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      credentials: inSession ? 'same-origin' : 'omit',
      headers: {
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(inSession ? SESSION : { Authorization: `Bearer ${credential}` }),
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(operation),
    });
  } catch {
    return { answer: failure('Could not reach the service. Check that it is running, then run the query again.') };
  }
  const credentialError = inSession && response.status === 401 ? NO_CREDENTIAL : credentialErrorFor(response.status);
  try {
    return { answer: await response.json(), credentialError };
  } catch {
    return { answer: failure(`The response is not JSON (status ${response.status}).`), credentialError };
  }
}

const NO_CREDENTIAL = 'A credential is required. Sign in to Tokenward or paste a credential above, then run the query again.';

function credentialFormatError(credential: string) {
  if (credential !== '' && !/^[\x21-\x7e]+$/.test(credential)) {
    return 'Invalid credential: it contains spaces or other unsupported characters. Copy the whole credential, and nothing else.';
  }
  return undefined;
}

function credentialErrorFor(status: number) {
  if (status === 401) {
    return 'The credential was rejected (401). It may be mistyped, expired, revoked or meant for another service. Paste another one.';
  }
  if (status === 403) return 'The token was rejected (403): it lacks the graphql scope. Use a token with this scope, or a JWT.';
  return undefined;
}

const failure = (message: string) => ({ errors: [{ message }] });
