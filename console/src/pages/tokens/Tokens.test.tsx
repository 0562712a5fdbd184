import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { Tokens } from './Tokens';

const Viewer = {
  tokenPrefix: 'twd',
  session: null,
  viewer: { id: 'user_1', username: 'bob', name: 'Bob', email: null, hasPassword: true, organizations: { edges: [] } },
};

const token = {
  id: 'token_1',
  description: '<img src=x onerror=alert(1)>',
  hint: 'twd_ab12…wxyz',
  status: 'ACTIVE',
  createdAt: '2026-11-01T00:00:00Z',
  expiresAt: null,
  lastUsedAt: null,
  removed: { nodes: [] as object[] },
  organizations: ['A', 'B', 'C', 'D'].map((name) => ({ id: name, name: `Organization ${name}` })),
  scopes: [{ name: 'graphql', title: 'GraphQL', access: 'GRAPHQL' }],
};

const listed = (nodes: object[], ended = 0, more = {}) => ({
  Viewer,
  Tokens: {
    viewer: {
      id: 'user_1',
      ended: { totalCount: ended },
      tokens: {
        totalCount: nodes.length,
        search: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
        nodes,
        ...more,
      },
    },
  },
});

const show = (address = '/tokens') => open(Tokens, '/tokens', address);
const user = () => userEvent.setup({ delay: null });

describe('the tokens of the viewer', () => {
  it('are listed as text, with their first organizations and all on demand', async () => {
    service(listed([token]));
    await show();
    expect((await screen.findByRole('link', { name: token.description })).getAttribute('href')).toBe('/tokens/token_1');
    expect(screen.getByText(/Organization A, Organization B/)).toBeTruthy();
    expect(screen.getByRole('button', { name: `Organizations of ${token.description}` }).textContent).toBe('and 2 more');
    expect(screen.getByText('1 token')).toBeTruthy();
  });

  it('are all listed when a time cannot be parsed', async () => {
    const odd = '+10000-01-01T11:59:59.000000Z';
    const broken = { ...token, id: 'token_2', description: 'odd', createdAt: odd, expiresAt: odd, lastUsedAt: odd };
    service(listed([token, broken]));
    await show();
    expect(await screen.findByRole('link', { name: token.description })).toBeTruthy();
    expect(screen.getByRole('link', { name: 'odd' })).toBeTruthy();
    expect(screen.getByText('2 tokens')).toBeTruthy();
    expect(screen.getAllByText(/invalid time/).length).toBeGreaterThan(0);
  });

  it('show removals by others and missing access', async () => {
    const gone = (id: string, by: string) => ({
      id: `grant_${id}`,
      removedBy: { id: by },
      organization: { id, name: `Organization ${id}` },
    });
    const one = { ...token, id: 'token_2', removed: { nodes: [gone('A', 'user_2'), gone('E', 'user_2'), gone('F', 'user_2')] } };
    const none = { ...token, id: 'token_3', organizations: [], removed: { nodes: [gone('G', 'user_1')] } };
    const over = { ...one, id: 'token_4', status: 'REVOKED', organizations: [] };
    service(listed([one, none, over]));
    await show();
    expect(await screen.findByText('Organization E and 1 more removed')).toBeTruthy();
    expect(screen.getAllByText('No organization access')).toHaveLength(1);
    expect(screen.getAllByText(/removed$/)).toHaveLength(1);
  });

  it('are the active ones unless others are requested', async () => {
    const requests = service(listed([token], 3));
    const { router } = await show();
    await user().click(await screen.findByRole('checkbox', { name: 'Show revoked and expired (3)' }));
    await waitFor(() => expect(router.state.location.href).toBe('/tokens?ended=shown'));
    await waitFor(() => expect(requests.at(-1)!.with.filter.status).toEqual(['ACTIVE', 'EXPIRED', 'REVOKED']));
    expect(requests.find(({ name }) => name === 'Tokens')!.with.filter.status).toBeUndefined();
  });

  it('are explained if there are none', async () => {
    service(listed([]));
    await show();
    expect(await screen.findByText('You have no tokens yet')).toBeTruthy();
    expect(screen.getAllByRole('link', { name: 'New token' })).toHaveLength(2);
  });

  it('have a next page that keeps the search', async () => {
    const pageInfo = { hasNextPage: true, hasPreviousPage: false, startCursor: 'first', endCursor: 'last' };
    const requests = service(listed([token], 0, { totalCount: 60, pageInfo }));
    const { router } = await show('/tokens?q=graphql&ended=shown&order=-used');
    expect(await screen.findByText('1–1 of 60 tokens')).toBeTruthy();
    await user().click(screen.getByRole('button', { name: 'Next' }));
    await waitFor(() =>
      expect(router.state.location.search).toEqual({ q: 'graphql', ended: 'shown', order: '-used', after: 'last', page: '2' }),
    );
    await waitFor(() => expect(requests.at(-1)!.with).toMatchObject({ first: 50, after: 'last', filter: { query: 'graphql' } }));
    expect(requests.at(-1)!.with.orderBy).toEqual({ field: 'LAST_USED_AT', direction: 'DESC' });
  });

  it('show an error in the search', async () => {
    service({ ...listed([token]), Tokens: refused('Did you mean unused:90d?', 'INVALID_INPUT', 'filter.query') });
    await show('/tokens?q=unsed%3A90d');
    expect(await screen.findByText('Did you mean unused:90d?')).toBeTruthy();
  });
});
