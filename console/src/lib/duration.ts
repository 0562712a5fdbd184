// Durations as text.

/** `40 seconds`, `1 minute`, `3 minutes`, rounded up. */
export function durationText(seconds: number): string {
  const [count, unit] = seconds < 60 ? [Math.max(1, Math.ceil(seconds)), 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
