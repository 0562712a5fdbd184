import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, it, vi } from 'vitest';
import { CredentialBar } from './CredentialBar';
import { signedIn } from './service';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const show = (user?: string) =>
  render(<CredentialBar field={null} error={undefined} user={user} onChange={() => {}} onEnter={() => {}} />);

it('links back to the console', () => {
  show();
  expect(screen.getByRole('link', { name: 'Tokenward' }).getAttribute('href')).toBe('/');
  expect(screen.getByRole('heading', { level: 1, name: 'GraphiQL' })).toBeTruthy();
  expect(screen.queryByText(/^Signed in as/)).toBeNull();
});

it('shows the signed-in user while no credential is entered', async () => {
  show('Ada Okafor (ada)');
  expect(screen.getByText('Signed in as Ada Okafor (ada)')).toBeTruthy();
  await userEvent.type(screen.getByLabelText('Credential'), 'twd');
  expect(screen.queryByText('Signed in as Ada Okafor (ada)')).toBeNull();
  await userEvent.clear(screen.getByLabelText('Credential'));
  expect(screen.getByText('Signed in as Ada Okafor (ada)')).toBeTruthy();
});

it.each([
  [200, { data: { viewer: { name: 'Ada Okafor', username: 'ada' } } }, 'Ada Okafor (ada)'],
  [401, { errors: [] }, undefined],
  [200, 'no answer', undefined],
])('reads the signed-in user from the response %s %j', async (status, body, user) => {
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(body), { status }));
  expect(await signedIn()).toBe(user);
});
