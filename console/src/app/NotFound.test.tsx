import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { NotFound } from './NotFound';
import { open, service } from './testing';

const VIEWER = {
  tokenPrefix: 'twd',
  session: null,
  viewer: { id: 'user_1', username: 'bob', name: 'Bob', email: null, hasPassword: true, organizations: { edges: [] } },
};

const show = () => open(NotFound, '/nowhere', '/nowhere', { outside: true });

describe('an unknown URL', () => {
  it('shows the shell to signed-in users', async () => {
    service({ Here: { viewer: { id: 'user_1' } }, Viewer: VIEWER });
    await show();
    expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Go to your tokens' }).getAttribute('href')).toBe('/tokens');
    expect(screen.getByRole('link', { name: 'Skip to content' })).toBeTruthy();
  });

  it('links to sign-in for signed-out users', async () => {
    const requests = service({ Here: () => ({ status: 401, body: { errors: [{ message: 'No.' }] } }) });
    const { router } = await show();
    expect(await screen.findByRole('heading', { name: 'Page not found' })).toBeTruthy();
    expect(screen.getByRole('link', { name: 'Go to sign-in' }).getAttribute('href')).toBe('/sign-in');
    expect(router.state.location.pathname).toBe('/nowhere');
    expect(requests.map(({ name }) => name)).toEqual(['Here']);
  });
});
