// Formats times: relative, and exact in the local time zone.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * A duration in one unit: minutes, hours or days. Past times round down, as in the search (`unused:90d`). Future times round
 * to the nearest unit, so that a token created for 7 days expires in 7 days. Less than a minute counts as zero, since clocks
 * differ.
 */
function duration(ahead: number): [number, 'minute' | 'hour' | 'day'] {
  const ms = Math.abs(ahead);
  const round = ahead > 0 ? Math.round : Math.floor;
  if (ms < MINUTE) return [0, 'minute'];
  if (round(ms / MINUTE) < 60) return [round(ms / MINUTE), 'minute'];
  if (round(ms / HOUR) < 24) return [round(ms / HOUR), 'hour'];
  return [round(ms / DAY), 'day'];
}

const UNITS = { minute: 'min', hour: 'h', day: 'd' } as const;

/** Shown for times that the browser cannot parse. */
const INVALID = 'invalid time';

/** `97 d`, `3 h`, `5 min` or `now`. */
export function short(at: string, now: number): string {
  const ahead = Date.parse(at) - now;
  if (Number.isNaN(ahead)) return INVALID;
  const [count, unit] = duration(ahead);
  return count === 0 ? 'now' : `${count}\u00a0${UNITS[unit]}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** `97 days ago`, `in 3 hours` or `just now`. */
export function long(at: string, now: number): string {
  const ahead = Date.parse(at) - now;
  if (Number.isNaN(ahead)) return INVALID;
  const [count, unit] = duration(ahead);
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

/** `25 Nov, 22:41` */
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
