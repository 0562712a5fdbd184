// Times as people read them: how long ago in a word, and exactly, in their own time zone.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** One span in whole units: minutes below an hour, hours below a day, then days. */
function span(ms: number): [number, 'minute' | 'hour' | 'day'] {
  if (ms < HOUR) return [Math.floor(ms / MINUTE), 'minute'];
  if (ms < DAY) return [Math.floor(ms / HOUR), 'hour'];
  return [Math.floor(ms / DAY), 'day'];
}

/** `97d`, `3h`, `5m`, `now`; what is to come likewise. */
export function short(at: string, now: number): string {
  const [count, unit] = span(Math.abs(now - Date.parse(at)));
  return count === 0 ? 'now' : `${count}${unit.charAt(0)}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' });

/** `97 days ago`, `in 3 hours`, `just now`. */
export function long(at: string, now: number): string {
  const ahead = Date.parse(at) - now;
  const [count, unit] = span(Math.abs(ahead));
  return count === 0 ? 'just now' : relative.format(ahead < 0 ? -count : count, unit);
}

/** `25 Nov 2026, 22:41:07 GMT+1`: whole seconds, with the zone. */
export function exact(at: string, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    timeZone,
  }).format(new Date(at));
}

/** `25 Nov 2026`. */
export function day(at: string, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone }).format(new Date(at));
}
