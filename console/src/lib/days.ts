// Days as people mean them: from one midnight to the next, where they are.

/** `2026-11-25`, of a calendar that computers have known. */
export function isDay(text: string | undefined): text is string {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '') ?? [];
  if (!year || Number(year) < 1970) return false;
  const at = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  return at.toISOString().startsWith(text!);
}

const midnight = (day: string, later: number) => {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + later).toISOString();
};

/** The first moment of that day, and the moment after its last: a day may have 23 or 25 hours. */
export const startOf = (day: string) => midnight(day, 0);
export const endOf = (day: string) => midnight(day, 1);

/** Where they are, as far as the browser knows: `Europe/Berlin`. */
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
