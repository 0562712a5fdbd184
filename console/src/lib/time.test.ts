import { describe, expect, it } from 'vitest';
import { day, exact, long, short } from './time';

const NOW = Date.parse('2026-11-25T22:00:00Z');
const earlier = (ms: number) => new Date(NOW - ms).toISOString();

describe('times', () => {
  it('are whole units, the largest that is full', () => {
    expect(short(earlier(0), NOW)).toBe('now');
    expect(short(earlier(59_999), NOW)).toBe('now');
    expect(short(earlier(60_000), NOW)).toBe('1m');
    expect(short(earlier(3_600_000), NOW)).toBe('1h');
    expect(short(earlier(97.9 * 86_400_000), NOW)).toBe('97d');
    expect(short(earlier(-86_400_000), NOW)).toBe('1d');
  });

  it('are said with their direction', () => {
    expect(long(earlier(97 * 86_400_000), NOW)).toBe('97 days ago');
    expect(long(earlier(-7_200_000), NOW)).toBe('in 2 hours');
    expect(long(earlier(5), NOW)).toBe('just now');
  });

  it('are exact in a zone that is named', () => {
    expect(exact('2026-11-25T22:00:07.123456Z', 'Europe/Berlin')).toMatch(/^25 Nov 2026, 23:00:07 (CET|GMT\+1)$/);
    expect(day('2026-11-25T22:00:07.123456Z', 'Pacific/Kiritimati')).toBe('26 Nov 2026');
  });
});
