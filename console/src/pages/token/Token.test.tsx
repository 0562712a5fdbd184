import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { Token } from './Token';

const BOB = { id: 'user_1', username: 'bob', name: 'Bob' };
const ADA = { id: 'user_2', username: 'ada', name: 'Ada' };

const scope = (name: string, access: string, retired = false) => ({
  name,
  title: name,
  description: `Permission for ${name}`,
  access,
  retired,
});

const grant = (id: string, name: string, more: object = {}) => ({
  id: `grant_${id}`,
  status: 'ACTIVE',
  grantedAt: '2026-11-01T00:00:00Z',
  removedAt: null,
  removalReason: null,
  lastUsedAt: null,
  removedBy: null,
  organization: { id: `org_${id}`, slug: name.toLowerCase(), name },
  ...more,
});

const removed = grant('2', 'Globex', {
  status: 'REMOVED',
  removedAt: '2026-11-02T00:00:00Z',
  removedBy: ADA,
  removalReason: 'Quarterly clean-up',
});

const token = {
  id: 'token_1',
  uuid: '019e502d-7795-7e62-a1a3-e5c2d8d3b26c',
  description: 'Deploy bot',
  hint: 'twd_ab12…wxyz',
  status: 'ACTIVE',
  createdAt: '2026-11-01T00:00:00Z',
  expiresAt: null as string | null,
  revokedAt: null,
  lastUsedAt: '2026-11-20T00:00:00Z',
  recentAddresses: ['198.51.100.2', '2001:db8::17'],
  lastRequest: null,
  owner: { id: BOB.id },
  scopes: [scope('read_builds', 'READ')],
  unremoved: { nodes: [grant('1', 'Acme')] },
  removed: { nodes: [removed] },
};

const answers = {
  OwnToken: { viewer: { id: BOB.id }, token },
  OwnTokenEvents: {
    token: { id: 'token_1', events: { totalCount: 0, pageInfo: { hasNextPage: false, endCursor: null }, nodes: [] } },
  },
  MyOrganizations: {
    viewer: {
      id: BOB.id,
      organizations: {
        pageInfo: { hasNextPage: false, endCursor: null },
        edges: ['1 Acme', '2 Globex', '3 Initech'].map((text) => {
          const [id = '', name = ''] = text.split(' ');
          return { role: 'MEMBER', node: { id: `org_${id}`, slug: name.toLowerCase(), name } };
        }),
      },
    },
  },
  Catalogue: { scopes: [scope('read_builds', 'READ'), scope('write_builds', 'WRITE')] },
  UpdateToken: { updateToken: { token: { id: 'token_1' } } },
  AddOrganization: { addOrganizationToToken: { grant: { id: 'grant_9' } } },
  RemoveOwnOrganization: { removeOrganizationFromToken: { grant: { id: 'grant_1' } } },
  RevokeToken: { revokeToken: { token: { id: 'token_1' } } },
};

const holding = (changed: object) => ({ ...answers, OwnToken: { viewer: { id: BOB.id }, token: { ...token, ...changed } } });

const show = () => open(Token, '/tokens/$id', '/tokens/token_1');
const user = () => userEvent.setup({ delay: null });

