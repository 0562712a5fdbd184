// What a link, or another token, says that a new token shall be.
import { MAX_DESCRIPTION_LENGTH } from './limits';

/** What is known of what was named, and what is not. */
export interface Partition<Thing> {
  known: Thing[];
  unknown: string[];
}

/** Looks every name up; each is there once. */
export function partitionKnown<Thing>(
  names: readonly string[],
  all: readonly Thing[],
  nameOf: (thing: Thing) => string,
): Partition<Thing> {
  const known: Thing[] = [];
  const unknown: string[] = [];
  for (const name of new Set(names)) {
    const thing = all.find((one) => nameOf(one) === name);
    if (thing) known.push(thing);
    else unknown.push(name);
  }
  return { known, unknown };
}

/** `Deploy bot (copy)`, then `Deploy bot (copy 2)`; never too long. */
export function copyOf(description: string): string {
  const [, name = description, number] = /^(.*) \(copy(?: (\d{1,4}))?\)$/.exec(description) ?? [];
  const end = name === description ? ' (copy)' : ` (copy ${Number(number ?? 1) + 1})`;
  return (
    [...name]
      .slice(0, MAX_DESCRIPTION_LENGTH - end.length)
      .join('')
      .trimEnd() + end
  );
}
