import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it } from 'vitest';
import { open, service } from '../../app/testing';
import { Invitation } from './Invitation';

const PATH = '/invitations/c0de';
const GOOD = 'correct horse battery';
const VIEWER = {
  tokenPrefix: 'twd',
  session: null,
  viewer: { id: 'user_1', username: 'bob', name: 'Bob', email: null, hasPassword: true, organizations: { edges: [] } },
};

const show = (address: string) => open(Invitation, '/invitations/$code', address, { outside: true });

it('sets the password and removes the code from the history', async () => {
  const requests = service({ [PATH]: () => ({ status: 204 }), Viewer: VIEWER });
  const { router } = await show(PATH);
  const user = userEvent.setup({ delay: null });
  await user.type(await screen.findByLabelText('Password'), GOOD);
  expect(screen.getByText('21 characters: long enough.')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Set password and sign in' }));
  await waitFor(() => expect(router.state.location.href).toBe('/tokens'));
  expect(router.history.length).toBe(1);
  expect(requests[0]).toEqual({ name: PATH, with: { password: GOOD } });
});

it('does not send a short password, and shows an error of the service at the input', async () => {
  const requests = service({
    [PATH]: () => ({ status: 422, body: { message: 'This password is a common one.', field: 'password' } }),
  });
  await show(PATH);
  const user = userEvent.setup({ delay: null });
  const password = await screen.findByLabelText('Password');
  await user.type(password, 'short');
  await user.keyboard('{Enter}');
  expect(screen.getByText('Use 15–256 characters.')).toBeTruthy();
  expect(requests).toEqual([]);
  await user.type(password, 'and some more of it');
  await user.keyboard('{Enter}');
  expect(await screen.findByText('This password is a common one.')).toBeTruthy();
  await waitFor(() => expect(document.activeElement).toBe(password));
});

it('asks the first user for their details, also after an incomplete link', async () => {
  let answer: object = { status: 422, body: { message: 'A username has 1 to 64 characters.', field: 'username' } };
  const requests = service({ [PATH]: () => answer, Viewer: VIEWER });
  const { router } = await show(PATH);
  const user = userEvent.setup({ delay: null });
  await user.type(await screen.findByLabelText('Password'), GOOD);
  await user.keyboard('{Enter}');
  expect(await screen.findByText(/^No account exists yet\./)).toBeTruthy();
  const [organization, userName] = await screen.findAllByLabelText('Name');
  expect(screen.getByLabelText<HTMLInputElement>('Password').value).toBe(GOOD);
  await user.type(organization!, 'Acme');
  await user.type(userName!, 'Ada');
  await user.type(screen.getByLabelText('Email'), 'ada@example.test');
  await user.type(screen.getByLabelText('Username'), 'ada');
  answer = { status: 204 };
  await user.click(screen.getByRole('button', { name: 'Set up and sign in' }));
  await waitFor(() => expect(router.state.location.href).toBe('/tokens'));
  expect(requests[1]!.with).toMatchObject({ username: 'ada', password: GOOD, organization: { slug: 'acme', name: 'Acme' } });
});

it('shows other errors above the form', async () => {
  service({ [PATH]: () => ({ status: 422, body: { message: 'This cannot be taken.', field: 'other' } }) });
  await show(PATH);
  const user = userEvent.setup({ delay: null });
  await user.type(await screen.findByLabelText('Password'), GOOD);
  await user.keyboard('{Enter}');
  expect((await screen.findByRole('alert')).textContent).toContain('This cannot be taken.');
});

it('shows that a link is no longer valid', async () => {
  service({ [PATH]: () => ({ status: 404, body: { message: 'Not found' } }) });
  await show(PATH);
  const user = userEvent.setup({ delay: null });
  await user.type(await screen.findByLabelText('Password'), GOOD);
  await user.keyboard('{Enter}');
  expect(await screen.findByText('This link is no longer valid')).toBeTruthy();
  expect(screen.getByText(/works once, within 24 hours/)).toBeTruthy();
});

it('creates the first administrator and their organization with a proposed slug', async () => {
  const requests = service({ [PATH]: () => ({ status: 204 }), Viewer: VIEWER });
  const { router } = await show(`${PATH}?first`);
  const user = userEvent.setup({ delay: null });
  const [organization, userName] = await screen.findAllByLabelText('Name');
  await user.type(organization!, 'Acme Widgets, Inc.');
  expect(screen.getByLabelText<HTMLInputElement>('Slug').value).toBe('acme-widgets-inc');
  await user.click(screen.getByRole('button', { name: 'Set up and sign in' }));
  expect(screen.getByText('Enter a username.')).toBeTruthy();
  await waitFor(() => expect(document.activeElement).toBe(userName));
  await user.type(userName!, 'Ada');
  expect(screen.queryByText('Enter your name.')).toBeNull();
  expect(screen.getByText('Enter a username.')).toBeTruthy();
  await user.type(screen.getByLabelText('Email'), 'ada@example.test');
  await user.type(screen.getByLabelText('Username'), 'ada');
  await user.type(screen.getByLabelText('Password'), GOOD);
  await user.click(screen.getByRole('button', { name: 'Set up and sign in' }));
  await waitFor(() => expect(router.state.location.href).toBe('/tokens'));
  expect(requests[0]!.with).toEqual({
    username: 'ada',
    name: 'Ada',
    email: 'ada@example.test',
    password: GOOD,
    organization: { slug: 'acme-widgets-inc', name: 'Acme Widgets, Inc.' },
  });
});
