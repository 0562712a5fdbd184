import { describe, expect, it } from 'vitest';
import { filterOf, hasFilters, isReversed, parseFilters } from './filters';

const BOB = 'user_01hft13tddfshb996c2w9rxgbj';
const TOKEN = 'token_01m8aeap2rfg6av74wfxkaj8r7';

describe('the URL of the log', () => {
  it('becomes a filter that includes both dates', () => {
    const filters = parseFilters({
      type: 'token-revoked',
      actor: BOB,
      user: BOB,
      token: TOKEN,
      from: '2026-11-01',
      to: '2026-11-25',
    });
    expect(filterOf(filters)).toEqual({
      types: ['TOKEN_REVOKED'],
      actorId: BOB,
      userId: BOB,
      tokenId: TOKEN,
      at: { from: '2026-11-01T00:00:00.000Z', to: '2026-11-26T00:00:00.000Z' },
    });
    expect(filterOf(parseFilters({ to: '2026-11-25' })).at).toEqual({ from: undefined, to: '2026-11-26T00:00:00.000Z' });
  });

  it('ignores invalid values', () => {
    const filters = parseFilters({
      type: 'nonsense',
      actor: 'bob',
      token: `twd_${'x'.repeat(38)}`,
      from: 'yesterday',
      to: '2026-02-31',
    });
    expect(hasFilters(filters)).toBe(false);
    expect(filterOf(filters)).toEqual({});
  });

  it('may have an end date before its start date', () => {
    expect(isReversed(parseFilters({ from: '2026-11-25', to: '2026-11-24' }))).toBe(true);
    expect(isReversed(parseFilters({ from: '2026-11-25', to: '2026-11-25' }))).toBe(false);
    expect(isReversed(parseFilters({ from: '2026-11-25' }))).toBe(false);
  });
});
