// The expiry of a token: after a number of days, at the end of a date, or never, in the local time zone.

export const DAY_OPTIONS = [7, 30, 90, 365] as const;

/** The maximum number of days until a selected date: the service accepts 36,500, and the date ends later today. */
export const MAX_DAYS = 36_499;

/** The selected option: a number of days, a date, never, or to keep the current expiry. */
export type Expiry = { kind: 'days'; days: number } | { kind: 'date'; date: string } | { kind: 'never' } | { kind: 'keep' };

/** The time of the expiry; undefined if there is none or no valid date was entered. */
export function endOf(expiry: Expiry, now: number): Date | undefined {
  if (expiry.kind === 'days') return daysAhead(expiry.days, now);
  if (expiry.kind === 'date') return lastMomentOf(expiry.date);
  return undefined;
}

/** The same time of day, also across a change of the clock. */
export function daysAhead(days: number, now: number): Date {
  const end = new Date(now);
  end.setDate(end.getDate() + days);
  return end;
}

function lastMomentOf(date: string): Date | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? [];
  if (!day) return undefined;
  const end = new Date(Number(year), Number(month) - 1, Number(day), 23, 59, 59);
  return end.getDate() === Number(day) ? end : undefined;
}

/** The value for a date input: `2026-12-25`. */
export function dateOf(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
