// Days as people mean them: from one midnight to the next, where they are.

/** `2026-11-25`, of a calendar that computers have known. */
export function isDay(text: string | undefined): text is string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '') ?? [];
  if (!year || Number(year) < 1970) return false;
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  return at.toISOString().startsWith(text!);
}

/** The service knows the years 1970 to 9999 in UTC; a day at either end of them may reach beyond, where a zone is ahead or behind. */
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const midnight = (day: string, later: number) => {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const at = new Date(year, month - 1, date + later).getTime();
  return new Date(Math.min(Math.max(at, 0), LATEST)).toISOString();
};

/** The first moment of that day, and the moment after its last: a day may have 23 or 25 hours. */
export const startOf = (day: string) => midnight(day, 0);
export const endOf = (day: string) => midnight(day, 1);

/** Where they are, as far as the browser knows: `Europe/Berlin`. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
