// values, and parts of them, never leave the page.
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forgetValue } from '../lib/tokenValue';
import { filterOf, useTokenSearch } from './tokenSearch';

const VALUE = `twd_${'Ab3'.repeat(12)}xy`;

let kept: string[];
const box = (start = '') => {
  kept = [];
  return renderHook(({ q }) => useTokenSearch(q, 'twd', (text) => kept.push(text)), { initialProps: { q: start } });
};

beforeEach(() => {
  forgetValue();
  vi.useFakeTimers();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

describe('the search state', () => {
  it('updates the URL after a pause in typing', () => {
    const { result } = box();
    for (const text of ['a', 'ad', 'admin ']) act(() => result.current.set(text));
    expect(kept).toEqual([]);
    expect(result.current.text).toBe('admin ');
    act(() => vi.advanceTimersByTime(250));
    expect(kept).toEqual(['admin']);
  });

  it('replaces a pasted value by its hint in the box and the URL', () => {
    const { result } = box();
    act(() => result.current.set(`admin ${VALUE}`));
    act(() => vi.advanceTimersByTime(250));
    expect(result.current.text).toBe('admin value:twd_Ab3A…b3xy');
    expect(kept).toEqual(['admin value:twd_Ab3A…b3xy']);
    expect(filterOf(kept[0]!)).toEqual({ query: 'admin', token: VALUE });
  });

  it('keeps a typed value out of the URL until it is complete', () => {
    const { result } = box();
    for (let length = 1; length <= VALUE.length; length++) {
      act(() => result.current.set(VALUE.slice(0, length)));
      act(() => vi.advanceTimersByTime(1000));
    }
    expect(kept).toEqual(['t', 'tw', 'twd', 'value:twd_Ab3A…b3xy']);
    expect(result.current.unfinished).toBe(false);
  });

  it('keeps an incomplete value out of the URL on Enter and with filter buttons', () => {
    const { result } = box();
    act(() => result.current.now(VALUE.slice(0, 20)));
    act(() => result.current.now(`${VALUE.slice(0, 20)} admin`));
    act(() => vi.advanceTimersByTime(1000));
    expect(kept).toEqual([]);
    expect(result.current.unfinished).toBe(true);
  });

  it('drops a pending update when an incomplete value follows', () => {
    const { result } = box();
    act(() => result.current.set('admin'));
    act(() => result.current.set('admin twd_Ab'));
    act(() => vi.advanceTimersByTime(1000));
    expect(kept).toEqual([]);
  });

  it('follows the URL on going back', () => {
    const { result, rerender } = box('admin');
    act(() => result.current.now('admin graphql'));
    rerender({ q: 'admin graphql' });
    expect(result.current.text).toBe('admin graphql');
    rerender({ q: 'admin' });
    expect(result.current.text).toBe('admin');
  });

  it('updates nothing until the prefix of values is known', () => {
    const words: string[] = [];
    const keep = (text: string) => words.push(text);
    const { result, rerender } = renderHook(({ prefix }) => useTokenSearch('', prefix, keep), {
      initialProps: { prefix: undefined as string | undefined },
    });
    const value = `acme_${'Ab3'.repeat(12)}xy`;
    act(() => result.current.set(`admin ${value}`));
    act(() => vi.advanceTimersByTime(1000));
    expect(words).toEqual([]);
    rerender({ prefix: 'acme' });
    act(() => vi.advanceTimersByTime(1000));
    expect(words).toEqual(['admin value:acme_Ab3A…b3xy']);
    expect(result.current.text).toBe('admin value:acme_Ab3A…b3xy');
  });

  it('searches by hint for a value that is not in memory', () => {
    expect(filterOf('value:twd_Ab3A…b3xy admin')).toEqual({ query: 'twd_Ab3A…b3xy admin', token: undefined });
    expect(filterOf('')).toEqual({ query: undefined, token: undefined });
  });
});
