import { act, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { Log } from './Log';

const ADA = { id: 'user_01hft13tddfshbnvtb65cqffrg', username: 'ada', name: 'Ada Okafor' };
const BOB = { id: 'user_01hft13tddfshb996c2w9rxgbj', username: 'bob', name: 'Bob Lindqvist' };
const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };
const TOKEN = 'token_01m8aeap2rfg6av74wfxkaj8r7';

const removalEvent = {
  id: 'event_1',
  type: 'TOKEN_ORGANIZATION_REMOVED',
  at: '2026-11-21T10:00:00.000000Z',
  via: 'SESSION',
  resourceServerName: null,
  actor: ADA,
  actorIpAddress: '2001:db8::17',
  actorUserAgent: 'curl/8.11.0',
  user: BOB,
  tokenId: TOKEN,
  token: null,
  organizations: [ACME],
  scopesAdded: [],
  scopesRemoved: [],
  changes: [],
  reason: '<img src=x>',
  notificationId: null,
};

const answers = {
  Viewer: {
    tokenPrefix: 'twd',
    session: null,
    viewer: { ...ADA, email: null, hasPassword: true, organizations: { edges: [{ role: 'ADMIN', node: ACME }] } },
  },
  Log: {
    organization: {
      ...ACME,
      auditEvents: {
        totalCount: 1,
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
        nodes: [removalEvent],
      },
    },
  },
  LogNames: { nodes: [{ __typename: 'User', ...ADA }] },
  LogMembers: { organization: { id: ACME.id, members: { nodes: [ADA, BOB] } } },
  LogTokens: {
    organization: {
      id: ACME.id,
      tokenGrants: {
        nodes: [{ id: 'grant_1', tokenId: TOKEN, token: { description: 'Deploy bot', hint: 'twd_ab…yz', owner: BOB } }],
      },
    },
  },
};

const show = (search = '') => open(Log, '/organizations/$slug/log', `/organizations/acme/log${search}`);

const last = (requests: ReturnType<typeof service>, name: string) => requests.findLast((one) => one.name === name)?.with;

describe('the audit log', () => {
  it('shows events, and their details on demand', async () => {
    service(answers);
    await show();
    const events = await screen.findByRole('list', { name: 'Events of Acme Widgets' });
    expect(events.textContent).toContain(`Ada Okafor removed Acme Widgets from the token ${TOKEN}, owned by Bob Lindqvist`);
    expect(events.textContent).toContain('“<img src=x>”');
    const details = screen.getByRole('button', { name: 'Details' });
    expect(details.getAttribute('aria-expanded')).toBe('false');
    await userEvent.click(details);
    expect(screen.getByText('curl/8.11.0')).toBeTruthy();
    expect(screen.getByText('2001:db8::17')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Only by Ada Okafor' }).getAttribute('href')).toContain(`actor=${ADA.id}`);
  });

  it('opens the details by a click on the line, except on links', async () => {
    service(answers);
    await show();
    const user = userEvent.setup({ delay: null });
    const details = await screen.findByRole('button', { name: 'Details' });
    await user.click(screen.getByText('“<img src=x>”'));
    expect(details.getAttribute('aria-expanded')).toBe('true');
    await user.click(screen.getByText('“<img src=x>”'));
    expect(details.getAttribute('aria-expanded')).toBe('false');
    await user.click(details);
    expect(details.getAttribute('aria-expanded')).toBe('true');
    await user.click(screen.getByRole('link', { name: `the token ${TOKEN}` }));
    expect(await screen.findByText('Another page')).toBeTruthy();
  });

  it('applies the filters of the URL', async () => {
    const requests = service(answers);
    await show(`?type=token-revoked&actor=${ADA.id}&from=2026-11-01&to=2026-11-25`);
    await screen.findByRole('list', { name: 'Events of Acme Widgets' });
    expect(last(requests, 'Log')).toMatchObject({
      filter: {
        types: ['TOKEN_REVOKED'],
        actorId: ADA.id,
        at: { from: '2026-11-01T00:00:00.000Z', to: '2026-11-26T00:00:00.000Z' },
      },
      first: 50,
    });
    await waitFor(() => expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Actor' }).value).toBe('Ada Okafor (ada)'));
  });

  it('does not carry state over to another organization', async () => {
    const { Log: acme, ...rest } = answers;
    service({
      ...rest,
      Log: ({ slug }: { slug: string }) => (slug === 'acme' ? { body: { data: acme } } : new Promise<never>(() => {})),
    });
    const { router } = await show();
    await screen.findByText('“<img src=x>”');
    await act(() => router.navigate({ to: '/organizations/$slug/log', params: { slug: 'globex' } }));
    await waitFor(() => expect(screen.queryByText('“<img src=x>”')).toBeNull());
  });

  it('is filtered by a user selected with the keyboard', async () => {
    const requests = service(answers);
    const { router } = await show();
    const field = await screen.findByRole('combobox', { name: 'Subject' });
    await userEvent.click(field);
    await userEvent.keyboard('o');
    await screen.findByRole('option', { name: /Bob Lindqvist/ });
    await userEvent.keyboard('{ArrowDown}{Enter}');
    await waitFor(() => expect(router.state.location.search).toMatchObject({ user: BOB.id }));
    await waitFor(() => expect(last(requests, 'Log')).toMatchObject({ filter: { userId: BOB.id } }));
    expect(last(requests, 'LogMembers')).toEqual({ slug: 'acme', search: 'o' });
  });

  it('finds a token by a pasted value, which is not kept', async () => {
    const requests = service(answers);
    const { router } = await show();
    await userEvent.click(await screen.findByRole('combobox', { name: 'Token' }));
    const value = `twd_${'b'.repeat(38)}`;
    await userEvent.paste(value);
    expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Token' }).value).toBe('value:twd_bbbb…bbbb');
    await userEvent.click(await screen.findByRole('option', { name: /Deploy bot/ }));
    expect(last(requests, 'LogTokens')).toMatchObject({ filter: { token: value } });
    await waitFor(() => expect(router.state.location.search).toMatchObject({ token: TOKEN }));
    expect(router.state.location.href).not.toContain('bbbb');
  });

  it('does not search for an incomplete value', async () => {
    const requests = service(answers);
    await show();
    await userEvent.click(await screen.findByRole('combobox', { name: 'Token' }));
    await userEvent.paste('twd_bbbbbb');
    expect(await screen.findByText(/part of a token value/)).toBeTruthy();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(JSON.stringify(requests)).not.toContain('bbbb');
  });

  it('sends no request if the end date is before the start date', async () => {
    const requests = service(answers);
    await show('?from=2026-11-25&to=2026-11-24');
    expect(await screen.findByText('The end date is before the start date')).toBeTruthy();
    expect(screen.getByLabelText('To').getAttribute('aria-invalid')).toBe('true');
    expect(requests.some(({ name }) => name === 'Log')).toBe(false);
  });

  it('is for administrators', async () => {
    service({ ...answers, Log: refused('Only an administrator of the organization may do this.', 'FORBIDDEN') });
    await show();
    expect(await screen.findByRole('heading', { name: 'Only administrators of Acme Widgets can open this page' })).toBeTruthy();
  });
});
