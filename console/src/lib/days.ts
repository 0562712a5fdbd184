// Calendar days in the local time zone.

/** Returns whether the text is a valid date since 1970. */
export function isDay(text: string | undefined): text is string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '') ?? [];
  if (!year || Number(year) < 1970) return false;
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  return at.toISOString().startsWith(text!);
}

/** The service accepts the years 1970 to 9999 in UTC; the first and last day may exceed them in other time zones. */
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const midnight = (day: string, later: number) => {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const at = new Date(year, month - 1, date + later).getTime();
  return new Date(Math.min(Math.max(at, 0), LATEST)).toISOString();
};

/** The first moment of the day, and the moment after its last: a day can have 23 or 25 hours. */
export const startOf = (day: string) => midnight(day, 0);
export const endOf = (day: string) => midnight(day, 1);

/** The local time zone: `Europe/Berlin`. */
export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
