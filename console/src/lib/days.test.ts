import { afterEach, describe, expect, it, vi } from 'vitest';
import { endOf, isDay, startOf } from './days';

afterEach(() => vi.unstubAllEnvs());

const inZone = (zone: string) => vi.stubEnv('TZ', zone);

describe('days', () => {
  it('begin and end at midnight in the local time zone', () => {
    inZone('Europe/Berlin');
    expect(startOf('2026-11-25')).toBe('2026-11-24T23:00:00.000Z');
    expect(endOf('2026-11-25')).toBe('2026-11-25T23:00:00.000Z');
    inZone('Asia/Kolkata');
    expect(startOf('2026-12-31')).toBe('2026-12-30T18:30:00.000Z');
    expect(endOf('2026-12-31')).toBe('2026-12-31T18:30:00.000Z');
  });

  it('have 23 or 25 hours when the clocks change', () => {
    inZone('Europe/Berlin');
    const hours = (day: string) => (Date.parse(endOf(day)) - Date.parse(startOf(day))) / 3_600_000;
    expect(hours('2026-03-29')).toBe(23);
    expect(hours('2026-10-25')).toBe(25);
    expect(hours('2026-06-01')).toBe(24);
  });

  it('are limited to the range of the service', () => {
    inZone('Europe/Berlin');
    expect(startOf('1970-01-01')).toBe('1970-01-01T00:00:00.000Z');
    inZone('America/New_York');
    expect(endOf('9999-12-31')).toBe('9999-12-31T23:59:59.999Z');
  });

  it('are valid dates', () => {
    for (const day of ['2026-02-28', '2024-02-29', '1970-01-01']) expect(isDay(day)).toBe(true);
    for (const day of ['2026-02-29', '2026-13-01', '0202-11-25', '25.11.2026', '', undefined]) expect(isDay(day)).toBe(false);
  });
});
