import { describe, expect, it } from 'vitest';
import { hasWord, toggleWord, words } from './searchWords';

describe('the words of a search', () => {
  it('are separated by whitespace outside quotes', () => {
    expect(words('admin  "a b" owner:"Ada L" x').map((word) => word.text)).toEqual(['admin', '"a b"', 'owner:"Ada L"', 'x']);
    expect(words('"open to the end').map((word) => word.text)).toEqual(['"open to the end']);
    expect(words('  ')).toEqual([]);
  });

  it('are toggled as whole words', () => {
    expect(toggleWord('', 'admin')).toBe('admin');
    expect(toggleWord('graphql', 'admin')).toBe('graphql admin');
    expect(toggleWord('admin graphql admin', 'admin')).toBe('graphql');
    expect(toggleWord('administrator', 'admin')).toBe('administrator admin');
    expect(hasWord('graphql unused:90d', 'unused:90d')).toBe(true);
    expect(hasWord('"admin"', 'admin')).toBe(false);
  });
});
