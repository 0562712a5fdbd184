import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { consequence } from './MemberDialogs';
import { Members } from './Members';

const ADA = { id: 'user_ada', username: 'ada', name: 'Ada Okafor', email: 'ada@example.test' };
const BOB = { id: 'user_bob', username: 'bob', name: 'Bob Lindqvist', email: 'bob@example.test' };
const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };

const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };

const answers = (role: 'ADMIN' | 'MEMBER', me: object = ADA) => ({
  Viewer: {
    tokenPrefix: 'twd',
    session: null,
    viewer: { ...me, hasPassword: true, organizations: { edges: [{ role, node: ACME }] } },
  },
  Members: {
    organization: {
      ...ACME,
      viewerIsAdmin: role === 'ADMIN',
      members: {
        totalCount: 2,
        pageInfo,
        edges: [
          { role: 'ADMIN', joinedAt: '2025-01-02T12:00:00Z', node: ADA },
          { role: 'MEMBER', joinedAt: '2025-01-02T12:00:00Z', node: BOB },
        ],
      },
    },
  },
});

const tokens = (...owners: { id: string }[]) => ({
  organization: {
    id: ACME.id,
    tokenGrants: { pageInfo, nodes: owners.map(({ id }, index) => ({ id: `grant_${index}`, token: { owner: { id } } })) },
  },
});

const show = (search = '') => open(Members, '/organizations/$slug/members', `/organizations/acme/members${search}`);

