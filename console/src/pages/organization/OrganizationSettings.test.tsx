import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { OrganizationSettings } from './OrganizationSettings';

const ACME = { id: 'org_acme', slug: 'acme', name: 'Acme Widgets' };

const answers = (role: string) => ({
  Viewer: {
    tokenPrefix: 'twd',
    session: null,
    viewer: {
      id: 'user_ada',
      username: 'ada',
      name: 'Ada',
      email: null,
      hasPassword: true,
      organizations: { edges: [{ role, node: ACME }] },
    },
  },
  OrganizationSettings: {
    organization: {
      ...ACME,
      uuid: '018bf411-e9ad-7e62-a844-022dcf3b33a1',
      createdAt: '2025-01-02T12:00:00Z',
      viewerIsAdmin: role === 'ADMIN',
      members: { totalCount: 23 },
      administrators: { totalCount: 1 },
      tokenGrants: { totalCount: 1234 },
    },
  },
});

const show = () => open(OrganizationSettings, '/organizations/$slug/settings', '/organizations/acme/settings');

describe('the settings of an organization', () => {
  it('show counts that link to their lists', async () => {
    service(answers('ADMIN'));
    await show();
    expect((await screen.findByRole('link', { name: '1,234 tokens' })).getAttribute('href')).toBe('/organizations/acme/audit');
    expect(screen.getByRole('link', { name: '23 members' })).toBeTruthy();
    expect(screen.getByRole('link', { name: '1 administrator' }).getAttribute('href')).toContain('role=admin');
  });

  it('change the name, with errors at the input', async () => {
    const requests = service({
      ...answers('ADMIN'),
      UpdateOrganization: refused('The text has a control character.', 'INVALID_INPUT', 'input.name'),
    });
    await show();
    const field = await screen.findByRole('textbox', { name: 'Name' });
    await userEvent.clear(field);
    await userEvent.click(screen.getByRole('button', { name: 'Save name' }));
    expect(screen.getByText('Enter a name.')).toBeTruthy();
    expect(requests.some(({ name }) => name === 'UpdateOrganization')).toBe(false);
    await userEvent.type(field, ' Acme Ltd ');
    await userEvent.click(screen.getByRole('button', { name: 'Save name' }));
    expect(await screen.findByText('The text has a control character.')).toBeTruthy();
    await waitFor(() => expect(document.activeElement).toBe(field));
    expect(requests.findLast(({ name }) => name === 'UpdateOrganization')?.with).toEqual({
      input: { organizationId: 'org_acme', name: 'Acme Ltd' },
    });
  });

  it('are for administrators', async () => {
    service(answers('MEMBER'));
    await show();
    expect(await screen.findByRole('heading', { name: 'Only administrators of Acme Widgets can open this page' })).toBeTruthy();
  });
});