describe('a token of the viewer', () => {
  it('shows who removed an organization, when and why, and can add it again', async () => {
    const requests = service(answers);
    await show();
    expect(await screen.findByText(/by Ada \(ada\)/)).toBeTruthy();
    expect(screen.getByText('Quarterly clean-up')).toBeTruthy();
    await user().click(await screen.findByRole('button', { name: 'Add Globex again' }));
    await screen.findByText('Globex added.');
    expect(requests.find(({ name }) => name === 'AddOrganization')!.with).toEqual({
      input: { tokenId: 'token_1', organizationId: 'org_2' },
    });
  });

  it('shows a notice about removals by others', async () => {
    const requests = service(
      holding({ removed: { nodes: [removed, grant('3', 'Initech', { status: 'REMOVED', removedBy: ADA })] } }),
    );
    await show();
    expect(await screen.findByText(/^Ada removed Globex from this token \d+ days? ago: “Quarterly clean-up”$/)).toBeTruthy();
    expect(screen.getByRole('link', { name: 'View 1 more below' }).getAttribute('href')).toBe('#organizations');
    expect(screen.getByText('Active')).toBeTruthy();
    await user().click(await screen.findByRole('button', { name: 'Add again: Globex' }));
    await screen.findByText('Globex added.');
    expect(requests.find(({ name }) => name === 'AddOrganization')!.with.input.organizationId).toBe('org_2');
  });

  it('shows no notice about removals by the owner', async () => {
    service(holding({ unremoved: { nodes: [] }, removed: { nodes: [{ ...removed, removedBy: BOB }] } }));
    await show();
    expect(await screen.findByText('No organization access')).toBeTruthy();
    expect(screen.queryByText('Active')).toBeNull();
    expect(screen.queryByText(/from this token/)).toBeNull();
  });

  it('can add another organization', async () => {
    const requests = service(answers);
    await show();
    await user().selectOptions(await screen.findByLabelText('Add an organization'), 'org_3');
    await user().click(screen.getByRole('button', { name: 'Add organization' }));
    await waitFor(() => expect(requests.some(({ name }) => name === 'AddOrganization')).toBe(true));
  });

  it('removes an organization after a confirmation whose cancel button has the focus', async () => {
    const requests = service(answers);
    await show();
    const button = await screen.findByRole('button', { name: 'Remove Acme' });
    await user().click(button);
    const question = await screen.findByRole('alertdialog', { name: 'Remove Acme from “Deploy bot”?' });
    const keep = within(question).getByRole('button', { name: 'Keep access' });
    await waitFor(() => expect(document.activeElement).toBe(keep));
    await user().click(keep);
    expect(requests.some(({ name }) => name === 'RemoveOwnOrganization')).toBe(false);
    await waitFor(() => expect(document.activeElement).toBe(button));
    await user().click(button);
    await user().click(await screen.findByRole('button', { name: 'Remove organization' }));
    await screen.findByText(/The token no longer has access to Acme/);
  });

  it('is revoked after a confirmation with its last use', async () => {
    const requests = service(answers);
    await show();
    await user().click(await screen.findByRole('button', { name: 'Revoke token…' }));
    const question = await screen.findByRole('alertdialog', { name: 'Revoke “Deploy bot”?' });
    expect(question.textContent).toContain('20 Nov 2026');
    expect(question.textContent).toContain('198.51.100.2, 2001:db8::17');
    expect(question.textContent).toContain('Acme');
    await waitFor(() => expect(document.activeElement).toBe(within(question).getByRole('button', { name: 'Keep token' })));
    await user().type(within(question).getByLabelText('Reason (optional)'), 'Leaked');
    await user().click(within(question).getByRole('button', { name: 'Revoke token' }));
    await screen.findByText(/The token was revoked/);
    expect(requests.find(({ name }) => name === 'RevokeToken')!.with).toEqual({
      input: { tokenId: 'token_1', reason: 'Leaked' },
    });
  });

  it('cannot cancel a revocation in progress', async () => {
    let revoke = () => {};
    const done = new Promise<void>((resolve) => {
      revoke = resolve;
    });
    service({ ...answers, RevokeToken: () => done.then(() => ({ body: { data: answers.RevokeToken } })) });
    await show();
    await user().click(await screen.findByRole('button', { name: 'Revoke token…' }));
    const question = await screen.findByRole('alertdialog', { name: 'Revoke “Deploy bot”?' });
    await user().click(within(question).getByRole('button', { name: 'Revoke token' }));
    await user().click(within(question).getByRole('button', { name: 'Keep token' }));
    expect(screen.queryByRole('alertdialog')).toBe(question);
    revoke();
    await screen.findByText(/The token was revoked/);
    await waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull());
  });

  it('sends only edited fields', async () => {
    const requests = service(answers);
    await show();
    await user().click(await screen.findByRole('button', { name: 'Edit' }));
    await user().click(await screen.findByRole('checkbox', { name: /write_builds/ }));
    await user().click(screen.getByRole('button', { name: 'Save changes' }));
    await screen.findByText('Token updated.');
    expect(requests.find(({ name }) => name === 'UpdateToken')!.with).toEqual({
      input: { tokenId: 'token_1', scopes: ['read_builds', 'write_builds'] },
    });
    expect(await screen.findByRole('button', { name: 'Edit' })).toBeTruthy();
  });

  it('does not overwrite concurrent changes', async () => {
    const more = { scopes: [scope('read_builds', 'READ'), scope('write_builds', 'WRITE')] };
    const less = { scopes: more.scopes.slice(0, 1), description: 'Renamed elsewhere' };
    let held: object = more;
    const requests = service({
      ...answers,
      OwnToken: () => ({ body: { data: { viewer: { id: BOB.id }, token: { ...token, ...held } } } }),
      Catalogue: { scopes: [...more.scopes, scope('read_agents', 'READ')] },
    });
    const { client } = await show();
    const editing = async () => {
      held = more;
      await client.invalidateQueries({ queryKey: ['tokens'] });
      await user().click(await screen.findByRole('button', { name: 'Edit' }));
      await screen.findByRole('checkbox', { name: /write_builds/ });
      held = less;
      await client.invalidateQueries({ queryKey: ['tokens'] });
      await screen.findByRole('heading', { name: 'Renamed elsewhere' });
    };
    const saved = async () => {
      await user().click(screen.getByRole('button', { name: 'Save changes' }));
      await screen.findByRole('button', { name: 'Edit' });
      return requests.findLast(({ name }) => name === 'UpdateToken')?.with.input;
    };
    await editing();
    expect(await saved()).toBeUndefined();
    await editing();
    await user().type(screen.getByLabelText('Description'), ' here');
    expect(await saved()).toEqual({ tokenId: 'token_1', description: 'Deploy bot here' });
    await editing();
    await user().click(screen.getByRole('checkbox', { name: /read_agents/ }));
    expect(await saved()).toEqual({ tokenId: 'token_1', scopes: ['read_builds', 'read_agents'] });
  });

  it('keeps a retired scope', async () => {
    const requests = service(holding({ scopes: [scope('read_builds', 'READ'), scope('read_old', 'READ', true)] }));
    await show();
    await user().click(await screen.findByRole('button', { name: 'Edit' }));
    await user().click(await screen.findByRole('checkbox', { name: /write_builds/ }));
    await user().click(screen.getByRole('button', { name: 'Save changes' }));
    await screen.findByText('Token updated.');
    expect(requests.find(({ name }) => name === 'UpdateToken')!.with.input.scopes).toEqual([
      'read_builds',
      'read_old',
      'write_builds',
    ]);
  });

  it('can only shorten the expiry', async () => {
    const end = new Date(Date.now() + 40 * 86_400_000).toISOString();
    const requests = service(holding({ expiresAt: end }));
    await show();
    await user().click(await screen.findByRole('button', { name: 'Edit' }));
    await screen.findByRole('radio', { name: 'Keep current' });
    expect(screen.getAllByRole('radio').map((radio) => radio.parentElement?.textContent)).toEqual([
      'Keep current',
      '7 days',
      '30 days',
      'Custom date',
    ]);
    await user().click(screen.getByRole('radio', { name: '7 days' }));
    await user().click(screen.getByRole('button', { name: 'Save changes' }));
    await screen.findByText('Token updated.');
    const { input } = requests.find(({ name }) => name === 'UpdateToken')!.with;
    expect(Object.keys(input)).toEqual(['tokenId', 'expiresAt']);
    expect(Date.parse(input.expiresAt)).toBeLessThan(Date.parse(end));
  });

  it('shows an error of the service at its input', async () => {
    service({ ...answers, UpdateToken: refused('No such scope.', 'INVALID_INPUT', 'input.scopes.1') });
    await show();
    await user().click(await screen.findByRole('button', { name: 'Edit' }));
    await user().click(await screen.findByRole('checkbox', { name: /write_builds/ }));
    await user().click(screen.getByRole('button', { name: 'Save changes' }));
    const message = await screen.findByText('No such scope.');
    await waitFor(() => expect(message.closest('fieldset')?.contains(document.activeElement)).toBe(true));
  });

  it('can only be viewed and duplicated after it was revoked', async () => {
    service(holding({ status: 'REVOKED', revokedAt: '2026-11-22T00:00:00Z' }));
    await show();
    expect(await screen.findByText('This token was revoked')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Duplicate' }).getAttribute('href')).toBe('/tokens/new?like=token_1');
    for (const name of ['Edit', /^Remove/, /^Revoke/, /^Add/]) expect(screen.queryByRole('button', { name })).toBeNull();
  });

  it('is not found if another user owns it', async () => {
    service(holding({ owner: { id: ADA.id } }));
    await show();
    expect(await screen.findByText('Page not found')).toBeTruthy();
  });
});

it('shows the last use per organization and user agent before it is revoked', async () => {
  const lastRequest = {
    at: '2026-11-20T00:00:00Z',
    ipAddress: '198.51.100.2',
    userAgent: 'python-requests/2.32 more',
    method: 'GET',
    path: '/',
    scope: null,
    allowed: true,
  };
  const dayAgo = new Date(Date.now() - 25 * 3_600_000).toISOString();
  const unremoved = { nodes: [grant('1', 'Acme'), grant('2', 'Globex', { lastUsedAt: dayAgo })] };
  service(holding({ lastRequest, unremoved, removed: { nodes: [] } }));
  await show();
  await user().click(await screen.findByRole('button', { name: 'Revoke token…' }));
  const question = await screen.findByRole('alertdialog');
  expect(within(question).getByText('python-requests/2.32')).toBeTruthy();
  expect(
    within(question)
      .getAllByRole('listitem')
      .map((item) => item.textContent),
  ).toEqual(['Globex: 1 day ago', 'Acme: never']);
});
