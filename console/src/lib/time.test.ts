import { describe, expect, it } from 'vitest';
import { day, exact, long, moment, short } from './time';

const NOW = Date.parse('2026-11-25T22:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const later = (ms: number) => new Date(NOW + ms).toISOString();
const earlier = (ms: number) => new Date(NOW - ms).toISOString();

describe('times', () => {
  it('in the past are rounded down to whole units', () => {
    expect(short(earlier(0), NOW)).toBe('now');
    expect(short(earlier(59_999), NOW)).toBe('now');
    expect(short(earlier(60_000), NOW)).toBe('1\u00a0min');
    expect(short(earlier(3_600_000), NOW)).toBe('1\u00a0h');
    expect(short(earlier(97.9 * 86_400_000), NOW)).toBe('97\u00a0d');
    expect(long(earlier(7 * DAY - 1), NOW)).toBe('6 days ago');
    expect(long(earlier(DAY - 1), NOW)).toBe('23 hours ago');
  });

  it('in the future are rounded to the nearest unit', () => {
    expect(short(later(DAY), NOW)).toBe('1\u00a0d');
    expect(long(later(7 * DAY), NOW)).toBe('in 7 days');
    expect(long(later(7 * DAY - 60_000), NOW)).toBe('in 7 days');
    expect(short(later(7 * DAY - 60_000), NOW)).toBe('7\u00a0d');
    expect(long(later(6.5 * DAY - 1), NOW)).toBe('in 6 days');
    expect(long(later(6.5 * DAY), NOW)).toBe('in 7 days');
    expect(long(later(DAY - 60_000), NOW)).toBe('in 1 day');
    expect(long(later(23.4 * HOUR), NOW)).toBe('in 23 hours');
    expect(long(later(HOUR - 1_000), NOW)).toBe('in 1 hour');
    expect(long(later(90_000), NOW)).toBe('in 2 minutes');
    expect(long(later(59_999), NOW)).toBe('just now');
    expect(short(later(59_999), NOW)).toBe('now');
  });

  it('are formatted with their direction', () => {
    expect(long(earlier(97 * 86_400_000), NOW)).toBe('97 days ago');
    expect(long(earlier(-7_200_000), NOW)).toBe('in 2 hours');
    expect(long(earlier(5), NOW)).toBe('just now');
  });

  it('that cannot be parsed are shown as invalid', () => {
    for (const at of ['+10000-01-01T11:59:59.000000Z', 'nonsense', '']) {
      for (const text of [short(at, NOW), long(at, NOW), exact(at), moment(at), day(at)]) expect(text).toBe('invalid time');
    }
  });

  it('are exact in a given time zone', () => {
    expect(exact('2026-11-25T22:00:07.123456Z', 'Europe/Berlin')).toMatch(/^25 Nov 2026, 23:00:07 (CET|GMT\+1)$/);
    expect(moment('2026-11-25T22:00:07.123456Z', 'Pacific/Kiritimati')).toBe('26 Nov, 12:00');
    expect(day('2026-11-25T22:00:07.123456Z', 'Pacific/Kiritimati')).toBe('26 Nov 2026');
  });
});
