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

describe('the search box', () => {
  it('keeps what was written once nobody writes any more', () => {
    const { result } = box();
    for (const text of ['a', 'ad', 'admin ']) act(() => result.current.set(text));
    expect(kept).toEqual([]);
    expect(result.current.text).toBe('admin ');
    act(() => vi.advanceTimersByTime(250));
    expect(kept).toEqual(['admin']);
  });

  it('shows and keeps a value that is pasted by its hint alone', () => {
    const { result } = box();
    act(() => result.current.set(`admin ${VALUE}`));
    act(() => vi.advanceTimersByTime(250));
    expect(result.current.text).toBe('admin value:twd_Ab3A…b3xy');
    expect(kept).toEqual(['admin value:twd_Ab3A…b3xy']);
    expect(filterOf(kept[0]!)).toEqual({ query: 'admin', token: VALUE });
  });

  it('holds a value back that is typed letter by letter, until it is whole', () => {
    const { result } = box();
    for (let length = 1; length <= VALUE.length; length++) {
      act(() => result.current.set(VALUE.slice(0, length)));
      act(() => vi.advanceTimersByTime(1000));
    }
    expect(kept).toEqual(['t', 'tw', 'twd', 'value:twd_Ab3A…b3xy']);
    expect(result.current.unfinished).toBe(false);
  });

  it('holds a beginning back from Enter and from the chips, too', () => {
    const { result } = box();
    act(() => result.current.now(VALUE.slice(0, 20)));
    act(() => result.current.now(`${VALUE.slice(0, 20)} admin`));
    act(() => vi.advanceTimersByTime(1000));
    expect(kept).toEqual([]);
    expect(result.current.unfinished).toBe(true);
  });

  it('drops what waited when a beginning follows', () => {
    const { result } = box();
    act(() => result.current.set('admin'));
    act(() => result.current.set('admin twd_Ab'));
    act(() => vi.advanceTimersByTime(1000));
    expect(kept).toEqual([]);
  });

  it('follows the address when somebody goes back', () => {
    const { result, rerender } = box('admin');
    act(() => result.current.now('admin graphql'));
    rerender({ q: 'admin graphql' });
    expect(result.current.text).toBe('admin graphql');
    rerender({ q: 'admin' });
    expect(result.current.text).toBe('admin');
  });

  it('keeps nothing until it is known how values begin', () => {
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

  it('asks for a value that it knows no more by its hint', () => {
    expect(filterOf('value:twd_Ab3A…b3xy admin')).toEqual({ query: 'twd_Ab3A…b3xy admin', token: undefined });
    expect(filterOf('')).toEqual({ query: undefined, token: undefined });
  });
});
