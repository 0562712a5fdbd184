import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { tryItCommand } from './CreatedToken';
import { NewToken } from './NewToken';

const VALUE = `twd_${'Ab3'.repeat(12)}xy`;

const scope = (name: string, title: string, access: string) => ({
  name,
  title,
  description: `Permission for ${title}`,
  access,
  retired: false,
});

const organizations = [
  { role: 'ADMIN', node: { id: 'org_1', slug: 'acme', name: 'Acme' } },
  { role: 'MEMBER', node: { id: 'org_2', slug: 'globex', name: 'Globex' } },
];

const answers = {
  Viewer: {
    tokenPrefix: 'twd',
    session: null,
    viewer: { id: 'user_1', username: 'bob', name: 'Bob', email: null, hasPassword: true, organizations: { edges: [] } },
  },
  MyOrganizations: {
    viewer: { id: 'user_1', organizations: { pageInfo: { hasNextPage: false, endCursor: null }, edges: organizations } },
  },
  Catalogue: {
    scopes: [
      scope('read_builds', 'Read Builds', 'READ'),
      scope('write_builds', 'Modify Builds', 'WRITE'),
      scope('graphql', 'GraphQL', 'GRAPHQL'),
    ],
  },
  CreateToken: {
    createToken: {
      value: VALUE,
      token: {
        id: 'token_1',
        description: 'Deploy bot',
        expiresAt: null,
        scopes: [],
        organizations: [{ id: 'org_1', name: 'Acme' }],
      },
    },
  },
};

const show = (address = '/tokens/new') => open(NewToken, '/tokens/new', address);
const box = (name: string | RegExp) => screen.findByRole<HTMLInputElement>('checkbox', { name });

