import { describe, expect, it } from 'vitest';
import { counts, isSameSet, matchesSearch, PRESETS, preset } from './scopes';

const scope = (name: string, access: string, retired = false) => ({
  name,
  title: name.replace('_', ' '),
  description: `Permission for ${name}`,
  access,
  retired,
});
const ALL = [
  scope('read_builds', 'READ'),
  scope('read_teams', 'READ'),
  scope('read_old', 'READ', true),
  scope('write_builds', 'WRITE'),
  scope('delete_builds', 'DELETE'),
  scope('graphql', 'GRAPHQL'),
];

describe('scopes', () => {
  it('are counted by access, except GraphQL', () => {
    expect(counts(ALL).map(({ text }) => text)).toEqual(['Read × 3', 'Write × 1', 'Delete × 1', 'GraphQL']);
    expect(counts([])).toEqual([]);
  });

  it('are selected by presets, except retired ones', () => {
    const chosen = Object.fromEntries(PRESETS.map(({ name, accesses }) => [name, [...preset(ALL, accesses)]]));
    expect(chosen).toEqual({
      'Read only': ['read_builds', 'read_teams'],
      'Read and write': ['read_builds', 'read_teams', 'write_builds'],
      Everything: ['read_builds', 'read_teams', 'write_builds', 'delete_builds', 'graphql'],
    });
    expect(isSameSet(new Set(['a', 'b']), new Set(['b', 'a']))).toBe(true);
    expect(isSameSet(new Set(['a']), new Set(['b']))).toBe(false);
    expect(isSameSet(new Set(['a']), new Set(['a', 'b']))).toBe(false);
  });

  it('match if every word of the search does', () => {
    expect(matchesSearch(ALL[0]!, 'READ builds')).toBe(true);
    expect(matchesSearch(ALL[0]!, 'permission')).toBe(true);
    expect(matchesSearch(ALL[0]!, 'read teams')).toBe(false);
    expect(matchesSearch(ALL[0]!, ' ')).toBe(true);
  });
});
