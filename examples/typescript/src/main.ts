// Lists tokens, removes an organization from a token, and adds it again.
import { parseArgs } from 'node:util';
import {
  AddDocument,
  AuditDocument,
  MineDocument,
  OrganizationDocument,
  RemoveDocument,
  type RowFragment,
  type TypedDocumentString,
} from './generated.js';

const USAGE = `Usage:
  list [--organization SLUG] [--query WORDS]          one's own tokens; of an organization, for its administrators
  remove TOKEN --organization SLUG [--reason TEXT]    the token reaches the organization no more
  add TOKEN --organization SLUG                       its owner lets it reach the organization again

API_URL is where the service is, API_TOKEN a JWT of your application or a token with the scope graphql.`;

class Misuse extends Error {}

/** The URL of the GraphQL endpoint. */
function endpoint() {
  const { API_URL = 'http://127.0.0.1:8080' } = process.env;
  if (!URL.canParse('/graphql', API_URL)) throw new Misuse(`API_URL is ${API_URL}, which is no URL.`);
  return new URL('/graphql', API_URL);
}

/** The error for a failed request with its cause, which the message of fetch does not contain. */
function unreachable(url: URL, error: unknown) {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  const why = cause?.code ?? cause?.message ?? String(error);
  return new Error(`The API cannot be reached at ${url.origin} (${why}). Is API_URL right, and does it serve?`);
}

/** Sends one operation. The types of its variables and its result are generated from it. */
async function ask<Answer, Variables>(document: TypedDocumentString<Answer, Variables>, variables: Variables) {
  const { API_TOKEN } = process.env;
  if (!API_TOKEN) throw new Misuse('API_TOKEN is not set.');
  const url = endpoint();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json',
      authorization: `Bearer ${API_TOKEN}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query: document.toString(), variables }),
    redirect: 'error',
  }).catch((error: unknown) => {
    throw unreachable(url, error);
  });
  type Said = { data?: Answer; errors?: { message: string; extensions: { code: string } }[] };
  const said = (await response.json().catch(() => ({}))) as Said;
  const [error] = said.errors ?? [];
  if (error) throw new Error(`${error.extensions.code}: ${error.message}`);
  if (!said.data) throw new Error(`No answer of the API, but HTTP status ${response.status}.`);
  return said.data;
}

type Row = RowFragment & { lastUsedAt: string | null };
type Page = { rows: Row[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };

async function own(query: string | null, after: string | null): Promise<Page> {
  const { tokens } = (await ask(MineDocument, { query, after })).viewer;
  if (!tokens) throw new Error('The tokens cannot be seen.');
  return { rows: tokens.nodes, pageInfo: tokens.pageInfo };
}

async function audit(organization: string, query: string | null, after: string | null): Promise<Page> {
  const grants = (await ask(AuditDocument, { organization, query, after })).organization?.tokenGrants;
  if (!grants) throw new Error(`There is no organization ${organization}.`);
  const rows = grants.nodes.flatMap(({ token, lastUsedAt }) => (token ? [{ ...token, lastUsedAt }] : []));
  return { rows, pageInfo: grants.pageInfo };
}

async function list(organization: string | undefined, query: string | null) {
  let after: string | null = null;
  do {
    const page: Page = organization ? await audit(organization, query, after) : await own(query, after);
    for (const { id, owner, description, scopes, lastUsedAt } of page.rows) {
      const names = scopes.map(({ name }) => name).join(' ');
      console.log([id, owner.username, description, names, lastUsedAt ?? 'never used'].join('\t'));
    }
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
}

async function idOf(slug: string | undefined) {
  if (!slug) throw new Misuse('--organization is missing.');
  const { organization } = await ask(OrganizationDocument, { slug });
  if (!organization) throw new Error(`There is no organization ${slug}.`);
  return organization.id;
}

async function main() {
  const text = { type: 'string' } as const;
  const options = { organization: text, query: text, reason: text };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [command, tokenId, ...more] = positionals;
  if (command === 'list' && !tokenId) {
    await list(values.organization, values.query ?? null);
  } else if (command === 'remove' && tokenId && !more.length) {
    const input = { tokenId, organizationId: await idOf(values.organization), reason: values.reason ?? null };
    const { removeOrganizationFromToken } = await ask(RemoveDocument, { input });
    console.log(removeOrganizationFromToken?.grant.status);
  } else if (command === 'add' && tokenId && !more.length) {
    const input = { tokenId, organizationId: await idOf(values.organization) };
    const { addOrganizationToToken } = await ask(AddDocument, { input });
    console.log(addOrganizationToToken?.grant.status);
  } else if ((command === 'remove' || command === 'add') && !tokenId) {
    throw new Misuse(`${command} needs the id of a TOKEN, as list shows it.`);
  } else {
    throw new Misuse('There is no such command.');
  }
}

try {
  await main();
} catch (error) {
  const misused = error instanceof Misuse || (error instanceof TypeError && 'code' in error);
  console.error(error instanceof Error ? error.message : error);
  if (misused) console.error(`\n${USAGE}`);
  process.exitCode = misused ? 2 : 1;
}
