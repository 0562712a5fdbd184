import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { AuditedToken } from './AuditedToken';

const ADA = { id: 'user_ada', username: 'ada', name: 'Ada Okafor' };
const BOB = { id: 'user_bob', username: 'bob', name: 'Bob Lindqvist', email: 'bob@example.test' };
const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };

const Viewer = {
  tokenPrefix: 'twd',
  session: null,
  viewer: { ...ADA, email: null, hasPassword: true, organizations: { edges: [{ role: 'ADMIN', node: ACME }] } },
};

const token = {
  id: 'token_1',
  uuid: '019e502d-7795-7e62-a1a3-e5c2d8d3b26c',
  description: 'Deploy bot',
  hint: 'twd_ab12…wxyz',
  status: 'ACTIVE',
  createdAt: '2026-11-01T00:00:00Z',
  expiresAt: null,
  revokedAt: null,
  owner: BOB,
  scopes: [
    { name: 'read_builds', title: 'Read Builds', description: 'Permission to list builds', access: 'READ', retired: false },
    { name: 'graphql', title: 'GraphQL', description: 'Permission to use GraphQL', access: 'GRAPHQL', retired: false },
  ],
};

const grant = {
  id: 'grant_1',
  grantedAt: '2026-11-01T00:00:00Z',
  ownerIsAdmin: true,
  lastUsedAt: '2026-11-20T10:00:00Z',
  lastRequest: {
    at: '2026-11-20T10:00:00Z',
    ipAddress: '2001:db8::17',
    userAgent: 'curl/8.11.0',
    method: 'GET',
    path: '/v2/builds',
    scope: 'read_builds',
    allowed: true,
  },
  token,
};

const event = (changed: object) => ({
  id: 'event_1',
  type: 'TOKEN_CREATED',
  at: '2026-11-01T00:00:00Z',
  via: 'JWT',
  resourceServerName: null,
  actor: BOB,
  actorIpAddress: null,
  actorUserAgent: null,
  user: BOB,
  tokenId: 'token_1',
  token: null,
  organizations: [ACME],
  scopesAdded: [],
  scopesRemoved: [],
  changes: [],
  reason: null,
  notificationId: null,
  ...changed,
});

const removalEvent = event({
  id: 'event_2',
  type: 'TOKEN_ORGANIZATION_REMOVED',
  actor: ADA,
  reason: 'Leaked',
  at: '2026-11-21T00:00:00Z',
});

const found = (tokenGrant: object | null, events: object[] = [event({})]) => ({
  Viewer,
  AuditedToken: { organization: { ...ACME, tokenGrant, auditEvents: { totalCount: events.length, nodes: events } } },
});

const InMain = () => (
  <main>
    <AuditedToken />
  </main>
);

const show = () => open(InMain, '/organizations/$slug/audit/$tokenId', '/organizations/acme/audit/token_1');

const removal = { id: 'grant_1', removedAt: '2026-11-21T00:00:00Z', removalReason: 'Leaked', removedBy: ADA };

