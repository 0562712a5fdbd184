import { focusManager, QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { isUserActive, polling, trackActivity } from './activity';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  focusManager.setEventListener(() => undefined);
  focusManager.setFocused(undefined);
});

const MINUTE = 60_000;
const wait = (time: number) => act(() => vi.advanceTimersByTimeAsync(time));

function move(screenX: number) {
  window.dispatchEvent(new MouseEvent('pointermove', { screenX, screenY: 7 }));
}

async function show() {
  let requests = 0;
  const client = new QueryClient();
  trackActivity();
  renderHook(() => useQuery({ queryKey: ['some'], queryFn: async () => ++requests, ...polling }), {
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  });
  await wait(0);
  return () => requests;
}

it('polls every 30 seconds until 10 minutes after the last input', async () => {
  const requests = await show();
  expect(requests()).toBe(1);
  for (let minute = 1; minute <= 30; minute++) {
    await wait(MINUTE);
    if (minute === 10) window.dispatchEvent(new Event('keydown'));
    else move(minute);
  }
  expect(requests()).toBe(61);
  await wait(10 * MINUTE);
  const before = requests();
  expect(before).toBeGreaterThanOrEqual(80);
  await wait(300 * MINUTE);
  expect(requests()).toBe(before);
  expect(isUserActive()).toBe(false);
});

it.each(['keydown', 'pointerdown', 'wheel'])('refetches immediately on %s and resumes polling', async (input) => {
  const requests = await show();
  await wait(60 * MINUTE);
  const before = requests();
  await act(async () => window.dispatchEvent(new Event(input)));
  await wait(0);
  expect(requests()).toBe(before + 1);
  await wait(MINUTE);
  expect(requests()).toBe(before + 3);
});

it('ignores pointer events without movement', async () => {
  const requests = await show();
  move(1);
  await wait(60 * MINUTE);
  const before = requests();
  move(1);
  await wait(MINUTE);
  expect(requests()).toBe(before);
  move(2);
  await wait(0);
  expect(requests()).toBe(before + 1);
});

it('refetches when the page becomes visible, and not while it is hidden', async () => {
  const requests = await show();
  const visible = vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
  document.dispatchEvent(new Event('visibilitychange'));
  await wait(60 * MINUTE);
  expect(requests()).toBe(1);
  visible.mockRestore();
  document.dispatchEvent(new Event('visibilitychange'));
  await wait(0);
  expect(requests()).toBe(2);
});
