// How long somebody has to wait, in words.

/** `40 seconds`, `1 minute`, `3 minutes`: never less than it is. */
export function durationText(seconds: number): string {
  const [count, unit] = seconds < 60 ? [Math.max(1, Math.ceil(seconds)), 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
