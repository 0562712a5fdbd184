import { expect, it } from 'vitest';
import { summary } from './summary';

const scope = (access: string, name = access) => ({ name, title: name, access });
const end = new Date('2026-12-03T12:00:00Z');

it('says in one line what a new token would be', () => {
  const scopes = [scope('READ', 'a'), scope('READ', 'b'), scope('WRITE'), scope('GRAPHQL')];
  expect(summary({ scopes, organizations: ['Acme Widgets'], end })).toBe(
    'You make: Read × 2, write × 1 and GraphQL in Acme Widgets, until 3 Dec 2026',
  );
  expect(summary({ scopes: [scope('GRAPHQL')], organizations: ['Acme', 'Globex'], end: 'never' })).toBe(
    'You make: GraphQL in Acme and Globex, until somebody revokes it',
  );
  expect(summary({ scopes: [scope('WRITE')], organizations: ['A', 'B', 'C', 'D'], end })).toContain('in A, B, C and D,');
  expect(summary({ scopes: [scope('WRITE')], organizations: ['A', 'B', 'C', 'D', 'E'], end })).toContain(
    'in A, B, C and 2 more,',
  );
});

it('says what is still to be chosen', () => {
  expect(summary({ scopes: [], organizations: [], end: undefined })).toBe(
    'Still to choose: an organization, a scope and the last day',
  );
  expect(summary({ scopes: [scope('READ')], organizations: [], end })).toBe('Still to choose: an organization');
});