describe('the members', () => {
  it('are visible to a member, who cannot change them', async () => {
    service(answers('MEMBER', BOB));
    await show();
    const row = await screen.findByRole('row', { name: /Bob Lindqvist/ });
    expect(within(row).getByText('You')).toBeTruthy();
    expect(screen.getByText(/Only administrators of Acme Widgets can add/)).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Add member' })).toBeNull();
    expect(screen.queryByText('bob@example.test')).toBeNull();
  });

  it('are searched by the URL, which never contains a value', async () => {
    const requests = service(answers('ADMIN'));
    const { router } = await show('?search=bo&role=admin');
    await screen.findByRole('row', { name: /Bob/ });
    expect(requests.find(({ name }) => name === 'Members')?.with).toMatchObject({ search: 'bo', role: 'ADMIN', first: 50 });
    const field = screen.getByRole('searchbox', { name: 'Search' });
    await userEvent.clear(field);
    await userEvent.paste(`twd_${'a'.repeat(38)}`);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(router.state.location.href).not.toContain('aaaaaaaa');
    expect(JSON.stringify(requests)).not.toContain('aaaaaaaa');
  });

  it('are added, with errors at the input', async () => {
    let known = false;
    const requests = service({
      ...answers('ADMIN'),
      AddMember: () =>
        known
          ? { body: { data: { addOrganizationMember: { member: { id: 'user_eve', name: 'Eve' } } } } }
          : refused('No user found', 'NOT_FOUND')(),
    });
    await show();
    await screen.findByRole('row', { name: /Bob/ });
    await userEvent.click(screen.getByRole('button', { name: 'Add member' }));
    const dialog = screen.getByRole('dialog', { name: 'Add a member to Acme Widgets' });
    const field = within(dialog).getByLabelText('Username or email');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Add member' }));
    expect(within(dialog).getByText(/^Enter a username or email/)).toBeTruthy();
    await userEvent.type(field, ' eve ');
    await userEvent.selectOptions(within(dialog).getByLabelText('Role'), 'ADMIN');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Add member' }));
    expect(await within(dialog).findByText(/^No account has this username/)).toBeTruthy();
    expect(field.getAttribute('aria-invalid')).toBe('true');
    await waitFor(() => expect(document.activeElement).toBe(field));
    known = true;
    await userEvent.click(within(dialog).getByRole('button', { name: 'Add member' }));
    expect(await screen.findByText('Eve is now an administrator of Acme Widgets.')).toBeTruthy();
    expect(requests.findLast(({ name }) => name === 'AddMember')?.with).toEqual({
      input: { organizationId: 'org_acme', user: 'eve', role: 'ADMIN' },
    });
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('cannot cancel an addition in progress', async () => {
    let add = () => {};
    const done = new Promise<void>((resolve) => {
      add = resolve;
    });
    const member = { id: 'user_eve', name: 'Eve' };
    service({
      ...answers('ADMIN'),
      AddMember: () => done.then(() => ({ body: { data: { addOrganizationMember: { member } } } })),
    });
    await show();
    await screen.findByRole('row', { name: /Bob/ });
    await userEvent.click(screen.getByRole('button', { name: 'Add member' }));
    const dialog = screen.getByRole('dialog');
    await userEvent.type(within(dialog).getByLabelText('Username or email'), 'eve');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Add member' }));
    await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel' }));
    expect(screen.queryByRole('dialog')).toBe(dialog);
    add();
    expect(await screen.findByText('Eve is now a member of Acme Widgets.')).toBeTruthy();
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('do not carry over to another organization', async () => {
    const { Members: acme, ...rest } = answers('ADMIN');
    service({
      ...rest,
      TokensOfMember: tokens(),
      Members: ({ slug }: { slug: string }) => (slug === 'acme' ? { body: { data: acme } } : new Promise<never>(() => {})),
    });
    const { router } = await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Remove Bob Lindqvist' }));
    await screen.findByRole('alertdialog');
    await act(() => router.navigate({ to: '/organizations/$slug/members', params: { slug: 'globex' } }));
    await waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull());
    expect(screen.queryByRole('button', { name: 'Remove Bob Lindqvist' })).toBeNull();
  });

  it('are removed after a confirmation that counts only their own tokens', async () => {
    const requests = service({
      ...answers('ADMIN'),
      TokensOfMember: tokens(BOB, { id: 'user_bobby' }, BOB),
      RemoveMember: { removeOrganizationMember: { removedUserId: BOB.id } },
    });
    await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Remove Bob Lindqvist' }));
    const question = screen.getByRole('alertdialog', { name: 'Remove Bob Lindqvist from Acme Widgets?' });
    expect(
      await within(question).findByText(/^2 of Bob Lindqvist’s tokens have access to Acme Widgets and lose it immediately/),
    ).toBeTruthy();
    expect(question.textContent).toContain('If Bob Lindqvist rejoins, their tokens won’t regain access automatically.');
    await userEvent.click(within(question).getByRole('button', { name: 'Remove member' }));
    expect(await screen.findByText('Bob Lindqvist was removed from Acme Widgets.')).toBeTruthy();
    expect(requests.find(({ name }) => name === 'RemoveMember')?.with).toEqual({
      input: { organizationId: 'org_acme', userId: BOB.id },
    });
  });

  it('keep their last administrator, and the dialog shows why', async () => {
    const why = 'This is the organization’s last administrator; make another member an administrator first.';
    service({
      ...answers('ADMIN'),
      TokensOfMember: tokens(),
      UpdateMember: refused(why, 'CONFLICT'),
      RemoveMember: refused(why, 'CONFLICT'),
    });
    await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Make member: Ada Okafor' }));
    await userEvent.click(screen.getByRole('button', { name: 'Make member' }));
    expect((await screen.findByRole('alert')).textContent).toContain(why);
    await userEvent.click(screen.getByRole('button', { name: 'Keep as administrator' }));
    await userEvent.click(screen.getByRole('button', { name: 'Leave' }));
    const question = screen.getByRole('alertdialog', { name: 'Leave Acme Widgets?' });
    await userEvent.click(within(question).getByRole('button', { name: 'Leave organization' }));
    expect((await screen.findByRole('alert')).textContent).toContain(why);
  });

  it('can leave, and are redirected', async () => {
    service({
      ...answers('ADMIN'),
      TokensOfMember: tokens(),
      RemoveMember: { removeOrganizationMember: { removedUserId: ADA.id } },
    });
    const { router } = await show();
    await userEvent.click(await screen.findByRole('button', { name: 'Leave' }));
    await userEvent.click(screen.getByRole('button', { name: 'Leave organization' }));
    await waitFor(() => expect(router.state.location.pathname).toBe('/tokens'));
  });
});

describe('the effect of a removal on tokens', () => {
  it('is described exactly', () => {
    const text = (count: number, more = false, you = false) => consequence({ count, more }, 'Acme', you, 'Bob');
    expect(text(0)).toBe('None of Bob’s tokens have access to Acme, so nothing stops working and no email is sent.');
    expect(text(1)).toBe('1 of Bob’s tokens has access to Acme and loses it immediately. Bob is notified by email.');
    expect(text(9)).toContain('9 of Bob’s tokens have access to Acme and lose it immediately.');
    expect(text(1000, true)).toContain('At least 1000 of Bob’s tokens');
    expect(text(2, false, true)).toBe('2 of your tokens have access to Acme and lose it immediately.');
    expect(text(0, false, true)).toBe('None of your tokens have access to Acme, so nothing stops working.');
  });
});
