import { expect, it } from 'vitest';
import { summary } from './summary';

const scope = (access: string, name = access) => ({ name, title: name, access });
const end = new Date('2026-12-03T12:00:00Z');

it('summarizes a new token in one line', () => {
  const scopes = [scope('READ', 'a'), scope('READ', 'b'), scope('WRITE'), scope('GRAPHQL')];
  expect(summary({ scopes, organizations: ['Acme Widgets'], end })).toBe(
    'Summary: 2 read scopes, 1 write scope, GraphQL · Acme Widgets · expires 3 Dec 2026',
  );
  expect(summary({ scopes: [scope('GRAPHQL')], organizations: ['Acme', 'Globex'], end: 'never' })).toBe(
    'Summary: GraphQL · Acme and Globex · never expires',
  );
  expect(summary({ scopes: [scope('WRITE')], organizations: ['A', 'B', 'C', 'D'], end })).toContain(' · A, B, C and D · ');
  expect(summary({ scopes: [scope('WRITE')], organizations: ['A', 'B', 'C', 'D', 'E'], end })).toContain(
    ' · A, B, C and 2 more · ',
  );
});

it('lists missing selections', () => {
  expect(summary({ scopes: [], organizations: [], end: undefined })).toBe(
    'Select an organization, a scope and an expiry date to continue',
  );
  expect(summary({ scopes: [scope('READ')], organizations: [], end })).toBe('Select an organization to continue');
});
