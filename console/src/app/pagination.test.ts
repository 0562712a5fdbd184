import { describe, expect, it } from 'vitest';
import { pageArguments, rangeText, sortOrderOf } from './pagination';

describe('a list', () => {
  it('has the sort order of the URL, or newest first', () => {
    expect(sortOrderOf('used')).toEqual({ text: 'used', by: { field: 'LAST_USED_AT', direction: 'ASC' } });
    expect(sortOrderOf('-used').by).toEqual({ field: 'LAST_USED_AT', direction: 'DESC' });
    expect(sortOrderOf('created').by).toEqual({ field: 'CREATED_AT', direction: 'ASC' });
    for (const text of [undefined, '', 'owner', '--used', 'used-', 'USED']) {
      expect(sortOrderOf(text)).toEqual({ text: '-created', by: { field: 'CREATED_AT', direction: 'DESC' } });
    }
  });

  it('requests the rows after or before a cursor', () => {
    expect(pageArguments({})).toEqual({ first: 50, after: undefined });
    expect(pageArguments({ after: 'a' })).toEqual({ first: 50, after: 'a' });
    expect(pageArguments({ after: 'a', before: 'b' })).toEqual({ last: 50, before: 'b' });
  });

  it('shows the range of its rows', () => {
    expect(rangeText(1, 50, 236)).toBe('1–50 of 236 tokens');
    expect(rangeText(5, 36, 236)).toBe('201–236 of 236 tokens');
    expect(rangeText(21, 50, 1234)).toBe('1,001–1,050 of 1,234 tokens');
    expect(rangeText(1, 1, 1)).toBe('1 token');
    expect(rangeText(1, 23, 23, 'member')).toBe('23 members');
  });
});