describe('a token in the audit', () => {
  it('shows its owner, scopes and last request', async () => {
    service(found(grant));
    await show();
    expect(await screen.findByRole('heading', { level: 1, name: 'API Access Token owned by Bob Lindqvist' })).toBeTruthy();
    for (const text of [
      'Administrator',
      'bob@example.test',
      token.uuid,
      'read_builds',
      '2001:db8::17',
      '/v2/builds',
      'Allowed',
    ]) {
      expect(screen.getAllByText(text).length).toBeGreaterThan(0);
    }
    expect(
      screen.getByText('The most recent request to Acme Widgets. Requests to other organizations are not shown.'),
    ).toBeTruthy();
    expect(screen.getByText(/^Permission to use GraphQL\. Not limited by the other scopes\./)).toBeTruthy();
    expect(screen.getByRole('list', { name: 'Events of this token' }).textContent).toContain('Bob Lindqvist created this token');
  });

  it('is removed after a confirmation, and the page shows who did it and why', async () => {
    const requests = service({ ...found(grant), RemoveOrganization: { removeOrganizationFromToken: { grant: removal } } });
    await show();
    await userEvent.type(await screen.findByLabelText('Reason'), 'Leaked{enter}in a log ');
    expect(screen.getByText('15 of 500 characters')).toBeTruthy();
    await userEvent.click(screen.getByRole('button', { name: 'Remove Organization from Token' }));
    const question = screen.getByRole('alertdialog', { name: 'Remove Acme Widgets from “Deploy bot”?' });
    expect(question.textContent).toContain('last used with Acme Widgets');
    expect(question.textContent).toContain('2001:db8::17');
    expect(question.textContent).toContain('Reason: Leaked in a log');
    expect(question.textContent).toContain('The token keeps access to its other organizations.');
    await waitFor(() => expect(document.activeElement?.textContent).toBe('Keep access'));
    expect(requests.some(({ name }) => name === 'RemoveOrganization')).toBe(false);
    await userEvent.click(within(question).getByRole('button', { name: 'Remove organization' }));
    expect(await screen.findByRole('heading', { name: 'Acme Widgets was removed from this token' })).toBeTruthy();
    expect(requests.find(({ name }) => name === 'RemoveOrganization')?.with).toEqual({
      input: { tokenId: 'token_1', organizationId: 'org_acme', reason: 'Leaked in a log' },
    });
    expect(screen.getByText('Leaked')).toBeTruthy();
    expect(screen.getByText(/The token keeps access to its other organizations/)).toBeTruthy();
    expect(screen.getByText(/Notified bob@example\.test on 21 Nov 2026/)).toBeTruthy();
    await waitFor(() => expect(document.activeElement?.tagName).toBe('H1'));
    expect(screen.getByRole('link', { name: 'Back to audit' })).toBeTruthy();
  });

  it('shows no removal of one organization on the page of another', async () => {
    const GLOBEX = { id: 'org_globex', slug: 'globex', name: 'Globex' };
    const { AuditedToken: acme } = found(grant);
    service({
      Viewer,
      AuditedToken: ({ slug }: { slug: string }) => ({
        body: { data: { organization: { ...acme.organization, ...(slug === 'acme' ? ACME : GLOBEX) } } },
      }),
      RemoveOrganization: { removeOrganizationFromToken: { grant: removal } },
    });
    const { router } = await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Remove Organization from Token' }));
    await userEvent.click(screen.getByRole('button', { name: 'Remove organization' }));
    await screen.findByText('Acme Widgets was removed from this token');
    const params = { slug: 'globex', tokenId: 'token_1' };
    await act(() => router.navigate({ to: '/organizations/$slug/audit/$tokenId', params }));
    expect(await screen.findByText('API Access Token owned by Bob Lindqvist')).toBeTruthy();
    expect(screen.queryByText(/was removed from this token/)).toBeNull();
  });

  it('keeps access when the removal is cancelled', async () => {
    const requests = service(found(grant));
    await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Remove Organization from Token' }));
    expect(screen.getByRole('alertdialog').textContent).toContain('No reason given.');
    await userEvent.click(screen.getByRole('button', { name: 'Keep access' }));
    expect(screen.queryByRole('alertdialog')).toBeNull();
    expect(requests.some(({ name }) => name === 'RemoveOrganization')).toBe(false);
  });

  it('shows an invalid reason at its input', async () => {
    service({ ...found(grant), RemoveOrganization: refused('This character is not allowed.', 'INVALID_INPUT', 'input.reason') });
    await show();
    const field = await screen.findByLabelText('Reason');
    await userEvent.click(field);
    await userEvent.paste('é'.repeat(501));
    await userEvent.click(screen.getByRole('button', { name: 'Remove Organization from Token' }));
    expect(screen.queryByRole('alertdialog')).toBeNull();
    expect(screen.getByText('The reason has 501 characters. Use at most 500.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(field));
    await userEvent.clear(field);
    await userEvent.type(field, 'Fine');
    await userEvent.click(screen.getByRole('button', { name: 'Remove Organization from Token' }));
    await userEvent.click(screen.getByRole('button', { name: 'Remove organization' }));
    expect(await screen.findByText('This character is not allowed.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(field));
  });

  it('shows the error of a failed removal in the dialog', async () => {
    service({
      ...found(grant),
      RemoveOrganization: refused('The organization has been removed from this token already.', 'CONFLICT'),
    });
    await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Remove Organization from Token' }));
    await userEvent.click(screen.getByRole('button', { name: 'Remove organization' }));
    expect((await screen.findByRole('alert')).textContent).toContain('removed from this token already');
  });

  it('announces no email to the owner’s own removal', async () => {
    service(found({ ...grant, token: { ...token, owner: { ...ADA, email: null } } }));
    await show();
    expect(await screen.findByText(/This is your own token, so no email is sent/)).toBeTruthy();
  });

  it('cannot be removed after it was revoked', async () => {
    service(found({ ...grant, token: { ...token, status: 'REVOKED', revokedAt: '2026-11-10T00:00:00Z' } }));
    await show();
    expect(await screen.findByText('This token was revoked')).toBeTruthy();
    expect(screen.queryByLabelText('Reason')).toBeNull();
  });

  it('shows who removed it earlier', async () => {
    service(found(null, [removalEvent, event({})]));
    await show();
    expect(await screen.findByRole('heading', { name: 'Acme Widgets was removed from this token' })).toBeTruthy();
    expect(screen.getByText('Leaked')).toBeTruthy();
    expect(screen.getAllByText('Ada Okafor').length).toBeGreaterThan(0);
  });

  it('says that it never had access', async () => {
    service(found(null, []));
    await show();
    expect(await screen.findByRole('heading', { name: 'This token has no access to Acme Widgets' })).toBeTruthy();
    expect(screen.getByText(/has or had access to Acme Widgets/)).toBeTruthy();
  });

  it('is for administrators', async () => {
    service({ Viewer, AuditedToken: refused('Only an administrator of the organization may do this.', 'FORBIDDEN') });
    await show();
    expect(await screen.findByRole('heading', { name: 'Only administrators of Acme Widgets can open this page' })).toBeTruthy();
  });

  it('is not found without the organization', async () => {
    service({ Viewer, AuditedToken: { organization: null } });
    await show();
    expect(await screen.findByRole('heading', { name: 'Check the address' })).toBeTruthy();
  });
});
