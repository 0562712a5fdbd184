// Times as people read them: how long ago in a word, and exactly, in their own time zone.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * One span in one unit: minutes below an hour, hours below a day, then days. An age is told by the units that are full, as the
 * search means it (`unused:90d`). What is to come is told by the nearest: what was made for 7 days ends in 7 days, a minute later
 * too. Less than a minute is none, either way: clocks differ.
 */
function span(ahead: number): [number, 'minute' | 'hour' | 'day'] {
  const ms = Math.abs(ahead);
  const round = ahead > 0 ? Math.round : Math.floor;
  if (ms < MINUTE) return [0, 'minute'];
  if (round(ms / MINUTE) < 60) return [round(ms / MINUTE), 'minute'];
  if (round(ms / HOUR) < 24) return [round(ms / HOUR), 'hour'];
  return [round(ms / DAY), 'day'];
}

const UNITS = { minute: 'min', hour: 'h', day: 'd' } as const;

/** What stands for a time that no browser can read: it must not take the page along. */
const INVALID = 'invalid time';

/** `97 d`, `3 h`, `5 min`, `now`; future times likewise. */
export function short(at: string, now: number): string {
  const ahead = Date.parse(at) - now;
  if (Number.isNaN(ahead)) return INVALID;
  const [count, unit] = span(ahead);
  return count === 0 ? 'now' : `${count}\u00a0${UNITS[unit]}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** `97 days ago`, `in 3 hours`, `just now`. */
export function long(at: string, now: number): string {
  const ahead = Date.parse(at) - now;
  if (Number.isNaN(ahead)) return INVALID;
  const [count, unit] = span(ahead);
  return count === 0 ? 'just now' : relative.format(ahead < 0 ? -count : count, unit);
}

function formatted(at: string, form: Intl.DateTimeFormatOptions): string {
  const time = Date.parse(at);
  return Number.isNaN(time) ? INVALID : new Intl.DateTimeFormat('en-GB', form).format(time);
}

/** `25 Nov 2026, 22:41:07 GMT+1`: whole seconds, with the zone. */
export function exact(at: string, timeZone?: string): string {
  return formatted(at, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    timeZone,
  });
}

/** `25 Nov, 22:41`: what tells apart things of these days. */
export function moment(at: string, timeZone?: string): string {
  return formatted(at, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
  });
}

/** `25 Nov 2026`. */
export function day(at: string, timeZone?: string): string {
  return formatted(at, { day: 'numeric', month: 'short', year: 'numeric', timeZone });
}
