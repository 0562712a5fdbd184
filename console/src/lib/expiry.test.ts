import { describe, expect, it } from 'vitest';
import { dateOf, endOf } from './expiry';

const NOW = Date.parse('2026-11-25T22:41:07Z');

describe('an expiry', () => {
  it('is a number of days later at the same time of day', () => {
    expect(endOf({ kind: 'days', days: 30 }, NOW)?.toISOString()).toBe('2026-12-25T22:41:07.000Z');
    expect(endOf({ kind: 'days', days: 365 }, NOW)?.toISOString()).toBe('2027-11-25T22:41:07.000Z');
  });

  it('is the last second of a selected date, including today', () => {
    expect(endOf({ kind: 'date', date: '2026-11-25' }, NOW)?.toISOString()).toBe('2026-11-25T23:59:59.000Z');
    for (const date of ['', '2026-02-30', '25.11.2026', '12026-11-25'])
      expect(endOf({ kind: 'date', date }, NOW)).toBeUndefined();
  });

  it('is undefined for never and keep', () => {
    expect(endOf({ kind: 'never' }, NOW)).toBeUndefined();
    expect(endOf({ kind: 'keep' }, NOW)).toBeUndefined();
  });

  it('is formatted for a date input', () => {
    expect(dateOf(new Date(NOW))).toBe('2026-11-25');
    expect(dateOf(new Date('2027-01-02T00:00:00Z'))).toBe('2027-01-02');
  });
});
