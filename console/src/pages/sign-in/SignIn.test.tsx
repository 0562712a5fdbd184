import { cleanup, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { isSessionExpired, markSessionExpired } from '../../app/sessionExpiry';
import { open, service } from '../../app/testing';
import { SignIn } from './SignIn';

const VIEWER = {
  tokenPrefix: 'twd',
  session: null,
  viewer: { id: 'user_1', username: 'bob', name: 'Bob', email: null, hasPassword: true, organizations: { edges: [] } },
};

const wrong = () => ({ status: 401, body: { message: 'The username or the password is wrong.' } });

async function enter(address: string, typed = 'bob') {
  const shown = await open(SignIn, '/sign-in', address, { outside: true });
  const user = userEvent.setup({ delay: null });
  const name = await screen.findByLabelText('Username or email');
  expect(screen.queryAllByText('Your session expired')).toHaveLength(isSessionExpired() ? 1 : 0);
  await user.type(name, typed);
  await user.type(screen.getByLabelText('Password'), 'correct horse battery');
  await user.click(screen.getByRole('button', { name: 'Sign in' }));
  return { ...shown, user };
}

it('signs in, clears the cache and redirects to the requested page', async () => {
  const requests = service({ '/session': () => ({ status: 204 }), Viewer: VIEWER });
  const { client, router } = await enter('/sign-in?next=%2Ftokens%3Fended%3Dshown');
  await waitFor(() => expect(router.state.location.href).toBe('/tokens?ended=shown'));
  expect(requests[0]).toEqual({ name: '/session', with: { username: 'bob', password: 'correct horse battery' } });
  expect(
    client
      .getQueryCache()
      .getAll()
      .map(({ queryKey }) => queryKey),
  ).toEqual([['viewer']]);
});

it('trims the username', async () => {
  const requests = service({ '/session': () => ({ status: 204 }), Viewer: VIEWER });
  const { router } = await enter('/sign-in', ' bob ');
  await waitFor(() => expect(router.state.location.href).toBe('/tokens'));
  expect(requests[0]).toEqual({ name: '/session', with: { username: 'bob', password: 'correct horse battery' } });
});

it('redirects to the tokens by default', async () => {
  service({ '/session': () => ({ status: 204 }), Viewer: VIEWER });
  const { router } = await enter('/sign-in');
  await waitFor(() => expect(router.state.location.href).toBe('/tokens'));
});

it('shows an error, clears the password and focuses it', async () => {
  service({ '/session': wrong });
  const { user, router } = await enter('/sign-in');
  expect((await screen.findByRole('alert')).textContent).toBe('Incorrect username or password.');
  const password = screen.getByLabelText<HTMLInputElement>('Password');
  expect(password.value).toBe('');
  await waitFor(() => expect(document.activeElement).toBe(password));
  expect(screen.getByLabelText<HTMLInputElement>('Username or email').value).toBe('bob');
  expect(router.state.location.pathname).toBe('/sign-in');
  await user.type(password, 'x');
  expect(screen.queryByRole('alert')).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Show password' }));
  expect(password.type).toBe('text');
});

it('shows an error if the browser does not store the cookie', async () => {
  service({ '/session': () => ({ status: 204 }), Viewer: () => ({ status: 401, body: { errors: [{ message: 'No.' }] } }) });
  const { router } = await enter('/sign-in');
  expect((await screen.findByRole('alert')).textContent).toContain('did not store the session cookie');
  expect(router.state.location.pathname).toBe('/sign-in');
});

it('shows how long to wait after too many attempts', async () => {
  service({ '/session': () => ({ status: 429, headers: { 'Retry-After': '95' }, body: { message: 'Too many.' } }) });
  await enter('/sign-in');
  expect((await screen.findByRole('alert')).textContent).toContain('Try again in 2 minutes.');
});

it('shows that the session expired until the next sign-in', async () => {
  service({ '/session': () => ({ status: 204 }), Viewer: VIEWER });
  await open(SignIn, '/sign-in', '/sign-in', { outside: true });
  await screen.findByLabelText('Password');
  expect(screen.queryByText('Your session expired')).toBeNull();
  cleanup();
  markSessionExpired();
  const { router } = await enter('/sign-in?next=%2Fsettings');
  await waitFor(() => expect(router.state.location.href).toBe('/settings'));
  expect(isSessionExpired()).toBe(false);
});
