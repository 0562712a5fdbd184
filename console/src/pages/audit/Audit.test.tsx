import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { Audit } from './Audit';

const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };
const DAY = 86_400_000;

const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };

const grant = (id: string, username: string, expiresAt: string | null, status = 'ACTIVE') => ({
  id: `grant_${id}`,
  tokenId: `token_${id}`,
  ownerIsAdmin: false,
  lastUsedAt: null,
  lastRequest: null,
  token: {
    description: `Token ${id}`,
    hint: 'twd_ab12…wxyz',
    createdAt: new Date(Date.now() - DAY).toISOString(),
    expiresAt,
    status,
    owner: { id: `user_${username}`, name: 'Sam Lee', username },
    scopes: [{ name: 'read_builds', title: 'Read Builds', access: 'READ' }],
  },
});

const LISTED = [
  grant('1', 'sam', new Date(Date.now() + 12.5 * DAY).toISOString()),
  grant('2', 'slee', null),
  grant('3', 'lee', new Date(Date.now() - DAY).toISOString(), 'EXPIRED'),
];

const answers = (nodes: object[], search: object[] = []) => ({
  Viewer: {
    tokenPrefix: 'twd',
    session: null,
    viewer: {
      id: 'user_ada',
      username: 'ada',
      name: 'Ada Okafor',
      email: null,
      hasPassword: true,
      organizations: { edges: [{ role: 'ADMIN', node: ACME }] },
    },
  },
  Audit: { organization: { ...ACME, viewerIsAdmin: true, tokenGrants: { totalCount: nodes.length, search, pageInfo, nodes } } },
});

const show = (search = '') => open(Audit, '/organizations/$slug/audit', `/organizations/acme/audit${search}`);

it('distinguishes owners of the same name, and shows the scopes of a row', async () => {
  service(answers(LISTED));
  await show();
  const row = await screen.findByRole('row', { name: /Token 2/ });
  expect(within(row).getByText('slee')).toBeTruthy();
  expect(row.textContent).not.toContain('never expires');
  expect(within(row).getByRole('button', { name: 'Scopes of Token 2: Read × 1' }).getAttribute('popovertarget')).toBeTruthy();
});

it('shows the expiry if the search is about it', async () => {
  service(answers(LISTED, [{ text: 'expires:30d', kind: 'EXPIRES' }]));
  await show('?q=expires:30d');
  expect((await screen.findByRole('row', { name: /Token 1/ })).textContent).toMatch(/expires in 13\sd/);
  expect(screen.getByRole('row', { name: /Token 2/ }).textContent).toContain('never expires');
  expect(screen.getByRole('row', { name: /Token 3/ }).textContent).not.toMatch(/expires in|never expires/);
});

it('is sorted by the select, and the URL keeps the order', async () => {
  const requests = service(answers(LISTED));
  const { router } = await show('?q=lee');
  await screen.findByRole('row', { name: /Token 1/ });
  await userEvent.selectOptions(screen.getByLabelText('Sort by'), 'Last used, earliest first');
  expect(router.state.location.search).toMatchObject({ q: 'lee', order: 'used' });
  expect(requests.findLast(({ name }) => name === 'Audit')?.with.orderBy).toEqual({ field: 'LAST_USED_AT', direction: 'ASC' });
});

it.each([
  ['198.51.100.0/24', /^Enter a whole IP address/],
  ['deploy', /^Remove a filter/],
])('explains why no tokens match %s', async (text, said) => {
  service(answers([], [{ text, kind: 'TEXT' }]));
  await show(`?q=${text}`);
  expect(await screen.findByText(said)).toBeTruthy();
});

it('does not carry state over to another organization', async () => {
  const { Audit: acme, ...rest } = answers(LISTED);
  service({
    ...rest,
    Audit: ({ slug }: { slug: string }) => (slug === 'acme' ? { body: { data: acme } } : new Promise<never>(() => {})),
  });
  const { router } = await show();
  await screen.findByText('Token 1');
  await act(() => router.navigate({ to: '/organizations/$slug/audit', params: { slug: 'globex' } }));
  await waitFor(() => expect(screen.queryByText('Token 1')).toBeNull());
  expect(screen.queryByText(/Acme Widgets/)).toBeNull();
});

it('shows an invalid search', async () => {
  service({ ...answers([]), Audit: refused('There is no word ownr.', 'INVALID_INPUT', 'filter.query') });
  await show('?q=ownr:ada');
  expect(await screen.findByText('Invalid search')).toBeTruthy();
});
