import { describe, expect, it } from 'vitest';
import { multiple, parseSearch, single, stringifySearch } from './searchParams';

describe('search parameters', () => {
  it('are strings, or lists if repeated or written with brackets', () => {
    const search = parseSearch('?description=Deploy+bot&scopes[]=read_builds&scopes%5B%5D=graphql&organizations=acme');
    expect(single(search, 'description')).toBe('Deploy bot');
    expect(multiple(search, 'scopes')).toEqual(['read_builds', 'graphql']);
    expect(multiple(search, 'organizations')).toEqual(['acme']);
    expect(multiple(search, 'like')).toEqual([]);
    expect(single(search, 'scopes')).toBeUndefined();
  });

  it('are the same after formatting and parsing', () => {
    const written = stringifySearch(parseSearch('?scopes[]=a&scopes[]=b&q=x+y&empty='));
    expect(written).toBe('?scopes=a&scopes=b&q=x+y');
    expect(stringifySearch(parseSearch(written))).toBe(written);
    expect(stringifySearch({})).toBe('');
  });
});