describe('a new token', () => {
  it('is created with the selections, and expires after 30 days by default', async () => {
    const requests = service(answers);
    await show();
    const user = userEvent.setup({ delay: null });
    await user.type(await screen.findByLabelText('Description'), 'Deploy bot');
    await user.click(await box(/Globex/));
    await user.click(screen.getByRole('button', { name: 'Read and write' }));
    expect(screen.getByText(/^Summary: 1 read scope, 1 write scope · Globex · expires \d/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Create token' }));
    await screen.findByText(VALUE);
    const { input } = requests.find(({ name }) => name === 'CreateToken')!.with;
    expect(input).toMatchObject({
      description: 'Deploy bot',
      organizationIds: ['org_2'],
      scopes: ['read_builds', 'write_builds'],
    });
    expect(Math.round((Date.parse(input.expiresAt) - Date.now()) / 86_400_000)).toBe(30);
  });

  it('never expires if selected', async () => {
    const requests = service(answers);
    await show('/tokens/new?description=x&scopes[]=read_builds&organizations[]=acme');
    const user = userEvent.setup({ delay: null });
    await user.click(await screen.findByRole('radio', { name: 'Never' }));
    await user.click(screen.getByRole('button', { name: 'Create token' }));
    await screen.findByText(VALUE);
    expect(requests.at(-1)!.with.input.expiresAt).toBeUndefined();
  });

  it('is filled in from the URL, with warnings about unknown values', async () => {
    service(answers);
    await show(
      '/tokens/new?description=Deploy+bot&scopes[]=graphql&scopes[]=read_nope&organizations[]=acme&organizations[]=initech',
    );
    expect((await screen.findByLabelText<HTMLInputElement>('Description')).value).toBe('Deploy bot');
    expect((await box(/Acme/)).checked).toBe(true);
    expect((await box(/Globex/)).checked).toBe(false);
    expect((await box(/GraphQL/)).checked).toBe(true);
    expect(screen.getByText('The scope “read_nope” does not exist.')).toBeTruthy();
    expect(screen.getByText('You are not a member of the organization “initech”.')).toBeTruthy();
  });

  it('is filled in from another token of the viewer', async () => {
    const original = {
      id: 'token_9',
      description: 'Deploy bot',
      owner: { id: 'user_1' },
      scopes: [{ name: 'write_builds' }, { name: 'read_old' }],
      grants: {
        nodes: [{ organization: organizations[1]!.node }, { organization: { id: 'org_3', slug: 'gone', name: 'Gone' } }],
      },
    };
    service({ ...answers, TokenToCopy: { token: original } });
    await show('/tokens/new?like=token_9');
    expect((await screen.findByLabelText<HTMLInputElement>('Description')).value).toBe('Deploy bot (copy)');
    expect((await box(/Globex/)).checked).toBe(true);
    expect((await box(/Modify Builds/)).checked).toBe(true);
    expect((await box(/Read Builds/)).checked).toBe(false);
    expect(screen.getByText('The scope “read_old” is retired and cannot be added.')).toBeTruthy();
    expect(screen.getByText('You are no longer a member of Gone.')).toBeTruthy();
  });

  it('is not filled in from the token of another user', async () => {
    const original = { id: 'token_9', description: 'Theirs', owner: { id: 'user_2' }, scopes: [], grants: { nodes: [] } };
    service({ ...answers, TokenToCopy: { token: original } });
    await show('/tokens/new?like=token_9');
    expect((await screen.findByLabelText<HTMLInputElement>('Description')).value).toBe('');
    expect(screen.getByText(/belongs to another user/)).toBeTruthy();
  });

  it('is not sent with missing inputs, and focuses the first', async () => {
    const requests = service(answers);
    await show('/tokens/new?description=x');
    const user = userEvent.setup({ delay: null });
    await user.click(await screen.findByRole('button', { name: 'Create token' }));
    expect(screen.getByText('Select at least one organization.')).toBeTruthy();
    expect(screen.getByText('Select at least one scope.')).toBeTruthy();
    const acme = await box(/Acme/);
    await waitFor(() => expect(document.activeElement).toBe(acme));
    expect(requests.some(({ name }) => name === 'CreateToken')).toBe(false);
  });

  it('clears an error once the input is filled, without moving the focus', async () => {
    service(answers);
    await show();
    const user = userEvent.setup({ delay: null });
    await user.click(await screen.findByRole('button', { name: 'Create token' }));
    await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Description')));
    const place = await box(/Acme/);
    await user.click(place);
    expect(screen.queryByText('Select at least one organization.')).toBeNull();
    await waitFor(() => expect(document.activeElement).toBe(place));
    await user.click(screen.getByRole('button', { name: 'Read only' }));
    expect(screen.queryByText('Select at least one scope.')).toBeNull();
    expect(screen.getByText('Enter a description.')).toBeTruthy();
    await user.type(screen.getByLabelText('Description'), 'x');
    expect(screen.queryByText('Enter a description.')).toBeNull();
  });

  it('shows an error of the service at its input', async () => {
    service({ ...answers, CreateToken: refused('Too long.', 'INVALID_INPUT', 'input.description') });
    await show('/tokens/new?description=x&scopes=read_builds&organizations=acme');
    const user = userEvent.setup({ delay: null });
    await user.click(await screen.findByRole('button', { name: 'Create token' }));
    const input = await screen.findByLabelText('Description');
    await waitFor(() => expect(document.activeElement).toBe(input));
    expect(input.getAttribute('aria-invalid')).toBe('true');
    expect(document.getElementById(input.getAttribute('aria-describedby')!.split(' ').at(-1)!)?.textContent).toBe('Too long.');
  });

  it('can search scopes', async () => {
    service(answers);
    await show();
    const user = userEvent.setup({ delay: null });
    await user.type(await screen.findByLabelText('Find scopes'), 'modify');
    expect(screen.queryByRole('checkbox', { name: /Read Builds/ })).toBeNull();
    expect(await box(/Modify Builds/)).toBeTruthy();
    await user.type(screen.getByLabelText('Find scopes'), ' nothing');
    expect(screen.getByText(/No scopes match “modify nothing”/)).toBeTruthy();
  });

  it('requires a membership', async () => {
    service({
      ...answers,
      MyOrganizations: {
        viewer: { id: 'user_1', organizations: { pageInfo: { hasNextPage: false, endCursor: null }, edges: [] } },
      },
    });
    await show();
    expect(await screen.findByText('You are not a member of any organization')).toBeTruthy();
  });
});

describe('the value', () => {
  async function made() {
    service(answers);
    const shown = await show('/tokens/new?description=x&scopes=read_builds&organizations=acme');
    const user = userEvent.setup({ delay: null });
    await user.click(await screen.findByRole('button', { name: 'Create token' }));
    await screen.findByText(VALUE);
    return { ...shown, user };
  }

  it('is in no cache, URL or storage', async () => {
    const { client, router } = await made();
    const kept = [
      ...client
        .getQueryCache()
        .getAll()
        .map(({ state }) => state),
      ...client
        .getMutationCache()
        .getAll()
        .map(({ state }) => state),
      router.state.location.href,
      { ...localStorage, ...sessionStorage },
    ];
    expect(JSON.stringify(kept)).not.toContain(VALUE);
  });

  it('asks before leaving without copying it', async () => {
    const { user } = await made();
    await user.click(screen.getByRole('button', { name: 'Done' }));
    const question = await screen.findByRole('alertdialog');
    await user.click(within(question).getByRole('button', { name: 'Stay on page' }));
    expect(screen.getByText(VALUE)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Done' }));
    await user.click(within(await screen.findByRole('alertdialog')).getByRole('button', { name: 'Leave page' }));
    expect(await screen.findByText('Another page')).toBeTruthy();
    expect(document.body.textContent).not.toContain(VALUE);
  });

  it('does not ask after it was copied', async () => {
    const { user } = await made();
    await user.click(screen.getByRole('button', { name: 'Copy value' }));
    expect(await navigator.clipboard.readText()).toBe(VALUE);
    await user.click(screen.getByRole('button', { name: 'Done' }));
    expect(await screen.findByText('Another page')).toBeTruthy();
  });

  it('is gone when the browser leaves the page, even if it keeps the page in memory', async () => {
    await made();
    act(() => {
      window.dispatchEvent(new Event('pagehide'));
    });
    expect(document.body.textContent).not.toContain(VALUE);
    expect(await screen.findByRole('button', { name: 'Create token' })).toBeTruthy();
  });

  it('is not part of the proposed command', async () => {
    await made();
    const line = tryItCommand('https://tokens.example.test');
    expect(line).toContain('https://tokens.example.test/v2/access-token');
    expect(line).not.toContain('twd_');
    expect(line).not.toMatch(/-H "Authorization/);
    expect(screen.getByText(tryItCommand(window.location.origin))).toBeTruthy();
  });
});
