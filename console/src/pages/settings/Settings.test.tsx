import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { open, refused, service } from '../../app/testing';
import { Settings } from './Settings';

const session = (id: string, more: object) => ({
  id,
  createdAt: '2026-11-25T20:00:00Z',
  lastSeenAt: '2026-11-25T21:00:00Z',
  expiresAt: '2026-11-26T20:00:00Z',
  ipAddress: '203.0.113.9',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  current: false,
  ...more,
});

const viewer = {
  id: 'user_1',
  username: 'bob',
  name: 'Bob',
  email: 'bob@example.test',
  createdAt: '2026-01-01T00:00:00Z',
  hasPassword: true,
  sessions: {
    totalCount: 2,
    nodes: [session('session_2', { ipAddress: '2001:db8::1' }), session('session_1', { current: true })],
  },
};

const answers = {
  Settings: { viewer },
  UpdateProfile: { updateProfile: { user: { id: 'user_1', name: 'Robert' } } },
  ChangePassword: { changePassword: { user: { id: 'user_1' } } },
  EndSession: { endSession: { endedSessionId: 'session_2' } },
  EndSessions: { endSessions: { ended: 1 } },
};

const show = () => open(Settings, '/settings', '/settings');
const user = () => userEvent.setup({ delay: null });

describe('profile and sessions', () => {
  it('changes the name', async () => {
    const requests = service(answers);
    await show();
    const name = await screen.findByLabelText<HTMLInputElement>('Name');
    await user().clear(name);
    await user().click(screen.getByRole('button', { name: 'Save name' }));
    expect(screen.getByText('Enter your name.')).toBeTruthy();
    await user().type(name, ' Robert');
    await user().click(screen.getByRole('button', { name: 'Save name' }));
    await screen.findByText('Your name was changed.');
    expect(requests.find((one) => one.name === 'UpdateProfile')!.with).toEqual({ input: { name: ' Robert' } });
    expect(name.value).toBe('Robert');
  });

  it('changes the password without caching it', async () => {
    const requests = service(answers);
    const { client } = await show();
    await user().type(await screen.findByLabelText('New password'), 'correct horse battery');
    await user().click(screen.getByRole('button', { name: 'Change password' }));
    await screen.findByText(/Your password was changed/);
    expect(requests.find((one) => one.name === 'ChangePassword')!.with.input).toEqual({ newPassword: 'correct horse battery' });
    expect(screen.getByLabelText<HTMLInputElement>('New password').value).toBe('');
    const kept = [...client.getQueryCache().getAll(), ...client.getMutationCache().getAll()].map(({ state }) => state);
    expect(JSON.stringify(kept)).not.toContain('correct horse');
  });

  it('shows a rejected password at its input', async () => {
    service({ ...answers, ChangePassword: refused('This password is a common one.', 'INVALID_INPUT', 'input.newPassword') });
    await show();
    await user().type(await screen.findByLabelText('New password'), 'passwordpassword');
    await user().click(screen.getByRole('button', { name: 'Change password' }));
    expect(await screen.findByText('This password is a common one.')).toBeTruthy();
    expect(screen.getByLabelText('New password').getAttribute('aria-invalid')).toBe('true');
  });

  it('has no password form for external sign-in', async () => {
    service({ ...answers, Settings: { viewer: { ...viewer, hasPassword: false, sessions: { totalCount: 0, nodes: [] } } } });
    await show();
    expect(await screen.findByText(/not using a session/)).toBeTruthy();
    expect(screen.queryByLabelText('New password')).toBeNull();
    expect(screen.queryByRole('button', { name: 'Sign out everywhere' })).toBeNull();
  });

  it('shows the current session first, and signs out another', async () => {
    const requests = service(answers);
    await show();
    const [first, second] = await screen.findAllByText('Firefox 133 on Linux');
    expect(within(first!.closest('li')!).getByText('This session')).toBeTruthy();
    expect(second!.closest('li')!.textContent).toContain('2001:db8::1');
    expect(second!.closest('li')!.textContent).toMatch(/Signed in 25 Nov 2026, 20:00:00 UTC \(.+\)/);
    const which = 'Firefox 133 on Linux, 2001:db8::1, signed in 25 Nov, 20:00';
    await user().click(screen.getByRole('button', { name: `Sign out ${which}` }));
    await screen.findByText(`Signed out ${which}.`);
    expect(requests.find((one) => one.name === 'EndSession')!.with).toEqual({ input: { sessionId: 'session_2' } });
  });

  it('signs out other sessions after a confirmation', async () => {
    const requests = service(answers);
    await show();
    await user().click(await screen.findByRole('button', { name: 'Sign out other sessions' }));
    await user().click(within(await screen.findByRole('alertdialog')).getByRole('button', { name: 'Sign out other sessions' }));
    await screen.findByText('1 session was signed out.');
    expect(requests.find((one) => one.name === 'EndSessions')!.with).toEqual({ input: { keepCurrent: true } });
    expect(screen.queryByRole('alertdialog')).toBeNull();
  });
});
