import { describe, expect, it } from 'vitest';
import { has, toggled, words } from './searchWords';

describe('the words of the box', () => {
  it('are separated by blanks, and quotes keep them', () => {
    expect(words('admin  "a b" owner:"Ada L" x').map((word) => word.text)).toEqual(['admin', '"a b"', 'owner:"Ada L"', 'x']);
    expect(words('"open to the end').map((word) => word.text)).toEqual(['"open to the end']);
    expect(words('  ')).toEqual([]);
  });

  it('are put in and taken out whole', () => {
    expect(toggled('', 'admin')).toBe('admin');
    expect(toggled('graphql', 'admin')).toBe('graphql admin');
    expect(toggled('admin graphql admin', 'admin')).toBe('graphql');
    expect(toggled('administrator', 'admin')).toBe('administrator admin');
    expect(has('graphql unused:90d', 'unused:90d')).toBe(true);
    expect(has('"admin"', 'admin')).toBe(false);
  });
});
