// Checks that a client with a normalized cache pages through the audit, follows a mutation by IDs, and reads error codes. Reads
// {url, credential, slug, tokens, value, schema} from its input; exits with 0 if all checks pass.
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { buildSchema, introspectionFromSchema } from 'graphql';

const { url, credential, slug, tokens, value, schema } = JSON.parse(await text(process.stdin));
const SIZE = 25;

/** The warnings of the cache: rows without a key, fields that the schema does not have. */
const warnings = [];
console.warn = console.error = (...words) => warnings.push(words.join(' '));

const methods = [];
function client(bearer) {
  const cache = cacheExchange({
    schema: introspectionFromSchema(buildSchema(schema)),
    keys: { Scope: ({ name }) => name, TokenRequest: () => null },
    resolvers: { Organization: { tokenGrants: relayPagination() } },
  });
  return new Client({
    url,
    exchanges: [cache, fetchExchange],
    fetchOptions: { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} },
    fetch: (address, options) => {
      methods.push(options.method);
      return fetch(address, options);
    },
  });
}

const AUDIT = gql`
  query Audit($slug: String!, $first: Int, $after: String, $filter: TokenFilter) {
    organization(slug: $slug) {
      id
      tokenGrants(first: $first, after: $after, filter: $filter) {
        totalCount
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
        edges {
          cursor
          node {
            id
            status
            removalReason
            lastRequest {
              at
            }
            token {
              id
              description
              scopes {
                name
                title
              }
            }
          }
        }
      }
    }
  }
`;

const REMOVE = gql`
  mutation Remove($input: RemoveOrganizationFromTokenInput!) {
    removeOrganizationFromToken(input: $input) {
      grant {
        id
        status
        removalReason
      }
    }
  }
`;

const ada = client(credential);

// Forward, page by page, while a subscriber watches the list.
let seen;
const watching = ada.query(AUDIT, { slug, first: SIZE }).subscribe((result) => (seen = result));
const list = () => seen.data.organization.tokenGrants;
let after;
for (let page = 1; ; page += 1) {
  const { data, error } = await ada.query(AUDIT, { slug, first: SIZE, after });
  assert.equal(error, undefined);
  const { pageInfo, totalCount, edges } = data.organization.tokenGrants;
  const read = Math.min(page * SIZE, tokens.length);
  assert.deepEqual([edges.length, totalCount], [read, tokens.length], 'the cache joins the pages');
  assert.equal(pageInfo.endCursor, edges.at(-1).cursor);
  assert.equal(pageInfo.hasNextPage, read < tokens.length);
  after = pageInfo.endCursor;
  if (!pageInfo.hasNextPage) break;
}
const found = list().edges.map(({ node }) => node.token.id);
assert.deepEqual(found, tokens, 'every row once, newest first');
// By default, urql queries by GET.
const asked = Array.from({ length: Math.ceil(tokens.length / SIZE) }, () => 'GET');
assert.deepEqual(methods, asked);

// The same rows from the cache, without a request.
const again = await ada.query(AUDIT, { slug, first: SIZE }, { requestPolicy: 'cache-only' });
assert.equal(again.data.organization.tokenGrants.edges.length, tokens.length);
assert.deepEqual(methods, asked);

// A mutation returns the changed grant with its ID: the subscriber sees the change at once.
const [organizationId, row] = [seen.data.organization.id, list().edges[60].node];
const input = { tokenId: row.token.id, organizationId, reason: 'Not used any more' };
const removed = await ada.mutation(REMOVE, { input });
assert.equal(removed.error, undefined);
const now = list().edges[60].node;
assert.deepEqual([now.id, now.status, now.removalReason], [row.id, 'REMOVED', 'Not used any more']);
assert.equal(list().edges.length, tokens.length);
assert.deepEqual(methods, [...asked, 'POST']);
watching.unsubscribe();

// A new request does not return it.
const fresh = await ada.query(AUDIT, { slug, filter: { query: 'bot' } }, { requestPolicy: 'network-only' });
assert.equal(fresh.data.organization.tokenGrants.totalCount, tokens.length - 1);

// Errors have codes, whatever the status and the media type of the response.
const codes = ({ error }) => error.graphQLErrors.map(({ extensions }) => extensions.code);
const ask = (bearer, document, variables) => client(bearer).query(document, variables).toPromise();
assert.deepEqual(codes(await ada.mutation(REMOVE, { input })), ['CONFLICT']);
assert.deepEqual(codes(await ada.mutation(REMOVE, { input: { ...input, tokenId: 'token_none' } })), ['NOT_FOUND']);
const bad = await ask(credential, AUDIT, { slug, filter: { scopes: ['read_bulids'] } });
assert.deepEqual(codes(bad), ['INVALID_INPUT']);
assert.match(bad.error.graphQLErrors[0].extensions.field, /filter\.scopes/);
assert.deepEqual(bad.error.graphQLErrors[0].path, ['organization', 'tokenGrants']);
assert.deepEqual(codes(await ask('twd_nonsense', AUDIT, { slug })), ['UNAUTHENTICATED']);
assert.deepEqual(codes(await ask(undefined, AUDIT, { slug })), ['UNAUTHENTICATED']);
assert.deepEqual(codes(await ask(credential, AUDIT, { slug, first: 101 })), ['INVALID_INPUT']);
const expensive = gql`
  {
    viewer {
      organizations(first: 100) {
        nodes {
          tokenGrants(first: 100) {
            nodes {
              id
            }
          }
        }
      }
    }
  }
`;
const refused = await ask(credential, expensive, {});
assert.deepEqual(codes(refused), ['TOO_COMPLEX']);
assert.ok(refused.error.graphQLErrors[0].extensions.cost > refused.error.graphQLErrors[0].extensions.limit);

// A token value is rejected in a URL, where urql puts it by default, and accepted by POST.
const ofValue = [AUDIT, { slug, filter: { token: value } }];
const byGet = await ada.query(...ofValue);
assert.deepEqual(codes(byGet), ['INVALID_INPUT']);
assert.match(byGet.error.message, /POST/);
const byPost = await ada.query(...ofValue, { preferGetMethod: false, requestPolicy: 'network-only' });
assert.equal(byPost.data.organization.tokenGrants.edges[0].node.token.id, tokens.at(-1));

assert.deepEqual(warnings, []);
