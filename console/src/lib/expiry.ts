// When a token shall end: after a number of days, with a day, or never. Days are those of the person's own time zone.

export const DAY_OPTIONS = [7, 30, 90, 365] as const;

/** How many days ahead the last day may lie: the service takes 36,500, and that day ends after this moment. */
export const MAX_DAYS = 36_499;

/** What is chosen: `30` days, a `date`, `never`, or to `keep` what there is. */
export type Expiry = { kind: 'days'; days: number } | { kind: 'date'; date: string } | { kind: 'never' } | { kind: 'keep' };

/** The moment that is meant; nothing where there is none, or where no day was chosen. */
export function endOf(expiry: Expiry, now: number): Date | undefined {
  if (expiry.kind === 'days') return daysAhead(expiry.days, now);
  if (expiry.kind === 'date') return lastMomentOf(expiry.date);
  return undefined;
}

/** The same time of day, so many days later, also where a clock is changed in between. */
export function daysAhead(days: number, now: number): Date {
  const end = new Date(now);
  end.setDate(end.getDate() + days);
  return end;
}

/** The last second of the day `2026-12-25`. */
function lastMomentOf(date: string): Date | undefined {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? [];
  if (!day) return undefined;
  const end = new Date(Number(year), Number(month) - 1, Number(day), 23, 59, 59);
  return end.getDate() === Number(day) ? end : undefined;
}

/** `2026-12-25`: what an input for dates takes. */
export function dateOf(at: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
